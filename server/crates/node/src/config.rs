use std::path::PathBuf;
use std::time::Duration;

use chain::{Genesis, StateHistory, ValidatorKey};
use consensus::Heartbeat;
use mempool::{PoolLimits, StrangerRates};

use crate::disk::DISK_FLOOR_BYTES;
use crate::lanes::STRANGER_CALL_TIME;
use crate::standstill::STANDSTILL_AFTER;
use crate::upstream::Upstream;
use crate::validator_network::ValidatorNetwork;

/// What a node does for the chain.
#[derive(Clone, Debug)]
pub enum Role {
    /// Proposes and decides blocks alone, with a key that has more than two thirds of the voting power.
    Alone(ValidatorKey),
    /// Proposes and decides blocks with others.
    Among(ValidatorKey, ValidatorNetwork),
    /// Takes the blocks that others decided, by [`NodeHandle::import`]. Transactions go to another node, or are refused where
    /// there is no way to one.
    ///
    /// [`NodeHandle::import`]: crate::NodeHandle::import
    Follower(Option<Upstream>),
}

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The database file. Its folder must exist.
    pub database: PathBuf,
    /// Block 0.
    pub genesis: Genesis,
    /// What the node does for the chain.
    pub role: Role,
    /// Which past states are kept.
    pub history: StateHistory,
    /// When blocks are made.
    pub timing: BlockTiming,
    /// Bounds of the transaction pool.
    pub pool_limits: PoolLimits,
    /// What strangers use of the blocks.
    pub stranger_rates: StrangerRates,
    /// Free bytes of the disk below which only the settlement runs; see [`NodeHandle::tell_free_disk`].
    ///
    /// [`NodeHandle::tell_free_disk`]: crate::NodeHandle::tell_free_disk
    pub disk_floor_bytes: u64,
    /// How long a simulated call of a stranger computes.
    pub stranger_call_time: Duration,
}

impl NodeConfig {
    /// A validator that decides alone, with the usual timing and bounds.
    #[must_use]
    pub fn new(database: PathBuf, genesis: Genesis, validator: ValidatorKey) -> Self {
        Self::of(database, genesis, Role::Alone(validator))
    }

    /// A node of any role, with the usual timing and bounds.
    #[must_use]
    pub fn of(database: PathBuf, genesis: Genesis, role: Role) -> Self {
        Self {
            database,
            genesis,
            role,
            history: StateHistory::All,
            timing: BlockTiming::default(),
            pool_limits: PoolLimits::default(),
            stranger_rates: StrangerRates::default(),
            disk_floor_bytes: DISK_FLOOR_BYTES,
            stranger_call_time: STRANGER_CALL_TIME,
        }
    }
}

/// When blocks are made. Without a heartbeat there is no block without a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockTiming {
    /// How long the first ready transaction waits for others to share its block. Among several validators it does not wait:
    /// while they decide one block, the transactions of the next come together.
    pub batching_window: Duration,
    /// How long to wait after a block could not be made or written.
    pub retry_after_failure: Duration,
    /// How long strangers' transactions wait after their allowance was used up, until it is looked at again.
    pub strangers_pause: Duration,
    /// After how long without a block one without transactions is made.
    pub heartbeat: Option<Heartbeat>,
    /// How long something may wait for a block while none is made, before the node says that the chain stands still.
    pub standstill_after: Duration,
}

impl Default for BlockTiming {
    fn default() -> Self {
        Self {
            batching_window: Duration::from_millis(25),
            retry_after_failure: Duration::from_secs(1),
            strangers_pause: Duration::from_millis(250),
            heartbeat: None,
            standstill_after: STANDSTILL_AFTER,
        }
    }
}
