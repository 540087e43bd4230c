//! The watchers of each job: pages and long polls. A signal says only that something changed. The watcher then reads
//! store and board.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::id::JobId;
use tokio::sync::{Notify, broadcast, watch};

/// Signals that a slow watcher may lag behind; it then looks at the whole job again.
const SIGNALS_MAX: usize = 64;

/// A signal to the watchers of a job.
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
    jobs: Mutex<HashMap<JobId, Watched>>,
    queue: watch::Sender<u64>,
    /// Jobs whose miner should hear again whether somebody looks.
    untold: Mutex<BTreeSet<JobId>>,
    untold_bell: Notify,
}

#[derive(Debug)]
struct Watched {
    signals: broadcast::Sender<Signal>,
    /// Watchers who see previews; others wait for an end.
    viewers: usize,
}

impl Watchers {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            jobs: Mutex::new(HashMap::new()),
            queue: watch::Sender::new(0),
            untold: Mutex::new(BTreeSet::new()),
            untold_bell: Notify::new(),
        })
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, Watched>> {
        // A map of senders is sound even if a thread panicked while it held the lock.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn signal(&self, job_id: JobId, signal: Signal) {
        if let Some(watched) = self.jobs().get(&job_id) {
            let _ = watched.signals.send(signal);
        }
    }

    pub(super) fn queue_moved(&self) {
        self.queue.send_modify(|count| *count += 1);
    }

    /// `views` says whether the watcher sees previews.
    pub(super) fn subscribe(self: &Arc<Self>, job_id: JobId, views: bool) -> Subscription {
        let mut jobs = self.jobs();
        let watched =
            jobs.entry(job_id).or_insert_with(|| Watched { signals: broadcast::Sender::new(SIGNALS_MAX), viewers: 0 });
        let signals = watched.signals.subscribe();
        watched.viewers += usize::from(views);
        let is_first = views && watched.viewers == 1;
        drop(jobs);
        if is_first {
            self.tell_again([job_id]);
        }
        Subscription {
            job_id,
            signals: Some(signals),
            queue: self.queue.subscribe(),
            watchers: Arc::clone(self),
            views,
        }
    }

    /// Whether anybody watches the job's previews.
    pub(super) fn is_viewed(&self, job_id: JobId) -> bool {
        self.jobs().get(&job_id).is_some_and(|watched| watched.viewers > 0)
    }

    /// Has the miners of these jobs hear whether somebody looks.
    pub(super) fn tell_again(&self, jobs: impl IntoIterator<Item = JobId>) {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner).extend(jobs);
        self.untold_bell.notify_one();
    }

    /// Waits until miners must be told whether anybody watches their jobs.
    pub(super) async fn untold(&self) -> BTreeSet<JobId> {
        self.untold_bell.notified().await;
        std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One watcher of one job.
#[derive(Debug)]
pub struct Subscription {
    job_id: JobId,
    signals: Option<broadcast::Receiver<Signal>>,
    queue: watch::Receiver<u64>,
    watchers: Arc<Watchers>,
    views: bool,
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
        // Drops the own receiver first, so that the last watcher finds no other and removes the entry.
        self.signals = None;
        let mut jobs = self.watchers.jobs();
        let Some(watched) = jobs.get_mut(&self.job_id) else { return };
        watched.viewers -= usize::from(self.views);
        let was_last = self.views && watched.viewers == 0;
        if watched.signals.receiver_count() == 0 {
            jobs.remove(&self.job_id);
        }
        drop(jobs);
        if was_last {
            self.watchers.tell_again([self.job_id]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_first_and_the_last_viewer_are_news() {
        let (watchers, job_id) = (Watchers::new(), JobId::from_random(1));
        let waits = watchers.subscribe(job_id, false);
        assert!(!watchers.is_viewed(job_id), "who waits for the end sees no previews");
        let first = watchers.subscribe(job_id, true);
        assert_eq!((watchers.untold().await, watchers.is_viewed(job_id)), (BTreeSet::from([job_id]), true));
        let second = watchers.subscribe(job_id, true);
        drop(first);
        assert!(watchers.is_viewed(job_id) && watchers.untold.lock().unwrap().is_empty());
        drop(second);
        assert_eq!((watchers.untold().await, watchers.is_viewed(job_id)), (BTreeSet::from([job_id]), false));
        drop(waits);
        assert!(watchers.jobs().is_empty() && watchers.untold.lock().unwrap().is_empty());
    }
}
