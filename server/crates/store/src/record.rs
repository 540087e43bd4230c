//! Types that repositories return and changes take. They contain nothing of the ORM.

pub mod bids;
pub mod contracts;
pub mod exchange;
pub mod index;
pub mod operators;
pub mod reviews;
pub mod webhooks;

use serde::{Deserialize, Serialize};
use shared::amount::{Amount, MicroUnits};
use shared::api::audits::{AuditState, Opinion, Unaudited};
use shared::api::keys::{ApiKeyView, ApiScope};
use shared::api::payments::{PaymentState, PlacedTransaction};
use shared::api::receipts::{HoldState, SettlementState};
use shared::capability::Capability;
use shared::device::Engine;
use shared::digest::Sha256Digest;
use shared::escrow::SignedPaymentOrder;
use shared::id::{ApiKeyId, JobId, LeaseId, SessionId};
use shared::job::JobKind;
use shared::job::lifecycle::{Fault, JobState, TaskLife};
use shared::job::request::ValidJob;
use shared::job::task::{Task, TaskRole};
use shared::protocol::{Metering, ReceiptTerms};
use shared::receipt::SignedReceipt;
use shared::review::ReviewTally;
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256, Bytes};

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Order of arrival, given by the database.
    pub seq: i64,
    /// Grows with everything that a client is told about the job.
    pub revision: u64,
    pub id: JobId,
    pub client: Address,
    pub sponsored: bool,
    /// Hash of the token that proves who created a job without an account; `None` for the job of an API key.
    pub creator_sha256: Option<Sha256Digest>,
    pub job: ValidJob,
    pub state: JobState,
    /// At least one.
    pub tasks: Vec<TaskRecord>,
    pub created_at: UnixMillis,
    pub deadline: UnixMillis,
    pub started_at: Option<UnixMillis>,
    pub finished_at: Option<UnixMillis>,
    /// Where its client pays.
    pub payment: Option<PaymentRecord>,
    /// Why no result of it is computed again; `None` where chance decides.
    pub unaudited: Option<Unaudited>,
}

impl JobRecord {
    /// Tasks that work for the client.
    pub fn serving(&self) -> impl Iterator<Item = &TaskRecord> {
        self.tasks.iter().filter(|task| !task.role.is_audit())
    }

    /// Who works on the job or served it: the first task's miner that has one.
    pub fn miner(&self) -> Option<Address> {
        self.serving().find_map(|task| task.miner)
    }

    /// What serving the job took, `None` before its first result: of several parts, the time of the longest, and the rest
    /// of all together.
    pub fn metering(&self) -> Option<Metering> {
        self.serving().filter_map(|task| task.metering).reduce(Metering::beside)
    }

    /// Faults of all tasks that work for the client.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.serving().flat_map(|task| &task.life.faults)
    }
}

/// One task of a stored job.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    pub role: TaskRole,
    pub life: TaskLife,
    pub miner: Option<Address>,
    pub metering: Option<Metering>,
}

/// A task after a transition, with the state of its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTask {
    pub task: Task,
    pub life: TaskLife,
    pub job: JobState,
}

/// A job that is about to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    pub id: JobId,
    pub client: Address,
    pub sponsored: bool,
    pub creator_sha256: Option<Sha256Digest>,
    pub job: ValidJob,
    /// The tasks that it begins with.
    pub tasks: Vec<TaskRole>,
    pub created_at: UnixMillis,
    pub deadline: UnixMillis,
    /// Why no result of it shall be computed again; `None` where chance decides.
    pub unaudited: Option<Unaudited>,
}

/// A task's assignment to a miner.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseRecord {
    pub id: LeaseId,
    pub task: Task,
    pub miner: Address,
    pub terms: ReceiptTerms,
    pub granted_at: UnixMillis,
    pub deadline: UnixMillis,
    pub ended_at: Option<UnixMillis>,
    pub fault: Option<Fault>,
}

/// One result file of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRecord {
    /// Its place among the job's files, whichever task made it.
    pub position: u32,
    pub sha256: Sha256Digest,
    pub media_type: String,
    pub bytes: u64,
    /// Black in place of a picture that the model's safety checker flagged.
    pub flagged: bool,
    /// Since when its file is gone. What it was stays: type, length and hash.
    pub removed_at: Option<UnixMillis>,
}

/// An attested receipt and the state of its settlement.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptRecord {
    pub seq: i64,
    /// The task of the receipt's job that it is for.
    pub role: TaskRole,
    pub signed: SignedReceipt,
    pub amount: Amount,
    pub attested_at: UnixMillis,
    pub settlement: SettlementState,
    pub refusal: Option<String>,
    /// Mint transactions that contained it and failed.
    pub attempts: u32,
    pub transaction_hash: Option<B256>,
    pub block_number: Option<u64>,
    /// Where the minted amount is; `None` until the mint's block was looked at.
    pub hold: Option<HoldState>,
    /// Until when the minter holds the amount; `None` where it was paid at once.
    pub due: Option<UnixSeconds>,
    /// Why it is taken back: its provider was refuted.
    pub void_reason: Option<String>,
}

/// An audit of a task's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The task whose result it looks at.
    pub served: Task,
    pub opened: NewAudit,
    /// The audited receipt.
    pub receipt_hash: B256,
    pub provider: Address,
    pub state: AuditState,
    /// Who answered first, where a third miner is asked, or was.
    pub audited_by: Option<Address>,
    pub opinions: Vec<Opinion>,
    pub refuted: Option<Address>,
    pub ended_at: Option<UnixMillis>,
}

/// An audit that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// With what the result was computed.
    pub manifest_sha256: Sha256Digest,
    pub engine: Engine,
    pub unit_price: Amount,
    /// What all opinions of it may mint together.
    pub mint_max: Amount,
    /// The random bits that drew it.
    pub bits: B256,
    pub opened_at: UnixMillis,
    /// Until when the auditor, or now the third miner, may answer.
    pub deadline: UnixMillis,
}

/// A result that held, and how long it took from the grant of its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredResult {
    pub kind: JobKind,
    pub model: String,
    pub miner: Address,
    pub units: MicroUnits,
    pub elapsed_ms: u64,
}

/// Completed jobs of a model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServedJobs {
    pub all: u64,
    /// Those that were asked for since a moment.
    pub new: u64,
    /// When the last one ended.
    pub last: Option<UnixMillis>,
}

/// A model that was asked for and could not be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnservedRow {
    pub kind: JobKind,
    pub model: String,
    /// How many asked, each once a day.
    pub asked: u64,
    /// Days since 1970-01-01, UTC.
    pub last_day: u64,
}

/// The payment of a job from the escrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRecord {
    pub seq: i64,
    pub signed: SignedPaymentOrder,
    pub state: PaymentState,
    /// Why nothing was reserved, or why the last try failed.
    pub refusal: Option<String>,
    /// Tries of what is next that failed.
    pub attempts: u32,
    pub changed_at: UnixMillis,
    /// The transaction that is on its way, or was the last one.
    pub transaction_hash: Option<B256>,
    pub reserved_in: Option<PlacedTransaction>,
    /// Where it was paid or given back.
    pub ended_in: Option<PlacedTransaction>,
    pub paid: Option<Amount>,
    pub fee: Option<Amount>,
    pub refunded: Option<Amount>,
}

/// What the minter holds for one provider until one time, whatever receipts it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldKey {
    pub provider: Address,
    pub due: UnixSeconds,
}

/// A receipt that is about to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReceipt {
    pub signed: SignedReceipt,
    pub amount: Amount,
    pub attested_at: UnixMillis,
}

/// What a transaction of the outbox is for. Its kind decides who records what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OutboxPayload {
    /// Mints these receipts, named by their hashes.
    Mint { receipts: Vec<B256> },
    /// Pays these holds to their providers.
    Release { holds: Vec<HoldKey> },
    /// Sets the money of a job's client aside.
    Reserve { job_id: JobId },
    /// Pays these receipts from the escrow.
    Settle { receipts: Vec<B256> },
    /// Gives what is reserved for a job back to its client.
    Close { job_id: JobId },
    /// Takes back what is held of a receipt.
    Void { receipt: B256 },
    /// Drops the claim on a bounty that is for this receipt.
    Reject { receipt: B256, bounty: u64 },
    /// Settles these trades of a market of the exchange.
    SettleTrades { market: u16, first_trade: u64, trades: u64 },
    /// Pays a trader out of its balance at the exchange.
    Withdraw { trader: Address, nonce: u64 },
    /// Pays the escrow's fees to the accounts that it names.
    DistributeFees,
    /// Lets the fees of those who have staked flow.
    CollectRewards,
}

impl OutboxPayload {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mint { .. } => "mint",
            Self::Release { .. } => "release",
            Self::Reserve { .. } => "reserve",
            Self::Settle { .. } => "settle",
            Self::Close { .. } => "close",
            Self::Void { .. } => "void",
            Self::Reject { .. } => "reject",
            Self::SettleTrades { .. } => "settle_trades",
            Self::Withdraw { .. } => "withdraw",
            Self::DistributeFees => "distribute_fees",
            Self::CollectRewards => "collect_rewards",
        }
    }
}

/// A signed transaction on its way to a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRecord {
    pub id: i64,
    pub payload: OutboxPayload,
    pub signer: Address,
    pub nonce: u64,
    pub transaction_hash: B256,
    pub raw_transaction: Bytes,
    /// How often it was sent without a block having it in time.
    pub attempts: u64,
    pub signed_at: UnixMillis,
}

/// Where a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// Signed and stored; no block is known to have it.
    Signed,
    /// In a block, and successful.
    Included,
    /// In a block, but reverted.
    Reverted,
    /// Another transaction took its nonce, so no block will have it.
    Replaced,
}

/// A miner's profile.
#[derive(Debug, Clone, PartialEq)]
pub struct MinerRecord {
    pub address: Address,
    /// With the hardware report only where one miner was asked for.
    pub capability: Capability,
    pub first_seen: UnixMillis,
    pub last_seen: UnixMillis,
    pub jobs_completed: u64,
    pub faults: u64,
    /// Its results that another miner confirmed, and those that were refuted.
    pub audits_confirmed: u64,
    pub audits_refuted: u64,
    pub earned: Amount,
    pub pending: Amount,
    /// What the minter holds of `earned`.
    pub held: Amount,
    /// What clients said of its work.
    pub reviews: ReviewTally,
}

/// An API key that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    pub id: ApiKeyId,
    pub secret_sha256: Sha256Digest,
    pub label: String,
    pub scope: ApiScope,
    pub address: Address,
    /// The key's own limits instead of the server's defaults.
    pub images_per_minute: Option<u32>,
    pub mint_per_day: Option<Amount>,
    /// Made by the wallet itself, not by the operator.
    pub by_wallet: bool,
    pub created_at: UnixMillis,
}

/// A stored API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    pub view: ApiKeyView,
    pub images_per_minute: Option<u32>,
    pub mint_per_day: Option<Amount>,
    pub by_wallet: bool,
}

impl NewApiKey {
    pub fn view(&self) -> ApiKeyView {
        ApiKeyView {
            id: self.id,
            label: self.label.clone(),
            scope: self.scope,
            address: self.address,
            created_at_unix_ms: self.created_at,
            revoked_at_unix_ms: None,
        }
    }
}

/// A session of a wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    pub id: SessionId,
    pub address: Address,
    /// As the browser names itself.
    pub browser: String,
    /// A code of the second factor is missing: the session may do nothing yet.
    pub awaits_code: bool,
    pub created_at: UnixMillis,
    pub expires_at: UnixMillis,
}

/// The second factor of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactorRecord {
    pub address: Address,
    /// Encrypted by the hub.
    pub sealed_secret: String,
    pub begun_at: UnixMillis,
    /// Absent where the first code is missing.
    pub confirmed_at: Option<UnixMillis>,
    /// The half minute since 1970 of the last code that counted.
    pub last_used_step: Option<u64>,
    pub tries: CodeTries,
    /// Hashes of the recovery codes that were not used.
    pub recovery: Vec<Sha256Digest>,
}

/// The wrong codes since the last right one, and until when none is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodeTries {
    pub wrong: u32,
    pub blocked_until: UnixMillis,
}

/// A code that counted, and counts no other time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedCode {
    /// Of the app, by its half minute since 1970. None before it counts any more either.
    Step(u64),
    /// A recovery code, by its hash.
    Recovery(Sha256Digest),
}

/// The first answer to a request that named an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Who sent it; keys of different callers do not meet.
    pub caller: String,
    pub key: String,
    pub body_sha256: Sha256Digest,
    /// The job that was asked for, or that a bid becomes.
    pub job_id: JobId,
    /// JSON of the answer.
    pub answer: String,
    pub created_at: UnixMillis,
}

/// One job of a day, and the limits that it must keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyUse {
    /// Days since 1970-01-01, UTC.
    pub day: u64,
    /// It counts as one of the jobs of the day. One that its client pays does not.
    pub counts_as_job: bool,
    /// The most that may be minted for the job, its audits included. What is not minted is free again when they end.
    pub amount: Amount,
    /// Everybody whose limit the job must keep.
    pub accounts: Vec<DailyAccount>,
}

/// An account with its limits of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyAccount {
    /// As the shell normalised it; empty for all visitors together.
    pub name: String,
    pub whose: Whose,
    pub jobs_max: Option<u32>,
    pub mint_max: Amount,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// One visitor, by its network address.
    Visitor,
    /// All visitors together.
    Visitors,
    /// An API key.
    Key,
    /// A wallet, by its sessions and the keys that it made.
    Wallet,
}
