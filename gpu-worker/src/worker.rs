//! The running worker: takes assignments, runs them, and delivers their results.
//!
//! [`state::Worker`] decides for one hub, and [`hubs::Hubs`] for all of them; they hold no socket, process or file. [`serve`]
//! connects them with the links to the hubs, the job runners and the outboxes, and performs their effects.
//! [`monitor::Monitor`] holds what `gpu-worker status` shows.

pub mod agreement;
pub mod batch;
pub mod budget;
pub mod hubs;
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

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use inference::clock;
use inference::error::InferenceError;
use serde::{Deserialize, Serialize};
use shared::capability::Capability;
use shared::signing::PrivateKey;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::sleep_until;

use self::hubs::{Hubs, Routed};
use self::monitor::{Ending, Facts, Holds, ModelStatus, Monitor};
use self::order::{JobEvent, PoolEvent};
use self::pause::Pause;
use self::pool::{BatchingConfig, ServingDevice};
use self::roster::{Duty, Roster};
use self::schedule::Schedule;
use self::sharing::GpuSharing;
use self::sharing_watch::ServingGpus;
use self::state::Worker;
use self::status_server::StatusConfig;
use self::tasks::Tasks;
use crate::error::{HubLinkError, Result, WorkerError};
use crate::hub::HubNumber;
use crate::hub::link::{Identity, LinkEvent};
use crate::outbox::Outbox;

/// Where finished results wait, in the folder of their hub.
pub const OUTBOX_FOLDER: &str = "outbox";

/// How long a drained worker waits for the hubs to take its last results. They stay in the outbox otherwise.
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
    /// The hubs, each with its place in the list as its number.
    pub hubs: Vec<Identity>,
    pub key: PrivateKey,
    /// What the worker has with all its devices.
    pub capability: Capability,
    pub serving_devices: Vec<ServingDevice>,
    /// Folders of the models on offer, by their names.
    pub models: BTreeMap<String, PathBuf>,
    pub batching: BatchingConfig,
    pub drain: DrainConfig,
    pub schedule: Schedule,
    pub gpu_sharing: GpuSharing,
    /// GPUs and programs that serve jobs here. Use of these GPUs by others pauses the worker.
    pub serving: ServingGpus,
    pub status: StatusConfig,
    pub data: PathBuf,
}

/// How the worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Drained,
    /// A second signal, or the end of the drain time: running jobs are lost, and finished results are in the outbox.
    Aborted,
}

/// Serves until it is told to stop, or no hub is left. The first SIGTERM, SIGINT or SIGHUP drains, the second aborts.
///
/// # Errors
/// An outbox or a status that cannot be, and the last hub that refuses the worker for good.
pub async fn serve(parts: Parts) -> Result<Ended> {
    let folder = |identity: &Identity| parts.data.join(identity.hub.folder()).join(OUTBOX_FOLDER);
    let outboxes: Vec<Outbox> =
        parts.hubs.iter().map(|identity| Outbox::open(&folder(identity))).collect::<Result<_>>()?;
    let finished = outboxes.iter().map(Outbox::waiting).collect::<Result<_>>()?;
    let capability = &parts.capability;
    let hubs = Hubs::new(&capability.offers, capability.slots as usize, finished);
    let shared = Shared { hubs: Arc::new(Mutex::new(hubs)), monitor: Arc::new(Mutex::new(monitor(&parts))) };
    let members = parts.serving_devices.iter().map(|device| device.member.clone()).collect();
    let roster = Roster::new(capability.clone(), members, parts.batching.jobs_max);
    let status = status_server::start(&parts.status, &parts.data, shared.monitor.clone()).await?;
    let grace = Duration::from_secs(parts.drain.grace_seconds);
    let urls = parts.hubs.iter().map(|identity| identity.hub.as_str().to_owned()).collect();
    let tasks = Tasks::spawn(parts, outboxes, &shared.hubs);
    let mut shell = Shell {
        shared,
        urls,
        refused: BTreeSet::new(),
        roster,
        is_waking: false,
        tasks,
        stops: Stops::listen()?,
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
    let Parts { hubs, key, capability, .. } = parts;
    let engine = &capability.engine;
    let facts = Facts {
        version: capability.worker_version.clone(),
        address: key.address(),
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
    let urls = hubs.iter().map(|identity| identity.hub.as_str().to_owned());
    Monitor::new(facts, models.collect(), urls.collect())
}

/// State that several tasks share.
struct Shared {
    hubs: Arc<Mutex<Hubs>>,
    monitor: Arc<Mutex<Monitor>>,
}

impl Shared {
    fn hubs(&self) -> MutexGuard<'_, Hubs> {
        self.hubs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn monitor(&self) -> MutexGuard<'_, Monitor> {
        self.monitor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Shell {
    shared: Shared,
    /// Of the hubs, in their order.
    urls: Vec<String>,
    /// Hubs that will not have this worker, whatever it does.
    refused: BTreeSet<HubNumber>,
    roster: Roster,
    /// The pause is over, but inference processes still start.
    is_waking: bool,
    tasks: Tasks,
    stops: Stops,
    grace: Duration,
    abort_at: Option<tokio::time::Instant>,
    give_up_at: Option<tokio::time::Instant>,
}

impl Shell {
    async fn serve(&mut self) -> Result<Ended> {
        loop {
            let look_again_at = self.shared.hubs().look_again_at().map(Into::into);
            let effects = tokio::select! {
                biased;
                () = self.stops.next() => {
                    if self.shared.hubs().is_draining() {
                        return Ok(self.abort("a second signal came").await);
                    }
                    tracing::info!(grace_seconds = self.grace.as_secs(), "draining: no new jobs are taken");
                    self.abort_at = Some(tokio::time::Instant::now() + self.grace);
                    self.shared.monitor().draining();
                    self.shared.hubs().each(Instant::now(), Worker::drain)
                }
                () = until(self.abort_at) => return Ok(self.abort("the grace is over").await),
                () = until(self.give_up_at) => {
                    tracing::warn!("not every hub took its last results; they stay in the outbox");
                    return Ok(Ended::Drained);
                }
                event = self.tasks.jobs.recv() => match event {
                    Some(event) => self.pool_event(event),
                    None => return Err(InferenceError::crashed("nothing draws jobs any more").into()),
                },
                Some(delivered) = self.tasks.delivered.recv() => {
                    journal::delivery(self.url(delivered.hub), &delivered);
                    self.shared.hubs().at(delivered.hub, Instant::now(), |worker| worker.delivered(&delivered))
                }
                Some((hub, event)) = self.tasks.link.recv() => self.link_event(hub, event)?,
                Ok(()) = self.tasks.pauses.changed() => self.pause(),
                () = until(look_again_at) => self.shared.hubs().look(Instant::now()),
            };
            self.perform(effects).await;
            // One lock guard: two in one statement would deadlock.
            let (idle, done, running) = {
                let hubs = self.shared.hubs();
                (hubs.is_idle(), hubs.is_done(), hubs.running())
            };
            self.note_holds();
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

    fn url(&self, hub: HubNumber) -> &str {
        self.urls.get(hub.0).map_or("", String::as_str)
    }

    fn note_holds(&self) {
        let (hubs, mut monitor) = (self.shared.hubs(), self.shared.monitor());
        for number in (0..self.urls.len()).map(HubNumber) {
            let Some(worker) = hubs.of(number) else { continue };
            let (slots, running, results_waiting) = (worker.slots_lent(), worker.running(), worker.results_waiting());
            monitor.holds(number, Holds { slots, running, results_waiting });
        }
    }

    async fn perform(&mut self, effects: Vec<Routed>) {
        for (hub, message) in self.tasks.perform(effects).await {
            let mut hubs = self.shared.hubs();
            hubs.not_sent(hub, message);
        }
    }

    async fn abort(&mut self, why: &str) -> Ended {
        tracing::warn!(why, "what runs is given up");
        let effects = self.shared.hubs().each(Instant::now(), |worker| worker.abort(STOPPED));
        self.perform(effects).await;
        Ended::Aborted
    }

    fn pool_event(&mut self, event: PoolEvent) -> Vec<Routed> {
        match event {
            PoolEvent::Job { hub, event } => self.job_event(hub, event),
            PoolEvent::Warm { device_number, models } => {
                self.shared.monitor().warm(device_number, &models);
                Vec::new()
            }
            PoolEvent::Duty { device_number, duty } => self.duty(device_number, duty),
        }
    }

    fn job_event(&mut self, hub: HubNumber, event: JobEvent) -> Vec<Routed> {
        let ending = match &event {
            JobEvent::Progress(_) => None,
            JobEvent::Finished { .. } => Some(Ending::Completed),
            JobEvent::Canceled { .. } => Some(Ending::Canceled),
            JobEvent::Failed { .. } => Some(Ending::Failed),
        };
        if let Some(ending) = ending {
            self.shared.monitor().ended(hub, ending, Instant::now());
        }
        self.shared.hubs().at(hub, Instant::now(), |worker| worker.job_event(event))
    }

    /// A device went out of service, pauses, or is back: the hubs are told which devices serve.
    fn duty(&mut self, device_number: usize, duty: Duty) -> Vec<Routed> {
        let before = self.roster.capability();
        let Some(device) = self.roster.note(device_number, duty.clone()) else { return Vec::new() };
        journal::duty(&device, &duty);
        let capability = self.roster.capability();
        let mut effects = Vec::new();
        if capability != before {
            self.shared.monitor().lost(self.roster.lost(), capability.is_none());
            effects = self.shared.hubs().offer(capability.as_ref(), Instant::now());
            self.tasks.offer(capability);
        }
        if self.is_waking && !self.roster.is_any_resting() {
            effects.extend(self.resume());
        }
        effects
    }

    fn link_event(&mut self, hub: HubNumber, event: LinkEvent) -> Result<Vec<Routed>> {
        let now = Instant::now();
        Ok(match event {
            LinkEvent::HeartbeatDue => self.shared.hubs().at(hub, now, Worker::heartbeat),
            LinkEvent::FailureSaid { lease_id } => self.shared.hubs().at(hub, now, |worker| {
                worker.failure_said(lease_id);
                Vec::new()
            }),
            LinkEvent::Refused { reason } => self.refused(hub, reason)?,
            LinkEvent::Up { session, registered } => {
                journal::session(self.url(hub), &session);
                let ahead_ms = session.clock.ahead_ms(clock::now());
                self.shared.monitor().connected(hub, session.hub.clone(), ahead_ms);
                // A device may have been lost while the worker registered with it.
                let capability = self.roster.capability();
                let is_other = capability.as_ref() != Some(registered.as_ref());
                self.shared.hubs().at(hub, now, |worker| {
                    let mut effects = worker.connected(session);
                    if is_other {
                        effects.extend(worker.offer(capability.as_ref()));
                    }
                    effects
                })
            }
            LinkEvent::Down { reason } => self.disconnected(hub, &reason),
            LinkEvent::Message(message) => {
                if let Some(notice) = journal::message(self.url(hub), &message) {
                    self.shared.monitor().notice(hub, notice, clock::now());
                }
                self.shared.hubs().hub_message(hub, message, now)
            }
        })
    }

    fn disconnected(&mut self, hub: HubNumber, reason: &str) -> Vec<Routed> {
        tracing::warn!(hub = self.url(hub), reason, "no session with the hub");
        self.shared.monitor().disconnected(hub, reason);
        self.shared.hubs().at(hub, Instant::now(), |worker| {
            worker.disconnected();
            Vec::new()
        })
    }

    /// The hub will not have this worker. The others are served as before; without any other there is nothing to do.
    fn refused(&mut self, hub: HubNumber, reason: String) -> Result<Vec<Routed>> {
        self.refused.insert(hub);
        if self.refused.len() == self.urls.len() {
            return Err(HubLinkError::Refused(reason).into());
        }
        Ok(self.disconnected(hub, &format!("the hub refused the registration: {reason}")))
    }

    fn pause(&mut self) -> Vec<Routed> {
        let pause: Option<Pause> = self.tasks.pauses.borrow_and_update().clone();
        journal::pause(pause.as_ref());
        if let Some(pause) = pause {
            self.is_waking = false;
            self.shared.monitor().paused(Some(pause));
            return self.shared.hubs().each(Instant::now(), Worker::pause);
        }
        // A job should not have to wait for a model to load.
        if self.roster.is_any_resting() {
            self.is_waking = true;
            self.shared.monitor().waking();
            return Vec::new();
        }
        self.resume()
    }

    fn resume(&mut self) -> Vec<Routed> {
        self.is_waking = false;
        self.shared.monitor().paused(None);
        self.shared.hubs().each(Instant::now(), Worker::resume)
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

async fn until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The current pause, from the watcher.
type Pauses = watch::Receiver<Option<Pause>>;
