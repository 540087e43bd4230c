//! The hub's transparency log, read for its checkpoint, its entries and its proofs.

use hub::board::HubIdentity;
use shared::B256;
use shared::api::log::{ConsistencyProof, FailureView, InclusionProof, LogLeaf, LogSlice, RefundView};
use shared::field_error::FieldError;
use shared::id::JobId;
use shared::log::entry::EntryKind;
use shared::log::proof::{Plan, ProofError};
use shared::log::tree::NodeId;
use shared::log::{Checkpoint, LogEntry, SignedCheckpoint};
use shared::signing::PrivateKey;
use store::Store;
use store::repository::LogRecord;

use crate::clock;
use crate::error::ApiError;

/// Reads the log.
#[derive(Clone)]
pub struct Logs {
    pub(crate) store: Store,
    pub(crate) identity: HubIdentity,
    pub(crate) hub_key: PrivateKey,
}

impl Logs {
    /// The log as it is on the disk now, signed.
    pub async fn checkpoint(&self) -> Result<SignedCheckpoint, ApiError> {
        let frontier = self.store.log_frontier().await?;
        let checkpoint = Checkpoint {
            hub_id: self.identity.hub_id.clone(),
            chain_id: self.identity.chain_id,
            size: frontier.size(),
            root: frontier.root(),
            signed_at: clock::now().seconds(),
        };
        let signature = self.hub_key.sign(&checkpoint, &checkpoint.domain());
        let signature = signature.map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(SignedCheckpoint { checkpoint, hub: self.hub_key.address(), signature })
    }

    /// Entries from an index on.
    pub async fn slice(&self, from: u64, limit: u32) -> Result<LogSlice, ApiError> {
        let records = self.store.list_log(from, u64::from(limit)).await?;
        // Read after the entries, so that none of them is beyond it.
        let size = self.store.log_frontier().await?.size();
        let nodes = self.store.find_log_nodes(records.iter().map(|record| leaf(record.index))).await?;
        let leaf = |record: LogRecord| {
            let leaf_hash = nodes.get(&leaf(record.index)).copied();
            let leaf_hash = leaf_hash.ok_or_else(|| broken(missing(leaf(record.index))))?;
            Ok(LogLeaf { index: record.index, leaf: record.json, leaf_hash })
        };
        Ok(LogSlice { entries: records.into_iter().map(leaf).collect::<Result<_, ApiError>>()?, size })
    }

    /// Where the last entry of a kind about a receipt or a job stands.
    pub async fn place(&self, kind: EntryKind, subject: &str) -> Result<Option<u64>, ApiError> {
        Ok(self.store.find_logged(kind, subject).await?.map(|record| record.index))
    }

    /// That an entry is in the log of `size` entries, or in the whole log.
    pub async fn inclusion(&self, index: u64, size: Option<u64>) -> Result<InclusionProof, ApiError> {
        let size = self.size_within_log("size", size).await?;
        let plan = Plan::inclusion(index, size).map_err(refused)?;
        let (proof, root) = (self.assemble(&plan).await?, self.root(size).await?);
        let nodes = self.store.find_log_nodes([leaf(index)]).await?;
        let leaf_hash = nodes.get(&leaf(index)).copied().ok_or_else(|| broken(missing(leaf(index))))?;
        Ok(InclusionProof { index, size, leaf_hash, root, proof })
    }

    /// That the log of `to` entries, or the whole log, begins with the one of `from`.
    pub async fn consistency(&self, from: u64, to: Option<u64>) -> Result<ConsistencyProof, ApiError> {
        let to = self.size_within_log("to", to).await?;
        let plan = Plan::consistency(from, to).map_err(refused)?;
        let proof = self.assemble(&plan).await?;
        Ok(ConsistencyProof { from, to, from_root: self.root(from).await?, to_root: self.root(to).await?, proof })
    }

    /// The record of a job that ended without a result.
    pub async fn failure(&self, job_id: JobId) -> Result<Option<FailureView>, ApiError> {
        let subject = job_id.to_string();
        let Some(record) = self.store.find_logged(EntryKind::Failure, &subject).await? else { return Ok(None) };
        let LogEntry::Failure(signed) = record.entry()? else {
            return Err(ApiError::Internal(format!("the entry {} of the log is of another kind", record.index)));
        };
        let refund = self.store.find_logged(EntryKind::Refund, &subject).await?;
        let refund = refund.map(|record| refund_view(&record)).transpose()?.flatten();
        Ok(Some(FailureView { signed, log_index: record.index, refund }))
    }

    async fn size_within_log(&self, field: &'static str, asked: Option<u64>) -> Result<u64, ApiError> {
        let size = self.store.log_frontier().await?.size();
        match asked.unwrap_or(size) {
            asked if asked <= size => Ok(asked),
            asked => Err(out_of_bounds(field, format!("up to {size}, the size of the log"), asked)),
        }
    }

    async fn assemble(&self, plan: &Plan) -> Result<Vec<B256>, ApiError> {
        let nodes = self.store.find_log_nodes(plan.nodes()).await?;
        plan.assemble(&nodes).map_err(broken)
    }

    async fn root(&self, size: u64) -> Result<B256, ApiError> {
        let root = self.assemble(&Plan::root(size)).await?.pop();
        root.ok_or_else(|| ApiError::Internal("a tree has a root".to_owned()))
    }
}

const fn leaf(index: u64) -> NodeId {
    NodeId { level: 0, position: index }
}

const fn missing(id: NodeId) -> ProofError {
    ProofError::Missing { level: id.level, position: id.position }
}

fn refund_view(record: &LogRecord) -> Result<Option<RefundView>, ApiError> {
    let LogEntry::Refund(refund) = record.entry()? else { return Ok(None) };
    Ok(Some(RefundView { amount: refund.amount, transaction: refund.transaction, log_index: record.index }))
}

/// The log on the disk is damaged.
fn broken(error: ProofError) -> ApiError {
    ApiError::Internal(error.to_string())
}

fn refused(error: ProofError) -> ApiError {
    match error {
        ProofError::Index { index, size } => {
            out_of_bounds("index", format!("below {size}, the size of the log"), index)
        }
        ProofError::From { from, to } => out_of_bounds("from", format!("1 to {to}"), from),
        other => broken(other),
    }
}

fn out_of_bounds(field: &'static str, bound: String, got: u64) -> ApiError {
    ApiError::OutOfBounds(vec![FieldError::bound(field, bound, got.to_string())])
}
