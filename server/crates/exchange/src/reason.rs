//! Why a command was refused.

use crate::limits::{
    ACCOUNTS_MAX, ASSETS_MAX, DEPOSITED_UNITS_MAX, FEE_BASIS_POINTS_MAX, LEVELS_PER_SIDE_MAX, MARKETS_MAX,
    ORDERS_PER_ACCOUNT_MAX, ORDERS_PER_MARKET_MAX, PRICE_TICKS_MAX, UNITS_PER_STEP_MAX,
};
use crate::quantity::{AccountId, AssetId, BASIS_POINTS_PER_WHOLE, ClientOrderId, Lots, MarketId, OrderId, Units};

/// A refused command changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("market {0} does not exist")]
    UnknownMarket(MarketId),
    #[error("account {0} has no deposit")]
    UnknownAccount(AccountId),
    #[error("there is no open order {0}")]
    UnknownOrder(OrderId),
    #[error("there is no open order with client order id {0}")]
    UnknownClientOrder(ClientOrderId),
    #[error("order {0} belongs to another account")]
    OrderOfAnother(OrderId),
    #[error("order id is {given}; it must be above {last}, the last one taken")]
    OrderIdNotIncreasing { given: OrderId, last: OrderId },
    #[error("client order id {0} names an open order of the same account")]
    ClientOrderIdTaken(ClientOrderId),
    #[error("price is {0} ticks; it is 1 to {PRICE_TICKS_MAX}")]
    PriceOutOfRange(u32),
    #[error("trigger price is {0} ticks; it is 1 to {PRICE_TICKS_MAX}")]
    TriggerOutOfRange(u32),
    #[error("quantity is {given} lots; it is 1 to {max}")]
    LotsOutOfRange { given: Lots, max: Lots },
    #[error("slippage is {0} basis points; it is at most {BASIS_POINTS_PER_WHOLE}")]
    SlippageOutOfRange(u16),
    #[error("the order is worth {given} units of the quote asset; the market asks for at least {min}")]
    NotionalTooSmall { given: Units, min: Units },
    #[error(
        "a market order leaves at once and a post-only order may stay, and only an order that leaves at once has a time for \
         its trigger; the time in force must fit that"
    )]
    TimeInForceNotAllowed,
    #[error("the order would expire at {expires_at_unix_ms}, which is not after {now_unix_ms}")]
    AlreadyExpired { expires_at_unix_ms: u64, now_unix_ms: u64 },
    #[error("an order with trigger {trigger} would be triggered at once: a trade was at {traded}")]
    /// The last trade, or an earlier one that reached orders which wait for their turn.
    WouldTriggerAtOnce { trigger: u32, traded: u32 },
    #[error("a post-only order at {price} ticks would take the best order, at {best}")]
    PostOnlyWouldTake { price: u32, best: u32 },
    #[error("{needed} units of asset {asset} are needed; {free} are free")]
    InsufficientBalance { asset: AssetId, needed: Units, free: Units },
    #[error("the account has {ORDERS_PER_ACCOUNT_MAX} open orders in this market, the most it may have")]
    TooManyOrdersOfAccount,
    #[error("the market has {max} open orders, the most it holds (at most {ORDERS_PER_MARKET_MAX})")]
    TooManyOrdersInMarket { max: u32 },
    #[error("the market has {LEVELS_PER_SIDE_MAX} different trigger prices in this direction, the most it holds")]
    TooManyTriggerPrices,
    #[error("new quantity is {given} lots; {filled} are filled already")]
    LotsNotAboveFilled { given: Lots, filled: Lots },
    #[error("the order has this price and quantity already")]
    NothingToAmend,
    #[error("amount is 0; it is at least 1")]
    AmountIsZero,
    #[error("asset is {0}; it is below {ASSETS_MAX}")]
    AssetOutOfRange(AssetId),
    #[error("account is {0}; it is below {ACCOUNTS_MAX}")]
    AccountOutOfRange(AccountId),
    #[error("the deposits of an asset would exceed {DEPOSITED_UNITS_MAX} units")]
    DepositTooLarge,
    #[error("there are {MARKETS_MAX} markets, the most there may be")]
    TooManyMarkets,
    #[error("a market's base and quote assets are both {0}; they must differ")]
    SameAsset(AssetId),
    #[error("{field} is {given}; it is 1 to {UNITS_PER_STEP_MAX}")]
    StepOutOfRange { field: &'static str, given: u64 },
    #[error("{field} is {given}; it is 1 to {max}")]
    MarketLimitOutOfRange { field: &'static str, given: u64, max: u64 },
    #[error("{field} is {given} basis points; it is at most {FEE_BASIS_POINTS_MAX}")]
    FeeOutOfRange { field: &'static str, given: u16 },
    #[error("quantity is {given} units; it is a multiple of {step}, the market's lot")]
    OffLot { given: Units, step: u64 },
    #[error("price of one lot is {given} units; it is a multiple of {step}, the market's tick")]
    OffTick { given: Units, step: u64 },
}

impl Reason {
    /// The status of HTTP that says the same.
    pub const fn status(self) -> u16 {
        match self {
            Self::UnknownMarket(_) | Self::UnknownAccount(_) | Self::UnknownOrder(_) | Self::UnknownClientOrder(_) => {
                404
            }
            Self::OrderOfAnother(_) => 403,
            Self::OrderIdNotIncreasing { .. } | Self::ClientOrderIdTaken(_) => 409,
            Self::TooManyOrdersInMarket { .. } | Self::TooManyTriggerPrices | Self::TooManyMarkets => 503,
            Self::TooManyOrdersOfAccount => 429,
            _ => 422,
        }
    }

    /// Whether the same command may succeed later without a change of its sender's account.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::TooManyOrdersInMarket { .. }
                | Self::TooManyTriggerPrices
                | Self::PostOnlyWouldTake { .. }
                | Self::WouldTriggerAtOnce { .. }
        )
    }

    /// Whether the one who called this crate, and not the trader, did something wrong.
    pub const fn is_operators_fault(self) -> bool {
        matches!(
            self,
            Self::OrderIdNotIncreasing { .. }
                | Self::TooManyMarkets
                | Self::SameAsset(_)
                | Self::StepOutOfRange { .. }
                | Self::MarketLimitOutOfRange { .. }
                | Self::FeeOutOfRange { .. }
                | Self::AccountOutOfRange(_)
                | Self::DepositTooLarge
        )
    }
}
