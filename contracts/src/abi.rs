//! Typed bindings: calls, results, events and errors of the contracts.
//!
//! Semantics, units and errors are documented in `solidity/interfaces`; a test compares every selector and topic here
//! with the compiler's ABI.

pub use bounty::ModelBounty;
pub use bridged_token::BridgedToken;
pub use escrow::JobEscrow;
pub use exchange::ExchangeSettlement;
pub use minter::AITokenMinter;
pub use staking::Staking;
pub use test_dollar::TestDollar;
pub use token::AIToken;

mod bounty;
mod bridged_token;
mod escrow;
mod exchange;
mod staking;
mod test_dollar;

mod minter {
    alloy_sol_types::sol! {
        /// The only source of AIT.
        #[derive(Debug, PartialEq, Eq)]
        contract AITokenMinter {
            struct JobReceipt { bytes32 receiptHash; bytes16 jobId; string taskRole; address provider; address client; uint256 units; string unitType; uint256 unitPrice; uint64 expiresAt; }
            struct SignedJobReceipt { JobReceipt receipt; bytes minerSignature; bytes[] attesterSignatures; }
            struct UnitPriceLimit { string unitType; uint256 maxUnitPrice; }
            struct Hold { address provider; uint256 dueUnix; }
            struct Parameters { address[] attesters; uint8 attesterThreshold; uint64 epochSeconds; uint128 epochCap; uint128 providerEpochCap; uint64 holdSeconds; UnitPriceLimit[] maxUnitPrices; }

            event Minted(address indexed provider, uint256 amount, bytes32 indexed receiptHash);
            event ReceiptSkipped(bytes32 indexed receiptHash);
            event Held(address indexed provider, uint256 amount, uint256 indexed dueUnix, bytes32 indexed receiptHash);
            event Released(address indexed provider, uint256 amount, uint256 indexed dueUnix);
            event Voided(address indexed provider, uint256 amount, bytes32 indexed receiptHash, string reason);
            event AttesterAdded(address indexed attester);
            event AttesterRemoved(address indexed attester);
            event AttesterThresholdChanged(uint256 threshold);
            event EpochLengthChanged(uint256 epochSeconds);
            event EpochCapChanged(uint256 epochCap);
            event ProviderEpochCapChanged(uint256 providerEpochCap);
            event HoldChanged(uint256 holdSeconds);
            event MaxUnitPriceChanged(string unitType, uint256 maxUnitPrice);
            event Paused(address account);
            event Unpaused(address account);
            event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
            event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
            event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
            event EIP712DomainChanged();

            error ReceiptAlreadyUsed(bytes32 receiptHash);
            error ReceiptExpired(bytes32 receiptHash, uint256 expiresAt, uint256 timestamp);
            error UnitPriceAboveMaximum(bytes32 receiptHash, uint256 unitPrice, uint256 maximum);
            error InvalidMinerSignature(bytes32 receiptHash, address recovered, address provider);
            error InvalidAttesterSignature(bytes32 receiptHash, address recovered);
            error AttestersNotAscending(bytes32 receiptHash, address previous, address signer);
            error TooFewAttestations(bytes32 receiptHash, uint256 given, uint256 threshold);
            error EpochCapExceeded(bytes32 receiptHash, uint256 amount, uint256 remaining);
            error ProviderCapExceeded(bytes32 receiptHash, address provider, uint256 amount, uint256 remaining);
            error HoldNotDue(address provider, uint256 dueUnix, uint256 timestamp);
            error ReceiptNotHeld(bytes32 receiptHash);
            error VoidReasonTooLong(uint256 given, uint256 maximum);
            error HoldTooLong(uint256 holdSeconds, uint256 maximum);
            error SafeERC20FailedOperation(address token);
            error BatchTooLarge(uint256 given, uint256 maximum);
            error NotEscrow(address caller, address escrow);
            error ZeroAddress();
            error AttesterAlreadyAdded(address attester);
            error UnknownAttester(address attester);
            error TooManyAttesters(uint256 maximum);
            error AttesterThresholdOutOfRange(uint256 threshold, uint256 attesterCount);
            error EpochLengthOutOfRange(uint256 epochSeconds, uint256 minimum, uint256 maximum);
            error AccessControlBadConfirmation();
            error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
            error EnforcedPause();
            error ExpectedPause();
            error ReentrancyGuardReentrantCall();
            error InvalidShortString();
            error StringTooLong(string str);

            constructor(address token_, address escrow_, address admin, Parameters parameters);

            function mintWithReceipt(JobReceipt receipt, bytes minerSignature, bytes[] attesterSignatures) external returns (uint256 amount);
            function mintBatch(SignedJobReceipt[] receipts) external returns (uint256 amount);
            function useReceipt(bytes32 structHash) external returns (bool isFirstUse);

            function release(Hold[] holds) external returns (uint256 amount);
            function voidReceipt(JobReceipt receipt, uint256 dueUnix, string reason, bytes[] attesterSignatures) external returns (uint256 amount);

            function pause() external;
            function unpause() external;
            function addAttester(address attester) external;
            function removeAttester(address attester) external;
            function setAttesterThreshold(uint8 threshold) external;
            function setEpochSeconds(uint64 epochSeconds_) external;
            function setEpochCap(uint128 epochCap_) external;
            function setProviderEpochCap(uint128 providerEpochCap_) external;
            function setHoldSeconds(uint64 holdSeconds_) external;
            function setMaxUnitPrice(string unitType, uint256 maxUnitPrice_) external;

            function grantRole(bytes32 role, address account) external;
            function revokeRole(bytes32 role, address account) external;
            function renounceRole(bytes32 role, address callerConfirmation) external;
            function hasRole(bytes32 role, address account) external view returns (bool);
            function getRoleAdmin(bytes32 role) external view returns (bytes32);
            function supportsInterface(bytes4 interfaceId) external view returns (bool);

            function token() external view returns (address);
            function escrow() external view returns (address);
            function usedReceipt(bytes32 structHash) external view returns (bool);
            function voidedReceipt(bytes32 structHash) external view returns (bool);
            function heldOf(address provider) external view returns (uint256);
            function heldUntil(address provider, uint256 dueUnix) external view returns (uint256);
            function remainingOf(address provider) external view returns (uint256);
            function voidDigest(bytes32 receiptHash, string reason) external view returns (bytes32);
            function receiptDigest(JobReceipt receipt) external view returns (bytes32);
            function attesters() external view returns (address[]);
            function isAttester(address account) external view returns (bool);
            function attesterThreshold() external view returns (uint256);
            function currentEpoch() external view returns (uint256 startUnix, uint256 endUnix, uint256 minted, uint256 remaining);
            function epochSeconds() external view returns (uint256);
            function epochCap() external view returns (uint256);
            function providerEpochCap() external view returns (uint256);
            function holdSeconds() external view returns (uint256);
            function maxUnitPrice(string unitType) external view returns (uint256);
            function paused() external view returns (bool);
            function eip712Domain() external view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions);

            function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
            function ATTESTER_MANAGER_ROLE() external view returns (bytes32);
            function PAUSER_ROLE() external view returns (bytes32);
            function PARAMETER_SETTER_ROLE() external view returns (bytes32);
            function MAX_ATTESTERS() external view returns (uint256);
            function MAX_BATCH_RECEIPTS() external view returns (uint256);
            function MIN_EPOCH_SECONDS() external view returns (uint256);
            function MAX_EPOCH_SECONDS() external view returns (uint256);
            function MAX_HOLD_SECONDS() external view returns (uint256);
            function MAX_VOID_REASON_BYTES() external view returns (uint256);
            function MICRO_UNITS_PER_UNIT() external view returns (uint256);
        }
    }
}

mod token {
    alloy_sol_types::sol! {
        /// AIT: ERC-20, ERC-2612 permit, ERC-5805 votes on Unix seconds.
        #[derive(Debug, PartialEq, Eq)]
        contract AIToken {
            struct Checkpoint208 { uint48 _key; uint208 _value; }

            event Transfer(address indexed from, address indexed to, uint256 value);
            event Approval(address indexed owner, address indexed spender, uint256 value);
            event DelegateChanged(address indexed delegator, address indexed fromDelegate, address indexed toDelegate);
            event DelegateVotesChanged(address indexed delegate, uint256 previousVotes, uint256 newVotes);
            event EIP712DomainChanged();

            error NotMinter(address caller, address minter);
            error ZeroMinter();
            error ERC20ExceededSafeSupply(uint256 increasedSupply, uint256 cap);
            error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
            error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
            error ERC20InvalidApprover(address approver);
            error ERC20InvalidReceiver(address receiver);
            error ERC20InvalidSender(address sender);
            error ERC20InvalidSpender(address spender);
            error ERC2612ExpiredSignature(uint256 deadline);
            error ERC2612InvalidSigner(address signer, address owner);
            error ERC5805FutureLookup(uint256 timepoint, uint48 clock);
            error VotesExpiredSignature(uint256 expiry);
            error InvalidAccountNonce(address account, uint256 currentNonce);
            error CheckpointUnorderedInsertion();
            error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);
            error ECDSAInvalidSignature();
            error ECDSAInvalidSignatureLength(uint256 length);
            error ECDSAInvalidSignatureS(bytes32 s);
            error InvalidShortString();
            error StringTooLong(string str);

            constructor(address minter_);

            function mint(address account, uint256 amount) external;
            function burn(uint256 amount) external;
            function minter() external view returns (address);

            function name() external view returns (string);
            function symbol() external view returns (string);
            function decimals() external view returns (uint8);
            function totalSupply() external view returns (uint256);
            function balanceOf(address account) external view returns (uint256);
            function transfer(address to, uint256 value) external returns (bool);
            function approve(address spender, uint256 value) external returns (bool);
            function allowance(address owner, address spender) external view returns (uint256);
            function transferFrom(address from, address to, uint256 value) external returns (bool);

            function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
            function nonces(address owner) external view returns (uint256);
            function DOMAIN_SEPARATOR() external view returns (bytes32);
            function eip712Domain() external view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions);

            function clock() external view returns (uint48);
            function CLOCK_MODE() external view returns (string);
            function delegate(address delegatee) external;
            function delegateBySig(address delegatee, uint256 nonce, uint256 expiry, uint8 v, bytes32 r, bytes32 s) external;
            function delegates(address account) external view returns (address);
            function getVotes(address account) external view returns (uint256);
            function getPastVotes(address account, uint256 timepoint) external view returns (uint256);
            function getPastTotalSupply(uint256 timepoint) external view returns (uint256);
            function numCheckpoints(address account) external view returns (uint32);
            function checkpoints(address account, uint32 pos) external view returns (Checkpoint208);
        }
    }
}
