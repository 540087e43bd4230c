// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Listing, Market} from "../libraries/ExchangeMarkets.sol";
import {ExchangeOrder} from "../libraries/ExchangeOrders.sol";
import {Delegation} from "../libraries/TradingKeys.sol";

/// @title Holds what traders deposit, and moves it only by orders that they signed
/// @notice A trader deposits, signs orders, and the operator matches them. Every fill is checked here against both
/// signed orders. The operator chooses which orders meet, and can do nothing else with a balance. A trader whose
/// operator is gone requests an exit and, {exitDelaySeconds} later, takes everything out alone.
/// @dev Amounts are in an asset's smallest units, times in Unix seconds. Blocks come on demand, so every delay counts
/// `block.timestamp`.
interface IExchangeSettlement {
    struct SignedOrder {
        ExchangeOrder order;
        bytes signature;
    }

    /// @notice One trade between two orders of a batch.
    /// @param maker Position in the batch of the order that waited. It pays the maker's fee.
    /// @param taker Position in the batch of the order that came.
    struct Fill {
        uint16 maker;
        uint16 taker;
        uint128 baseAmount;
        uint128 quoteAmount;
    }

    /// @notice A trader's word that the operator may pay out `amount`. Its `nonce` counts among those of orders.
    struct Withdrawal {
        address trader;
        address asset;
        uint128 amount;
        uint64 expiresAt;
        uint64 nonce;
    }

    event MarketListed(uint16 indexed market, Listing listing);
    event MarketClosed(uint16 indexed market);
    event Deposited(address indexed trader, address indexed asset, uint256 amount);
    event Withdrawn(address indexed trader, address indexed asset, uint256 amount, uint64 nonce);

    /// @notice A trade is final. Each fee is in the asset that its trader receives.
    event Filled(
        uint16 indexed market,
        uint64 indexed trade,
        address buyer,
        address seller,
        uint256 baseAmount,
        uint256 quoteAmount,
        uint256 buyerFee,
        uint256 sellerFee
    );

    /// @notice From `effectiveAt` on, orders of an epoch below `epoch` are void.
    event EpochRaised(address indexed trader, uint64 epoch, uint256 effectiveAt);

    /// @notice Until `expiresAt`, orders count that the delegate signed for the trader.
    event DelegateAdded(address indexed trader, address indexed delegate, uint256 expiresAt);

    /// @notice No new order of the delegate's counts. What was matched before settles until `expiresAt`.
    event DelegateRevoked(address indexed trader, address indexed delegate, uint256 expiresAt);
    event ExitRequested(address indexed trader, uint256 exitAt);
    event ExitCancelled(address indexed trader);
    event Exited(address indexed trader, address indexed asset, uint256 amount);
    event FeesCollected(address indexed recipient, address indexed asset, uint256 amount);
    event FeeRecipientChanged(address recipient);

    error ZeroAddress();

    /// @notice The delay must lie from `minimum` to `maximum`.
    error ExitDelayOutOfRange(uint256 given, uint256 minimum, uint256 maximum);
    error UnknownMarket(uint16 market);

    /// @notice No market trades the asset.
    error AssetNotListed(address asset);
    error TooManyMarkets(uint256 maximum);
    error TooManyAssets(uint256 maximum);
    error SameAsset(address asset);

    /// @notice A rule of the listing lies outside its range.
    error ListingOutOfRange(string field, uint256 given, uint256 minimum, uint256 maximum);

    /// @notice The asset credited `received` where `amount` was to be deposited.
    error DepositNotWhole(address asset, uint256 amount, uint256 received);

    /// @notice The token refused the permit with `reason`, and no earlier allowance covers the deposit.
    error PermitRefused(address trader, bytes reason);
    error InsufficientBalance(address trader, address asset, uint256 available, uint256 needed);

    /// @notice The signature is not the trader's: for an order by its key or a delegate's, else by its key or by ERC-1271.
    error InvalidSignature(bytes32 digest, address trader);

    /// @notice The key that signed may not sign for the trader any more.
    error DelegationOver(bytes32 digest, address delegate, uint256 expiresAt, uint256 timestamp);

    /// @notice A trader's own key signs for it anyway.
    error DelegateIsTrader(address delegate);

    error NonceAlreadyUsed(address trader, uint64 nonce);
    error WithdrawalExpired(uint256 expiresAt, uint256 timestamp);

    /// @notice Trades settle by ascending numbers, so none settles twice.
    error TradeAlreadySettled(uint64 firstTrade, uint64 lastTrade);
    error BatchTooLarge(uint256 given, uint256 maximum);

    /// @notice A batch names each order once, by ascending digest.
    error OrdersNotAscending(bytes32 previous, bytes32 digest);
    error OrderExpired(bytes32 digest, uint256 expiresAt, uint256 timestamp);
    error OrderEpochOver(bytes32 digest, uint64 epoch, uint64 traderEpoch);

    /// @notice The trader has left by itself.
    error TraderExited(address trader, uint256 exitAt);
    error EmptyFill(uint64 trade);
    error SelfTrade(uint64 trade, address trader);
    error SameSide(uint64 trade);
    error PostOnlyTakes(uint64 trade);

    /// @notice The price of the fill is worse than the order's limit.
    error PriceOutsideLimit(uint64 trade, bytes32 digest);

    /// @notice The order has only `remaining` units left.
    error OrderOverfilled(uint64 trade, bytes32 digest, uint256 amount, uint256 remaining);

    /// @notice The market's fee lies above what the order allows.
    error FeeAboveOrder(uint64 trade, bytes32 digest, uint256 feeBasisPoints, uint256 maximum);
    error ExitAlreadyRequested(uint256 exitAt);
    error ExitNotRequested();
    error TooEarlyToExit(uint256 exitAt, uint256 timestamp);

    /// @notice Takes `amount` that the caller allowed, and credits it to the caller.
    function deposit(address asset, uint256 amount) external;

    /// @notice Deposits for `trader` by the trader's permit (ERC-2612), so that the trader signs and sends nothing.
    /// @dev A permit that somebody else submitted first has left the allowance, and the deposit goes on. So anyone may
    /// move what a trader allowed this contract to take into that trader's own balance, and nowhere else.
    function depositWithPermit(
        address trader,
        address asset,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Pays a trader by its signed word. The operator sends it, after all trades that it matched before, so that
    /// no order is left without its cover. Without the operator there is {requestExit}.
    /// @param signature Of the trader over {withdrawalDigest}.
    function withdraw(Withdrawal calldata withdrawal, bytes calldata signature) external;

    /// @notice Settles trades of one market, numbered from `firstTrade` on. One fault reverts all of them.
    /// @param orders Those that trade, each once, by ascending digest.
    function settle(uint16 market, uint64 firstTrade, SignedOrder[] calldata orders, Fill[] calldata fills) external;

    /// @notice Voids every order that the caller signed so far, from {exitDelaySeconds} on: until then what was matched
    /// settles. Orders of the returned epoch are not touched.
    function cancelAll() external returns (uint64 epoch);

    /// @notice Lets a key sign orders for the caller until `expiresAt`. It cannot withdraw, leave, or let others sign, since
    /// all of that asks for the caller itself. Delegations that have expired make room for new ones.
    function addDelegate(address delegate, uint64 expiresAt) external;

    /// @notice Takes a key back. What it had matched settles for {exitDelaySeconds} more, and not beyond the delegation's own
    /// expiry: a trader that could void its trades at once would choose which of them to keep.
    /// @return expiresAt When its last order stops to count.
    function revokeDelegate(address delegate) external returns (uint64 expiresAt);

    /// @notice Starts the caller's way out without the operator.
    function requestExit() external returns (uint256 exitAt);

    /// @notice The caller stays. Its orders settle again.
    function cancelExit() external;

    /// @notice Pays the caller all it has of `asset`, once its exit's delay has passed. Nothing can stop it.
    function exit(address asset) external returns (uint256 amount);

    /// @notice Pays the fees of `asset` so far to the recipient. Anyone may call it.
    function collectFees(address asset) external returns (uint256 amount);

    /// @notice Stops deposits and settlement until {unpause}. It never stops a withdrawal or an exit.
    function pause() external;
    function unpause() external;

    /// @notice Opens a market. Markets are numbered from 0.
    function listMarket(Listing calldata listing) external returns (uint16 market);

    /// @notice Says that the operator takes no more orders in this market.
    function closeMarket(uint16 market) external;
    function setFeeRecipient(address recipient) external;

    function balanceOf(address trader, address asset) external view returns (uint256);
    function marketCount() external view returns (uint16);
    function market(uint16 number) external view returns (Market memory);

    /// @notice Every asset that a market trades, in the order in which they were listed.
    function assets() external view returns (address[] memory);

    /// @notice The epoch below which orders are void now, the one that follows, and when.
    function epochOf(address trader) external view returns (uint64 epoch, uint64 nextEpoch, uint256 nextEpochAt);

    /// @notice When the trader may leave alone; 0 if it did not ask.
    function exitAtOf(address trader) external view returns (uint256);

    /// @notice What a key may sign for a trader.
    function delegationOf(address trader, address delegate) external view returns (Delegation memory);

    /// @notice The keys of a trader, those included whose time is over.
    function delegationsOf(address trader) external view returns (Delegation[] memory);

    /// @notice Units of the base asset that were filled of an order which is not filled whole.
    function filledOf(bytes32 digest) external view returns (uint256);
    function isNonceUsed(address trader, uint64 nonce) external view returns (bool);
    function accruedFees(address asset) external view returns (uint256);
    function feeRecipient() external view returns (address);
    function exitDelaySeconds() external view returns (uint256);

    /// @notice Whether a trader that is a contract takes `signature` for its own (ERC-1271), asked as {withdraw} asks it.
    function isSignedByContract(address trader, bytes32 digest, bytes calldata signature) external view returns (bool);

    /// @notice The EIP-712 digest that the trader signs for an order in `market`.
    function orderDigest(uint16 market, ExchangeOrder calldata order) external view returns (bytes32);

    /// @notice The EIP-712 digest that the trader signs for a withdrawal.
    function withdrawalDigest(Withdrawal calldata withdrawal) external view returns (bytes32);
}
