//! Answers the pages' questions from the store, the board and the node.

use async_trait::async_trait;
use frontend::backend::{Answer, Backend, BackendError, Written};
use node::{NodeError, NodeHandle};
use shared::api::explorer::{AddressView, BlockSummary, BlockView, TransactionSummary, TransactionView};
use shared::api::jobs::JobView;
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::receipts::ReceiptView;
use shared::api::status::NetworkStatus;
use shared::id::JobId;
use shared::job::request::Work;
use shared::{Address, B256};
use store::StoreError;
use store::repository::ReceiptFilter;

use super::explorer;
use crate::error::ApiError;
use crate::status::Figures;
use crate::view::{self, Views};

pub(super) struct SiteBackend {
    pub(super) views: Views,
    pub(super) figures: Figures,
    pub(super) node: NodeHandle,
}

/// The page says only that the server could not answer; the reason goes to the log.
fn unavailable(reason: &dyn std::fmt::Display) -> BackendError {
    tracing::error!(%reason, "a page could not be rendered");
    BackendError::Unavailable(reason.to_string())
}

fn from_store(error: StoreError) -> BackendError {
    unavailable(&error)
}

fn from_node(error: NodeError) -> BackendError {
    unavailable(&error)
}

fn from_api(error: ApiError) -> BackendError {
    match error {
        ApiError::Invalid(errors) | ApiError::OutOfBounds(errors) => {
            BackendError::Invalid(errors.into_iter().map(|error| error.detail).collect::<Vec<_>>().join("; "))
        }
        ApiError::NotFound(_) => BackendError::NotFound,
        other => unavailable(&other),
    }
}

fn bad_cursor() -> BackendError {
    BackendError::Invalid("`cursor` is `next_cursor` of the page before".to_owned())
}

#[async_trait]
impl Backend for SiteBackend {
    async fn status(&self) -> Answer<NetworkStatus> {
        self.figures.network_status().await.map_err(from_api)
    }

    async fn job(&self, id: JobId) -> Answer<JobView> {
        let record = self.views.store.find_job(id).await.map_err(from_store)?;
        let record = record.filter(|record| record.sponsored).ok_or(BackendError::NotFound)?;
        self.views.job_view(record).await.map_err(from_store)
    }

    async fn written(&self, job: &JobView) -> Answer<Option<Written>> {
        let (Some(artifact), false) = (job.artifacts.first(), matches!(job.work, Work::Image(_))) else {
            return Ok(None);
        };
        let text = self.views.text_of(artifact.sha256).await.map_err(from_store)?;
        Ok(text.and_then(|text| match &job.work {
            Work::Image(_) => None,
            Work::Text(_) => Some(Written::Text(text)),
            Work::Embedding(_) => serde_json::from_str(&text).ok().map(Written::Vectors),
        }))
    }

    async fn receipt(&self, hash: B256) -> Answer<ReceiptView> {
        let record = self.views.store.find_receipt(hash).await.map_err(from_store)?;
        record.map(view::receipt_view).ok_or(BackendError::NotFound)
    }

    async fn receipt_of_job(&self, id: JobId) -> Answer<Option<ReceiptView>> {
        Ok(self.views.store.find_receipt_of_job(id).await.map_err(from_store)?.map(view::receipt_view))
    }

    async fn receipts(&self, provider: Option<Address>, cursor: Option<&str>, limit: u32) -> Answer<Page<ReceiptView>> {
        let filter = ReceiptFilter { provider, ..ReceiptFilter::default() };
        self.views.list_receipts(&filter, cursor, limit).await.map_err(from_api)
    }

    async fn miners(&self) -> Answer<Vec<MinerView>> {
        self.views.list_miners().await.map_err(from_store)
    }

    async fn miner(&self, address: Address) -> Answer<MinerView> {
        self.views.find_miner(address).await.map_err(from_store)?.ok_or(BackendError::NotFound)
    }

    async fn blocks(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<BlockSummary>> {
        let before = cursor.map(str::parse).transpose().map_err(|_| bad_cursor())?;
        explorer::blocks(&self.node, before, limit).await.map_err(from_node)
    }

    async fn block(&self, number: u64) -> Answer<BlockView> {
        explorer::block(&self.node, number).await.map_err(from_node)?.ok_or(BackendError::NotFound)
    }

    async fn block_by_hash(&self, hash: B256) -> Answer<BlockView> {
        explorer::block_by_hash(&self.node, hash).await.map_err(from_node)?.ok_or(BackendError::NotFound)
    }

    async fn transactions(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<TransactionSummary>> {
        let before = match cursor {
            Some(cursor) => Some(explorer::parse_place(cursor).ok_or_else(bad_cursor)?),
            None => None,
        };
        explorer::transactions(&self.node, before, limit).await.map_err(from_node)
    }

    async fn transaction(&self, hash: B256) -> Answer<TransactionView> {
        explorer::transaction(&self.node, hash).await.map_err(from_node)?.ok_or(BackendError::NotFound)
    }

    async fn address(&self, address: Address) -> Answer<AddressView> {
        let is_miner = self.views.store.find_miner(address).await.map_err(from_store)?.is_some();
        explorer::address(&self.node, address, is_miner).await.map_err(from_node)
    }
}
