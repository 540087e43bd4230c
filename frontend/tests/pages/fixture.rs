//! A small network that stands still: three blocks, two receipts, one miner.

use async_trait::async_trait;
use frontend::backend::{
    Account, AccountView, Answer, Backend, BackendError, CheckedFailure, Funds, LogHead, MarketPage, TraderPage,
    TransfersOf, Written,
};
use serde_json::json;
use shared::amount::{Amount, MicroUnits};
use shared::api::bounties::{BountyState, BountyView, UnservedModel};
use shared::api::exchange::{CandleInterval, ExchangeView};
use shared::api::explorer::{
    AddressView, BlockSummary, BlockView, CallView, CallsView, DecodedCall, DecodedValue, LogView, TransactionSummary,
    TransactionView, ValidatorsView,
};
use shared::api::jobs::{JobView, MintView};
use shared::api::marketplace::{ModelPage, Models, OfferFilter, Offers};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::receipts::{HoldState, HoldView, ReceiptView, SettlementState};
use shared::api::search::SearchHit;
use shared::api::status::{IndexStatus, NetworkStatus};
use shared::api::stuck::StuckView;
use shared::api::tokens::{
    Charts, CreationView, HolderView, HoldingView, JobsOfDay, PriceOfDay, SupplyOfDay, TokenSummary, TokenView,
    TransferView,
};
use shared::api::why_idle::WhyIdle;
use shared::chain::{DEV_CHAIN_ID, MINTER_ADDRESS, TOKEN_ADDRESS};
use shared::commitment::Salt;
use shared::digest::{PromptHash, Sha256Digest};
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::image::PictureDefaults;
use shared::job::request::Work;
use shared::job::task::TaskRole;
use shared::receipt::{Attestation, JobReceipt, ReceiptVersion, SignedReceipt};
use shared::time::UnixSeconds;
use shared::unit::UnitType;
use shared::{Address, B256, Bytes};

use super::exchange_fixture::Exchange;
use super::job_fixture::input;
use super::marketplace_fixture::Marketplace;
use super::miner_fixture::{miner, why_idle};
use super::validator_fixture;

pub(crate) const SECRET: &str = "/var/lib/hub.sqlite is locked";
pub(crate) const MODEL: &str = "aitbc-scenes-1";
const HEAD: u64 = 3;
/// More digits than a table shows.
const ODD_AMOUNT: Amount = Amount::from_atto(1_234_567_890_123_456_789);
pub(crate) const AT: u64 = 1_795_226_000;
pub(crate) const MINER: Address = Address::repeat_byte(0x51);
const HUB: Address = Address::repeat_byte(0x32);
/// A token that anybody made.
pub(crate) const LIAR: Address = Address::repeat_byte(0x1a);
/// Where every receipt stands.
const LOG_INDEX: u64 = 12_344;

pub(crate) struct Fixture {
    /// The store fails.
    pub(crate) broken: bool,
    /// The default model has a setting for few steps.
    pub(crate) fast: bool,
    pub(crate) prompt: String,
    pub(crate) kind: JobKind,
    /// What the miner of a text job wrote.
    pub(crate) answer: String,
    /// The only jobs there are; any where empty.
    pub(crate) known: Vec<JobView>,
    /// What a token says of itself.
    pub(crate) token_name: String,
    /// Lists from the index are empty.
    pub(crate) empty: bool,
    pub(crate) index: IndexStatus,
    /// The result of an embedding job.
    pub(crate) vectors: Vec<Vec<f32>>,
    /// Who is signed in.
    pub(crate) account: Option<AccountView>,
    /// Signed in but for a code.
    pub(crate) awaits_code: bool,
    /// The reader created every job.
    pub(crate) is_creator: bool,
    /// The job has ended without a result.
    pub(crate) failure: Option<CheckedFailure>,
    pub(crate) exchange: Exchange,
    pub(crate) marketplace: Marketplace,
    /// What a search may find.
    pub(crate) hits: Vec<SearchHit>,
    /// What did not move on.
    pub(crate) stuck: StuckView,
}

impl Default for Fixture {
    fn default() -> Self {
        let (prompt, answer) = ("a city skyline at night".to_owned(), "Lights over water.".to_owned());
        let vectors = vec![vec![1.0; 384]; 2];
        let index = IndexStatus { height: Some(HEAD), behind: 0 };
        let token_name = "A token".to_owned();
        let (broken, fast, empty, known) = (false, false, false, Vec::new());
        let (account, failure, exchange) = (None, None, Exchange::default());
        let marketplace = Marketplace::default();
        let kind = JobKind::Image;
        Self {
            broken,
            fast,
            prompt,
            kind,
            answer,
            known,
            token_name,
            empty,
            index,
            vectors,
            account,
            awaits_code: false,
            is_creator: false,
            failure,
            exchange,
            marketplace,
            hits: Vec::new(),
            stuck: StuckView::default(),
        }
    }
}

impl Fixture {
    fn token_summary(&self, address: Address) -> TokenSummary {
        let name = Some(self.token_name.clone());
        TokenSummary { address, symbol: name.clone(), name, decimals: Some(18), holders: 2, transfers: 3 }
    }

    fn items<T>(&self, items: Vec<T>) -> Page<T> {
        if self.empty {
            Page { items: Vec::new(), next_cursor: None }
        } else {
            Page { items, next_cursor: Some("1-1".to_owned()) }
        }
    }

    fn working(&self) -> Answer<()> {
        if self.broken { Err(BackendError::Unavailable(SECRET.to_owned())) } else { Ok(()) }
    }
}

const SALT: Salt = Salt(B256::repeat_byte(0x73));

pub(crate) fn receipt(number: u8) -> ReceiptView {
    let receipt = JobReceipt {
        version: ReceiptVersion,
        job_id: JobId::from_random(u128::from(number)),
        task_role: TaskRole::Serve,
        provider: MINER,
        client: HUB,
        units: MicroUnits(2_097_152),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(1),
        model: MODEL.to_owned(),
        prompt_commitment: SALT.commit_prompt(PromptHash::of("a city skyline at night")),
        result_commitment: SALT.commit_result(Sha256Digest::of(&[number])),
        started_at: UnixSeconds(AT),
        finished_at: UnixSeconds(AT + 2),
        expires_at: UnixSeconds(AT + 86_400),
        nonce: B256::repeat_byte(number),
        hub_id: "hub".to_owned(),
        chain_id: DEV_CHAIN_ID,
        contract: MINTER_ADDRESS,
        determinism_class: "test".to_owned(),
        trace_commitment: None,
        shares: Vec::new(),
    };
    let amount = receipt.amount().unwrap();
    ReceiptView {
        signed: SignedReceipt {
            receipt_hash: receipt.hash().unwrap(),
            receipt,
            miner_signature: Bytes::from(vec![1; 65]),
            attestations: vec![Attestation { attester: HUB, signature: Bytes::from(vec![2; 65]) }],
        },
        amount,
        attested_at_unix_ms: UnixSeconds(AT + 3).millis(),
        settlement: SettlementState::Minted,
        refusal: None,
        mint: Some(mint(number, amount)),
        settled: None,
        hold: Some(HoldView { state: HoldState::Held, due_at: UnixSeconds(AT + 86_400) }),
        void_reason: None,
        audit: None,
        unaudited: None,
    }
}

fn mint(number: u8, amount: Amount) -> MintView {
    let block_number = u64::from(number);
    MintView { amount, provider: MINER, transaction_hash: transaction_hash(block_number), block_number }
}

fn transaction_hash(height: u64) -> B256 {
    B256::with_last_byte(u8::try_from(height).unwrap())
}

fn transaction_summary(height: u64) -> TransactionSummary {
    TransactionSummary {
        hash: transaction_hash(height),
        block_number: height,
        index: 0,
        timestamp: UnixSeconds(AT),
        from: HUB,
        to: Some(MINTER_ADDRESS),
        succeeded: true,
        method: "mintBatch".to_owned(),
        minted: Amount::from_ait(2),
    }
}

pub(crate) fn transaction(height: u64) -> TransactionView {
    let field = |name: &str, kind: &str, value: String| DecodedValue {
        name: name.to_owned(),
        solidity_type: kind.to_owned(),
        value,
    };
    let hash = receipt(1).signed.receipt_hash;
    let minted = DecodedCall {
        signature: "Minted(address,uint256,bytes32)".to_owned(),
        arguments: vec![
            field("provider", "address", MINER.to_string()),
            field("receiptHash", "bytes32", hash.to_string()),
        ],
    };
    TransactionView {
        summary: transaction_summary(height),
        block_hash: B256::ZERO,
        nonce: 0,
        gas_limit: 900_000,
        gas_used: 180_000,
        transaction_type: 2,
        value_wei: "0".to_owned(),
        input: Bytes::from(vec![0xab; 4]),
        decoded_input: None,
        logs: vec![LogView {
            index: 0,
            address: TOKEN_ADDRESS,
            topics: vec![hash],
            data: Bytes::new(),
            data_bytes: 0,
            decoded: Some(minted),
        }],
        log_count: 1,
        failure: None,
    }
}

fn block_summary(number: u64) -> BlockSummary {
    BlockSummary {
        number,
        hash: B256::repeat_byte(7),
        timestamp: UnixSeconds(AT),
        transaction_count: u32::from(number > 0),
        gas_used: 180_000,
        minted: Amount::ZERO,
    }
}

pub(crate) fn job(id: JobId, kind: JobKind, prompt: &str) -> JobView {
    let receipt = receipt(1);
    serde_json::from_value(json!({
        "id": id, "state": "COMPLETED", "model": MODEL, "kind": kind, "input": input(kind, prompt),
        "constraints": {}, "payment_mode": "mint", "client": HUB, "sponsored": true,
        "salt": SALT, "units": "2097152", "unit_type": "megapixel_step",
        "created_at_unix_ms": AT * 1000, "started_at_unix_ms": AT * 1000, "finished_at_unix_ms": AT * 1000 + 900,
        "deadline_unix_ms": AT * 1000 + 900_000, "queue_position": null, "eta_ms": null, "progress": null,
        "miner": MINER, "faults": [],
        "tasks": [{"role": "serve", "state": "COMPLETED", "miner": MINER, "receipt_hash": receipt.signed.receipt_hash}],
        "artifacts": [{"url": format!("/v1/jobs/{id}/artifacts/0"), "position": 0, "media_type": "image/png",
            "sha256": Sha256Digest::of(b"picture"), "bytes": 7}],
        "withheld": false, "receipt_hash": receipt.signed.receipt_hash, "mint": receipt.mint,
    }))
    .unwrap()
}

#[async_trait]
impl Backend for Fixture {
    async fn status(&self) -> Answer<NetworkStatus> {
        self.working()?;
        Ok(NetworkStatus {
            chain_id: DEV_CHAIN_ID,
            hub_id: "hub".to_owned(),
            attester: HUB,
            dev: true,
            supply: Amount::from_ait(4),
            jobs_today: 2,
            miners_online: 1,
            queue_depth: 0,
            payments: Default::default(),
            stuck: self.stuck.clone(),
            head_number: HEAD,
            head_timestamp: UnixSeconds(AT),
            index: self.index,
            suggestions: vec!["a city skyline at night".to_owned()],
            subjects: vec!["city".to_owned()],
            default_model: MODEL.to_owned(),
            default_text_model: Some("words".to_owned()),
            default_steps: 8,
            default_guidance: 5.0,
            default_fast: self.fast.then_some(PictureDefaults { steps: 4, guidance: 1.0 }),
        })
    }

    async fn own_jobs(&self, _: Option<&str>, _: u32) -> Answer<Page<JobView>> {
        Ok(Page { items: self.known.clone(), next_cursor: Some("7".to_owned()) })
    }

    async fn account(&self) -> Answer<Option<Account>> {
        Ok(self.account.clone().map(|account| match self.awaits_code {
            true => Account::AwaitsCode { address: account.address, session: account.sessions[0].id },
            false => Account::SignedIn(account),
        }))
    }

    async fn funds(&self) -> Answer<Option<Funds>> {
        let of = |account: &AccountView| Funds {
            address: account.address,
            balance: Amount::from_ait(3),
            deposited: Amount::from_ait(1),
        };
        Ok(self.account.as_ref().map(of))
    }

    async fn job(&self, id: JobId) -> Answer<JobView> {
        if self.known.is_empty() {
            return Ok(job(id, self.kind, &self.prompt));
        }
        self.known.iter().find(|job| job.id == id).cloned().ok_or(BackendError::NotFound)
    }

    async fn may_read(&self, job: &JobView) -> Answer<bool> {
        Ok(!job.withheld || self.is_creator)
    }

    async fn written(&self, job: &JobView) -> Answer<Option<Written>> {
        Ok(match job.work {
            Work::Image(_) => None,
            Work::Text(_) => Some(Written::Text(self.answer.clone())),
            Work::Embedding(_) => Some(Written::Vectors(self.vectors.clone())),
        })
    }

    async fn receipt(&self, hash: B256) -> Answer<ReceiptView> {
        [1, 2].map(receipt).into_iter().find(|view| view.signed.receipt_hash == hash).ok_or(BackendError::NotFound)
    }

    async fn place_of_receipt(&self, _: B256) -> Answer<Option<u64>> {
        Ok(Some(LOG_INDEX))
    }

    async fn failure_of_job(&self, _: JobId) -> Answer<Option<CheckedFailure>> {
        Ok(self.failure.clone())
    }

    async fn log_head(&self) -> Answer<LogHead> {
        self.working()?;
        Ok(LogHead { size: LOG_INDEX + 1, root: B256::repeat_byte(0x0e), hub: HUB })
    }

    async fn receipt_of_job(&self, _: JobId) -> Answer<Option<ReceiptView>> {
        if self.failure.is_some() {
            return Ok(None);
        }
        let mut view = receipt(1);
        view.signed.receipt.unit_type = self.kind.unit_type();
        view.amount = ODD_AMOUNT;
        Ok(Some(view))
    }

    async fn receipts(&self, _: Option<Address>, _: Option<&str>, _: u32) -> Answer<Page<ReceiptView>> {
        Ok(Page { items: [2, 1].map(receipt).to_vec(), next_cursor: Some("1".to_owned()) })
    }

    async fn miners(&self, cursor: Option<&str>, _: u32) -> Answer<Page<MinerView>> {
        self.working()?;
        let next_cursor = cursor.is_none().then(|| MINER.to_string());
        Ok(Page { items: vec![miner()], next_cursor })
    }

    async fn miner(&self, _: Address) -> Answer<MinerView> {
        Ok(miner())
    }

    async fn why_idle(&self, _: Address) -> Answer<WhyIdle> {
        Ok(why_idle())
    }

    async fn search(&self, text: &str) -> Answer<Vec<SearchHit>> {
        Ok(self.hits.iter().filter(|hit| hit.name.contains(text)).cloned().collect())
    }

    async fn bounties(&self, state: Option<BountyState>, _: Option<&str>, _: u32) -> Answer<Page<BountyView>> {
        self.working()?;
        Ok(Page { items: self.marketplace.bounties(state, None), next_cursor: None })
    }

    async fn bounties_for(&self, manifests: &[Sha256Digest]) -> Answer<Vec<BountyView>> {
        Ok(self.marketplace.bounties(Some(BountyState::Open), Some(manifests)))
    }

    async fn unserved(&self) -> Answer<Vec<UnservedModel>> {
        Ok(self.marketplace.unserved.clone())
    }

    async fn models(&self, kind: Option<JobKind>) -> Answer<Models> {
        self.working()?;
        Ok(self.marketplace.models(kind))
    }

    async fn model(&self, name: &str, kind: Option<JobKind>) -> Answer<ModelPage> {
        self.working()?;
        self.marketplace.model(name, kind).ok_or(BackendError::NotFound)
    }

    async fn offers(&self, filter: &OfferFilter, limit: usize) -> Answer<Offers> {
        self.working()?;
        Ok(self.marketplace.offers(filter, limit))
    }

    async fn blocks(&self, _: Option<&str>, _: u32) -> Answer<Page<BlockSummary>> {
        Ok(Page { items: (0..=HEAD).rev().map(block_summary).collect(), next_cursor: None })
    }

    async fn block(&self, number: u64) -> Answer<BlockView> {
        if number > HEAD {
            return Err(BackendError::NotFound);
        }
        Ok(BlockView {
            summary: block_summary(number),
            parent_hash: B256::ZERO,
            state_root: B256::repeat_byte(1),
            transactions_root: B256::repeat_byte(2),
            receipts_root: B256::repeat_byte(3),
            producer: HUB,
            gas_limit: 30_000_000,
            size_bytes: 900,
            certificate: (number > 0).then(validator_fixture::certificate),
            transactions: (number > 0).then(|| transaction_summary(number)).into_iter().collect(),
        })
    }

    async fn block_by_hash(&self, _: B256) -> Answer<BlockView> {
        Err(BackendError::NotFound)
    }

    async fn transactions(&self, _: Option<&str>, _: u32) -> Answer<Page<TransactionSummary>> {
        Ok(Page { items: (1..=HEAD).rev().map(transaction_summary).collect(), next_cursor: None })
    }

    async fn transaction(&self, hash: B256) -> Answer<TransactionView> {
        (1..=HEAD).map(transaction).find(|view| view.summary.hash == hash).ok_or(BackendError::NotFound)
    }

    async fn calls_of(&self, transaction: B256) -> Answer<CallsView> {
        let call = |depth, kind: &str, to, failure: Option<&str>| CallView {
            depth,
            kind: kind.to_owned(),
            from: MINER,
            to,
            method: "mintBatch".to_owned(),
            value_wei: depth.to_string(),
            gas_used: 21_000,
            failure: failure.map(str::to_owned),
        };
        self.transaction(transaction).await?;
        let calls = vec![
            call(0, "CALL", Some(TOKEN_ADDRESS), None),
            call(1, "CREATE", None, Some("execution reverted: <b>no room</b>")),
        ];
        Ok(CallsView { calls, call_count: 700 })
    }

    async fn address(&self, address: Address) -> Answer<AddressView> {
        Ok(AddressView {
            address,
            balance: Amount::from_ait(4),
            held: Amount::from_ait(3),
            nonce: 1,
            contract_name: None,
            code_bytes: if address == TOKEN_ADDRESS { 5_000 } else { 0 },
            is_miner: address == MINER,
            transactions: vec![transaction_summary(1)],
        })
    }

    async fn transactions_of(&self, _: Address, _: Option<&str>, _: u32) -> Answer<Page<TransactionSummary>> {
        Ok(self.items(vec![transaction_summary(1)]))
    }

    async fn creation(&self, address: Address) -> Answer<Option<CreationView>> {
        Ok((address == LIAR).then(creation))
    }

    async fn validators(&self) -> Answer<ValidatorsView> {
        Ok(validator_fixture::validators())
    }

    async fn tokens(&self, _: Option<&str>, _: u32) -> Answer<Page<TokenSummary>> {
        Ok(self.items(vec![self.token_summary(TOKEN_ADDRESS), self.token_summary(LIAR)]))
    }

    async fn token(&self, address: Address) -> Answer<TokenView> {
        if address != TOKEN_ADDRESS && address != LIAR {
            return Err(BackendError::NotFound);
        }
        Ok(TokenView {
            summary: self.token_summary(address),
            supply: Some("4000000000000000000".to_owned()),
            first_block: 1,
            creation: (address == LIAR).then(creation),
        })
    }

    async fn holders(&self, _: Address, _: Option<&str>, _: u32) -> Answer<Page<HolderView>> {
        let holder = |balance: &str, share_per_million| HolderView {
            account: MINER,
            balance: balance.to_owned(),
            share_per_million,
        };
        Ok(self.items(vec![holder("3000000000000000000", Some(750_000)), holder("1", None)]))
    }

    async fn holdings(&self, _: Address, _: Option<&str>, _: u32) -> Answer<Page<HoldingView>> {
        Ok(self.items(vec![HoldingView { token: self.token_summary(LIAR), balance: "70".to_owned() }]))
    }

    async fn transfers(&self, of: TransfersOf, _: Option<&str>, _: u32) -> Answer<Page<TransferView>> {
        let token = of.token.unwrap_or(TOKEN_ADDRESS);
        let transfer = |from, to| TransferView {
            block_number: 2,
            log_index: 0,
            transaction_hash: transaction_hash(2),
            timestamp: UnixSeconds(AT),
            from,
            to,
            amount: "1500000000000000000".to_owned(),
            token,
            name: Some(self.token_name.clone()),
            symbol: Some(self.token_name.clone()),
            decimals: Some(18),
        };
        Ok(self.items(vec![transfer(Address::ZERO, MINER), transfer(MINER, HUB), transfer(HUB, Address::ZERO)]))
    }

    async fn exchange(&self) -> Answer<Option<ExchangeView>> {
        self.working()?;
        Ok(self.exchange.view())
    }

    async fn market(&self, id: &str, interval: CandleInterval) -> Answer<MarketPage> {
        self.working()?;
        self.exchange.market(id, interval).ok_or(BackendError::NotFound)
    }

    async fn trader(&self) -> Answer<Option<TraderPage>> {
        Ok(self.account.as_ref().map(|account| self.exchange.trader(account.address)))
    }

    async fn charts(&self) -> Answer<Charts> {
        self.working()?;
        if self.empty {
            return Ok(Charts::default());
        }
        let day = |number: u64| UnixSeconds(AT / 86_400 * 86_400 - 86_400 * (3 - number));
        let supply = |number: u64| SupplyOfDay {
            day: day(number),
            transactions: number,
            minted: Amount::from_ait(number * 2),
            supply: Amount::from_ait(number * 2 - 1),
        };
        let jobs = |number, kind, jobs| JobsOfDay { day: day(number), kind, jobs };
        let price = |number: u64, unit_type, ait| PriceOfDay {
            day: day(number),
            unit_type,
            unit_price: Amount::from_ait(ait),
            receipts: 2,
        };
        Ok(Charts {
            supply: (1..=3).map(supply).collect(),
            jobs: vec![jobs(1, JobKind::Image, 4), jobs(2, JobKind::Image, 2), jobs(2, JobKind::Text, 7)],
            prices: vec![
                price(1, UnitType::Token, 1),
                price(1, UnitType::MegapixelStep, 2),
                price(2, UnitType::Token, 3),
            ],
        })
    }
}

fn creation() -> CreationView {
    CreationView { creator: HUB, transaction_hash: transaction_hash(1), block_number: 1, timestamp: UnixSeconds(AT) }
}
