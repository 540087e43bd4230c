//! Serves jobs on one device, signs their receipts and fills the outbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use inference::clock::millis;
use inference::error::{FailureKind, InferenceError};
use inference::runtime::{Output, StepReport};
use shared::id::LeaseId;
use shared::protocol::{Assignment, Metering};
use shared::signing::PrivateKey;
use tokio::sync::{mpsc, watch};

use super::order::{JobEvent, LostBy, Order, PoolEvent};
use super::pool::until;
use super::roster::Duty;
use super::service::Service;
use crate::child::supervisor::Supervisor;
use crate::error::{Result, WorkerError};
use crate::hub::HubNumber;
use crate::hub::backoff::{Backoff, jitter};
use crate::outbox::{Entry, Outbox};
use crate::randomness::random_nonce;
use crate::receipt::{self, FinishedWork};
use crate::worker::writing::Writing;

/// How often a job is tried again here after the inference process died of it.
const RETRIES_MAX: u32 = 1;

/// How long to wait before starting a process again that ended although it had nothing to do.
const FIRST_RESTART_WAIT: Duration = Duration::from_millis(100);
const LONGEST_RESTART_WAIT: Duration = Duration::from_secs(5);

/// Measurements of a finished job.
struct Spent {
    metering: Metering,
    bytes_out: usize,
}

/// What all runners share.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Of each hub, in their order.
    pub outboxes: Arc<[Outbox]>,
    pub key: PrivateKey,
    /// Folders of the models, by their names.
    pub models: Arc<BTreeMap<String, PathBuf>>,
    /// Whether the worker pauses and has nothing to do.
    pub rest: watch::Receiver<bool>,
}

/// A device's message to the pool.
#[derive(Debug)]
pub struct DeviceReport {
    pub device_number: usize,
    pub duty: Duty,
    /// The batch that it has done, where this is the end of one.
    pub finished: Option<FinishedBatch>,
}

/// The end of a batch.
#[derive(Debug)]
pub struct FinishedBatch {
    pub model: String,
    /// How many jobs of the model the device takes together now.
    pub batch_max: usize,
    /// Jobs during which the GPU was lost. The hub has not been told yet.
    pub lost: Vec<Order>,
}

/// One device with its inference process.
#[derive(Debug)]
pub struct Runner {
    device_number: usize,
    supervisor: Supervisor,
    bench: Bench,
    service: Service,
    /// Why it does not serve, where it does not.
    lost_reason: String,
    rest: watch::Receiver<bool>,
    is_resting: bool,
    /// Models that were loaded before the pause.
    warm_before: Vec<PathBuf>,
}

/// What ends a device's wait.
enum Turn {
    Batch(Option<Vec<Order>>),
    /// Its process ended by itself.
    Ended,
    /// It is time to look for its GPU.
    Look,
    /// The worker pauses with nothing left to do, or its pause is over.
    RestOrWake,
}

/// The outcome of a batch.
#[derive(Default)]
struct Tally {
    /// The process is gone.
    is_gone: bool,
    /// At least one job was done.
    did_job: bool,
    /// How the GPU failed, where it did.
    gpu_failure: Option<String>,
    /// Jobs that another device may still do.
    lost: BTreeMap<(HubNumber, LeaseId), String>,
}

/// When a try began and what it runs with.
struct Try {
    began: Instant,
    before_load: Instant,
    started: Instant,
    determinism_class: String,
}

impl Runner {
    pub fn new(device_number: usize, supervisor: Supervisor, bench: Bench) -> Self {
        let rest = bench.rest.clone();
        Self {
            device_number,
            supervisor,
            bench,
            service: Service::default(),
            lost_reason: String::new(),
            rest,
            is_resting: false,
            warm_before: Vec::new(),
        }
    }

    /// Runs one batch after another. Jobs of a batch are for one model.
    pub async fn run(
        mut self,
        mut batches: mpsc::Receiver<Vec<Order>>,
        events: mpsc::Sender<PoolEvent>,
        reports: mpsc::Sender<DeviceReport>,
    ) {
        let mut restarts = Backoff::new(FIRST_RESTART_WAIT, LONGEST_RESTART_WAIT);
        loop {
            if events.send(self.warm()).await.is_err() {
                return;
            }
            let turn = tokio::select! {
                batch = batches.recv() => Turn::Batch(batch),
                () = self.supervisor.ended() => Turn::Ended,
                () = until(self.service.look_at()), if !self.is_resting => Turn::Look,
                Ok(()) = self.rest.changed() => Turn::RestOrWake,
            };
            let finished = match turn {
                Turn::Batch(None) => return,
                Turn::Batch(Some(batch)) => {
                    let (finished, is_gone) = self.take(batch, &events).await;
                    if !is_gone {
                        restarts.reset();
                    }
                    finished
                }
                Turn::Ended => {
                    tracing::warn!("the inference process ended while it had nothing to do");
                    tokio::time::sleep(restarts.after_failure(jitter())).await;
                    self.restart().await;
                    None
                }
                Turn::Look => {
                    self.service.look();
                    self.restart().await;
                    None
                }
                Turn::RestOrWake => {
                    self.rest_or_wake().await;
                    None
                }
            };
            let report = DeviceReport { device_number: self.device_number, duty: self.duty(), finished };
            if reports.send(report).await.is_err() {
                return;
            }
        }
    }

    /// Serves a batch, and restarts the process if it ended. Returns whether it ended.
    async fn take(&mut self, batch: Vec<Order>, events: &mpsc::Sender<PoolEvent>) -> (Option<FinishedBatch>, bool) {
        let Some(model) = batch.first().map(|order| order.assignment.model.clone()) else { return (None, false) };
        let mut tally = self.serve(&batch, events).await;
        if tally.did_job {
            self.service.served();
        }
        if let Some(reason) = tally.gpu_failure.take() {
            self.service.failed(Instant::now());
            self.lost_reason = reason;
        }
        if tally.is_gone && self.service.is_present() {
            // The next job should not wait for the model to load.
            self.restart().await;
        }
        let device_number = self.device_number;
        let lost = batch.into_iter().filter_map(|order| {
            let reason = tally.lost.remove(&order.name())?;
            Some(Order { lost_by: Some(LostBy { device_number, reason }), ..order })
        });
        let finished = FinishedBatch { model, batch_max: self.supervisor.batch_max(), lost: lost.collect() };
        (Some(finished), tally.is_gone)
    }

    /// Ends and starts the process with the worker's pause. Only the end of the process frees the memory that a GPU's
    /// driver keeps for it.
    async fn rest_or_wake(&mut self) {
        let rests = *self.rest.borrow_and_update();
        match (self.is_resting, rests) {
            (false, true) => {
                self.warm_before = self.supervisor.warm().map(Path::to_path_buf).collect();
                self.supervisor.dismiss().await;
            }
            (true, false) if self.service.is_present() => {
                for model in std::mem::take(&mut self.warm_before) {
                    self.supervisor.select(&model);
                    self.restart().await;
                }
            }
            _ => {}
        }
        self.is_resting = rests;
    }

    fn duty(&self) -> Duty {
        match (self.service.is_present(), self.is_resting) {
            (false, _) => Duty::Lost { reason: self.lost_reason.clone() },
            (true, true) => Duty::Resting,
            (true, false) => Duty::Serving,
        }
    }

    fn warm(&self) -> PoolEvent {
        let warm: Vec<_> = self.supervisor.warm().collect();
        let models = self.bench.models.iter().filter(|(_, folder)| warm.contains(&folder.as_path()));
        PoolEvent::Warm { device_number: self.device_number, models: models.map(|(name, _)| name.clone()).collect() }
    }

    async fn restart(&mut self) {
        match self.supervisor.start().await {
            Ok(loaded) => {
                tracing::info!(load_ms = loaded.load_ms, "the inference process is back");
                self.service.found();
            }
            Err(error) => {
                tracing::error!(%error, failure = error.kind.name(), "the inference process does not start again");
                if error.kind.is_device_missing() || !self.service.is_present() {
                    self.service.missing(Instant::now());
                    self.lost_reason = error.to_string();
                }
            }
        }
    }

    /// Runs the batch. Jobs during which the process ended are tried once more.
    async fn serve(&mut self, batch: &[Order], events: &mpsc::Sender<PoolEvent>) -> Tally {
        let began = Instant::now();
        let mut waiting: Vec<&Order> = batch.iter().collect();
        let mut together = batch.len();
        let mut tally = Tally::default();
        for tries_left in (0..=RETRIES_MAX).rev() {
            let mut again = Vec::new();
            for orders in waiting.chunks(together.max(1)) {
                let tried_at = Instant::now();
                let (outcomes, is_gone) = self.attempt(orders, began, events).await;
                tally.is_gone = is_gone;
                // A second try makes sense where it may end in time: it takes at least as long as the first did.
                let ends_at = Instant::now() + tried_at.elapsed();
                for (order, outcome) in orders.iter().zip(outcomes) {
                    let died_of_it = failure_kind(&outcome).is_some_and(FailureKind::ends_process);
                    let lost_gpu = lost_gpu(&outcome);
                    tally.did_job |= outcome.is_ok();
                    tally.gpu_failure = tally.gpu_failure.or_else(|| lost_gpu.clone());
                    let may_go_on = ends_at < order.deadline && !order.is_canceled();
                    if died_of_it && tries_left > 0 && may_go_on {
                        log_retry(order, &outcome);
                        again.push(*order);
                    } else if let Some(reason) = lost_gpu.filter(|_| may_go_on && order.lost_by.is_none()) {
                        tally.lost.insert(order.name(), reason);
                    } else {
                        let outcome = if died_of_it { self.judge_death(outcome).await } else { outcome };
                        tally.is_gone &= self.supervisor.process_id().is_none();
                        log(order, began, outcome.as_ref());
                        // The worker is gone where nobody hears of it.
                        let event = event(order.assignment.lease_id, outcome);
                        let _ = events.send(PoolEvent::Job { hub: order.hub, event }).await;
                    }
                }
            }
            // One of these jobs may have ended the process, so they are tried one by one.
            together = 1;
            waiting = again;
            if waiting.is_empty() {
                break;
            }
        }
        tally
    }

    /// The outcome of a job of which the process died for the last time. Where the model, started again, does its sample,
    /// the job's input is the cause.
    async fn judge_death(&mut self, outcome: Result<Spent>) -> Result<Spent> {
        match outcome {
            Err(WorkerError::Inference(error))
                if error.kind.may_come_of_input() && self.supervisor.does_its_sample().await =>
            {
                Err(error.of_input().into())
            }
            outcome => outcome,
        }
    }

    /// One outcome for each job, and whether the process ended. A process that ignores a cancellation is killed, and no
    /// outcome shows that.
    async fn attempt(
        &mut self,
        orders: &[&Order],
        began: Instant,
        events: &mpsc::Sender<PoolEvent>,
    ) -> (Vec<Result<Spent>>, bool) {
        let model = orders.first().and_then(|order| self.bench.models.get(&order.assignment.model));
        self.supervisor.select(model.map_or(Path::new(""), PathBuf::as_path));
        let before_load = Instant::now();
        let determinism_class = match self.supervisor.start().await {
            Ok(loaded) => loaded.determinism_class.clone(),
            Err(error) => {
                let outcomes = orders.iter().map(|_| Err(error.clone().into())).collect();
                return (outcomes, error.kind.ends_process());
            }
        };
        let attempt = Try { began, before_load, started: Instant::now(), determinism_class };
        let mut writings: Vec<Writing> = orders.iter().map(|_| Writing::default()).collect();
        let mut report = |place: usize, step: StepReport| {
            let (Some(order), Some(writing)) = (orders.get(place), writings.get_mut(place)) else { return };
            let event = |progress| PoolEvent::Job { hub: order.hub, event: JobEvent::Progress(progress) };
            let mut send = |progress| events.try_send(event(progress)).is_ok();
            writing.report(order.assignment.lease_id, step, &mut send);
        };
        let batch = orders.iter().map(|order| (&order.assignment.work, order.limits())).collect();
        let outcomes = self.supervisor.run_batch(batch, &mut report).await;
        let finished = Instant::now();
        let handed_in = |(order, outcome): (&&Order, Result<Output, InferenceError>)| {
            self.hand_in(order, outcome?, &attempt, finished)
        };
        let outcomes = orders.iter().zip(outcomes).map(handed_in).collect();
        (outcomes, self.supervisor.process_id().is_none())
    }

    /// Signs the receipt; when this returns, the result survives a crash.
    fn hand_in(&self, order: &Order, mut output: Output, attempt: &Try, finished: Instant) -> Result<Spent> {
        let assignment = &order.assignment;
        output.metering = Metering {
            duration_ms: order.age_ms(finished).max(output.metering.device_ms()),
            queue_ms: order.age_ms(attempt.began),
            load_ms: millis(attempt.started - attempt.before_load) + output.metering.load_ms,
            ..output.metering
        };
        let metering = output.metering;
        let bytes_out = output.bytes();
        let work = FinishedWork {
            output,
            started_at: order.clock.at(attempt.started),
            finished_at: order.clock.at(finished),
            determinism_class: attempt.determinism_class.clone(),
            nonce: random_nonce()?,
        };
        let (receipt_hash, submission) = receipt::submission(assignment, work, &self.bench.key)?;
        let Assignment { lease_id, task, .. } = *assignment;
        let outbox = self.bench.outboxes.get(order.hub.0);
        let outbox = outbox.ok_or_else(|| WorkerError::Receipt("its hub has no outbox".into()))?;
        outbox.put(&Entry { lease_id, job_id: task.job_id, receipt_hash, submission, refusal: None })?;
        Ok(Spent { metering, bytes_out })
    }
}

fn event(lease_id: LeaseId, outcome: Result<Spent>) -> JobEvent {
    match outcome {
        Ok(_) => JobEvent::Finished { lease_id },
        Err(WorkerError::Inference(error)) if error.kind == FailureKind::Canceled => JobEvent::Canceled { lease_id },
        Err(error) => {
            let (blame, retryable) = (error.blame(), error.is_retryable());
            JobEvent::Failed { lease_id, blame, retryable, reason: error.to_string() }
        }
    }
}

/// Why the GPU was lost under a job, where it was.
fn lost_gpu(outcome: &Result<Spent>) -> Option<String> {
    let is_lost = failure_kind(outcome).is_some_and(FailureKind::is_gpu_lost);
    outcome.as_ref().err().filter(|_| is_lost).map(ToString::to_string)
}

/// How the inference failed, where it did.
fn failure_kind(outcome: &Result<Spent>) -> Option<FailureKind> {
    match outcome {
        Err(WorkerError::Inference(error)) => Some(error.kind),
        _ => None,
    }
}

fn log_retry(order: &Order, outcome: &Result<Spent>) {
    let Assignment { task, lease_id, .. } = &order.assignment;
    if let Err(error) = outcome {
        tracing::warn!(job_id = %task.job_id, %lease_id, %error, failure = error.name(), "the job is tried again");
    }
}

/// One line per job: never the prompt, only what its receipt commits to.
fn log(order: &Order, began: Instant, outcome: Result<&Spent, &WorkerError>) {
    let Assignment { task, lease_id, work, .. } = &order.assignment;
    let (metering, bytes_out, class, exit_code) = match outcome {
        Ok(spent) => (spent.metering, spent.bytes_out, "ok", 0),
        Err(error) => {
            let elapsed = millis(began.elapsed());
            (Metering { duration_ms: elapsed, ..Metering::default() }, 0, error.name(), 1)
        }
    };
    tracing::info!(
        job_id = %task.job_id,
        %lease_id,
        duration_ms = metering.duration_ms,
        queue_ms = metering.queue_ms,
        load_ms = metering.load_ms,
        gpu_seconds = metering.gpu_ms as f64 / 1000.0,
        cpu_ms = metering.cpu_ms,
        bytes_out,
        tokens = metering.tokens_read + metering.tokens_written,
        prompt_commitment = %order.assignment.salt.commit_prompt(work.prompt_hash()),
        outcome = class,
        exit_code,
        "job over"
    );
}
