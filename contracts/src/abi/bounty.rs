alloy_sol_types::sol! {
    /// AIT pledged for models, earned by their first receipts.
    #[derive(Debug, PartialEq, Eq)]
    contract ModelBounty {
        enum ClaimState { Absent, Waiting, Paid, Dropped }

        struct Terms { bytes32 modelDigest; uint32 receipts; uint128 reward; uint128 minWork; uint64 expiresAt; }
        struct Bounty { address pledger; uint64 pledgedAt; uint32 waiting; uint32 paid; uint32 refunded; Terms terms; }
        struct JobReceipt { bytes32 receiptHash; bytes16 jobId; string taskRole; address provider; address client; uint256 units; string unitType; uint256 unitPrice; uint64 expiresAt; }
        struct Claim { address provider; bytes32 receiptHash; uint64 dueUnix; ClaimState state; }

        event ClaimDropped(uint256 indexed bountyId, address indexed provider, bytes32 indexed receiptHash, string reason);
        event Claimed(uint256 indexed bountyId, address indexed provider, bytes32 indexed receiptHash, uint64 dueUnix);
        event Pledged(uint256 indexed bountyId, address indexed pledger, bytes32 indexed modelDigest, uint32 receipts, uint128 reward, uint128 minWork, uint64 expiresAt);
        event Refunded(uint256 indexed bountyId, address indexed pledger, uint256 amount);
        event RewardPaid(uint256 indexed bountyId, address indexed provider, uint256 amount);

        error AttestersNotAscending(bytes32 receiptHash, address previous, address signer);
        error BountyExpired(uint256 bountyId, uint256 expiresAt, uint256 timestamp);
        error BountyNotExpired(uint256 bountyId, uint256 expiresAt, uint256 timestamp);
        error ClaimNotDue(uint256 bountyId, address provider, uint256 dueUnix, uint256 timestamp);
        error ClaimNotWaiting(uint256 bountyId, address provider, ClaimState state);
        error DocumentTooLong(uint256 given, uint256 maximum);
        error DocumentUnreadable(uint256 position);
        error ExpiryOutOfRange(uint256 expiresAt, uint256 earliest, uint256 latest);
        error InvalidAttesterSignature(bytes32 receiptHash, address recovered);
        error ListTooLong(uint256 given, uint256 maximum);
        error MinWorkTooSmall(uint256 minWork, uint256 minimum);
        error NoRewardLeft(uint256 bountyId);
        error NotMinted(bytes32 receiptHash, address payer, address minter);
        error NotServed(bytes32 receiptHash);
        error NotProvider(address caller, address provider);
        error NothingToRefund(uint256 bountyId);
        error OtherDocument(bytes32 receiptHash, bytes32 documentHash);
        error OtherModel(bytes32 receiptHash, bytes32 stated, bytes32 wanted);
        error PermitRefused(address pledger, bytes reason);
        error PledgerCannotEarn(uint256 bountyId, address pledger);
        error ProviderAlreadyClaimed(uint256 bountyId, address provider);
        error ReasonTooLong(uint256 given, uint256 maximum);
        error ReceiptAlreadyClaimed(bytes32 receiptHash);
        error ReceiptCountOutOfRange(uint256 receipts, uint256 maximum);
        error ReceiptNotSettled(bytes32 receiptHash);
        error ReceiptVoided(bytes32 receiptHash);
        error ReentrancyGuardReentrantCall();
        error RewardTooSmall(uint256 reward, uint256 minimum);
        error SafeERC20FailedOperation(address token);
        error TooFewAttestations(bytes32 receiptHash, uint256 given, uint256 threshold);
        error UnknownBounty(uint256 bountyId);
        error WorkBeforePledge(bytes32 receiptHash, uint256 startedAt, uint256 pledgedAt);
        error WorkTooSmall(bytes32 receiptHash, uint256 work, uint256 minWork);
        error ZeroAddress();
        error ZeroModelDigest();

        constructor(address token_, address minter_);

        function claim(uint256 bountyId, JobReceipt receipt, bytes document) external returns (uint64 dueUnix);
        function pledge(Terms terms) external returns (uint256 bountyId);
        function pledgeWithPermit(Terms terms, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external returns (uint256 bountyId);
        function refund(uint256 bountyId) external returns (uint256 amount);
        function reject(uint256 bountyId, address provider, string reason, bytes[] attesterSignatures) external;
        function settle(uint256 bountyId, address provider) external returns (uint256 amount);

        function bounties(uint256[] bountyIds) external view returns (Bounty[] memory);
        function bountiesOf(bytes32 modelDigest, uint256 before) external view returns (uint256[] memory);
        function bountyCount() external view returns (uint256);
        function bountyOfReceipt(bytes32 receiptHash) external view returns (uint256);
        function claimOf(uint256 bountyId, address provider) external view returns (Claim memory);
        function claimsOf(uint256 bountyId, uint256 from) external view returns (Claim[] memory);
        function minter() external view returns (address);
        function token() external view returns (address);

        function MAX_BOUNTY_SECONDS() external view returns (uint256);
        function MAX_DOCUMENT_BYTES() external view returns (uint256);
        function MAX_LISTED() external view returns (uint256);
        function MAX_REASON_BYTES() external view returns (uint256);
        function MAX_RECEIPTS() external view returns (uint256);
        function MICRO_UNITS_PER_UNIT() external view returns (uint256);
        function MIN_BOUNTY_SECONDS() external view returns (uint256);
        function MIN_REWARD() external view returns (uint256);
        function MIN_WORK() external view returns (uint256);
    }
}
