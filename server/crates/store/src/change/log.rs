//! The hub's log grows in the transaction of what an entry tells, so that neither is ever stored without the other.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, EntityTrait, QuerySelect};
use shared::B256;
use shared::log::LogEntry;
use shared::log::tree::{Frontier, leaf_hash};

use super::Transaction;
use crate::StoreError;
use crate::columns::{from_i64, hash, to_i64};
use crate::entity::{log_entry, log_head, log_node};

const HASH_BYTES: usize = 32;

/// Adds entries in their order. The hub's row stays locked until the transaction is stored, so that two processes of one
/// hub add theirs one after the other.
pub(super) async fn append(transaction: &Transaction<'_>, entries: &[LogEntry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut frontier = lock_frontier(transaction).await?;
    let (mut rows, mut nodes) = (Vec::new(), Vec::new());
    for entry in entries {
        let json = entry.canonical_json().map_err(|error| StoreError::corrupt("entry of the log", error))?;
        let log_index = to_i64(frontier.size());
        let completed = frontier.append(leaf_hash(json.as_bytes()));
        nodes.extend(completed.into_iter().map(|(id, hash)| log_node::ActiveModel {
            hub_id: Set(transaction.hub_id.to_owned()),
            level: Set(i64::from(id.level)),
            position: Set(to_i64(id.position)),
            hash: Set(hash.to_vec()),
        }));
        rows.push(log_entry::ActiveModel {
            hub_id: Set(transaction.hub_id.to_owned()),
            log_index: Set(log_index),
            kind: Set(entry.kind().as_str().to_owned()),
            subject: Set(entry.subject()),
            entry: Set(json),
        });
    }
    log_entry::Entity::insert_many(rows).exec_without_returning(transaction.connection).await?;
    log_node::Entity::insert_many(nodes).exec_without_returning(transaction.connection).await?;
    let head = log_head::ActiveModel {
        hub_id: Set(transaction.hub_id.to_owned()),
        size: Set(to_i64(frontier.size())),
        peaks: Set(frontier.peaks().concat()),
    };
    log_head::Entity::update(head).exec(transaction.connection).await?;
    Ok(())
}

async fn lock_frontier(transaction: &Transaction<'_>) -> Result<Frontier, StoreError> {
    let find = || log_head::Entity::find_by_id(transaction.hub_id.to_owned()).lock_exclusive();
    if let Some(row) = find().one(transaction.connection).await? {
        return frontier(&row);
    }
    let empty =
        log_head::ActiveModel { hub_id: Set(transaction.hub_id.to_owned()), size: Set(0), peaks: Set(Vec::new()) };
    let unless_stored = OnConflict::column(log_head::Column::HubId).do_nothing().to_owned();
    log_head::Entity::insert(empty).on_conflict(unless_stored).exec_without_returning(transaction.connection).await?;
    // Another process may have made the row, and added to the log since.
    match find().one(transaction.connection).await? {
        Some(row) => frontier(&row),
        None => Err(StoreError::corrupt("log", "the hub's row is gone")),
    }
}

pub(crate) fn frontier(row: &log_head::Model) -> Result<Frontier, StoreError> {
    let peaks = row.peaks.chunks(HASH_BYTES).map(|bytes| hash("node of the log", bytes));
    let peaks = peaks.collect::<Result<Vec<B256>, _>>()?;
    let frontier = Frontier::new(from_i64(row.size), peaks);
    frontier.ok_or_else(|| StoreError::corrupt("log", "its right edge does not fit its size"))
}
