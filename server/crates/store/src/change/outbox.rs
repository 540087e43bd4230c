//! The outbox of transactions: each takes its nonce, is signed and is stored in one database transaction, before
//! anybody else sees it. After a crash the stored bytes are sent again, never others with the same purpose.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use shared::api::payments::PaymentState;
use shared::time::UnixMillis;
use shared::{Address, B256, Bytes};

use super::holds::mark_releasing;
use super::payments::mark_on_its_way;
use super::settlement::mark_submitted;
use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{encode, from_i64, state_text, stored_millis, to_i64};
use crate::entity::{outbox, signer_nonce};
use crate::record::{OutboxPayload, OutboxRecord, OutboxState};

/// A transaction ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    pub hash: B256,
    pub raw: Bytes,
}

/// A transaction that wants only its nonce and its signature.
pub trait SignTransaction: Send + Sync + 'static {
    /// The same nonce gives the same bytes: a change may be applied twice.
    fn sign(&self, nonce: u64) -> Result<SignedTransaction, String>;
}

/// One more transaction of a key.
#[derive(Debug, Clone)]
pub struct QueueTransaction<S> {
    pub payload: OutboxPayload,
    pub signer: Address,
    /// The lowest nonce that the chain may still take from the signer.
    pub chain_nonce: u64,
    pub transaction: S,
    pub at: UnixMillis,
}

#[async_trait]
impl<S: SignTransaction> Change for QueueTransaction<S> {
    type Output = OutboxRecord;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<OutboxRecord, StoreError> {
        let nonce = take_nonce(transaction, self.signer, self.chain_nonce).await?;
        let signed = self.transaction.sign(nonce).map_err(StoreError::Sign)?;
        let row = outbox::ActiveModel {
            hub_id: Set(transaction.hub_id.to_owned()),
            kind: Set(self.payload.kind().to_owned()),
            payload: Set(encode("payload", &self.payload)?),
            signer: Set(self.signer.to_string()),
            nonce: Set(to_i64(nonce)),
            transaction_hash: Set(signed.hash.to_string()),
            raw_transaction: Set(signed.raw.to_string()),
            state: Set(state_text(OutboxState::Signed)?),
            attempts: Set(0),
            last_error: Set(None),
            signed_at_unix_ms: Set(stored_millis(self.at)),
            ..Default::default()
        };
        let stored = outbox::Entity::insert(row).exec_with_returning(transaction.connection).await?;
        match &self.payload {
            OutboxPayload::Mint { receipts } | OutboxPayload::Settle { receipts } => {
                mark_submitted(transaction, receipts, signed.hash).await?;
            }
            OutboxPayload::Reserve { job_id } => {
                let way = (PaymentState::Awaiting, PaymentState::Reserving);
                mark_on_its_way(transaction, *job_id, way, signed.hash).await?;
            }
            OutboxPayload::Close { job_id } => {
                let way = (PaymentState::Reserved, PaymentState::Closing);
                mark_on_its_way(transaction, *job_id, way, signed.hash).await?;
            }
            OutboxPayload::Release { holds } => mark_releasing(transaction, holds).await?,
            // What these are for waits until a block has them.
            OutboxPayload::Void { .. }
            | OutboxPayload::Reject { .. }
            | OutboxPayload::SettleTrades { .. }
            | OutboxPayload::Withdraw { .. }
            | OutboxPayload::DistributeFees
            | OutboxPayload::CollectRewards => {}
        }
        OutboxRecord::try_from(stored)
    }
}

/// Takes the signer's next nonce in one statement. Its row stays locked until the transaction is stored, so that two
/// hubs with one key take theirs one after the other.
async fn take_nonce(transaction: &Transaction<'_>, signer: Address, chain_nonce: u64) -> Result<u64, StoreError> {
    use signer_nonce::{ActiveModel, Column, Entity};
    let chain = to_i64(chain_nonce);
    let row = ActiveModel { signer: Set(signer.to_string()), next_nonce: Set(chain + 1) };
    let next = || Expr::col((Entity, Column::NextNonce));
    let higher = Expr::case(next().lt(chain), chain).finally(next());
    let take = OnConflict::column(Column::Signer).value(Column::NextNonce, higher.add(1_i64)).to_owned();
    let taken = Entity::insert(row).on_conflict(take).exec_with_returning(transaction.connection).await?;
    Ok(from_i64(taken.next_nonce - 1))
}

/// Goes back to the chain's nonce where no transaction of the signer is on its way: for a chain that began anew.
#[derive(Debug, Clone)]
pub struct AlignNonce {
    pub signer: Address,
    pub chain_nonce: u64,
}

#[async_trait]
impl Change for AlignNonce {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use signer_nonce::{Column, Entity};
        let signer = self.signer.to_string();
        let on_their_way = Query::select()
            .column(outbox::Column::Id)
            .from(outbox::Entity)
            .and_where(outbox::Column::Signer.eq(signer.clone()))
            .and_where(outbox::Column::State.eq(state_text(OutboxState::Signed)?))
            .to_owned();
        // The signer's row is taken first. Another hub with the same key that is signing just now finishes before the
        // next statement looks at the outbox.
        Entity::update_many()
            .col_expr(Column::NextNonce, Expr::col(Column::NextNonce))
            .filter(Column::Signer.eq(signer.clone()))
            .exec(transaction.connection)
            .await?;
        Entity::update_many()
            .col_expr(Column::NextNonce, Expr::value(to_i64(self.chain_nonce)))
            .filter(Column::Signer.eq(signer))
            .filter(Expr::exists(on_their_way).not())
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// A transaction was sent, and no block had it in time.
#[derive(Debug, Clone)]
pub struct CountAttempt {
    pub outbox_id: i64,
    /// What the node said to it; `None` where it took the transaction.
    pub error: Option<String>,
}

#[async_trait]
impl Change for CountAttempt {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        outbox::Entity::update_many()
            .col_expr(outbox::Column::Attempts, Expr::col(outbox::Column::Attempts).add(1_i64))
            .col_expr(outbox::Column::LastError, Expr::value(self.error.clone()))
            .filter(outbox::Column::Id.eq(self.outbox_id))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// A transaction's way has ended, and whatever it was for is recorded elsewhere. Returns whether it was on its way.
#[derive(Debug, Clone)]
pub struct CloseTransaction {
    pub outbox_id: i64,
    pub state: OutboxState,
    pub block_number: Option<u64>,
}

#[async_trait]
impl Change for CloseTransaction {
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        close(transaction, self.outbox_id, self.state, self.block_number).await
    }
}

/// Ends a transaction's way. Returns whether it was on its way until now.
pub(super) async fn close(
    transaction: &Transaction<'_>,
    outbox_id: i64,
    state: OutboxState,
    block_number: Option<u64>,
) -> Result<bool, StoreError> {
    let closed = outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(state_text(state)?))
        .col_expr(outbox::Column::BlockNumber, Expr::value(block_number.map(to_i64)))
        .filter(outbox::Column::Id.eq(outbox_id))
        .filter(outbox::Column::State.eq(state_text(OutboxState::Signed)?))
        .exec(transaction.connection)
        .await?;
    Ok(closed.rows_affected == 1)
}
