//! What can go wrong with the database or the artifact folder.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};
use shared::amount::Amount;
use shared::review::{REVIEW_EDITABLE_MS, ReviewRefusal};
use shared::time::MS_PER_DAY;

use crate::record::Whose;

/// Codes of a full disk: SQLite's `SQLITE_FULL`, PostgreSQL's `disk_full`.
const FULL_CODES: [&str; 2] = ["13", "53100"];

/// Codes of two transactions that wanted the same rows: PostgreSQL's `serialization_failure` and `deadlock_detected`.
const CONFLICT_CODES: [&str; 2] = ["40001", "40P01"];

#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error(
        "DATABASE_URL is `sqlite:` and the path of a file, or `postgres://user:password@host/name`; its scheme here is \
         `{scheme}`"
    )]
    DatabaseUrl { scheme: String },
    #[error("the database cannot be opened: {0}")]
    Open(String),
    #[error("the database is full: free disk space and try again")]
    Full,
    #[error("another hub changed the same rows at the same time: {0}")]
    Conflict(String),
    #[error("{0} exists already")]
    Duplicate(&'static str),
    #[error("{0}")]
    Refused(Refusal),
    #[error("the database failed: {0}")]
    Database(String),
    #[error("a stored {what} cannot be read: {reason}")]
    Corrupt { what: &'static str, reason: String },
    #[error("{what}: up to {bound} AIT can be stored, got {value} AIT")]
    TooLarge { what: &'static str, bound: u64, value: String },
    #[error("the transaction cannot be signed: {0}")]
    Sign(String),
    #[error("the artifact folder failed: {0}")]
    Artifacts(String),
    #[error("the database's writer has stopped")]
    Stopped,
}

/// A rule that only the transaction itself can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{} may have {limit} sponsored jobs a day, and has had them", whose.subject())]
    DailyJobs { whose: Whose, limit: u32 },
    #[error(
        "{} may mint {limit} AIT a day: {taken} AIT are taken, and this job may mint up to {asked} AIT with its audits",
        whose.subject()
    )]
    DailyMint { whose: Whose, limit: Amount, taken: Amount, asked: Amount },
    #[error("{most} tasks of jobs from this network address are open, which is the limit: wait until some have ended")]
    TooManyTasksOfNetwork { most: u64 },
    #[error(
        "{most} tasks of jobs from this IPv6 site (48 bits) are open, which is the limit: wait until some have ended"
    )]
    TooManyTasksOfSite { most: u64 },
    #[error("the nonce was used: ask for another one")]
    NonceUsed,
    #[error("a wallet has up to {most} API keys: revoke one first")]
    TooManyKeys { most: usize },
    #[error("wallets have made {most} API keys at this server, which is the limit")]
    TooManyKeysInTotal { most: u64 },
    #[error("a client has up to {most} webhooks: remove one first")]
    TooManyWebhooks { most: usize },
    #[error("wallets have made {most} webhooks from this network address, which is the limit: remove one first")]
    TooManyWebhooksOfNetwork { most: u64 },
    #[error("wallets have made {most} webhooks from this IPv6 site (48 bits), which is the limit: remove one first")]
    TooManyWebhooksOfSite { most: u64 },
    #[error("clients have made {most} webhooks at this server, which is the limit")]
    TooManyWebhooksInTotal { most: u64 },
    #[error("a client has up to {most} open bids: cancel one first")]
    TooManyBids { most: usize },
    #[error("wallets have {most} open bids from this network address, which is the limit")]
    TooManyBidsOfNetwork { most: usize },
    #[error("wallets have {most} open bids from this IPv6 site (48 bits), which is the limit")]
    TooManyBidsOfSite { most: usize },
    #[error("wallets have {most} open bids at this server that they do not pay, which is the limit")]
    TooManyFreeBids { most: usize },
    #[error("clients have {most} open bids at this server, which is the limit")]
    TooManyBidsInTotal { most: usize },
    #[error("the bid {id} is over")]
    BidOver { id: shared::id::BidId },
    #[error("the account has a second factor: turn it off before another one is set up")]
    SecondFactorOn,
    #[error("no second factor of this account waits for its first code: begin anew")]
    NoSecondFactorBegun,
    #[error("accounts have {most} second factors at this server, which is the limit")]
    TooManySecondFactors { most: u64 },
    #[error("{most} second factors were set up from this network address within a day, which is the limit")]
    TooManySecondFactorsOfNetwork { most: u64 },
    #[error("{most} second factors were set up from networks of this IPv6 site within a day, which is the limit")]
    TooManySecondFactorsOfSite { most: u64 },
    #[error("{most} second factors were set up at this server within a day, which is the limit")]
    TooManySecondFactorsLately { most: u64 },
    #[error("the code was used: wait for the app's next one, or take another recovery code")]
    CodeUsed,
    #[error("the session waits for no code")]
    NoCodeAwaited,
    #[error("the key is a wallet's own: its jobs have the limits of the wallet")]
    KeyOfWallet,
    #[error("the miner is paused already")]
    MinerPaused,
    #[error("the miner is not paused")]
    MinerNotPaused,
    #[error("{most} miners are paused, which is the limit: resume one first")]
    TooManyPaused { most: usize },
    #[error("{0}")]
    Review(ReviewRefusal),
    #[error("a visitor asked for this work without an account, so nobody may review it")]
    ReviewOfVisitorsJob,
    #[error("another hub attested this receipt: its log has the reviews of it")]
    ReceiptOfAnotherHub,
    #[error("a review stays as it is {} days after it was left", REVIEW_EDITABLE_MS / MS_PER_DAY)]
    ReviewFinal,
    #[error("a review is written up to {most} times, and this one was")]
    ReviewChangedOften { most: u32 },
    #[error("an operator hid the text of this review")]
    ReviewHidden,
    #[error("the text of this review is not hidden")]
    ReviewShown,
    #[error("this review has no text")]
    ReviewWithoutText,
    #[error("the task has ended")]
    TaskEnded,
    #[error("{taken} of the transaction's {asked} receipts wait for no mint any more")]
    ReceiptsTaken { asked: u64, taken: u64 },
    #[error("the payment of {job_id} does not wait for this transaction any more")]
    PaymentMoved { job_id: shared::id::JobId },
    #[error("the index is not where this part of the chain begins: another process moved it, or it was cleared")]
    IndexMoved,
    #[error("the exchange in this database belongs to another hub or to another chain")]
    ExchangeOfAnother,
    #[error("the exchange's rows are at entry {at} of the journal, and these consequences begin at {after}")]
    ExchangeMoved { at: u64, after: u64 },
    #[error("Contract source code already verified")]
    ContractVerified,
    #[error("the server keeps up to {most} bytes of contracts' sources, which is reached")]
    NoRoomForSources { most: u64 },
    #[error("what is held for {provider} until {due_unix} (Unix seconds) waits for no release any more")]
    HoldTaken { provider: shared::Address, due_unix: u64 },
}

impl Whose {
    /// The subject of a sentence about a limit.
    const fn subject(self) -> &'static str {
        match self {
            Self::Visitor => "without a session or an API key, this address",
            Self::Visitors => "all visitors without a session or an API key together",
            Self::Key => "this API key",
            Self::Wallet => "this wallet, with the API keys that it made,",
        }
    }
}

impl StoreError {
    /// The same call may succeed later, once an operator made room or the disk answers again.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Full | Self::Conflict(_) | Self::Database(_) | Self::Artifacts(_) | Self::Stopped)
    }

    pub(crate) fn corrupt(what: &'static str, reason: impl ToString) -> Self {
        Self::Corrupt { what, reason: reason.to_string() }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
            return Self::Duplicate("a row with this key");
        }
        match driver_code(&error) {
            Some(code) if FULL_CODES.contains(&code.as_str()) => Self::Full,
            Some(code) if CONFLICT_CODES.contains(&code.as_str()) => Self::Conflict(error.to_string()),
            _ => Self::Database(error.to_string()),
        }
    }
}

/// The database's own code of an error.
fn driver_code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return None;
    };
    match cause.as_ref() {
        sqlx::Error::Database(cause) => cause.code().map(|code| code.into_owned()),
        _ => None,
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull { Self::Full } else { Self::Artifacts(error.to_string()) }
    }
}
