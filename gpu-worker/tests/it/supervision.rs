//! The inference process dies, hangs or runs out of memory: the job is tried again within its lease, the process comes
//! back, and the worker goes on.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, HubMessage, WorkerMessage};
use tokio::process::Child;

use crate::hub_double::{HubDouble, PATIENCE, Session, assignment};
use crate::miner::{Miner, child_of, ended, signal};
use crate::session::{check_result, expect_drawn};

/// Steps of a job that is not over before a test has done something to it.
const LONG_STEPS: u32 = 100;

/// What a starved process may still take: threads, but no large picture.
const MORE_BYTES: u64 = 24 << 20;

/// How soon another process must be there.
const BACK_WITHIN: Duration = Duration::from_secs(300);

fn inference_process(worker: &Child) -> u32 {
    child_of(worker.id().unwrap()).expect("an inference process")
}

/// Waits until another process than `old` serves.
async fn replaced(worker: &Child, old: u32) -> u32 {
    let began = Instant::now();
    loop {
        match child_of(worker.id().unwrap()) {
            Some(new) if new != old => return new,
            _ if began.elapsed() > BACK_WITHIN => panic!("process {old} was not replaced"),
            _ => tokio::task::yield_now().await,
        }
    }
}

async fn started(session: &mut Session, job: &Assignment) {
    session.assign(job).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    assert!(matches!(session.event().await, Some(WorkerMessage::Progress(_))));
}

/// The first message that is no progress.
async fn after_progress(session: &mut Session) -> Option<WorkerMessage> {
    loop {
        match session.event().await {
            Some(WorkerMessage::Progress(_)) => {}
            other => return other,
        }
    }
}

/// The next step that is the first of a walk.
async fn begun_again(session: &mut Session) {
    loop {
        match session.event().await {
            Some(WorkerMessage::Progress(progress)) if progress.step == 1 => return,
            Some(WorkerMessage::Progress(_)) => {}
            other => panic!("the job begins again, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_killed_process_costs_a_job_nothing_but_time_and_a_second_death_ends_it() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(3, LONG_STEPS);
    started(&mut session, &job).await;
    let first = inference_process(&worker);
    signal("-KILL", first).await;
    begun_again(&mut session).await;
    let second = replaced(&worker, first).await;
    signal("-KILL", second).await;
    match after_progress(&mut session).await {
        Some(WorkerMessage::Fail { lease_id, blame: Blame::Miner, retryable: true, reason, .. }) => {
            assert_eq!(lease_id, job.lease_id);
            assert!(reason.contains("inference process ended") && reason.contains("SIGKILL"), "{reason}");
        }
        other => panic!("a failure, got {other:?}"),
    }
    let next = assignment(4, 1);
    session.assign(&next).await;
    expect_drawn(&mut session, &next, 1).await;
    check_result(&next, &hub.result().await.1, registration.address);
    drop(worker);
}

#[tokio::test]
async fn a_job_that_aborts_the_process_twice_is_blamed_on_its_input_where_the_model_works() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(5, LONG_STEPS);
    started(&mut session, &job).await;
    let first = inference_process(&worker);
    signal("-ABRT", first).await;
    begun_again(&mut session).await;
    signal("-ABRT", replaced(&worker, first).await).await;
    match after_progress(&mut session).await {
        Some(WorkerMessage::Fail { lease_id, blame: Blame::Input, retryable: false, reason, .. }) => {
            assert_eq!(lease_id, job.lease_id);
            assert!(reason.starts_with("input is such") && reason.contains("SIGABRT"), "{reason}");
        }
        other => panic!("the input is to blame, got {other:?}"),
    }
    let next = assignment(6, 1);
    session.assign(&next).await;
    expect_drawn(&mut session, &next, 1).await;
    check_result(&next, &hub.result().await.1, registration.address);
    drop(worker);
}

#[tokio::test]
async fn a_process_that_dies_while_idle_is_back_before_the_next_job() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let first = inference_process(&worker);
    signal("-KILL", first).await;
    replaced(&worker, first).await;
    let job = assignment(21, 1);
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    check_result(&job, &hub.result().await.1, registration.address);
    drop(worker);
}

#[tokio::test]
async fn a_hung_process_is_found_killed_and_replaced() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub).configure("[child]\nhung_after_seconds = 5");
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(22, 60);
    started(&mut session, &job).await;
    let hung = inference_process(&worker);
    signal("-STOP", hung).await;
    begun_again(&mut session).await;
    assert_ne!(replaced(&worker, hung).await, hung);
    check_result(&job, &hub.result().await.1, registration.address);
    assert!(!std::path::Path::new(&format!("/proc/{hung}/exe")).exists(), "the hung process is still there");
    signal("-TERM", worker.id().unwrap()).await;
    let (_, log) = ended(worker).await;
    assert!(log.contains("\"failure\":\"hung\""), "{log}");
}

#[tokio::test]
async fn a_process_that_heeds_no_cancel_is_killed_and_replaced_before_the_next_job() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(25, LONG_STEPS);
    started(&mut session, &job).await;
    let deaf = inference_process(&worker);
    signal("-STOP", deaf).await;
    session.send(&HubMessage::Cancel { lease_id: job.lease_id, reason: "the client left".into() }).await;
    // A hub that does not read is taken for one that is gone.
    tokio::select! {
        new = replaced(&worker, deaf) => assert_ne!(new, deaf),
        other = after_progress(&mut session) => panic!("a canceled job is over, got {other:?}"),
    }
    let next = assignment(26, 1);
    session.assign(&next).await;
    let (lease_id, submission) = hub.result().await;
    assert_eq!(lease_id, next.lease_id, "a canceled job has no result");
    check_result(&next, &submission, registration.address);
    assert_eq!(submission.metering.load_ms, 0, "the job paid for the load");
    drop(worker);
}

#[tokio::test]
async fn a_process_without_memory_is_replaced_and_the_reason_is_told() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let small = assignment(23, 1);
    session.assign(&small).await;
    expect_drawn(&mut session, &small, 1).await;
    check_result(&small, &hub.result().await.1, registration.address);
    let starved = inference_process(&worker);
    // Little more memory than it has, and then a picture that needs nine times as much.
    let status = std::fs::read_to_string(format!("/proc/{starved}/status")).unwrap();
    let has = status.lines().find_map(|line| line.strip_prefix("VmData:")?.split_whitespace().next()).unwrap();
    let most = has.parse::<u64>().unwrap() * 1024 + MORE_BYTES;
    let bound = Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(Pid::from_raw(starved.try_into().unwrap()), Resource::Data, bound).unwrap();
    let mut job = assignment(24, 1);
    let shared::job::request::Work::Image(input) = &mut job.work else { panic!("a picture") };
    (input.width, input.height) = (768, 768);
    job.terms.units = job.work.units();
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    assert_eq!(hub.result().await.0, job.lease_id);
    assert_ne!(inference_process(&worker), starved);
    signal("-TERM", worker.id().unwrap()).await;
    let (_, log) = ended(worker).await;
    assert!(log.contains("\"failure\":\"out_of_memory\""), "{log}");
}

#[tokio::test]
async fn too_little_memory_is_a_clear_word_and_no_endless_try() {
    let hub = HubDouble::start().await;
    let miner = Miner::new(&hub).configure("[child]\nmemory_max_bytes = 16777216");
    let (code, log) = tokio::time::timeout(PATIENCE, ended(miner.start())).await.unwrap();
    assert_eq!(code, Some(1));
    assert!(log.lines().last().unwrap().contains("ran out of memory"), "{log}");
}

#[tokio::test]
async fn the_process_has_no_network_no_core_dump_and_a_bound() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub).configure("[child]\nmemory_max_bytes = 8000000000");
    let worker = miner.start();
    let _session = hub.worker().await;
    let process = inference_process(&worker);
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
    let status = read("status");
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    let limits = read("limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().rev().nth(1).unwrap().to_owned()
    };
    assert_eq!((limit("Max core file size"), limit("Max data size")), ("0".into(), "8000000000".into()));
    let sockets = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let links = sockets.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    let sockets: Vec<_> = links.filter(|link| link.to_string_lossy().starts_with("socket:")).collect();
    assert!(sockets.is_empty(), "{sockets:?}");
    drop(worker);
}
