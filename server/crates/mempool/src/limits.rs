use crate::budget::Rate;

/// Gas that the blocks give all strangers together, while gas is free.
pub const STRANGERS_GAS: Rate = Rate { per_second: 3_000_000, burst: 300_000_000 };

/// Gas that strangers use of one block at most, so that a mint never waits for a block full of theirs.
pub const STRANGERS_BLOCK_GAS: u64 = 30_000_000;

/// Bytes that all strangers together add to the disk for ever, as [`chain::Usage`] counts them.
pub const STRANGERS_GROWTH_BYTES: Rate = Rate { per_second: 32 << 10, burst: 16 << 20 };

/// Bytes of transactions that the pool takes of all strangers together, each with [`ARRIVAL_OVERHEAD_BYTES`].
pub const STRANGERS_ARRIVAL_BYTES: Rate = Rate { per_second: 512 << 10, burst: 32 << 20 };

/// What a transaction counts beside its own bytes when it arrives: a signature is recovered, and a row is written.
pub const ARRIVAL_OVERHEAD_BYTES: u64 = 512;

/// Gas in a minute that one stranger's transactions may ask for, whatever it has staked.
pub const SENDER_GAS_PER_MINUTE: u64 = 600_000_000;

/// Gas in a minute that a sender gets besides for each whole AIT that it has staked: about a token transfer.
pub const GAS_PER_STAKED_AIT_PER_MINUTE: u64 = 60_000;

/// Gas in a minute that one stranger's transactions may ask for with any stake: of more than that stake gives nothing.
pub const STAKED_SENDER_GAS_PER_MINUTE: u64 = 4 * SENDER_GAS_PER_MINUTE;

/// How often the stake of a sender is looked up, of all senders together: it costs some calls of a contract.
pub const STAKE_LOOKS: Rate = Rate { per_second: 10, burst: 100 };

/// The bounds of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Most transactions.
    pub max_transactions: usize,
    /// Of them, places that only the settlement takes.
    pub reserved_transactions: usize,
    /// Most transactions of one sender.
    pub max_transactions_per_sender: usize,
    /// Most encoded bytes of all transactions together.
    pub max_bytes: usize,
    /// Of them, bytes that only the settlement takes.
    pub reserved_bytes: usize,
    /// How far a nonce may be ahead of the sender's next one.
    pub max_nonce_gap: u64,
    /// How long a transaction may wait, in milliseconds.
    pub lifetime_ms: u64,
    /// Gas that one stranger's transactions may ask for in a minute, where it has nothing staked.
    pub max_gas_per_sender_per_minute: u64,
    /// What each whole AIT of its stake adds to that.
    pub gas_per_staked_ait_per_minute: u64,
    /// The most that stake raises it to.
    pub max_gas_per_staked_sender_per_minute: u64,
    /// How often stakes are looked up.
    pub stake_looks: Rate,
    /// How fast strangers' transactions may arrive.
    pub strangers_arrival_bytes: Rate,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            max_transactions: 20_000,
            reserved_transactions: 1_024,
            max_transactions_per_sender: 1_024,
            max_bytes: 32 << 20,
            reserved_bytes: 4 << 20,
            max_nonce_gap: 1_024,
            lifetime_ms: 3 * 60 * 60 * 1_000,
            max_gas_per_sender_per_minute: SENDER_GAS_PER_MINUTE,
            gas_per_staked_ait_per_minute: GAS_PER_STAKED_AIT_PER_MINUTE,
            max_gas_per_staked_sender_per_minute: STAKED_SENDER_GAS_PER_MINUTE,
            stake_looks: STAKE_LOOKS,
            strangers_arrival_bytes: STRANGERS_ARRIVAL_BYTES,
        }
    }
}

impl PoolLimits {
    /// Gas that a stranger's transactions may ask for in a minute: `base + min(stake * gas per AIT, most - base)`. Stake never
    /// lowers it.
    #[must_use]
    pub fn gas_per_minute(&self, staked_ait: u64) -> u64 {
        let base = self.max_gas_per_sender_per_minute;
        let most_more = self.max_gas_per_staked_sender_per_minute.saturating_sub(base);
        base.saturating_add(staked_ait.saturating_mul(self.gas_per_staked_ait_per_minute).min(most_more))
    }
}

/// Most that strangers use of the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrangerRates {
    /// Of gas.
    pub gas: Rate,
    /// Of gas in one block.
    pub block_gas: u64,
    /// Of bytes that the disk keeps for ever.
    pub growth_bytes: Rate,
}

impl StrangerRates {
    /// No bound but the block's own.
    pub const UNLIMITED: Self = Self { gas: Rate::UNLIMITED, block_gas: u64::MAX, growth_bytes: Rate::UNLIMITED };
}

impl Default for StrangerRates {
    fn default() -> Self {
        Self { gas: STRANGERS_GAS, block_gas: STRANGERS_BLOCK_GAS, growth_bytes: STRANGERS_GROWTH_BYTES }
    }
}
