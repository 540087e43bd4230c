//! Answers the pages' questions from the store, the board and the node.

use async_trait::async_trait;
use frontend::backend::{
    Account, AccountView, Answer, Backend, BackendError, CheckedFailure, Funds, LogHead, MarketPage, OwnReview,
    TraderPage, TransfersOf, Written,
};
use node::{NodeError, NodeHandle};
use shared::api::bounties::{BountyState, BountyView, UnservedModel};
use shared::api::exchange::{CandleInterval, ExchangeView};
use shared::api::explorer::{
    AddressView, BlockSummary, BlockView, CallsView, TransactionSummary, TransactionView, ValidatorsView,
};
use shared::api::jobs::JobView;
use shared::api::marketplace::{ModelPage, Models, OfferFilter, Offers};
use shared::api::miners::MinerView;
use shared::api::page::{LIMIT_MAX, Page};
use shared::api::receipts::ReceiptView;
use shared::api::reviews::ReviewView;
use shared::api::search::{SEARCH_HITS_DEFAULT, SearchHit};
use shared::api::status::NetworkStatus;
use shared::api::tokens::{Charts, CreationView, HolderView, HoldingView, TokenSummary, TokenView, TransferView};
use shared::api::why_idle::WhyIdle;
use shared::digest::Sha256Digest;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::request::Work;
use shared::log::entry::EntryKind;
use shared::{Address, B256};
use store::StoreError;
use store::record::JobRecord;
use store::repository::{JobFilter, ReceiptFilter};

use super::viewer::Viewer;
use super::{exchange, explorer, own_reviews};
use crate::auth::Presented;
use crate::bounties::{Bounties, BountyFilter};
use crate::clock;
use crate::error::ApiError;
use crate::exchange::ExchangeAccess;
use crate::log::Logs;
use crate::marketplace::MarketplaceFigures;
use crate::search::Search;
use crate::sign_in::session_view;
use crate::status::Figures;
use crate::verification::Verifications;
use crate::view::Views;

#[derive(Clone)]
pub(super) struct SiteBackend {
    pub(super) views: Views,
    pub(super) figures: Figures,
    pub(super) node: NodeHandle,
    pub(super) logs: Logs,
    pub(super) charts: explorer::ChartFigures,
    pub(super) marketplace: MarketplaceFigures,
    pub(super) bounties: Bounties,
    pub(super) search: Search,
    pub(super) exchange: ExchangeAccess,
    pub(super) verifications: Verifications,
    pub(super) reader: Reader,
}

/// For whom a page is rendered.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    /// Who is signed in. Its private jobs are shown to it alone.
    pub(super) viewer: Option<Viewer>,
    /// The hashes of the tokens of jobs that it created without an account.
    pub(super) job_tokens: Vec<Sha256Digest>,
}

impl Reader {
    /// Nobody else gets the same page.
    pub(super) const fn is_somebody(&self) -> bool {
        self.viewer.is_some() || !self.job_tokens.is_empty()
    }
}

impl SiteBackend {
    fn token_lists(&self) -> explorer::Tokens<'_> {
        explorer::Tokens { store: &self.views.store, node: &self.node }
    }

    /// The same for one reader.
    pub(super) fn seen_by(&self, reader: Reader) -> Self {
        Self { reader, ..self.clone() }
    }

    fn address(&self) -> Option<Address> {
        self.reader.viewer.as_ref().and_then(Viewer::signed_in).map(|session| session.address)
    }
}

/// The page says only that the server could not answer; the reason goes to the log.
pub(super) fn unavailable(reason: &dyn std::fmt::Display) -> BackendError {
    tracing::error!(%reason, "a page could not be rendered");
    BackendError::Unavailable(reason.to_string())
}

fn from_store(error: StoreError) -> BackendError {
    unavailable(&error)
}

fn from_node(error: NodeError) -> BackendError {
    unavailable(&error)
}

pub(super) fn from_api(error: ApiError) -> BackendError {
    match error {
        ApiError::Invalid(errors) | ApiError::OutOfBounds(errors) => {
            BackendError::Invalid(errors.into_iter().map(|error| error.detail).collect::<Vec<_>>().join("; "))
        }
        ApiError::NotFound(_) => BackendError::NotFound,
        other => unavailable(&other),
    }
}

/// The place in a cursor of transactions.
fn place(cursor: Option<&str>) -> Answer<Option<node::chain::Place>> {
    cursor.map(|cursor| explorer::parse_place(cursor).ok_or_else(bad_cursor)).transpose()
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
        let is_shown = |record: &JobRecord| record.sponsored || self.address() == Some(record.client);
        let record = record.filter(is_shown).ok_or(BackendError::NotFound)?;
        self.views.job_view(record).await.map_err(from_store)
    }

    async fn may_read(&self, job: &JobView) -> Answer<bool> {
        if !job.withheld || self.address() == Some(job.client) {
            return Ok(true);
        }
        let record = self.views.store.find_job(job.id).await.map_err(from_store)?;
        let creator = record.and_then(|record| record.creator_sha256);
        Ok(creator.is_some_and(|creator| self.reader.job_tokens.contains(&creator)))
    }

    async fn written(&self, job: &JobView) -> Answer<Option<Written>> {
        let (Some(artifact), false) = (job.artifacts.first(), matches!(job.work, Work::Image(_))) else {
            return Ok(None);
        };
        if !self.may_read(job).await? {
            return Ok(None);
        }
        let text = self.views.text_of(artifact).await.map_err(from_api)?;
        Ok(text.and_then(|text| match &job.work {
            Work::Image(_) => None,
            Work::Text(_) => Some(Written::Text(text)),
            Work::Embedding(_) => serde_json::from_str(&text).ok().map(Written::Vectors),
        }))
    }

    async fn own_jobs(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<JobView>> {
        let Some(client) = self.address() else { return Ok(Page { items: vec![], next_cursor: None }) };
        let filter = JobFilter { client: Some(client), ..JobFilter::default() };
        self.views.list_jobs(&filter, cursor, limit).await.map_err(from_api)
    }

    async fn account(&self) -> Answer<Option<Account>> {
        let own = match &self.reader.viewer {
            None | Some(Viewer(Presented::Nothing)) => return Ok(None),
            Some(Viewer(Presented::AwaitsCode(own))) => {
                return Ok(Some(Account::AwaitsCode { address: own.address, session: own.id }));
            }
            Some(Viewer(Presented::Whole(own))) => own,
        };
        let sessions = self.views.store.list_sessions(own.address, clock::now()).await.map_err(from_store)?;
        let keys = self.views.store.list_wallet_keys(own.address).await.map_err(from_store)?;
        let second_factor = self.views.store.second_factor_view(own.address).await.map_err(from_store)?;
        Ok(Some(Account::SignedIn(AccountView {
            address: own.address,
            sessions: sessions.into_iter().map(|session| session_view(session, Some(own.id))).collect(),
            keys: keys.into_iter().map(|key| key.view).collect(),
            second_factor,
        })))
    }

    async fn funds(&self) -> Answer<Option<Funds>> {
        let Some(address) = self.address() else { return Ok(None) };
        let balance = self.node.token_balance(address).await.map_err(from_node)?;
        let deposited = self.node.escrow_account(address, vec![]).await.map_err(from_node)?.free;
        Ok(Some(Funds { address, balance, deposited }))
    }

    async fn receipt(&self, hash: B256) -> Answer<ReceiptView> {
        let record = self.views.store.find_receipt(hash).await.map_err(from_store)?;
        self.views.receipt_view(record.ok_or(BackendError::NotFound)?).await.map_err(from_store)
    }

    async fn place_of_receipt(&self, hash: B256) -> Answer<Option<u64>> {
        self.logs.place(EntryKind::Receipt, &hash.to_string()).await.map_err(from_api)
    }

    async fn failure_of_job(&self, id: JobId) -> Answer<Option<CheckedFailure>> {
        let Some(view) = self.logs.failure(id).await.map_err(from_api)? else { return Ok(None) };
        let signature = view.signed.verify().map_err(|error| error.to_string());
        let is_this_hubs = view.signed.failure.hub == self.figures.attester;
        Ok(Some(CheckedFailure { view, signature, is_this_hubs }))
    }

    async fn log_head(&self) -> Answer<LogHead> {
        let frontier = self.views.store.log_frontier().await.map_err(from_store)?;
        Ok(LogHead { size: frontier.size(), root: frontier.root(), hub: self.figures.attester })
    }

    async fn receipt_of_job(&self, id: JobId) -> Answer<Option<ReceiptView>> {
        match self.views.store.find_receipt_of_job(id).await.map_err(from_store)? {
            Some(record) => self.views.receipt_view(record).await.map(Some).map_err(from_store),
            None => Ok(None),
        }
    }

    async fn receipts(&self, provider: Option<Address>, cursor: Option<&str>, limit: u32) -> Answer<Page<ReceiptView>> {
        let filter = ReceiptFilter { provider, ..ReceiptFilter::default() };
        self.views.list_receipts(&filter, cursor, limit).await.map_err(from_api)
    }

    async fn reviews(&self, miner: Address, cursor: Option<&str>, limit: u32) -> Answer<Page<ReviewView>> {
        self.views.list_reviews(miner, cursor, limit).await.map_err(from_api)
    }

    async fn own_reviews(&self, job: &JobView) -> Answer<Option<Vec<OwnReview>>> {
        own_reviews::of_job(&self.views.store, self.address(), job, clock::now()).await.map_err(from_store)
    }

    async fn miners(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<MinerView>> {
        self.views.list_miners(cursor, limit).await.map_err(from_api)
    }

    async fn miner(&self, address: Address) -> Answer<MinerView> {
        self.views.find_miner(address).await.map_err(from_store)?.ok_or(BackendError::NotFound)
    }

    async fn why_idle(&self, address: Address) -> Answer<WhyIdle> {
        self.views.why_idle(address).await.map_err(from_store)?.ok_or(BackendError::NotFound)
    }

    async fn search(&self, text: &str) -> Answer<Vec<SearchHit>> {
        self.search.find(text, SEARCH_HITS_DEFAULT as usize, clock::now()).await.map_err(from_api)
    }

    async fn models(&self, kind: Option<JobKind>) -> Answer<Models> {
        self.marketplace.models(kind, clock::now()).await.map_err(from_store)
    }

    async fn model(&self, name: &str, kind: Option<JobKind>) -> Answer<ModelPage> {
        let found = self.marketplace.model(name, kind, clock::now()).await.map_err(from_store)?;
        found.ok_or(BackendError::NotFound)
    }

    async fn offers(&self, filter: &OfferFilter, limit: usize) -> Answer<Offers> {
        self.marketplace.offers(filter, limit, clock::now()).await.map_err(from_store)
    }

    async fn bounties(&self, state: Option<BountyState>, cursor: Option<&str>, limit: u32) -> Answer<Page<BountyView>> {
        let filter = BountyFilter { state, model: None };
        self.bounties.list(filter, cursor, limit, clock::now()).await.map_err(from_api)
    }

    async fn bounties_for(&self, manifests: &[Sha256Digest]) -> Answer<Vec<BountyView>> {
        let mut found = Vec::new();
        for manifest in manifests {
            let filter = BountyFilter { state: Some(BountyState::Open), model: Some(*manifest) };
            found.extend(self.bounties.list(filter, None, LIMIT_MAX, clock::now()).await.map_err(from_api)?.items);
        }
        found.sort_by_key(|bounty| std::cmp::Reverse(bounty.id));
        Ok(found)
    }

    async fn unserved(&self) -> Answer<Vec<UnservedModel>> {
        Ok(self.bounties.demand.unserved(clock::now()).await.map_err(from_store)?.1)
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
        explorer::transactions(&self.node, place(cursor)?, limit).await.map_err(from_node)
    }

    async fn transaction(&self, hash: B256) -> Answer<TransactionView> {
        let found = explorer::transaction(&self.node, &self.verifications, hash).await;
        found.map_err(|error| unavailable(&error))?.ok_or(BackendError::NotFound)
    }

    async fn calls_of(&self, transaction: B256) -> Answer<CallsView> {
        explorer::calls_of(&self.node, transaction).await.map_err(from_node)?.ok_or(BackendError::NotFound)
    }

    async fn address(&self, address: Address) -> Answer<AddressView> {
        let is_miner = self.views.store.find_miner(address).await.map_err(from_store)?.is_some();
        explorer::address(&self.node, address, is_miner).await.map_err(from_node)
    }

    async fn transactions_of(
        &self,
        address: Address,
        cursor: Option<&str>,
        limit: u32,
    ) -> Answer<Page<TransactionSummary>> {
        explorer::transactions_of(&self.node, address, place(cursor)?, limit).await.map_err(from_node)
    }

    async fn creation(&self, address: Address) -> Answer<Option<CreationView>> {
        self.token_lists().creation(address).await
    }

    async fn validators(&self) -> Answer<ValidatorsView> {
        explorer::validators(&self.node).await.map_err(from_node)
    }

    async fn tokens(&self, cursor: Option<&str>, limit: u32) -> Answer<Page<TokenSummary>> {
        self.token_lists().list(cursor, limit).await
    }

    async fn token(&self, address: Address) -> Answer<TokenView> {
        self.token_lists().find(address).await
    }

    async fn holders(&self, token: Address, cursor: Option<&str>, limit: u32) -> Answer<Page<HolderView>> {
        self.token_lists().holders(token, cursor, limit).await
    }

    async fn holdings(&self, account: Address, cursor: Option<&str>, limit: u32) -> Answer<Page<HoldingView>> {
        self.token_lists().holdings(account, cursor, limit).await
    }

    async fn transfers(&self, of: TransfersOf, cursor: Option<&str>, limit: u32) -> Answer<Page<TransferView>> {
        self.token_lists().transfers(of, cursor, limit).await
    }

    async fn charts(&self) -> Answer<Charts> {
        self.charts.read(&self.views.store, clock::now()).await.map_err(from_store)
    }

    async fn exchange(&self) -> Answer<Option<ExchangeView>> {
        exchange::view(&self.exchange)
    }

    async fn market(&self, id: &str, interval: CandleInterval) -> Answer<MarketPage> {
        exchange::market(&self.exchange, id, interval).await
    }

    async fn trader(&self) -> Answer<Option<TraderPage>> {
        let Some(address) = self.address() else { return Ok(None) };
        exchange::trader(&self.exchange, address).await.map(Some)
    }
}
