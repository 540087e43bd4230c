//! Bids of clients.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::api::bids::{BIDS_LISTED_MAX, BidState, BidView};
use shared::id::{BidId, JobId};
use shared::job::JobKind;
use shared::job::request::PaymentMode;
use shared::time::UnixMillis;

use crate::columns::{decode, from_i64, from_word, millis, stored_millis, word, word_text};
use crate::entity::bid::{Column, Entity, Model};
use crate::record::bids::{BidRecord, WaitingBid};
use crate::{Store, StoreError};

/// Kind, model, units, price, way of paying, filters.
type BookRow = (String, String, i64, String, String, bool);

/// What a book counts of one open bid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedRow {
    pub kind: JobKind,
    pub model: String,
    pub units: MicroUnits,
    pub max_unit_price: Amount,
    pub payment_mode: PaymentMode,
    pub has_filters: bool,
}

fn open() -> Select<Entity> {
    Entity::find().filter(Column::State.eq(BidState::Open.as_str()))
}

impl Store {
    /// The newest bids of a client, newest first.
    pub async fn list_bids(&self, client: Address) -> Result<Vec<BidView>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Client.eq(client.to_string()))
            .order_by_desc(Column::CreatedAtUnixMs)
            .order_by_desc(Column::Id)
            .limit(BIDS_LISTED_MAX as u64)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(|row| Ok(BidRecord::try_from(row)?.view)).collect()
    }

    pub async fn find_bid(&self, id: BidId) -> Result<Option<BidRecord>, StoreError> {
        Entity::find_by_id(id.to_string()).one(&self.readers).await?.map(BidRecord::try_from).transpose()
    }

    /// Open bids that this hub may fill now, those first that are filled first. A bid whose client pays is the hub's that its
    /// order names; any other may be filled by every hub of this database.
    pub async fn list_waiting_bids(&self, now: UnixMillis) -> Result<Vec<WaitingBid>, StoreError> {
        let may_fill = Condition::any()
            .add(Column::HubId.eq(&*self.hub_id))
            .add(Column::PaymentMode.eq(word_text("payment mode", &PaymentMode::Mint)?));
        let rows: Vec<(String, String, i64)> = open()
            .filter(may_fill)
            .filter(Column::NotBeforeUnixMs.lte(stored_millis(now)))
            .filter(Column::ExpiresAtUnixMs.gte(stored_millis(now)))
            .select_only()
            .columns([Column::Id, Column::MaxUnitPrice, Column::CreatedAtUnixMs])
            .into_tuple()
            .all(&self.readers)
            .await?;
        let waiting = rows.into_iter().map(|(id, price, created_at)| {
            let (id, max_unit_price) = (word("bid id", &id)?, attoait(&price)?);
            Ok(WaitingBid { id, max_unit_price, created_at: millis(created_at) })
        });
        let mut waiting = waiting.collect::<Result<Vec<_>, StoreError>>()?;
        // The price is a text, which the database would order as one.
        waiting.sort_by_key(|bid| (std::cmp::Reverse(bid.max_unit_price), bid.created_at, bid.id));
        Ok(waiting)
    }

    /// Open bids of all hubs whose jobs were not refused when an offer fitted them.
    pub async fn list_booked_bids(&self, now: UnixMillis) -> Result<Vec<BookedRow>, StoreError> {
        use Column::{HasFilters, Kind, MaxUnitPrice, Model, PaymentMode, Units};
        let rows: Vec<BookRow> = open()
            .filter(Column::Refusal.is_null())
            .filter(Column::ExpiresAtUnixMs.gte(stored_millis(now)))
            .select_only()
            .columns([Kind, Model, Units, MaxUnitPrice, PaymentMode, HasFilters])
            .into_tuple()
            .all(&self.readers)
            .await?;
        let booked = |(kind, model, units, price, payment_mode, has_filters): BookRow| {
            Ok(BookedRow {
                kind: from_word("kind", &kind)?,
                model,
                units: MicroUnits(from_i64(units)),
                max_unit_price: attoait(&price)?,
                payment_mode: from_word("payment mode", &payment_mode)?,
                has_filters,
            })
        };
        rows.into_iter().map(booked).collect()
    }

    /// Whether [`ExpireBids`](crate::change::ExpireBids) would change anything.
    pub async fn has_bids_to_expire(&self, at: UnixMillis, forget_before: UnixMillis) -> Result<bool, StoreError> {
        let open = BidState::Open.as_str();
        let over = Condition::all().add(Column::State.eq(open)).add(Column::ExpiresAtUnixMs.lt(stored_millis(at)));
        if Entity::find().filter(over).one(&self.readers).await?.is_some() {
            return Ok(true);
        }
        // An open bid has no end.
        let old = Entity::find().filter(Column::EndedAtUnixMs.lt(stored_millis(forget_before)));
        Ok(old.one(&self.readers).await?.is_some())
    }
}

fn attoait(text: &str) -> Result<Amount, StoreError> {
    Ok(Amount::from_atto(word("price", text)?))
}

impl TryFrom<Model> for BidRecord {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let kind: JobKind = from_word("kind", &row.kind)?;
        let view = BidView {
            id: word("bid id", &row.id)?,
            job_id: word::<JobId>("job id", &row.job_id)?,
            state: from_word("bid state", &row.state)?,
            kind,
            model: row.model,
            unit_type: kind.unit_type(),
            units: MicroUnits(from_i64(row.units)),
            max_unit_price: attoait(&row.max_unit_price)?,
            payment_mode: from_word("payment mode", &row.payment_mode)?,
            refusal: row.refusal,
            created_at_unix_ms: millis(row.created_at_unix_ms),
            expires_at_unix_ms: millis(row.expires_at_unix_ms),
            ended_at_unix_ms: row.ended_at_unix_ms.map(millis),
        };
        Ok(Self {
            view,
            client: word("client", &row.client)?,
            made_with: row.api_key_id.map(|id| word("key id", &id)).transpose()?,
            network: row.network,
            has_filters: row.has_filters,
            asked: row.asked.map(|asked| decode("bid", &asked)).transpose()?,
        })
    }
}
