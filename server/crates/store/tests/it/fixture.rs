//! A small job, its lease and its result.

use shared::amount::Amount;
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::request::{CreateJob as Request, ValidJob};
use shared::job::task::{Task, TaskRole};
use shared::protocol::{Metering, ReceiptTerms};
use shared::receipt::{Attestation, JobReceipt, ReceiptVersion, SignedReceipt};
use shared::time::{UnixMillis, UnixSeconds};
use shared::unit::UnitType;
use shared::{Address, B256, Bytes, chain};
use store::change::{CompleteTask, CreateJob, GrantLease};
use store::record::{ArtifactRecord, LeaseRecord, MovedTask, NewJob, NewReceipt};

pub(crate) const NOW: UnixMillis = UnixMillis(1_000_000);

/// Who serves every job.
pub(crate) const MINER: Address = Address::repeat_byte(2);

pub(crate) fn valid_job() -> ValidJob {
    let request = serde_json::json!({"kind": "image", "input": {"prompt": "a lake"}});
    serde_json::from_value::<Request>(request).unwrap().validate(1, Some("scenes".to_owned())).unwrap()
}

pub(crate) fn new_job(number: u128) -> CreateJob {
    let job = NewJob {
        id: JobId::from_random(number),
        client: Address::repeat_byte(1),
        sponsored: true,
        job: valid_job(),
        tasks: vec![TaskRole::Serve],
        created_at: NOW,
        deadline: NOW.plus_ms(900_000),
    };
    CreateJob { job, sponsored: None, idempotency: None }
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
        prompt_hash: job.work.prompt_hash(),
        artifact_sha256: Sha256Digest::of(b"picture"),
        started_at: UnixSeconds(1_000),
        finished_at: UnixSeconds(1_001),
        expires_at: shared::receipt::expires_at(NOW),
        nonce: B256::repeat_byte(7),
        hub_id: "test-hub".into(),
        chain_id: chain::DEV_CHAIN_ID,
        contract: chain::MINTER_ADDRESS,
        determinism_class: "test".into(),
        trace_root: None,
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
            sha256: Sha256Digest::of(b"picture"),
            media_type: "image/png".into(),
            bytes: 7,
            flagged: true,
        }],
        receipt: NewReceipt { signed, amount, attested_at: NOW },
    }
}
