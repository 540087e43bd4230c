// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What a market trades, in which steps and for which fees. Its rules never change: other rules are another
/// market.
/// @param base What is bought and sold.
/// @param quote What it is paid with.
/// @param baseUnitsPerLot Units of the base asset in the smallest tradable piece.
/// @param quoteUnitsPerTick Units of the quote asset that one lot costs at a price of one tick.
/// @param makerFeeBasisPoints Fee of the order that waited, in 1/10 000 of what its trader receives.
/// @param takerFeeBasisPoints Fee of the order that came.
/// @param orderLotsMax The most lots of one order.
/// @param notionalMin The smallest worth of an order, in units of the quote asset.
struct Listing {
    address base;
    address quote;
    uint64 baseUnitsPerLot;
    uint64 quoteUnitsPerTick;
    uint16 makerFeeBasisPoints;
    uint16 takerFeeBasisPoints;
    uint64 orderLotsMax;
    uint128 notionalMin;
}

/// @notice A market and how far it is settled.
/// @param listing Its rules.
/// @param isClosed The operator takes no orders any more. What was matched still settles.
/// @param lastTrade The number of the last trade that settled. Trades settle in the order of their numbers.
struct Market {
    Listing listing;
    bool isClosed;
    uint64 lastTrade;
}
