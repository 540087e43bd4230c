//! Draws one job after another in the inference process, signs the receipts and fills the outbox.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::id::LeaseId;
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, Metering, PREVIEW_MAX_BYTES, Preview, Progress};
use shared::signing::PrivateKey;
use shared::time::UnixMillis;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::child::supervisor::{Limits, Supervisor};
use crate::clock;
use crate::error::{Result, WorkerError};
use crate::outbox::{Entry, Outbox};
use crate::receipt::{self, Served};
use crate::runtime::StepReport;

/// One job to draw.
#[derive(Debug)]
pub struct Order {
    pub assignment: Assignment,
    pub assigned_at: UnixMillis,
    /// Milliseconds left to the deadline when it came.
    pub remaining_ms: u64,
    pub cancel: watch::Sender<bool>,
}

impl Order {
    pub fn new(assignment: Assignment, assigned_at: UnixMillis, remaining_ms: u64) -> Self {
        Self { assignment, assigned_at, remaining_ms, cancel: watch::Sender::new(false) }
    }
}

/// What becomes of the running job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    Progress(Progress),
    /// Its result is in the outbox.
    Finished {
        lease_id: LeaseId,
    },
    Canceled {
        lease_id: LeaseId,
    },
    Failed {
        lease_id: LeaseId,
        blame: Blame,
        reason: String,
    },
}

/// What a finished job took and gave.
struct Spent {
    metering: Metering,
    bytes_out: usize,
}

#[derive(Debug)]
pub struct Runner {
    pub supervisor: Supervisor,
    pub outbox: Outbox,
    pub key: PrivateKey,
    /// Told when the outbox has more.
    pub added: Arc<Notify>,
}

impl Runner {
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>, events: mpsc::Sender<JobEvent>) {
        while let Some(order) = orders.recv().await {
            let lease_id = order.assignment.lease_id;
            let outcome = self.draw(&order, &events).await;
            let event = match &outcome {
                Ok(()) => JobEvent::Finished { lease_id },
                Err(WorkerError::Canceled) => JobEvent::Canceled { lease_id },
                Err(error) => JobEvent::Failed { lease_id, blame: error.blame(), reason: error.to_string() },
            };
            if events.send(event).await.is_err() {
                return;
            }
            if let Err(WorkerError::ChildCrashed(_)) = outcome {
                // The next job should not wait for the model to load.
                if let Err(error) = self.supervisor.start().await {
                    tracing::error!(%error, "the inference process does not start again");
                }
            }
        }
    }

    async fn draw(&mut self, order: &Order, events: &mpsc::Sender<JobEvent>) -> Result<()> {
        let began = clock::now();
        let outcome = self.serve(order, began, events).await;
        log(order, began, outcome.as_ref());
        outcome.map(drop)
    }

    async fn serve(&mut self, order: &Order, began: UnixMillis, events: &mpsc::Sender<JobEvent>) -> Result<Spent> {
        let assignment = &order.assignment;
        let lease_id = assignment.lease_id;
        let waited = Duration::from_millis(began.since_ms(order.assigned_at));
        let remaining = Duration::from_millis(order.remaining_ms).saturating_sub(waited);
        let deadline = Instant::now() + remaining;
        let mut limits = Limits { canceled: order.cancel.subscribe(), deadline, previews: true };
        let determinism_class = self.supervisor.start().await?.determinism_class.clone();
        let load_ms = clock::now().since_ms(began);
        let started_at = clock::now();
        let mut report = |step: StepReport| {
            // Progress that the worker has no time for is of no use later.
            let _ = events.try_send(JobEvent::Progress(progress(lease_id, step)));
        };
        let mut output = self.supervisor.run(&assignment.work, &mut limits, &mut report).await?;
        let finished_at = clock::now();
        output.metering = Metering {
            duration_ms: finished_at.since_ms(order.assigned_at).max(output.metering.cpu_ms),
            queue_ms: began.since_ms(order.assigned_at),
            load_ms,
            ..output.metering
        };
        let metering = output.metering;
        let bytes_out = output.artifacts.iter().map(|artifact| artifact.bytes.len()).sum();
        let served = Served { output, started_at, finished_at, determinism_class, nonce: clock::random_nonce()? };
        let (receipt_hash, submission) = receipt::submission(assignment, served, &self.key)?;
        let entry = Entry { lease_id, job_id: assignment.job_id, receipt_hash, submission, refusal: None };
        self.outbox.put(&entry)?;
        self.added.notify_one();
        Ok(Spent { metering, bytes_out })
    }
}

fn progress(lease_id: LeaseId, step: StepReport) -> Progress {
    let preview = step.preview.filter(|preview| preview.bytes.len() <= PREVIEW_MAX_BYTES);
    let preview =
        preview.map(|preview| Preview { media_type: preview.media_type, base64: STANDARD.encode(preview.bytes) });
    Progress { lease_id, step: step.step, steps: step.steps, preview }
}

/// One line per job: never the prompt, only its hash.
fn log(order: &Order, began: UnixMillis, outcome: Result<&Spent, &WorkerError>) {
    let Assignment { job_id, lease_id, work, .. } = &order.assignment;
    let (metering, bytes_out, class, exit_code) = match outcome {
        Ok(spent) => (spent.metering, spent.bytes_out, "ok", 0),
        Err(error) => {
            let elapsed = clock::now().since_ms(began);
            (Metering { duration_ms: elapsed, ..Metering::default() }, 0, error.class(), 1)
        }
    };
    tracing::info!(
        %job_id,
        %lease_id,
        duration_ms = metering.duration_ms,
        queue_ms = metering.queue_ms,
        load_ms = metering.load_ms,
        gpu_seconds = metering.gpu_ms as f64 / 1000.0,
        cpu_ms = metering.cpu_ms,
        bytes_out,
        prompt_hash = %work.prompt_hash(),
        outcome = class,
        exit_code,
        "job over"
    );
}
