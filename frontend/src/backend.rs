//! The questions that pages may ask. The server provides an implementation through context, and pages know nothing else
//! of the server.

use std::sync::Arc;

use async_trait::async_trait;
use shared::api::explorer::{AddressView, BlockSummary, BlockView, TransactionSummary, TransactionView};
use shared::api::jobs::JobView;
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::receipts::ReceiptView;
use shared::api::status::NetworkStatus;
use shared::id::JobId;
use shared::{Address, B256};

/// Why a page cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// Nothing by that name exists, or it is private.
    #[error("not found")]
    NotFound,
    /// A cursor or name that cannot be read, with what would have been accepted.
    #[error("{0}")]
    Invalid(String),
    /// The server itself failed; the reason is for its log.
    #[error("the server could not answer: {0}")]
    Unavailable(String),
}

/// A result that is no picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    Text(String),
    /// One for each text.
    Vectors(Vec<Vec<f32>>),
}

pub type Answer<T> = Result<T, BackendError>;

/// Public data of the hub and the node, read-only.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    async fn status(&self) -> Answer<NetworkStatus>;

    /// A public job; one that belongs to a key is not found.
    async fn job(&self, id: JobId) -> Answer<JobView>;

    /// The result of a text or embedding job, once there is one; never of a picture.
    async fn written(&self, job: &JobView) -> Answer<Option<Written>>;

    async fn receipt(&self, hash: B256) -> Answer<ReceiptView>;
    async fn receipt_of_job(&self, id: JobId) -> Answer<Option<ReceiptView>>;
    /// Newest first; only those of `provider` where one is named.
    async fn receipts(&self, provider: Option<Address>, cursor: Option<&str>, limit: u32) -> Answer<Page<ReceiptView>>;

    async fn miners(&self) -> Answer<Vec<MinerView>>;
    async fn miner(&self, address: Address) -> Answer<MinerView>;

    /// Highest first.
    async fn blocks(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<BlockSummary>>;
    async fn block(&self, number: u64) -> Answer<BlockView>;
    async fn block_by_hash(&self, hash: B256) -> Answer<BlockView>;
    /// Newest first.
    async fn transactions(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<TransactionSummary>>;
    async fn transaction(&self, hash: B256) -> Answer<TransactionView>;
    async fn address(&self, address: Address) -> Answer<AddressView>;
}

/// The backend of the page that is being rendered.
pub fn use_backend() -> Arc<dyn Backend> {
    leptos::prelude::expect_context()
}
