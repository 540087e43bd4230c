alloy_sol_types::sol! {
    /// Holds the deposits of clients and pays miners from them.
    #[derive(Debug, PartialEq, Eq)]
    contract JobEscrow {
        enum ReservationState { Absent, Open, Closed, Cancelled }
        enum CloseReason { Completed, Cancelled, Failed, SlaBreached, Reclaimed }

        struct JobReceipt { bytes32 receiptHash; bytes16 jobId; string taskRole; address provider; address client; uint256 units; string unitType; uint256 unitPrice; uint64 expiresAt; }
        struct SignedJobReceipt { JobReceipt receipt; bytes minerSignature; bytes[] attesterSignatures; }
        struct PaymentOrder { bytes16 jobId; address client; address hub; uint128 maxTotal; uint128 maxUnitPrice; string unitType; uint16 tasks; uint32 startWithinSeconds; uint32 finishWithinSeconds; uint64 expiresAt; }
        struct Reservation { address hub; ReservationState state; uint16 feeBasisPoints; uint16 tasks; uint16 settledTasks; uint40 reservedAt; uint128 remaining; uint64 expiresAt; uint32 startWithinSeconds; uint32 finishWithinSeconds; uint128 reserved; uint128 maxUnitPrice; bytes32 unitTypeHash; uint256 settledBits; }
        struct ReservationClosing { address client; bytes16 jobId; uint8 reason; }
        struct FeeRecipient { address account; uint16 basisPoints; }
        struct Parameters { uint16 feeBasisPoints; FeeRecipient[] feeRecipients; }

        event Deposited(address indexed client, uint256 amount);
        event Withdrawn(address indexed client, uint256 amount);
        event Reserved(address indexed client, bytes16 indexed jobId, address indexed hub, uint256 amount, uint64 expiresAt, bytes32 orderHash);
        event OrderCancelled(address indexed client, bytes16 indexed jobId);
        event Settled(bytes32 indexed receiptHash, address indexed provider, address indexed client, bytes16 jobId, uint256 paid, uint256 fee);
        event ReceiptSkipped(bytes32 indexed receiptHash);
        event ReservationClosed(address indexed client, bytes16 indexed jobId, CloseReason reason, uint256 refund);
        event FeePaid(address indexed recipient, uint256 amount);
        event FeeChanged(uint256 feeBasisPoints);
        event FeeRecipientsChanged(FeeRecipient[] recipients);
        event Paused(address account);
        event Unpaused(address account);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event EIP712DomainChanged();

        error InsufficientBalance(address client, uint256 available, uint256 needed);
        error PermitRefused(address client, bytes reason);
        error NotHubOfOrder(address caller, address hub);
        error HubNotAttester(address hub);
        error OrderAlreadyUsed(address client, bytes16 jobId, ReservationState state);
        error OrderExpiryOutOfRange(uint256 expiresAt, uint256 timestamp, uint256 latest);
        error TaskCountOutOfRange(uint256 tasks, uint256 maximum);
        error InvalidClientSignature(address recovered, address client);
        error ReservationNotOpen(address client, bytes16 jobId, ReservationState state);
        error UnitTypeNotOrdered(bytes32 receiptHash, string unitType);
        error UnitPriceAboveOrder(bytes32 receiptHash, uint256 unitPrice, uint256 maximum);
        error TaskNotOrdered(bytes32 receiptHash, string taskRole, uint256 tasks);
        error TaskAlreadySettled(bytes32 receiptHash, string taskRole);
        error AmountAboveReservation(bytes32 receiptHash, uint256 amount, uint256 remaining);
        error HubSignatureMissing(bytes32 receiptHash, address hub);
        error ReasonNotForAttesters(CloseReason reason);
        error SlaNotBreached(uint256 promisedUntil, uint256 timestamp);
        error TooEarlyToReclaim(uint256 reclaimableAt, uint256 timestamp);
        error FeeTooHigh(uint256 feeBasisPoints, uint256 maximum);
        error FeeRecipientCountOutOfRange(uint256 count, uint256 maximum);
        error FeeRecipientsNotAscending(address previous, address account);
        error FeePartsInvalid(uint256 total);
        error ReceiptAlreadyUsed(bytes32 receiptHash);
        error ReceiptExpired(bytes32 receiptHash, uint256 expiresAt, uint256 timestamp);
        error InvalidMinerSignature(bytes32 receiptHash, address recovered, address provider);
        error InvalidAttesterSignature(bytes32 receiptHash, address recovered);
        error AttestersNotAscending(bytes32 receiptHash, address previous, address signer);
        error TooFewAttestations(bytes32 receiptHash, uint256 given, uint256 threshold);
        error BatchTooLarge(uint256 given, uint256 maximum);
        error ZeroAddress();
        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error EnforcedPause();
        error ExpectedPause();
        error ReentrancyGuardReentrantCall();
        error SafeERC20FailedOperation(address token);
        error InvalidShortString();
        error StringTooLong(string str);

        constructor(address token_, address minter_, address admin, Parameters parameters);

        function deposit(uint256 amount) external;
        function depositWithPermit(address client, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function withdraw(uint256 amount) external;
        function reserve(PaymentOrder order, bytes clientSignature) external;
        function cancelOrder(bytes16 jobId) external;
        function settle(JobReceipt receipt, bytes minerSignature, bytes[] attesterSignatures) external returns (uint256 amount);
        function settleBatch(SignedJobReceipt[] receipts) external returns (uint256 amount);
        function close(address client, bytes16 jobId, CloseReason reason, bytes[] attesterSignatures) external returns (uint256 refund);
        function reclaim(bytes16 jobId) external returns (uint256 refund);
        function distributeFees() external returns (uint256 paid);

        function pause() external;
        function unpause() external;
        function setFee(uint16 feeBasisPoints_) external;
        function setFeeRecipients(FeeRecipient[] recipients) external;

        function grantRole(bytes32 role, address account) external;
        function revokeRole(bytes32 role, address account) external;
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function supportsInterface(bytes4 interfaceId) external view returns (bool);

        function token() external view returns (address);
        function minter() external view returns (address);
        function balanceOf(address client) external view returns (uint256);
        function reservation(address client, bytes16 jobId) external view returns (Reservation);
        function orderDigest(PaymentOrder order) external view returns (bytes32);
        function receiptDigest(JobReceipt receipt) external view returns (bytes32);
        function closingDigest(address client, bytes16 jobId, CloseReason reason) external view returns (bytes32);
        function feeBasisPoints() external view returns (uint256);
        function feeRecipients() external view returns (FeeRecipient[]);
        function accruedFees() external view returns (uint256);
        function paused() external view returns (bool);
        function eip712Domain() external view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions);

        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function PAUSER_ROLE() external view returns (bytes32);
        function PARAMETER_SETTER_ROLE() external view returns (bytes32);
        function MAX_BATCH_RECEIPTS() external view returns (uint256);
        function MAX_TASKS() external view returns (uint256);
        function MAX_ORDER_SECONDS() external view returns (uint256);
        function EXIT_DELAY_SECONDS() external view returns (uint256);
        function MAX_FEE_BASIS_POINTS() external view returns (uint256);
        function MAX_FEE_RECIPIENTS() external view returns (uint256);
        function BASIS_POINTS() external view returns (uint256);
        function MICRO_UNITS_PER_UNIT() external view returns (uint256);
    }
}
