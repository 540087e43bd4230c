//! The running worker: takes assignments, runs them, and delivers their results.
//!
//! [`state::Worker`] decides and holds no socket, process or file. [`serve`] connects it with the link to the hub, the
//! job runners and the outbox, and performs its effects. [`monitor::Monitor`] holds what `gpu-worker status` shows.

pub mod agreement;
pub mod batch;
mod journal;
pub mod monitor;
pub mod order;
pub mod pause;
pub mod pool;
pub mod roster;
pub mod runner;
pub mod schedule;
pub mod service;
pub mod sharing;
pub mod sharing_watch;
pub mod state;
pub mod status_server;
mod tasks;
mod writing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use inference::clock;
use inference::error::InferenceError;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

use self::monitor::{Ending, Facts, ModelStatus, Monitor};
use self::order::JobEvent;
use self::pause::Pause;
use self::pool::{BatchingConfig, ServingDevice};
use self::roster::{Duty, Roster};
use self::schedule::Schedule;
use self::sharing::GpuSharing;
use self::sharing_watch::Served;
use self::state::{Effect, Worker};
use self::status_server::StatusConfig;
use self::tasks::Tasks;
use crate::error::{HubLinkError, Result, WorkerError};
use crate::hub::link::{Identity, LinkEvent};
use crate::outbox::Outbox;

/// How long a drained worker waits for the hub to take its last results. They stay in the outbox otherwise.
const DELIVERY_GRACE: Duration = Duration::from_secs(30);

/// The reason of jobs that a stop ended.
const STOPPED: &str = "the worker was stopped";

/// Section `[drain]` of the worker's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrainConfig {
    /// How long running jobs may go on after the first signal to stop.
    pub grace_seconds: u64,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { grace_seconds: 300 }
    }
}

/// The configuration and keys of a running worker.
#[derive(Debug)]
pub struct Parts {
    pub identity: Identity,
    pub serving_devices: Vec<ServingDevice>,
    /// Folders of the models on offer, by their names.
    pub models: BTreeMap<String, PathBuf>,
    pub batching: BatchingConfig,
    pub drain: DrainConfig,
    pub schedule: Schedule,
    pub gpu_sharing: GpuSharing,
    /// GPUs and programs that serve jobs here. Use of these GPUs by others pauses the worker.
    pub served: Served,
    pub status: StatusConfig,
    pub data: PathBuf,
    pub outbox: PathBuf,
}

/// How the worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Drained,
    /// A second signal, or the end of the drain time: running jobs are lost, and finished results are in the outbox.
    Aborted,
}

/// Serves until it is told to stop. The first SIGTERM, SIGINT or SIGHUP drains, the second aborts.
pub async fn serve(parts: Parts) -> Result<Ended> {
    let outbox = Outbox::open(&parts.outbox)?;
    let capability = &parts.identity.capability;
    let worker = Worker::new(&capability.offers, capability.slots as usize, outbox.waiting()?);
    let shared = Shared { worker: Arc::new(Mutex::new(worker)), monitor: Arc::new(Mutex::new(monitor(&parts))) };
    let members = parts.serving_devices.iter().map(|device| device.member.clone()).collect();
    let roster = Roster::new(capability.clone(), members, parts.batching.jobs_max);
    let status = status_server::start(&parts.status, &parts.data, shared.monitor.clone()).await?;
    let grace = Duration::from_secs(parts.drain.grace_seconds);
    let tasks = Tasks::spawn(parts, &outbox, &shared.worker);
    let mut shell = Shell {
        shared,
        roster,
        is_waking: false,
        tasks,
        stops: Stops::listen()?,
        heartbeat: heartbeats(Duration::from_secs(3_600)),
        grace,
        abort_at: None,
        give_up_at: None,
    };
    let ended = shell.serve().await;
    shell.tasks.end(ended.is_ok()).await;
    drop(status);
    ended
}

fn monitor(parts: &Parts) -> Monitor {
    let Identity { hub, key, capability, .. } = &parts.identity;
    let engine = &capability.engine;
    let facts = Facts {
        version: capability.worker_version.clone(),
        address: key.address(),
        hub: hub.as_str().to_owned(),
        engine: format!("{} {} on {}", engine.name, engine.version, engine.provider),
        devices: capability.devices.iter().map(|device| device.name.clone()).collect(),
        slots: capability.slots as usize,
        started_at_unix_ms: clock::now(),
    };
    let models = capability.offers.iter().map(|offer| ModelStatus {
        name: offer.model.clone(),
        unit_price: offer.unit_price,
        warm: false,
    });
    Monitor::new(facts, models.collect())
}

/// State that several tasks share.
struct Shared {
    worker: Arc<Mutex<Worker>>,
    monitor: Arc<Mutex<Monitor>>,
}

impl Shared {
    fn worker(&self) -> MutexGuard<'_, Worker> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monitor(&self) -> MutexGuard<'_, Monitor> {
        self.monitor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Shell {
    shared: Shared,
    roster: Roster,
    /// The pause is over, but inference processes still start.
    is_waking: bool,
    tasks: Tasks,
    stops: Stops,
    heartbeat: Interval,
    grace: Duration,
    abort_at: Option<tokio::time::Instant>,
    give_up_at: Option<tokio::time::Instant>,
}

impl Shell {
    async fn serve(&mut self) -> Result<Ended> {
        loop {
            let effects = tokio::select! {
                biased;
                () = self.stops.next() => {
                    if self.shared.worker().is_draining() {
                        return Ok(self.abort("a second signal came").await);
                    }
                    tracing::info!(grace_seconds = self.grace.as_secs(), "draining: no new jobs are taken");
                    self.abort_at = Some(tokio::time::Instant::now() + self.grace);
                    self.shared.monitor().draining();
                    self.shared.worker().drain()
                }
                () = until(self.abort_at) => return Ok(self.abort("the grace is over").await),
                () = until(self.give_up_at) => {
                    tracing::warn!("the hub did not take the last results; they stay in the outbox");
                    return Ok(Ended::Drained);
                }
                event = self.tasks.jobs.recv() => match event {
                    Some(event) => self.job_event(event),
                    None => return Err(InferenceError::crashed("nothing draws jobs any more").into()),
                },
                Some(delivered) = self.tasks.delivered.recv() => {
                    journal::delivery(&delivered);
                    self.shared.worker().delivered(&delivered)
                }
                Some(event) = self.tasks.link.recv() => self.link_event(event)?,
                Ok(()) = self.tasks.pauses.changed() => self.pause(),
                _ = self.heartbeat.tick() => self.shared.worker().heartbeat(),
            };
            self.perform(effects).await;
            // One lock guard: two in one statement would deadlock.
            let (idle, done, running, waiting) = {
                let worker = self.shared.worker();
                (worker.is_idle(), worker.is_done(), worker.running(), worker.results_waiting())
            };
            self.shared.monitor().holds(running, waiting);
            self.tasks.rest(running == 0 && self.tasks.pauses.borrow().is_some());
            if done {
                return Ok(Ended::Drained);
            }
            if idle && self.give_up_at.is_none() {
                self.abort_at = None;
                self.give_up_at = Some(tokio::time::Instant::now() + DELIVERY_GRACE);
            }
        }
    }

    async fn perform(&mut self, effects: Vec<Effect>) {
        for message in self.tasks.perform(effects).await {
            self.shared.worker().not_sent(message);
        }
    }

    async fn abort(&mut self, why: &str) -> Ended {
        tracing::warn!(why, "what runs is given up");
        let effects = self.shared.worker().abort(STOPPED);
        self.perform(effects).await;
        Ended::Aborted
    }

    fn job_event(&mut self, event: JobEvent) -> Vec<Effect> {
        let ending = match &event {
            JobEvent::Progress(_) | JobEvent::Warm { .. } | JobEvent::Duty { .. } => None,
            JobEvent::Finished { .. } => Some(Ending::Completed),
            JobEvent::Canceled { .. } => Some(Ending::Canceled),
            JobEvent::Failed { .. } => Some(Ending::Failed),
        };
        if let Some(ending) = ending {
            self.shared.monitor().ended(ending, Instant::now());
        }
        if let JobEvent::Warm { device_number, models } = &event {
            self.shared.monitor().warm(*device_number, models);
        }
        if let JobEvent::Duty { device_number, duty } = event {
            return self.duty(device_number, duty);
        }
        self.shared.worker().job_event(event)
    }

    /// A device went out of service, pauses, or is back: the hub is told which devices serve.
    fn duty(&mut self, device_number: usize, duty: Duty) -> Vec<Effect> {
        let before = self.roster.capability();
        let Some(device) = self.roster.note(device_number, duty.clone()) else { return Vec::new() };
        journal::duty(&device, &duty);
        let capability = self.roster.capability();
        let mut effects = Vec::new();
        if capability != before {
            self.shared.monitor().lost(self.roster.lost(), capability.is_none());
            effects = self.shared.worker().offer(capability.as_ref());
            self.tasks.offer(capability);
        }
        if self.is_waking && !self.roster.is_any_resting() {
            effects.extend(self.resume());
        }
        effects
    }

    fn link_event(&mut self, event: LinkEvent) -> Result<Vec<Effect>> {
        Ok(match event {
            LinkEvent::FailureSaid { lease_id } => {
                self.shared.worker().failure_said(lease_id);
                Vec::new()
            }
            LinkEvent::Refused { reason } => return Err(HubLinkError::Refused(reason).into()),
            LinkEvent::Up { heartbeat, session, registered } => {
                journal::session(&session);
                self.heartbeat = heartbeats(heartbeat);
                self.shared.monitor().connected(session.clock.ahead_ms(clock::now()));
                let mut effects = self.shared.worker().connected(session);
                // A device may have been lost while the worker registered with it.
                let capability = self.roster.capability();
                if capability.as_ref() != Some(registered.as_ref()) {
                    effects.extend(self.shared.worker().offer(capability.as_ref()));
                }
                effects
            }
            LinkEvent::Down { reason } => {
                tracing::warn!(reason, "no session with the hub");
                self.shared.monitor().disconnected(&reason);
                self.shared.worker().disconnected();
                Vec::new()
            }
            LinkEvent::Message(message) => {
                if let Some(notice) = journal::message(&message) {
                    self.shared.monitor().notice(notice, clock::now());
                }
                self.shared.worker().hub_message(message, Instant::now())
            }
        })
    }

    fn pause(&mut self) -> Vec<Effect> {
        let pause: Option<Pause> = self.tasks.pauses.borrow_and_update().clone();
        journal::pause(pause.as_ref());
        if let Some(pause) = pause {
            self.is_waking = false;
            self.shared.monitor().paused(Some(pause));
            return self.shared.worker().pause();
        }
        // A job should not have to wait for a model to load.
        if self.roster.is_any_resting() {
            self.is_waking = true;
            self.shared.monitor().waking();
            return Vec::new();
        }
        self.resume()
    }

    fn resume(&mut self) -> Vec<Effect> {
        self.is_waking = false;
        self.shared.monitor().paused(None);
        self.shared.worker().resume()
    }
}

/// The signals that tell a worker to stop. A terminal that closes sends the last of them.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Stops {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(WorkerError::io("signals"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

fn heartbeats(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The current pause, from the watcher.
type Pauses = watch::Receiver<Option<Pause>>;
