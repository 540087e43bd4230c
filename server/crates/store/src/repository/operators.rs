//! What operators look at. Of jobs, transactions and audits, those of this hub.

use sea_orm::sea_query::{Expr, ExprTrait as _, Func, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::admin::{
    AdminJobFilter, ClientClass, DatabaseHealth, OPEN_STATES, OUTBOX_SHOWN_MAX, OperatorChange, Outbox,
    OutboxTransaction, QueueState, WaitingAudits,
};
use shared::api::audits::AuditState;
use shared::api::miners::MinerPause;
use shared::id::ApiKeyId;
use shared::job::lifecycle::JobState;

use super::Keyset;
use super::accounts::key_record;
use crate::columns::{audit_text, from_i64, from_word, millis, state_text, word};
use crate::entity::{api_key, audit, job, operator_change, outbox, paused_miner, payment, task};
use crate::record::{ApiKeyRecord, JobRecord, OutboxState};
use crate::{Store, StoreError, database};

fn paid_jobs() -> SelectStatement {
    Query::select().column(payment::Column::JobId).from(payment::Entity).to_owned()
}

fn jobs_of(miner: Address) -> SelectStatement {
    let is_his = task::Column::Miner.eq(miner.to_string());
    Query::select().column(task::Column::JobId).from(task::Entity).and_where(is_his).to_owned()
}

impl Store {
    /// Newest first.
    pub async fn list_jobs_for_operator(
        &self,
        filter: &AdminJobFilter,
        page: Keyset,
    ) -> Result<Vec<JobRecord>, StoreError> {
        use job::Column;
        let mut query = job::Entity::find().filter(Column::HubId.eq(&*self.hub_id)).order_by_desc(Column::Seq);
        if let Some(id) = filter.id {
            query = query.filter(Column::Id.eq(id.to_string()));
        }
        if let Some(state) = filter.state {
            query = query.filter(Column::State.eq(state.as_str()));
        }
        query = match filter.class {
            None => query,
            Some(ClientClass::Paying) => query.filter(Column::Id.in_subquery(paid_jobs())),
            Some(ClientClass::Visitor) => query.filter(Column::Sponsored.eq(true)),
            Some(ClientClass::Account) => {
                query.filter(Column::Sponsored.eq(false)).filter(Column::Id.not_in_subquery(paid_jobs()))
            }
        };
        if let Some(client) = filter.client {
            query = query.filter(Column::Client.eq(client.to_string()));
        }
        if let Some(miner) = filter.miner {
            query = query.filter(Column::Id.in_subquery(jobs_of(miner)));
        }
        if let Some(seq) = page.before_seq {
            query = query.filter(Column::Seq.lt(seq));
        }
        self.with_tasks(query.limit(page.limit).all(&self.readers).await?).await
    }

    /// This hub's jobs that are not over: how many are in each state, and since when.
    pub async fn queue_states(&self) -> Result<Vec<QueueState>, StoreError> {
        use job::Column;
        let rows: Vec<(String, i64, i64)> = job::Entity::find()
            .select_only()
            .column(Column::State)
            .column_as(Column::Seq.count(), "jobs")
            .column_as(Column::CreatedAtUnixMs.min(), "oldest")
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::State.is_in(OPEN_STATES.map(JobState::as_str)))
            .group_by(Column::State)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let of = |state: JobState| {
            let found = rows.iter().find(|(name, ..)| name == state.as_str());
            QueueState {
                state,
                jobs: found.map_or(0, |(_, jobs, _)| from_i64(*jobs)),
                oldest_unix_ms: found.map(|(.., oldest)| millis(*oldest)),
            }
        };
        Ok(OPEN_STATES.map(of).to_vec())
    }

    /// This hub's transactions that no block is known to have, whatever key signed them.
    pub async fn waiting_transactions(&self) -> Result<Outbox, StoreError> {
        use outbox::Column;
        let signed = state_text(OutboxState::Signed)?;
        let waiting = || {
            let of_hub = outbox::Entity::find().filter(Column::HubId.eq(&*self.hub_id));
            of_hub.filter(Column::State.eq(signed.clone()))
        };
        let oldest = waiting().order_by_asc(Column::Id).limit(OUTBOX_SHOWN_MAX as u64).all(&self.readers).await?;
        let shown = |row: outbox::Model| {
            Ok(OutboxTransaction {
                transaction_hash: word("transaction hash", &row.transaction_hash)?,
                purpose: row.kind,
                nonce: from_i64(row.nonce),
                signed_at_unix_ms: millis(row.signed_at_unix_ms),
                attempts: from_i64(row.attempts),
                last_error: row.last_error,
            })
        };
        let transactions = oldest.into_iter().map(shown).collect::<Result<_, StoreError>>()?;
        Ok(Outbox { waiting: waiting().count(&self.readers).await?, transactions })
    }

    /// This hub's audits that are not over.
    pub async fn waiting_audits(&self) -> Result<WaitingAudits, StoreError> {
        use audit::Column;
        let open = audit_text(AuditState::Waiting)?;
        let rows: Vec<(String, i64, i64)> = audit::Entity::find()
            .select_only()
            .column(Column::State)
            .column_as(Column::JobId.count(), "audits")
            .column_as(Column::OpenedAtUnixMs.min(), "oldest")
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::EndedAtUnixMs.is_null())
            .group_by(Column::State)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let count = |is_open: bool| {
            rows.iter().filter(|(state, ..)| (*state == open) == is_open).map(|(_, count, _)| from_i64(*count)).sum()
        };
        Ok(WaitingAudits {
            open: count(true),
            disputed: count(false),
            oldest_unix_ms: rows.iter().map(|(.., oldest)| millis(*oldest)).min(),
        })
    }

    /// Which database this is, and how much it takes.
    pub async fn database_health(&self) -> Result<DatabaseHealth, StoreError> {
        database::health(&self.readers).await
    }

    /// Miners to which this hub gives nothing new, by address.
    pub async fn list_paused_miners(&self) -> Result<Vec<(Address, MinerPause)>, StoreError> {
        use paused_miner::Column;
        let rows = paused_miner::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .order_by_asc(Column::Address)
            .all(&self.readers)
            .await?;
        let paused = |row: paused_miner::Model| {
            let since_unix_ms = millis(row.since_unix_ms);
            Ok((word("miner", &row.address)?, MinerPause { reason: row.reason, since_unix_ms }))
        };
        rows.into_iter().map(paused).collect()
    }

    /// API keys whose owner's address begins with `owner`, in lower case with `0x`, in the order of their names; those
    /// after one where it is named.
    pub async fn list_keys_by_owner(
        &self,
        owner: &str,
        after: Option<ApiKeyId>,
        limit: u64,
    ) -> Result<Vec<ApiKeyRecord>, StoreError> {
        use api_key::Column;
        let mut query = api_key::Entity::find().order_by_asc(Column::Id).limit(limit);
        if !owner.is_empty() {
            let address = Expr::expr(Func::lower(Expr::col(Column::Address)));
            query = query.filter(address.like(format!("{owner}%")));
        }
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.to_string()));
        }
        query.all(&self.readers).await?.into_iter().map(key_record).collect()
    }

    pub async fn find_key(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, StoreError> {
        api_key::Entity::find_by_id(id.to_string()).one(&self.readers).await?.map(key_record).transpose()
    }

    /// What operators of this hub did, newest first, each with its place.
    pub async fn list_operator_changes(&self, page: Keyset) -> Result<Vec<(i64, OperatorChange)>, StoreError> {
        use operator_change::Column;
        let mut query = operator_change::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .order_by_desc(Column::Seq)
            .limit(page.limit);
        if let Some(seq) = page.before_seq {
            query = query.filter(Column::Seq.lt(seq));
        }
        let change = |row: operator_change::Model| {
            let change = OperatorChange {
                at_unix_ms: millis(row.at_unix_ms),
                operator: word("operator", &row.operator)?,
                action: from_word("operator's action", &row.action)?,
                subject: row.subject,
                reason: row.reason,
                before: row.state_before,
                after: row.state_after,
            };
            Ok((row.seq, change))
        };
        query.all(&self.readers).await?.into_iter().map(change).collect()
    }
}
