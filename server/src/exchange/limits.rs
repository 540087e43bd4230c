//! What strangers can ask of the exchange at most.

use std::time::Duration;

/// Requests that wait for the desk; more are refused.
pub(super) const REQUESTS_WAITING_MAX: usize = 1_024;

/// Questions about accounts that wait for the desk. They wait apart, so that no flood of them keeps orders out.
pub(super) const QUESTIONS_WAITING_MAX: usize = 256;

/// Requests of one group, which share one write of the journal.
pub(super) const GROUP_MAX_REQUESTS: usize = 256;

/// Entries of the journal after which a group ends. They fit into one group of the journal.
pub(super) const GROUP_MAX_ENTRIES: u64 = 4_000;

/// Open orders of one trader in all markets.
pub const OPEN_ORDERS_PER_TRADER: usize = 200;

/// Withdrawals of one trader that no block has yet.
pub(super) const WITHDRAWALS_WAITING_PER_TRADER: usize = 16;

/// Highest nonce: what JSON's numbers hold exactly in every language.
pub const NONCE_MAX: u64 = (1 << 53) - 1;

/// How far above the trader's last nonce an order that a trading key signed may be. With the highest nonce, a stolen key would
/// leave its owner none, for withdrawals either; with this step, using them up takes 2^33 orders.
pub(super) const DELEGATE_NONCE_STEP: u64 = 1 << 20;

/// Entries of the journal between two snapshots.
pub(super) const ENTRIES_PER_SNAPSHOT: u64 = 200_000;

/// Groups whose consequences are on their way to the database; more wait.
pub(super) const GROUPS_UNRECORDED_MAX: usize = 64;

/// Blocks whose events are read at once.
pub(super) const BLOCKS_PER_STEP: u64 = 256;

/// Once the oldest trade waits so long for the chain, no orders are taken: half the time that an order has left when it
/// leaves the book.
pub(super) const BEHIND: Duration = Duration::from_secs(trading::SETTLEMENT_SECONDS / 2);

/// Accounts that are compared with the contract after a block.
pub(super) const COMPARED_AT_ONCE: usize = 16;

/// How often accounts are compared where no block comes.
pub(super) const COMPARE_EVERY: Duration = Duration::from_secs(60);

/// Messages that wait for a slow reader of the feed; one that falls further behind is dropped.
pub(super) const FEED_MESSAGES_WAITING: usize = 256;

/// Trades of one message to a trader. More of one group come in several.
pub(super) const FILLS_PER_MESSAGE_MAX: usize = 500;

/// Trades that each market's feed remembers for its first message.
pub(super) const TRADES_REMEMBERED: usize = shared::api::exchange::FEED_TRADES_MAX;

/// Orders that left the book without a trade are kept so long.
pub(super) const UNFILLED_ORDERS_KEPT: Duration = Duration::from_secs(7 * 86_400);
