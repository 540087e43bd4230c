//! What the rest of the server may ask of the hub.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use hub::board::{Arrival, Board, BoardError, Effect, Failure, OpenJob, SessionNumber};
use shared::Address;
use shared::id::{JobId, LeaseId};
use shared::protocol::Progress;
use shared::time::UnixMillis;
use tokio::sync::{Notify, mpsc, oneshot};

use super::actor::{Command, Outlet, Sessions, ToSession};
use super::watchers::{Signal, Subscription, Watchers};

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
    /// Rings when there is a receipt to mint.
    pub(super) receipts: Arc<Notify>,
}

impl HubHandle {
    /// A consistent look at the board. Hold it briefly: nothing moves meanwhile.
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

    /// Has a miner hear who looks at its jobs: it may have missed it without a session.
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

    async fn send(
        &self,
        accepted: Option<(JobId, Instant)>,
        act: impl FnOnce(&mut Board, UnixMillis, &mut dyn FnMut() -> u128) -> Vec<Effect> + Send + 'static,
    ) -> Result<(), HubError> {
        self.commands.send(Command { act: Box::new(act), accepted }).await.map_err(|_| HubError::Stopping)
    }

    /// Like [`Self::send`], for what the board may refuse.
    async fn ask(
        &self,
        act: impl FnOnce(&mut Board, UnixMillis, &mut dyn FnMut() -> u128) -> Result<Vec<Effect>, BoardError>
        + Send
        + 'static,
    ) -> Result<(), HubError> {
        let (reply, answer) = oneshot::channel();
        self.send(None, move |board, now, draw| {
            let (result, effects) = match act(board, now, draw) {
                Ok(effects) => (Ok(()), effects),
                Err(error) => (Err(error), vec![]),
            };
            let _ = reply.send(result);
            effects
        })
        .await?;
        Ok(answer.await.map_err(|_| HubError::Stopping)??)
    }

    /// A job that is stored. `accepted` is when its request arrived.
    pub async fn submit(&self, job: OpenJob, accepted: Instant) -> Result<(), HubError> {
        self.send(Some((job.id, accepted)), move |board, now, draw| board.submit(job, now, draw)).await
    }

    /// Returns once the board knows; the store follows, and watchers are told after it.
    pub async fn cancel(&self, job_id: JobId) -> Result<(), HubError> {
        self.ask(move |board, now, draw| board.cancel(job_id, now, draw)).await
    }

    pub(super) async fn join(&self, arrival: Arrival) -> Result<(), HubError> {
        self.ask(move |board, now, draw| board.miner_joined(arrival, now, draw)).await
    }

    pub(super) async fn leave(&self, miner: Address, session: SessionNumber) {
        let act =
            move |board: &mut Board, now, draw: &mut dyn FnMut() -> u128| board.miner_left(miner, session, now, draw);
        // A hub that stops keeps its leases for after the restart.
        let _ = self.send(None, act).await;
    }

    pub(super) async fn heard(&self, miner: Address, session: SessionNumber) -> Result<(), HubError> {
        let act = move |board: &mut Board, now, _: &mut dyn FnMut() -> u128| {
            board.heard(miner, session, now);
            vec![]
        };
        self.send(None, act).await
    }

    pub(super) async fn heartbeat(&self, miner: Address, leases: Vec<LeaseId>) -> Result<(), HubError> {
        self.send(None, move |board, now, draw| board.heartbeat(miner, &leases, now, draw)).await
    }

    pub(super) async fn drain(&self, miner: Address, session: SessionNumber) -> Result<(), HubError> {
        let act = move |board: &mut Board, _, _: &mut dyn FnMut() -> u128| {
            board.drain(miner, session);
            vec![]
        };
        self.send(None, act).await
    }

    /// A finished step and what the picture looks like after it, as a `data:` URL, or what was written meanwhile.
    pub(super) async fn progress(
        &self,
        miner: Address,
        progress: Progress,
        data_url: Option<Arc<str>>,
    ) -> Result<(), HubError> {
        let watchers = Arc::clone(&self.watchers);
        let act = move |board: &mut Board, now, _: &mut dyn FnMut() -> u128| {
            let Progress { lease_id, step, steps, piece, .. } = progress;
            let done = shared::api::jobs::StepProgress { step, steps };
            if let Ok(job_id) = board.progress(lease_id, miner, done, piece.as_ref(), now) {
                watchers.signal(job_id, Signal::Progress { step, steps });
                if piece.is_some() {
                    watchers.signal(job_id, Signal::Text);
                }
                if let Some(data_url) = data_url {
                    watchers.signal(job_id, Signal::Preview { step, data_url });
                }
            }
            vec![]
        };
        self.send(None, act).await
    }

    pub(super) async fn fail(&self, lease_id: LeaseId, miner: Address, failure: Failure) -> Result<(), HubError> {
        self.ask(move |board, now, draw| board.fail(lease_id, miner, &failure, now, draw)).await
    }

    pub(super) async fn result_received(&self, lease_id: LeaseId, miner: Address) -> Result<(), HubError> {
        self.ask(move |board, _, _| board.result_received(lease_id, miner)).await
    }

    pub(super) async fn verified(&self, lease_id: LeaseId) -> Result<(), HubError> {
        self.receipts.notify_one();
        self.send(None, move |board, now, draw| board.verified(lease_id, now, draw)).await
    }

    pub(super) async fn refuted(&self, lease_id: LeaseId, reason: String) -> Result<(), HubError> {
        self.send(None, move |board, now, draw| board.refuted(lease_id, &reason, now, draw)).await
    }

    pub(super) async fn unverified(&self, lease_id: LeaseId) -> Result<(), HubError> {
        self.send(None, move |board, _, _| board.unverified(lease_id)).await
    }

    /// A number for a new session, and a place where the actor finds it.
    pub(super) fn open_session(&self, sender: mpsc::Sender<ToSession>, follows_watchers: bool) -> SessionNumber {
        let session = SessionNumber(self.next_session.fetch_add(1, Ordering::Relaxed));
        self.sessions.insert(session, Outlet { sender, follows_watchers });
        session
    }

    pub(super) fn close_session(&self, session: SessionNumber) {
        self.sessions.remove(session);
    }
}
