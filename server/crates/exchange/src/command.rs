//! What can be asked of the exchange.

use crate::market::MarketRules;
use crate::quantity::{
    AccountId, AssetId, BasisPoints, ClientOrderId, Lots, MarketId, OrderId, Side, Ticks, Units, UnixMs,
};

/// One entry of the journal. Equal commands at equal times lead to equal events and an equal state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    OpenMarket(MarketRules),
    /// The settlement contract holds this for the account.
    Deposit {
        account: AccountId,
        asset: AssetId,
        amount: Units,
    },
    /// The account takes this out of the settlement contract.
    Withdraw {
        account: AccountId,
        asset: AssetId,
        amount: Units,
    },
    Place {
        market: MarketId,
        order: NewOrder,
    },
    /// Sets price and whole quantity, filled lots included. What stays open is worth what the market asks for. Less at the same price keeps the place in the queue.
    /// Anything else goes to the end of the queue of its price, and may take first.
    Amend {
        market: MarketId,
        account: AccountId,
        order: OrderRef,
        price: Ticks,
        lots: Lots,
    },
    /// Takes lots off an order, which keeps its place. Taking all that is open cancels it, and so does leaving less than the
    /// market's smallest worth.
    Reduce {
        market: MarketId,
        account: AccountId,
        order: OrderRef,
        by: Lots,
    },
    Cancel {
        market: MarketId,
        account: AccountId,
        order: OrderRef,
    },
    CancelAll {
        market: MarketId,
        account: AccountId,
    },
    /// Nothing but the time: orders expire, and those go on that earlier trades reached.
    Advance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    pub id: OrderId,
    pub account: AccountId,
    pub client_order_id: Option<ClientOrderId>,
    pub side: Side,
    /// The worst price that the trader signed. A market order has one as well.
    pub price: Ticks,
    pub lots: Lots,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    /// The order waits for this before it comes to the book.
    pub trigger: Option<Trigger>,
    pub self_trade: SelfTradeRule,
}

/// A trade for which an order waits. A stop order waits for a worse price than the last one, a take-profit order for a better
/// one; to the book both are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    pub direction: TriggerDirection,
    pub price: Ticks,
    /// Until when an order waits that leaves at once afterwards. One that may stay has its time in its time in force.
    pub waits_until: Option<UnixMs>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerDirection {
    /// A trade at the trigger's price or above.
    Rise,
    /// A trade at the trigger's price or below.
    Fall,
}

impl TriggerDirection {
    /// Whether a trade at `traded` reaches a trigger at `price`.
    pub(crate) const fn is_reached(self, price: u32, traded: u32) -> bool {
        match self {
            Self::Rise => traded >= price,
            Self::Fall => traded <= price,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    Limit,
    /// Never takes: it rests or is refused.
    PostOnly,
    /// Takes at once, up to `slippage` beyond the best price it finds and never beyond the order's price.
    Market {
        slippage: BasisPoints,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    GoodTilCancelled,
    /// Expires at this time.
    GoodTilTime(UnixMs),
    /// Takes what it can and leaves.
    ImmediateOrCancel,
    /// Takes all or nothing, and leaves.
    FillOrKill,
}

/// What happens before an order would trade with another order of its own account. The rule of the taker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfTradeRule {
    /// They trade. The settlement contract refuses such a fill, so this is for markets that settle elsewhere.
    Allow,
    /// The rest of the taker is cancelled.
    ExpireTaker,
    /// The maker is cancelled, and the taker goes on.
    ExpireMaker,
    ExpireBoth,
}

/// An order, named by either of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRef {
    Id(OrderId),
    Client(ClientOrderId),
}
