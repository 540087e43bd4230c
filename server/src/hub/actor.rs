//! The one task that changes the board and performs its effects, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hub::audit::{Compared, Verdict};
use hub::board::{
    AuditStep, Board, BoardError, Effect, EndedLease, Input, Judged, Lease, Moved, OpenAudit, ServedWith, SessionNumber,
};
use shared::Address;
use shared::api::audits::{AuditState, Opinion};
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Blame, Fault, JobState, TaskLife};
use shared::job::task::Task;
use shared::log::entry::FaultCause;
use shared::protocol::{HubMessage, Metering};
use store::change::{AuditAnswer, AuditChange, Change, CompleteTask, CountFault, GrantLease, MoveTask, Refuted};
use store::record::{ArtifactRecord, LeaseRecord, MovedTask, NewAudit, NewReceipt};
use store::{Store, StoreError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::seal::HubSeal;
use super::watchers::{Signal, Watchers};
use crate::clock;
use crate::metrics::Metrics;

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(250);

/// How soon a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Something that happens to the board, with what the shell itself keeps of it.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) input: Input,
    pub(super) carried: Carried,
    /// Told whether the board took it.
    pub(super) reply: Option<oneshot::Sender<Result<(), BoardError>>>,
}

/// What the shell needs for the effects of an input and the board does not.
#[derive(Debug)]
pub(super) enum Carried {
    Nothing,
    /// When the job of a submission was accepted, to measure its way to a worker.
    Accepted(JobId, Instant),
    /// What the picture looks like after a step, as a `data:` URL.
    Preview(Arc<str>),
    /// What is stored of a verified result, and who is told once it is.
    Result(Box<AttestedResult>, oneshot::Sender<Result<(), StoreError>>),
}

/// A result that passed every check, with the receipt that the hub attested.
#[derive(Debug, Clone)]
pub(super) struct AttestedResult {
    pub(super) metering: Metering,
    pub(super) artifacts: Vec<ArtifactRecord>,
    pub(super) receipt: NewReceipt,
    /// Of an audit: how it stands to the results before it.
    pub(super) compared: Option<Compared>,
}

/// A task that completed, as the board tells it.
struct Completed {
    moved: Moved,
    lease: Lease,
    audit: Option<AuditStep>,
}

/// Sessions by number; a session that cannot take a message is about to end.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<SessionNumber, mpsc::Sender<ToSession>>>);

/// Messages to a session's task.
#[derive(Debug)]
pub(super) enum ToSession {
    Send(HubMessage),
    /// Close: another session took over, or this one fell silent.
    Close {
        reason: String,
    },
}

impl Sessions {
    pub(super) fn insert(&self, session: SessionNumber, outlet: mpsc::Sender<ToSession>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session, outlet);
    }

    pub(super) fn remove(&self, session: SessionNumber) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }

    fn tell(&self, session: SessionNumber, message: ToSession) {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outlet) = sessions.get(&session) else { return };
        let told = outlet.try_send(message).is_ok();
        if !told {
            tracing::debug!(session = session.0, "the session takes no message; its end returns what it holds");
        }
    }
}

/// Leases whose result is verified and on its way to the disk, with their tasks. The board has the leases no more, and the
/// database may not have the results yet.
#[derive(Debug, Default)]
pub(super) struct BeingStored(Mutex<BTreeMap<LeaseId, Task>>);

impl BeingStored {
    fn begin(&self, lease_id: LeaseId, task: Task) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(lease_id, task);
    }

    fn end(&self, lease_id: LeaseId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&lease_id);
    }

    pub(super) fn has(&self, lease_id: LeaseId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&lease_id)
    }

    pub(super) fn has_result_of(&self, task: Task) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().any(|of| *of == task)
    }
}

pub(super) struct Actor {
    pub(super) board: Arc<RwLock<Board>>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) store: Store,
    pub(super) sessions: Arc<Sessions>,
    pub(super) watchers: Arc<Watchers>,
    pub(super) metrics: Arc<Metrics>,
    /// Rings when there is a receipt to mint.
    pub(super) receipts: Arc<Notify>,
    pub(super) being_stored: Arc<BeingStored>,
    /// Rings when a miner's offers count that did not before.
    pub(super) offers: Arc<Notify>,
    /// Signs records of jobs that end without a result.
    pub(super) seal: Arc<HubSeal>,
    pub(super) stop: CancellationToken,
}

impl Actor {
    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let command = tokio::select! {
                biased;
                // When the server stops, ended sessions must not end their leases in the store: the leases go on after
                // the restart.
                () = self.stop.cancelled() => return,
                jobs = self.watchers.untold() => {
                    self.tell_watched(jobs);
                    continue;
                }
                command = self.commands.recv() => match command {
                    Some(command) => command,
                    None => return,
                },
                _ = ticks.tick() => Command { input: Input::Tick, carried: Carried::Nothing, reply: None },
            };
            let Command { input, carried, reply } = command;
            let brings_offers = matches!(input, Input::Join(_) | Input::Resume { .. });
            let (effects, answer) = match self.apply(input) {
                Ok(effects) => {
                    if brings_offers {
                        self.offers.notify_one();
                    }
                    (effects, Ok(()))
                }
                Err(error) => (vec![], Err(error)),
            };
            if let Some(reply) = reply {
                let _ = reply.send(answer);
            } else if let Err(error) = answer {
                tracing::debug!(%error, "the board refused an input");
            }
            self.perform(effects, carried).await;
        }
    }

    fn apply(&self, input: Input) -> Result<Vec<Effect>, BoardError> {
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        let effects = board.apply(input, clock::now());
        // Before the board is free again, so that a reader who finds a lease gone finds it here.
        for effect in effects.iter().flatten() {
            if let Effect::Complete { lease, .. } = effect {
                self.being_stored.begin(lease.id, lease.task);
            }
        }
        self.metrics.queue_depth.set(i64::try_from(board.queue_depth()).unwrap_or(i64::MAX));
        effects
    }

    /// Tells miners whether anybody watches these jobs.
    fn tell_watched(&self, jobs: BTreeSet<JobId>) {
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        for job_id in jobs {
            let watched = self.watchers.is_viewed(job_id);
            for (lease_id, session) in board.runs_at(job_id) {
                self.sessions.tell(session, ToSession::Send(HubMessage::Watched { lease_id, watched }));
            }
        }
    }

    async fn perform(&self, effects: Vec<Effect>, mut carried: Carried) {
        // Watchers of a job that ends are told once the end is stored, since only the store knows it then.
        let mut ending = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Grant { lease, moved, session, mut assignment } => {
                    let granted = moved.task.job_id;
                    // Who looks at the job looks at its result, not at its audit.
                    assignment.watched = !moved.task.role.is_audit() && self.watchers.is_viewed(granted);
                    self.store_grant(lease, moved).await;
                    self.sessions.tell(session, ToSession::Send(HubMessage::Assign(assignment)));
                    if let Carried::Accepted(job_id, at) = carried
                        && job_id == granted
                    {
                        self.metrics.dispatch_seconds.observe(at.elapsed().as_secs_f64());
                    }
                }
                Effect::Move { moved, ended } => {
                    if moved.job.is_terminal() {
                        ending.insert(moved.task.job_id);
                    }
                    self.store_move(moved, ended).await;
                }
                Effect::Complete { moved, lease, audit } => {
                    ending.insert(moved.task.job_id);
                    match std::mem::replace(&mut carried, Carried::Nothing) {
                        Carried::Result(result, stored) => {
                            let audit = audit.map(|step| *step);
                            self.store_result(Completed { moved, lease, audit }, *result, stored).await;
                        }
                        other => tracing::error!(task = %moved.task, ?other, "a task completed without its result"),
                    }
                }
                Effect::CountFault { miner, task } => self.store_fault(miner, task).await,
                Effect::Notice { session, text } => {
                    self.sessions.tell(session, ToSession::Send(HubMessage::Notice { text }));
                }
                Effect::Cancel { session, lease_id, reason, .. } => {
                    self.sessions.tell(session, ToSession::Send(HubMessage::Cancel { lease_id, reason }));
                }
                Effect::Close { session } => {
                    let reason = "another session of this miner took over, or this one was silent".to_owned();
                    self.sessions.tell(session, ToSession::Close { reason });
                }
                Effect::Changed { job_id } if ending.contains(&job_id) => {}
                Effect::Changed { job_id } => self.watchers.signal(job_id, Signal::Changed),
                Effect::Progressed { job_id, step, steps, has_text, is_shown } => {
                    self.watchers.signal(job_id, Signal::Progress { step, steps });
                    if has_text {
                        self.watchers.signal(job_id, Signal::Text);
                    }
                    if let (Carried::Preview(data_url), true) = (&carried, is_shown) {
                        self.watchers.signal(job_id, Signal::Preview { step, data_url: Arc::clone(data_url) });
                    }
                }
                Effect::QueueMoved => self.watchers.queue_moved(),
            }
        }
    }

    /// The assignment does not wait for the disk: without the lease's row a restart finds the task waiting.
    async fn store_grant(&self, lease: Lease, moved: Moved) {
        let task = lease.task;
        let change = GrantLease { lease: stored_lease(lease), moved: stored(moved) };
        self.store_soon(change, task, "a lease was not stored; a restart would lease the task again").await;
    }

    async fn store_fault(&self, miner: Address, task: Task) {
        tracing::info!(%task, %miner, "a refused input was served by another miner with the same model");
        let fault = CountFault { miner, task, cause: FaultCause::Excuses, at: clock::now() };
        self.store_soon(fault, task, "a miner's fault was not stored").await;
    }

    /// Hands in a change that a restart can do without, and says where it is lost.
    async fn store_soon<C: Change>(&self, change: C, task: Task, lost: &'static str) {
        match self.store.enqueue(change).await {
            Ok(answer) => drop(tokio::spawn(async move {
                if let Ok(Err(error)) = answer.await {
                    tracing::warn!(%task, %error, "{lost}");
                }
            })),
            Err(error) => tracing::warn!(%task, %error, "{lost}"),
        }
    }

    async fn store_move(&self, moved: Moved, ended: Option<EndedLease>) {
        let (task, state) = (moved.task, moved.life.state);
        self.metrics.tasks_ended(state);
        if let Some(fault) = ended.as_ref().and_then(|ended| ended.fault.as_ref()) {
            tracing::info!(%task, blame = ?fault.blame, reason = fault.reason, "a lease ended without a result");
        }
        let ended = ended.map(|EndedLease { lease_id, miner, received_at, fault }| store::change::EndedLease {
            lease_id,
            miner,
            received_at,
            fault,
        });
        let seal = Arc::<HubSeal>::clone(&self.seal);
        let change = MoveTask { moved: stored(moved), at: clock::now(), ended, seal };
        if state.is_terminal() {
            self.store_end(change, task).await;
        } else {
            self.store_soon(change, task, "a task's return to the queue was not stored; a restart would return it")
                .await;
        }
    }

    async fn store_result(
        &self,
        completed: Completed,
        result: AttestedResult,
        told: oneshot::Sender<Result<(), StoreError>>,
    ) {
        let Completed { moved, lease, audit } = completed;
        let (task, state, lease_id) = (moved.task, moved.life.state, lease.id);
        self.metrics.tasks_ended(state);
        let given_up = given_up(&moved, &lease, Arc::clone(&self.seal));
        let seal = Arc::<HubSeal>::clone(&self.seal);
        let AttestedResult { metering, artifacts, receipt, compared: _ } = result;
        let audit = audit.map(|step| audit_change(step, &receipt));
        let lease = stored_lease(lease);
        let change =
            CompleteTask { moved: stored(moved), lease, at: clock::now(), metering, artifacts, receipt, audit, seal };
        let first = self.store.enqueue(change.clone()).await;
        let patience = self.patience();
        let (receipts, being_stored) = (Arc::clone(&self.receipts), Arc::clone(&self.being_stored));
        let watchers = Arc::clone(&self.watchers);
        tokio::spawn(async move {
            let mut told = Some(told);
            // The miner hears of the first try.
            let tell = |tried: &Result<(), StoreError>| told.take().map_or(Ok(()), |told| told.send(tried.clone()));
            match patience.store(change, first, task, tell).await {
                Some(Ok(())) => receipts.notify_one(),
                // No later try can store this result. Its task must not stay open without anybody who works on it.
                Some(Err(_)) => drop(patience.store_now(given_up, task).await),
                None => return,
            }
            being_stored.end(lease_id);
            watchers.signal(task.job_id, Signal::Changed);
        });
    }

    /// Stores that a task ended without a result.
    async fn store_end(&self, change: MoveTask, task: Task) {
        let first = self.store.enqueue(change.clone()).await;
        let (patience, watchers) = (self.patience(), Arc::clone(&self.watchers));
        tokio::spawn(async move {
            if patience.store(change, first, task, |_| Ok(())).await.is_some() {
                watchers.signal(task.job_id, Signal::Changed);
            }
        });
    }

    fn patience(&self) -> Patience {
        Patience { store: self.store.clone(), stop: self.stop.clone() }
    }
}

/// Stores the end of a task, again and again until it is on the disk.
struct Patience {
    store: Store,
    stop: CancellationToken,
}

type Tried = Result<(), StoreError>;

impl Patience {
    /// `first` is the answer to a first try that was handed in already, and `tell` hears how it went. `None` where the
    /// server stops before the change is stored, an error where no later try can succeed.
    async fn store<C: Change + Clone>(
        &self,
        change: C,
        first: Result<oneshot::Receiver<Result<C::Output, StoreError>>, StoreError>,
        task: Task,
        tell: impl FnOnce(&Tried) -> Result<(), Tried>,
    ) -> Option<Tried> {
        let mut result = match first {
            Ok(answer) => answer.await.unwrap_or(Err(StoreError::Stopped)).map(drop),
            Err(error) => Err(error),
        };
        // A miner that went away asks again.
        let _ = tell(&result);
        while let Err(error) = &result {
            if !error.is_retryable() {
                tracing::error!(%task, %error, "a task's end cannot be stored");
                break;
            }
            tracing::warn!(%task, %error, "a task's end was not stored; trying again");
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(RETRY) => {}
            }
            result = self.store.write(change.clone()).await.map(drop);
        }
        Some(result)
    }

    async fn store_now(&self, change: MoveTask, task: Task) -> Option<Tried> {
        let first = self.store.enqueue(change.clone()).await;
        self.store(change, first, task, |_| Ok(())).await
    }
}

/// The end of a task whose verified result cannot be stored. It is the platform's own fault. Where the database has
/// another end of the task, that one stands.
fn given_up(moved: &Moved, lease: &Lease, seal: Arc<HubSeal>) -> MoveTask {
    let reason = "the hub could not store the result".to_owned();
    let fault = Fault { lease_id: lease.id, blame: Blame::Platform, reason };
    let mut life = TaskLife { state: JobState::Failed, lease_id: None, faults: moved.life.faults.clone() };
    life.faults.push(fault.clone());
    MoveTask {
        moved: MovedTask { task: moved.task, life, job: JobState::Failed },
        at: clock::now(),
        ended: Some(store::change::EndedLease {
            lease_id: lease.id,
            miner: lease.miner,
            received_at: lease.received_at,
            fault: Some(fault),
        }),
        seal,
    }
}

/// What a completed task means for an audit, as the database takes it.
fn audit_change(step: AuditStep, receipt: &NewReceipt) -> AuditChange {
    let Judged { verdict, compared, refuted, third } = match step {
        AuditStep::Opened(opened) => return AuditChange::Open(new_audit(opened)),
        AuditStep::Answered(judged) => judged,
    };
    let signed = &receipt.signed;
    let opinion = Opinion {
        role: signed.receipt.task_role,
        miner: signed.receipt.provider,
        receipt_hash: signed.receipt_hash,
        determinism_class: signed.receipt.determinism_class.clone(),
        with_served: compared.map(|compared| compared.with_served),
        with_audit: compared.and_then(|compared| compared.with_audit),
    };
    let state = match verdict {
        Verdict::Confirmed => AuditState::Confirmed,
        Verdict::Unclear => AuditState::Unclear,
        Verdict::Disputed => AuditState::Disputed,
        Verdict::Refuted => AuditState::Refuted,
        Verdict::AuditorRefuted => AuditState::AuditorRefuted,
        Verdict::ThirdRefuted => AuditState::ThirdRefuted,
    };
    let minter = contracts::AI_TOKEN_MINTER_ADDRESS;
    let refuted = refuted.map(|miner| Refuted { miner, faults: hub::audit::REFUTED_FAULTS, minter });
    AuditChange::Answer(AuditAnswer { opinion, state, third_until: third.map(|third| third.deadline), refuted })
}

fn new_audit(opened: OpenAudit) -> NewAudit {
    let OpenAudit { served_with, unit_price, mint_max, bits, opened_at, deadline, .. } = opened;
    let ServedWith { manifest_sha256, engine } = served_with;
    NewAudit { manifest_sha256, engine, unit_price, mint_max, bits: bits.into(), opened_at, deadline }
}

/// A lease that has not ended, as the database takes it.
fn stored_lease(lease: Lease) -> LeaseRecord {
    LeaseRecord {
        id: lease.id,
        task: lease.task,
        miner: lease.miner,
        terms: lease.terms,
        granted_at: lease.granted_at,
        deadline: lease.deadline,
        ended_at: None,
        fault: None,
    }
}

/// A move as the database takes it.
fn stored(moved: Moved) -> MovedTask {
    let Moved { task, life, job } = moved;
    MovedTask { task, life, job }
}
