//! Types that repositories return and changes take. They contain nothing of the ORM.

use serde::{Deserialize, Serialize};
use shared::amount::Amount;
use shared::api::keys::{ApiKeyView, ApiScope};
use shared::api::receipts::SettlementState;
use shared::capability::Capability;
use shared::digest::Sha256Digest;
use shared::id::{ApiKeyId, JobId, LeaseId};
use shared::job::lifecycle::{Fault, JobState, TaskLife};
use shared::job::request::ValidJob;
use shared::job::task::{Task, TaskRole};
use shared::protocol::{Metering, ReceiptTerms};
use shared::receipt::SignedReceipt;
use shared::time::UnixMillis;
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
    pub job: ValidJob,
    pub state: JobState,
    /// At least one.
    pub tasks: Vec<TaskRecord>,
    pub created_at: UnixMillis,
    pub deadline: UnixMillis,
    pub started_at: Option<UnixMillis>,
    pub finished_at: Option<UnixMillis>,
}

impl JobRecord {
    /// Who works on the job or served it: the first task's miner that has one.
    pub fn miner(&self) -> Option<Address> {
        self.tasks.iter().find_map(|task| task.miner)
    }

    /// What serving the job took; `None` before its result.
    pub fn metering(&self) -> Option<Metering> {
        self.tasks.iter().find_map(|task| task.metering)
    }

    /// Faults of all tasks.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.tasks.iter().flat_map(|task| &task.life.faults)
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
    pub job: ValidJob,
    /// The tasks that it begins with.
    pub tasks: Vec<TaskRole>,
    pub created_at: UnixMillis,
    pub deadline: UnixMillis,
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
    pub sha256: Sha256Digest,
    pub media_type: String,
    pub bytes: u64,
    /// Black in place of a picture that the model's safety checker flagged.
    pub flagged: bool,
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
}

impl OutboxPayload {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Mint { .. } => "mint",
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
    pub capability: Capability,
    pub first_seen: UnixMillis,
    pub last_seen: UnixMillis,
    pub jobs_completed: u64,
    pub faults: u64,
    pub earned: Amount,
    pub pending: Amount,
}

/// An API key that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    pub id: ApiKeyId,
    pub secret_sha256: Sha256Digest,
    pub label: String,
    pub scope: ApiScope,
    pub address: Address,
    /// The key's own limit instead of the server's default.
    pub images_per_minute: Option<u32>,
    pub created_at: UnixMillis,
}

/// A stored API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    pub view: ApiKeyView,
    pub images_per_minute: Option<u32>,
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

/// The first answer to a request that named an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Who sent it; keys of different callers do not meet.
    pub caller: String,
    pub key: String,
    pub body_sha256: Sha256Digest,
    pub job_id: JobId,
    /// JSON of the answer.
    pub answer: String,
    pub created_at: UnixMillis,
}

/// One sponsored job of a day, and the limits that it must keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SponsoredUse {
    /// Days since 1970-01-01, UTC.
    pub day: u64,
    /// The visitor's network address, as the shell normalised it.
    pub address: String,
    pub limit_per_address: u32,
    pub limit_in_total: u32,
}
