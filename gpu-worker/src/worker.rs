//! The running miner: takes assignments, has them drawn one after another, and sees their results handed in.
//!
//! [`Worker`] decides and holds no socket, process or file of its own; [`serve`] joins it with the link to the hub, the
//! job runner and the outbox, and carries out its effects.

pub mod agreement;
pub mod runner;
pub mod state;
mod writing;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::capability::Capability;
use shared::id::LeaseId;
use shared::protocol::{HubMessage, WorkerMessage};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::runner::{JobEvent, Order};
use self::state::{Effect, Session, Worker};
use crate::child::supervisor::Supervisor;
use crate::clock;
use crate::error::{Result, WorkerError, quote};
use crate::hub::link::{self, Identity, LeasesHeld, LinkEvent};
use crate::hub::results::{self, Delivered};
use crate::outbox::Outbox;

/// How long a drained worker waits for the hub to take its last results. They stay in the outbox otherwise.
const DELIVERY_GRACE: Duration = Duration::from_secs(30);

const CHANNEL_MAX: usize = 256;

/// A hub does not believe receipts whose times are further off than this.
pub const CLOCK_SKEW_MAX_MS: u64 = 120_000;

/// Everything a worker runs with.
#[derive(Debug)]
pub struct Parts {
    pub identity: Identity,
    pub supervisor: Supervisor,
    pub outbox: PathBuf,
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Drained,
    /// A second signal: what ran is lost, what was finished is in the outbox.
    Aborted,
}

/// The tasks around the worker, and the channels to them.
struct Tasks {
    outgoing: mpsc::Sender<WorkerMessage>,
    link: mpsc::Receiver<LinkEvent>,
    orders: mpsc::Sender<Order>,
    jobs: mpsc::Receiver<JobEvent>,
    delivered: mpsc::Receiver<Delivered>,
    handles: Vec<JoinHandle<()>>,
}

/// Serves until it is told to stop. The first SIGTERM or SIGINT drains, the second aborts.
pub async fn serve(parts: Parts) -> Result<Ended> {
    let outbox = Outbox::open(&parts.outbox)?;
    let worker = Arc::new(Mutex::new(new_worker(&parts.identity.capability, outbox.waiting()?)));
    let mut tasks = spawn(parts, &outbox, worker.clone());
    let mut terminate = signals(SignalKind::terminate())?;
    let mut interrupt = signals(SignalKind::interrupt())?;
    let mut heartbeat = heartbeats(Duration::from_secs(3600));
    let mut give_up_at = None;
    let ended = loop {
        let effects = tokio::select! {
            biased;
            _ = async { tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () } } => {
                if lock(&worker).is_draining() {
                    break Ok(Ended::Aborted);
                }
                tracing::info!("draining: no new jobs are taken");
                lock(&worker).drain()
            }
            Some(event) = tasks.jobs.recv() => lock(&worker).job_event(event),
            Some(delivered) = tasks.delivered.recv() => {
                log_delivery(&delivered);
                lock(&worker).delivered(&delivered);
                Vec::new()
            }
            Some(event) = tasks.link.recv() => match event {
                LinkEvent::Refused { reason } => break Err(WorkerError::Refused(reason)),
                LinkEvent::Up { heartbeat: period, session } => {
                    log_session(&session);
                    heartbeat = heartbeats(period);
                    lock(&worker).connected(session)
                }
                LinkEvent::Down { reason } => {
                    tracing::warn!(reason, "no session with the hub");
                    lock(&worker).disconnected();
                    Vec::new()
                }
                LinkEvent::Message(message) => {
                    log_message(&message);
                    lock(&worker).hub_message(message, Instant::now())
                }
            },
            _ = heartbeat.tick() => lock(&worker).heartbeat(),
            () = grace_over(give_up_at) => {
                tracing::warn!("the hub did not take the last results; they stay in the outbox");
                break Ok(Ended::Drained);
            }
        };
        perform(effects, &tasks).await;
        // One guard: two in one statement would wait for each other.
        let (idle, done) = {
            let worker = lock(&worker);
            (worker.is_idle(), worker.is_done())
        };
        if done {
            break Ok(Ended::Drained);
        }
        if idle && give_up_at.is_none() {
            give_up_at = Some(tokio::time::Instant::now() + DELIVERY_GRACE);
        }
    };
    end(tasks, matches!(ended, Ok(Ended::Drained))).await;
    ended
}

fn new_worker(capability: &Capability, finished: Vec<LeaseId>) -> Worker {
    Worker::new(&capability.offers, capability.slots as usize, finished)
}

fn log_session(session: &Session) {
    let ahead_ms = session.clock.ahead_ms(clock::now());
    tracing::info!(
        hub_id = session.hub.hub_id,
        chain_id = session.hub.chain_id,
        ahead_ms,
        "the hub took the registration"
    );
    if ahead_ms.unsigned_abs() > CLOCK_SKEW_MAX_MS {
        tracing::warn!(ahead_ms, "this machine's clock is off; the worker goes by the hub's");
    }
}

fn log_message(message: &HubMessage) {
    match message {
        HubMessage::Notice { text } => tracing::info!(text = quote(text), "the hub says"),
        HubMessage::Cancel { lease_id, reason } => {
            tracing::info!(%lease_id, reason = quote(reason), "the hub canceled a lease");
        }
        _ => {}
    }
}

fn log_delivery(delivered: &Delivered) {
    match &delivered.refusal {
        Some(reason) => tracing::error!(lease_id = %delivered.lease_id, reason, "the hub refused a result"),
        None => tracing::info!(lease_id = %delivered.lease_id, "the hub took a result"),
    }
}

fn spawn(parts: Parts, outbox: &Outbox, worker: Arc<Mutex<Worker>>) -> Tasks {
    let (outgoing, outgoing_receiver) = mpsc::channel(CHANNEL_MAX);
    let (link_sender, link_receiver) = mpsc::channel(CHANNEL_MAX);
    let (orders, order_receiver) = mpsc::channel(CHANNEL_MAX);
    let (job_sender, jobs) = mpsc::channel(CHANNEL_MAX);
    let (delivered_sender, delivered) = mpsc::channel(CHANNEL_MAX);
    let added = Arc::new(Notify::new());
    let leases: LeasesHeld = Arc::new(move || lock(&worker).leases());
    let key = parts.identity.key.clone();
    let (hub, trust) = (parts.identity.hub.clone(), parts.identity.trust.clone());
    let runner = runner::Runner { supervisor: parts.supervisor, outbox: outbox.clone(), key, added: added.clone() };
    let handles = vec![
        tokio::spawn(link::keep(parts.identity, leases, outgoing_receiver, link_sender)),
        tokio::spawn(runner.run(order_receiver, job_sender)),
        tokio::spawn(results::deliver(outbox.clone(), hub, trust, added, delivered_sender)),
    ];
    Tasks { outgoing, link: link_receiver, orders, jobs, delivered, handles }
}

async fn perform(effects: Vec<Effect>, tasks: &Tasks) {
    for effect in effects {
        match effect {
            // A full channel means a hub that does not read; what is lost is made good by the next registration.
            Effect::Send(message) => drop(tasks.outgoing.try_send(message)),
            Effect::Run(order) => drop(tasks.orders.send(*order).await),
        }
    }
}

/// Closes the session in good order after a drain, and stops everything.
async fn end(tasks: Tasks, orderly: bool) {
    /// How long the closing frame may take.
    const CLOSE_LIMIT: Duration = Duration::from_secs(2);
    let Tasks { outgoing, orders, mut handles, .. } = tasks;
    drop((outgoing, orders));
    if orderly && !handles.is_empty() {
        let link = handles.swap_remove(0);
        let abort = link.abort_handle();
        let _ = tokio::time::timeout(CLOSE_LIMIT, link).await;
        abort.abort();
    }
    handles.iter().for_each(JoinHandle::abort);
    // An aborted task drops the supervisor, and with it the inference process, when it is joined.
    for handle in handles {
        let _ = handle.await;
    }
}

fn signals(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(WorkerError::io("signals"))
}

fn heartbeats(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn grace_over(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn lock(worker: &Mutex<Worker>) -> std::sync::MutexGuard<'_, Worker> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}
