//! A small job, its lease and its result.

use std::sync::Arc;

use shared::amount::Amount;
use shared::commitment::Salt;
use shared::digest::Sha256Digest;
use shared::failure::{JobFailure, SignedFailure};
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::request::{CreateJob as Request, Drawn, ValidJob};
use shared::job::task::{Task, TaskRole};
use shared::protocol::{Metering, ReceiptTerms};
use shared::receipt::{Attestation, JobReceipt, ReceiptVersion, SignedReceipt};
use shared::signing::PrivateKey;
use shared::time::{UnixMillis, UnixSeconds};
use shared::unit::UnitType;
use shared::{Address, B256, Bytes, chain};
use store::change::{CompleteTask, CreateJob, GrantLease, SealFailure};
use store::record::{ArtifactRecord, DailyAccount, DailyUse, LeaseRecord, MovedTask, NewJob, NewReceipt, Whose};

/// The hub's key.
#[derive(Debug)]
pub(crate) struct TestSeal(PrivateKey);

impl SealFailure for TestSeal {
    fn hub(&self) -> Address {
        self.0.address()
    }

    fn chain_id(&self) -> u64 {
        chain::DEV_CHAIN_ID
    }

    fn seal(&self, failure: JobFailure) -> Result<SignedFailure, String> {
        SignedFailure::seal(failure, &self.0).map_err(|error| error.to_string())
    }
}

pub(crate) fn seal() -> Arc<TestSeal> {
    Arc::new(TestSeal(PrivateKey::from_bytes(&[7; 32]).unwrap()))
}

pub(crate) const NOW: UnixMillis = UnixMillis(1_000_000);

/// Who serves every job.
pub(crate) const MINER: Address = Address::repeat_byte(2);

const DRAWN: Drawn = Drawn { seed: 1, salt: Salt(B256::repeat_byte(0x73)) };

pub(crate) fn valid_job() -> ValidJob {
    let request = serde_json::json!({"kind": "image", "input": {"prompt": "a lake"}});
    serde_json::from_value::<Request>(request).unwrap().validate(DRAWN, Some("scenes".to_owned())).unwrap()
}

pub(crate) fn new_job(number: u128) -> CreateJob {
    let job = NewJob {
        id: JobId::from_random(number),
        client: Address::repeat_byte(1),
        sponsored: true,
        creator_sha256: Some(Sha256Digest::of(b"token")),
        job: valid_job(),
        tasks: vec![TaskRole::Serve],
        created_at: NOW,
        deadline: NOW.plus_ms(900_000),
        unaudited: None,
    };
    CreateJob { job, daily: None, asked_from: None, idempotency: None, payment: None, bid: None }
}

/// A visitor's job that may mint `amount`, within these limits of the address and of everybody.
pub(crate) fn visitor_use(address: &str, amount: Amount, own: (u32, Amount), of_all: (u32, Amount)) -> DailyUse {
    let account = |name: &str, whose, (jobs, mint_max): (u32, Amount)| DailyAccount {
        name: name.into(),
        whose,
        jobs_max: Some(jobs),
        mint_max,
    };
    let accounts = vec![account(address, Whose::Visitor, own), account("", Whose::Visitors, of_all)];
    DailyUse { day: 1, counts_as_job: true, amount, accounts }
}

pub(crate) fn leased(number: u128) -> (LeaseId, TaskLife) {
    let lease_id = LeaseId::from_random(number);
    (lease_id, TaskLife::default().apply(TaskEvent::Leased { lease_id }).unwrap())
}

pub(crate) fn task(number: u128) -> Task {
    Task { job_id: JobId::from_random(number), role: TaskRole::Serve }
}

pub(crate) fn grant(number: u128) -> GrantLease {
    let (id, life) = leased(number);
    let terms = ReceiptTerms {
        client: Address::repeat_byte(1),
        units: valid_job().work.units(),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(1),
        expires_at: shared::receipt::expires_at(NOW),
        hub_id: "test-hub".into(),
        chain_id: chain::DEV_CHAIN_ID,
        contract: chain::MINTER_ADDRESS,
    };
    let lease = LeaseRecord {
        id,
        task: task(number),
        miner: MINER,
        terms,
        granted_at: NOW,
        deadline: NOW.plus_ms(1_000),
        ended_at: None,
        fault: None,
    };
    GrantLease { lease, moved: MovedTask { task: task(number), life, job: JobState::Running } }
}

pub(crate) fn complete(number: u128) -> CompleteTask {
    let (lease_id, life) = leased(number);
    let life = life.apply(TaskEvent::ResultReceived { lease_id }).unwrap();
    let life = life.apply(TaskEvent::Verified { lease_id }).unwrap();
    let job = valid_job();
    let receipt = JobReceipt {
        version: ReceiptVersion,
        job_id: JobId::from_random(number),
        task_role: TaskRole::Serve,
        provider: MINER,
        client: Address::repeat_byte(1),
        units: job.work.units(),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_ait(1),
        model: job.model.clone(),
        prompt_commitment: job.salt.commit_prompt(job.work.prompt_hash()),
        result_commitment: job.salt.commit_result(Sha256Digest::of(b"picture")),
        started_at: UnixSeconds(1_000),
        finished_at: UnixSeconds(1_001),
        expires_at: shared::receipt::expires_at(NOW),
        nonce: B256::repeat_byte(7),
        hub_id: "test-hub".into(),
        chain_id: chain::DEV_CHAIN_ID,
        contract: chain::MINTER_ADDRESS,
        determinism_class: "test".into(),
        trace_commitment: None,
        shares: vec![],
    };
    let signed = SignedReceipt {
        receipt_hash: receipt.hash().unwrap(),
        miner_signature: Bytes::from_static(&[1; 65]),
        attestations: vec![Attestation { attester: Address::repeat_byte(3), signature: Bytes::from_static(&[2; 65]) }],
        receipt,
    };
    let amount = signed.receipt.amount().unwrap();
    CompleteTask {
        moved: MovedTask { task: task(number), life, job: JobState::Completed },
        lease: grant(number).lease,
        at: NOW,
        metering: Metering::default(),
        artifacts: vec![ArtifactRecord {
            position: 0,
            sha256: Sha256Digest::of(b"picture"),
            media_type: "image/png".into(),
            bytes: 7,
            flagged: true,
            removed_at: None,
        }],
        receipt: NewReceipt { signed, amount, attested_at: NOW },
        audit: None,
        seal: seal(),
    }
}
