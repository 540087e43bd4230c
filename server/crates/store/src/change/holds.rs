//! What the minter holds: booked after the mint, released when it is due, and closed once it is paid or voided.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use shared::amount::Amount;
use shared::api::receipts::HoldState;
use shared::log::LogEntry;
use shared::log::entry::LoggedVoid;
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256};

use super::log::append;
use super::outbox::close;
use super::{Change, Transaction};
use crate::StoreError;
use crate::amount::{self, StoredAmount};
use crate::columns::{hold_text, stored_millis, to_i64, word};
use crate::entity::{job_receipt, miner};
use crate::error::Refusal;
use crate::record::{HoldKey, OutboxState};

/// A minted receipt whose block was looked at.
#[derive(Debug, Clone)]
pub struct BookedHold {
    pub receipt_hash: B256,
    pub provider: Address,
    pub amount: Amount,
    /// Until when the minter holds it; `None` where it was paid at once.
    pub due: Option<UnixSeconds>,
}

/// What the chain says about minted receipts: which of them are held, and until when.
#[derive(Debug, Clone)]
pub struct BookHolds {
    pub booked: Vec<BookedHold>,
}

#[async_trait]
impl Change for BookHolds {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use job_receipt::Column;
        for booked in &self.booked {
            let state = if booked.due.is_some() { HoldState::Held } else { HoldState::Paid };
            let updated = job_receipt::Entity::update_many()
                .col_expr(Column::Hold, Expr::value(hold_text(state)?))
                .col_expr(Column::DueUnix, Expr::value(booked.due.map(|due| to_i64(due.0))))
                // A mint's delays are over, and a release has its own.
                .col_expr(Column::NotBeforeUnixMs, Expr::value(0_i64))
                .filter(Column::ReceiptHash.eq(booked.receipt_hash.to_string()))
                .filter(Column::Hold.is_null())
                .exec(transaction.connection)
                .await?;
            if updated.rows_affected == 1 && booked.due.is_some() {
                let amount = StoredAmount::new("receipt.amount", booked.amount)?;
                let update =
                    miner::Entity::update_many().filter(miner::Column::Address.eq(booked.provider.to_string()));
                amount::add(update, HELD, amount).exec(transaction.connection).await?;
            }
        }
        Ok(())
    }
}

const HELD: (miner::Column, miner::Column) = (miner::Column::HeldAit, miner::Column::HeldAtto);
const EARNED: (miner::Column, miner::Column) = (miner::Column::EarnedAit, miner::Column::EarnedAtto);

/// The holds of a release that was signed just now. All of them wait for it, or nothing is stored.
pub(super) async fn mark_releasing(transaction: &Transaction<'_>, holds: &[HoldKey]) -> Result<(), StoreError> {
    for hold in holds {
        if move_hold(transaction, *hold, HoldState::Held, HoldState::Releasing, None).await? == 0 {
            let HoldKey { provider, due } = *hold;
            return Err(StoreError::Refused(Refusal::HoldTaken { provider, due_unix: due.0 }));
        }
    }
    Ok(())
}

/// Moves this hub's receipts of a hold from one state to another. Returns how many there were.
async fn move_hold(
    transaction: &Transaction<'_>,
    hold: HoldKey,
    from: HoldState,
    to: HoldState,
    not_before: Option<UnixMillis>,
) -> Result<u64, StoreError> {
    use job_receipt::Column;
    let mut update = job_receipt::Entity::update_many().col_expr(Column::Hold, Expr::value(hold_text(to)?));
    if let Some(not_before) = not_before {
        update = update.col_expr(Column::NotBeforeUnixMs, Expr::value(stored_millis(not_before)));
    }
    let moved = update
        .filter(Column::HubId.eq(transaction.hub_id))
        .filter(Column::Provider.eq(hold.provider.to_string()))
        .filter(Column::DueUnix.eq(to_i64(hold.due.0)))
        .filter(Column::Hold.eq(hold_text(from)?))
        .exec(transaction.connection)
        .await?;
    Ok(moved.rows_affected)
}

/// What came of holds.
#[derive(Debug, Clone)]
pub enum HoldEnd {
    /// The minter holds nothing there any more. It paid all receipts but those that were voided.
    Emptied { voided: Vec<B256> },
    /// They wait again, until this time at least.
    Again { not_before: UnixMillis },
}

/// The end of a release; or, without a transaction, of holds that the chain shows empty.
#[derive(Debug, Clone)]
pub struct CloseRelease {
    /// The transaction, what became of it, and the block that has it.
    pub transaction: Option<(i64, OutboxState, Option<u64>)>,
    pub holds: Vec<HoldKey>,
    pub end: HoldEnd,
}

#[async_trait]
impl Change for CloseRelease {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if let Some((outbox_id, state, block_number)) = self.transaction
            && !close(transaction, outbox_id, state, block_number).await?
        {
            // It was recorded before, and its holds may be on their way again.
            return Ok(());
        }
        for hold in &self.holds {
            match &self.end {
                HoldEnd::Again { not_before } => {
                    move_hold(transaction, *hold, HoldState::Releasing, HoldState::Held, Some(*not_before)).await?;
                }
                HoldEnd::Emptied { voided } => empty(transaction, *hold, voided).await?,
            }
        }
        Ok(())
    }
}

/// Every receipt that was in the hold is paid or voided, once.
async fn empty(transaction: &Transaction<'_>, hold: HoldKey, voided: &[B256]) -> Result<(), StoreError> {
    use job_receipt::Column;
    let rows = job_receipt::Entity::find()
        .filter(Column::HubId.eq(transaction.hub_id))
        .filter(Column::Provider.eq(hold.provider.to_string()))
        .filter(Column::DueUnix.eq(to_i64(hold.due.0)))
        .filter(Column::Hold.is_in([hold_text(HoldState::Held)?, hold_text(HoldState::Releasing)?]))
        .all(transaction.connection)
        .await?;
    for row in rows {
        let is_voided = voided.iter().any(|hash| hash.to_string() == row.receipt_hash);
        end_hold(transaction, &row, is_voided).await?;
    }
    Ok(())
}

/// The minter holds nothing of the receipt any more.
async fn end_hold(transaction: &Transaction<'_>, row: &job_receipt::Model, is_voided: bool) -> Result<(), StoreError> {
    let state = if is_voided { HoldState::Voided } else { HoldState::Released };
    job_receipt::Entity::update_many()
        .col_expr(job_receipt::Column::Hold, Expr::value(hold_text(state)?))
        .filter(job_receipt::Column::Seq.eq(row.seq))
        .exec(transaction.connection)
        .await?;
    let amount = StoredAmount { ait: row.amount_ait, atto: row.amount_atto };
    for column in [Some(HELD), is_voided.then_some(EARNED)].into_iter().flatten() {
        let update = miner::Entity::update_many().filter(miner::Column::Address.eq(&row.provider));
        amount::subtract(update, column, amount).exec(transaction.connection).await?;
    }
    if !is_voided {
        return Ok(());
    }
    let void = LoggedVoid {
        receipt_hash: word("receipt hash", &row.receipt_hash)?,
        provider: word("provider", &row.provider)?,
        amount: amount.amount(),
        reason: row.void_reason.clone(),
    };
    append(transaction, &[LogEntry::Void(void)]).await
}

/// What came of a void.
#[derive(Debug, Clone, Copy)]
pub enum VoidEnd {
    /// Its amount is burnt.
    Voided,
    /// It was paid before.
    Paid,
    /// It is tried again, at this time at least.
    Again { not_before: UnixMillis },
}

/// The end of a void; or, without a transaction, of one that the chain shows ended.
#[derive(Debug, Clone)]
pub struct CloseVoid {
    /// The transaction, what became of it, and the block that has it.
    pub transaction: Option<(i64, OutboxState, Option<u64>)>,
    pub receipt_hash: B256,
    pub end: VoidEnd,
}

#[async_trait]
impl Change for CloseVoid {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use job_receipt::Column;
        if let Some((outbox_id, state, block_number)) = self.transaction
            && !close(transaction, outbox_id, state, block_number).await?
        {
            return Ok(());
        }
        let held = Column::ReceiptHash
            .eq(self.receipt_hash.to_string())
            .and(Column::Hold.is_in([hold_text(HoldState::Held)?, hold_text(HoldState::Releasing)?]));
        let Some(row) = job_receipt::Entity::find().filter(held).one(transaction.connection).await? else {
            return Ok(());
        };
        match self.end {
            VoidEnd::Voided => end_hold(transaction, &row, true).await,
            VoidEnd::Paid => end_hold(transaction, &row, false).await,
            VoidEnd::Again { not_before } => {
                job_receipt::Entity::update_many()
                    .col_expr(Column::NotBeforeUnixMs, Expr::value(stored_millis(not_before)))
                    .filter(Column::Seq.eq(row.seq))
                    .exec(transaction.connection)
                    .await?;
                Ok(())
            }
        }
    }
}
