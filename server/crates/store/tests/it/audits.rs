//! Audits: opened with their result, answered, ended; and what is taken of a refuted miner.

use shared::amount::Amount;
use shared::api::audits::{AuditState, Opinion};
use shared::api::payments::PlacedTransaction;
use shared::api::receipts::{HoldState, SettlementState};
use shared::comparison::Comparison;
use shared::device::Engine;
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::task::{Task, TaskRole};
use shared::log::LogEntry;
use shared::time::UnixSeconds;
use shared::{Address, B256, chain};
use store::Store;
use store::change::{
    AuditAnswer, AuditChange, BookHolds, BookedHold, CloseRejection, CloseVoid, CompleteTask, LookForClaimsAgain,
    MoveTask, QueueTransaction, RecordMinted, Refuted, RejectionEnd, UpsertMiner, VoidEnd,
};
use store::record::{MovedTask, NewAudit, OutboxPayload, OutboxState, ReceiptRecord};

use super::database::on_both;
use super::fixture::{MINER, NOW, complete, new_job, seal};
use super::settlement::{SIGNER, Written, arrival, completed, minted};

const AUDITOR: Address = Address::repeat_byte(0x22);
const DUE: UnixSeconds = UnixSeconds(5_000);

fn opening() -> AuditChange {
    opening_of(Amount::from_ait(2))
}

/// An audit whose opinions may mint so much.
pub(crate) fn opening_of(mint_max: Amount) -> AuditChange {
    AuditChange::Open(NewAudit {
        manifest_sha256: Sha256Digest::of(b"manifest"),
        engine: Engine { name: "tract".into(), version: "0".into(), provider: "CPU".into() },
        unit_price: Amount::from_ait(1),
        mint_max,
        bits: B256::repeat_byte(9),
        opened_at: NOW,
        deadline: NOW.plus_ms(10),
    })
}

fn task(number: u128, role: TaskRole) -> Task {
    Task { job_id: JobId::from_random(number), role }
}

/// The answer of another miner to an audit.
pub(crate) fn answer(
    number: u128,
    role: TaskRole,
    state: AuditState,
    third: bool,
    refuted: Option<Address>,
) -> CompleteTask {
    let mut change = complete(number);
    let lease_id = LeaseId::from_random(number * 1_000 + role.to_string().len() as u128);
    let life = TaskLife { state: JobState::Completed, lease_id: Some(lease_id), faults: vec![] };
    change.moved = MovedTask { task: task(number, role), life, job: JobState::Completed };
    (change.lease.id, change.lease.task, change.lease.miner) = (lease_id, task(number, role), AUDITOR);
    let signed = &mut change.receipt.signed;
    (signed.receipt.task_role, signed.receipt.provider) = (role, AUDITOR);
    signed.receipt_hash = signed.receipt.hash().unwrap();
    let opinion = Opinion {
        role,
        miner: AUDITOR,
        receipt_hash: signed.receipt_hash,
        determinism_class: "test".into(),
        with_served: Some(Comparison::DIFFERS),
        with_audit: None,
    };
    let refuted = refuted.map(|miner| Refuted { miner, faults: 10, minter: chain::MINTER_ADDRESS });
    let third_until = third.then(|| NOW.plus_ms(20));
    change.audit = Some(AuditChange::Answer(AuditAnswer { opinion, state, third_until, refuted }));
    change
}

async fn served(store: &Store, number: u128) {
    store.write(new_job(number)).await.unwrap();
    store.write(CompleteTask { audit: Some(opening()), ..complete(number) }).await.unwrap();
}

async fn held(store: &Store, number: u128) -> ReceiptRecord {
    let receipt = completed(store, number).await;
    let minted = vec![minted(&receipt, B256::ZERO, 1)];
    store.write(RecordMinted { outbox_id: 0, block_number: 1, minted }).await.unwrap();
    let receipt_hash = receipt.signed.receipt_hash;
    let booked = vec![BookedHold { receipt_hash, provider: MINER, amount: receipt.amount, due: Some(DUE) }];
    store.write(BookHolds { booked }).await.unwrap();
    receipt
}

async fn receipt(store: &Store, of: &ReceiptRecord) -> ReceiptRecord {
    store.find_receipt(of.signed.receipt_hash).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_dispute_and_its_answer_are_kept_and_their_files_are_not_the_jobs() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        served(&store, 1).await;
        let opened = store.find_audit(task(1, TaskRole::Serve)).await.unwrap().unwrap();
        assert_eq!((opened.state, opened.provider, opened.ended_at), (AuditState::Waiting, MINER, None));
        assert_eq!(AuditChange::Open(opened.opened), opening());
        assert_eq!(store.list_open_jobs().await.unwrap().len(), 1, "a restart finds the audit");
        let first = answer(1, TaskRole::Audit, AuditState::Disputed, true, None);
        for _ in 0..2 {
            store.write(first.clone()).await.unwrap();
        }
        let disputed = store.find_audit(task(1, TaskRole::Serve)).await.unwrap().unwrap();
        assert_eq!((disputed.state, disputed.audited_by), (AuditState::Disputed, Some(AUDITOR)));
        assert_eq!((disputed.opinions.len(), disputed.opened.deadline, disputed.ended_at), (1, NOW.plus_ms(20), None));
        let job = store.find_job(JobId::from_random(1)).await.unwrap().unwrap();
        assert_eq!((job.state, job.miner()), (JobState::Completed, Some(MINER)));
        let roles: Vec<TaskRole> = job.tasks.iter().map(|task| task.role).collect();
        assert_eq!(roles, [TaskRole::Serve, TaskRole::Audit, TaskRole::ThirdOpinion]);
        assert_eq!(store.list_artifacts(job.id).await.unwrap().len(), 1);
        assert_eq!(store.list_artifacts_of_task(task(1, TaskRole::Audit)).await.unwrap().len(), 1);
        let of_job = store.find_receipt_of_job(job.id).await.unwrap().unwrap();
        assert_eq!(of_job.signed.receipt.provider, MINER);

        let life = TaskLife::default().apply(TaskEvent::NobodyLeft).unwrap();
        let moved = MovedTask { task: task(1, TaskRole::ThirdOpinion), life, job: JobState::Completed };
        store.write(MoveTask { moved, at: NOW.plus_ms(5), ended: None, seal: seal() }).await.unwrap();
        let ended = store.find_audit(task(1, TaskRole::Serve)).await.unwrap().unwrap();
        assert_eq!((ended.state, ended.ended_at), (AuditState::Disputed, Some(NOW.plus_ms(5))));
        assert!(store.list_open_jobs().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_confirmed_result_that_a_third_miner_computes_as_well_counts_once_and_at_its_end() {
    for answers in [true, false] {
        on_both(async |database| {
            let store = database.open().await;
            store.write(arrival()).await.unwrap();
            store.write(UpsertMiner { address: AUDITOR, ..arrival() }).await.unwrap();
            served(&store, 1).await;
            store.write(answer(1, TaskRole::Audit, AuditState::Confirmed, true, None)).await.unwrap();
            let open = store.find_audit(task(1, TaskRole::Serve)).await.unwrap().unwrap();
            assert_eq!((open.state, open.audited_by, open.ended_at), (AuditState::Confirmed, Some(AUDITOR), None));
            assert_eq!(store.find_miner(MINER).await.unwrap().unwrap().audits_confirmed, 0, "it has not ended");
            if answers {
                let lie = answer(1, TaskRole::ThirdOpinion, AuditState::ThirdRefuted, false, Some(AUDITOR));
                store.write(lie).await.unwrap();
            } else {
                let life = TaskLife::default().apply(TaskEvent::NobodyLeft).unwrap();
                let moved = MovedTask { task: task(1, TaskRole::ThirdOpinion), life, job: JobState::Completed };
                store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
            }
            let ended = store.find_audit(task(1, TaskRole::Serve)).await.unwrap().unwrap();
            let state = if answers { AuditState::ThirdRefuted } else { AuditState::Confirmed };
            assert_eq!((ended.state, ended.ended_at.is_some()), (state, true));
            let miner = store.find_miner(MINER).await.unwrap().unwrap();
            assert_eq!((miner.audits_confirmed, miner.audits_refuted, miner.faults), (1, 0, 0));
            let third = store.find_miner(AUDITOR).await.unwrap().unwrap();
            let lost = if answers { (1, 10) } else { (0, 0) };
            assert_eq!((third.audits_refuted, third.faults), lost);
        })
        .await;
    }
}

#[tokio::test]
async fn an_audit_that_nobody_answers_says_so() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        served(&store, 1).await;
        let life = TaskLife::default().apply(TaskEvent::DeadlinePassed).unwrap();
        let moved = MovedTask { task: task(1, TaskRole::Audit), life, job: JobState::Completed };
        store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
        let audit = store.find_audit(task(1, TaskRole::Serve)).await.unwrap().unwrap();
        assert_eq!((audit.state, audit.ended_at), (AuditState::Unanswered, Some(NOW)));
    })
    .await;
}

#[tokio::test]
async fn a_refuted_miner_loses_what_is_held_and_what_waits_and_nobody_else_loses_anything() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        store.write(UpsertMiner { address: AUDITOR, ..arrival() }).await.unwrap();
        let (held_one, waiting) = (held(&store, 2).await, completed(&store, 3).await);
        served(&store, 1).await;
        store.write(answer(1, TaskRole::Audit, AuditState::Disputed, true, None)).await.unwrap();
        assert!(store.find_receipt_to_void(NOW).await.unwrap().is_none(), "one against one takes nothing");
        store.write(answer(1, TaskRole::ThirdOpinion, AuditState::Refuted, false, Some(MINER))).await.unwrap();

        let audit = store.find_audit(task(1, TaskRole::Serve)).await.unwrap().unwrap();
        assert_eq!((audit.state, audit.refuted, audit.opinions.len()), (AuditState::Refuted, Some(MINER), 2));
        let miner = store.find_miner(MINER).await.unwrap().unwrap();
        assert_eq!((miner.faults, miner.audits_refuted, miner.audits_confirmed), (10, 1, 0));
        let waiting = receipt(&store, &waiting).await;
        assert_eq!(waiting.settlement, SettlementState::Refused);
        assert!(waiting.void_reason.is_some() && waiting.refusal == waiting.void_reason);
        let payable = store.list_receipts_to_pay(chain::MINTER_ADDRESS, NOW, 10).await.unwrap();
        assert!(payable.iter().all(|receipt| receipt.signed.receipt.provider == AUDITOR) && payable.len() == 2);
        let reason = receipt(&store, &held_one).await.void_reason.unwrap();
        assert!(reason.len() <= shared::void::VOID_REASON_MAX_BYTES, "{reason}");
        assert!(store.list_due_holds(DUE.millis(), 10).await.unwrap().is_empty(), "it is not released any more");

        let condemned = store.find_receipt_to_void(NOW).await.unwrap().unwrap();
        assert_eq!(condemned.signed.receipt_hash, held_one.signed.receipt_hash);
        let close = |end| CloseVoid { transaction: None, receipt_hash: condemned.signed.receipt_hash, end };
        store.write(close(VoidEnd::Again { not_before: NOW.plus_ms(1) })).await.unwrap();
        assert!(store.find_receipt_to_void(NOW).await.unwrap().is_none(), "it is tried later");
        for _ in 0..2 {
            store.write(close(VoidEnd::Voided)).await.unwrap();
        }
        assert_eq!(receipt(&store, &held_one).await.hold, Some(HoldState::Voided));
        let miner = store.find_miner(MINER).await.unwrap().unwrap();
        assert_eq!((miner.earned, miner.held), (Amount::ZERO, Amount::ZERO));
        assert!(store.find_receipt_to_void(NOW.plus_ms(1)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_receipt_that_was_paid_before_it_was_refuted_is_looked_after_and_its_rejection_is_logged_once() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        store.write(UpsertMiner { address: AUDITOR, ..arrival() }).await.unwrap();
        let earlier = paid(&store, 2).await;
        served(&store, 1).await;
        let refuted = store.find_receipt_of_job(JobId::from_random(1)).await.unwrap().unwrap();
        pay(&store, &refuted).await;
        store.write(answer(1, TaskRole::Audit, AuditState::Disputed, true, None)).await.unwrap();
        assert!(store.list_refuted_and_paid(NOW, NOW, 10).await.unwrap().is_empty());
        store.write(answer(1, TaskRole::ThirdOpinion, AuditState::Refuted, false, Some(MINER))).await.unwrap();

        let receipt_hash = refuted.signed.receipt_hash;
        let hashes = async |now| {
            let found = store.list_refuted_and_paid(now, NOW, 10).await.unwrap();
            found.iter().map(|receipt| receipt.signed.receipt_hash).collect::<Vec<_>>()
        };
        assert_eq!(hashes(NOW).await, [receipt_hash], "what was honest and paid stays");
        let since = NOW.plus_ms(1);
        assert!(store.list_refuted_and_paid(NOW, since, 10).await.unwrap().is_empty(), "no bounty waits any more");
        assert!(receipt(&store, &earlier).await.void_reason.is_none());
        assert!(store.find_receipt_to_void(NOW).await.unwrap().is_none());
        let not_before = NOW.plus_ms(5);
        store.write(LookForClaimsAgain { receipts: vec![receipt_hash], not_before }).await.unwrap();
        assert_eq!((hashes(NOW).await, hashes(not_before).await), (vec![], vec![receipt_hash]));

        let payload = OutboxPayload::Reject { receipt: receipt_hash, bounty: 4 };
        let queue = QueueTransaction { payload, signer: SIGNER, chain_nonce: 0, transaction: Written, at: NOW };
        let sent = store.write(queue.clone()).await.unwrap();
        let close = |outbox_id, end| CloseRejection { outbox_id, receipt_hash, bounty: 4, end };
        let later = NOW.plus_ms(9);
        let again = RejectionEnd::Again { state: OutboxState::Reverted, block_number: Some(6), not_before: later };
        store.write(close(sent.id, again)).await.unwrap();
        assert_eq!((hashes(not_before).await, rejections(&store).await.len()), (vec![], 0));
        let sent = store.write(queue).await.unwrap();
        let transaction = PlacedTransaction { transaction_hash: sent.transaction_hash, block_number: 7 };
        for _ in 0..2 {
            store.write(close(sent.id, RejectionEnd::Rejected(transaction))).await.unwrap();
        }
        let [LogEntry::Rejection(logged)] = &rejections(&store).await[..] else { panic!("one rejection") };
        assert_eq!((logged.provider, logged.bounty, logged.transaction), (MINER, 4, transaction));
        assert!(logged.reason.contains(&receipt_hash.to_string()), "{}", logged.reason);
    })
    .await;
}

async fn rejections(store: &Store) -> Vec<LogEntry> {
    let entries = super::log::checked(store).await;
    entries.into_iter().filter(|entry| matches!(entry, LogEntry::Rejection(_))).collect()
}

/// The minter paid it at once.
async fn pay(store: &Store, receipt: &ReceiptRecord) {
    let minted = vec![minted(receipt, B256::ZERO, 1)];
    store.write(RecordMinted { outbox_id: 0, block_number: 1, minted }).await.unwrap();
    let receipt_hash = receipt.signed.receipt_hash;
    let booked = vec![BookedHold { receipt_hash, provider: MINER, amount: receipt.amount, due: None }];
    store.write(BookHolds { booked }).await.unwrap();
}

async fn paid(store: &Store, number: u128) -> ReceiptRecord {
    let receipt = completed(store, number).await;
    pay(store, &receipt).await;
    receipt
}
