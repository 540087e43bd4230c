//! The exchange: traders, orders, trades, candles and withdrawals.

use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::exchange::{OrderState, TradeState, WithdrawalState};
use shared::api::payments::PlacedTransaction;
use shared::time::UnixSeconds;

use crate::columns::{decode, from_i64, from_word, millis, to_i64, word, word_text};
use crate::entity::exchange::{candle, order, position, trade, trader, withdrawal};
use crate::record::exchange::{CandleRecord, OrderRecord, PartyRecord, TradeRecord, TraderRecord, WithdrawalRecord};
use crate::{Store, StoreError};

impl Store {
    pub async fn list_exchange_traders(&self) -> Result<Vec<TraderRecord>, StoreError> {
        let rows = trader::Entity::find().order_by_asc(trader::Column::Account).all(&self.readers).await?;
        let record = |row: trader::Model| {
            Ok(TraderRecord {
                account: small("account", row.account)?,
                address: word("trader", &row.address)?,
                last_nonce: from_i64(row.last_nonce),
            })
        };
        rows.into_iter().map(record).collect()
    }

    /// Every order that is in the book.
    pub async fn list_open_exchange_orders(&self) -> Result<Vec<OrderRecord>, StoreError> {
        let query = order::Entity::find().filter(order::Column::State.eq(OrderState::Open.as_str()));
        records(query.order_by_asc(order::Column::Id).all(&self.readers).await?)
    }

    pub async fn find_exchange_order(&self, id: u64) -> Result<Option<OrderRecord>, StoreError> {
        let row = order::Entity::find_by_id(to_i64(id)).one(&self.readers).await?;
        row.map(OrderRecord::try_from).transpose()
    }

    /// These orders, in no order.
    pub async fn list_exchange_orders_by_id(&self, ids: &[u64]) -> Result<Vec<OrderRecord>, StoreError> {
        let ids = ids.iter().map(|id| to_i64(*id));
        records(order::Entity::find().filter(order::Column::Id.is_in(ids)).all(&self.readers).await?)
    }

    pub async fn find_exchange_order_by_nonce(
        &self,
        trader: Address,
        nonce: u64,
    ) -> Result<Option<OrderRecord>, StoreError> {
        let query = order::Entity::find()
            .filter(order::Column::Trader.eq(trader.to_string()))
            .filter(order::Column::Nonce.eq(to_i64(nonce)));
        query.one(&self.readers).await?.map(OrderRecord::try_from).transpose()
    }

    /// A trader's orders, the newest first, below an id.
    pub async fn list_exchange_orders_of(
        &self,
        trader: Address,
        state: Option<OrderState>,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<OrderRecord>, StoreError> {
        let mut query = order::Entity::find().filter(order::Column::Trader.eq(trader.to_string()));
        if let Some(state) = state {
            query = query.filter(order::Column::State.eq(state.as_str()));
        }
        if let Some(before) = before {
            query = query.filter(order::Column::Id.lt(to_i64(before)));
        }
        records(query.order_by_desc(order::Column::Id).limit(limit).all(&self.readers).await?)
    }

    /// Trades that no block has, in the order in which they were matched.
    pub async fn list_trades_to_settle(&self, limit: u64) -> Result<Vec<TradeRecord>, StoreError> {
        let matched = word_text("trade state", &TradeState::Matched)?;
        let query = trade::Entity::find().filter(trade::Column::State.eq(matched));
        records(query.order_by_asc(trade::Column::Seq).limit(limit).all(&self.readers).await?)
    }

    /// How many trades no block has, of one trader or of all.
    pub async fn count_trades_to_settle(&self, of: Option<Address>) -> Result<u64, StoreError> {
        let matched = word_text("trade state", &TradeState::Matched)?;
        let query = trade::Entity::find().filter(trade::Column::State.eq(matched));
        let query = match of {
            Some(trader) => query.filter(is_of(trader)),
            None => query,
        };
        Ok(query.count(&self.readers).await?)
    }

    /// A market's trades, the newest first, below a number.
    pub async fn list_exchange_trades(
        &self,
        market: u16,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<TradeRecord>, StoreError> {
        let mut query = trade::Entity::find().filter(trade::Column::Market.eq(i64::from(market)));
        if let Some(before) = before {
            query = query.filter(trade::Column::Trade.lt(to_i64(before)));
        }
        records(query.order_by_desc(trade::Column::Trade).limit(limit).all(&self.readers).await?)
    }

    /// These trades of a market.
    pub async fn list_exchange_trades_by_number(
        &self,
        market: u16,
        numbers: &[u64],
    ) -> Result<Vec<TradeRecord>, StoreError> {
        let query = trade::Entity::find()
            .filter(trade::Column::Market.eq(i64::from(market)))
            .filter(trade::Column::Trade.is_in(numbers.iter().map(|number| to_i64(*number))));
        records(query.order_by_asc(trade::Column::Trade).all(&self.readers).await?)
    }

    /// A trader's trades, the newest first, below a place in the order in which they were stored.
    pub async fn list_exchange_fills_of(
        &self,
        trader: Address,
        before_seq: Option<i64>,
        limit: u64,
    ) -> Result<Vec<TradeRecord>, StoreError> {
        let mut query = trade::Entity::find().filter(is_of(trader));
        if let Some(before) = before_seq {
            query = query.filter(trade::Column::Seq.lt(before));
        }
        records(query.order_by_desc(trade::Column::Seq).limit(limit).all(&self.readers).await?)
    }

    /// An order's trades, the oldest first.
    pub async fn list_exchange_fills_of_order(&self, id: u64, limit: u64) -> Result<Vec<TradeRecord>, StoreError> {
        let Some(record) = self.find_exchange_order(id).await? else { return Ok(vec![]) };
        let either = Condition::any()
            .add(trade::Column::MakerOrder.eq(to_i64(id)))
            .add(trade::Column::TakerOrder.eq(to_i64(id)));
        let query = trade::Entity::find().filter(is_of(record.signed.signed.trader)).filter(either);
        records(query.order_by_asc(trade::Column::Seq).limit(limit).all(&self.readers).await?)
    }

    /// Candles from a time on, the oldest first; without one the newest, the oldest of them first.
    pub async fn list_candles(
        &self,
        market: u16,
        interval_seconds: u64,
        from: Option<UnixSeconds>,
        limit: u64,
    ) -> Result<Vec<CandleRecord>, StoreError> {
        let query = candle::Entity::find()
            .filter(candle::Column::Market.eq(i64::from(market)))
            .filter(candle::Column::IntervalSeconds.eq(to_i64(interval_seconds)));
        let rows = match from {
            Some(from) => {
                let query = query.filter(candle::Column::StartUnix.gte(to_i64(from.0)));
                query.order_by_asc(candle::Column::StartUnix).limit(limit).all(&self.readers).await?
            }
            None => {
                let newest = query.order_by_desc(candle::Column::StartUnix).limit(limit);
                let mut rows = newest.all(&self.readers).await?;
                rows.reverse();
                rows
            }
        };
        records(rows)
    }

    /// Withdrawals that no block has, in the order in which they were accepted.
    pub async fn list_waiting_withdrawals(&self) -> Result<Vec<WithdrawalRecord>, StoreError> {
        let accepted = word_text("withdrawal state", &WithdrawalState::Accepted)?;
        let query = withdrawal::Entity::find().filter(withdrawal::Column::State.eq(accepted));
        records(query.order_by_asc(withdrawal::Column::Sequence).all(&self.readers).await?)
    }

    /// The first of those that the journal has, with every trade that was matched before stored.
    pub async fn find_withdrawal_to_pay(&self) -> Result<Option<WithdrawalRecord>, StoreError> {
        // Read first: it only rises.
        let Some(position) = position::Entity::find().one(&self.readers).await? else { return Ok(None) };
        let accepted = word_text("withdrawal state", &WithdrawalState::Accepted)?;
        let query = withdrawal::Entity::find()
            .filter(withdrawal::Column::State.eq(accepted))
            .filter(withdrawal::Column::Sequence.lt(position.sequence));
        let first = query.order_by_asc(withdrawal::Column::Sequence).one(&self.readers).await?;
        first.map(WithdrawalRecord::try_from).transpose()
    }

    pub async fn find_withdrawal(&self, trader: Address, nonce: u64) -> Result<Option<WithdrawalRecord>, StoreError> {
        let row = withdrawal::Entity::find_by_id((trader.to_string(), to_i64(nonce))).one(&self.readers).await?;
        row.map(WithdrawalRecord::try_from).transpose()
    }

    /// A trader's withdrawals, the newest first, below a nonce.
    pub async fn list_withdrawals_of(
        &self,
        trader: Address,
        before_nonce: Option<u64>,
        limit: u64,
    ) -> Result<Vec<WithdrawalRecord>, StoreError> {
        let mut query = withdrawal::Entity::find().filter(withdrawal::Column::Trader.eq(trader.to_string()));
        if let Some(before) = before_nonce {
            query = query.filter(withdrawal::Column::Nonce.lt(to_i64(before)));
        }
        records(query.order_by_desc(withdrawal::Column::Nonce).limit(limit).all(&self.readers).await?)
    }
}

fn is_of(trader: Address) -> Condition {
    let trader = trader.to_string();
    Condition::any().add(trade::Column::Maker.eq(trader.clone())).add(trade::Column::Taker.eq(trader))
}

fn records<M, R: TryFrom<M, Error = StoreError>>(rows: Vec<M>) -> Result<Vec<R>, StoreError> {
    rows.into_iter().map(R::try_from).collect()
}

fn small<T: TryFrom<i64>>(what: &'static str, value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::corrupt(what, value))
}

fn placed(hash: Option<String>, block: Option<i64>) -> Result<Option<PlacedTransaction>, StoreError> {
    let (Some(hash), Some(block)) = (hash, block) else { return Ok(None) };
    let transaction_hash = word("transaction hash", &hash)?;
    Ok(Some(PlacedTransaction { transaction_hash, block_number: from_i64(block) }))
}

impl TryFrom<order::Model> for OrderRecord {
    type Error = StoreError;

    fn try_from(row: order::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: from_i64(row.id),
            market: small("market", row.market)?,
            account: small("account", row.account)?,
            price_ticks: small("price", row.price_ticks)?,
            lots: from_i64(row.lots),
            filled_lots: from_i64(row.filled_lots),
            state: from_word("order state", &row.state)?,
            reason: row.reason,
            triggered_at: row.triggered_at_unix_ms.map(millis),
            signed: decode("order", &row.signed)?,
            signer: word("signer", &row.signer)?,
            sequence: from_i64(row.sequence),
            placed_at: millis(row.placed_at_unix_ms),
            changed_at: millis(row.changed_at_unix_ms),
        })
    }
}

impl TryFrom<trade::Model> for TradeRecord {
    type Error = StoreError;

    fn try_from(row: trade::Model) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.seq,
            market: small("market", row.market)?,
            trade: from_i64(row.trade),
            sequence: from_i64(row.sequence),
            taker_side: from_word("side", &row.taker_side)?,
            price_ticks: small("price", row.price_ticks)?,
            lots: from_i64(row.lots),
            maker: PartyRecord {
                address: word("maker", &row.maker)?,
                account: small("account", row.maker_account)?,
                order: from_i64(row.maker_order),
                fee: word("fee", &row.maker_fee)?,
            },
            taker: PartyRecord {
                address: word("taker", &row.taker)?,
                account: small("account", row.taker_account)?,
                order: from_i64(row.taker_order),
                fee: word("fee", &row.taker_fee)?,
            },
            matched_at: millis(row.matched_at_unix_ms),
            state: from_word("trade state", &row.state)?,
            settled_in: placed(row.transaction_hash, row.block_number)?,
            reason: row.reason,
        })
    }
}

impl TryFrom<candle::Model> for CandleRecord {
    type Error = StoreError;

    fn try_from(row: candle::Model) -> Result<Self, StoreError> {
        Ok(Self {
            market: small("market", row.market)?,
            interval_seconds: from_i64(row.interval_seconds),
            start: UnixSeconds(from_i64(row.start_unix)),
            open: small("price", row.open)?,
            high: small("price", row.high)?,
            low: small("price", row.low)?,
            close: small("price", row.close)?,
            lots: word("lots", &row.lots)?,
            lot_ticks: word("lots", &row.lot_ticks)?,
            trades: from_i64(row.trades),
        })
    }
}

impl TryFrom<withdrawal::Model> for WithdrawalRecord {
    type Error = StoreError;

    fn try_from(row: withdrawal::Model) -> Result<Self, StoreError> {
        Ok(Self {
            account: small("account", row.account)?,
            sequence: from_i64(row.sequence),
            signed: decode("withdrawal", &row.signed)?,
            state: from_word("withdrawal state", &row.state)?,
            requested_at: millis(row.requested_at_unix_ms),
            paid_in: placed(row.transaction_hash, row.block_number)?,
            reason: row.reason,
        })
    }
}
