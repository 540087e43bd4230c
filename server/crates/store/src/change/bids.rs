//! Bids: made, filled with the job that they become, canceled, and ended by time. Every change names the state that it leaves,
//! so that of two hubs, or of a hub and the client, one wins.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    UpdateMany,
};
use shared::Address;
use shared::api::bids::BidState;
use shared::id::{ApiKeyId, BidId};
use shared::job::request::PaymentMode;
use shared::time::UnixMillis;

use super::{Change, Transaction, jobs};
use crate::columns::{encode, stored_millis, to_i64, word_text};
use crate::entity::bid::{ActiveModel, Column, Entity};
use crate::record::IdempotencyRecord;
use crate::record::bids::BidRecord;
use crate::{Refusal, StoreError};

/// Why a bid is over whose key was revoked.
const KEY_REVOKED: &str = "the API key that it was made with was revoked";

/// A client leaves a bid.
#[derive(Debug, Clone)]
pub struct CreateBid {
    pub bid: BidRecord,
    /// The answer for repetitions of the request.
    pub idempotency: Option<IdempotencyRecord>,
    /// What the classes of the IPv6 site of its network begin with.
    pub site_prefix: Option<String>,
    /// Open bids of the client with this one, of its network and of its site where the bid has one, of all that cost nothing
    /// to make (minted, with a network), and of all clients.
    pub most: usize,
    pub most_of_network: usize,
    pub most_of_site: usize,
    pub most_free: usize,
    pub most_in_total: usize,
}

#[async_trait]
impl Change for CreateBid {
    /// Why the bid was not kept. It is no error of the change: that would undo the changes of others that are committed with
    /// it.
    type Output = Option<Refusal>;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<Option<Refusal>, StoreError> {
        // Stored by this very change before.
        if Entity::find_by_id(self.bid.view.id.to_string()).one(transaction.connection).await?.is_some() {
            return Ok(None);
        }
        if let Some(refusal) = self.lack_of_room(transaction).await? {
            return Ok(Some(refusal));
        }
        let BidRecord { view, client, made_with, network, has_filters, asked } = &self.bid;
        let row = ActiveModel {
            id: Set(view.id.to_string()),
            hub_id: Set(transaction.hub_id.to_owned()),
            job_id: Set(view.job_id.to_string()),
            client: Set(client.to_string()),
            api_key_id: Set(made_with.map(|key| key.to_string())),
            network: Set(network.clone()),
            kind: Set(view.kind.as_str().to_owned()),
            model: Set(view.model.clone()),
            units: Set(to_i64(view.units.0)),
            max_unit_price: Set(view.max_unit_price.atto().to_string()),
            payment_mode: Set(word_text("payment mode", &view.payment_mode)?),
            has_filters: Set(*has_filters),
            asked: Set(asked.as_ref().map(|asked| encode("bid", asked)).transpose()?),
            state: Set(view.state.as_str().to_owned()),
            refusal: Set(view.refusal.clone()),
            not_before_unix_ms: Set(0),
            created_at_unix_ms: Set(stored_millis(view.created_at_unix_ms)),
            expires_at_unix_ms: Set(stored_millis(view.expires_at_unix_ms)),
            ended_at_unix_ms: Set(None),
        };
        Entity::insert(row).exec_without_returning(transaction.connection).await?;
        if let Some(first) = &self.idempotency {
            jobs::insert_first_answer(transaction, first).await?;
        }
        Ok(None)
    }
}

impl CreateBid {
    async fn lack_of_room(&self, transaction: &Transaction<'_>) -> Result<Option<Refusal>, StoreError> {
        let BidRecord { view, client, network, .. } = &self.bid;
        let is_full = |bids: Select<Entity>, most: usize| is_full(transaction, bids, most);
        if is_full(open().filter(Column::Client.eq(client.to_string())), self.most).await? {
            return Ok(Some(Refusal::TooManyBids { most: self.most }));
        }
        if let Some(network) = network
            && is_full(open().filter(Column::Network.eq(network)), self.most_of_network).await?
        {
            return Ok(Some(Refusal::TooManyBidsOfNetwork { most: self.most_of_network }));
        }
        if let Some(prefix) = &self.site_prefix
            && is_full(open().filter(Column::Network.starts_with(prefix)), self.most_of_site).await?
        {
            return Ok(Some(Refusal::TooManyBidsOfSite { most: self.most_of_site }));
        }
        if network.is_some() && view.payment_mode == PaymentMode::Mint {
            let minted = Column::PaymentMode.eq(word_text("payment mode", &PaymentMode::Mint)?);
            let free = open().filter(minted).filter(Column::Network.is_not_null());
            if is_full(free, self.most_free).await? {
                return Ok(Some(Refusal::TooManyFreeBids { most: self.most_free }));
            }
        }
        if is_full(open(), self.most_in_total).await? {
            return Ok(Some(Refusal::TooManyBidsInTotal { most: self.most_in_total }));
        }
        Ok(None)
    }
}

async fn is_full(transaction: &Transaction<'_>, bids: Select<Entity>, most: usize) -> Result<bool, StoreError> {
    Ok(bids.count(transaction.connection).await? >= most as u64)
}

fn open() -> Select<Entity> {
    Entity::find().filter(Column::State.eq(BidState::Open.as_str()))
}

/// Ends open bids. What they ask for, and where they came from, is forgotten.
fn ending(state: BidState, at: UnixMillis) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(state.as_str()))
        .col_expr(Column::EndedAtUnixMs, Expr::value(stored_millis(at)))
        .col_expr(Column::Asked, Expr::value(None::<String>))
        .col_expr(Column::Network, Expr::value(None::<String>))
        .filter(Column::State.eq(BidState::Open.as_str()))
}

/// The bid that a job fills, stored in one change with the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilledBid {
    pub id: BidId,
}

/// # Errors
/// A bid that is over: its client took it back meanwhile, or its time passed.
pub(super) async fn fill(transaction: &Transaction<'_>, bid: &FilledBid, at: UnixMillis) -> Result<(), StoreError> {
    let filled = ending(BidState::Filled, at)
        .col_expr(Column::Refusal, Expr::value(None::<String>))
        .filter(Column::Id.eq(bid.id.to_string()))
        .filter(Column::ExpiresAtUnixMs.gte(stored_millis(at)))
        .exec(transaction.connection)
        .await?;
    if filled.rows_affected == 1 { Ok(()) } else { Err(StoreError::Refused(Refusal::BidOver { id: bid.id })) }
}

/// A bid ends before it is filled.
#[derive(Debug, Clone)]
pub struct CancelBid {
    pub id: BidId,
    pub client: Address,
    /// Why, where the hub ends it.
    pub refusal: Option<String>,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for CancelBid {
    /// Whether the client had it and it was open.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let canceled = ending(BidState::Canceled, self.at)
            .col_expr(Column::Refusal, Expr::value(self.refusal.clone()))
            .filter(Column::Id.eq(self.id.to_string()))
            .filter(Column::Client.eq(self.client.to_string()))
            .exec(transaction.connection)
            .await?;
        Ok(canceled.rows_affected == 1)
    }
}

/// The bids that were made with a key go with it.
pub(super) async fn cancel_of_key(
    transaction: &Transaction<'_>,
    key: ApiKeyId,
    at: UnixMillis,
) -> Result<(), StoreError> {
    ending(BidState::Canceled, at)
        .col_expr(Column::Refusal, Expr::value(KEY_REVOKED))
        .filter(Column::ApiKeyId.eq(key.to_string()))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// An offer fitted, but the job could not be submitted: not again before this time.
#[derive(Debug, Clone)]
pub struct PostponeBid {
    pub id: BidId,
    /// `None` once no offer fits any more: what would be refused next is not known.
    pub refusal: Option<String>,
    pub not_before: UnixMillis,
}

#[async_trait]
impl Change for PostponeBid {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::Refusal, Expr::value(self.refusal.clone()))
            .col_expr(Column::NotBeforeUnixMs, Expr::value(stored_millis(self.not_before)))
            .filter(Column::Id.eq(self.id.to_string()))
            .filter(Column::State.eq(BidState::Open.as_str()))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// Bids that one change forgets at most, so that it holds the others up for a moment only.
const FORGOTTEN_AT_ONCE: u64 = 500;

/// Ends the bids whose time has passed, and forgets some of those that ended long ago, the oldest first.
#[derive(Debug, Clone, Copy)]
pub struct ExpireBids {
    pub at: UnixMillis,
    pub forget_before: UnixMillis,
}

#[async_trait]
impl Change for ExpireBids {
    /// How many ended.
    type Output = u64;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        let expired = ending(BidState::Expired, self.at)
            .filter(Column::ExpiresAtUnixMs.lt(stored_millis(self.at)))
            .exec(transaction.connection)
            .await?;
        // An open bid has no end.
        let old: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::EndedAtUnixMs.lt(stored_millis(self.forget_before)))
            .order_by_asc(Column::EndedAtUnixMs)
            .limit(FORGOTTEN_AT_ONCE)
            .into_tuple()
            .all(transaction.connection)
            .await?;
        if !old.is_empty() {
            Entity::delete_many().filter(Column::Id.is_in(old)).exec(transaction.connection).await?;
        }
        Ok(expired.rows_affected)
    }
}
