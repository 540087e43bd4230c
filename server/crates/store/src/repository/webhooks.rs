//! Webhooks and their messages.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::webhooks::{DELIVERIES_LISTED_MAX, DeliveryState, DeliveryView, WEBHOOKS_MAX, WebhookView};
use shared::id::{JobId, WebhookId};
use shared::time::UnixMillis;

use crate::change::delivery_state_text;
use crate::columns::{decode, millis, stored_millis, word};
use crate::entity::{webhook, webhook_delivery};
use crate::record::webhooks::{DueMessage, Failing, WebhookRecord, WebhookSecret};
use crate::{Store, StoreError};

impl Store {
    /// The webhooks of a client, newest first.
    pub async fn list_webhooks(&self, address: Address) -> Result<Vec<WebhookRecord>, StoreError> {
        let rows = webhook::Entity::find()
            .filter(webhook::Column::Address.eq(address.to_string()))
            .order_by_desc(webhook::Column::CreatedAtUnixMs)
            .order_by_desc(webhook::Column::Id)
            .limit(WEBHOOKS_MAX as u64)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(WebhookRecord::try_from).collect()
    }

    /// Webhooks whose messages are to be sent now and that nobody sends to, those that wait the longest first.
    pub async fn list_due_webhooks(
        &self,
        now: UnixMillis,
        limit: u64,
    ) -> Result<Vec<(WebhookRecord, Failing)>, StoreError> {
        let has_no_turn = Condition::any()
            .add(webhook::Column::TurnUntilUnixMs.is_null())
            .add(webhook::Column::TurnUntilUnixMs.lte(stored_millis(now)));
        let rows = webhook::Entity::find()
            .filter(webhook::Column::NextAttemptAtUnixMs.lte(stored_millis(now)))
            .filter(webhook::Column::StoppedAtUnixMs.is_null())
            .filter(has_no_turn)
            .order_by_asc(webhook::Column::NextAttemptAtUnixMs)
            .limit(limit)
            .all(&self.readers)
            .await?;
        let due = |row: webhook::Model| {
            let failures = u32::try_from(row.failures).unwrap_or(u32::MAX);
            let failing = Failing { failures, since: row.failing_since_unix_ms.map(millis) };
            Ok((WebhookRecord::try_from(row)?, failing))
        };
        rows.into_iter().map(due).collect()
    }

    /// Messages of a webhook that are to be sent now, those that wait the longest first.
    pub async fn list_due_messages(
        &self,
        id: WebhookId,
        now: UnixMillis,
        limit: u64,
    ) -> Result<Vec<DueMessage>, StoreError> {
        use webhook_delivery::Column;
        let rows = webhook_delivery::Entity::find()
            .filter(Column::WebhookId.eq(id.to_string()))
            .filter(Column::State.eq(delivery_state_text(DeliveryState::Waiting)?))
            .filter(Column::NextAttemptAtUnixMs.lte(stored_millis(now)))
            .order_by_asc(Column::NextAttemptAtUnixMs)
            .limit(limit)
            .all(&self.readers)
            .await?;
        let due = |row: webhook_delivery::Model| {
            Ok(DueMessage {
                webhook_id: word("webhook id", &row.webhook_id)?,
                job_id: word("job id", &row.job_id)?,
                body: row.body,
                attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            })
        };
        rows.into_iter().map(due).collect()
    }

    /// The newest messages of a webhook, newest first.
    pub async fn list_deliveries(&self, id: WebhookId) -> Result<Vec<DeliveryView>, StoreError> {
        use webhook_delivery::Column;
        let rows = webhook_delivery::Entity::find()
            .filter(Column::WebhookId.eq(id.to_string()))
            .order_by_desc(Column::CreatedAtUnixMs)
            .order_by_desc(Column::JobId)
            .limit(DELIVERIES_LISTED_MAX as u64)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(delivery_view).collect()
    }
}

impl Store {
    /// What became of one message.
    pub async fn find_delivery(
        &self,
        webhook_id: WebhookId,
        job_id: JobId,
    ) -> Result<Option<DeliveryView>, StoreError> {
        let id = (webhook_id.to_string(), job_id.to_string());
        webhook_delivery::Entity::find_by_id(id).one(&self.readers).await?.map(delivery_view).transpose()
    }
}

fn delivery_view(row: webhook_delivery::Model) -> Result<DeliveryView, StoreError> {
    Ok(DeliveryView {
        job_id: word("job id", &row.job_id)?,
        state: decode("delivery state", &format!("\"{}\"", row.state))?,
        created_at_unix_ms: millis(row.created_at_unix_ms),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        next_attempt_at_unix_ms: row.next_attempt_at_unix_ms.map(millis),
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        problem: row.problem,
    })
}

impl TryFrom<webhook::Model> for WebhookRecord {
    type Error = StoreError;

    fn try_from(row: webhook::Model) -> Result<Self, StoreError> {
        let view = WebhookView {
            id: word("webhook id", &row.id)?,
            url: row.url,
            created_at_unix_ms: millis(row.created_at_unix_ms),
            stopped_at_unix_ms: row.stopped_at_unix_ms.map(millis),
        };
        Ok(Self {
            view,
            address: word("address", &row.address)?,
            made_by: row.api_key_id.map(|id| word("key id", &id)).transpose()?,
            secret: WebhookSecret(row.secret),
        })
    }
}
