//! Miners: who registered, who was seen, who is forgotten.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use shared::capability::Capability;
use shared::hardware::SignedHardwareReport;
use shared::job::task::Task;
use shared::log::LogEntry;
use shared::log::entry::{FaultCause, ForgottenMiner, LoggedFault};
use shared::time::UnixMillis;
use shared::{Address, U256};

use super::log::append;
use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{encode, stored_millis, stored_wide, word};
use crate::entity::{miner, miner_hardware, paused_miner};

/// Rows that one change names or removes; what is left waits for the next.
const ROWS_MAX: usize = 500;

/// A miner registered, or was seen again.
#[derive(Debug, Clone)]
pub struct UpsertMiner {
    pub address: Address,
    pub capability: Capability,
    pub seen_at: UnixMillis,
}

#[async_trait]
impl Change for UpsertMiner {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use miner::Column;
        let mut capability = self.capability.clone();
        self.keep_hardware(transaction, capability.hardware.take()).await?;
        let row = miner::ActiveModel {
            address: Set(self.address.to_string()),
            capability: Set(encode("capability", &capability)?),
            first_seen_at_unix_ms: Set(stored_millis(self.seen_at)),
            last_seen_at_unix_ms: Set(stored_millis(self.seen_at)),
            jobs_completed: Set(0),
            faults: Set(0),
            audits_confirmed: Set(0),
            audits_refuted: Set(0),
            earned_ait: Set(0),
            earned_atto: Set(0),
            pending_ait: Set(0),
            pending_atto: Set(0),
            held_ait: Set(0),
            held_atto: Set(0),
            reviews_paid: Set(0),
            reviews_unpaid: Set(0),
            review_weight: Set(stored_wide(U256::ZERO)),
            review_weighted_stars: Set(stored_wide(U256::ZERO)),
        };
        let refresh = OnConflict::column(Column::Address)
            .update_columns([Column::Capability, Column::LastSeenAtUnixMs])
            .to_owned();
        miner::Entity::insert(row).on_conflict(refresh).exec_without_returning(transaction.connection).await?;
        Ok(())
    }
}

impl UpsertMiner {
    async fn keep_hardware(
        &self,
        transaction: &Transaction<'_>,
        hardware: Option<SignedHardwareReport>,
    ) -> Result<(), StoreError> {
        use miner_hardware::{ActiveModel, Column, Entity};
        let address = self.address.to_string();
        let Some(hardware) = hardware else {
            Entity::delete_by_id(address).exec(transaction.connection).await?;
            return Ok(());
        };
        let row = ActiveModel { address: Set(address), report: Set(encode("hardware report", &hardware)?) };
        let refresh = OnConflict::column(Column::Address).update_column(Column::Report).to_owned();
        Entity::insert(row).on_conflict(refresh).exec_without_returning(transaction.connection).await?;
        Ok(())
    }
}

/// These miners are connected.
#[derive(Debug, Clone)]
pub struct SeeMiners {
    pub addresses: Vec<Address>,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for SeeMiners {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use miner::Column;
        for some in self.addresses.chunks(ROWS_MAX) {
            miner::Entity::update_many()
                .col_expr(Column::LastSeenAtUnixMs, Expr::value(stored_millis(self.at)))
                .filter(Column::Address.is_in(some.iter().map(Address::to_string)))
                .exec(transaction.connection)
                .await?;
        }
        Ok(())
    }
}

/// Forgets miners that never served a job: a key costs nothing, and neither does what it states about itself. Those not
/// seen for long go, and then those not seen the longest while there are too many. Paused ones stay, so that an operator
/// finds them.
#[derive(Debug, Clone)]
pub struct ForgetMiners {
    pub seen_before: UnixMillis,
    pub unserved_max: u64,
}

#[async_trait]
impl Change for ForgetMiners {
    /// How many are gone.
    type Output = u64;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        use miner::Column;
        let paused = || Query::select().column(paused_miner::Column::Address).from(paused_miner::Entity).to_owned();
        let unserved = || {
            let never_served = miner::Entity::find().filter(Column::JobsCompleted.eq(0));
            never_served.filter(Column::Address.not_in_subquery(paused()))
        };
        let over = unserved().count(transaction.connection).await?.saturating_sub(self.unserved_max);
        let oldest: Vec<(String, i64, i64)> = unserved()
            .order_by_asc(Column::LastSeenAtUnixMs)
            .limit(ROWS_MAX as u64)
            .select_only()
            .columns([Column::Address, Column::LastSeenAtUnixMs, Column::Faults])
            .into_tuple()
            .all(transaction.connection)
            .await?;
        let before = stored_millis(self.seen_before);
        let is_forgotten = |at: u64, seen: i64| at < over || seen < before;
        let gone: Vec<(String, i64)> = oldest
            .into_iter()
            .zip(0..)
            .filter(|((_, seen, _), at)| is_forgotten(*at, *seen))
            .map(|((address, _, faults), _)| (address, faults))
            .collect();
        // Of the others the log has nothing that counts.
        let faulty = gone.iter().filter(|(_, faults)| *faults > 0);
        let entry =
            |(address, _): &(String, i64)| Ok(LogEntry::Forgotten(ForgottenMiner { miner: word("miner", address)? }));
        append(transaction, &faulty.map(entry).collect::<Result<Vec<_>, StoreError>>()?).await?;
        let gone: Vec<String> = gone.into_iter().map(|(address, _)| address).collect();
        let hardware = miner_hardware::Column::Address.is_in(&gone);
        miner_hardware::Entity::delete_many().filter(hardware).exec(transaction.connection).await?;
        let miners = miner::Entity::delete_many().filter(Column::Address.is_in(&gone));
        Ok(miners.exec(transaction.connection).await?.rows_affected)
    }
}

/// A miner has one more fault.
#[derive(Debug, Clone)]
pub struct CountFault {
    pub miner: Address,
    /// With what it came.
    pub task: Task,
    pub cause: FaultCause,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for CountFault {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let Self { miner, task, cause, at } = *self;
        let counted = miner::Entity::update_many()
            .col_expr(miner::Column::Faults, Expr::col(miner::Column::Faults).add(1))
            .filter(miner::Column::Address.eq(miner.to_string()))
            .exec(transaction.connection)
            .await?;
        if counted.rows_affected != 1 {
            return Ok(());
        }
        let fault = LoggedFault { miner, job_id: task.job_id, task_role: task.role, cause, at: at.seconds() };
        append(transaction, &[LogEntry::Fault(fault)]).await
    }
}
