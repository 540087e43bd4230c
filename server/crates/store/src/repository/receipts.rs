//! Receipts, and which of them wait for their mint.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::api::receipts::SettlementState;
use shared::id::JobId;
use shared::job::task::Task;
use shared::receipt::SignedReceipt;
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256};

use super::Keyset;
use crate::amount::StoredAmount;
use crate::columns::{decode, from_i64, millis, settlement_text, stored_millis, to_i64, word};
use crate::entity::job_receipt;
use crate::record::ReceiptRecord;
use crate::{Store, StoreError};

/// Which receipts to list.
#[derive(Debug, Clone, Default)]
pub struct ReceiptFilter {
    pub job_id: Option<JobId>,
    pub provider: Option<Address>,
    pub client: Option<Address>,
    pub block_number: Option<u64>,
    pub transaction_hash: Option<B256>,
}

impl Store {
    pub async fn find_receipt(&self, hash: B256) -> Result<Option<ReceiptRecord>, StoreError> {
        self.one_receipt(job_receipt::Column::ReceiptHash.eq(hash.to_string())).await
    }

    pub async fn find_receipt_of_task(&self, task: Task) -> Result<Option<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        self.one_receipt(Column::JobId.eq(task.job_id.to_string()).and(Column::Role.eq(task.role.to_string()))).await
    }

    /// The receipt of the task that served the job, or of its first part.
    pub async fn find_receipt_of_job(&self, job_id: JobId) -> Result<Option<ReceiptRecord>, StoreError> {
        let mut receipts = self.list_receipts_of_jobs(&[job_id]).await?;
        Ok(receipts.remove(&job_id).and_then(|receipts| receipts.into_iter().next()))
    }

    /// Receipts of these jobs' tasks, by job, in the order of their roles.
    pub async fn list_receipts_of_jobs(
        &self,
        jobs: &[JobId],
    ) -> Result<BTreeMap<JobId, Vec<ReceiptRecord>>, StoreError> {
        let ids = jobs.iter().map(JobId::to_string);
        let rows = job_receipt::Entity::find().filter(job_receipt::Column::JobId.is_in(ids)).all(&self.readers).await?;
        let mut of_job: BTreeMap<JobId, Vec<ReceiptRecord>> = BTreeMap::new();
        for row in rows {
            of_job.entry(word("job id", &row.job_id)?).or_default().push(ReceiptRecord::try_from(row)?);
        }
        of_job.values_mut().for_each(|receipts| receipts.sort_by_key(|receipt| receipt.role));
        Ok(of_job)
    }

    async fn one_receipt(&self, which: sea_orm::sea_query::Expr) -> Result<Option<ReceiptRecord>, StoreError> {
        let row = job_receipt::Entity::find().filter(which).one(&self.readers).await?;
        row.map(ReceiptRecord::try_from).transpose()
    }

    /// Newest first.
    pub async fn list_receipts(&self, filter: &ReceiptFilter, page: Keyset) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let equal = [
            filter.job_id.map(|id| Column::JobId.eq(id.to_string())),
            filter.provider.map(|address| Column::Provider.eq(address.to_string())),
            filter.client.map(|address| Column::Client.eq(address.to_string())),
            filter.block_number.map(|number| Column::BlockNumber.eq(to_i64(number))),
            filter.transaction_hash.map(|hash| Column::TransactionHash.eq(hash.to_string())),
            page.before_seq.map(|seq| Column::Seq.lt(seq)),
        ];
        let query = job_receipt::Entity::find().order_by_desc(Column::Seq).limit(page.limit);
        let query = equal.into_iter().flatten().fold(query, QueryFilter::filter);
        query.all(&self.readers).await?.into_iter().map(ReceiptRecord::try_from).collect()
    }

    /// This hub's receipts that a transaction to the contract that pays them may take now, oldest first.
    pub async fn list_receipts_to_pay(
        &self,
        contract: Address,
        now: UnixMillis,
        limit: u64,
    ) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let rows = job_receipt::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::Settlement.eq(settlement_text(SettlementState::Pending)?))
            .filter(Column::Contract.eq(contract.to_string()))
            .filter(Column::NotBeforeUnixMs.lte(stored_millis(now)))
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }

    /// This hub's receipts whose transaction was signed and is not recorded, oldest first, after a place in that order.
    pub async fn list_submitted_receipts(
        &self,
        after_seq: Option<i64>,
        limit: u64,
    ) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let rows = job_receipt::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::Settlement.eq(settlement_text(SettlementState::Submitted)?))
            .filter(Column::Seq.gt(after_seq.unwrap_or(i64::MIN)))
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }

    /// Those of these receipts that are stored, oldest first.
    pub async fn list_receipts_by_hash(&self, hashes: &[B256]) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let rows = job_receipt::Entity::find()
            .filter(Column::ReceiptHash.is_in(hashes.iter().map(ToString::to_string)))
            .order_by_asc(Column::Seq)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }
}

impl TryFrom<job_receipt::Model> for ReceiptRecord {
    type Error = StoreError;

    fn try_from(row: job_receipt::Model) -> Result<Self, StoreError> {
        let signed = SignedReceipt {
            receipt: decode("receipt", &row.receipt)?,
            receipt_hash: word("receipt hash", &row.receipt_hash)?,
            miner_signature: word("miner signature", &row.miner_signature)?,
            attestations: decode("attestations", &row.attestations)?,
        };
        Ok(Self {
            seq: row.seq,
            role: word("task role", &row.role)?,
            signed,
            amount: StoredAmount { ait: row.amount_ait, atto: row.amount_atto }.amount(),
            attested_at: millis(row.attested_at_unix_ms),
            settlement: decode("settlement state", &format!("\"{}\"", row.settlement))?,
            refusal: row.refusal,
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            transaction_hash: row.transaction_hash.map(|text| word("transaction hash", &text)).transpose()?,
            block_number: row.block_number.map(from_i64),
            hold: row.hold.map(|text| decode("hold state", &format!("\"{text}\""))).transpose()?,
            due: row.due_unix.map(|due| UnixSeconds(from_i64(due))),
            void_reason: row.void_reason,
        })
    }
}
