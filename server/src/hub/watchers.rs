//! Who looks at which job: signals to pages and long polls. A signal says that something changed; what it changed to
//! is read from the store and the board.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::id::JobId;
use tokio::sync::{broadcast, watch};

/// Signals that a slow watcher may lag behind; it then looks at the whole job again.
const SIGNALS_MAX: usize = 64;

/// Something that a watcher of a job wants to know.
#[derive(Debug, Clone)]
pub enum Signal {
    /// State, receipt or mint changed.
    Changed,
    Progress {
        step: u32,
        steps: u32,
    },
    Preview {
        step: u32,
        data_url: Arc<str>,
    },
    /// The text is longer now; the board has it.
    Text,
}

/// All watchers of all jobs.
#[derive(Debug)]
pub(super) struct Watchers {
    jobs: Mutex<HashMap<JobId, broadcast::Sender<Signal>>>,
    queue: watch::Sender<u64>,
}

impl Watchers {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { jobs: Mutex::new(HashMap::new()), queue: watch::Sender::new(0) })
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, broadcast::Sender<Signal>>> {
        // A map of senders is sound even if a thread panicked while it held the lock.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn signal(&self, job_id: JobId, signal: Signal) {
        if let Some(sender) = self.jobs().get(&job_id) {
            let _ = sender.send(signal);
        }
    }

    pub(super) fn queue_moved(&self) {
        self.queue.send_modify(|count| *count += 1);
    }

    pub(super) fn subscribe(self: &Arc<Self>, job_id: JobId) -> Subscription {
        let signals = self.jobs().entry(job_id).or_insert_with(|| broadcast::Sender::new(SIGNALS_MAX)).subscribe();
        Subscription { job_id, signals: Some(signals), queue: self.queue.subscribe(), watchers: Arc::clone(self) }
    }
}

/// One watcher of one job.
#[derive(Debug)]
pub struct Subscription {
    job_id: JobId,
    signals: Option<broadcast::Receiver<Signal>>,
    queue: watch::Receiver<u64>,
    watchers: Arc<Watchers>,
}

/// What woke a watcher up.
#[derive(Debug, Clone)]
pub enum Wake {
    Signal(Signal),
    QueueMoved,
}

impl Subscription {
    /// Waits for the next signal. Where some were missed, the answer is [`Signal::Changed`].
    pub async fn signal(&mut self) -> Signal {
        let Some(signals) = &mut self.signals else { return std::future::pending().await };
        signals.recv().await.unwrap_or(Signal::Changed)
    }

    /// Waits for a signal or a movement of the queue.
    pub async fn wake(&mut self) -> Wake {
        let Some(signals) = &mut self.signals else { return std::future::pending().await };
        tokio::select! {
            signal = signals.recv() => Wake::Signal(signal.unwrap_or(Signal::Changed)),
            Ok(()) = self.queue.changed() => Wake::QueueMoved,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // The own receiver goes first, so that the last watcher sees none left and removes the entry.
        self.signals = None;
        let mut jobs = self.watchers.jobs();
        if jobs.get(&self.job_id).is_some_and(|sender| sender.receiver_count() == 0) {
            jobs.remove(&self.job_id);
        }
    }
}
