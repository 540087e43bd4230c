//! The hub's interface for the rest of the server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use hub::board::{Arrival, Board, BoardError, Failure, Input, OpenJob, SessionNumber, VerifiedResult};
use shared::Address;
use shared::api::jobs::StepProgress;
use shared::api::miners::MinerPause;
use shared::id::{JobId, LeaseId};
use shared::job::task::Task;
use shared::protocol::Progress;
use tokio::sync::{Notify, RwLock as AsyncRwLock, RwLockWriteGuard, mpsc, oneshot};

use super::actor::{AttestedResult, BeingStored, Carried, Command, Sessions, ToSession};
use super::intake::IntakeError;
use super::watchers::{Signal, Subscription, Watchers};
use crate::clock;

/// Commands that wait for the actor; beyond this, callers wait.
pub(super) const COMMANDS_MAX: usize = 4_096;

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error(transparent)]
    Board(#[from] BoardError),
    #[error("the hub is stopping")]
    Stopping,
}

/// Clones share one hub.
#[derive(Clone)]
pub struct HubHandle {
    pub(super) board: Arc<RwLock<Board>>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) watchers: Arc<Watchers>,
    pub(super) next_session: Arc<AtomicU64>,
    /// Notified when there is a receipt to mint.
    pub(super) receipts: Arc<Notify>,
    pub(super) being_stored: Arc<BeingStored>,
    /// Notified when a miner's offers count that did not before.
    pub(super) offers: Arc<Notify>,
    /// Read while a miner's history goes from the store to the board, and written while histories change in the store and then on the
    /// board, so that a miner which comes meanwhile has the change once.
    pub(super) histories: Arc<AsyncRwLock<()>>,
}

impl HubHandle {
    /// A consistent view of the board. Hold it briefly, because the board cannot change meanwhile.
    pub fn board(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a job from now on.
    pub fn subscribe(&self, job_id: JobId) -> Subscription {
        self.watchers.subscribe(job_id, false)
    }

    /// Watches a job and its previews, which its miner draws while somebody does.
    pub fn view(&self, job_id: JobId) -> Subscription {
        self.watchers.subscribe(job_id, true)
    }

    /// Tells a miner whether anybody watches its jobs. It may have missed that without a session.
    pub(super) fn tell_watched(&self, miner: Address) {
        let jobs: Vec<JobId> = self.board().jobs_of(miner).collect();
        self.watchers.tell_again(jobs);
    }

    /// Tells a job's watchers to look again.
    pub fn changed(&self, job_id: JobId) {
        self.watchers.signal(job_id, Signal::Changed);
    }

    /// Rings when there is a receipt to mint.
    pub fn receipts(&self) -> Arc<Notify> {
        Arc::clone(&self.receipts)
    }

    /// Rings when there are offers that there were not before.
    pub fn offers(&self) -> Arc<Notify> {
        Arc::clone(&self.offers)
    }

    async fn send(&self, command: Command) -> Result<(), HubError> {
        self.commands.send(command).await.map_err(|_| HubError::Stopping)
    }

    /// Hands in what the board takes in any case, or may refuse without a word to anybody.
    async fn tell(&self, input: Input) -> Result<(), HubError> {
        self.send(Command { input, carried: Carried::Nothing, reply: None }).await
    }

    /// Hands in what the board may refuse, and waits for its answer.
    async fn ask(&self, input: Input, carried: Carried) -> Result<(), HubError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command { input, carried, reply: Some(reply) }).await?;
        Ok(answer.await.map_err(|_| HubError::Stopping)??)
    }

    /// A job that is stored. `accepted` is when its request arrived.
    pub async fn submit(&self, job: OpenJob, accepted: Instant) -> Result<(), HubError> {
        let carried = Carried::Accepted(job.id(), accepted);
        self.send(Command { input: Input::Submit(job), carried, reply: None }).await
    }

    /// Returns once the board has it. The store follows, and then watchers are told.
    pub async fn cancel(&self, job_id: JobId) -> Result<(), HubError> {
        self.ask(Input::Cancel { job_id }, Carried::Nothing).await
    }

    /// A miner gets nothing new from now on. The store has that already.
    pub async fn pause(&self, miner: Address, pause: MinerPause) -> Result<(), HubError> {
        self.ask(Input::Pause { miner, pause }, Carried::Nothing).await
    }

    /// A miner gets work again. The store has that already.
    pub async fn resume(&self, miner: Address) -> Result<(), HubError> {
        self.ask(Input::Resume { miner }, Carried::Nothing).await
    }

    /// Held from before the store has what [`Self::forgive`] is told until the board has it.
    pub async fn change_histories(&self) -> RwLockWriteGuard<'_, ()> {
        self.histories.write().await
    }

    /// So many faults of these miners count no more. The store has that already.
    pub async fn forgive(&self, struck: BTreeMap<Address, u64>) -> Result<(), HubError> {
        self.ask(Input::Amnesty { struck }, Carried::Nothing).await
    }

    /// The client's payment of a job is reserved. A hub that stops reads that from the store when it starts.
    pub async fn payment_reserved(&self, job_id: JobId) {
        let _ = self.tell(Input::PaymentReserved { job_id }).await;
    }

    /// The client's payment of a job cannot be reserved.
    pub async fn payment_refused(&self, job_id: JobId) {
        let _ = self.tell(Input::PaymentRefused { job_id }).await;
    }

    pub(super) async fn join(&self, arrival: Arrival) -> Result<(), HubError> {
        self.ask(Input::Join(Box::new(arrival)), Carried::Nothing).await
    }

    pub(super) async fn leave(&self, miner: Address, session: SessionNumber) {
        // A hub that stops keeps its leases, so that they go on after the restart.
        let _ = self.tell(Input::Leave { miner, session }).await;
    }

    pub(super) async fn heard(&self, miner: Address, session: SessionNumber) -> Result<(), HubError> {
        self.tell(Input::Heard { miner, session }).await
    }

    pub(super) async fn heartbeat(&self, miner: Address, leases: Vec<LeaseId>) -> Result<(), HubError> {
        self.tell(Input::Heartbeat { miner, leases }).await
    }

    pub(super) async fn drain(&self, miner: Address, session: SessionNumber) -> Result<(), HubError> {
        self.tell(Input::Drain { miner, session }).await
    }

    /// The miner, which serves other hubs, too, lets this one fill so many of its slots.
    pub(super) async fn lend_slots(&self, miner: Address, session: SessionNumber, slots: u32) -> Result<(), HubError> {
        self.tell(Input::Slots { miner, session, slots }).await
    }

    /// The miner gives a lease back whose slot another hub has.
    pub(super) async fn decline(&self, lease_id: LeaseId, miner: Address) -> Result<(), HubError> {
        self.ask(Input::Decline { lease_id, miner }, Carried::Nothing).await
    }

    /// A finished step and what the picture looks like after it, as a `data:` URL, or what was written meanwhile.
    pub(super) async fn progress(
        &self,
        miner: Address,
        progress: Progress,
        data_url: Option<Arc<str>>,
    ) -> Result<(), HubError> {
        let Progress { lease_id, step, steps, piece, .. } = progress;
        let input = Input::Progress { lease_id, miner, progress: StepProgress { step, steps }, piece };
        self.send(Command { input, carried: data_url.map_or(Carried::Nothing, Carried::Preview), reply: None }).await
    }

    pub(super) async fn fail(&self, lease_id: LeaseId, miner: Address, failure: Failure) -> Result<(), HubError> {
        self.ask(Input::Fail { lease_id, miner, failure }, Carried::Nothing).await
    }

    pub(super) async fn result_received(&self, lease_id: LeaseId, miner: Address) -> Result<(), HubError> {
        self.ask(Input::ResultReceived { lease_id, miner }, Carried::Nothing).await
    }

    /// Returns once the result is on the disk. Where the first try to store it fails, the answer is its error, and the
    /// hub goes on trying.
    pub(super) async fn result_verified(&self, lease_id: LeaseId, result: AttestedResult) -> Result<(), IntakeError> {
        let (told, stored) = oneshot::channel();
        let (units, compared) = (result.receipt.signed.receipt.units, result.compared);
        // Drawn now: the miner has signed, and nothing that it knew tells whether it is audited.
        let verified = VerifiedResult { lease_id, units, bits: clock::random_bytes(), compared };
        self.ask(Input::ResultVerified(verified), Carried::Result(Box::new(result), told)).await?;
        Ok(stored.await.map_err(|_| IntakeError::Stopping)??)
    }

    /// The result that ended this lease is verified and on its way to the disk.
    pub(super) fn is_being_stored(&self, lease_id: LeaseId) -> bool {
        self.being_stored.has(lease_id)
    }

    /// The verified result of this task is on its way to the disk.
    pub(super) fn is_result_being_stored(&self, task: Task) -> bool {
        self.being_stored.has_result_of(task)
    }

    pub(super) async fn result_refuted(&self, lease_id: LeaseId, reason: String) -> Result<(), HubError> {
        self.ask(Input::ResultRefuted { lease_id, reason }, Carried::Nothing).await
    }

    pub(super) async fn result_unchecked(&self, lease_id: LeaseId) -> Result<(), HubError> {
        self.ask(Input::ResultUnchecked { lease_id }, Carried::Nothing).await
    }

    pub(super) async fn result_turned_away(&self, lease_id: LeaseId) -> Result<(), HubError> {
        self.ask(Input::ResultTurnedAway { lease_id }, Carried::Nothing).await
    }

    /// A number for a new session, and a place where the actor finds it.
    pub(super) fn open_session(&self, sender: mpsc::Sender<ToSession>) -> SessionNumber {
        let session = SessionNumber(self.next_session.fetch_add(1, Ordering::Relaxed));
        self.sessions.insert(session, sender);
        session
    }

    pub(super) fn close_session(&self, session: SessionNumber) {
        self.sessions.remove(session);
    }
}
