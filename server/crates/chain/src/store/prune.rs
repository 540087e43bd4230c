//! How much of the past state is kept.
//!
//! Histories hold a value with the height of the block that wrote it, and the state after a block is the last value up to its height.
//! So a value is needed no more once a later one is as old as the oldest state that is kept. Each block looks through a part of the
//! histories for such values, some times as much as it writes itself, and goes on where the block before ended. What it removes goes
//! away in the block's own write: a crash leaves both or none.

use redb::{ReadableTable as _, Table, TableHandle as _, Value, WriteTransaction};

use crate::application::ExecutedBlock;
use crate::error::ChainError;
use crate::tables;

/// States that are kept where not all are: as many as geth keeps.
pub const DEFAULT_KEPT_STATES: u64 = 128;

/// Values that a block looks at in each history, beside [`LOOKS_PER_WRITE`] for each that it writes.
const MIN_LOOKS: usize = 256;
/// A thing with one value takes two looks. So superseded values come to at most about a third of a history, however long it is.
const LOOKS_PER_WRITE: usize = 4;

const HEIGHT_BYTES: usize = 8;

/// Which past states are kept. Blocks, receipts and logs always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateHistory {
    /// Those of all blocks.
    #[default]
    All,
    /// Those of so many blocks, the head among them, which is always kept.
    Last(u64),
}

/// Removes a part of what no state needs any more once `executed` is the head.
pub(crate) fn prune(
    transaction: &WriteTransaction,
    history: StateHistory,
    executed: &ExecutedBlock,
) -> Result<(), ChainError> {
    let StateHistory::Last(kept) = history else { return Ok(()) };
    let mut meta = transaction.open_table(tables::META)?;
    let stored = meta.get(tables::FIRST_STATE)?.map_or(0, |height| height.value());
    let first = (executed.block.header.number + 1).saturating_sub(kept.max(1)).max(stored);
    if first == 0 {
        return Ok(());
    }
    if first > stored {
        meta.insert(tables::FIRST_STATE, first)?;
    }
    let accounts = executed.commitment.accounts.len();
    let slots = executed.changes.storage.values().map(|slots| slots.len()).sum::<usize>();
    let mut part = Part { transaction, first, looks: MIN_LOOKS + LOOKS_PER_WRITE * accounts };
    part.prune_history(transaction.open_table(tables::ACCOUNT_HISTORY)?)?;
    part.looks = MIN_LOOKS + LOOKS_PER_WRITE * slots;
    part.prune_history(transaction.open_table(tables::STORAGE_HISTORY)?)
}

/// What one block looks through.
struct Part<'a> {
    transaction: &'a WriteTransaction,
    /// The oldest height whose state is kept.
    first: u64,
    looks: usize,
}

impl Part<'_> {
    fn prune_history<const N: usize, V: Value>(
        &self,
        mut history: Table<'_, &'static [u8; N], V>,
    ) -> Result<(), ChainError> {
        let mut places = self.transaction.open_table(tables::PRUNING)?;
        let name = history.name().to_owned();
        let mut next = places.get(name.as_str())?.and_then(|place| place.value().try_into().ok()).unwrap_or([0; N]);
        let mut superseded = Vec::new();
        let mut left = self.looks;
        while left > 0 {
            let Some(first_version) =
                history.range::<&[u8; N]>(&next..)?.next().transpose()?.map(|(key, _)| *key.value())
            else {
                next = [0; N];
                break;
            };
            let newest_old = with_height(first_version, self.first);
            let mut older: Option<([u8; N], bool)> = None;
            for entry in history.range::<&[u8; N]>(&first_version..=&newest_old)? {
                let (key, value) = entry?;
                superseded.extend(older.map(|(key, _)| key));
                older = Some((*key.value(), is_nothing(V::as_bytes(&value.value()).as_ref())));
                left = left.saturating_sub(1);
                if left == 0 {
                    break;
                }
            }
            left = left.saturating_sub(1);
            // The same thing is looked at again until all its old versions are.
            next = first_version;
            if left > 0 {
                // No value before this one is left, so that it says no more than none would.
                superseded.extend(older.filter(|(_, is_nothing)| *is_nothing).map(|(key, _)| key));
                next = with_height(first_version, u64::MAX);
            }
        }
        for key in superseded {
            history.remove(&key)?;
        }
        places.insert(name.as_str(), next.as_slice())?;
        Ok(())
    }
}

/// Whether a value says that there is no account, or 0 in a slot. No account encodes to zeros.
fn is_nothing(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == 0)
}

/// The key of the same thing at another height.
fn with_height<const N: usize>(mut key: [u8; N], height: u64) -> [u8; N] {
    key[N - HEIGHT_BYTES..].copy_from_slice(&height.to_be_bytes());
    key
}
