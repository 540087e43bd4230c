//! Messages between hub and worker, as JSON text frames of the WebSocket `/v1/miners/session`.
//!
//! ```text
//! hub  → Challenge                      worker → Register (signs the challenge)
//! hub  → Welcome | Refused (and closes)
//! hub  → Assign …                       worker → Accept, Progress*, then POST …/result or Fail
//! hub  → Cancel, Watched                worker → Heartbeat every `heartbeat_seconds`; Slots, Decline where it has other hubs
//! ```
//! A result goes by `POST /v1/miners/jobs/{lease_id}/result` instead, so that the worker's outbox can send it again
//! after a crash of either side; the hub answers a repetition as it answered the first.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, MicroUnits};
use crate::capability::Capability;
use crate::commitment::Salt;
use crate::id::{JobId, LeaseId};
use crate::job::lifecycle::Blame;
use crate::job::request::Work;
use crate::job::task::Task;
use crate::job::text::FinishReason;
use crate::job::token::Tokens;
use crate::receipt::JobReceipt;
use crate::time::{UnixMillis, UnixSeconds};
use crate::unit::UnitType;

/// Version of these messages. A hub refuses a worker of another version and says so.
pub const PROTOCOL_VERSION: u32 = 9;

/// How far the clocks of hub and worker may differ. The hub refuses a receipt whose times differ by more.
pub const CLOCK_SKEW_MAX_MS: u64 = 120_000;

/// Largest text frame either side accepts.
pub const FRAME_MAX_BYTES: usize = 1 << 20;

/// Largest preview, decoded.
pub const PREVIEW_MAX_BYTES: usize = 64 << 10;

/// Largest piece of a text in one message, in bytes of UTF-8.
pub const PIECE_MAX_BYTES: usize = 16 << 10;

/// Largest artifact of a job, decoded.
pub const ARTIFACT_MAX_BYTES: usize = 16 << 20;

/// Largest result body: sixteen artifacts in base64 and the receipt.
pub const RESULT_MAX_BYTES: usize = 96 << 20;

pub const REASON_MAX_CHARS: usize = 500;

/// From hub to worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HubMessage {
    Challenge(Challenge),
    /// The registration is accepted; the hub may assign jobs to the worker.
    Welcome {
        heartbeat_seconds: u64,
    },
    /// The hub closes the session; `retryable` says whether the same registration may succeed later.
    Refused {
        reason: String,
        retryable: bool,
    },
    Assign(Box<Assignment>),
    /// The lease is no longer valid: stop working on it.
    Cancel {
        lease_id: LeaseId,
        reason: String,
    },
    /// Whether somebody looks at the job from now on.
    Watched {
        lease_id: LeaseId,
        watched: bool,
    },
    /// A sentence for the miner.
    Notice {
        text: String,
    },
}

/// The first message of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    pub protocol_version: u32,
    pub hub_id: String,
    pub chain_id: u64,
    /// Pays receipts of jobs that are minted.
    pub minter: Address,
    /// Pays receipts of jobs that their clients pay.
    pub escrow: Address,
    pub nonce: B256,
    pub server_time_unix_ms: UnixMillis,
}

impl Challenge {
    /// The text that the worker signs by EIP-191 (`personal_sign`) to prove that it holds `address`. `dialed` is
    /// [`Registration::dialed`]: a hub that passes on the challenge of another one gets a signature that is worth nothing there.
    pub fn registration_message(&self, address: Address, dialed: &str) -> String {
        let Self { hub_id, chain_id, minter, escrow, nonce, .. } = self;
        format!(
            "AITBC miner session\nhub: {hub_id}\nchain: {chain_id}\nminter: {minter}\nescrow: {escrow}\naddress: {address}\ndialed: {dialed}\nnonce: {nonce}"
        )
    }
}

/// One task for one worker, with everything its receipt needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    pub lease_id: LeaseId,
    pub task: Task,
    pub model: String,
    pub work: Work,
    /// For the receipt's commitments.
    pub salt: Salt,
    pub terms: ReceiptTerms,
    /// After this the hub gives the task to another miner.
    pub deadline_unix_ms: UnixMillis,
    /// Whether somebody looks at the job now, so that previews are worth drawing.
    pub watched: bool,
}

/// The fields of the receipt that hub and miner agree on before the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptTerms {
    pub client: Address,
    /// The units that the receipt claims. For tokens, whose number is not known beforehand, the most that it may claim.
    pub units: MicroUnits,
    pub unit_type: UnitType,
    pub unit_price: Amount,
    /// [`crate::receipt::expires_at`] of the job's deadline.
    pub expires_at: UnixSeconds,
    pub hub_id: String,
    pub chain_id: u64,
    /// The contract that pays: the minter or the escrow of the session.
    pub contract: Address,
}

/// From worker to hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WorkerMessage {
    Register(Box<Registration>),
    Accept {
        lease_id: LeaseId,
    },
    Progress(Progress),
    /// The lease ends without a result; [`WorkerMessage::fail`] makes it.
    Fail {
        lease_id: LeaseId,
        blame: Blame,
        reason: String,
        /// Another try of the same worker may end otherwise.
        retryable: bool,
    },
    /// Of the slots of the registration, the hub may fill so many at once from now on: the others work for other hubs. Leases
    /// that it has given before count, and go on where they are more.
    Slots {
        slots: u32,
    },
    /// The lease crossed a [`WorkerMessage::Slots`] on the way, and another hub has its slot. Nobody is to blame.
    Decline {
        lease_id: LeaseId,
    },
    /// The leases that the worker still works on. The hub takes back its leases that are missing here.
    Heartbeat {
        leases: Vec<LeaseId>,
    },
    /// The worker finishes what it has and takes nothing new.
    Drain,
}

impl WorkerMessage {
    /// What ends a lease, with a reason of up to [`REASON_MAX_CHARS`] characters.
    pub fn fail(lease_id: LeaseId, blame: Blame, retryable: bool, reason: &str) -> Self {
        let reason = reason.chars().take(REASON_MAX_CHARS).collect();
        Self::Fail { lease_id, blame, reason, retryable }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    pub protocol_version: u32,
    pub address: Address,
    pub capability: Capability,
    /// Host and port of the hub's URL that the worker was told to serve, as `hub.example:443`: a host in lower case and
    /// without a dot at its end, an IPv6 address in its short form and in brackets, and the port in any case.
    pub dialed: String,
    /// Of the capability's slots, those that the hub may fill now: the others work for other hubs.
    pub slots: u32,
    /// Leases that the worker held when an earlier session broke and still works on.
    pub leases: Vec<LeaseId>,
    /// EIP-191 signature of [`Challenge::registration_message`].
    pub signature: Bytes,
}

/// One finished denoising step, or tokens that were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub lease_id: LeaseId,
    /// 1 to `steps`.
    pub step: u32,
    /// Denoising steps, or tokens at most.
    pub steps: u32,
    #[serde(default)]
    pub preview: Option<Preview>,
    #[serde(default)]
    pub piece: Option<Piece>,
}

/// What was written since the piece before. The hub drops a piece that does not begin where the text ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Bytes of UTF-8 before it.
    pub at: usize,
    /// Whole characters, up to [`PIECE_MAX_BYTES`].
    pub text: String,
}

/// What the picture looks like so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    pub media_type: String,
    pub base64: String,
}

/// Body of `POST /v1/miners/jobs/{lease_id}/result`. The receipt's signature authenticates it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResultSubmission {
    pub receipt: JobReceipt,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner_signature: Bytes,
    pub artifacts: Vec<Artifact>,
    pub metering: Metering,
    /// Of an audit of pictures: the root over all steps. The receipt seals it, and a copied picture cannot show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub trace_root: Option<B256>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    pub media_type: String,
    pub base64: String,
    /// The model's safety checker flagged the picture, and the file is black in its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flagged: bool,
}

/// What serving the job took, as the worker measured it, and how it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Metering {
    /// From assignment to encoded artifact.
    pub duration_ms: u64,
    /// Waiting for the device.
    pub queue_ms: u64,
    /// Loading the model, 0 where it was warm.
    pub load_ms: u64,
    /// Exclusive use of a GPU; 0 on a CPU.
    pub gpu_ms: u64,
    /// Exclusive use of the CPU by the engine.
    pub cpu_ms: u64,
    /// Tokens that a language model read; 0 for pictures.
    #[serde(default)]
    pub tokens_read: u64,
    /// Tokens that it wrote.
    #[serde(default)]
    pub tokens_written: u64,
    /// Why a text ended; the hub refuses a text without it. Absent for pictures and vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
}

impl Metering {
    /// The metering of work that took `duration_ms` and kept one device, a GPU or the CPU, busy for `device_ms` of it.
    pub fn on_device(duration_ms: u64, device_ms: u64, is_gpu: bool) -> Self {
        let (gpu_ms, cpu_ms) = if is_gpu { (device_ms, 0) } else { (0, device_ms) };
        Self { duration_ms, gpu_ms, cpu_ms, ..Self::default() }
    }

    /// Exclusive use of the device, GPU or CPU.
    pub const fn device_ms(&self) -> u64 {
        self.gpu_ms.saturating_add(self.cpu_ms)
    }

    /// This part of a job with another one that was made beside it: the longer time, and the rest together.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        Self {
            duration_ms: self.duration_ms.max(other.duration_ms),
            queue_ms: self.queue_ms.saturating_add(other.queue_ms),
            load_ms: self.load_ms.saturating_add(other.load_ms),
            gpu_ms: self.gpu_ms.saturating_add(other.gpu_ms),
            cpu_ms: self.cpu_ms.saturating_add(other.cpu_ms),
            tokens_read: self.tokens_read.saturating_add(other.tokens_read),
            tokens_written: self.tokens_written.saturating_add(other.tokens_written),
            finish_reason: self.finish_reason.or(other.finish_reason),
        }
    }

    pub const fn tokens(&self) -> Tokens {
        Tokens { read: self.tokens_read, written: self.tokens_written }
    }
}

/// The hub's answer to a result, the same for a repetition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResultAccepted {
    pub job_id: JobId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_input_as_itself() {
        let message = WorkerMessage::fail(LeaseId::from_random(1), Blame::Input, false, "input.prompt is too long");
        let text = serde_json::to_value(&message).unwrap();
        assert_eq!((text["blame"].as_str(), text["retryable"].as_bool()), (Some("input"), Some(false)));
        assert_eq!(serde_json::from_value::<WorkerMessage>(text).unwrap(), message);
    }

    #[test]
    fn a_reason_is_cut_to_its_limit() {
        let message =
            WorkerMessage::fail(LeaseId::from_random(1), Blame::Miner, true, &"ø".repeat(2 * REASON_MAX_CHARS));
        let WorkerMessage::Fail { reason, .. } = message else { panic!("a failure") };
        assert_eq!(reason.chars().count(), REASON_MAX_CHARS);
    }
}
