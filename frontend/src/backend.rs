//! The questions that pages may ask. The server provides an implementation through context, and pages know nothing else
//! of the server.

mod contracts;

use std::sync::Arc;

use async_trait::async_trait;
use shared::amount::Amount;
use shared::api::admin::{AdminHealth, AdminJob, AdminJobFilter, AdminKey, AdminLimits, OperatorChange};
use shared::api::bounties::{BountyState, BountyView, UnservedModel};
use shared::api::exchange::{
    BookView, CandleInterval, Candles, ExchangeAccount, ExchangeView, FillView, MarketView, OrderView, Ticker,
    TradeView, WithdrawalView,
};
use shared::api::exchange_keys::TradingKey;
use shared::api::explorer::{
    AddressView, BlockSummary, BlockView, CallsView, TransactionSummary, TransactionView, ValidatorsView,
};
use shared::api::jobs::JobView;
use shared::api::keys::ApiKeyView;
use shared::api::log::FailureView;
use shared::api::marketplace::{ModelPage, Models, OfferFilter, Offers};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::receipts::ReceiptView;
use shared::api::reviews::ReviewView;
use shared::api::search::SearchHit;
use shared::api::second_factor::SecondFactorView;
use shared::api::sessions::SessionView;
use shared::api::status::NetworkStatus;
use shared::api::tokens::{Charts, CreationView, HolderView, HoldingView, TokenSummary, TokenView, TransferView};
use shared::api::why_idle::WhyIdle;
use shared::digest::Sha256Digest;
use shared::id::{ApiKeyId, JobId, SessionId};
use shared::job::JobKind;
use shared::{Address, B256};

pub use self::contracts::ContractBackend;

/// Why a page cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// Nothing by that name exists, or it is private.
    #[error("not found")]
    NotFound,
    /// A cursor or name that cannot be read, with what would have been accepted.
    #[error("{0}")]
    Invalid(String),
    /// The server itself failed; the reason is for its log.
    #[error("the server could not answer: {0}")]
    Unavailable(String),
}

/// A result that is no picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    Text(String),
    /// One for each text.
    Vectors(Vec<Vec<f32>>),
}

/// Whose transfers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransfersOf {
    pub token: Option<Address>,
    pub account: Option<Address>,
}

pub type Answer<T> = Result<T, BackendError>;

/// Who signed in with this browser's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// The wallet has signed in, and a code of the second factor is missing. Every other page is a visitor's.
    AwaitsCode {
        address: Address,
        session: SessionId,
    },
    SignedIn(AccountView),
}

/// The account that is signed in, and what acts for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    pub address: Address,
    /// Newest first.
    pub sessions: Vec<SessionView>,
    /// Newest first.
    pub keys: Vec<ApiKeyView>,
    pub second_factor: SecondFactorView,
}

/// What the account that is signed in can pay with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funds {
    pub address: Address,
    pub balance: Amount,
    /// In the escrow, and not reserved.
    pub deposited: Amount,
}

/// The record of a job that ended without a result, as the server checked it for this page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFailure {
    pub view: FailureView,
    /// Why hash or signature do not hold.
    pub signature: Result<(), String>,
    /// The key is the one that attests this hub's receipts.
    pub is_this_hubs: bool,
}

/// A receipt of a job, and what the job's client says of the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnReview {
    pub receipt_hash: B256,
    pub miner: Address,
    /// `None` until it is written.
    pub review: Option<ReviewView>,
    /// It may be written, or changed, now.
    pub is_open: bool,
}

/// How far the hub's log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    pub size: u64,
    pub root: B256,
    /// Whose key signs it.
    pub hub: Address,
}

/// A market as everybody sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketPage {
    pub exchange: ExchangeView,
    pub market: MarketView,
    pub ticker: Ticker,
    pub book: BookView,
    /// Newest first.
    pub trades: Vec<TradeView>,
    pub candles: Candles,
}

/// What the account that is signed in has and does on the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraderPage {
    pub account: ExchangeAccount,
    /// Open ones of all markets.
    pub orders: Newest<OrderView>,
    /// Those that are over, of all markets.
    pub past_orders: Newest<OrderView>,
    /// Of all markets.
    pub fills: Newest<FillView>,
    pub withdrawals: Newest<WithdrawalView>,
    /// Keys that sign orders for the account.
    pub keys: Vec<TradingKey>,
}

/// The first rows of a list, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest<T> {
    pub rows: Vec<T>,
    /// Older ones are not among them.
    pub has_older: bool,
}

/// Data of the hub and the node as the reader of the page may see them, read-only.
#[async_trait]
pub trait Backend: ContractBackend + Send + Sync + 'static {
    async fn status(&self) -> Answer<NetworkStatus>;

    /// A public job, or one of the account that is signed in; any other is not found.
    async fn job(&self, id: JobId) -> Answer<JobView>;

    /// Whether the reader may read what a job gives, that it may see: what is withheld is its creator's alone.
    async fn may_read(&self, job: &JobView) -> Answer<bool>;

    /// The result of a text or embedding job, once there is one that the reader may read; never of a picture.
    async fn written(&self, job: &JobView) -> Answer<Option<Written>>;

    /// The jobs of the account that is signed in, newest first.
    async fn own_jobs(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<JobView>>;
    /// `None` where nobody is signed in.
    async fn account(&self) -> Answer<Option<Account>>;
    /// `None` where nobody is signed in.
    async fn funds(&self) -> Answer<Option<Funds>>;

    async fn receipt(&self, hash: B256) -> Answer<ReceiptView>;
    /// Where a receipt stands in the hub's log.
    async fn place_of_receipt(&self, hash: B256) -> Answer<Option<u64>>;
    async fn failure_of_job(&self, id: JobId) -> Answer<Option<CheckedFailure>>;
    async fn log_head(&self) -> Answer<LogHead>;
    async fn receipt_of_job(&self, id: JobId) -> Answer<Option<ReceiptView>>;
    /// Newest first; only those of `provider` where one is named.
    async fn receipts(&self, provider: Option<Address>, cursor: Option<&str>, limit: u32) -> Answer<Page<ReceiptView>>;

    /// What clients said of a miner's work, newest first.
    async fn reviews(&self, miner: Address, cursor: Option<&str>, limit: u32) -> Answer<Page<ReviewView>>;
    /// What the reader says, or may say, of the work for a job, so far; `None` where it will never have anything to say.
    async fn own_reviews(&self, job: &JobView) -> Answer<Option<Vec<OwnReview>>>;

    /// Connected ones first, without their hardware reports.
    async fn miners(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<MinerView>>;
    async fn miner(&self, address: Address) -> Answer<MinerView>;
    /// Why a miner has no job, and what would help.
    async fn why_idle(&self, address: Address) -> Answer<WhyIdle>;

    /// What a text may name, the best fitting first.
    async fn search(&self, text: &str) -> Answer<Vec<SearchHit>>;

    /// Pinned models and those that connected miners offer; of one kind, or all.
    async fn models(&self, kind: Option<JobKind>) -> Answer<Models>;
    /// The first of its kinds where none is named.
    async fn model(&self, name: &str, kind: Option<JobKind>) -> Answer<ModelPage>;
    /// At most `limit` of those that fit.
    async fn offers(&self, filter: &OfferFilter, limit: usize) -> Answer<Offers>;

    /// Newest first; those of one state, or all. A page of one state may be short.
    async fn bounties(&self, state: Option<BountyState>, cursor: Option<&str>, limit: u32) -> Answer<Page<BountyView>>;
    /// Open ones for any of these manifests, newest first.
    async fn bounties_for(&self, manifests: &[Sha256Digest]) -> Answer<Vec<BountyView>>;
    /// Models that were asked for and could not be served.
    async fn unserved(&self) -> Answer<Vec<UnservedModel>>;

    /// Highest first.
    async fn blocks(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<BlockSummary>>;
    async fn block(&self, number: u64) -> Answer<BlockView>;
    async fn block_by_hash(&self, hash: B256) -> Answer<BlockView>;
    /// Newest first.
    async fn transactions(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<TransactionSummary>>;
    async fn transaction(&self, hash: B256) -> Answer<TransactionView>;
    /// What the transaction called.
    async fn calls_of(&self, transaction: B256) -> Answer<CallsView>;
    async fn address(&self, address: Address) -> Answer<AddressView>;
    /// Those that concern an address, newest first.
    async fn transactions_of(
        &self,
        address: Address,
        cursor: Option<&str>,
        limit: u32,
    ) -> Answer<Page<TransactionSummary>>;
    /// How a contract came to be, where a transaction made it.
    async fn creation(&self, address: Address) -> Answer<Option<CreationView>>;

    /// Those who decide the next block, heaviest first, and what stake earns.
    async fn validators(&self) -> Answer<ValidatorsView>;

    /// Those with the most holders first.
    async fn tokens(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<TokenSummary>>;
    async fn token(&self, address: Address) -> Answer<TokenView>;
    /// Who holds a token, the most first.
    async fn holders(&self, token: Address, cursor: Option<&str>, limit: u32) -> Answer<Page<HolderView>>;
    /// What an account holds, by token.
    async fn holdings(&self, account: Address, cursor: Option<&str>, limit: u32) -> Answer<Page<HoldingView>>;
    /// Newest first; of one token, of one account, or all.
    async fn transfers(&self, of: TransfersOf, cursor: Option<&str>, limit: u32) -> Answer<Page<TransferView>>;

    async fn charts(&self) -> Answer<Charts>;

    /// `None` where this server runs no exchange.
    async fn exchange(&self) -> Answer<Option<ExchangeView>>;
    async fn market(&self, id: &str, interval: CandleInterval) -> Answer<MarketPage>;
    /// `None` where nobody is signed in.
    async fn trader(&self) -> Answer<Option<TraderPage>>;
}

/// What operators of the hub see. Only pages of an operator's session get one, so that no other page can show any of it.
#[async_trait]
pub trait OperatorBackend: Send + Sync + 'static {
    async fn health(&self) -> Answer<AdminHealth>;
    /// Newest first.
    async fn jobs(&self, filter: &AdminJobFilter, cursor: Option<&str>, limit: u32) -> Answer<Page<AdminJob>>;
    /// All miners, connected ones first, or those that are paused.
    async fn miners(&self, paused: bool, cursor: Option<&str>, limit: u32) -> Answer<Page<MinerView>>;
    async fn miner(&self, address: Address) -> Answer<MinerView>;
    /// Those whose owner's address begins so.
    async fn keys(&self, owner: Option<&str>, cursor: Option<&str>, limit: u32) -> Answer<Page<AdminKey>>;
    async fn key(&self, id: ApiKeyId) -> Answer<AdminKey>;
    async fn limits(&self) -> Answer<AdminLimits>;
    /// Newest first.
    async fn changes(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<OperatorChange>>;
}

/// The operators' backend of the page that is being rendered.
///
/// # Errors
/// The reader is no operator: for them, there is no such page.
pub fn use_operator_backend() -> Answer<Arc<dyn OperatorBackend>> {
    leptos::prelude::use_context().ok_or(BackendError::NotFound)
}

/// The backend of the page that is being rendered.
pub fn use_backend() -> Arc<dyn Backend> {
    leptos::prelude::expect_context()
}
