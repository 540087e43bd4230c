//! The exchange's rows. New traders and withdrawals are stored before the journal has them, and what follows from the journal's
//! entries, orders with what was signed among it, after that, each entry once.

use async_trait::async_trait;
use sea_orm::sea_query::{CaseStatement, Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter};
use shared::api::exchange::{OrderState, TradeState, WithdrawalState};
use shared::api::payments::PlacedTransaction;
use shared::time::UnixMillis;
use shared::{Address, B256};

use super::candles::keep_candles;
use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{encode, from_i64, stored_millis, to_i64, word_text};
use crate::entity::exchange::{order, position, trade, trader, withdrawal};
use crate::error::Refusal;
use crate::record::exchange::{
    ExchangePosition, OrderRecord, OrderUpdate, TradeRecord, TraderRecord, WithdrawalRecord,
};

/// The only row of the position.
const POSITION_ID: i64 = 1;

/// Rows of one statement, within the parameters that both databases take.
const ROWS_PER_STATEMENT: usize = 500;

/// Accounts of one statement; each is named twice in it.
const NONCES_PER_STATEMENT: usize = 100;

/// The position of a chain's exchange, made at the first start.
#[derive(Debug, Clone, Copy)]
pub struct OpenExchange {
    pub genesis: B256,
}

#[async_trait]
impl Change for OpenExchange {
    type Output = ExchangePosition;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<ExchangePosition, StoreError> {
        let row = position::ActiveModel {
            id: Set(POSITION_ID),
            hub_id: Set(transaction.hub_id.to_owned()),
            genesis: Set(self.genesis.to_string()),
            sequence: Set(0),
            height: Set(0),
        };
        let first = OnConflict::column(position::Column::Id).do_nothing().to_owned();
        position::Entity::insert(row).on_conflict(first).exec_without_returning(transaction.connection).await?;
        let row = position_of(transaction).await?;
        if row.hub_id != transaction.hub_id || row.genesis != self.genesis.to_string() {
            return Err(StoreError::Refused(Refusal::ExchangeOfAnother));
        }
        Ok(ExchangePosition { genesis: self.genesis, sequence: from_i64(row.sequence), height: from_i64(row.height) })
    }
}

async fn position_of(transaction: &Transaction<'_>) -> Result<position::Model, StoreError> {
    let row = position::Entity::find_by_id(POSITION_ID).one(transaction.connection).await?;
    row.ok_or_else(|| StoreError::corrupt("position of the exchange", "it is missing"))
}

/// New traders and what they withdraw, before the journal has it.
#[derive(Debug, Clone, Default)]
pub struct KeepSigned {
    pub traders: Vec<TraderRecord>,
    pub withdrawals: Vec<WithdrawalRecord>,
}

#[async_trait]
impl Change for KeepSigned {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        for some in self.traders.chunks(ROWS_PER_STATEMENT) {
            let rows = some.iter().map(|record| trader::ActiveModel {
                account: Set(i64::from(record.account)),
                address: Set(record.address.to_string()),
                last_nonce: Set(to_i64(record.last_nonce)),
            });
            let known = OnConflict::column(trader::Column::Account).do_nothing().to_owned();
            trader::Entity::insert_many(rows).on_conflict(known).exec_without_returning(transaction.connection).await?;
        }
        for record in &self.withdrawals {
            let known =
                OnConflict::columns([withdrawal::Column::Trader, withdrawal::Column::Nonce]).do_nothing().to_owned();
            let row = withdrawal_row(record)?;
            withdrawal::Entity::insert(row).on_conflict(known).exec_without_returning(transaction.connection).await?;
        }
        Ok(())
    }
}

fn order_row(record: &OrderRecord) -> Result<order::ActiveModel, StoreError> {
    let signed = &record.signed.signed;
    Ok(order::ActiveModel {
        id: Set(to_i64(record.id)),
        market: Set(i64::from(record.market)),
        account: Set(i64::from(record.account)),
        trader: Set(signed.trader.to_string()),
        nonce: Set(to_i64(signed.nonce)),
        side: Set(signed.side.as_str().to_owned()),
        price_ticks: Set(i64::from(record.price_ticks)),
        lots: Set(to_i64(record.lots)),
        filled_lots: Set(to_i64(record.filled_lots)),
        state: Set(record.state.as_str().to_owned()),
        reason: Set(record.reason.clone()),
        triggered_at_unix_ms: Set(record.triggered_at.map(stored_millis)),
        signed: Set(encode("order", &record.signed)?),
        signer: Set(record.signer.to_string()),
        sequence: Set(to_i64(record.sequence)),
        placed_at_unix_ms: Set(stored_millis(record.placed_at)),
        changed_at_unix_ms: Set(stored_millis(record.changed_at)),
    })
}

fn withdrawal_row(record: &WithdrawalRecord) -> Result<withdrawal::ActiveModel, StoreError> {
    Ok(withdrawal::ActiveModel {
        trader: Set(record.signed.signed.trader.to_string()),
        nonce: Set(to_i64(record.signed.signed.nonce)),
        account: Set(i64::from(record.account)),
        sequence: Set(to_i64(record.sequence)),
        signed: Set(encode("withdrawal", &record.signed)?),
        state: Set(word_text("withdrawal state", &record.state)?),
        reason: Set(record.reason.clone()),
        requested_at_unix_ms: Set(stored_millis(record.requested_at)),
        transaction_hash: Set(None),
        block_number: Set(None),
    })
}

/// Withdrawals that never came into the journal: a crash came before.
#[derive(Debug, Clone, Copy)]
pub struct ForgetUnplaced {
    /// Where the journal ends.
    pub sequence: u64,
}

#[async_trait]
impl Change for ForgetUnplaced {
    type Output = u64;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        let end = to_i64(self.sequence);
        let withdrawals = withdrawal::Entity::delete_many().filter(withdrawal::Column::Sequence.gte(end));
        Ok(withdrawals.exec(transaction.connection).await?.rows_affected)
    }
}

/// What follows from some entries of the journal.
#[derive(Debug, Clone, Default)]
pub struct RecordEntries {
    /// The entries from here …
    pub after: u64,
    /// … up to, and without, this one.
    pub to: u64,
    /// New orders, as they are after these entries.
    pub placed: Vec<OrderRecord>,
    /// What became of older ones.
    pub orders: Vec<OrderUpdate>,
    pub trades: Vec<TradeRecord>,
    /// The highest nonce of each account that used one.
    pub nonces: Vec<(u32, u64)>,
}

#[async_trait]
impl Change for RecordEntries {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let moved = position::Entity::update_many()
            .col_expr(position::Column::Sequence, Expr::value(to_i64(self.to)))
            .filter(position::Column::Id.eq(POSITION_ID))
            .filter(position::Column::Sequence.eq(to_i64(self.after)))
            .exec(transaction.connection)
            .await?;
        if moved.rows_affected == 0 {
            let at = from_i64(position_of(transaction).await?.sequence);
            // It was stored before its answer came.
            let is_stored = at == self.to;
            let refused = StoreError::Refused(Refusal::ExchangeMoved { at, after: self.after });
            return if is_stored { Ok(()) } else { Err(refused) };
        }
        for some in self.placed.chunks(ROWS_PER_STATEMENT) {
            let rows = some.iter().map(order_row).collect::<Result<Vec<_>, _>>()?;
            order::Entity::insert_many(rows).exec_without_returning(transaction.connection).await?;
        }
        for some in self.trades.chunks(ROWS_PER_STATEMENT) {
            let rows = some.iter().map(trade_row).collect::<Result<Vec<_>, _>>()?;
            trade::Entity::insert_many(rows).exec_without_returning(transaction.connection).await?;
        }
        for update in &self.orders {
            update_order(transaction, update).await?;
        }
        for some in self.nonces.chunks(NONCES_PER_STATEMENT) {
            raise_nonces(transaction, some).await?;
        }
        keep_candles(transaction, &self.trades).await
    }
}

/// One statement for all of them: a group has orders of many traders.
async fn raise_nonces(transaction: &Transaction<'_>, nonces: &[(u32, u64)]) -> Result<(), StoreError> {
    let mut raised = CaseStatement::new();
    for (account, nonce) in nonces {
        let is_higher = Condition::all()
            .add(trader::Column::Account.eq(i64::from(*account)))
            .add(trader::Column::LastNonce.lt(to_i64(*nonce)));
        raised = raised.case(is_higher, Expr::value(to_i64(*nonce)));
    }
    let raised: Expr = raised.finally(Expr::col(trader::Column::LastNonce)).into();
    let accounts = nonces.iter().map(|(account, _)| i64::from(*account));
    trader::Entity::update_many()
        .col_expr(trader::Column::LastNonce, raised)
        .filter(trader::Column::Account.is_in(accounts))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

fn trade_row(record: &TradeRecord) -> Result<trade::ActiveModel, StoreError> {
    Ok(trade::ActiveModel {
        market: Set(i64::from(record.market)),
        trade: Set(to_i64(record.trade)),
        sequence: Set(to_i64(record.sequence)),
        taker_side: Set(record.taker_side.as_str().to_owned()),
        price_ticks: Set(i64::from(record.price_ticks)),
        lots: Set(to_i64(record.lots)),
        maker: Set(record.maker.address.to_string()),
        maker_account: Set(i64::from(record.maker.account)),
        maker_order: Set(to_i64(record.maker.order)),
        maker_fee: Set(record.maker.fee.to_string()),
        taker: Set(record.taker.address.to_string()),
        taker_account: Set(i64::from(record.taker.account)),
        taker_order: Set(to_i64(record.taker.order)),
        taker_fee: Set(record.taker.fee.to_string()),
        matched_at_unix_ms: Set(stored_millis(record.matched_at)),
        state: Set(word_text("trade state", &record.state)?),
        reason: Set(None),
        transaction_hash: Set(None),
        block_number: Set(None),
        ..Default::default()
    })
}

async fn update_order(transaction: &Transaction<'_>, update: &OrderUpdate) -> Result<(), StoreError> {
    order::Entity::update_many()
        .col_expr(order::Column::Lots, Expr::value(to_i64(update.lots)))
        .col_expr(order::Column::FilledLots, Expr::value(to_i64(update.filled_lots)))
        .col_expr(order::Column::State, Expr::value(update.state.as_str()))
        .col_expr(order::Column::Reason, Expr::value(update.reason.clone()))
        .col_expr(order::Column::TriggeredAtUnixMs, Expr::value(update.triggered_at.map(stored_millis)))
        .col_expr(order::Column::ChangedAtUnixMs, Expr::value(stored_millis(update.changed_at)))
        .filter(order::Column::Id.eq(to_i64(update.id)))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// A trade that a block has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    pub market: u16,
    pub trade: u64,
    pub placed: PlacedTransaction,
}

/// What the events of the blocks up to `height` say.
#[derive(Debug, Clone, Default)]
pub struct RecordBlocks {
    pub height: u64,
    pub settled: Vec<Settled>,
    /// Withdrawals by trader and nonce.
    pub paid: Vec<(Address, u64, PlacedTransaction)>,
}

#[async_trait]
impl Change for RecordBlocks {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        for Settled { market, trade: number, placed } in &self.settled {
            trade::Entity::update_many()
                .col_expr(trade::Column::State, Expr::value(word_text("trade state", &TradeState::Final)?))
                .col_expr(trade::Column::Reason, Expr::value(None::<String>))
                .col_expr(trade::Column::TransactionHash, Expr::value(placed.transaction_hash.to_string()))
                .col_expr(trade::Column::BlockNumber, Expr::value(to_i64(placed.block_number)))
                .filter(trade::Column::Market.eq(i64::from(*market)))
                .filter(trade::Column::Trade.eq(to_i64(*number)))
                .exec(transaction.connection)
                .await?;
        }
        for (address, nonce, placed) in &self.paid {
            let state = word_text("withdrawal state", &WithdrawalState::Final)?;
            withdrawal::Entity::update_many()
                .col_expr(withdrawal::Column::State, Expr::value(state))
                .col_expr(withdrawal::Column::Reason, Expr::value(None::<String>))
                .col_expr(withdrawal::Column::TransactionHash, Expr::value(placed.transaction_hash.to_string()))
                .col_expr(withdrawal::Column::BlockNumber, Expr::value(to_i64(placed.block_number)))
                .filter(withdrawal::Column::Trader.eq(address.to_string()))
                .filter(withdrawal::Column::Nonce.eq(to_i64(*nonce)))
                .exec(transaction.connection)
                .await?;
        }
        position::Entity::update_many()
            .col_expr(position::Column::Height, Expr::value(to_i64(self.height)))
            .filter(position::Column::Id.eq(POSITION_ID))
            .filter(position::Column::Height.lt(to_i64(self.height)))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// What the contract refuses for good. Rows that a block has by now stay as they are.
#[derive(Debug, Clone)]
pub enum EndExchangeRows {
    VoidTrade { market: u16, trade: u64, reason: String },
    RefuseWithdrawal { trader: Address, nonce: u64, reason: String },
}

#[async_trait]
impl Change for EndExchangeRows {
    /// Whether the row was waiting, or had ended in this way already.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let ended = match self {
            Self::VoidTrade { market, trade: number, reason } => {
                let ends = [TradeState::Matched, TradeState::Void].map(|state| word_text("trade state", &state));
                let [matched, void] = ends;
                let void = void?;
                trade::Entity::update_many()
                    .col_expr(trade::Column::State, Expr::value(void.clone()))
                    .col_expr(trade::Column::Reason, Expr::value(reason.clone()))
                    .filter(trade::Column::Market.eq(i64::from(*market)))
                    .filter(trade::Column::Trade.eq(to_i64(*number)))
                    .filter(trade::Column::State.is_in([matched?, void]))
                    .exec(transaction.connection)
                    .await?
            }
            Self::RefuseWithdrawal { trader: address, nonce, reason } => {
                let accepted = word_text("withdrawal state", &WithdrawalState::Accepted)?;
                let refused = word_text("withdrawal state", &WithdrawalState::Refused)?;
                withdrawal::Entity::update_many()
                    .col_expr(withdrawal::Column::State, Expr::value(refused.clone()))
                    .col_expr(withdrawal::Column::Reason, Expr::value(reason.clone()))
                    .filter(withdrawal::Column::Trader.eq(address.to_string()))
                    .filter(withdrawal::Column::Nonce.eq(to_i64(*nonce)))
                    .filter(withdrawal::Column::State.is_in([accepted, refused]))
                    .exec(transaction.connection)
                    .await?
            }
        };
        Ok(ended.rows_affected == 1)
    }
}

/// Orders that left the book without a trade before this time: nothing on the chain tells of them.
#[derive(Debug, Clone, Copy)]
pub struct ForgetOrders {
    pub before: UnixMillis,
}

#[async_trait]
impl Change for ForgetOrders {
    type Output = u64;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        let ended = [OrderState::Cancelled, OrderState::Expired].map(OrderState::as_str);
        let forgotten = order::Entity::delete_many()
            .filter(order::Column::State.is_in(ended))
            .filter(order::Column::ChangedAtUnixMs.lt(stored_millis(self.before)))
            .filter(order::Column::FilledLots.eq(0_i64))
            .exec(transaction.connection)
            .await?;
        Ok(forgotten.rows_affected)
    }
}
