//! Jobs that several miners share: each part is stored by itself, the job ends with the last, and each part is paid.

use shared::amount::Amount;
use shared::api::audits::AuditState;
use shared::api::payments::PaymentState;
use shared::digest::Sha256Digest;
use shared::escrow::TaskCount;
use shared::failure::{FailureEnd, SignedFailure};
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Blame, Fault, JobState, TaskEvent, TaskLife};
use shared::job::task::{Task, TaskRole};
use shared::log::LogEntry;
use shared::log::entry::EntryKind;
use shared::protocol::Metering;
use shared::{Address, B256, chain};
use store::Store;
use store::change::{
    AuditChange, CompleteTask, CreateJob, GrantLease, MintedReceipt, MovePayment, MoveTask, PaymentMove, RecordSettled,
    SettledReceipt,
};
use store::record::{ArtifactRecord, MovedTask, NewAudit, OutboxPayload};

use super::database::on_both;
use super::fixture::{NOW, complete, grant, new_job, seal, visitor_use};
use super::payments::{PLACED, paid_job, queue, step};
use super::settlement::arrival;

const ROLES: [TaskRole; 2] = [TaskRole::Shard(0), TaskRole::Shard(1)];

fn id() -> JobId {
    JobId::from_random(1)
}

fn of(role: TaskRole) -> Task {
    Task { job_id: id(), role }
}

/// Number of a shard, for ids.
fn number(role: TaskRole) -> u8 {
    u8::from(role == ROLES[1])
}

fn miner(role: TaskRole) -> Address {
    Address::repeat_byte(0x20 + number(role))
}

fn lease_id(role: TaskRole) -> LeaseId {
    LeaseId::from_random(100 + u128::from(number(role)))
}

fn shared_job(mut job: CreateJob) -> CreateJob {
    job.job.tasks = ROLES.to_vec();
    job
}

fn granted(role: TaskRole) -> GrantLease {
    let mut change = grant(1);
    let life = TaskLife::default().apply(TaskEvent::Leased { lease_id: lease_id(role) }).unwrap();
    (change.lease.id, change.lease.task, change.lease.miner) = (lease_id(role), of(role), miner(role));
    change.lease.granted_at = NOW.plus_ms(10 * u64::from(number(role)));
    change.moved = MovedTask { task: of(role), life, job: JobState::Running };
    change
}

fn picture(position: u32) -> ArtifactRecord {
    let sha256 = Sha256Digest::of(&position.to_be_bytes());
    ArtifactRecord { position, sha256, media_type: "image/png".into(), bytes: 4, flagged: false, removed_at: None }
}

/// The result of a shard of two pictures. `job` is what the board makes of it.
fn drawn(role: TaskRole, job: JobState) -> CompleteTask {
    let mut change = complete(1);
    let lease_id = lease_id(role);
    let life = TaskLife { state: JobState::Completed, lease_id: Some(lease_id), faults: vec![] };
    change.moved = MovedTask { task: of(role), life, job };
    change.lease = granted(role).lease;
    let first = 2 * u32::from(number(role));
    change.artifacts = vec![picture(first), picture(first + 1)];
    change.metering = Metering { duration_ms: 50 + u64::from(number(role)), cpu_ms: 7, ..Metering::default() };
    let signed = &mut change.receipt.signed;
    (signed.receipt.task_role, signed.receipt.provider) = (role, miner(role));
    signed.receipt_hash = signed.receipt.hash().unwrap();
    change
}

fn drawn_for_pay(role: TaskRole) -> CompleteTask {
    let mut change = drawn(role, JobState::Running);
    change.receipt.signed.receipt.contract = chain::ESCROW_ADDRESS;
    change.receipt.signed.receipt_hash = change.receipt.signed.receipt.hash().unwrap();
    change
}

fn lost(role: TaskRole, job: JobState) -> MoveTask {
    let (lease_id, blame) = (lease_id(role), Blame::Network);
    let fault = Fault { lease_id, blame, reason: "the connection was lost".into() };
    let life = TaskLife { state: JobState::Failed, lease_id: None, faults: vec![fault.clone()] };
    let miner = miner(role);
    let ended = Some(store::change::EndedLease { lease_id, miner, received_at: None, fault: Some(fault) });
    MoveTask { moved: MovedTask { task: of(role), life, job }, at: NOW.plus_ms(900), ended, seal: seal() }
}

async fn begun(store: &Store, job: CreateJob) {
    store.write(arrival()).await.unwrap();
    store.write(shared_job(job)).await.unwrap();
    for role in [ROLES[1], ROLES[0]] {
        store.write(granted(role)).await.unwrap();
    }
}

async fn state(store: &Store) -> JobState {
    store.find_job(id()).await.unwrap().unwrap().state
}

async fn failure(store: &Store) -> Option<SignedFailure> {
    let found = store.find_logged(EntryKind::Failure, &id().to_string()).await.unwrap()?;
    let LogEntry::Failure(signed) = found.entry().unwrap() else { panic!("another kind") };
    signed.verify().unwrap();
    Some(signed)
}

#[tokio::test]
async fn the_pictures_of_all_shards_stand_in_order_and_the_job_ends_with_the_last_of_them() {
    on_both(async |database| {
        let store = database.open().await;
        begun(&store, new_job(1)).await;
        let job = store.find_job(id()).await.unwrap().unwrap();
        assert_eq!((job.state, job.started_at), (JobState::Running, Some(NOW.plus_ms(10))), "since the first lease");
        assert_eq!(job.tasks.iter().map(|task| task.miner).collect::<Vec<_>>(), ROLES.map(|role| Some(miner(role))));
        // The board knows of the end of both, and the first of them is not on the disk yet.
        for _ in 0..2 {
            store.write(drawn(ROLES[1], JobState::Completed)).await.unwrap();
        }
        assert_eq!(state(&store).await, JobState::Running, "the disk does not know of the other");
        assert_eq!(store.list_artifacts(id()).await.unwrap(), [picture(2), picture(3)]);
        assert_eq!(store.list_open_jobs().await.unwrap().len(), 1, "a restart goes on with the other");
        store.write(drawn(ROLES[0], JobState::Running)).await.unwrap();
        let job = store.find_job(id()).await.unwrap().unwrap();
        assert_eq!((job.state, job.finished_at), (JobState::Completed, Some(NOW)));
        assert_eq!(store.list_artifacts(id()).await.unwrap(), [0, 1, 2, 3].map(picture));
        let took = job.metering().unwrap();
        assert_eq!((took.duration_ms, took.cpu_ms, job.miner()), (51, 14, Some(miner(ROLES[0]))));
        let receipts = store.list_receipts_of_jobs(&[id()]).await.unwrap().remove(&id()).unwrap();
        assert_eq!(receipts.iter().map(|receipt| receipt.role).collect::<Vec<_>>(), ROLES);
        let measured = store.list_measured_results(9).await.unwrap();
        assert_eq!(measured.iter().map(|one| one.miner).collect::<Vec<_>>(), [miner(ROLES[1]), miner(ROLES[0])]);
        assert!(failure(&store).await.is_none() && store.list_open_jobs().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_job_that_lacks_a_part_fails_when_all_are_over_keeps_the_others_and_says_so() {
    for lost_last in [true, false] {
        on_both(async |database| {
            let store = database.open().await;
            let most = (9, Amount::from_ait(1_000));
            let daily = visitor_use("10.0.0.1", Amount::from_ait(100), most, most);
            begun(&store, CreateJob { daily: Some(daily), ..new_job(1) }).await;
            let kept = drawn(ROLES[0], JobState::Running);
            if lost_last {
                store.write(kept).await.unwrap();
                assert_eq!(state(&store).await, JobState::Running);
                store.write(lost(ROLES[1], JobState::Failed)).await.unwrap();
            } else {
                store.write(lost(ROLES[1], JobState::Running)).await.unwrap();
                assert_eq!(state(&store).await, JobState::Running, "the other one is still drawn");
                assert!(failure(&store).await.is_none());
                store.write(kept).await.unwrap();
            }
            assert_eq!(state(&store).await, JobState::Failed);
            assert_eq!(store.list_artifacts(id()).await.unwrap(), [picture(0), picture(1)]);
            assert!(store.find_receipt_of_task(of(ROLES[0])).await.unwrap().is_some());
            let record = failure(&store).await.unwrap().failure;
            assert_eq!((record.end, record.tries_in_all), (FailureEnd::Failed, 2));
            assert!(record.reason.starts_with("1 of its 2 parts were served; of the rest: "), "{}", record.reason);
            let blames: Vec<_> = record.tries.iter().map(|one| (one.task_role, one.blame)).collect();
            assert!(blames.contains(&(ROLES[0], None)) && blames.contains(&(ROLES[1], Some(Blame::Network))));
            // What was drawn counts in the day's quota, and nothing more.
            let own = (9, Amount::from_ait(1_000));
            let rest = visitor_use("10.0.0.1", Amount::from_ait(990), own, own);
            store.write(CreateJob { daily: Some(rest), ..new_job(2) }).await.unwrap();
        })
        .await;
    }
}

fn settled(change: &CompleteTask) -> RecordSettled {
    let (receipt, amount) = (&change.receipt.signed, change.receipt.amount);
    let fee = Amount::from_atto(1);
    let receipt = MintedReceipt {
        receipt_hash: receipt.receipt_hash,
        job_id: id(),
        provider: receipt.receipt.provider,
        amount,
        transaction_hash: B256::repeat_byte(5),
        block_number: 6,
    };
    let paid = amount.checked_sub(fee).unwrap();
    RecordSettled { closes: None, settled: vec![SettledReceipt { receipt, paid, fee }], at: NOW }
}

async fn reserved(store: &Store) {
    let mut job = paid_job(1);
    let order = job.payment.as_mut().unwrap();
    order.order.tasks = TaskCount::try_from(2).unwrap();
    order.order.max_total = Amount::from_ait(100);
    begun(store, job).await;
    let to = PaymentMove::Reserved(PLACED);
    assert!(store.write(step(None, 1, PaymentState::Awaiting, to)).await.unwrap());
}

#[tokio::test]
async fn each_shard_is_paid_by_itself_and_the_last_one_settles_the_payment() {
    on_both(async |database| {
        let store = database.open().await;
        reserved(&store).await;
        let parts = ROLES.map(drawn_for_pay);
        for part in &parts {
            store.write(part.clone()).await.unwrap();
        }
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty(), "both wait for their pay");
        for _ in 0..2 {
            store.write(settled(&parts[0])).await.unwrap();
        }
        let one = store.find_payment(id()).await.unwrap().unwrap();
        let each = parts[0].receipt.amount;
        assert_eq!((one.state, one.refunded, one.ended_in), (PaymentState::Reserved, None, None));
        assert_eq!((one.paid, one.fee), (each.checked_sub(Amount::from_atto(1)), Some(Amount::from_atto(1))));
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty());
        store.write(settled(&parts[1])).await.unwrap();
        let both = store.find_payment(id()).await.unwrap().unwrap();
        let spent = each.checked_add(each).unwrap();
        assert_eq!((both.state, both.fee), (PaymentState::Settled, Some(Amount::from_atto(2))));
        assert_eq!(both.paid, spent.checked_sub(Amount::from_atto(2)));
        assert_eq!(both.refunded, Amount::from_ait(100).checked_sub(spent));
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_reserved_for_a_lost_part_goes_back_once_the_others_are_paid() {
    on_both(async |database| {
        let store = database.open().await;
        reserved(&store).await;
        let part = drawn_for_pay(ROLES[0]);
        store.write(part.clone()).await.unwrap();
        store.write(lost(ROLES[1], JobState::Failed)).await.unwrap();
        assert!(store.list_payments_to_close(NOW, 9).await.unwrap().is_empty(), "first the part that was drawn");
        store.write(settled(&part)).await.unwrap();
        assert_eq!(store.list_payments_to_close(NOW, 9).await.unwrap().len(), 1);
        let sent = store.write(queue(OutboxPayload::Close { job_id: id() })).await.unwrap();
        let rest = Amount::from_ait(100).checked_sub(part.receipt.amount).unwrap();
        let to = PaymentMove::Refunded { amount: rest, ended_in: PLACED };
        let change: MovePayment = step(Some(&sent), 1, PaymentState::Closing, to);
        assert!(store.write(change.clone()).await.unwrap() && !store.write(change).await.unwrap());
        let payment = store.find_payment(id()).await.unwrap().unwrap();
        assert_eq!(
            (payment.state, payment.refunded, payment.ended_in),
            (PaymentState::Settled, Some(rest), Some(PLACED))
        );
        assert!(payment.paid.is_some());
    })
    .await;
}

#[tokio::test]
async fn each_shard_has_an_audit_of_its_own() {
    on_both(async |database| {
        let store = database.open().await;
        begun(&store, new_job(1)).await;
        let opening = |bits: u8| {
            AuditChange::Open(NewAudit {
                manifest_sha256: Sha256Digest::of(b"manifest"),
                engine: shared::device::Engine { name: "tract".into(), version: "0".into(), provider: "CPU".into() },
                unit_price: Amount::from_ait(1),
                mint_max: Amount::from_ait(2),
                bits: B256::repeat_byte(bits),
                opened_at: NOW,
                deadline: NOW.plus_ms(10),
            })
        };
        for (role, bits) in ROLES.into_iter().zip(1..) {
            store.write(CompleteTask { audit: Some(opening(bits)), ..drawn(role, JobState::Running) }).await.unwrap();
        }
        let job = store.find_job(id()).await.unwrap().unwrap();
        let roles: Vec<_> = job.tasks.iter().map(|task| task.role).collect();
        assert_eq!(roles, [ROLES[0], ROLES[1], TaskRole::ShardAudit(0), TaskRole::ShardAudit(1)]);
        assert_eq!(job.state, JobState::Completed);
        // Nobody answers that of the first.
        let life = TaskLife::default().apply(TaskEvent::NobodyLeft).unwrap();
        let moved = MovedTask { task: of(TaskRole::ShardAudit(0)), life, job: JobState::Completed };
        store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
        let audits = store.find_audits(&[id()]).await.unwrap();
        let of_shard = |role| &audits[&of(role)];
        assert_eq!((of_shard(ROLES[0]).state, of_shard(ROLES[1]).state), (AuditState::Unanswered, AuditState::Waiting));
        assert_eq!((of_shard(ROLES[0]).provider, of_shard(ROLES[1]).provider), (miner(ROLES[0]), miner(ROLES[1])));
        assert_eq!(store.list_open_jobs().await.unwrap().len(), 1, "a restart finds the other audit");
    })
    .await;
}
