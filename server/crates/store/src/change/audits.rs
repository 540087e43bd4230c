//! Audits: opened with the result that they are about, answered with the results of other miners, and ended.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use shared::api::audits::{AuditState, Opinion, evidence_sha256};
use shared::api::receipts::{HoldState, SettlementState};
use shared::digest::Sha256Digest;
use shared::job::lifecycle::TaskLife;
use shared::job::task::Task;
use shared::log::LogEntry;
use shared::log::entry::{LoggedAudit, RefutedMiner};
use shared::time::UnixMillis;
use shared::{Address, B256};

use super::log::append;
use super::{Transaction, daily_use};
use crate::StoreError;
use crate::columns::{audit_text, decode, encode, hold_text, settlement_text, stored_millis, to_i64, word};
use crate::entity::{audit, job_receipt, miner, task};
use crate::record::NewAudit;

/// What a completed task means for an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditChange {
    /// Its result is audited.
    Open(NewAudit),
    /// Its result is an answer.
    Answer(AuditAnswer),
}

/// What another miner's result says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAnswer {
    pub opinion: Opinion,
    pub state: AuditState,
    /// Until when a third miner may answer, where it is asked.
    pub third_until: Option<UnixMillis>,
    pub refuted: Option<Refuted>,
}

/// A miner that stands alone against two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refuted {
    pub miner: Address,
    /// How many faults it counts as.
    pub faults: u64,
    /// What the contract holds of its receipts is taken back.
    pub minter: Address,
}

impl AuditChange {
    pub(super) async fn apply(
        &self,
        transaction: &Transaction<'_>,
        task: Task,
        receipt: (B256, Address),
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        match self {
            Self::Open(new) => open(transaction, task, receipt, new).await,
            Self::Answer(answer) => answer.apply(transaction, task, at).await,
        }
    }
}

async fn open(
    transaction: &Transaction<'_>,
    served: Task,
    (receipt_hash, provider): (B256, Address),
    new: &NewAudit,
) -> Result<(), StoreError> {
    let row = audit::ActiveModel {
        job_id: Set(served.job_id.to_string()),
        role: Set(served.role.to_string()),
        hub_id: Set(transaction.hub_id.to_owned()),
        receipt_hash: Set(receipt_hash.to_string()),
        provider: Set(provider.to_string()),
        manifest_sha256: Set(new.manifest_sha256.to_string()),
        engine: Set(encode("engine", &new.engine)?),
        unit_price: Set(new.unit_price.atto().to_string()),
        mint_max: Set(new.mint_max.atto().to_string()),
        bits: Set(new.bits.to_string()),
        state: Set(audit_text(AuditState::Waiting)?),
        opened_at_unix_ms: Set(stored_millis(new.opened_at)),
        deadline_unix_ms: Set(stored_millis(new.deadline)),
        audited_by: Set(None),
        opinions: Set(encode("opinions", &Vec::<Opinion>::new())?),
        refuted: Set(None),
        ended_at_unix_ms: Set(None),
    };
    audit::Entity::insert(row).exec_without_returning(transaction.connection).await?;
    insert_task(transaction, Task { role: served.role.audit(), ..served }).await
}

/// The audit to which this task belongs.
fn about_result_of(task: Task) -> Result<Expr, StoreError> {
    use audit::Column;
    let served = task.role.audited().ok_or(StoreError::corrupt("audit", "its task is no audit's"))?;
    Ok(Column::JobId.eq(task.job_id.to_string()).and(Column::Role.eq(served.to_string())))
}

async fn insert_task(transaction: &Transaction<'_>, task: Task) -> Result<(), StoreError> {
    let life = TaskLife::default();
    let row = task::ActiveModel {
        job_id: Set(task.job_id.to_string()),
        role: Set(task.role.to_string()),
        state: Set(life.state.as_str().to_owned()),
        life: Set(encode("life", &life)?),
        miner: Set(None),
        metering: Set(None),
    };
    task::Entity::insert(row).exec_without_returning(transaction.connection).await?;
    Ok(())
}

impl AuditAnswer {
    async fn apply(&self, transaction: &Transaction<'_>, task: Task, at: UnixMillis) -> Result<(), StoreError> {
        use audit::Column;
        let of_result = about_result_of(task)?;
        let row = audit::Entity::find().filter(of_result.clone()).one(transaction.connection).await?;
        let row = row.ok_or(StoreError::corrupt("audit", "an answered audit has no row"))?;
        let mut opinions: Vec<Opinion> = decode("opinions", &row.opinions)?;
        opinions.push(self.opinion.clone());
        let mut update = audit::Entity::update_many()
            .col_expr(Column::Opinions, Expr::value(encode("opinions", &opinions)?))
            .col_expr(Column::State, Expr::value(audit_text(self.state)?));
        update = match self.third_until {
            Some(until) => update
                .col_expr(Column::AuditedBy, Expr::value(self.opinion.miner.to_string()))
                .col_expr(Column::DeadlineUnixMs, Expr::value(stored_millis(until))),
            None => update.col_expr(Column::EndedAtUnixMs, Expr::value(stored_millis(at))),
        };
        let refuted = self.refuted.as_ref().map(|refuted| refuted.miner.to_string());
        let update = update.col_expr(Column::Refuted, Expr::value(refuted)).filter(of_result);
        update.exec(transaction.connection).await?;
        if self.third_until.is_some() {
            insert_task(transaction, Task { role: task.role.third_opinion(), ..task }).await?;
        }
        let provider: Address = word("provider", &row.provider)?;
        let receipt_hash = word("receipt hash", &row.receipt_hash)?;
        if self.third_until.is_none() {
            count_confirmed(transaction, provider, self.state).await?;
            let refuted = self.refuted.as_ref().map(|Refuted { miner, faults, .. }| (*miner, *faults));
            log_end(transaction, (&row, opinions.clone()), self.state, refuted, at).await?;
            daily_use::give_back(transaction, task.job_id).await?;
        }
        let Some(refuted) = &self.refuted else { return Ok(()) };
        add(transaction, refuted.miner, (miner::Column::AuditsRefuted, 1)).await?;
        add(transaction, refuted.miner, (miner::Column::Faults, refuted.faults)).await?;
        let evidence = evidence(receipt_hash, provider, &opinions)?;
        let reason = format!("refuted by two miners, evidence {evidence} of receipt {receipt_hash}");
        condemn(transaction, refuted, &reason).await?;
        // Also where it is paid already: a bounty may wait for it.
        let lies = opinions.iter().filter(|opinion| opinion.miner == refuted.miner).map(|opinion| opinion.receipt_hash);
        let served = (provider == refuted.miner).then_some(receipt_hash);
        let refuted_receipts = served.into_iter().chain(lies).map(|hash| hash.to_string());
        let update = condemnable(transaction, refuted, &reason);
        let update = update.filter(job_receipt::Column::ReceiptHash.is_in(refuted_receipts));
        update.exec(transaction.connection).await?;
        Ok(())
    }
}

fn evidence(receipt_hash: B256, provider: Address, opinions: &[Opinion]) -> Result<Sha256Digest, StoreError> {
    evidence_sha256(receipt_hash, provider, opinions).map_err(|error| StoreError::corrupt("opinions", error))
}

/// Writes how the audit of a job ended into the log.
async fn log_end(
    transaction: &Transaction<'_>,
    (row, opinions): (&audit::Model, Vec<Opinion>),
    state: AuditState,
    refuted: Option<(Address, u64)>,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let (receipt_hash, provider) = (word("receipt hash", &row.receipt_hash)?, word("provider", &row.provider)?);
    let audit = LoggedAudit {
        job_id: word("job id", &row.job_id)?,
        receipt_hash,
        provider,
        state,
        evidence_sha256: evidence(receipt_hash, provider, &opinions)?,
        bits: word("bits", &row.bits)?,
        opinions,
        refuted: refuted.map(|(miner, faults)| RefutedMiner { miner, faults }),
        ended_at: at.seconds(),
    };
    append(transaction, &[LogEntry::Audit(audit)]).await
}

/// Counts an audit that has ended for the miner whose result it was about.
async fn count_confirmed(
    transaction: &Transaction<'_>,
    provider: Address,
    state: AuditState,
) -> Result<(), StoreError> {
    match state.is_confirmed() {
        true => add(transaction, provider, (miner::Column::AuditsConfirmed, 1)).await,
        false => Ok(()),
    }
}

async fn add(
    transaction: &Transaction<'_>,
    miner: Address,
    (column, by): (miner::Column, u64),
) -> Result<(), StoreError> {
    miner::Entity::update_many()
        .col_expr(column, Expr::col(column).add(to_i64(by)))
        .filter(miner::Column::Address.eq(miner.to_string()))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// Everything of the miner that this hub attested and that is not paid yet is taken back: what waits for its mint is not
/// minted, and what is held, or will be when its mint is in a block, is voided.
async fn condemn(transaction: &Transaction<'_>, refuted: &Refuted, reason: &str) -> Result<(), StoreError> {
    use job_receipt::Column;
    let pending = settlement_text(SettlementState::Pending)?;
    let update = condemnable(transaction, refuted, reason)
        .col_expr(Column::Settlement, Expr::value(settlement_text(SettlementState::Refused)?))
        .col_expr(Column::Refusal, Expr::value(reason))
        .filter(Column::Settlement.eq(pending));
    update.exec(transaction.connection).await?;
    let minted = [SettlementState::Submitted, SettlementState::Minted];
    let minted = minted.into_iter().map(settlement_text).collect::<Result<Vec<_>, _>>()?;
    let held = [HoldState::Held, HoldState::Releasing].into_iter().map(hold_text).collect::<Result<Vec<_>, _>>()?;
    let update = condemnable(transaction, refuted, reason)
        .filter(Column::Settlement.is_in(minted))
        .filter(Column::Hold.is_null().or(Column::Hold.is_in(held)));
    update.exec(transaction.connection).await?;
    Ok(())
}

/// Writes the reason to receipts of the miner that the minter pays and that have none.
fn condemnable(
    transaction: &Transaction<'_>,
    refuted: &Refuted,
    reason: &str,
) -> sea_orm::UpdateMany<job_receipt::Entity> {
    use job_receipt::Column;
    job_receipt::Entity::update_many()
        .col_expr(Column::VoidReason, Expr::value(reason))
        .filter(Column::HubId.eq(transaction.hub_id))
        .filter(Column::Provider.eq(refuted.miner.to_string()))
        .filter(Column::Contract.eq(refuted.minter.to_string()))
        .filter(Column::VoidReason.is_null())
}

/// An audit's task ended without a result. A dispute stays one, and a confirmed result confirmed.
pub(super) async fn end_unanswered(
    transaction: &Transaction<'_>,
    task: Task,
    at: UnixMillis,
) -> Result<(), StoreError> {
    use audit::Column;
    let open = about_result_of(task)?.and(Column::EndedAtUnixMs.is_null());
    let Some(row) = audit::Entity::find().filter(open.clone()).one(transaction.connection).await? else {
        return Ok(());
    };
    let state = match decode("audit state", &format!("\"{}\"", row.state))? {
        AuditState::Waiting => AuditState::Unanswered,
        state => state,
    };
    audit::Entity::update_many()
        .col_expr(Column::State, Expr::value(audit_text(state)?))
        .col_expr(Column::EndedAtUnixMs, Expr::value(stored_millis(at)))
        .filter(open)
        .exec(transaction.connection)
        .await?;
    count_confirmed(transaction, word("provider", &row.provider)?, state).await?;
    let opinions = decode("opinions", &row.opinions)?;
    log_end(transaction, (&row, opinions), state, None, at).await?;
    daily_use::give_back(transaction, task.job_id).await
}
