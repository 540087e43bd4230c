// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";
import {IExchangeSettlement} from "./interfaces/IExchangeSettlement.sol";
import {Listing, Market} from "./libraries/ExchangeMarkets.sol";
import {ExchangeOrder, Side, TimeInForce} from "./libraries/ExchangeOrders.sol";
import {Delegation, Keys, TradingKeys} from "./libraries/TradingKeys.sol";

/// @title Balances of traders, moved by fills of orders that they signed
/// @dev For each asset, what the contract holds is always the sum of balances and accrued fees. Tokens that somebody
/// sends here by a plain transfer come on top and belong to nobody.
contract ExchangeSettlement is IExchangeSettlement, AccessControl, Pausable, ReentrancyGuardTransient, EIP712 {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    /// @notice May settle trades and send withdrawals: the operator.
    bytes32 public constant SETTLER_ROLE = keccak256("SETTLER_ROLE");
    /// @notice May open and close markets.
    bytes32 public constant LISTER_ROLE = keccak256("LISTER_ROLE");
    /// @notice May stop and resume deposits and settlement.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice May change who gets the fees.
    bytes32 public constant PARAMETER_SETTER_ROLE = keccak256("PARAMETER_SETTER_ROLE");

    uint256 public constant MAX_BATCH_FILLS = 64;
    uint256 public constant MAX_BATCH_ORDERS = 128;
    uint256 public constant MAX_MARKETS = 64;
    uint256 public constant MAX_ASSETS = 8;
    uint256 public constant MAX_FEE_BASIS_POINTS = 1_000;
    uint256 public constant MAX_UNITS_PER_STEP = 1e18;
    uint256 public constant MAX_ORDER_LOTS = 2 ** 34 - 1;
    uint256 public constant MIN_EXIT_DELAY_SECONDS = 30;
    uint256 public constant MAX_EXIT_DELAY_SECONDS = 7 days;
    /// @notice Keys that may sign orders of one trader at a time, and how long.
    uint256 public constant MAX_DELEGATES = TradingKeys.MAX_DELEGATES;
    uint256 public constant MAX_DELEGATION_SECONDS = TradingKeys.MAX_DELEGATION_SECONDS;
    /// @notice Gas that a trader's contract has to say whether it signed. Enough for a wallet with several owners.
    uint256 public constant WALLET_GAS = 200_000;
    uint256 public constant BASIS_POINTS = 10_000;

    bytes32 private constant WITHDRAWAL_TYPEHASH =
        keccak256("Withdrawal(address trader,address asset,uint128 amount,uint64 expiresAt,uint64 nonce)");

    /// @dev One word, since every order of a batch reads it.
    struct Trader {
        uint64 epoch;
        uint64 nextEpoch;
        uint64 nextEpochAt;
        uint64 exitAt;
    }

    /// @dev An order while its batch is settled.
    struct OpenOrder {
        bytes32 digest;
        uint256 filledBefore;
        uint256 filled;
    }

    /// @dev What the fills of a batch have in common, and what they add up to.
    struct Batch {
        uint16 market;
        address base;
        address quote;
        uint256 makerFee;
        uint256 takerFee;
        uint256 baseFees;
        uint256 quoteFees;
    }

    /// @dev One side of a trade.
    struct Party {
        address trader;
        uint256 fee;
    }

    uint256 private immutable _exitDelaySeconds;
    address private _feeRecipient;
    Market[] private _markets;
    address[] private _assets;
    mapping(address asset => bool) private _isListed;
    mapping(address asset => uint256) private _accruedFees;
    mapping(address trader => mapping(address asset => uint256)) private _balances;
    mapping(address trader => Trader) private _traders;
    mapping(address trader => Keys) private _keys;
    mapping(address trader => BitMaps.BitMap) private _usedNonces;
    mapping(bytes32 digest => uint256) private _filled;

    /// @param admin Holds every role but the settler's at first, and may grant and revoke all of them.
    constructor(
        address admin,
        address settler,
        address feeRecipient_,
        uint256 exitDelaySeconds_,
        Listing[] memory listings
    ) EIP712("AITBC", "2") {
        if (admin == address(0) || settler == address(0)) revert ZeroAddress();
        if (exitDelaySeconds_ < MIN_EXIT_DELAY_SECONDS || exitDelaySeconds_ > MAX_EXIT_DELAY_SECONDS) {
            revert ExitDelayOutOfRange(exitDelaySeconds_, MIN_EXIT_DELAY_SECONDS, MAX_EXIT_DELAY_SECONDS);
        }
        _exitDelaySeconds = exitDelaySeconds_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(SETTLER_ROLE, settler);
        _grantRole(LISTER_ROLE, admin);
        _grantRole(PAUSER_ROLE, admin);
        _grantRole(PARAMETER_SETTER_ROLE, admin);
        _setFeeRecipient(feeRecipient_);
        for (uint256 i = 0; i < listings.length; ++i) {
            _listMarket(listings[i]);
        }
    }

    // In and out.

    /// @inheritdoc IExchangeSettlement
    function deposit(address asset, uint256 amount) external whenNotPaused nonReentrant {
        _deposit(msg.sender, asset, amount);
    }

    /// @inheritdoc IExchangeSettlement
    function depositWithPermit(
        address trader,
        address asset,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external whenNotPaused nonReentrant {
        try IERC20Permit(asset).permit(trader, address(this), amount, deadline, v, r, s) {}
        catch (bytes memory reason) {
            if (IERC20(asset).allowance(trader, address(this)) < amount) revert PermitRefused(trader, reason);
        }
        _deposit(trader, asset, amount);
    }

    /// @inheritdoc IExchangeSettlement
    function withdraw(Withdrawal calldata withdrawal, bytes calldata signature) external onlyRole(SETTLER_ROLE) {
        address trader = withdrawal.trader;
        if (block.timestamp > withdrawal.expiresAt) revert WithdrawalExpired(withdrawal.expiresAt, block.timestamp);
        _requireNonceUnused(trader, withdrawal.nonce);
        _requireSigned(trader, withdrawalDigest(withdrawal), signature);
        _usedNonces[trader].set(withdrawal.nonce);
        _debit(trader, withdrawal.asset, withdrawal.amount);
        emit Withdrawn(trader, withdrawal.asset, withdrawal.amount, withdrawal.nonce);
        IERC20(withdrawal.asset).safeTransfer(trader, withdrawal.amount);
    }

    /// @dev An asset that keeps a part of what is transferred would leave the contract short, so all must arrive.
    function _deposit(address trader, address asset, uint256 amount) private {
        if (!_isListed[asset]) revert AssetNotListed(asset);
        uint256 before = IERC20(asset).balanceOf(address(this));
        IERC20(asset).safeTransferFrom(trader, address(this), amount);
        uint256 received = IERC20(asset).balanceOf(address(this)) - before;
        if (received != amount) revert DepositNotWhole(asset, amount, received);
        _balances[trader][asset] += amount;
        emit Deposited(trader, asset, amount);
    }

    function _debit(address trader, address asset, uint256 amount) private {
        uint256 available = _balances[trader][asset];
        if (amount > available) revert InsufficientBalance(trader, asset, available, amount);
        unchecked {
            _balances[trader][asset] = available - amount;
        }
    }

    // Settling.

    /// @inheritdoc IExchangeSettlement
    function settle(uint16 market_, uint64 firstTrade, SignedOrder[] calldata orders, Fill[] calldata fills)
        external
        onlyRole(SETTLER_ROLE)
        whenNotPaused
    {
        if (orders.length > MAX_BATCH_ORDERS) revert BatchTooLarge(orders.length, MAX_BATCH_ORDERS);
        if (fills.length > MAX_BATCH_FILLS) revert BatchTooLarge(fills.length, MAX_BATCH_FILLS);
        Batch memory batch = _openBatch(market_, firstTrade, fills.length);
        OpenOrder[] memory open = new OpenOrder[](orders.length);
        bytes32 previous = 0;
        for (uint256 i = 0; i < orders.length; ++i) {
            previous = _openOrder(batch, orders[i], open[i], previous);
        }
        for (uint256 i = 0; i < fills.length; ++i) {
            Fill calldata fill = fills[i];
            _fill(
                batch,
                firstTrade + uint64(i),
                fill,
                orders[fill.maker].order,
                orders[fill.taker].order,
                open[fill.maker],
                open[fill.taker]
            );
        }
        for (uint256 i = 0; i < orders.length; ++i) {
            _keepFilled(orders[i].order, open[i]);
        }
        if (batch.baseFees != 0) _accruedFees[batch.base] += batch.baseFees;
        if (batch.quoteFees != 0) _accruedFees[batch.quote] += batch.quoteFees;
    }

    /// @dev A trade number may be left out, and never comes again.
    function _openBatch(uint16 number, uint64 firstTrade, uint256 count) private returns (Batch memory batch) {
        Market storage target = _requireMarket(number);
        if (firstTrade <= target.lastTrade) revert TradeAlreadySettled(firstTrade, target.lastTrade);
        if (count != 0) target.lastTrade = firstTrade + uint64(count) - 1;
        batch.market = number;
        batch.base = target.listing.base;
        batch.quote = target.listing.quote;
        batch.makerFee = target.listing.makerFeeBasisPoints;
        batch.takerFee = target.listing.takerFeeBasisPoints;
    }

    /// @dev An order that stood twice in a batch would be counted twice from what it had before, so digests ascend.
    function _openOrder(Batch memory batch, SignedOrder calldata signed, OpenOrder memory open, bytes32 previous)
        private
        view
        returns (bytes32 digest)
    {
        ExchangeOrder calldata order = signed.order;
        digest = _hashTypedDataV4(order.structHash(batch.base, batch.quote));
        if (digest <= previous) revert OrdersNotAscending(previous, digest);
        if (block.timestamp > order.expiresAt) revert OrderExpired(digest, order.expiresAt, block.timestamp);
        Trader memory trader = _traders[order.trader];
        uint64 epoch = _epochNow(trader);
        if (order.epoch < epoch) revert OrderEpochOver(digest, order.epoch, epoch);
        if (trader.exitAt != 0 && block.timestamp >= trader.exitAt) revert TraderExited(order.trader, trader.exitAt);
        _requireNonceUnused(order.trader, order.nonce);
        _requireOrderSigned(order.trader, digest, signed.signature);
        open.digest = digest;
        open.filledBefore = open.filled = _filled[digest];
    }

    function _fill(
        Batch memory batch,
        uint64 trade,
        Fill calldata fill,
        ExchangeOrder calldata maker,
        ExchangeOrder calldata taker,
        OpenOrder memory openMaker,
        OpenOrder memory openTaker
    ) private {
        if (fill.baseAmount == 0) revert EmptyFill(trade);
        if (maker.trader == taker.trader) revert SelfTrade(trade, maker.trader);
        if (maker.side == taker.side) revert SameSide(trade);
        if (taker.timeInForce == TimeInForce.PostOnly) revert PostOnlyTakes(trade);
        _takeFrom(trade, maker, openMaker, fill, batch.makerFee);
        _takeFrom(trade, taker, openTaker, fill, batch.takerFee);
        if (maker.side == Side.Buy) {
            _move(batch, trade, fill, Party(maker.trader, batch.makerFee), Party(taker.trader, batch.takerFee));
        } else {
            _move(batch, trade, fill, Party(taker.trader, batch.takerFee), Party(maker.trader, batch.makerFee));
        }
    }

    /// @dev What one order allows: its price, its amount over all fills, and its fee.
    function _takeFrom(
        uint64 trade,
        ExchangeOrder calldata order,
        OpenOrder memory open,
        Fill calldata fill,
        uint256 fee
    ) private pure {
        if (!order.accepts(fill.baseAmount, fill.quoteAmount)) revert PriceOutsideLimit(trade, open.digest);
        if (fee > order.maxFeeBasisPoints) revert FeeAboveOrder(trade, open.digest, fee, order.maxFeeBasisPoints);
        uint256 filled = open.filled + fill.baseAmount;
        if (filled > order.amount) {
            revert OrderOverfilled(trade, open.digest, fill.baseAmount, order.amount - open.filled);
        }
        open.filled = filled;
    }

    function _move(Batch memory batch, uint64 trade, Fill calldata fill, Party memory buyer, Party memory seller)
        private
    {
        uint256 base = fill.baseAmount;
        uint256 quote = fill.quoteAmount;
        uint256 buyerFee = base * buyer.fee / BASIS_POINTS;
        uint256 sellerFee = quote * seller.fee / BASIS_POINTS;
        _debit(buyer.trader, batch.quote, quote);
        _debit(seller.trader, batch.base, base);
        // No overflow: what the assets' contracts hold for this one fits into 256 bits.
        unchecked {
            _balances[buyer.trader][batch.base] += base - buyerFee;
            _balances[seller.trader][batch.quote] += quote - sellerFee;
            batch.baseFees += buyerFee;
            batch.quoteFees += sellerFee;
        }
        emit Filled(batch.market, trade, buyer.trader, seller.trader, base, quote, buyerFee, sellerFee);
    }

    /// @dev An order that is filled whole leaves one bit. Only one that is filled in part needs a word of its own.
    function _keepFilled(ExchangeOrder calldata order, OpenOrder memory open) private {
        if (open.filled == open.filledBefore) return;
        if (open.filled == order.amount) {
            _requireNonceUnused(order.trader, order.nonce);
            _usedNonces[order.trader].set(order.nonce);
            if (open.filledBefore != 0) delete _filled[open.digest];
        } else {
            _filled[open.digest] = open.filled;
        }
    }

    // Keys that trade for a trader.

    /// @inheritdoc IExchangeSettlement
    function addDelegate(address delegate, uint64 expiresAt) external {
        if (delegate == address(0)) revert ZeroAddress();
        if (delegate == msg.sender) revert DelegateIsTrader(delegate);
        _keys[msg.sender].add(delegate, expiresAt);
        emit DelegateAdded(msg.sender, delegate, expiresAt);
    }

    /// @inheritdoc IExchangeSettlement
    function revokeDelegate(address delegate) external returns (uint64 expiresAt) {
        expiresAt = _keys[msg.sender].revoke(delegate, _exitDelaySeconds);
        emit DelegateRevoked(msg.sender, delegate, expiresAt);
    }

    // The trader's own way.

    /// @inheritdoc IExchangeSettlement
    function cancelAll() external returns (uint64 epoch) {
        Trader memory trader = _traders[msg.sender];
        trader.epoch = _epochNow(trader);
        epoch = ++trader.nextEpoch;
        trader.nextEpochAt = uint64(block.timestamp + _exitDelaySeconds);
        _traders[msg.sender] = trader;
        emit EpochRaised(msg.sender, epoch, trader.nextEpochAt);
    }

    /// @inheritdoc IExchangeSettlement
    function requestExit() external returns (uint256 exitAt) {
        Trader storage trader = _traders[msg.sender];
        if (trader.exitAt != 0) revert ExitAlreadyRequested(trader.exitAt);
        exitAt = block.timestamp + _exitDelaySeconds;
        trader.exitAt = uint64(exitAt);
        emit ExitRequested(msg.sender, exitAt);
    }

    /// @inheritdoc IExchangeSettlement
    function cancelExit() external {
        Trader storage trader = _traders[msg.sender];
        if (trader.exitAt == 0) revert ExitNotRequested();
        trader.exitAt = 0;
        emit ExitCancelled(msg.sender);
    }

    /// @inheritdoc IExchangeSettlement
    function exit(address asset) external nonReentrant returns (uint256 amount) {
        uint256 exitAt = _traders[msg.sender].exitAt;
        if (exitAt == 0) revert ExitNotRequested();
        if (block.timestamp < exitAt) revert TooEarlyToExit(exitAt, block.timestamp);
        amount = _balances[msg.sender][asset];
        _balances[msg.sender][asset] = 0;
        emit Exited(msg.sender, asset, amount);
        IERC20(asset).safeTransfer(msg.sender, amount);
    }

    function _epochNow(Trader memory trader) private view returns (uint64) {
        return block.timestamp >= trader.nextEpochAt ? trader.nextEpoch : trader.epoch;
    }

    // Checks.

    /// @dev By keys alone. A trader that is a contract is not asked: its answer could change between a match and here, and
    /// it would choose which of its trades to keep. It names a key. The trader's own comes before a delegate's, so that most
    /// orders read no grant.
    function _requireOrderSigned(address trader, bytes32 digest, bytes calldata signature) private view {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (signer != address(0) && signer == trader) return;
        uint256 expiresAt = _keys[trader].grants[signer].expiresAt;
        if (expiresAt == 0) revert InvalidSignature(digest, trader);
        if (block.timestamp > expiresAt) revert DelegationOver(digest, signer, expiresAt, block.timestamp);
    }

    /// @dev Without delegates: none of them withdraws. A key is tried first: it costs less, and an account with both has its
    /// owner's key.
    function _requireSigned(address trader, bytes32 digest, bytes calldata signature) private view {
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (signer != address(0) && signer == trader) return;
        if (!_isSignedByContract(trader, digest, signature)) revert InvalidSignature(digest, trader);
    }

    /// @dev ERC-1271. The contract asked can change nothing, and whatever it burns or answers costs no more than its gas:
    /// one word is read of the answer.
    function _isSignedByContract(address trader, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool isSigned)
    {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 yes = IERC1271.isValidSignature.selector;
        uint256 walletGas = WALLET_GAS;
        assembly ("memory-safe") {
            let answered := staticcall(walletGas, trader, add(question, 0x20), mload(question), 0x00, 0x20)
            isSigned := and(and(answered, gt(returndatasize(), 0x1f)), eq(mload(0x00), yes))
        }
    }

    function _requireNonceUnused(address trader, uint64 nonce) private view {
        if (_usedNonces[trader].get(nonce)) revert NonceAlreadyUsed(trader, nonce);
    }

    function _requireMarket(uint16 number) private view returns (Market storage) {
        if (number >= _markets.length) revert UnknownMarket(number);
        return _markets[number];
    }

    // Administration.

    /// @inheritdoc IExchangeSettlement
    function collectFees(address asset) external nonReentrant returns (uint256 amount) {
        amount = _accruedFees[asset];
        _accruedFees[asset] = 0;
        emit FeesCollected(_feeRecipient, asset, amount);
        IERC20(asset).safeTransfer(_feeRecipient, amount);
    }

    /// @inheritdoc IExchangeSettlement
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc IExchangeSettlement
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    /// @inheritdoc IExchangeSettlement
    function listMarket(Listing calldata listing) external onlyRole(LISTER_ROLE) returns (uint16) {
        return _listMarket(listing);
    }

    /// @inheritdoc IExchangeSettlement
    function closeMarket(uint16 number) external onlyRole(LISTER_ROLE) {
        _requireMarket(number).isClosed = true;
        emit MarketClosed(number);
    }

    /// @inheritdoc IExchangeSettlement
    function setFeeRecipient(address recipient) external onlyRole(PARAMETER_SETTER_ROLE) {
        _setFeeRecipient(recipient);
    }

    function _setFeeRecipient(address recipient) private {
        if (recipient == address(0)) revert ZeroAddress();
        _feeRecipient = recipient;
        emit FeeRecipientChanged(recipient);
    }

    function _listMarket(Listing memory listing) private returns (uint16 number) {
        if (_markets.length == MAX_MARKETS) revert TooManyMarkets(MAX_MARKETS);
        if (listing.base == listing.quote) revert SameAsset(listing.base);
        _requireInRange("baseUnitsPerLot", listing.baseUnitsPerLot, 1, MAX_UNITS_PER_STEP);
        _requireInRange("quoteUnitsPerTick", listing.quoteUnitsPerTick, 1, MAX_UNITS_PER_STEP);
        _requireInRange("makerFeeBasisPoints", listing.makerFeeBasisPoints, 0, MAX_FEE_BASIS_POINTS);
        _requireInRange("takerFeeBasisPoints", listing.takerFeeBasisPoints, 0, MAX_FEE_BASIS_POINTS);
        _requireInRange("orderLotsMax", listing.orderLotsMax, 1, MAX_ORDER_LOTS);
        _listAsset(listing.base);
        _listAsset(listing.quote);
        number = uint16(_markets.length);
        _markets.push(Market({listing: listing, isClosed: false, lastTrade: 0}));
        emit MarketListed(number, listing);
    }

    function _listAsset(address asset) private {
        if (asset == address(0)) revert ZeroAddress();
        if (_isListed[asset]) return;
        if (_assets.length == MAX_ASSETS) revert TooManyAssets(MAX_ASSETS);
        _isListed[asset] = true;
        _assets.push(asset);
    }

    function _requireInRange(string memory field, uint256 given, uint256 minimum, uint256 maximum) private pure {
        if (given < minimum || given > maximum) revert ListingOutOfRange(field, given, minimum, maximum);
    }

    // Views.

    /// @inheritdoc IExchangeSettlement
    function balanceOf(address trader, address asset) external view returns (uint256) {
        return _balances[trader][asset];
    }

    /// @inheritdoc IExchangeSettlement
    function marketCount() external view returns (uint16) {
        return uint16(_markets.length);
    }

    /// @inheritdoc IExchangeSettlement
    function market(uint16 number) external view returns (Market memory) {
        return _requireMarket(number);
    }

    /// @inheritdoc IExchangeSettlement
    function assets() external view returns (address[] memory) {
        return _assets;
    }

    /// @inheritdoc IExchangeSettlement
    function epochOf(address trader) external view returns (uint64 epoch, uint64 nextEpoch, uint256 nextEpochAt) {
        Trader memory state = _traders[trader];
        return (_epochNow(state), state.nextEpoch, state.nextEpochAt);
    }

    /// @inheritdoc IExchangeSettlement
    function exitAtOf(address trader) external view returns (uint256) {
        return _traders[trader].exitAt;
    }

    /// @inheritdoc IExchangeSettlement
    function delegationOf(address trader, address delegate) external view returns (Delegation memory) {
        return _keys[trader].delegationOf(delegate);
    }

    /// @inheritdoc IExchangeSettlement
    function delegationsOf(address trader) external view returns (Delegation[] memory) {
        return _keys[trader].all();
    }

    /// @inheritdoc IExchangeSettlement
    function filledOf(bytes32 digest) external view returns (uint256) {
        return _filled[digest];
    }

    /// @inheritdoc IExchangeSettlement
    function isNonceUsed(address trader, uint64 nonce) external view returns (bool) {
        return _usedNonces[trader].get(nonce);
    }

    /// @inheritdoc IExchangeSettlement
    function accruedFees(address asset) external view returns (uint256) {
        return _accruedFees[asset];
    }

    /// @inheritdoc IExchangeSettlement
    function feeRecipient() external view returns (address) {
        return _feeRecipient;
    }

    /// @inheritdoc IExchangeSettlement
    function exitDelaySeconds() external view returns (uint256) {
        return _exitDelaySeconds;
    }

    /// @inheritdoc IExchangeSettlement
    function isSignedByContract(address trader, bytes32 digest, bytes calldata signature)
        external
        view
        returns (bool)
    {
        return _isSignedByContract(trader, digest, signature);
    }

    /// @inheritdoc IExchangeSettlement
    function orderDigest(uint16 market_, ExchangeOrder calldata order) external view returns (bytes32) {
        Listing storage listing = _requireMarket(market_).listing;
        return _hashTypedDataV4(order.structHash(listing.base, listing.quote));
    }

    /// @inheritdoc IExchangeSettlement
    function withdrawalDigest(Withdrawal calldata withdrawal) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(WITHDRAWAL_TYPEHASH, withdrawal)));
    }
}
