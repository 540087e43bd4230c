//! Records of jobs that end without a result: made with the end, once, and of what is known of the job.

use shared::Address;
use shared::failure::{FailureEnd, FailureStage, JobFailure, SignedFailure, TRIES_MAX};
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Blame, Fault, JobState, MAX_FAULTS, TaskEvent, TaskLife};
use shared::log::LogEntry;
use shared::log::entry::EntryKind;
use store::change::{EndedLease, GrantLease, MoveTask};
use store::record::{LeaseRecord, MovedTask};
use store::{Store, StoreError};

use super::database::on_both;
use super::fixture::{NOW, complete, grant, new_job, seal, task};
use super::settlement::arrival;

const OTHER: Address = Address::repeat_byte(4);

/// Lets the job's task be leased to a miner and taken back.
async fn fail_once(
    store: &Store,
    number: u128,
    life: &TaskLife,
    lease: u128,
    (miner, blame): (Address, Blame),
) -> TaskLife {
    let lease_id = LeaseId::from_random(lease);
    let running = life.apply(TaskEvent::Leased { lease_id }).unwrap();
    let granted_at = NOW.plus_ms(u64::try_from(lease).unwrap() * 1_000);
    let lease = LeaseRecord { id: lease_id, miner, granted_at, ..grant(number).lease };
    let moved = MovedTask { task: task(number), life: running.clone(), job: JobState::Running };
    store.write(GrantLease { lease, moved }).await.unwrap();
    let reason = format!("no memory for: the secret of {miner}");
    let ended = running.apply(TaskEvent::LeaseEnded { lease_id, blame, reason: reason.clone() }).unwrap();
    let fault = Some(Fault { lease_id, blame, reason });
    let received_at = (blame == Blame::Miner).then(|| granted_at.plus_ms(400));
    let change = MoveTask {
        moved: MovedTask { task: task(number), job: ended.state, life: ended.clone() },
        at: granted_at.plus_ms(500),
        ended: Some(EndedLease { lease_id, miner, received_at, fault }),
        seal: seal(),
    };
    // A connection that breaks while it is stored brings it twice.
    for _ in 0..2 {
        store.write(change.clone()).await.unwrap();
    }
    ended
}

async fn end(store: &Store, number: u128, event: TaskEvent) {
    let life = TaskLife::default().apply(event).unwrap();
    let moved = MovedTask { task: task(number), job: life.state, life };
    let change = MoveTask { moved, at: NOW.plus_ms(9_000), ended: None, seal: seal() };
    for _ in 0..2 {
        store.write(change.clone()).await.unwrap();
    }
}

async fn record(store: &Store, number: u128) -> Option<SignedFailure> {
    let job_id = JobId::from_random(number);
    let found = store.find_logged(EntryKind::Failure, &job_id.to_string()).await.unwrap()?;
    let LogEntry::Failure(signed) = found.entry().unwrap() else { panic!("another kind") };
    signed.verify().unwrap();
    assert_eq!(signed.failure.job_id, job_id);
    Some(signed)
}

async fn failure(store: &Store, number: u128) -> JobFailure {
    record(store, number).await.unwrap().failure
}

#[tokio::test]
async fn a_job_that_fails_leaves_one_signed_record_of_all_its_tries() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        let job = new_job(1);
        store.write(job.clone()).await.unwrap();
        let mut life = TaskLife::default();
        for (lease, who) in (1..).zip([(super::fixture::MINER, Blame::Miner), (OTHER, Blame::Network)]) {
            life = fail_once(&store, 1, &life, lease, who).await;
            assert_eq!(record(&store, 1).await, None, "the job goes on");
        }
        fail_once(&store, 1, &life, 3, (OTHER, Blame::Network)).await;
        let signed = record(&store, 1).await.unwrap();
        let failure = signed.failure;
        assert_eq!((failure.end, failure.stage), (FailureEnd::Failed, FailureStage::Verification));
        assert_eq!(failure.reason, "its 3 tries failed");
        assert_eq!((failure.hub, failure.hub_id.as_str()), (signed_by(), "test-hub"));
        let salt = job.job.job.salt;
        assert_eq!(failure.prompt_commitment, salt.commit_prompt(job.job.job.work.prompt_hash()));
        let tries: Vec<_> = failure.tries.iter().map(|one| (one.miner.unwrap(), one.blame.unwrap())).collect();
        assert_eq!(tries, [(super::fixture::MINER, Blame::Miner), (OTHER, Blame::Network), (OTHER, Blame::Network),]);
        assert_eq!(failure.tries_in_all, MAX_FAULTS as u64);
        let last = &failure.tries[2];
        assert_eq!(last.granted_at, Some(NOW.plus_ms(3_000).seconds()));
        assert_eq!(last.ended_at, Some(NOW.plus_ms(3_500).seconds()));
        // The job is a visitor's, so it is public.
        assert_eq!(last.reason.as_deref(), Some(&*format!("no memory for: the secret of {OTHER}")));
        let records = store.list_log(0, 100).await.unwrap();
        let kinds: Vec<EntryKind> = records.iter().map(|record| record.entry().unwrap().kind()).collect();
        assert_eq!(kinds, [EntryKind::Fault, EntryKind::Failure], "one fault counts, and the job failed once");
    })
    .await;
}

fn signed_by() -> Address {
    store::change::SealFailure::hub(&*seal())
}

#[tokio::test]
async fn the_record_of_a_private_job_repeats_no_word_about_it() {
    on_both(async |database| {
        let store = database.open().await;
        let mut job = new_job(1);
        (job.job.sponsored, job.job.creator_sha256) = (false, None);
        store.write(job.clone()).await.unwrap();
        let life = fail_once(&store, 1, &TaskLife::default(), 1, (OTHER, Blame::Input)).await;
        fail_once(&store, 1, &life, 2, (super::fixture::MINER, Blame::Input)).await;
        let record = store.list_log(0, 100).await.unwrap().pop().unwrap();
        assert!(!record.json.contains("secret") && !record.json.contains("lake"), "{}", record.json);
        let failure = failure(&store, 1).await;
        let words = format!("no memory for: the secret of {OTHER}");
        let sealed = job.job.job.salt.commit_reason(shared::digest::Sha256Digest::of(words.as_bytes()));
        assert_eq!((failure.tries[0].reason_commitment, &failure.tries[0].reason), (Some(sealed), &None));
    })
    .await;
}

#[tokio::test]
async fn every_end_without_a_result_is_recorded_and_no_other() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(arrival()).await.unwrap();
        for number in 1..=4 {
            store.write(new_job(number)).await.unwrap();
        }
        end(&store, 1, TaskEvent::Canceled).await;
        end(&store, 2, TaskEvent::DeadlinePassed).await;
        end(&store, 3, TaskEvent::NobodyLeft).await;
        store.write(complete(4)).await.unwrap();
        for (number, end, reason) in [
            (1, FailureEnd::Canceled, "the client canceled it"),
            (2, FailureEnd::Expired, "its time was over before a miner took it"),
            (3, FailureEnd::Failed, "no miner was left that could serve it"),
        ] {
            let failure = failure(&store, number).await;
            assert_eq!((failure.end, failure.stage, failure.reason.as_str()), (end, FailureStage::Queue, reason));
            assert_eq!((failure.tries.len(), failure.tries_in_all), (0, 0));
            assert_eq!(failure.ended_at, NOW.plus_ms(9_000).seconds());
        }
        // The result came first, so the cancellation ends nothing.
        end(&store, 4, TaskEvent::Canceled).await;
        assert_eq!(record(&store, 4).await, None);
        assert_eq!(store.log_frontier().await.unwrap().size(), 4, "three failures and a receipt");
    })
    .await;
}

#[tokio::test]
async fn a_record_names_the_last_tries_and_counts_all() {
    on_both(async |database| {
        let store = database.open().await;
        store.write(new_job(1)).await.unwrap();
        let mut life = TaskLife::default();
        let tries = TRIES_MAX as u128 + 3;
        for lease in 1..=tries {
            life = fail_once(&store, 1, &life, lease, (OTHER, Blame::Platform)).await;
        }
        let canceled = life.apply(TaskEvent::Canceled).unwrap();
        let moved = MovedTask { task: task(1), job: canceled.state, life: canceled };
        store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
        let failure = failure(&store, 1).await;
        assert_eq!((failure.tries.len(), u128::from(failure.tries_in_all)), (TRIES_MAX, tries));
        let first = NOW.plus_ms(4_000).seconds();
        assert_eq!(failure.tries.first().unwrap().granted_at, Some(first), "the oldest are left out");
    })
    .await;
}

/// A key that fails stops nothing from being consistent: neither the end nor its record is stored.
#[tokio::test]
async fn an_end_is_not_stored_without_its_record() {
    #[derive(Debug)]
    struct Broken;
    impl store::change::SealFailure for Broken {
        fn hub(&self) -> Address {
            OTHER
        }

        fn chain_id(&self) -> u64 {
            1
        }

        fn seal(&self, _failure: JobFailure) -> Result<SignedFailure, String> {
            Err("no key".to_owned())
        }
    }
    on_both(async |database| {
        let store = database.open().await;
        store.write(new_job(1)).await.unwrap();
        let life = TaskLife::default().apply(TaskEvent::Canceled).unwrap();
        let moved = MovedTask { task: task(1), job: life.state, life };
        let change = MoveTask { moved, at: NOW, ended: None, seal: std::sync::Arc::new(Broken) };
        let refused = store.write(change).await;
        assert!(matches!(refused, Err(StoreError::Sign(_))), "{refused:?}");
        assert_eq!(store.find_job(JobId::from_random(1)).await.unwrap().unwrap().state, JobState::Queued);
        assert_eq!(store.log_frontier().await.unwrap().size(), 0);
    })
    .await;
}
