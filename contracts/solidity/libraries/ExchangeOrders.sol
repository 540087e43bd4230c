// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What an order does with the base asset. It is signed as the text `buy` or `sell`.
enum Side {
    Buy,
    Sell
}

/// @notice How long an order stays in the book. It is signed as the text `GTT`, `IOC`, `FOK` or `POST_ONLY`.
enum TimeInForce {
    /// Stays until it expires.
    GoodTilTime,
    /// Takes what it can at once.
    ImmediateOrCancel,
    /// Takes all or nothing at once.
    FillOrKill,
    /// Stays until it expires, and never takes.
    PostOnly
}

/// @notice What an order waits for before it comes to the book. It is signed as the text `NONE`, `AT_OR_ABOVE` or
/// `AT_OR_BELOW`.
enum Trigger {
    /// For nothing.
    None,
    /// For a trade at the trigger price or above.
    AtOrAbove,
    /// For a trade at the trigger price or below.
    AtOrBelow
}

/// @notice An order as a batch carries it. What is signed has the two assets of its market as well.
/// @param trader Who trades, and signs.
/// @param amount The most units of the base asset that all fills of the order may sum to.
/// @param limitPrice The worst price: units of the quote asset for 10^18 units of the base asset.
/// @param trigger What the order waits for. The contract does not know which trades came before, so it binds the trigger to
/// the order by its digest, and everybody who reads a batch can compare it with the trades.
/// @param triggerPrice Where the trigger lies, in units of `limitPrice`; 0 without a trigger.
/// @param maxFeeBasisPoints The highest fee, in 1/10 000 of what the trader receives.
/// @param expiresAt The last second, in Unix time, at which a fill of the order settles.
/// @param epoch An order of an epoch below its trader's is void.
/// @param nonce The trader's number for the order. Once an order is filled whole, its nonce is used up.
struct ExchangeOrder {
    address trader;
    Side side;
    TimeInForce timeInForce;
    uint128 amount;
    uint128 limitPrice;
    Trigger trigger;
    uint128 triggerPrice;
    uint16 maxFeeBasisPoints;
    uint64 expiresAt;
    uint64 epoch;
    uint64 nonce;
}

using ExchangeOrders for ExchangeOrder global;

/// @title What is hashed when an order is signed
library ExchangeOrders {
    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(address trader,string side,address base,address quote,uint128 amount,uint128 limitPrice,string timeInForce,string trigger,uint128 triggerPrice,uint16 maxFeeBasisPoints,uint64 expiresAt,uint64 epoch,uint64 nonce)"
    );
    /// @dev Units of the base asset that a limit price is for.
    uint256 internal constant PRICE_SCALE = 1e18;

    /// @notice The EIP-712 struct hash of `order` in the market of `base` and `quote`, before the domain is added.
    function structHash(ExchangeOrder calldata order, address base, address quote) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                abi.encode(ORDER_TYPEHASH, order.trader, _textHash(order.side), base, quote, order.amount),
                abi.encode(
                    order.limitPrice, _textHash(order.timeInForce), _textHash(order.trigger), order.triggerPrice
                ),
                abi.encode(order.maxFeeBasisPoints, order.expiresAt, order.epoch, order.nonce)
            )
        );
    }

    /// @notice Whether the order accepts `quoteAmount` for `baseAmount`. Nothing is divided, so nothing is rounded.
    function accepts(ExchangeOrder calldata order, uint256 baseAmount, uint256 quoteAmount)
        internal
        pure
        returns (bool)
    {
        uint256 implied = quoteAmount * PRICE_SCALE;
        uint256 limit = uint256(order.limitPrice) * baseAmount;
        return order.side == Side.Buy ? implied <= limit : implied >= limit;
    }

    function _textHash(Side side) private pure returns (bytes32) {
        return side == Side.Buy ? keccak256("buy") : keccak256("sell");
    }

    function _textHash(TimeInForce timeInForce) private pure returns (bytes32) {
        if (timeInForce == TimeInForce.GoodTilTime) return keccak256("GTT");
        if (timeInForce == TimeInForce.ImmediateOrCancel) return keccak256("IOC");
        if (timeInForce == TimeInForce.FillOrKill) return keccak256("FOK");
        return keccak256("POST_ONLY");
    }

    function _textHash(Trigger trigger) private pure returns (bytes32) {
        if (trigger == Trigger.None) return keccak256("NONE");
        return trigger == Trigger.AtOrAbove ? keccak256("AT_OR_ABOVE") : keccak256("AT_OR_BELOW");
    }
}
