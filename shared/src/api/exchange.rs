//! Answers of the exchange under `/v1/exchange`.
//!
//! Each price and amount stands twice: as a decimal in whole assets, for people, and as the integer that a trader signs
//! (`limit_price`, `…_units`). What traders send is [`crate::exchange::SignedByTrader`] of an order, a cancellation or a
//! withdrawal.
//!
//! ```text
//! order ─► open ─► filled │ cancelled │ expired
//! trade ─► matched ─► final (a block has it) │ void (the contract refuses it; both traders keep what they had)
//! ```

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::payments::PlacedTransaction;
use crate::exchange::{AssetUnits, Side, TimeInForce, Trigger};
use crate::time::{UnixMillis, UnixSeconds};

/// Most price levels of each side that `GET …/book` and the first message of the feed have.
pub const BOOK_DEPTH_MAX: u32 = 1_000;
pub const BOOK_DEPTH_DEFAULT: u32 = 50;

/// Best price levels of each side that a book's checksum covers.
pub const CHECKSUM_LEVELS: usize = 25;

/// Most candles of one answer.
pub const CANDLES_MAX: u32 = 1_000;
pub const CANDLES_DEFAULT: u32 = 300;

/// Trades in the first message of the feed.
pub const FEED_TRADES_MAX: usize = 50;

/// Fills that the answer to a new order has. The order's later state, and `…/fills`, have all.
pub const FILLS_ANSWERED_MAX: usize = 1_000;

/// Orders that one cancellation can end.
pub const CANCELLED_MAX: usize = 64_000;

/// Markets and assets that a contract can list.
pub const MARKETS_MAX: usize = 64;
pub const ASSETS_MAX: usize = 8;

/// An asset that markets of the exchange trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExchangeAsset {
    /// Its ERC-20 contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    pub symbol: String,
    /// As the contract calls itself, which is also its name in the EIP-712 domain of permits (version `1`).
    pub name: String,
    pub decimals: u8,
    /// It is made for tries and worth nothing.
    pub is_worthless: bool,
    /// Anybody may call `faucet()` of its contract.
    pub has_faucet: bool,
    /// It stands for an asset of another chain: bridges alone mint it, and each unit is worth what they keep their word for.
    pub is_bridged: bool,
}

/// A market: what it trades, in which steps and for which fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MarketView {
    /// Its name in paths: `AIT-tUSD`.
    pub id: String,
    /// Its number in the contract.
    pub number: u16,
    /// What is bought and sold.
    pub base: ExchangeAsset,
    /// What it is paid with.
    pub quote: ExchangeAsset,
    /// Smallest tradable piece: every amount is a multiple of it. Also the least amount of an order.
    pub lot: String,
    pub lot_units: AssetUnits,
    /// Smallest step of a price, in whole quote assets for one whole base asset.
    pub tick: String,
    /// Every `limit_price` is a multiple of it.
    pub limit_price_step: AssetUnits,
    /// The highest `limit_price` that the book counts.
    pub limit_price_max: AssetUnits,
    /// The most of the base asset in one order.
    pub amount_max: String,
    pub amount_max_units: AssetUnits,
    /// What an order is worth at least, in the quote asset.
    pub notional_min: String,
    pub notional_min_units: AssetUnits,
    pub maker_fee_basis_points: u16,
    pub taker_fee_basis_points: u16,
    /// Takes orders. A closed market only settles what was matched.
    pub is_open: bool,
    /// Number of the last trade; 0 where there was none.
    pub last_trade: u64,
    /// Number of the last trade that is final on the chain.
    pub last_settled_trade: u64,
}

/// What the operator compares between its book and the contract: for each asset, what the contract holds for traders and as
/// fees is what the book has, once what waits for settlement is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reconciliation {
    /// Block at which they were compared last; absent before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_number: Option<u64>,
    /// Accounts of traders that were compared.
    pub accounts: u32,
    /// Accounts whose balances differed.
    pub differing: u32,
    /// What differs, in words; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// Answer of `GET /v1/exchange`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExchangeView {
    pub chain_id: u64,
    /// The contract that holds what is traded, and the `verifyingContract` of what traders sign.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
    /// Who sends trades and withdrawals to the contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub operator: Address,
    /// The account of a market maker that the operator runs; absent where it runs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub market_maker: Option<Address>,
    /// How long a trader that leaves alone waits, and how long `cancelAll` takes.
    pub exit_delay_seconds: u64,
    /// An order leaves the book so long before it expires.
    pub settlement_seconds: u64,
    /// An order may expire at most so far ahead.
    pub order_seconds_max: u64,
    /// The contract takes no deposits and settles no trades now. Withdrawals and exits go on.
    pub is_paused: bool,
    /// Why no orders are taken now; absent while they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Trades that are matched and not final yet.
    pub trades_to_settle: u64,
    /// The last block whose deposits and exits the book has.
    pub block_number: u64,
    pub reconciliation: Reconciliation,
    pub assets: Vec<ExchangeAsset>,
    pub markets: Vec<MarketView>,
}

/// All open orders of one price together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookLevel {
    pub price: String,
    /// In the feed, `0` says that the level is gone.
    pub amount: String,
    pub limit_price: AssetUnits,
    pub amount_units: AssetUnits,
}

/// Answer of `GET /v1/exchange/{market}/book`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BookView {
    pub market: String,
    /// Rises with every change of the exchange, with gaps; the feed continues from here.
    pub sequence: u64,
    /// CRC-32 (IEEE) of the text `limit_price:amount_units` of the best 25 bids, best first, then of the best 25 asks, all
    /// joined by `|`; of the empty text where the book is empty.
    pub checksum: u32,
    /// The highest price first.
    pub bids: Vec<BookLevel>,
    /// The lowest price first.
    pub asks: Vec<BookLevel>,
}

/// How far a trade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TradeState {
    /// The book matched it, and no block has it yet.
    Matched,
    /// A block has it.
    Final,
    /// The contract refuses it for good, for example since a trader left meanwhile. Both traders keep what they had.
    Void,
}

/// One trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TradeView {
    /// Its number in the market, the same in book and contract.
    pub trade: u64,
    pub market: String,
    pub price: String,
    pub limit_price: AssetUnits,
    pub amount: String,
    pub amount_units: AssetUnits,
    /// What it cost, in the quote asset.
    pub quote_amount: String,
    pub quote_units: AssetUnits,
    /// What the order did that came last.
    pub taker_side: Side,
    pub matched_at_unix_ms: UnixMillis,
    pub state: TradeState,
    /// The transaction that settled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_in: Option<PlacedTransaction>,
    /// Why it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Answer of `GET /v1/exchange/{market}/trades?limit=&before=`, the newest first. The next older ones are those before
/// the last one's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trades {
    pub market: String,
    pub trades: Vec<TradeView>,
}

/// Length of a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CandleInterval {
    #[serde(rename = "1m")]
    OneMinute,
    #[serde(rename = "5m")]
    FiveMinutes,
    #[serde(rename = "15m")]
    FifteenMinutes,
    #[serde(rename = "1h")]
    OneHour,
    #[serde(rename = "4h")]
    FourHours,
    #[serde(rename = "1d")]
    OneDay,
}

impl CandleInterval {
    pub const ALL: [Self; 6] =
        [Self::OneMinute, Self::FiveMinutes, Self::FifteenMinutes, Self::OneHour, Self::FourHours, Self::OneDay];

    pub const fn seconds(self) -> u64 {
        match self {
            Self::OneMinute => 60,
            Self::FiveMinutes => 300,
            Self::FifteenMinutes => 900,
            Self::OneHour => 3_600,
            Self::FourHours => 14_400,
            Self::OneDay => 86_400,
        }
    }
}

/// The trades of one stretch of time. A stretch without trades has no candle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Candle {
    /// Its first second, a multiple of the interval.
    pub start: UnixSeconds,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
    /// In the base asset.
    pub volume: String,
    /// In the quote asset.
    pub quote_volume: String,
    pub trades: u64,
}

/// Answer of `GET /v1/exchange/{market}/candles`, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Candles {
    pub market: String,
    pub interval: CandleInterval,
    pub candles: Vec<Candle>,
}

/// Answer of `GET /v1/exchange/{market}/ticker`. The day is the last 24 hours, in steps of a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ticker {
    pub market: String,
    /// Price of the last trade; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_bid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_ask: Option<String>,
    /// Of the day; absent where the day had no trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<String>,
    /// From the day's first price to its last, in 1/10 000, rounded towards zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_basis_points: Option<i64>,
    pub volume: String,
    pub quote_volume: String,
    pub trades: u64,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// In the book.
    Open,
    /// All of it traded.
    Filled,
    /// It left the book with a rest; `reason` says why.
    Cancelled,
    /// Its time in the book was over.
    Expired,
}

impl OrderState {
    pub const ALL: [Self; 4] = [Self::Open, Self::Filled, Self::Cancelled, Self::Expired];

    /// The text in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// What an order waits for before it comes to the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriggerView {
    /// `AT_OR_ABOVE` or `AT_OR_BELOW`.
    pub direction: Trigger,
    pub price: String,
    pub trigger_price: AssetUnits,
    /// When a trade reached it; absent while the order waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_at_unix_ms: Option<UnixMillis>,
}

/// An order as the book has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderView {
    /// Rises with every order of the exchange.
    pub id: u64,
    pub market: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    /// The key that signed for the trader. Absent where the trader signed itself.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Address>,
    /// What was signed.
    pub nonce: u64,
    pub epoch: u64,
    pub side: Side,
    pub time_in_force: TimeInForce,
    /// Absent for an order that came to the book at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerView>,
    pub price: String,
    pub limit_price: AssetUnits,
    /// What it trades at most. Less than was signed once it was reduced.
    pub amount: String,
    pub amount_units: AssetUnits,
    pub filled: String,
    pub filled_units: AssetUnits,
    pub state: OrderState,
    /// Why it left the book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub expires_at: UnixSeconds,
    pub placed_at_unix_ms: UnixMillis,
    pub changed_at_unix_ms: UnixMillis,
}

impl OrderView {
    /// It is open, and not in the book before a trade reaches its trigger.
    pub fn waits(&self) -> bool {
        let is_unreached = |trigger: &TriggerView| trigger.reached_at_unix_ms.is_none();
        self.state == OrderState::Open && self.trigger.as_ref().is_some_and(is_unreached)
    }
}

/// Body of `PATCH /v1/exchange/orders/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReduceOrder {
    /// What the order trades at most from now on, in smallest units; what it has traded counts.
    pub amount: AssetUnits,
}

/// Answer of `/api/orders`: all open orders of a trader, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenOrders {
    pub orders: Vec<OrderView>,
}

/// Which of two orders waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FillRole {
    /// The order waited in the book.
    Maker,
    /// The order came.
    Taker,
}

/// A trade as one of its two traders sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FillView {
    pub order_id: u64,
    /// What the order did.
    pub side: Side,
    pub role: FillRole,
    /// In the asset that the trader received.
    pub fee: String,
    pub fee_units: AssetUnits,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub fee_asset: Address,
    #[serde(flatten)]
    pub trade: TradeView,
}

/// Answer of `POST /v1/exchange/orders`: the order is on the disk, and this became of it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlacedOrder {
    pub order: OrderView,
    /// The first 1 000 of them.
    pub fills: Vec<FillView>,
}

/// Answer of `POST /v1/exchange/cancels` and of `DELETE /v1/exchange/orders/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CancelledOrders {
    /// Those that were open and left the book now. What they had traded before stays.
    pub order_ids: Vec<u64>,
}

/// How far a withdrawal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalState {
    /// Its amount has left the book, and it is sent behind the trades that were matched before.
    Accepted,
    /// A block has it: the trader was paid.
    Final,
    /// The contract refuses it; the amount is back in the book.
    Refused,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WithdrawalView {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: Address,
    pub amount: String,
    pub amount_units: AssetUnits,
    pub nonce: u64,
    pub state: WithdrawalState,
    pub requested_at_unix_ms: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_in: Option<PlacedTransaction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an account has of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExchangeBalance {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub asset: Address,
    pub symbol: String,
    /// What the contract holds for the trader, at the last block.
    pub in_contract: String,
    pub in_contract_units: AssetUnits,
    /// What open orders may hand over.
    pub reserved: String,
    pub reserved_units: AssetUnits,
    /// What the trader can order with or withdraw now.
    pub free: String,
    pub free_units: AssetUnits,
}

/// Where a trader's exit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExitState {
    /// The trader trades.
    None,
    /// `requestExit` was called: no orders are taken, and from `exit_at` on `exit` pays.
    Requested,
    /// `exit` pays now. `cancelExit` opens the account again.
    Ready,
}

/// Answer of `GET /v1/exchange/accounts/{address}`. An address that never deposited has an account of zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExchangeAccount {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    /// One for each asset of the exchange.
    pub balances: Vec<ExchangeBalance>,
    /// The epoch to sign orders for.
    pub newest_epoch: u64,
    /// The lowest nonce that the trader's next order or withdrawal may have.
    pub next_nonce: u64,
    pub exit: ExitState,
    /// From when on `exit` pays, if an exit was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_at: Option<UnixSeconds>,
    pub open_orders: u32,
    /// Trades of the account that are matched and not final yet.
    pub trades_to_settle: u64,
    /// The last block that these figures know.
    pub block_number: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_called_as_in_json() {
        for state in OrderState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn an_interval_is_called_by_its_length() {
        let names: Vec<_> = CandleInterval::ALL.iter().map(|one| serde_json::to_value(one).unwrap()).collect();
        assert_eq!(names, ["1m", "5m", "15m", "1h", "4h", "1d"]);
        assert!(CandleInterval::ALL.is_sorted_by_key(|interval| interval.seconds()));
    }
}
