//! Jobs as clients and pages see them.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::audits::Unaudited;
use super::payments::PaymentView;
use crate::amount::{Amount, MicroUnits};
use crate::commitment::Salt;
use crate::digest::Sha256Digest;
use crate::id::JobId;
use crate::job::lifecycle::{Fault, JobState};
use crate::job::request::{Constraints, PaymentMode, Work};
use crate::job::task::{Part, TaskRole};
use crate::job::text::FinishReason;
use crate::time::UnixMillis;
use crate::unit::UnitType;

/// One job, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobView {
    pub id: JobId,
    pub state: JobState,
    pub model: String,
    #[serde(flatten)]
    pub work: Work,
    pub constraints: Constraints,
    pub payment_mode: PaymentMode,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    /// Created without an API key: everybody may see the job. Where it is minted, the hub is its client.
    pub sponsored: bool,
    /// Opens the commitments of the job's receipt. Who may see the job has it; show it to nobody from whom prompt or
    /// result shall be hidden.
    pub salt: Salt,
    /// The units that the receipts claim; before the job is over, the most that they may claim.
    pub units: MicroUnits,
    pub unit_type: UnitType,
    pub created_at_unix_ms: UnixMillis,
    pub started_at_unix_ms: Option<UnixMillis>,
    pub finished_at_unix_ms: Option<UnixMillis>,
    /// After this the job expires.
    pub deadline_unix_ms: UnixMillis,
    /// Jobs before it in the queue, while it waits.
    pub queue_position: Option<u32>,
    /// Estimated time until the result, from measured speeds.
    pub eta_ms: Option<u64>,
    /// Of the whole job, over all its parts.
    pub progress: Option<StepProgress>,
    /// Who works on it or served it; of a job that several miners share, the first of them. `tasks` names all.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub miner: Option<Address>,
    /// Of all tasks.
    pub faults: Vec<Fault>,
    /// The parts that miners work on.
    pub tasks: Vec<TaskView>,
    pub artifacts: Vec<ArtifactView>,
    /// Of a job that everybody may see: its files, and what is drawn or written of it so far, are its creator's alone for now.
    /// Other miners may be asked to compute it again, and who does must not read the result. It ends with the last of
    /// their answers, and with the job where nobody is asked.
    pub withheld: bool,
    /// Why no other miner is asked to compute it again. Absent where chance decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaudited: Option<Unaudited>,
    /// Of the task that served the job, or of its first part that has one. `tasks` names all.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub receipt_hash: Option<B256>,
    /// Of the receipt that `receipt_hash` names, once all receipts of the job are minted.
    pub mint: Option<MintView>,
    /// Where the client pays from escrow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentView>,
}

impl JobView {
    /// The job is over, and so is what it is paid by, and its result is kept from nobody who may see the job.
    pub fn is_last(&self) -> bool {
        let is_paid = match &self.payment {
            Some(payment) => payment.state.is_final(),
            None => self.state != JobState::Completed || self.mint.is_some(),
        };
        self.state.is_terminal() && is_paid && !self.withheld
    }
}

/// One task of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskView {
    pub role: TaskRole,
    pub state: JobState,
    /// Who works on it or served it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub miner: Option<Address>,
    /// The pictures that it draws, where several miners share the job's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<Part>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub receipt_hash: Option<B256>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepProgress {
    pub step: u32,
    pub steps: u32,
}

/// One result file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ArtifactView {
    /// Path on this origin.
    pub url: String,
    /// Its place in the job's result, from 0: the picture at place i has the job's seed + i. A place is missing where the
    /// part of the job that draws it has ended without a result.
    pub position: u32,
    pub media_type: String,
    pub sha256: Sha256Digest,
    pub bytes: u64,
    /// The safety checker of the miner's model flagged the picture, so a black one was delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flagged: bool,
    /// Since when the hub does not keep the file any more; its hash and the receipt stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at_unix_ms: Option<UnixMillis>,
}

/// The tokens that a receipt minted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MintView {
    pub amount: Amount,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transaction_hash: B256,
    pub block_number: u64,
}

/// Answer of `GET /v1/jobs/{id}/result`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobResult {
    pub job_id: JobId,
    /// `COMPLETED`, or how the parts ended that are missing.
    pub state: JobState,
    pub artifacts: Vec<ArtifactView>,
    /// Seed of the text or of the first picture; absent for embeddings, which draw nothing.
    pub seed: Option<u64>,
    /// Why the text ended; absent for pictures and embeddings.
    pub finish_reason: Option<FinishReason>,
    /// Of all receipts together.
    pub units: MicroUnits,
    pub unit_type: UnitType,
    /// Of the part that took longest.
    pub duration_ms: u64,
    /// Of all parts together.
    pub gpu_ms: u64,
    /// Of the first part. The job's `tasks` name all.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
}

/// Answer of `GET /v1/jobs/{id}/explain`: which filter removed which miner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// One sentence: why the job stands where it stands.
    pub summary: String,
    /// Up to 100; those that can serve the job come first.
    pub miners: Vec<MinerExplanation>,
    /// Further miners that are connected.
    #[serde(default)]
    pub others: u32,
}

/// Miners that one explanation names.
pub const EXPLAINED_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MinerExplanation {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
    pub eligible: bool,
    pub reason: String,
}

/// One event of `GET /v1/jobs/{id}/events`; the SSE event's name is the tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JobEventView {
    /// The job's state changed; the whole job as it stands now.
    State { job: Box<JobView> },
    /// The position in the queue changed.
    Queue { position: u32, eta_ms: Option<u64> },
    /// Denoising steps, or tokens and the most that there can be.
    Progress { step: u32, steps: u32 },
    /// More of the text. At 0 it begins anew: the first miner failed and another one writes.
    Token {
        /// Bytes of UTF-8 before it.
        at: usize,
        text: String,
    },
    /// The picture so far, as a `data:` URL.
    Preview { step: u32, data_url: String },
    /// The receipt minted tokens: told after each state from then on, so the last event of a completed job.
    Minted { mint: MintView },
}

impl JobEventView {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::State { .. } => "state",
            Self::Queue { .. } => "queue",
            Self::Progress { .. } => "progress",
            Self::Token { .. } => "token",
            Self::Preview { .. } => "preview",
            Self::Minted { .. } => "minted",
        }
    }
}

/// Body of `POST /v1/generate-image`, which draws one picture and waits for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GenerateImage {
    pub api_key: String,
    pub prompt: String,
    /// 5 to 100.
    #[serde(default)]
    pub steps: Option<u32>,
    /// 0 to 25.
    #[serde(default)]
    pub guidance: Option<f32>,
    /// Pixels, 256 to 1024.
    #[serde(default)]
    pub width: Option<u32>,
    /// Pixels, 256 to 1024.
    #[serde(default)]
    pub height: Option<u32>,
    #[serde(default)]
    pub seed: Option<u64>,
}

/// Answer of `POST /v1/generate-image`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GeneratedImage {
    /// `ok`.
    pub status: String,
    pub job_id: JobId,
    /// A `data:image/png;base64,` URL.
    pub image_base64: String,
    pub duration_ms: u64,
    pub gpu_seconds: f64,
}
