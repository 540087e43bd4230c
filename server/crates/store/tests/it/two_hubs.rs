//! Two hubs over one database: what they count together is exact, and neither touches what is the other's.

use std::collections::BTreeSet;

use shared::Address;
use shared::amount::Amount;
use shared::id::JobId;
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use store::change::{CreateJob, MoveTask, RecordMinted, TakeCall};
use store::record::{MovedTask, Whose};
use store::{Refusal, Store, StoreError};

use super::database::{TestDatabase, on_both};
use super::fixture::{MINER, NOW, complete, new_job, seal, task, visitor_use};
use super::settlement::{SIGNER, Written, arrival, mint, minted};

const JOBS_PER_HUB: u128 = 40;

const SPONSORED: u32 = 50;

#[tokio::test]
async fn a_hub_takes_over_its_own_rows_only() {
    on_both(async |database| {
        let (first, second) = (database.open_as("first").await, database.open_as("second").await);
        first.write(new_job(1)).await.unwrap();
        second.write(new_job(2)).await.unwrap();
        second.write(new_job(3)).await.unwrap();
        second.write(complete(3)).await.unwrap();
        let open = async |store: &Store| {
            let jobs = store.list_open_jobs().await.unwrap();
            jobs.into_iter().map(|job| job.id).collect::<Vec<JobId>>()
        };
        assert_eq!(open(&first).await, [JobId::from_random(1)]);
        assert_eq!(open(&second).await, [JobId::from_random(2)]);
        assert!(first.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 10).await.unwrap().is_empty());
        let receipt = second.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 10).await.unwrap().remove(0);
        second.write(mint(vec![receipt.signed.receipt_hash], 0, Written)).await.unwrap();
        first.write(mint(vec![], 0, Written)).await.unwrap();
        // Both hubs sign with one key here, so each sends what either has signed, by nonce; else a hub that is away
        // would hold up the other.
        for store in [&first, &second] {
            let open = store.list_open_transactions(SIGNER).await.unwrap();
            assert_eq!(open.iter().map(|transaction| transaction.nonce).collect::<Vec<_>>(), [0, 1]);
        }
        let other_key = Address::repeat_byte(1);
        assert!(first.list_open_transactions(other_key).await.unwrap().is_empty());

        let life = TaskLife::default().apply(TaskEvent::Canceled).unwrap();
        let job_id = JobId::from_random(2);
        let moved = MovedTask { task: task(2), life, job: JobState::Canceled };
        first.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
        assert_eq!(second.find_job(job_id).await.unwrap().unwrap().state, JobState::Queued);
        let stolen = first.write(complete(2)).await;
        assert!(matches!(stolen, Err(StoreError::Refused(Refusal::TaskEnded))), "{stolen:?}");
    })
    .await;
}

/// Jobs, quota, calls, nonces and sums of two hubs at once. SQLite lets two processes write too, one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hubs_lose_nothing_and_double_nothing() {
    on_both(async |database| race(&database).await).await;
}

async fn race(database: &TestDatabase) {
    let (first, second) = tokio::join!(database.open_as("first"), database.open_as("second"));
    first.write(arrival()).await.unwrap();
    let (one, other) = tokio::join!(work(first.clone(), 0), work(second.clone(), JOBS_PER_HUB));
    let accepted = one.accepted + other.accepted;
    assert_eq!(accepted, u64::from(SPONSORED), "the quota of both together");
    assert_eq!(one.calls + other.calls, 10, "the bucket of both together");
    let nonces: BTreeSet<u64> = one.nonces.iter().chain(&other.nonces).copied().collect();
    assert_eq!(nonces, (0..accepted).collect(), "each nonce once, without a gap");
    let miner = first.find_miner(MINER).await.unwrap().unwrap();
    let amount = complete(1).receipt.amount.atto();
    assert_eq!(miner.jobs_completed, accepted);
    assert_eq!((miner.earned.atto(), miner.pending.atto()), (amount * u128::from(accepted), 0));
    for store in [&first, &second] {
        assert!(store.list_open_jobs().await.unwrap().is_empty());
        assert!(store.list_open_transactions(SIGNER).await.unwrap().is_empty());
        assert!(store.list_receipts_to_pay(shared::chain::MINTER_ADDRESS, NOW, 100).await.unwrap().is_empty());
    }
}

#[derive(Debug, Default)]
struct Done {
    accepted: u64,
    calls: u64,
    nonces: Vec<u64>,
}

/// One hub's work: jobs as far as the quota lets it, each completed and minted. All changes are handed in before any
/// answer is awaited, so that both hubs write groups.
async fn work(store: Store, offset: u128) -> Done {
    let mut done = Done::default();
    let mut created = Vec::new();
    for number in offset..offset + JOBS_PER_HUB {
        let address = format!("10.0.0.{}", number % 4);
        let far = Amount::from_ait(1_000_000);
        let used = visitor_use(&address, Amount::from_ait(1), (1_000, far), (SPONSORED, far));
        let job = CreateJob { daily: Some(used), ..new_job(number) };
        let call = TakeCall { caller: "both".into(), call_us: 10, bucket_us: 100, now_us: 1 };
        created.push((number, store.enqueue(job).await.unwrap(), store.enqueue(call).await.unwrap()));
    }
    let mut completing = Vec::new();
    for (number, job, call) in created {
        done.calls += u64::from(call.await.unwrap().unwrap().is_none());
        match job.await.unwrap() {
            Ok(_) => completing.push((number, store.enqueue(complete(number)).await.unwrap())),
            Err(StoreError::Refused(Refusal::DailyJobs { whose: Whose::Visitors, .. })) => {}
            Err(error) => panic!("job {number}: {error}"),
        }
    }
    done.accepted = completing.len() as u64;
    let mut minting = Vec::new();
    for (number, completed) in completing {
        completed.await.unwrap().unwrap();
        let receipt = store.find_receipt_of_job(JobId::from_random(number)).await.unwrap().unwrap();
        let queued = store.enqueue(mint(vec![receipt.signed.receipt_hash], 0, Written)).await.unwrap();
        minting.push((receipt, queued));
    }
    for (receipt, queued) in minting {
        let queued = queued.await.unwrap().unwrap();
        done.nonces.push(queued.nonce);
        let minted = vec![minted(&receipt, queued.transaction_hash, 1)];
        store.write(RecordMinted { outbox_id: queued.id, block_number: 1, minted }).await.unwrap();
    }
    done
}
