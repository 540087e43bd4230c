//! A small network that stands still: three blocks, two receipts, one miner.

use async_trait::async_trait;
use frontend::backend::{Answer, Backend, BackendError, Written};
use serde_json::json;
use shared::amount::{Amount, MicroUnits};
use shared::api::explorer::{
    AddressView, BlockSummary, BlockView, DecodedCall, DecodedValue, LogView, TransactionSummary, TransactionView,
};
use shared::api::jobs::{JobView, MintView};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::receipts::{ReceiptView, SettlementState};
use shared::api::status::NetworkStatus;
use shared::chain::{DEV_CHAIN_ID, MINTER_ADDRESS, TOKEN_ADDRESS};
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

pub(crate) const SECRET: &str = "/var/lib/hub.sqlite is locked";
const MODEL: &str = "aitbc-scenes-1";
const HEAD: u64 = 3;
/// More digits than a table shows.
const ODD_AMOUNT: Amount = Amount::from_atto(1_234_567_890_123_456_789);
const AT: u64 = 1_795_226_000;
const MINER: Address = Address::repeat_byte(0x51);
const HUB: Address = Address::repeat_byte(0x32);

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
    /// The result of an embedding job.
    pub(crate) vectors: Vec<Vec<f32>>,
}

impl Default for Fixture {
    fn default() -> Self {
        let (prompt, answer) = ("a city skyline at night".to_owned(), "Lights over water.".to_owned());
        let vectors = vec![vec![1.0; 384]; 2];
        Self { broken: false, fast: false, prompt, kind: JobKind::Image, answer, known: Vec::new(), vectors }
    }
}

impl Fixture {
    fn working(&self) -> Answer<()> {
        if self.broken { Err(BackendError::Unavailable(SECRET.to_owned())) } else { Ok(()) }
    }
}

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
        prompt_hash: PromptHash::of("a city skyline at night"),
        artifact_sha256: Sha256Digest::of(&[number]),
        started_at: UnixSeconds(AT),
        finished_at: UnixSeconds(AT + 2),
        expires_at: UnixSeconds(AT + 86_400),
        nonce: B256::repeat_byte(number),
        hub_id: "hub".to_owned(),
        chain_id: DEV_CHAIN_ID,
        contract: MINTER_ADDRESS,
        determinism_class: "test".to_owned(),
        trace_root: None,
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
            decoded: Some(minted),
        }],
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

fn input(kind: JobKind, prompt: &str) -> serde_json::Value {
    match kind {
        JobKind::Image => json!({"prompt": prompt, "negative_prompt": "", "steps": 8, "guidance": 5.0, "width": 512,
            "height": 512, "seed": 1, "count": 1, "scheduler": null}),
        JobKind::Text => json!({"messages": [{"role": "user", "content": prompt}], "max_tokens": 64,
            "temperature": 0.5, "top_p": 1.0, "seed": 1, "stop": ["\n\n"]}),
        JobKind::Embedding => json!({"input": [prompt, "another text"]}),
    }
}

pub(crate) fn job(id: JobId, kind: JobKind, prompt: &str) -> JobView {
    let receipt = receipt(1);
    serde_json::from_value(json!({
        "id": id, "state": "COMPLETED", "model": MODEL, "kind": kind, "input": input(kind, prompt),
        "constraints": {}, "payment_mode": "mint", "client": HUB, "sponsored": true,
        "prompt_hash": PromptHash::of(prompt), "units": "2097152", "unit_type": "megapixel_step",
        "created_at_unix_ms": AT * 1000, "started_at_unix_ms": AT * 1000, "finished_at_unix_ms": AT * 1000 + 900,
        "deadline_unix_ms": AT * 1000 + 900_000, "queue_position": null, "eta_ms": null, "progress": null,
        "miner": MINER, "faults": [],
        "tasks": [{"role": "serve", "state": "COMPLETED", "miner": MINER, "receipt_hash": receipt.signed.receipt_hash}],
        "artifacts": [{"url": format!("/v1/jobs/{id}/artifacts/0"), "media_type": "image/png",
            "sha256": Sha256Digest::of(b"picture"), "bytes": 7}],
        "receipt_hash": receipt.signed.receipt_hash, "mint": receipt.mint,
    }))
    .unwrap()
}

fn hardware() -> serde_json::Value {
    let rate = json!({"median": 30_000_000, "min": 29_000_000, "max": 31_000_000, "samples": 7});
    let card = json!({"kind": "gpu", "name": "A card", "cores": null, "memory_bytes": 8_589_934_592_u64});
    let processor = json!({"kind": "cpu", "name": "two cores", "cores": 2, "memory_bytes": 4_000_000_000_u64});
    json!({"signature": format!("0x{}", "11".repeat(65)), "report": {
        "miner": MINER, "worker_version": "0.1.0", "method": "aitbc-probe/1", "measured_at_unix_ms": AT * 1000,
        "devices": [
            {"device": processor, "software": false, "interface": "host", "copy_mb_per_second": rate},
            {"device": card, "software": false, "interface": "Vulkan", "pci_bus_id": "0000:01:00.0",
                "fp32_mflop_per_second": rate, "fp32_peak_mflop_per_second": 41_000_000, "notes": ["a remark"],
                "condition": {"temperature_celsius": 61, "throttled_by": ["sw_power_cap"]}},
        ],
        "models": [{"model": MODEL, "manifest_sha256": Sha256Digest::of(b"m"), "threads": 2,
            "engine": {"name": "tract", "version": "0.21", "provider": "CPU"}, "unit_type": "megapixel_step",
            "micro_units_per_second": rate}],
    }})
}

fn miner() -> MinerView {
    serde_json::from_value(json!({
        "address": MINER, "online": true,
        "capability": {"worker_version": "0.1.0",
            "engine": {"name": "tract", "version": "0.21", "provider": "CPU"},
            "devices": [{"kind": "cpu", "name": "two cores", "cores": 2, "memory_bytes": 4_000_000_000_u64}],
            "offers": [{"model": MODEL, "kind": "image", "manifest_sha256": Sha256Digest::of(b"m"),
                "unit_type": "megapixel_step", "unit_price": "1000000000000000000",
                "measured_micro_units_per_second": 1_420_000, "suggestions": [], "default_steps": 8,
                "default_guidance": 5.0},
                {"model": "words", "kind": "text", "manifest_sha256": Sha256Digest::of(b"w"), "unit_type": "token",
                "unit_price": "1000000000000000", "measured_micro_units_per_second": 1_557_908_000, "suggestions": [],
                "default_steps": 0, "default_guidance": 0.0}],
            "slots": 1, "hardware": hardware()},
        "first_seen_at_unix_ms": AT * 1000, "last_seen_at_unix_ms": AT * 1000, "jobs_running": 0,
        "jobs_completed": 2, "faults": 0, "reputation_per_mille": 1000, "earned": "4194304000000000000", "pending": "0",
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
            head_number: HEAD,
            head_timestamp: UnixSeconds(AT),
            suggestions: vec!["a city skyline at night".to_owned()],
            subjects: vec!["city".to_owned()],
            default_model: MODEL.to_owned(),
            default_text_model: Some("words".to_owned()),
            default_steps: 8,
            default_guidance: 5.0,
            default_fast: self.fast.then_some(PictureDefaults { steps: 4, guidance: 1.0 }),
        })
    }

    async fn job(&self, id: JobId) -> Answer<JobView> {
        if self.known.is_empty() {
            return Ok(job(id, self.kind, &self.prompt));
        }
        self.known.iter().find(|job| job.id == id).cloned().ok_or(BackendError::NotFound)
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

    async fn receipt_of_job(&self, _: JobId) -> Answer<Option<ReceiptView>> {
        let mut view = receipt(1);
        view.signed.receipt.unit_type = self.kind.unit_type();
        view.amount = ODD_AMOUNT;
        Ok(Some(view))
    }

    async fn receipts(&self, _: Option<Address>, _: Option<&str>, _: u32) -> Answer<Page<ReceiptView>> {
        Ok(Page { items: [2, 1].map(receipt).to_vec(), next_cursor: Some("1".to_owned()) })
    }

    async fn miners(&self) -> Answer<Vec<MinerView>> {
        self.working()?;
        Ok(vec![miner()])
    }

    async fn miner(&self, _: Address) -> Answer<MinerView> {
        Ok(miner())
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

    async fn address(&self, address: Address) -> Answer<AddressView> {
        Ok(AddressView {
            address,
            balance: Amount::from_ait(4),
            nonce: 1,
            contract_name: None,
            code_bytes: if address == TOKEN_ADDRESS { 5_000 } else { 0 },
            is_miner: address == MINER,
            transactions: vec![transaction_summary(1)],
        })
    }
}
