//! Why the exchange does not do what it is asked for.

use exchange::Reason;
use exchange::journal::StorageError;
use shared::Address;
use shared::exchange::TraderSignatureError;
use store::StoreError;
use trading::{MarketError, OrderRefused};

use super::compliance::ComplianceError;
use super::limits::{
    DELEGATE_NONCE_STEP, NONCE_MAX, OPEN_ORDERS_PER_TRADER, REQUESTS_WAITING_MAX, WITHDRAWALS_WAITING_PER_TRADER,
};

/// A refusal, in words for the trader.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExchangeError {
    #[error("there is no exchange here: the chain has none, or this server does not operate it")]
    Absent,
    #[error("the exchange takes nothing now: {0}")]
    Fault(String),
    #[error("the exchange is stopping")]
    Stopping,
    #[error("too much is asked of the exchange at once: {REQUESTS_WAITING_MAX} requests wait")]
    Busy,
    #[error("there is no market {0}")]
    UnknownMarket(String),
    #[error("base, quote: no market trades {base} against {quote}")]
    NoMarket { base: Address, quote: Address },
    #[error("the market {0} is closed: it only settles what was matched")]
    MarketClosed(String),
    #[error("the exchange's contract is paused: no orders are taken until it settles again")]
    Paused,
    #[error("settlement is behind: a trade has waited for {seconds} s. No orders are taken until it is on the chain")]
    Behind { seconds: u64 },
    #[error("trader: the book knows no deposit of {0}, or none of the least amount of an order")]
    NoAccount(Address),
    #[error("trader: an exit was requested; `cancelExit` of the contract opens the account again")]
    Leaving,
    #[error("nonce: it is above {last}, the last one that was taken, and at most {NONCE_MAX}; got {given}")]
    Nonce { given: u64, last: u64 },
    #[error(
        "nonce: where a trading key signs, it is at most {DELEGATE_NONCE_STEP} above {last}, the last one taken; got {given}"
    )]
    DelegateNonce { given: u64, last: u64 },
    #[error("nonce: the contract has seen {0} of this trader; a higher one counts")]
    NonceUsed(u64),
    #[error("from_nonce, to_nonce: they are in order, and at most {last}, the last nonce taken; got {from} to {to}")]
    CancelRange { from: u64, to: u64, last: u64 },
    #[error("trader: {OPEN_ORDERS_PER_TRADER} open orders are the most that one may have")]
    TooManyOrders,
    #[error("trader: {WITHDRAWALS_WAITING_PER_TRADER} withdrawals that wait are the most that one may have")]
    TooManyWithdrawals,
    #[error("amount: {needed} {symbol} are needed; {free} {symbol} are free")]
    TooLittle { symbol: String, needed: String, free: String },
    #[error(
        "trader: the operator takes no orders of this trader in {market}: {reason}. Cancelling, withdrawing and leaving go on"
    )]
    NotServed { market: String, reason: String },
    #[error(transparent)]
    Order(#[from] OrderRefused),
    #[error("{0}")]
    Book(Reason),
    #[error("asset: the exchange trades no {0}")]
    UnknownAsset(Address),
    #[error("chain_id, contract: this exchange settles at {contract} on chain {chain_id}")]
    Elsewhere { chain_id: u64, contract: Address },
    #[error("amount: it is at least 1")]
    Nothing,
    #[error("expires_at: it is from {earliest} to {latest}, got {given}")]
    Expiry { given: u64, earliest: u64, latest: u64 },
    #[error(transparent)]
    Signature(#[from] TraderSignatureError),
    #[error("expires_at: the key that signed may sign for the trader until {ends}, got {given}")]
    OutlivesDelegation { given: u64, ends: u64 },
    #[error("the chain cannot be asked now who signed: {0}")]
    ChainNotAsked(String),
    #[error("there is no open order {0}")]
    UnknownOrder(u64),
    #[error("the order {0} is another trader's")]
    OrderOfAnother(u64),
    #[error("order_nonce: the trader has no open order with the nonce {0}")]
    UnknownNonce(u64),
    #[error("amount: {0}")]
    ReducedAmount(Reason),
    #[error("amount: it is below {now}, which the order has; got {given}")]
    NotLess { given: String, now: String },
    #[error("trigger_price: a trade was at {traded}, which reaches {trigger} already: the order would not wait")]
    TriggerReached { trigger: String, traded: String },
}

impl ExchangeError {
    pub(super) fn of_node(error: node::NodeError) -> Self {
        Self::ChainNotAsked(error.to_string())
    }

    /// The field of the request that is refused, where one is.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoMarket { .. } => Some("signed.base"),
            Self::Nonce { .. } | Self::DelegateNonce { .. } | Self::NonceUsed(_) => Some("signed.nonce"),
            Self::CancelRange { .. } => Some("signed.to_nonce"),
            Self::TooLittle { .. } | Self::Nothing => Some("signed.amount"),
            Self::UnknownAsset(_) => Some("signed.asset"),
            Self::Elsewhere { .. } => Some("signed.contract"),
            Self::Expiry { .. } | Self::OutlivesDelegation { .. } => Some("signed.expires_at"),
            Self::TriggerReached { .. } => Some("signed.trigger_price"),
            Self::Order(refused) => Some(order_field(refused)),
            Self::Book(reason) => book_field(reason),
            _ => None,
        }
    }
}

fn order_field(refused: &OrderRefused) -> &'static str {
    match refused {
        OrderRefused::Chain { .. } => "signed.chain_id",
        OrderRefused::Contract { .. } => "signed.contract",
        OrderRefused::Assets { .. } => "signed.base",
        OrderRefused::Epoch { .. } => "signed.epoch",
        OrderRefused::NonceIsZero => "signed.nonce",
        OrderRefused::Expiry { .. } => "signed.expires_at",
        OrderRefused::Fee { .. } => "signed.max_fee_basis_points",
        OrderRefused::TriggerPrice { .. } | OrderRefused::Steps { field: "trigger_price", .. } => {
            "signed.trigger_price"
        }
        OrderRefused::Steps { .. } => "signed.amount",
    }
}

const fn book_field(reason: &Reason) -> Option<&'static str> {
    match reason {
        Reason::PriceOutOfRange(_) | Reason::PostOnlyWouldTake { .. } | Reason::OffTick { .. } => {
            Some("signed.limit_price")
        }
        Reason::LotsOutOfRange { .. } | Reason::NotionalTooSmall { .. } | Reason::OffLot { .. } => {
            Some("signed.amount")
        }
        Reason::AlreadyExpired { .. } => Some("signed.expires_at"),
        _ => None,
    }
}

/// Why the desk stops. What it acknowledged is on the disk; the next start goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error("the journal: {0}")]
    Journal(#[from] StorageError),
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    #[error("the chain: {0}")]
    Node(#[from] node::NodeError),
    #[error("a market of the contract: {0}")]
    Market(#[from] MarketError),
    #[error("the policy: {0}")]
    Compliance(#[from] ComplianceError),
    #[error("the log of the policy's decisions: {0}")]
    DecisionLog(std::io::Error),
    #[error("{0}")]
    Inconsistent(String),
    #[error("the thread of the exchange: {0}")]
    Thread(std::io::Error),
}

impl DeskError {
    /// The same may go better later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Node(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            Self::Journal(_)
            | Self::Market(_)
            | Self::Compliance(_)
            | Self::DecisionLog(_)
            | Self::Inconsistent(_)
            | Self::Thread(_) => false,
        }
    }
}
