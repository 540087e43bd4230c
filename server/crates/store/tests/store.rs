//! The store through its public face, on real files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::request::{CreateJob as Request, ValidJob};
use shared::job::task::{Task, TaskRole};
use shared::protocol::{Metering, ReceiptTerms};
use shared::receipt::{Attestation, JobReceipt, ReceiptVersion, SignedReceipt, UnitType};
use shared::time::{UnixMillis, UnixSeconds};
use shared::{Address, B256, Bytes, chain};
use store::change::{CompleteTask, CreateJob, GrantLease, MintedReceipt, MoveTask, RecordMined, StoreBatch};
use store::record::{ArtifactRecord, IdempotencyRecord, LeaseRecord, MovedTask, NewJob, NewReceipt, SponsoredUse};
use store::repository::{JobFilter, Keyset};
use store::{Refusal, Store, StoreError, StoreOptions};

const NOW: UnixMillis = UnixMillis(1_000_000);

fn options(folder: &tempfile::TempDir, max_pages: Option<u32>) -> StoreOptions {
    StoreOptions { database: folder.path().join("hub.sqlite"), artifacts: folder.path().join("artifacts"), max_pages }
}

async fn open() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&options(&folder, None)).await.unwrap();
    (folder, store)
}

fn valid_job() -> ValidJob {
    let request = serde_json::json!({"kind": "image", "input": {"prompt": "a lake"}});
    serde_json::from_value::<Request>(request).unwrap().validate(1, Some("scenes".to_owned())).unwrap()
}

fn new_job(number: u128) -> CreateJob {
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

fn leased(number: u128) -> (LeaseId, TaskLife) {
    let lease_id = LeaseId::from_random(number);
    (lease_id, TaskLife::default().apply(TaskEvent::Leased { lease_id }).unwrap())
}

fn task(number: u128) -> Task {
    Task { job_id: JobId::from_random(number), role: TaskRole::Serve }
}

fn grant(number: u128) -> GrantLease {
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
        miner: Address::repeat_byte(2),
        terms,
        granted_at: NOW,
        deadline: NOW.plus_ms(1_000),
        ended_at: None,
        fault: None,
    };
    GrantLease { lease, moved: MovedTask { task: task(number), life, job: JobState::Running } }
}

fn complete(number: u128) -> CompleteTask {
    let (lease_id, life) = leased(number);
    let life = life.apply(TaskEvent::ResultReceived { lease_id }).unwrap();
    let life = life.apply(TaskEvent::Verified { lease_id }).unwrap();
    let job = valid_job();
    let receipt = JobReceipt {
        version: ReceiptVersion,
        job_id: JobId::from_random(number),
        task_role: TaskRole::Serve,
        provider: Address::repeat_byte(2),
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
        lease_id,
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

#[tokio::test]
async fn a_jobs_life_survives_closing_and_opening() {
    let (folder, store) = open().await;
    store.write(new_job(1)).await.unwrap();
    store.write(grant(1)).await.unwrap();
    store.write(complete(1)).await.unwrap();
    drop(store);
    let store = Store::open(&options(&folder, None)).await.unwrap();
    let job = store.find_job(JobId::from_random(1)).await.unwrap().unwrap();
    assert_eq!((job.state, job.revision, job.finished_at), (JobState::Completed, 3, Some(NOW)));
    assert_eq!(store.list_artifacts(job.id).await.unwrap(), complete(1).artifacts);
    assert_eq!((job.tasks.len(), job.miner()), (1, Some(Address::repeat_byte(2))));
    assert_eq!(job.metering(), Some(Metering::default()));
    let receipt = store.find_receipt_of_task(task(1)).await.unwrap().unwrap();
    assert_eq!(receipt.signed, complete(1).receipt.signed);
    assert_eq!(receipt.settlement, SettlementState::Pending);
    assert!(store.list_open_jobs().await.unwrap().is_empty());
    assert!(store.find_lease(LeaseId::from_random(1)).await.unwrap().unwrap().ended_at.is_some());
}

#[tokio::test]
async fn a_job_completes_once_and_not_after_its_end() {
    let (_folder, store) = open().await;
    store.write(new_job(1)).await.unwrap();
    store.write(complete(1)).await.unwrap();
    assert!(matches!(store.write(complete(1)).await, Err(StoreError::Duplicate("a receipt of this task"))));

    store.write(new_job(2)).await.unwrap();
    let life = TaskLife::default().apply(TaskEvent::Canceled).unwrap();
    let job_id = JobId::from_random(2);
    store
        .write(MoveTask { moved: MovedTask { task: task(2), life, job: JobState::Canceled }, at: NOW, ended: None })
        .await
        .unwrap();
    let late = store.write(complete(2)).await;
    assert!(matches!(late, Err(StoreError::Refused(Refusal::TaskEnded))), "{late:?}");
    assert!(store.find_receipt_of_task(task(2)).await.unwrap().is_none(), "the receipt of a canceled job was kept");
    assert_eq!(store.find_job(job_id).await.unwrap().unwrap().state, JobState::Canceled);
}

#[tokio::test]
async fn one_bad_change_does_not_spoil_its_group() {
    let (_folder, store) = open().await;
    let mut answers = Vec::new();
    for number in [1, 2, 2, 3] {
        answers.push(store.enqueue(new_job(number)).await.unwrap());
    }
    let mut results = Vec::new();
    for answer in answers {
        results.push(answer.await.unwrap().is_ok());
    }
    assert_eq!(results, [true, true, false, true]);
    assert_eq!(store.list_open_jobs().await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_sponsored_quota_holds_per_address_and_in_total() {
    let (_folder, store) = open().await;
    let ask = |number: u128, address: &str| {
        let used = SponsoredUse { day: 1, address: address.into(), limit_per_address: 2, limit_in_total: 3 };
        CreateJob { sponsored: Some(used), ..new_job(number) }
    };
    store.write(ask(1, "10.0.0.1")).await.unwrap();
    store.write(ask(2, "10.0.0.1")).await.unwrap();
    let refused = |result: Result<i64, StoreError>| match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let by_address = refused(store.write(ask(3, "10.0.0.1")).await);
    assert_eq!(by_address, Refusal::SponsoredByAddress { limit: 2 });
    store.write(ask(4, "10.0.0.2")).await.unwrap();
    let in_total = refused(store.write(ask(5, "10.0.0.3")).await);
    assert_eq!(in_total, Refusal::SponsoredInTotal { limit: 3 });
    assert_eq!(store.list_open_jobs().await.unwrap().len(), 3, "a refused job was stored");
}

#[tokio::test]
async fn the_first_answer_is_kept_with_its_job() {
    let (_folder, store) = open().await;
    let first = IdempotencyRecord {
        caller: "key_1".into(),
        key: "abc".into(),
        body_sha256: Sha256Digest::of(b"{}"),
        job_id: JobId::from_random(1),
        answer: "{}".into(),
        created_at: NOW,
    };
    store.write(CreateJob { idempotency: Some(first.clone()), ..new_job(1) }).await.unwrap();
    assert_eq!(store.find_first_answer("key_1", "abc").await.unwrap(), Some(first.clone()));
    assert_eq!(store.find_first_answer("key_2", "abc").await.unwrap(), None);
    let again = store.write(CreateJob { idempotency: Some(first), ..new_job(2) }).await;
    assert!(matches!(again, Err(StoreError::Duplicate(_))));
    assert!(store.find_job(JobId::from_random(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repetition() {
    let (_folder, store) = open().await;
    for number in 1..=7 {
        store.write(new_job(number)).await.unwrap();
    }
    let filter = JobFilter { client: Some(Address::repeat_byte(1)), ..Default::default() };
    let (mut seen, mut before_seq) = (vec![], None);
    loop {
        let rows = store.list_jobs(&filter, Keyset { before_seq, limit: 3 }).await.unwrap();
        let Some(last) = rows.last() else { break };
        before_seq = Some(last.seq);
        seen.extend(rows.iter().map(|row| row.id));
    }
    assert_eq!(seen, (1..=7).rev().map(JobId::from_random).collect::<Vec<_>>());
    let other = JobFilter { client: Some(Address::repeat_byte(9)), ..Default::default() };
    assert!(store.list_jobs(&other, Keyset { before_seq: None, limit: 3 }).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_is_known_before_it_is_sent_and_its_mint_counts_once() {
    let (_folder, store) = open().await;
    store.write(new_job(1)).await.unwrap();
    store.write(complete(1)).await.unwrap();
    let receipt = store.list_receipts_to_mint(NOW, 10).await.unwrap().remove(0);
    let receipt_hash = receipt.signed.receipt_hash;
    let transaction_hash = B256::repeat_byte(9);
    let batch = StoreBatch {
        nonce: 0,
        transaction_hash,
        raw_transaction: Bytes::from_static(&[2, 3]),
        receipts: vec![receipt_hash],
        at: NOW,
    };
    let batch_id = store.write(batch).await.unwrap();
    assert!(store.list_receipts_to_mint(NOW, 10).await.unwrap().is_empty());
    assert_eq!(store.list_open_batches().await.unwrap()[0].raw_transaction, Bytes::from_static(&[2, 3]));
    let minted = MintedReceipt {
        receipt_hash,
        job_id: JobId::from_random(1),
        provider: Address::repeat_byte(2),
        amount: receipt.amount,
    };
    let mined = RecordMined { batch_id, transaction_hash, block_number: 5, minted: vec![minted] };
    store.write(mined.clone()).await.unwrap();
    let revision = store.find_job(JobId::from_random(1)).await.unwrap().unwrap().revision;
    store.write(mined).await.unwrap();
    assert_eq!(store.find_job(JobId::from_random(1)).await.unwrap().unwrap().revision, revision);
    let stored = store.find_receipt(receipt_hash).await.unwrap().unwrap();
    assert_eq!((stored.settlement, stored.block_number), (SettlementState::Minted, Some(5)));
    assert!(store.list_open_batches().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_full_database_says_so_and_keeps_what_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&options(&folder, Some(60))).await.unwrap();
    let mut acknowledged = Vec::new();
    let error = loop {
        let number = acknowledged.len() as u128 + 1;
        match store.write(new_job(number)).await {
            Ok(_) => acknowledged.push(JobId::from_random(number)),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 10_000, "the bound of 60 pages had no effect");
    };
    assert!(matches!(error, StoreError::Full) && error.is_retryable(), "{error}");
    drop(store);
    let store = Store::open(&options(&folder, None)).await.unwrap();
    let kept: Vec<JobId> = store.list_open_jobs().await.unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(kept, acknowledged);
    store.write(new_job(1 << 100)).await.unwrap();
}
