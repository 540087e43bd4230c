//! The constants every node of a chain must agree on, beyond what genesis states.

use revm::primitives::hardfork::SpecId;

/// The hard fork whose rules execute every block, from genesis on.
pub const HARD_FORK: SpecId = SpecId::OSAKA;

/// Largest encoded transaction, in bytes.
pub const MAX_TRANSACTION_BYTES: usize = 128 * 1024;

/// Largest gas limit of one transaction (EIP-7825).
pub const TRANSACTION_GAS_CAP: u64 = 1 << 24;

/// Largest init code of a creation, in bytes (EIP-3860).
pub const MAX_INIT_CODE_BYTES: usize = 49_152;

/// Largest deployed contract, in bytes (EIP-170).
pub const MAX_CODE_BYTES: usize = 24_576;

/// Gas all transactions of a block may use together, unless genesis says otherwise.
pub const DEFAULT_BLOCK_GAS_LIMIT: u64 = 100_000_000;

/// Most transactions in one block: as many plain transfers as 100 million gas pay for.
pub const MAX_BLOCK_TRANSACTIONS: usize = 4_761;

/// Price of gas while the network is bootstrapping and nobody can hold a coin to pay with, in wei.
pub const GAS_PRICE_WEI: u64 = 0;

/// Price of blob gas in wei, which contracts can read: the least that EIP-4844 has, since no block has blobs.
pub const BLOB_GAS_PRICE_WEI: u64 = 1;

/// How far a proposed block's time may be ahead of the clock of the validator that checks it, in seconds. It allows for
/// clocks that differ, and keeps a proposer from moving the chain's time, which contracts read, into the future.
pub const MAX_BLOCK_TIME_AHEAD_S: u64 = 15;

/// How long after the block before it, in seconds of their headers, a block without transactions may come at the earliest. Validators
/// vote for none that comes sooner.
pub const EMPTY_BLOCK_PAUSE_S: u64 = 10;

/// The most voting power of a set: consensus multiplies it by 3.
pub const MAX_TOTAL_VOTING_POWER: u64 = u64::MAX / 3;
