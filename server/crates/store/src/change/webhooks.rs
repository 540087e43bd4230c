//! Webhooks: made and removed by clients, messages written with the end of a job, and how sending them went.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use shared::Address;
use shared::api::webhooks::{DELIVERIES_KEPT_MAX, DeliveryState, EndedJob, WebhookEvent, WebhookMessage};
use shared::id::{ApiKeyId, JobId, WebhookId};
use shared::job::lifecycle::JobState;
use shared::time::UnixMillis;

use super::{Change, Transaction};
use crate::columns::{decode, encode, millis, stored_millis};
use crate::entity::{job, webhook, webhook_delivery};
use crate::record::webhooks::{Failing, WebhookRecord};
use crate::{Refusal, StoreError};

/// Unused webhooks that one change removes; the next one removes more.
const FORGOTTEN_MAX: u64 = 1_000;

/// A client names an address.
#[derive(Debug, Clone)]
pub struct CreateWebhook {
    pub webhook: WebhookRecord,
    /// From where a wallet makes it; absent for a key of the operator.
    pub made_from: Option<MadeFrom>,
    /// Webhooks of the client with this one.
    pub most: usize,
    /// Webhooks of all clients.
    pub most_in_total: u64,
}

/// From where a wallet makes a webhook, and how many there may be from there. Wallets cost nothing, so that their own limit
/// alone would hold nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFrom {
    /// The class of the network address.
    pub network: String,
    /// What the classes of all networks of its IPv6 site begin with.
    pub site: Option<String>,
    /// Webhooks from this network, and from its site, with this one.
    pub most_of_network: u64,
    pub most_of_site: u64,
}

impl MadeFrom {
    async fn check_room(
        &self,
        transaction: &Transaction<'_>,
        others: Select<webhook::Entity>,
    ) -> Result<(), StoreError> {
        let (most, of_site) = (self.most_of_network, self.most_of_site);
        let of_network = others.clone().filter(webhook::Column::Network.eq(&self.network));
        if of_network.count(transaction.connection).await? >= most {
            return Err(StoreError::Refused(Refusal::TooManyWebhooksOfNetwork { most }));
        }
        let Some(site) = &self.site else { return Ok(()) };
        if others.filter(webhook::Column::Site.eq(site)).count(transaction.connection).await? >= of_site {
            return Err(StoreError::Refused(Refusal::TooManyWebhooksOfSite { most: of_site }));
        }
        Ok(())
    }
}

#[async_trait]
impl Change for CreateWebhook {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let WebhookRecord { view, address, made_by, secret } = &self.webhook;
        let others = || webhook::Entity::find().filter(webhook::Column::Id.ne(view.id.to_string()));
        let own = others().filter(webhook::Column::Address.eq(address.to_string()));
        if own.count(transaction.connection).await? >= self.most as u64 {
            return Err(StoreError::Refused(Refusal::TooManyWebhooks { most: self.most }));
        }
        if let Some(made_from) = &self.made_from {
            made_from.check_room(transaction, others()).await?;
        }
        if others().count(transaction.connection).await? >= self.most_in_total {
            return Err(StoreError::Refused(Refusal::TooManyWebhooksInTotal { most: self.most_in_total }));
        }
        let row = webhook::ActiveModel {
            id: Set(view.id.to_string()),
            address: Set(address.to_string()),
            url: Set(view.url.clone()),
            secret: Set(secret.0.clone()),
            created_at_unix_ms: Set(stored_millis(view.created_at_unix_ms)),
            stopped_at_unix_ms: Set(None),
            api_key_id: Set(made_by.map(|key| key.to_string())),
            next_attempt_at_unix_ms: Set(None),
            turn_until_unix_ms: Set(None),
            failures: Set(0),
            failing_since_unix_ms: Set(None),
            network: Set(self.made_from.as_ref().map(|made_from| made_from.network.clone())),
            site: Set(self.made_from.as_ref().and_then(|made_from| made_from.site.clone())),
        };
        let unless_stored = OnConflict::column(webhook::Column::Id).do_nothing().to_owned();
        webhook::Entity::insert(row).on_conflict(unless_stored).exec_without_returning(transaction.connection).await?;
        Ok(())
    }
}

/// A client removes a webhook, and its messages with it.
#[derive(Debug, Clone, Copy)]
pub struct RemoveWebhook {
    pub id: WebhookId,
    pub address: Address,
}

#[async_trait]
impl Change for RemoveWebhook {
    /// Whether the client had it.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let removed = webhook::Entity::delete_many()
            .filter(webhook::Column::Id.eq(self.id.to_string()))
            .filter(webhook::Column::Address.eq(self.address.to_string()))
            .exec(transaction.connection)
            .await?;
        if removed.rows_affected == 0 {
            return Ok(false);
        }
        webhook_delivery::Entity::delete_many()
            .filter(webhook_delivery::Column::WebhookId.eq(self.id.to_string()))
            .exec(transaction.connection)
            .await?;
        Ok(true)
    }
}

/// Removes webhooks that wallets made before this, and whose wallets have asked for no job since. How many.
pub(super) async fn forget_unused(transaction: &Transaction<'_>, before: UnixMillis) -> Result<u64, StoreError> {
    let of_client = Expr::col((job::Entity, job::Column::Client)).equals((webhook::Entity, webhook::Column::Address));
    let later = Query::select()
        .column(job::Column::Id)
        .from(job::Entity)
        .and_where(of_client)
        .and_where(job::Column::CreatedAtUnixMs.gte(stored_millis(before)))
        .to_owned();
    let unused: Vec<String> = webhook::Entity::find()
        .select_only()
        .column(webhook::Column::Id)
        .filter(webhook::Column::CreatedAtUnixMs.lt(stored_millis(before)))
        .filter(webhook::Column::Network.is_not_null())
        .filter(Expr::not_exists(later))
        .limit(FORGOTTEN_MAX)
        .into_tuple()
        .all(transaction.connection)
        .await?;
    webhook_delivery::Entity::delete_many()
        .filter(webhook_delivery::Column::WebhookId.is_in(unused.clone()))
        .exec(transaction.connection)
        .await?;
    let forgotten =
        webhook::Entity::delete_many().filter(webhook::Column::Id.is_in(unused)).exec(transaction.connection).await?;
    Ok(forgotten.rows_affected)
}

/// Removes the webhooks that a key made.
pub(super) async fn remove_of_key(transaction: &Transaction<'_>, key: ApiKeyId) -> Result<(), StoreError> {
    let of_key = || webhook::Column::ApiKeyId.eq(key.to_string());
    let ids = Query::select().column(webhook::Column::Id).from(webhook::Entity).and_where(of_key()).to_owned();
    webhook_delivery::Entity::delete_many()
        .filter(webhook_delivery::Column::WebhookId.in_subquery(ids))
        .exec(transaction.connection)
        .await?;
    webhook::Entity::delete_many().filter(of_key()).exec(transaction.connection).await?;
    Ok(())
}

/// Writes a message to each webhook of a job's client. The job has just ended, in the same transaction.
pub(super) async fn announce(
    transaction: &Transaction<'_>,
    job_id: JobId,
    state: JobState,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let Some(event) = WebhookEvent::of_end(state) else { return Ok(()) };
    let client = Query::select()
        .column(job::Column::Client)
        .from(job::Entity)
        .and_where(job::Column::Id.eq(job_id.to_string()))
        .to_owned();
    let ids: Vec<String> = webhook::Entity::find()
        .select_only()
        .column(webhook::Column::Id)
        .filter(webhook::Column::Address.in_subquery(client))
        .filter(webhook::Column::StoppedAtUnixMs.is_null())
        .order_by_asc(webhook::Column::Id)
        .into_tuple()
        .all(transaction.connection)
        .await?;
    if ids.is_empty() {
        return Ok(());
    }
    let body = body_of(transaction, job_id, event, state, at).await?;
    for id in ids {
        insert_message(transaction, &id, job_id, &body, at).await?;
    }
    Ok(())
}

async fn body_of(
    transaction: &Transaction<'_>,
    job_id: JobId,
    event: WebhookEvent,
    state: JobState,
    at: UnixMillis,
) -> Result<String, StoreError> {
    let of_job = job::Column::Id.eq(job_id.to_string());
    let row = job::Entity::find().filter(of_job).one(transaction.connection).await?;
    let row = row.ok_or_else(|| StoreError::corrupt("job", "it has ended and is not there"))?;
    let data = EndedJob {
        job_id,
        kind: decode("kind", &format!("\"{}\"", row.kind))?,
        model: row.model,
        state,
        created_at_unix_ms: millis(row.created_at_unix_ms),
        finished_at_unix_ms: at,
    };
    encode("webhook message", &WebhookMessage { event, timestamp: at.rfc3339(), data })
}

async fn insert_message(
    transaction: &Transaction<'_>,
    webhook_id: &str,
    job_id: JobId,
    body: &str,
    at: UnixMillis,
) -> Result<(), StoreError> {
    use webhook_delivery::{ActiveModel, Column, Entity};
    // A webhook that waits after a failure goes on waiting. In any case this locks its row: a turn that ends at the same time
    // looks for waiting messages either before this or after it is stored.
    let next = Expr::col(webhook::Column::NextAttemptAtUnixMs).if_null(stored_millis(at));
    webhook::Entity::update_many()
        .col_expr(webhook::Column::NextAttemptAtUnixMs, next)
        .filter(webhook::Column::Id.eq(webhook_id))
        .exec(transaction.connection)
        .await?;
    let row = ActiveModel {
        webhook_id: Set(webhook_id.to_owned()),
        job_id: Set(job_id.to_string()),
        body: Set(body.to_owned()),
        state: Set(delivery_state_text(DeliveryState::Waiting)?),
        created_at_unix_ms: Set(stored_millis(at)),
        attempts: Set(0),
        next_attempt_at_unix_ms: Set(Some(stored_millis(at))),
        status: Set(None),
        problem: Set(None),
    };
    let unless_stored = OnConflict::columns([Column::WebhookId, Column::JobId]).do_nothing().to_owned();
    Entity::insert(row).on_conflict(unless_stored).exec_without_returning(transaction.connection).await?;
    Ok(())
}

/// One process takes the sending of a webhook's messages upon itself. The time names its turn: until then nobody else
/// sends them, unless it ends before with [`EndTurn`].
#[derive(Debug, Clone, Copy)]
pub struct TakeTurn {
    pub id: WebhookId,
    pub now: UnixMillis,
    pub until: UnixMillis,
}

#[async_trait]
impl Change for TakeTurn {
    /// Whether nobody else has it.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        use webhook::Column::{Id, NextAttemptAtUnixMs, StoppedAtUnixMs, TurnUntilUnixMs};
        let is_free = Condition::any()
            .add(TurnUntilUnixMs.is_null())
            .add(TurnUntilUnixMs.lte(stored_millis(self.now)))
            .add(TurnUntilUnixMs.eq(stored_millis(self.until)));
        let taken = webhook::Entity::update_many()
            .col_expr(TurnUntilUnixMs, Expr::value(stored_millis(self.until)))
            .filter(Id.eq(self.id.to_string()))
            .filter(StoppedAtUnixMs.is_null())
            .filter(NextAttemptAtUnixMs.lte(stored_millis(self.now)))
            .filter(is_free)
            .exec(transaction.connection)
            .await?;
        Ok(taken.rows_affected == 1)
    }
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    Delivered {
        status: u16,
    },
    Failed {
        status: Option<u16>,
        problem: String,
        /// `None` where this was the last try.
        next_attempt_at: Option<UnixMillis>,
    },
}

/// A message was sent, or not.
#[derive(Debug, Clone)]
pub struct RecordSent {
    pub webhook_id: WebhookId,
    pub job_id: JobId,
    /// Tries before this one. Where the row says otherwise, its client had it sent again meanwhile.
    pub tries_before: u32,
    pub sent: Sent,
}

#[async_trait]
impl Change for RecordSent {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use webhook_delivery::Column;
        let (state, status, problem, next) = match &self.sent {
            Sent::Delivered { status } => (DeliveryState::Delivered, Some(*status), None, None),
            Sent::Failed { status, problem, next_attempt_at } => {
                let state = if next_attempt_at.is_some() { DeliveryState::Waiting } else { DeliveryState::GivenUp };
                (state, *status, Some(problem.clone()), *next_attempt_at)
            }
        };
        webhook_delivery::Entity::update_many()
            .col_expr(Column::State, Expr::value(delivery_state_text(state)?))
            .col_expr(Column::Attempts, Expr::value(i64::from(self.tries_before) + 1))
            .col_expr(Column::NextAttemptAtUnixMs, Expr::value(next.map(stored_millis)))
            .col_expr(Column::Status, Expr::value(status.map(i64::from)))
            .col_expr(Column::Problem, Expr::value(problem))
            .filter(Column::WebhookId.eq(self.webhook_id.to_string()))
            .filter(Column::JobId.eq(self.job_id.to_string()))
            .filter(Column::State.eq(delivery_state_text(DeliveryState::Waiting)?))
            .filter(Column::Attempts.eq(i64::from(self.tries_before)))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEnd {
    /// The last message was delivered. What still waits goes behind the messages of others.
    Sent { at: UnixMillis },
    /// The last try failed: nothing is sent before this.
    Failed { failing: Failing, pause_until: UnixMillis },
    /// Nothing is sent any more.
    Stopped { at: UnixMillis },
}

/// A turn of sending a webhook's messages ends, and others may take one. Nothing happens where it is over already.
#[derive(Debug, Clone, Copy)]
pub struct EndTurn {
    pub id: WebhookId,
    /// As the turn was taken.
    pub until: UnixMillis,
    pub end: TurnEnd,
}

#[async_trait]
impl Change for EndTurn {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use webhook::Column;
        // Locks the row before anything is read: see where messages are written.
        let ended = webhook::Entity::update_many()
            .col_expr(Column::TurnUntilUnixMs, Expr::value(None::<i64>))
            .filter(Column::Id.eq(self.id.to_string()))
            .filter(Column::TurnUntilUnixMs.eq(stored_millis(self.until)))
            .exec(transaction.connection)
            .await?;
        if ended.rows_affected == 0 {
            return Ok(());
        }
        forget_beyond(transaction, self.id).await?;
        let (failing, earliest, stopped) = match self.end {
            TurnEnd::Sent { at } => (Failing::default(), Some(at), None),
            TurnEnd::Failed { failing, pause_until } => (failing, Some(pause_until), None),
            TurnEnd::Stopped { at } => (Failing::default(), None, Some(at)),
        };
        let next = next_waiting(transaction, self.id).await?;
        let next = next.zip(earliest).map(|(next, earliest)| Ord::max(next, stored_millis(earliest)));
        webhook::Entity::update_many()
            .col_expr(Column::NextAttemptAtUnixMs, Expr::value(next))
            .col_expr(Column::StoppedAtUnixMs, Expr::value(stopped.map(stored_millis)))
            .col_expr(Column::Failures, Expr::value(i64::from(failing.failures)))
            .col_expr(Column::FailingSinceUnixMs, Expr::value(failing.since.map(stored_millis)))
            .filter(Column::Id.eq(self.id.to_string()))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// Forgets what is older than the newest messages of a webhook.
async fn forget_beyond(transaction: &Transaction<'_>, id: WebhookId) -> Result<(), StoreError> {
    use webhook_delivery::Column;
    let first_too_many: Option<i64> = webhook_delivery::Entity::find()
        .select_only()
        .column(Column::CreatedAtUnixMs)
        .filter(Column::WebhookId.eq(id.to_string()))
        .order_by_desc(Column::CreatedAtUnixMs)
        .offset(DELIVERIES_KEPT_MAX)
        .limit(1)
        .into_tuple()
        .one(transaction.connection)
        .await?;
    let Some(first_too_many) = first_too_many else { return Ok(()) };
    webhook_delivery::Entity::delete_many()
        .filter(Column::WebhookId.eq(id.to_string()))
        .filter(Column::CreatedAtUnixMs.lte(first_too_many))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// When the next waiting message of a webhook is due.
async fn next_waiting(transaction: &Transaction<'_>, id: WebhookId) -> Result<Option<i64>, StoreError> {
    use webhook_delivery::Column;
    let next: Option<Option<i64>> = webhook_delivery::Entity::find()
        .select_only()
        .column(Column::NextAttemptAtUnixMs)
        .filter(Column::WebhookId.eq(id.to_string()))
        .filter(Column::State.eq(delivery_state_text(DeliveryState::Waiting)?))
        .order_by_asc(Column::NextAttemptAtUnixMs)
        .limit(1)
        .into_tuple()
        .one(transaction.connection)
        .await?;
    Ok(next.flatten())
}

/// A message that does not wait is sent again, from its first try on. A webhook that stopped starts again with it.
#[derive(Debug, Clone, Copy)]
pub struct SendAgain {
    pub webhook_id: WebhookId,
    pub job_id: JobId,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for SendAgain {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use webhook::Column;
        let (id, at) = (self.webhook_id.to_string(), stored_millis(self.at));
        let next = Expr::col(Column::NextAttemptAtUnixMs).if_null(at);
        let started = webhook::Entity::update_many()
            .col_expr(Column::StoppedAtUnixMs, Expr::value(None::<i64>))
            .col_expr(Column::NextAttemptAtUnixMs, next)
            .filter(Column::Id.eq(&id));
        started.exec(transaction.connection).await?;
        webhook_delivery::Entity::update_many()
            .col_expr(webhook_delivery::Column::State, Expr::value(delivery_state_text(DeliveryState::Waiting)?))
            .col_expr(webhook_delivery::Column::NextAttemptAtUnixMs, Expr::value(at))
            .col_expr(webhook_delivery::Column::Attempts, Expr::value(0_i64))
            .filter(webhook_delivery::Column::WebhookId.eq(&id))
            .filter(webhook_delivery::Column::JobId.eq(self.job_id.to_string()))
            .filter(webhook_delivery::Column::State.ne(delivery_state_text(DeliveryState::Waiting)?))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// Forgets messages that were written before this, whatever became of them.
pub(super) async fn forget_messages(transaction: &Transaction<'_>, before: UnixMillis) -> Result<u64, StoreError> {
    let old = webhook_delivery::Column::CreatedAtUnixMs.lt(stored_millis(before));
    Ok(webhook_delivery::Entity::delete_many().filter(old).exec(transaction.connection).await?.rows_affected)
}

/// A state as its column holds it.
pub(crate) fn delivery_state_text(state: DeliveryState) -> Result<String, StoreError> {
    Ok(encode("delivery state", &state)?.trim_matches('"').to_owned())
}
