//! The log of this hub: its head, its entries, and the nodes that proofs are made of.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::log::LogEntry;
use shared::log::entry::EntryKind;
use shared::log::tree::{Frontier, NodeId, Nodes};

use crate::change::frontier;
use crate::columns::{decode, from_i64, hash, to_i64};
use crate::entity::{log_entry, log_head, log_node};
use crate::{Store, StoreError};

/// An entry and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    pub index: u64,
    /// The bytes of the leaf.
    pub json: String,
}

impl LogRecord {
    pub fn entry(&self) -> Result<LogEntry, StoreError> {
        decode("entry of the log", &self.json)
    }
}

impl From<log_entry::Model> for LogRecord {
    fn from(row: log_entry::Model) -> Self {
        Self { index: from_i64(row.log_index), json: row.entry }
    }
}

impl Store {
    /// How far the log has come.
    pub async fn log_frontier(&self) -> Result<Frontier, StoreError> {
        let row = log_head::Entity::find_by_id(self.hub_id.to_string()).one(&self.readers).await?;
        row.map_or_else(|| Ok(Frontier::default()), |row| frontier(&row))
    }

    /// Entries in their order.
    pub async fn list_log(&self, from: u64, limit: u64) -> Result<Vec<LogRecord>, StoreError> {
        use log_entry::Column;
        let rows = log_entry::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::LogIndex.gte(to_i64(from)))
            .order_by_asc(Column::LogIndex)
            .limit(limit)
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().map(LogRecord::from).collect())
    }

    /// The last entry of a kind about a receipt, a job or a miner.
    pub async fn find_logged(&self, kind: EntryKind, subject: &str) -> Result<Option<LogRecord>, StoreError> {
        use log_entry::Column;
        let row = log_entry::Entity::find()
            .filter(Column::Subject.eq(subject))
            .filter(Column::Kind.eq(kind.as_str()))
            .filter(Column::HubId.eq(&*self.hub_id))
            .order_by_desc(Column::LogIndex)
            .one(&self.readers)
            .await?;
        Ok(row.map(LogRecord::from))
    }

    /// Those of these nodes that are kept: two for each level of the tree, and for each hash of a proof as many at most.
    pub async fn find_log_nodes(&self, ids: impl IntoIterator<Item = NodeId>) -> Result<Nodes, StoreError> {
        use log_node::Column;
        let mut of_level: BTreeMap<u8, Vec<i64>> = BTreeMap::new();
        for id in ids {
            of_level.entry(id.level).or_default().push(to_i64(id.position));
        }
        let level = |(level, positions): (u8, Vec<i64>)| -> Expr {
            Column::Level.eq(i64::from(level)).and(Column::Position.is_in(positions))
        };
        if of_level.is_empty() {
            return Ok(Nodes::new());
        }
        let any = of_level.into_iter().map(level).fold(Condition::any(), Condition::add);
        let rows =
            log_node::Entity::find().filter(Column::HubId.eq(&*self.hub_id)).filter(any).all(&self.readers).await?;
        let node = |row: log_node::Model| {
            let level = u8::try_from(row.level).map_err(|error| StoreError::corrupt("node of the log", error))?;
            let id = NodeId { level, position: from_i64(row.position) };
            Ok((id, hash("node of the log", &row.hash)?))
        };
        rows.into_iter().map(node).collect()
    }
}
