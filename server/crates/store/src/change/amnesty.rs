//! An operator declares that the platform was at fault for a while: faults of leases of that time count no more.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::admin::OperatorAction;
use shared::log::LogEntry;
use shared::log::entry::LoggedAmnesty;
use shared::log::faults::{KINDS, LiveFaults};
use shared::time::UnixSeconds;

use super::log::append;
use super::operators::{Recorded, is_recorded};
use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{decode, to_i64};
use crate::entity::{log_entry, miner};
use crate::record::operators::OperatorAct;

/// Entries that are read at once.
const ENTRIES_AT_ONCE: u64 = 1_000;

/// Strikes the faults of a span from the reputation of every miner, with an entry of the log and a record of the act.
#[derive(Debug, Clone)]
pub struct DeclareAmnesty {
    pub from: UnixSeconds,
    /// The last second of the span.
    pub to: UnixSeconds,
    pub act: OperatorAct,
}

#[async_trait]
impl Change for DeclareAmnesty {
    /// How many faults of whom do not count any more.
    type Output = BTreeMap<Address, u64>;

    /// What is struck follows from the log alone, so that others can count it again.
    async fn apply(&self, transaction: &Transaction<'_>) -> Result<Self::Output, StoreError> {
        let Self { from, to, act } = self;
        if is_recorded(transaction, act).await? {
            return Ok(BTreeMap::new());
        }
        let struck = live_faults(transaction).await?.strike(*from, *to);
        for (address, faults) in &struck {
            miner::Entity::update_many()
                .col_expr(miner::Column::Faults, Expr::col(miner::Column::Faults).sub(to_i64(*faults)))
                .filter(miner::Column::Address.eq(address.to_string()))
                .exec(transaction.connection)
                .await?;
        }
        let after = format!("{} faults of {} miners do not count", struck.values().sum::<u64>(), struck.len());
        let record = Recorded {
            action: OperatorAction::DeclareAmnesty,
            subject: format!("{} to {}", from.0, to.0),
            states: ["they count", &after],
        };
        record.store(transaction, act).await?;
        let entry = LoggedAmnesty { from: *from, to: *to, reason: act.reason.clone(), at: act.at.seconds() };
        append(transaction, &[LogEntry::Amnesty(entry)]).await?;
        Ok(struck)
    }
}

/// Reads those entries of the log on which it depends.
async fn live_faults(transaction: &Transaction<'_>) -> Result<LiveFaults, StoreError> {
    use log_entry::Column;
    let (mut live, mut from) = (LiveFaults::default(), 0);
    loop {
        let rows = log_entry::Entity::find()
            .filter(Column::HubId.eq(transaction.hub_id))
            .filter(Column::Kind.is_in(KINDS.map(|kind| kind.as_str())))
            .filter(Column::LogIndex.gte(from))
            .order_by_asc(Column::LogIndex)
            .limit(ENTRIES_AT_ONCE)
            .all(transaction.connection)
            .await?;
        for row in &rows {
            live.count(&decode("entry of the log", &row.entry)?);
        }
        match rows.last() {
            Some(last) => from = last.log_index + 1,
            None => return Ok(live),
        }
    }
}
