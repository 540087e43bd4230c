#![expect(clippy::too_many_arguments, reason = "an event has as many fields as the contract gives it")]

alloy_sol_types::sol! {
    /// Holds what traders deposit, and moves it by fills of orders that they signed.
    #[derive(Debug, PartialEq, Eq)]
    contract ExchangeSettlement {
        enum Side { Buy, Sell }
        enum TimeInForce { GoodTilTime, ImmediateOrCancel, FillOrKill, PostOnly }
        enum Trigger { None, AtOrAbove, AtOrBelow }

        struct Listing { address base; address quote; uint64 baseUnitsPerLot; uint64 quoteUnitsPerTick; uint16 makerFeeBasisPoints; uint16 takerFeeBasisPoints; uint64 orderLotsMax; uint128 notionalMin; }
        struct Market { Listing listing; bool isClosed; uint64 lastTrade; }
        struct ExchangeOrder { address trader; Side side; TimeInForce timeInForce; uint128 amount; uint128 limitPrice; Trigger trigger; uint128 triggerPrice; uint16 maxFeeBasisPoints; uint64 expiresAt; uint64 epoch; uint64 nonce; }
        struct SignedOrder { ExchangeOrder order; bytes signature; }
        struct Fill { uint16 maker; uint16 taker; uint128 baseAmount; uint128 quoteAmount; }
        struct Delegation { address delegate; uint64 expiresAt; bool isRevoked; }
        struct Withdrawal { address trader; address asset; uint128 amount; uint64 expiresAt; uint64 nonce; }

        event DelegateAdded(address indexed trader, address indexed delegate, uint256 expiresAt);
        event DelegateRevoked(address indexed trader, address indexed delegate, uint256 expiresAt);
        event Deposited(address indexed trader, address indexed asset, uint256 amount);
        event EIP712DomainChanged();
        event EpochRaised(address indexed trader, uint64 epoch, uint256 effectiveAt);
        event ExitCancelled(address indexed trader);
        event ExitRequested(address indexed trader, uint256 exitAt);
        event Exited(address indexed trader, address indexed asset, uint256 amount);
        event FeeRecipientChanged(address recipient);
        event FeesCollected(address indexed recipient, address indexed asset, uint256 amount);
        event Filled(uint16 indexed market, uint64 indexed trade, address buyer, address seller, uint256 baseAmount, uint256 quoteAmount, uint256 buyerFee, uint256 sellerFee);
        event MarketClosed(uint16 indexed market);
        event MarketListed(uint16 indexed market, Listing listing);
        event Paused(address account);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event Unpaused(address account);
        event Withdrawn(address indexed trader, address indexed asset, uint256 amount, uint64 nonce);

        error AccessControlBadConfirmation();
        error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
        error AssetNotListed(address asset);
        error BatchTooLarge(uint256 given, uint256 maximum);
        error DelegateIsTrader(address delegate);
        error DelegationOutOfRange(uint256 given, uint256 minimum, uint256 maximum);
        error DelegationOver(bytes32 digest, address delegate, uint256 expiresAt, uint256 timestamp);
        error DepositNotWhole(address asset, uint256 amount, uint256 received);
        error EmptyFill(uint64 trade);
        error EnforcedPause();
        error ExitAlreadyRequested(uint256 exitAt);
        error ExitDelayOutOfRange(uint256 given, uint256 minimum, uint256 maximum);
        error ExitNotRequested();
        error ExpectedPause();
        error FeeAboveOrder(uint64 trade, bytes32 digest, uint256 feeBasisPoints, uint256 maximum);
        error InsufficientBalance(address trader, address asset, uint256 available, uint256 needed);
        error InvalidShortString();
        error InvalidSignature(bytes32 digest, address trader);
        error ListingOutOfRange(string field, uint256 given, uint256 minimum, uint256 maximum);
        error NonceAlreadyUsed(address trader, uint64 nonce);
        error NotADelegate(address trader, address delegate);
        error OrderEpochOver(bytes32 digest, uint64 epoch, uint64 traderEpoch);
        error OrderExpired(bytes32 digest, uint256 expiresAt, uint256 timestamp);
        error OrderOverfilled(uint64 trade, bytes32 digest, uint256 amount, uint256 remaining);
        error OrdersNotAscending(bytes32 previous, bytes32 digest);
        error PermitRefused(address trader, bytes reason);
        error PostOnlyTakes(uint64 trade);
        error PriceOutsideLimit(uint64 trade, bytes32 digest);
        error ReentrancyGuardReentrantCall();
        error SafeERC20FailedOperation(address token);
        error SameAsset(address asset);
        error SameSide(uint64 trade);
        error SelfTrade(uint64 trade, address trader);
        error StringTooLong(string str);
        error TooEarlyToExit(uint256 exitAt, uint256 timestamp);
        error TooManyAssets(uint256 maximum);
        error TooManyDelegates(uint256 maximum);
        error TooManyMarkets(uint256 maximum);
        error TradeAlreadySettled(uint64 firstTrade, uint64 lastTrade);
        error TraderExited(address trader, uint256 exitAt);
        error UnknownMarket(uint16 market);
        error WithdrawalExpired(uint256 expiresAt, uint256 timestamp);
        error ZeroAddress();

        constructor(address admin, address settler, address feeRecipient_, uint256 exitDelaySeconds_, Listing[] listings);

        function BASIS_POINTS() external view returns (uint256);
        function DEFAULT_ADMIN_ROLE() external view returns (bytes32);
        function LISTER_ROLE() external view returns (bytes32);
        function MAX_ASSETS() external view returns (uint256);
        function MAX_BATCH_FILLS() external view returns (uint256);
        function MAX_BATCH_ORDERS() external view returns (uint256);
        function MAX_DELEGATES() external view returns (uint256);
        function MAX_DELEGATION_SECONDS() external view returns (uint256);
        function MAX_EXIT_DELAY_SECONDS() external view returns (uint256);
        function MAX_FEE_BASIS_POINTS() external view returns (uint256);
        function MAX_MARKETS() external view returns (uint256);
        function MAX_ORDER_LOTS() external view returns (uint256);
        function MAX_UNITS_PER_STEP() external view returns (uint256);
        function MIN_EXIT_DELAY_SECONDS() external view returns (uint256);
        function PARAMETER_SETTER_ROLE() external view returns (bytes32);
        function PAUSER_ROLE() external view returns (bytes32);
        function SETTLER_ROLE() external view returns (bytes32);
        function WALLET_GAS() external view returns (uint256);
        function accruedFees(address asset) external view returns (uint256);
        function addDelegate(address delegate, uint64 expiresAt) external;
        function assets() external view returns (address[]);
        function balanceOf(address trader, address asset) external view returns (uint256);
        function cancelAll() external returns (uint64 epoch);
        function cancelExit() external;
        function closeMarket(uint16 number) external;
        function collectFees(address asset) external returns (uint256 amount);
        function delegationOf(address trader, address delegate) external view returns (Delegation);
        function delegationsOf(address trader) external view returns (Delegation[]);
        function deposit(address asset, uint256 amount) external;
        function depositWithPermit(address trader, address asset, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function eip712Domain() external view returns (bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt, uint256[] extensions);
        function epochOf(address trader) external view returns (uint64 epoch, uint64 nextEpoch, uint256 nextEpochAt);
        function exit(address asset) external returns (uint256 amount);
        function exitAtOf(address trader) external view returns (uint256);
        function exitDelaySeconds() external view returns (uint256);
        function feeRecipient() external view returns (address);
        function filledOf(bytes32 digest) external view returns (uint256);
        function getRoleAdmin(bytes32 role) external view returns (bytes32);
        function grantRole(bytes32 role, address account) external;
        function hasRole(bytes32 role, address account) external view returns (bool);
        function isNonceUsed(address trader, uint64 nonce) external view returns (bool);
        function isSignedByContract(address trader, bytes32 digest, bytes signature) external view returns (bool);
        function listMarket(Listing listing) external returns (uint16);
        function market(uint16 number) external view returns (Market);
        function marketCount() external view returns (uint16);
        function orderDigest(uint16 market_, ExchangeOrder order) external view returns (bytes32);
        function pause() external;
        function paused() external view returns (bool);
        function renounceRole(bytes32 role, address callerConfirmation) external;
        function requestExit() external returns (uint256 exitAt);
        function revokeDelegate(address delegate) external returns (uint64 expiresAt);
        function revokeRole(bytes32 role, address account) external;
        function setFeeRecipient(address recipient) external;
        function settle(uint16 market_, uint64 firstTrade, SignedOrder[] orders, Fill[] fills) external;
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function unpause() external;
        function withdraw(Withdrawal withdrawal, bytes signature) external;
        function withdrawalDigest(Withdrawal withdrawal) external view returns (bytes32);
    }
}
