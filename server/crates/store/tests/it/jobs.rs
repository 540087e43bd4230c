//! Jobs, first answers, quotas and calls.

use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Blame, Fault, JobState, TaskEvent, TaskLife};
use shared::protocol::Metering;
use shared::{Address, B256};
use store::change::{CreateJob, EndedLease, MoveTask};
use store::record::{IdempotencyRecord, MovedTask};
use store::repository::{JobFilter, Keyset};
use store::{Refusal, Store, StoreError, StoreOptions};

use super::database::{TestDatabase, on_both};
use super::fixture::{MINER, NOW, complete, grant, new_job, seal, task, visitor_use};
use super::settlement::arrival;

#[tokio::test]
async fn a_jobs_life_survives_closing_and_opening() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(new_job(1)).await.unwrap();
        store.write(grant(1)).await.unwrap();
        store.write(complete(1)).await.unwrap();
        drop(store);
        let store = database.open().await;
        let job = store.find_job(JobId::from_random(1)).await.unwrap().unwrap();
        assert_eq!((job.state, job.revision, job.finished_at), (JobState::Completed, 3, Some(NOW)));
        assert_eq!(store.list_artifacts(job.id).await.unwrap(), complete(1).artifacts);
        assert_eq!((job.tasks.len(), job.miner(), job.metering()), (1, Some(MINER), Some(Metering::default())));
        let receipt = store.find_receipt_of_task(task(1)).await.unwrap().unwrap();
        assert_eq!(receipt.signed, complete(1).receipt.signed);
        assert_eq!(receipt.settlement, SettlementState::Pending);
        assert!(store.list_open_jobs().await.unwrap().is_empty());
        assert!(store.find_lease(LeaseId::from_random(1)).await.unwrap().unwrap().ended_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_job_completes_once_and_not_after_its_end() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(new_job(1)).await.unwrap();
        store.write(complete(1)).await.unwrap();
        let mut other = complete(1);
        other.receipt.signed.receipt_hash = B256::repeat_byte(8);
        assert!(matches!(store.write(other).await, Err(StoreError::Duplicate("a receipt of this task"))));

        store.write(new_job(2)).await.unwrap();
        let life = TaskLife::default().apply(TaskEvent::Canceled).unwrap();
        let job_id = JobId::from_random(2);
        let moved = MovedTask { task: task(2), life, job: JobState::Canceled };
        store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
        let late = store.write(complete(2)).await;
        assert!(matches!(late, Err(StoreError::Refused(Refusal::TaskEnded))), "{late:?}");
        assert!(store.find_receipt_of_task(task(2)).await.unwrap().is_none(), "the receipt of a canceled job was kept");
        assert_eq!(store.find_job(job_id).await.unwrap().unwrap().state, JobState::Canceled);
    })
    .await;
}

#[tokio::test]
async fn one_bad_change_does_not_spoil_its_group() {
    on_both(async |database| {
        let store = database.open().await;
        let mut answers = Vec::new();
        let used = visitor_use("nobody", Amount::ZERO, (0, Amount::ZERO), (0, Amount::ZERO));
        let refused = CreateJob { daily: Some(used), ..new_job(4) };
        for job in [new_job(1), new_job(2), refused, new_job(3)] {
            answers.push(store.enqueue(job).await.unwrap());
        }
        let mut results = Vec::new();
        for answer in answers {
            results.push(answer.await.unwrap().is_ok());
        }
        assert_eq!(results, [true, true, false, true]);
        assert_eq!(store.list_open_jobs().await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn the_first_answer_is_kept_with_its_job() {
    on_both(async |database| {
        let store = database.open().await;
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
    })
    .await;
}

/// A connection that breaks during `COMMIT` leaves open whether a change was stored, and the change comes again.
#[tokio::test]
async fn a_change_that_comes_again_after_it_was_stored_counts_once() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let one = (1, Amount::from_ait(2));
        let used = visitor_use("10.0.0.1", Amount::from_ait(2), one, one);
        let first = IdempotencyRecord {
            caller: "key_1".into(),
            key: "abc".into(),
            body_sha256: Sha256Digest::of(b"{}"),
            job_id: JobId::from_random(1),
            answer: "{}".into(),
            created_at: NOW,
        };
        let job = CreateJob { daily: Some(used), idempotency: Some(first), ..new_job(1) };
        let seq = store.write(job.clone()).await.unwrap();
        assert_eq!(store.write(job).await.unwrap(), seq);

        let fault = Fault { lease_id: LeaseId::from_random(1), blame: Blame::Miner, reason: "late".into() };
        let ended = Some(EndedLease { lease_id: fault.lease_id, miner: MINER, received_at: None, fault: Some(fault) });
        let moved = MovedTask { task: task(1), life: TaskLife::default(), job: JobState::Queued };
        for _ in 0..2 {
            store.write(grant(1)).await.unwrap();
        }
        for _ in 0..2 {
            store.write(MoveTask { moved: moved.clone(), at: NOW, ended: ended.clone(), seal: seal() }).await.unwrap();
        }
        for _ in 0..2 {
            store.write(complete(1)).await.unwrap();
        }
        let miner = store.find_miner(MINER).await.unwrap().unwrap();
        assert_eq!((miner.jobs_completed, miner.faults), (1, 1));
        assert_eq!(miner.pending, complete(1).receipt.amount);
        assert_eq!(store.list_artifacts(JobId::from_random(1)).await.unwrap(), complete(1).artifacts);
    })
    .await;
}

#[tokio::test]
async fn a_result_brings_its_lease_where_a_full_disk_refused_it_before() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(new_job(1)).await.unwrap();
        store.write(complete(1)).await.unwrap();
        let lease = store.find_lease(LeaseId::from_random(1)).await.unwrap().unwrap();
        assert_eq!((lease.miner, lease.ended_at, lease.fault), (MINER, Some(NOW), None));
    })
    .await;
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repetition() {
    on_both(async |database| {
        let store = database.open().await;
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
    })
    .await;
}

/// Only SQLite has a bound that a test can reach without filling a disk.
#[tokio::test]
async fn a_full_database_says_so_and_keeps_what_it_acknowledged() {
    let database = TestDatabase::sqlite();
    let bounded = StoreOptions { max_pages: Some(240), ..database.options("test-hub") };
    let store = Store::open(&bounded).await.unwrap();
    let mut acknowledged = Vec::new();
    let error = loop {
        let number = acknowledged.len() as u128 + 1;
        match store.write(new_job(number)).await {
            Ok(_) => acknowledged.push(JobId::from_random(number)),
            Err(error) => break error,
        }
        assert!(acknowledged.len() < 10_000, "the bound of 240 pages had no effect");
    };
    assert!(matches!(error, StoreError::Full) && error.is_retryable(), "{error}");
    drop(store);
    let store = database.open().await;
    let kept: Vec<JobId> = store.list_open_jobs().await.unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(kept, acknowledged);
    store.write(new_job(1 << 100)).await.unwrap();
}

#[tokio::test]
async fn what_results_took_is_read_back_in_their_order() {
    on_both(async |database| {
        let store = database.open().await;
        for number in 1..=3 {
            store.write(new_job(number)).await.unwrap();
            store.write(grant(number)).await.unwrap();
        }
        // The second job has no result yet.
        for (number, elapsed_ms) in [(1, 4_000), (3, 250)] {
            let mut done = complete(number);
            done.at = NOW.plus_ms(elapsed_ms);
            store.write(done).await.unwrap();
        }
        let measured = store.list_measured_results(10).await.unwrap();
        let taken: Vec<u64> = measured.iter().map(|result| result.elapsed_ms).collect();
        assert_eq!(taken, [4_000, 250], "the oldest first, and only what ended in a result");
        let receipt = complete(1).receipt.signed.receipt;
        assert_eq!((measured[0].miner, &measured[0].model, measured[0].units), (MINER, &receipt.model, receipt.units));
        assert_eq!(measured[0].kind, shared::job::JobKind::Image);
        assert_eq!(store.list_measured_results(1).await.unwrap(), measured[1..], "the newest count");
        let other = database.open_as("other-hub").await;
        assert_eq!(other.list_measured_results(10).await.unwrap(), [], "another hub measured nothing");
    })
    .await;
}
