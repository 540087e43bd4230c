//! Payments of jobs from the escrow. Every change names the states that it leaves, so that one that comes twice, or too
//! late, changes nothing.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, UpdateMany};
use shared::B256;
use shared::amount::Amount;
use shared::api::payments::{PaymentState, PlacedTransaction};
use shared::api::receipts::SettlementState;
use shared::escrow::SignedPaymentOrder;
use shared::id::JobId;
use shared::log::LogEntry;
use shared::log::entry::LoggedRefund;
use shared::time::UnixMillis;

use super::log::append;
use super::outbox::close;
use super::settlement::{MintedReceipt, announce, mark_paid, pay_out};
use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{encode, settlement_text, stored_millis, word};
use crate::entity::job_receipt;
use crate::entity::payment::{self, Column};
use crate::error::Refusal;
use crate::record::{OutboxState, PaymentRecord};

/// The order of a job that is stored in the same transaction.
pub(super) async fn insert(
    transaction: &Transaction<'_>,
    signed: &SignedPaymentOrder,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let row = payment::ActiveModel {
        job_id: Set(signed.order.job_id.to_string()),
        hub_id: Set(transaction.hub_id.to_owned()),
        client: Set(signed.order.client.to_string()),
        signed_order: Set(encode("payment order", signed)?),
        state: Set(PaymentState::Awaiting.as_str().to_owned()),
        attempts: Set(0),
        not_before_unix_ms: Set(0),
        changed_at_unix_ms: Set(stored_millis(at)),
        ..Default::default()
    };
    let unless_stored = OnConflict::column(Column::JobId).do_nothing().to_owned();
    payment::Entity::insert(row).on_conflict(unless_stored).exec_without_returning(transaction.connection).await?;
    Ok(())
}

fn moving(job_id: JobId, from: &[PaymentState], to: PaymentState) -> UpdateMany<payment::Entity> {
    payment::Entity::update_many()
        .col_expr(Column::State, Expr::value(to.as_str()))
        .filter(Column::JobId.eq(job_id.to_string()))
        .filter(Column::State.is_in(from.iter().map(|state| state.as_str())))
}

fn at(update: UpdateMany<payment::Entity>, at: UnixMillis) -> UpdateMany<payment::Entity> {
    update.col_expr(Column::ChangedAtUnixMs, Expr::value(stored_millis(at)))
}

/// A payment whose transaction was signed just now. It waits for that transaction, or nothing is stored.
pub(super) async fn mark_on_its_way(
    transaction: &Transaction<'_>,
    job_id: JobId,
    (from, to): (PaymentState, PaymentState),
    transaction_hash: B256,
) -> Result<(), StoreError> {
    let marked = moving(job_id, &[from], to)
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1_i64))
        .col_expr(Column::TransactionHash, Expr::value(transaction_hash.to_string()))
        .exec(transaction.connection)
        .await?;
    if marked.rows_affected == 1 { Ok(()) } else { Err(StoreError::Refused(Refusal::PaymentMoved { job_id })) }
}

/// The job is over before anything was reserved for it.
pub(super) async fn forget_unreserved(
    transaction: &Transaction<'_>,
    job_id: JobId,
    over_at: UnixMillis,
) -> Result<(), StoreError> {
    let update = at(moving(job_id, &[PaymentState::Awaiting], PaymentState::Void), over_at);
    update.exec(transaction.connection).await?;
    Ok(())
}

/// Where a payment goes, by what the chain or a simulation says.
#[derive(Debug, Clone)]
pub enum PaymentMove {
    /// The client's money is set aside.
    Reserved(PlacedTransaction),
    /// What was tried failed, or its transaction is lost: the same again, not before this time.
    Again { state: PaymentState, reason: Option<String>, not_before: UnixMillis },
    /// Nothing was reserved, and nothing will be.
    Void { reason: String },
    /// The whole reservation, or what was left of it, is the client's again.
    Refunded { amount: Amount, ended_in: PlacedTransaction },
}

/// One step of a payment.
#[derive(Debug, Clone)]
pub struct MovePayment {
    /// The transaction of the outbox that ended, what became of it, and the block that has it.
    pub closes: Option<(i64, OutboxState, Option<u64>)>,
    pub job_id: JobId,
    /// The states that it leaves.
    pub from: Vec<PaymentState>,
    pub to: PaymentMove,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for MovePayment {
    /// Whether the payment was in one of the states.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        if let Some((outbox_id, state, block_number)) = self.closes
            && !close(transaction, outbox_id, state, block_number).await?
        {
            // It was recorded before, and another transaction may be on its way.
            return Ok(false);
        }
        let moving = |to| at(moving(self.job_id, &self.from, to), self.at);
        let update = match &self.to {
            PaymentMove::Reserved(placed) => moving(PaymentState::Reserved)
                .col_expr(Column::ReservedIn, Expr::value(encode("transaction", placed)?))
                .col_expr(Column::Refusal, Expr::value(None::<String>))
                .col_expr(Column::Attempts, Expr::value(0_i64))
                .col_expr(Column::NotBeforeUnixMs, Expr::value(0_i64)),
            PaymentMove::Again { state, reason, not_before } => {
                // A simulation counts as a try, like a transaction that was signed.
                let simulated = i64::from(self.closes.is_none() && reason.is_some());
                // Since when it waits is kept: a payment that fails again and again must show as one that is stuck.
                self::moving(self.job_id, &self.from, *state)
                    .col_expr(Column::Refusal, Expr::value(reason.clone()))
                    .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(simulated))
                    .col_expr(Column::NotBeforeUnixMs, Expr::value(stored_millis(*not_before)))
            }
            PaymentMove::Void { reason } => {
                moving(PaymentState::Void).col_expr(Column::Refusal, Expr::value(reason.clone()))
            }
            PaymentMove::Refunded { amount, ended_in } => moving(self.end_of_refund(transaction).await?)
                .col_expr(Column::Refunded, Expr::value(amount.atto().to_string()))
                .col_expr(Column::EndedIn, Expr::value(encode("transaction", ended_in)?)),
        };
        let moved = update.exec(transaction.connection).await?.rows_affected == 1;
        if moved {
            announce(transaction, self.job_id).await?;
        }
        match &self.to {
            PaymentMove::Refunded { amount, ended_in } if moved => {
                log_refund(transaction, self.job_id, *amount, *ended_in).await?;
            }
            _ => {}
        }
        Ok(moved)
    }
}

impl MovePayment {
    /// Where a part of the job was paid before, the payment is settled, and the refund is its rest.
    async fn end_of_refund(&self, transaction: &Transaction<'_>) -> Result<PaymentState, StoreError> {
        let payment = find(transaction, self.job_id).await?;
        let is_paid = payment.is_some_and(|payment| payment.paid.is_some());
        Ok(if is_paid { PaymentState::Settled } else { PaymentState::Refunded })
    }
}

pub(super) async fn find(transaction: &Transaction<'_>, job_id: JobId) -> Result<Option<PaymentRecord>, StoreError> {
    let of_job = Column::JobId.eq(job_id.to_string());
    let row = payment::Entity::find().filter(of_job).one(transaction.connection).await?;
    row.map(PaymentRecord::try_from).transpose()
}

/// Receipts of the job that the escrow has paid.
async fn count_settled(transaction: &Transaction<'_>, job_id: JobId) -> Result<u64, StoreError> {
    let settled = job_receipt::Entity::find()
        .filter(job_receipt::Column::JobId.eq(job_id.to_string()))
        .filter(job_receipt::Column::Settlement.eq(settlement_text(SettlementState::Settled)?));
    Ok(settled.count(transaction.connection).await?)
}

/// Writes into the log that a client has its money back.
async fn log_refund(
    transaction: &Transaction<'_>,
    job_id: JobId,
    amount: Amount,
    placed: PlacedTransaction,
) -> Result<(), StoreError> {
    let of_job = Column::JobId.eq(job_id.to_string());
    let row = payment::Entity::find().filter(of_job).one(transaction.connection).await?;
    let row = row.ok_or(StoreError::corrupt("payment", "a refunded payment has no row"))?;
    let refund = LoggedRefund { job_id, client: word("client", &row.client)?, amount, transaction: placed };
    append(transaction, &[LogEntry::Refund(refund)]).await
}

/// A receipt that the escrow has paid, by whatever transaction.
#[derive(Debug, Clone)]
pub struct SettledReceipt {
    pub receipt: MintedReceipt,
    /// What the miner got.
    pub paid: Amount,
    pub fee: Amount,
}

/// Receipts that the escrow has paid. `outbox_id` names the hub's own transaction with its block, where that paid them.
#[derive(Debug, Clone)]
pub struct RecordSettled {
    pub closes: Option<(i64, u64)>,
    pub settled: Vec<SettledReceipt>,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for RecordSettled {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if let Some((outbox_id, block_number)) = self.closes {
            close(transaction, outbox_id, OutboxState::Included, Some(block_number)).await?;
        }
        for settled in &self.settled {
            if mark_paid(transaction, &settled.receipt, SettlementState::Settled).await? {
                pay_out(transaction, &settled.receipt, settled.paid).await?;
                self.add(transaction, settled).await?;
                announce(transaction, settled.receipt.job_id).await?;
            }
        }
        Ok(())
    }
}

impl RecordSettled {
    /// One more task of the job is paid. With the last one that was ordered, the escrow closes the reservation and gives
    /// the rest back.
    async fn add(&self, transaction: &Transaction<'_>, settled: &SettledReceipt) -> Result<(), StoreError> {
        let SettledReceipt { receipt, paid, fee } = settled;
        let Some(payment) = find(transaction, receipt.job_id).await? else { return Ok(()) };
        let sum = |before: Option<Amount>, more: Amount| {
            before.unwrap_or_default().checked_add(more).ok_or(StoreError::corrupt("payment", "its sum overflows"))
        };
        let (paid, fee) = (sum(payment.paid, *paid)?, sum(payment.fee, *fee)?);
        payment::Entity::update_many()
            .col_expr(Column::Paid, Expr::value(paid.atto().to_string()))
            .col_expr(Column::Fee, Expr::value(fee.atto().to_string()))
            .filter(Column::JobId.eq(receipt.job_id.to_string()))
            .exec(transaction.connection)
            .await?;
        let order = &payment.signed.order;
        if count_settled(transaction, receipt.job_id).await? < u64::from(order.tasks.get()) {
            return Ok(());
        }
        let refunded = order.max_total.checked_sub(sum(Some(paid), fee)?).unwrap_or(Amount::ZERO);
        let (transaction_hash, block_number) = (receipt.transaction_hash, receipt.block_number);
        let placed = PlacedTransaction { transaction_hash, block_number };
        let open = [PaymentState::Awaiting, PaymentState::Reserving, PaymentState::Reserved, PaymentState::Closing];
        at(moving(receipt.job_id, &open, PaymentState::Settled), self.at)
            .col_expr(Column::Refunded, Expr::value(refunded.atto().to_string()))
            .col_expr(Column::EndedIn, Expr::value(encode("transaction", &placed)?))
            .col_expr(Column::Refusal, Expr::value(None::<String>))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}
