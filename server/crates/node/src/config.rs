use std::path::PathBuf;
use std::time::Duration;

use chain::{Genesis, ValidatorKey};
use mempool::PoolLimits;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The database file. Its folder must exist.
    pub database: PathBuf,
    /// Block 0.
    pub genesis: Genesis,
    /// The key that proposes and decides blocks. It must have more than two thirds of the voting power, since there is
    /// no network to decide with others.
    pub validator: ValidatorKey,
    /// When blocks are made.
    pub timing: BlockTiming,
    /// Bounds of the transaction pool.
    pub pool_limits: PoolLimits,
}

impl NodeConfig {
    /// A node with the usual timing and bounds.
    #[must_use]
    pub fn new(database: PathBuf, genesis: Genesis, validator: ValidatorKey) -> Self {
        Self { database, genesis, validator, timing: BlockTiming::default(), pool_limits: PoolLimits::default() }
    }
}

/// When blocks are made. There is no heartbeat: without a transaction there is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockTiming {
    /// How long the first ready transaction waits for others to share its block.
    pub batching_window: Duration,
    /// How long to wait after a block could not be made or written.
    pub retry_after_failure: Duration,
}

impl Default for BlockTiming {
    fn default() -> Self {
        Self { batching_window: Duration::from_millis(25), retry_after_failure: Duration::from_secs(1) }
    }
}
