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

/// Most bytes of topics and data that one query returns.
pub const MAX_LOG_BYTES: usize = 4 << 20;

/// Most bytes of logs that one query reads, those that it does not return counted in.
pub const MAX_READ_LOG_BYTES: usize = 64 << 20;

/// So many blocks are looked up in the index one by one, instead of listing all that it has for another condition.
const MAX_LOOKED_UP: usize = 16_384;

/// What a log takes beside its topics and data.
const LOG_OVERHEAD_BYTES: usize = 32;

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

impl Indexed<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Addresses(addresses) => addresses.len(),
            Self::Topics(topics) => topics.len(),
        }
    }
}

/// What a query has found, and how much it read for it.
#[derive(Default)]
struct Found {
    logs: Vec<PlacedLog>,
    bytes: usize,
    read_bytes: usize,
}

impl Found {
    fn add(&mut self, placed: PlacedLog) -> Result<(), ChainError> {
        self.bytes += bytes_of(&placed.log);
        self.logs.push(placed);
        within("query results", self.logs.len(), MAX_LOGS)?;
        within("bytes of query results", self.bytes, MAX_LOG_BYTES)
    }
}

fn bytes_of(log: &Log) -> usize {
    LOG_OVERHEAD_BYTES * (1 + log.topics().len()) + log.data.data.len()
}

fn within(what: &'static str, given: usize, limit: usize) -> Result<(), ChainError> {
    if given > limit {
        return Err(ChainError::LimitExceeded { what, limit: limit as u64, given: given as u64 });
    }
    Ok(())
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
    /// [`ChainError::LimitExceeded`] above [`MAX_LOGS`] results or [`MAX_LOG_BYTES`] of them, or if too much would have
    /// to be read; [`ChainError::BlockUnavailable`] if a block of the range is not kept here; or a storage error.
    pub fn logs(&self, filter: &LogFilter, first: u64, last: u64) -> Result<Vec<PlacedLog>, ChainError> {
        let last = last.min(self.head().number);
        if first > last {
            return Ok(Vec::new());
        }
        if last > 0 {
            self.check_receipts_are_kept(first.max(1))?;
        }
        let mut found = Found::default();
        let heights = self.heights_to_read(filter, first, last)?;
        let given = heights.as_ref().map_or(last - first + 1, |heights| heights.len() as u64);
        if given > MAX_READ_BLOCKS {
            return Err(ChainError::LimitExceeded { what: "blocks of a log query", limit: MAX_READ_BLOCKS, given });
        }
        for height in heights.map_or_else(|| (first..=last).collect(), Vec::from_iter) {
            self.collect_block_logs(filter, height, &mut found)?;
        }
        Ok(found.logs)
    }

    /// The first wanted log on the chain, by an index: the filter names a topic or an address. It keeps nothing of what
    /// it reads, so that no number of other logs with the same topics hides the one that is looked for.
    ///
    /// # Errors
    /// [`ChainError::LimitExceeded`] if the index names too many blocks, [`ChainError::BlockUnavailable`] if it is in no block that
    /// is kept here and not all are, or a storage error.
    pub fn find_log(&self, filter: &LogFilter) -> Result<Option<PlacedLog>, ChainError> {
        for height in self.heights_to_read(filter, 0, self.head().number)?.unwrap_or_default() {
            let mut found = Found::default();
            match self.collect_block_logs(filter, height, &mut found) {
                // One block may hold more than a query returns.
                Ok(()) | Err(ChainError::LimitExceeded { .. }) => {}
                Err(error) => return Err(error),
            }
            if let Some(log) = found.logs.into_iter().next() {
                return Ok(Some(log));
            }
        }
        // It may be in a block that is not kept here.
        self.check_receipts_are_kept(1)?;
        Ok(None)
    }

    /// The blocks that may hold wanted logs: those that meet every indexed condition, or `None` if there is none, since
    /// blocks are made on demand and nearly all have logs.
    fn heights_to_read(&self, filter: &LogFilter, first: u64, last: u64) -> Result<Option<BTreeSet<u64>>, ChainError> {
        let mut heights: Option<BTreeSet<u64>> = None;
        for condition in filter.indexed_conditions() {
            heights = Some(match heights {
                Some(before) if before.len().saturating_mul(condition.len()) <= MAX_LOOKED_UP => {
                    self.heights_meeting(before, &condition)?
                }
                Some(before) => before.intersection(&self.indexed_heights(&condition, first, last)?).copied().collect(),
                None => self.indexed_heights(&condition, first, last)?,
            });
        }
        Ok(heights)
    }

    /// Those of the blocks that meet one more condition.
    fn heights_meeting(
        &self,
        mut heights: BTreeSet<u64>,
        condition: &Indexed<'_>,
    ) -> Result<BTreeSet<u64>, ChainError> {
        let addresses = self.transaction.open_table(tables::LOG_ADDRESSES)?;
        let topics = self.transaction.open_table(tables::LOG_TOPICS)?;
        let meets = |height: u64| -> Result<bool, ChainError> {
            match condition {
                Indexed::Addresses(wanted) => {
                    for address in *wanted {
                        if addresses.get(&tables::log_address(*address, height))?.is_some() {
                            return Ok(true);
                        }
                    }
                }
                Indexed::Topics(wanted) => {
                    for topic in *wanted {
                        if topics.get(&tables::log_topic(*topic, height))?.is_some() {
                            return Ok(true);
                        }
                    }
                }
            }
            Ok(false)
        };
        let mut failure = None;
        heights.retain(|height| match meets(*height) {
            Ok(meets) => meets,
            Err(error) => {
                failure = Some(error);
                false
            }
        });
        failure.map_or(Ok(heights), Err)
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

    /// Adds a block's wanted logs. The block itself is read only where it has one.
    fn collect_block_logs(&self, filter: &LogFilter, height: u64, found: &mut Found) -> Result<(), ChainError> {
        let receipts = self.receipts_at(height)?;
        let logs = || receipts.iter().flat_map(|receipt| &receipt.logs);
        found.read_bytes += logs().map(bytes_of).sum::<usize>();
        within("bytes that a log query reads", found.read_bytes, MAX_READ_LOG_BYTES)?;
        if !logs().any(|log| filter.matches(log)) {
            return Ok(());
        }
        let Some(block) = self.block_at(height)? else { return Ok(()) };
        for (index, (transaction, receipt)) in (0u32..).zip(block.transactions.iter().zip(receipts)) {
            for (log_index, log) in (receipt.first_log_index..).zip(receipt.logs) {
                if !filter.matches(&log) {
                    continue;
                }
                found.add(PlacedLog {
                    log,
                    place: Place { height, index },
                    transaction_hash: transaction.hash(),
                    block_hash: block.header.hash(),
                    block_timestamp_unix_s: block.header.timestamp,
                    log_index,
                })?;
            }
        }
        Ok(())
    }
}
