//! What happened, as values. Settlement, market data and private feeds follow from these alone.

use crate::command::OrderRef;
use crate::quantity::{AccountId, AssetId, ClientOrderId, Lots, MarketId, OrderId, Side, Ticks, TradeId, Units};
use crate::reason::Reason;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    MarketOpened {
        market: MarketId,
    },
    Deposited {
        account: AccountId,
        asset: AssetId,
        amount: Units,
    },
    Withdrawn {
        account: AccountId,
        asset: AssetId,
        amount: Units,
    },
    /// The order is taken and what it may hand over is reserved. What became of it follows. A stop order waits.
    Accepted {
        market: MarketId,
        order: OrderId,
        account: AccountId,
        client_order_id: Option<ClientOrderId>,
    },
    /// The order stands at the end of the queue of its price with these open lots.
    Rested {
        order: OrderId,
        side: Side,
        price: Ticks,
        open: Lots,
    },
    Filled(Fill),
    /// Lots were taken off without a trade. The order keeps its place.
    Reduced {
        order: OrderId,
        by: Lots,
        open: Lots,
    },
    /// Price and quantity are these. An order of the book has left its place in the queue; a waiting stop order has not.
    Amended {
        order: OrderId,
        price: Ticks,
        open: Lots,
    },
    Cancelled {
        order: OrderId,
        account: AccountId,
        open: Lots,
        reason: CancelReason,
    },
    /// Every open order of the account in the market has been cancelled, each with an event before this one.
    AllCancelled {
        market: MarketId,
        account: AccountId,
        orders: u32,
    },
    Expired {
        order: OrderId,
        account: AccountId,
        open: Lots,
    },
    /// A stop order became an order of the book. What became of it follows.
    Triggered {
        order: OrderId,
    },
    /// The command changed nothing. Account and order are absent where the command names none.
    Rejected {
        account: Option<AccountId>,
        order: Option<OrderRef>,
        reason: Reason,
    },
}

/// One trade, at the maker's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    pub market: MarketId,
    pub trade: TradeId,
    pub taker_side: Side,
    pub price: Ticks,
    pub lots: Lots,
    pub maker: OrderId,
    pub maker_account: AccountId,
    /// Zero when the maker is done.
    pub maker_open: Lots,
    /// In the asset that the maker receives.
    pub maker_fee: Units,
    pub taker: OrderId,
    pub taker_account: AccountId,
    pub taker_open: Lots,
    /// In the asset that the taker receives.
    pub taker_fee: Units,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// Its owner asked for it.
    Owner,
    /// It would have traded with an order of its own account.
    SelfTrade,
    /// It leaves at once, and no more could be had within its limit.
    Unfilled,
    /// It takes all or nothing, and there was not all.
    FillOrKill,
    /// A triggered post-only order would have taken.
    PostOnlyWouldTake,
    /// What a reduction left of it is worth less than the market takes.
    NotionalTooSmall,
    /// Its price would have been one more than a side of the book holds.
    TooManyPrices,
}
