//! Jobs as clients and pages see them.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, MicroUnits};
use crate::digest::{PromptHash, Sha256Digest};
use crate::id::JobId;
use crate::job::lifecycle::{Fault, JobState};
use crate::job::request::{Constraints, PaymentMode, Work};
use crate::job::task::TaskRole;
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
    /// Created without an account: the hub is the client, and everybody may see the job.
    pub sponsored: bool,
    pub prompt_hash: PromptHash,
    /// The units that the receipt claims; before there is a receipt, the most that it may claim.
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
    pub progress: Option<StepProgress>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub miner: Option<Address>,
    /// Of all tasks.
    pub faults: Vec<Fault>,
    /// The parts that miners work on.
    pub tasks: Vec<TaskView>,
    pub artifacts: Vec<ArtifactView>,
    /// Of the task that served the job, or of its first part.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub receipt_hash: Option<B256>,
    pub mint: Option<MintView>,
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
    pub media_type: String,
    pub sha256: Sha256Digest,
    pub bytes: u64,
    /// The safety checker of the miner's model flagged the picture, so a black one was delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flagged: bool,
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
    pub artifacts: Vec<ArtifactView>,
    /// Seed of the text or of the first picture; absent for embeddings, which draw nothing.
    pub seed: Option<u64>,
    /// Why the text ended; absent for pictures and embeddings.
    pub finish_reason: Option<FinishReason>,
    pub units: MicroUnits,
    pub unit_type: UnitType,
    pub duration_ms: u64,
    pub gpu_ms: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
}

/// Answer of `GET /v1/jobs/{id}/explain`: which filter removed which miner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// One sentence: why the job stands where it stands.
    pub summary: String,
    pub miners: Vec<MinerExplanation>,
}

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
    /// The receipt minted tokens; the last event of a completed job.
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
