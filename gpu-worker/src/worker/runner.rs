//! Serves one job after another in the inference process, signs the receipts and fills the outbox.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::id::LeaseId;
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, Metering, Progress};
use shared::signing::PrivateKey;
use tokio::sync::{Notify, mpsc, watch};

use crate::child::supervisor::{Limits, Supervisor};
use crate::clock::{self, millis};
use crate::error::{Result, WorkerError};
use crate::hub::backoff::{Backoff, jitter};
use crate::hub::clock::HubClock;
use crate::outbox::{Entry, Outbox};
use crate::receipt::{self, Served};
use crate::runtime::StepReport;
use crate::worker::writing::Writing;

/// How often a job is tried again here after the inference process died of it.
const RETRIES_MAX: u32 = 1;

/// How long to wait before starting a process again that ended although it had nothing to do.
const FIRST_RESTART_WAIT: Duration = Duration::from_millis(100);
const LONGEST_RESTART_WAIT: Duration = Duration::from_secs(5);

/// One job to draw.
#[derive(Debug)]
pub struct Order {
    pub assignment: Assignment,
    /// The clock of the hub that assigned it, in which its receipt is dated.
    pub clock: HubClock,
    pub assigned_at: Instant,
    pub deadline: Instant,
    pub cancel: watch::Sender<bool>,
}

impl Order {
    pub fn new(assignment: Assignment, clock: HubClock, assigned_at: Instant, deadline: Instant) -> Self {
        Self { assignment, clock, assigned_at, deadline, cancel: watch::Sender::new(false) }
    }

    fn is_canceled(&self) -> bool {
        *self.cancel.borrow()
    }

    /// Milliseconds from the assignment to `instant`.
    fn age_ms(&self, instant: Instant) -> u64 {
        millis(instant.saturating_duration_since(self.assigned_at))
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
        let mut restarts = Backoff::new(FIRST_RESTART_WAIT, LONGEST_RESTART_WAIT);
        loop {
            let order = tokio::select! {
                order = orders.recv() => order,
                () = self.supervisor.ended() => {
                    tracing::warn!("the inference process ended while it had nothing to do");
                    tokio::time::sleep(restarts.after_failure(jitter())).await;
                    self.restart().await;
                    continue;
                }
            };
            let Some(order) = order else { return };
            let lease_id = order.assignment.lease_id;
            let outcome = self.draw(&order, &events).await;
            let ended_process = outcome.as_ref().is_err_and(WorkerError::ends_process);
            let event = match outcome {
                Ok(()) => JobEvent::Finished { lease_id },
                Err(WorkerError::Canceled) => JobEvent::Canceled { lease_id },
                Err(error) => JobEvent::Failed { lease_id, blame: error.blame(), reason: error.to_string() },
            };
            if events.send(event).await.is_err() {
                return;
            }
            if ended_process {
                // The next job should not wait for the model to load.
                self.restart().await;
            } else {
                restarts.reset();
            }
        }
    }

    async fn restart(&mut self) {
        match self.supervisor.start().await {
            Ok(loaded) => tracing::info!(load_ms = loaded.load_ms, "the inference process is back"),
            Err(error) => tracing::error!(%error, "the inference process does not start again"),
        }
    }

    async fn draw(&mut self, order: &Order, events: &mpsc::Sender<JobEvent>) -> Result<()> {
        let began = Instant::now();
        let outcome = self.serve(order, began, events).await;
        log(order, began, outcome.as_ref());
        outcome.map(drop)
    }

    async fn serve(&mut self, order: &Order, began: Instant, events: &mpsc::Sender<JobEvent>) -> Result<Spent> {
        if order.is_canceled() {
            return Err(WorkerError::Canceled);
        }
        let mut retries = 0;
        loop {
            let tried_at = Instant::now();
            let outcome = self.attempt(order, began, events).await;
            let Err(error) = &outcome else { return outcome };
            // A second try makes sense where it may end in time: it takes at least as long as the first did.
            let took = tried_at.elapsed();
            let has_time = Instant::now() + took < order.deadline;
            if !error.ends_process() || retries == RETRIES_MAX || !has_time || order.is_canceled() {
                return outcome;
            }
            retries += 1;
            let Assignment { job_id, lease_id, .. } = &order.assignment;
            tracing::warn!(%job_id, %lease_id, %error, class = error.class(), "the job is tried again");
        }
    }

    async fn attempt(&mut self, order: &Order, began: Instant, events: &mpsc::Sender<JobEvent>) -> Result<Spent> {
        let assignment = &order.assignment;
        let lease_id = assignment.lease_id;
        let mut limits = Limits { canceled: order.cancel.subscribe(), deadline: order.deadline.into(), previews: true };
        let before_load = Instant::now();
        let determinism_class = self.supervisor.start().await?.determinism_class.clone();
        let started = Instant::now();
        let mut writing = Writing::default();
        let mut report = |step: StepReport| {
            writing.report(lease_id, step, &mut |progress| events.try_send(JobEvent::Progress(progress)).is_ok());
        };
        let mut output = self.supervisor.run(&assignment.work, &mut limits, &mut report).await?;
        let finished = Instant::now();
        output.metering = Metering {
            duration_ms: order.age_ms(finished).max(output.metering.cpu_ms),
            queue_ms: order.age_ms(began),
            load_ms: millis(started - before_load) + output.metering.load_ms,
            ..output.metering
        };
        let metering = output.metering;
        let bytes_out = output.bytes();
        let (started_at, finished_at) = (order.clock.at(started), order.clock.at(finished));
        let served = Served { output, started_at, finished_at, determinism_class, nonce: clock::random_nonce()? };
        let (receipt_hash, submission) = receipt::submission(assignment, served, &self.key)?;
        let entry = Entry { lease_id, job_id: assignment.job_id, receipt_hash, submission, refusal: None };
        self.outbox.put(&entry)?;
        self.added.notify_one();
        Ok(Spent { metering, bytes_out })
    }
}

/// One line per job: never the prompt, only its hash.
fn log(order: &Order, began: Instant, outcome: Result<&Spent, &WorkerError>) {
    let Assignment { job_id, lease_id, work, .. } = &order.assignment;
    let (metering, bytes_out, class, exit_code) = match outcome {
        Ok(spent) => (spent.metering, spent.bytes_out, "ok", 0),
        Err(error) => {
            let elapsed = millis(began.elapsed());
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
        tokens = metering.tokens_read + metering.tokens_written,
        prompt_hash = %work.prompt_hash(),
        outcome = class,
        exit_code,
        "job over"
    );
}
