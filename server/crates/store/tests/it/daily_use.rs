//! What an account may have and mint in a day.

use shared::amount::Amount;
use shared::api::audits::AuditState;
use shared::id::JobId;
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::task::{Task, TaskRole};
use store::change::{AskedFrom, CompleteTask, CreateJob, MoveTask};
use store::record::{DailyAccount, DailyUse, MovedTask, Whose};
use store::{Refusal, Store, StoreError};

use super::audits::{answer, opening_of};
use super::database::on_both;
use super::fixture::{NOW, complete, grant, new_job, seal, task, visitor_use};
use super::payments::paid_job;

const FAR: (u32, Amount) = (1_000, Amount::from_atto(u128::MAX));

fn ait(count: u64) -> Amount {
    Amount::from_ait(count)
}

async fn ask(store: &Store, number: u128, daily: DailyUse) -> Option<Refusal> {
    create(store, CreateJob { daily: Some(daily), ..new_job(number) }).await
}

async fn create(store: &Store, job: CreateJob) -> Option<Refusal> {
    match store.write(job).await {
        Ok(_) => None,
        Err(StoreError::Refused(refusal)) => Some(refusal),
        Err(error) => panic!("{error}"),
    }
}

async fn cancel(store: &Store, number: u128) {
    let life = TaskLife::default().apply(TaskEvent::Canceled).unwrap();
    let moved = MovedTask { task: task(number), life, job: JobState::Canceled };
    store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
}

#[tokio::test]
async fn jobs_are_counted_per_address_and_in_total() {
    on_both(async |database| {
        let store = database.open().await;
        let (own, all) = ((2, FAR.1), (3, FAR.1));
        let job = |address: &str| visitor_use(address, ait(1), own, all);
        assert_eq!(ask(&store, 1, job("10.0.0.1")).await, None);
        assert_eq!(ask(&store, 2, job("10.0.0.1")).await, None);
        let by_address = Refusal::DailyJobs { whose: Whose::Visitor, limit: 2 };
        assert_eq!(ask(&store, 3, job("10.0.0.1")).await, Some(by_address));
        assert_eq!(ask(&store, 4, job("10.0.0.2")).await, None);
        let in_total = Refusal::DailyJobs { whose: Whose::Visitors, limit: 3 };
        assert_eq!(ask(&store, 5, job("10.0.0.3")).await, Some(in_total));
        assert_eq!(store.list_open_jobs().await.unwrap().len(), 3, "a refused job was stored");
    })
    .await;
}

#[tokio::test]
async fn what_a_day_may_mint_is_bounded_per_address_in_total_and_over_a_restart() {
    on_both(async |database| {
        let store = database.open().await;
        let (own, all) = ((FAR.0, ait(5)), (FAR.0, ait(8)));
        let job = |address: &str, amount| visitor_use(address, amount, own, all);
        assert_eq!(ask(&store, 1, job("10.0.0.1", ait(4))).await, None);
        let refused = |whose, limit, taken, asked| Some(Refusal::DailyMint { whose, limit, taken, asked });
        let by_address = refused(Whose::Visitor, ait(5), ait(4), ait(2));
        assert_eq!(ask(&store, 2, job("10.0.0.1", ait(2))).await, by_address);
        let alone_too_large = refused(Whose::Visitor, ait(5), Amount::ZERO, ait(6));
        assert_eq!(ask(&store, 2, job("10.0.0.9", ait(6))).await, alone_too_large);
        assert_eq!(ask(&store, 3, job("10.0.0.1", ait(1))).await, None);
        drop(store);
        let store = database.open().await;
        assert_eq!(ask(&store, 4, job("10.0.0.2", ait(3))).await, None, "another address has its own");
        let in_total = refused(Whose::Visitors, ait(8), ait(8), Amount::from_atto(1_000_000_000_000));
        assert_eq!(ask(&store, 5, job("10.0.0.3", Amount::from_atto(1))).await, in_total, "counted rounded up");
        assert_eq!(ask(&store, 6, DailyUse { day: 2, ..job("10.0.0.1", ait(5)) }).await, None, "tomorrow");
    })
    .await;
}

#[tokio::test]
async fn a_job_that_ends_gives_back_what_it_did_not_mint_and_once() {
    on_both(async |database| {
        let store = database.open().await;
        let minted = complete(1).receipt.amount;
        let limit = (FAR.0, ait(20));
        let job = |amount| visitor_use("10.0.0.1", amount, limit, FAR);
        assert_eq!(ask(&store, 1, job(ait(20))).await, None);
        assert!(ask(&store, 2, job(ait(1))).await.is_some());
        store.write(grant(1)).await.unwrap();
        for _ in 0..2 {
            store.write(complete(1)).await.unwrap();
        }
        let rest = Amount::from_atto(ait(20).atto() - minted.atto());
        let cents = Amount::from_atto(ait(1).atto() / 100);
        let more = rest.checked_add(cents).unwrap();
        assert!(ask(&store, 3, job(more)).await.is_some(), "what was minted stays counted");
        assert_eq!(ask(&store, 3, job(rest)).await, None);
        for _ in 0..2 {
            cancel(&store, 3).await;
        }
        assert!(ask(&store, 4, job(more)).await.is_some(), "given back twice");
        assert_eq!(ask(&store, 4, job(rest)).await, None, "a canceled job mints nothing");
        assert!(store.find_job(JobId::from_random(2)).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_key_has_a_limit_of_its_own_and_as_many_jobs_as_it_likes() {
    on_both(async |database| {
        let store = database.open().await;
        let of_key = |name: &str| {
            let account = DailyAccount { name: name.into(), whose: Whose::Key, jobs_max: None, mint_max: ait(3) };
            DailyUse { day: 1, counts_as_job: true, amount: ait(1), accounts: vec![account] }
        };
        for number in 0..3 {
            assert_eq!(ask(&store, number, of_key("key_1")).await, None);
        }
        let refusal = ask(&store, 3, of_key("key_1")).await.unwrap().to_string();
        let said =
            "this API key may mint 3 AIT a day: 3 AIT are taken, and this job may mint up to 1 AIT with its audits";
        assert_eq!(refusal, said);
        assert_eq!(ask(&store, 4, of_key("key_2")).await, None);
    })
    .await;
}

fn times(amount: Amount, count: u128) -> Amount {
    Amount::from_atto(amount.atto() * count)
}

/// The job is served, and its result is drawn for an audit.
async fn served_and_drawn(store: &Store, number: u128, mint_max: Amount) {
    store.write(CompleteTask { audit: Some(opening_of(mint_max)), ..complete(number) }).await.unwrap();
}

async fn unanswered(store: &Store, number: u128, role: TaskRole) {
    let life = TaskLife::default().apply(TaskEvent::NobodyLeft).unwrap();
    let task = Task { job_id: JobId::from_random(number), role };
    let moved = MovedTask { task, life, job: JobState::Completed };
    store.write(MoveTask { moved, at: NOW, ended: None, seal: seal() }).await.unwrap();
}

/// One that takes exactly what is left fits, and one that takes any more does not.
async fn assert_left(store: &Store, number: u128, job: impl Fn(Amount) -> DailyUse, left: Amount) {
    let more = Amount::from_atto(left.atto() + 1);
    assert!(ask(store, number, job(more)).await.is_some(), "more than {left} AIT are left");
    assert_eq!(ask(store, number, job(left)).await, None, "less than {left} AIT are left");
    cancel(store, number).await;
}

#[tokio::test]
async fn what_audits_may_mint_stays_reserved_until_they_end_and_what_they_minted_stays_counted() {
    on_both(async |database| {
        let store = database.open().await;
        let reward = complete(1).receipt.amount;
        let limit = times(reward, 6);
        let job = |amount| visitor_use("10.0.0.1", amount, (FAR.0, limit), FAR);
        assert_eq!(ask(&store, 1, job(times(reward, 3))).await, None);
        served_and_drawn(&store, 1, times(reward, 2)).await;
        assert_left(&store, 10, job, times(reward, 3)).await;
        store.write(answer(1, TaskRole::Audit, AuditState::Disputed, true, None)).await.unwrap();
        assert_left(&store, 11, job, times(reward, 3)).await;
        for _ in 0..2 {
            unanswered(&store, 1, TaskRole::ThirdOpinion).await;
        }
        assert_left(&store, 12, job, times(reward, 4)).await;

        assert_eq!(ask(&store, 2, job(times(reward, 3))).await, None);
        served_and_drawn(&store, 2, times(reward, 2)).await;
        unanswered(&store, 2, TaskRole::Audit).await;
        assert_left(&store, 13, job, times(reward, 3)).await;
    })
    .await;
}

#[tokio::test]
async fn a_paid_job_counts_for_what_its_audits_mint_and_as_no_job_of_the_day() {
    on_both(async |database| {
        let store = database.open().await;
        let reward = complete(1).receipt.amount;
        let limit = times(reward, 3);
        let job = |amount| DailyUse { counts_as_job: false, ..visitor_use("10.0.0.1", amount, (0, limit), FAR) };
        let paid = |number| CreateJob { daily: Some(job(times(reward, 2))), ..paid_job(number) };
        assert_eq!(create(&store, paid(1)).await, None, "of no jobs a day");
        let refused = create(&store, paid(2)).await.unwrap();
        assert!(matches!(refused, Refusal::DailyMint { taken, .. } if taken == times(reward, 2)), "{refused}");
        assert!(store.find_job(JobId::from_random(2)).await.unwrap().is_none(), "a refused job is stored");
        store.write(complete(1)).await.unwrap();
        assert_left(&store, 10, job, limit).await;

        assert_eq!(create(&store, paid(3)).await, None);
        served_and_drawn(&store, 3, times(reward, 2)).await;
        assert_left(&store, 11, job, reward).await;
        store.write(answer(3, TaskRole::Audit, AuditState::Confirmed, false, None)).await.unwrap();
        assert_left(&store, 12, job, times(reward, 2)).await;
    })
    .await;
}

#[tokio::test]
async fn so_many_tasks_are_open_from_one_network_and_from_one_site() {
    on_both(async |database| {
        let store = database.open().await;
        let from = |number, network: &str, site: Option<&str>| {
            let (network, site) = (network.to_owned(), site.map(str::to_owned));
            let asked_from = Some(AskedFrom { network, site, most_of_network: 2, most_of_site: 3 });
            CreateJob { asked_from, ..new_job(number) }
        };
        let site = Some("2001:db8:1:");
        let [one, two, three] = ["2001:db8:1:1::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64"];
        for number in [1, 2, 2] {
            assert_eq!(create(&store, from(number, one, site)).await, None, "the same change may come again");
        }
        let of_network = Some(Refusal::TooManyTasksOfNetwork { most: 2 });
        assert_eq!(create(&store, from(3, one, site)).await, of_network);
        assert_eq!(create(&store, from(3, two, site)).await, None);
        assert_eq!(create(&store, from(4, three, site)).await, Some(Refusal::TooManyTasksOfSite { most: 3 }));
        assert_eq!(create(&store, from(4, "10.0.0.1", None)).await, None);
        assert_eq!(create(&store, new_job(5)).await, None, "a key of the operator");
        cancel(&store, 1).await;
        assert_eq!(create(&store, from(6, one, site)).await, None, "what has ended makes room");
        let mut shared = from(7, "10.0.0.2", None);
        shared.job.tasks = (0..3).map(TaskRole::Shard).collect();
        assert_eq!(create(&store, shared).await, of_network, "each part of a job is a task");
    })
    .await;
}
