//! What operators of this hub change, each with the record of who did it, when and why.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use shared::Address;
use shared::amount::Amount;
use shared::api::admin::{OperatorAction, PAUSED_MINERS_MAX};
use shared::id::ApiKeyId;
use shared::log::LogEntry;
use shared::log::entry::LoggedPause;

use super::log::append;
use super::{Change, Transaction, bids, webhooks};
use crate::amount::{micro_ait, micro_ait_amount};
use crate::columns::stored_millis;
use crate::entity::{api_key, operator_change, paused_miner};
use crate::record::operators::OperatorAct;
use crate::{Refusal, StoreError};

/// A miner gets nothing new from now on. The log tells it.
#[derive(Debug, Clone)]
pub struct PauseMiner {
    pub miner: Address,
    pub act: OperatorAct,
}

#[async_trait]
impl Change for PauseMiner {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let Self { miner, act } = self;
        if is_recorded(transaction, act).await? {
            return Ok(());
        }
        if find_pause(transaction, *miner).await?.is_some() {
            return Err(StoreError::Refused(Refusal::MinerPaused));
        }
        let of_hub = paused_miner::Entity::find().filter(paused_miner::Column::HubId.eq(transaction.hub_id));
        if of_hub.count(transaction.connection).await? >= PAUSED_MINERS_MAX as u64 {
            return Err(StoreError::Refused(Refusal::TooManyPaused { most: PAUSED_MINERS_MAX }));
        }
        let row = paused_miner::ActiveModel {
            hub_id: Set(transaction.hub_id.to_owned()),
            address: Set(miner.to_string()),
            reason: Set(act.reason.clone()),
            since_unix_ms: Set(stored_millis(act.at)),
        };
        paused_miner::Entity::insert(row).exec_without_returning(transaction.connection).await?;
        let after = format!("paused: {}", act.reason);
        let record =
            Recorded { action: OperatorAction::PauseMiner, subject: miner.to_string(), states: [GETS_WORK, &after] };
        record.store(transaction, act).await?;
        tell(transaction, *miner, act, true).await
    }
}

/// A paused miner gets work again. The log tells it.
#[derive(Debug, Clone)]
pub struct ResumeMiner {
    pub miner: Address,
    pub act: OperatorAct,
}

#[async_trait]
impl Change for ResumeMiner {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let Self { miner, act } = self;
        if is_recorded(transaction, act).await? {
            return Ok(());
        }
        let Some(pause) = find_pause(transaction, *miner).await? else {
            return Err(StoreError::Refused(Refusal::MinerNotPaused));
        };
        paused_miner::Entity::delete_by_id((pause.hub_id, pause.address)).exec(transaction.connection).await?;
        let before = format!("paused: {}", pause.reason);
        let record =
            Recorded { action: OperatorAction::ResumeMiner, subject: miner.to_string(), states: [&before, GETS_WORK] };
        record.store(transaction, act).await?;
        tell(transaction, *miner, act, false).await
    }
}

/// The state of a miner that is not paused.
const GETS_WORK: &str = "gets work";

/// An API key does not count any more, whether an operator or its wallet made it.
#[derive(Debug, Clone)]
pub struct RevokeKey {
    pub id: ApiKeyId,
    pub act: OperatorAct,
}

#[async_trait]
impl Change for RevokeKey {
    /// Whether the key existed and was not revoked before.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let Self { id, act } = self;
        if is_recorded(transaction, act).await? {
            return Ok(true);
        }
        let found = api_key::Entity::find_by_id(id.to_string()).one(transaction.connection).await?;
        let Some(key) = found.filter(|key| key.revoked_at_unix_ms.is_none()) else { return Ok(false) };
        if key.by_wallet {
            // As where its wallet revokes it: nothing refers to such a key, and it takes no place of a new one.
            api_key::Entity::delete_by_id(key.id).exec(transaction.connection).await?;
        } else {
            api_key::Entity::update_many()
                .col_expr(api_key::Column::RevokedAtUnixMs, Expr::value(stored_millis(act.at)))
                .filter(api_key::Column::Id.eq(key.id))
                .exec(transaction.connection)
                .await?;
        }
        webhooks::remove_of_key(transaction, *id).await?;
        bids::cancel_of_key(transaction, *id, act.at).await?;
        let before = format!("valid, {} of {}", key.scope, key.address);
        let record =
            Recorded { action: OperatorAction::RevokeKey, subject: id.to_string(), states: [&before, "revoked"] };
        record.store(transaction, act).await?;
        Ok(true)
    }
}

/// An operator's API key has other limits of its own from now on.
#[derive(Debug, Clone)]
pub struct LimitKey {
    pub id: ApiKeyId,
    /// The server's where absent.
    pub images_per_minute: Option<u32>,
    pub mint_per_day: Option<Amount>,
    pub act: OperatorAct,
}

#[async_trait]
impl Change for LimitKey {
    /// Whether there is such a key that is not revoked.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let Self { id, images_per_minute, mint_per_day, act } = self;
        if is_recorded(transaction, act).await? {
            return Ok(true);
        }
        let found = api_key::Entity::find_by_id(id.to_string()).one(transaction.connection).await?;
        let Some(key) = found.filter(|key| key.revoked_at_unix_ms.is_none()) else { return Ok(false) };
        if key.by_wallet {
            return Err(StoreError::Refused(Refusal::KeyOfWallet));
        }
        let (pictures, micro) = (images_per_minute.map(i64::from), mint_per_day.map(micro_ait));
        api_key::Entity::update_many()
            .col_expr(api_key::Column::ImagesPerMinute, Expr::value(pictures))
            .col_expr(api_key::Column::MintMicroAitPerDay, Expr::value(micro))
            .filter(api_key::Column::Id.eq(key.id))
            .exec(transaction.connection)
            .await?;
        let before = limits_in_words(key.images_per_minute, key.mint_micro_ait_per_day);
        let after = limits_in_words(pictures, micro);
        let record = Recorded { action: OperatorAction::LimitKey, subject: id.to_string(), states: [&before, &after] };
        record.store(transaction, act).await?;
        Ok(true)
    }
}

fn limits_in_words(pictures: Option<i64>, micro_ait_per_day: Option<i64>) -> String {
    let of_server = || "the server's".to_owned();
    let pictures = pictures.map_or_else(of_server, |limit| limit.to_string());
    let mints = micro_ait_per_day.map_or_else(of_server, |micro| format!("{} AIT", micro_ait_amount(micro)));
    format!("pictures a minute: {pictures}, mints a day: {mints}")
}

pub(super) async fn is_recorded(transaction: &Transaction<'_>, act: &OperatorAct) -> Result<bool, StoreError> {
    let same = operator_change::Entity::find().filter(operator_change::Column::Id.eq(act.id.to_string()));
    Ok(same.one(transaction.connection).await?.is_some())
}

async fn find_pause(transaction: &Transaction<'_>, miner: Address) -> Result<Option<paused_miner::Model>, StoreError> {
    let key = (transaction.hub_id.to_owned(), miner.to_string());
    Ok(paused_miner::Entity::find_by_id(key).one(transaction.connection).await?)
}

/// What was done to what.
pub(super) struct Recorded<'a> {
    pub(super) action: OperatorAction,
    pub(super) subject: String,
    /// Before and after.
    pub(super) states: [&'a str; 2],
}

impl Recorded<'_> {
    pub(super) async fn store(self, transaction: &Transaction<'_>, act: &OperatorAct) -> Result<(), StoreError> {
        let [before, after] = self.states;
        let row = operator_change::ActiveModel {
            id: Set(act.id.to_string()),
            hub_id: Set(transaction.hub_id.to_owned()),
            at_unix_ms: Set(stored_millis(act.at)),
            operator: Set(act.operator.to_string()),
            action: Set(self.action.as_str().to_owned()),
            subject: Set(self.subject),
            reason: Set(act.reason.clone()),
            state_before: Set(before.to_owned()),
            state_after: Set(after.to_owned()),
            ..Default::default()
        };
        operator_change::Entity::insert(row).exec_without_returning(transaction.connection).await?;
        Ok(())
    }
}

async fn tell(
    transaction: &Transaction<'_>,
    miner: Address,
    act: &OperatorAct,
    paused: bool,
) -> Result<(), StoreError> {
    let entry = LoggedPause { miner, paused, reason: act.reason.clone(), at: act.at.seconds() };
    append(transaction, &[LogEntry::Pause(entry)]).await
}
