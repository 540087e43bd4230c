//! Long reads run in lanes of their own, so that what strangers ask for keeps neither the pages nor the settlement waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chain::{ChainError, IsOver};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::error::NodeError;
use crate::stranger_threads::StrangerThreads;

/// Most long reads of pages at once.
const PAGE_READS: usize = 16;

/// Most long reads of the settlement at once.
const SETTLEMENT_READS: usize = 4;

/// Most simulated calls, log queries and proofs of strangers at once.
pub const STRANGER_READS: usize = 4;

/// Most questions to traders' contracts at once.
const WALLET_READS: usize = 2;

/// How long a stranger's read waits for its turn before it is refused.
const STRANGER_WAIT: Duration = Duration::from_secs(2);

/// How long a simulated call of a stranger computes. The tries of an estimate share it.
pub const STRANGER_CALL_TIME: Duration = Duration::from_secs(5);

/// Whose long reads these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The pages and other code of this process.
    Page,
    /// What mints receipts.
    Settlement,
    /// Anybody who speaks to `/rpc`.
    Stranger,
    /// What a trader's contract is asked. Neither keeps `/rpc` waiting nor waits for it.
    Wallet,
}

/// How long a simulated call may compute, from the moment when it is its turn; `None` for as long as its gas lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTime {
    pub(crate) limit: Option<Duration>,
}

impl CallTime {
    /// Runs a call, whose time begins.
    pub(crate) fn run<T>(self, call: impl FnOnce(IsOver<'_>) -> Result<T, ChainError>) -> Result<T, NodeError> {
        let began = Instant::now();
        let is_over = || self.limit.is_some_and(|limit| began.elapsed() >= limit);
        call(&is_over).map_err(|error| match (error, self.limit) {
            (ChainError::CallStopped, Some(limit)) => NodeError::CallTime { limit },
            (error, _) => error.into(),
        })
    }
}

#[derive(Debug)]
pub(crate) struct Lanes {
    pages: Arc<Semaphore>,
    settlement: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    wallets: Arc<Semaphore>,
    threads: StrangerThreads,
}

impl Lanes {
    pub(crate) fn start() -> Result<Self, NodeError> {
        let with = |reads| Arc::new(Semaphore::new(reads));
        Ok(Self {
            pages: with(PAGE_READS),
            settlement: with(SETTLEMENT_READS),
            strangers: with(STRANGER_READS),
            wallets: with(WALLET_READS),
            // As many as may read at once, so that a turn never waits for a thread.
            threads: StrangerThreads::start(STRANGER_READS + WALLET_READS)?,
        })
    }

    /// Runs a read on a thread of its lane when it is its turn. The read counts until it ends, also where its caller does
    /// not wait for it.
    pub(crate) async fn run<T, F>(&self, lane: Lane, read: F) -> Result<T, NodeError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, NodeError> + Send + 'static,
    {
        let permit = self.enter(lane).await?;
        let read = move || {
            let _permit = permit;
            read()
        };
        match lane {
            Lane::Stranger | Lane::Wallet => self.threads.run(read).await,
            Lane::Page | Lane::Settlement => {
                let reading = tokio::task::spawn_blocking(read);
                reading.await.map_err(|error| NodeError::Thread(error.to_string()))?
            }
        }
    }

    /// Waits for a turn; the read holds the permit until it ends.
    async fn enter(&self, lane: Lane) -> Result<OwnedSemaphorePermit, NodeError> {
        let entered = match lane {
            Lane::Page => Arc::clone(&self.pages).acquire_owned().await,
            Lane::Settlement => Arc::clone(&self.settlement).acquire_owned().await,
            Lane::Stranger => in_time(&self.strangers, STRANGER_READS).await?,
            Lane::Wallet => in_time(&self.wallets, WALLET_READS).await?,
        };
        entered.map_err(|_| NodeError::Stopped)
    }
}

/// A turn of what strangers ask, or the refusal where none comes in time.
async fn in_time(
    turns: &Arc<Semaphore>,
    limit: usize,
) -> Result<Result<OwnedSemaphorePermit, AcquireError>, NodeError> {
    let turn = Arc::clone(turns).acquire_owned();
    tokio::time::timeout(STRANGER_WAIT, turn).await.map_err(|_| NodeError::TooManyReads { limit })
}
