//! Whether the chain stands still although something waits for the next block.

use std::time::Duration;

use chain::MAX_TRANSACTION_GROWTH_BYTES;
use consensus::Heartbeat;
use mempool::{Lane, STRANGERS_GROWTH_BYTES};

use crate::clock::now_unix_ms;
use crate::config::BlockTiming;
use crate::error::NodeError;
use crate::handle::NodeHandle;

/// How long something may wait for a block while none is made, unless a node is set up otherwise.
pub const STANDSTILL_AFTER: Duration = Duration::from_secs(180);

// Strangers wait by themselves for as long as the largest transaction takes of their allowance, and that is no standstill.
const _: () =
    assert!(STANDSTILL_AFTER.as_secs() > MAX_TRANSACTION_GROWTH_BYTES.div_ceil(STRANGERS_GROWTH_BYTES.per_second));

/// What is needed to tell a standstill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    after_ms: u64,
    heartbeat: Option<Heartbeat>,
}

impl Watched {
    pub(crate) fn of(timing: BlockTiming) -> Self {
        let after_ms = u64::try_from(timing.standstill_after.as_millis()).unwrap_or(u64::MAX);
        Self { after_ms, heartbeat: timing.heartbeat }
    }
}

impl NodeHandle {
    /// Why nothing is decided although something waits for the next block: too few validators are connected, or no block was
    /// made for [long](BlockTiming::standstill_after). `None` while nothing waits.
    ///
    /// # Errors
    /// A storage error.
    pub fn standstill(&self) -> Result<Option<NodeError>, NodeError> {
        let (now, after_ms) = (now_unix_ms(), self.shared.watched.after_ms);
        let shortage = self.quorum_shortage()?;
        // Where blocks are made, the pool is not looked at.
        if shortage.is_none() && now.saturating_sub(self.shared.last_block_unix_ms()) < after_ms {
            return Ok(None);
        }
        let Some(since) = self.waiting_since(now)? else { return Ok(None) };
        let waited_ms = now.saturating_sub(since);
        let standstill = || NodeError::Standstill { waited_seconds: waited_ms / 1_000 };
        Ok(shortage.or_else(|| (waited_ms >= after_ms).then(standstill)))
    }

    /// Why this node takes part in no decision now, or nothing is decided that waits; for health checks.
    ///
    /// # Errors
    /// A storage error.
    pub fn why_no_blocks(&self) -> Result<Option<String>, NodeError> {
        match self.fault() {
            Some(fault) => Ok(Some(fault)),
            None => Ok(self.standstill()?.map(|standstill| standstill.to_string())),
        }
    }

    /// Since when, in Unix milliseconds, something has waited while no block was made: a transaction that could run, or a
    /// heartbeat that is due.
    fn waiting_since(&self, now_unix_ms: u64) -> Result<Option<u64>, NodeError> {
        // Below the disk's floor strangers wait because they are to.
        let up_to = if self.shared.disk.shortage().is_some() { Lane::Settlement } else { Lane::Stranger };
        let arrival = self.shared.pool().oldest_ready_unix_ms(up_to);
        let due = match self.shared.watched.heartbeat {
            Some(heartbeat) => Some(heartbeat.due_unix_s(self.head()?.timestamp).saturating_mul(1_000)),
            None => None,
        };
        let since = [arrival, due.filter(|due| *due <= now_unix_ms)].into_iter().flatten().min();
        Ok(since.map(|since| since.max(self.shared.last_block_unix_ms())))
    }
}
