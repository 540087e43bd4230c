//! Filters that a client installs and polls, instead of a subscription over a WebSocket.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy_primitives::{B256, U128};
use alloy_rpc_types_eth::Log;
use chain::LogFilter;
use jsonrpsee::core::RpcResult;
use serde::Serialize;

use super::convert;
use super::error::{internal, limit_exceeded, not_found};
use crate::error::NodeError;
use crate::handle::NodeHandle;

/// Most installed filters.
const MAX_FILTERS: usize = 1_024;

/// A filter that is not polled for this long is dropped.
const FILTER_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Most blocks one poll of a block filter returns; the rest comes with the next.
const MAX_POLLED_BLOCKS: u64 = 10_000;

/// What happened since the last poll.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum FilterChanges {
    /// Hashes of new blocks, or of transactions that arrived.
    Hashes(Vec<B256>),
    /// New logs.
    Logs(Vec<Log>),
}

#[derive(Debug, Default)]
pub(crate) struct Filters {
    installed: Mutex<Installed>,
}

#[derive(Debug, Default)]
struct Installed {
    by_id: BTreeMap<U128, Polled>,
}

#[derive(Clone, Debug)]
struct Polled {
    kind: Kind,
    /// The first height that was not reported yet.
    next_height: u64,
    last_polled: Instant,
}

#[derive(Clone, Debug)]
enum Kind {
    Blocks,
    /// How many transactions had arrived when it was polled last.
    Arrivals {
        seen: u64,
    },
    Logs {
        filter: LogFilter,
        first: u64,
        last: Option<u64>,
    },
}

impl Filters {
    pub(crate) fn install_blocks(&self, head: u64) -> RpcResult<U128> {
        self.install(Kind::Blocks, head)
    }

    /// Installs a filter of the transactions that arrive after the first `arrived`.
    pub(crate) fn install_arrivals(&self, arrived: u64, head: u64) -> RpcResult<U128> {
        self.install(Kind::Arrivals { seen: arrived }, head)
    }

    /// Installs a log filter of a range, which may have no end.
    pub(crate) fn install_logs(&self, filter: LogFilter, range: (u64, Option<u64>), head: u64) -> RpcResult<U128> {
        let (first, last) = range;
        self.install(Kind::Logs { filter, first, last }, head)
    }

    fn install(&self, kind: Kind, head: u64) -> RpcResult<U128> {
        let now = Instant::now();
        let mut installed = self.lock();
        installed.by_id.retain(|_, polled| now.duration_since(polled.last_polled) < FILTER_LIFETIME);
        if installed.by_id.len() >= MAX_FILTERS {
            return Err(limit_exceeded("installed filters", MAX_FILTERS, MAX_FILTERS + 1));
        }
        let id = random_id()?;
        installed.by_id.insert(id, Polled { kind, next_height: head + 1, last_polled: now });
        Ok(id)
    }

    pub(crate) fn uninstall(&self, id: U128) -> bool {
        self.lock().by_id.remove(&id).is_some()
    }

    pub(crate) async fn changes(&self, id: U128, handle: &NodeHandle) -> RpcResult<FilterChanges> {
        let (head, arrived) = (handle.head()?.number, handle.shared.arrivals.total());
        let polled = self.poll(id, head, arrived)?;
        let changes = changes_since(polled.clone(), (head, arrived), handle).await;
        if let Err(NodeError::TooManyReads { .. }) = changes {
            // Nothing was told: the next poll tells it.
            self.lock().by_id.entry(id).and_modify(|installed| *installed = polled);
        }
        Ok(changes?)
    }

    pub(crate) async fn all_logs(&self, id: U128, handle: &NodeHandle) -> RpcResult<Vec<Log>> {
        let found = self.lock().by_id.get(&id).cloned();
        match found.ok_or_else(|| not_found("filter"))?.kind {
            Kind::Blocks | Kind::Arrivals { .. } => Err(not_found("log filter")),
            Kind::Logs { filter, first, last } => {
                let last = last.unwrap_or(handle.head()?.number);
                Ok(handle.logs(filter, first, last).await?.iter().map(convert::log).collect())
            }
        }
    }

    /// The filter as it was before this poll, which reports everything up to `head`, and the first `arrived` transactions.
    fn poll(&self, id: U128, head: u64, arrived: u64) -> RpcResult<Polled> {
        let mut installed = self.lock();
        let polled = installed.by_id.get_mut(&id).ok_or_else(|| not_found("filter"))?;
        let before = polled.clone();
        polled.last_polled = Instant::now();
        polled.next_height = match polled.kind {
            Kind::Blocks => (head + 1).min(polled.next_height.saturating_add(MAX_POLLED_BLOCKS)),
            Kind::Logs { .. } | Kind::Arrivals { .. } => head + 1,
        };
        if let Kind::Arrivals { seen } = &mut polled.kind {
            *seen = arrived;
        }
        Ok(before)
    }

    fn lock(&self) -> MutexGuard<'_, Installed> {
        self.installed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is new at a head since a poll, where so many transactions have arrived.
async fn changes_since(
    polled: Polled,
    (head, arrived): (u64, u64),
    handle: &NodeHandle,
) -> Result<FilterChanges, NodeError> {
    let first = polled.next_height;
    match polled.kind {
        Kind::Blocks => {
            let last = head.min(first.saturating_add(MAX_POLLED_BLOCKS - 1));
            Ok(FilterChanges::Hashes(handle.query(move |snapshot| hashes(snapshot, first, last)).await?))
        }
        Kind::Arrivals { seen } => Ok(FilterChanges::Hashes(handle.shared.arrivals.between(seen, arrived))),
        Kind::Logs { filter, first: wanted_first, last } => {
            let last = last.map_or(head, |last| last.min(head));
            let found = handle.logs(filter, first.max(wanted_first), last).await?;
            Ok(FilterChanges::Logs(found.iter().map(convert::log).collect()))
        }
    }
}

/// Who knows an id may poll and remove the filter, so that nobody may guess it.
fn random_id() -> RpcResult<U128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| internal(format!("the operating system gives no random bytes: {error}")))?;
    Ok(U128::from_le_bytes(bytes))
}

fn hashes(snapshot: &chain::Snapshot, first: u64, last: u64) -> Result<Vec<B256>, NodeError> {
    let mut hashes = Vec::new();
    for height in first..=last {
        hashes.extend(snapshot.header_at(height)?.map(|header| header.hash()));
    }
    Ok(hashes)
}
