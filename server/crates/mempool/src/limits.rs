use std::collections::BTreeSet;

use alloy_primitives::Address;

/// The bounds of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Most transactions.
    pub max_transactions: usize,
    /// Most transactions of one sender.
    pub max_transactions_per_sender: usize,
    /// Most encoded bytes of all transactions together.
    pub max_bytes: usize,
    /// How far a nonce may be ahead of the sender's next one.
    pub max_nonce_gap: u64,
    /// How long a transaction may wait, in milliseconds.
    pub lifetime_ms: u64,
    /// Gas that one sender's transactions may ask for in a minute.
    pub max_gas_per_sender_per_minute: u64,
    /// Senders without a gas limit: those that send for everybody, such as the hub that mints.
    pub unmetered_senders: BTreeSet<Address>,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            max_transactions: 20_000,
            max_transactions_per_sender: 1_024,
            max_bytes: 128 * 1024 * 1024,
            max_nonce_gap: 1_024,
            lifetime_ms: 3 * 60 * 60 * 1_000,
            max_gas_per_sender_per_minute: 600_000_000,
            unmetered_senders: BTreeSet::new(),
        }
    }
}
