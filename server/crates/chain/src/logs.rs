use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, Log};

use crate::error::ChainError;
use crate::store::read::Snapshot;
use crate::tables::{self, Place};

/// Most logs one query returns.
pub const MAX_LOGS: usize = 10_000;

/// Most blocks one query reads.
const MAX_READ_BLOCKS: u64 = 20_000;

/// Most blocks the index may name for one condition of a query.
const MAX_INDEXED_BLOCKS: u64 = 1_000_000;

/// Most topics a log has, and a filter can name.
pub const MAX_TOPICS: usize = 4;

/// Which logs are wanted. An empty set places no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Emitting contracts.
    pub addresses: BTreeSet<Address>,
    /// For each topic position, the topics wanted there.
    pub topics: [BTreeSet<B256>; MAX_TOPICS],
}

impl LogFilter {
    /// Whether a log is wanted.
    #[must_use]
    pub fn matches(&self, log: &Log) -> bool {
        let address_fits = self.addresses.is_empty() || self.addresses.contains(&log.address);
        address_fits
            && self.topics.iter().enumerate().all(|(position, wanted)| {
                wanted.is_empty() || log.topics().get(position).is_some_and(|topic| wanted.contains(topic))
            })
    }

    /// The conditions that the index can answer, the narrowest sort first.
    fn indexed_conditions(&self) -> impl Iterator<Item = Indexed<'_>> {
        let topics = self.topics.iter().rev().filter(|wanted| !wanted.is_empty()).map(Indexed::Topics);
        topics.chain((!self.addresses.is_empty()).then_some(Indexed::Addresses(&self.addresses)))
    }
}

enum Indexed<'a> {
    Addresses(&'a BTreeSet<Address>),
    Topics(&'a BTreeSet<B256>),
}

/// A log with everything that says where it was emitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedLog {
    /// The event.
    pub log: Log,
    /// The transaction's place.
    pub place: Place,
    /// The transaction's hash.
    pub transaction_hash: B256,
    /// The block's hash.
    pub block_hash: B256,
    /// The block's time, in unix seconds.
    pub block_timestamp_unix_s: u64,
    /// Position among all logs of the block, from 0.
    pub log_index: u64,
}

impl Snapshot {
    /// The wanted logs of the blocks `first` to `last`, in order of emission.
    ///
    /// # Errors
    /// [`ChainError::LimitExceeded`] above [`MAX_LOGS`] results or if too many blocks would have to be read; or a
    /// storage error.
    pub fn logs(&self, filter: &LogFilter, first: u64, last: u64) -> Result<Vec<PlacedLog>, ChainError> {
        let mut found = Vec::new();
        let last = last.min(self.head().number);
        if first > last {
            return Ok(found);
        }
        for height in self.heights_to_read(filter, first, last)? {
            self.collect_block_logs(filter, height, &mut found)?;
        }
        Ok(found)
    }

    /// The blocks that may hold wanted logs: those that meet every indexed condition, or the whole range if there is
    /// none, since blocks are made on demand and nearly all have logs.
    fn heights_to_read(&self, filter: &LogFilter, first: u64, last: u64) -> Result<Vec<u64>, ChainError> {
        let mut heights: Option<BTreeSet<u64>> = None;
        for condition in filter.indexed_conditions() {
            let meeting = self.indexed_heights(&condition, first, last)?;
            heights = Some(match heights {
                Some(before) => before.intersection(&meeting).copied().collect(),
                None => meeting,
            });
        }
        let given = heights.as_ref().map_or(last - first + 1, |heights| heights.len() as u64);
        if given > MAX_READ_BLOCKS {
            return Err(ChainError::LimitExceeded { what: "blocks of a log query", limit: MAX_READ_BLOCKS, given });
        }
        Ok(heights.map_or_else(|| (first..=last).collect(), |heights| heights.into_iter().collect()))
    }

    fn indexed_heights(&self, condition: &Indexed<'_>, first: u64, last: u64) -> Result<BTreeSet<u64>, ChainError> {
        let mut heights = BTreeSet::new();
        let mut add = |height| {
            heights.insert(height);
            let given = heights.len() as u64;
            if given > MAX_INDEXED_BLOCKS {
                let limit = MAX_INDEXED_BLOCKS;
                return Err(ChainError::LimitExceeded { what: "indexed blocks of a log query", limit, given });
            }
            Ok(())
        };
        match condition {
            Indexed::Addresses(addresses) => {
                let table = self.transaction.open_table(tables::LOG_ADDRESSES)?;
                for address in *addresses {
                    let (low, high) = (tables::log_address(*address, first), tables::log_address(*address, last));
                    for entry in table.range::<&[u8; 28]>(&low..=&high)? {
                        add(tables::height_of(entry?.0.value()))?;
                    }
                }
            }
            Indexed::Topics(topics) => {
                let table = self.transaction.open_table(tables::LOG_TOPICS)?;
                for topic in *topics {
                    let (low, high) = (tables::log_topic(*topic, first), tables::log_topic(*topic, last));
                    for entry in table.range::<&[u8; 40]>(&low..=&high)? {
                        add(tables::height_of(entry?.0.value()))?;
                    }
                }
            }
        }
        Ok(heights)
    }

    fn collect_block_logs(
        &self,
        filter: &LogFilter,
        height: u64,
        found: &mut Vec<PlacedLog>,
    ) -> Result<(), ChainError> {
        let Some(block) = self.block_at(height)? else { return Ok(()) };
        for (index, (transaction, receipt)) in (0u32..).zip(block.transactions.iter().zip(self.receipts_at(height)?)) {
            for (log_index, log) in (receipt.first_log_index..).zip(receipt.logs) {
                if !filter.matches(&log) {
                    continue;
                }
                if found.len() == MAX_LOGS {
                    let limit = MAX_LOGS as u64;
                    return Err(ChainError::LimitExceeded { what: "query results", limit, given: limit + 1 });
                }
                found.push(PlacedLog {
                    log,
                    place: Place { height, index },
                    transaction_hash: transaction.hash(),
                    block_hash: block.header.hash(),
                    block_timestamp_unix_s: block.header.timestamp,
                    log_index,
                });
            }
        }
        Ok(())
    }
}
