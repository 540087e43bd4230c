//! A worker at its work: several models, pauses, stops, and what it tells of itself.

use std::process::Output;

use serde_json::Value;
use shared::protocol::{Assignment, HubMessage, WorkerMessage};
use tokio::process::Command;

use crate::hub_double::{HubDouble, PATIENCE, Session, assignment};
use crate::miner::{Miner, child_of, ended, signal};
use crate::session::{check_result, expect_drawn};
use crate::support::{ModelCopy, PROGRAM};

impl Miner {
    /// Another command with the same data folder.
    async fn command(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM).arg("--data").arg(self.data.path()).args(arguments).output().await.unwrap()
    }

    async fn status(&self) -> Value {
        let output = self.command(&["status", "--json"]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Waits until the worker says that it is in this state.
    pub(crate) async fn state(&self, state: &str) -> Value {
        loop {
            let status = self.status().await;
            if status["state"] == state {
                return status;
            }
        }
    }

    /// Offers a second model beside the first.
    fn with_second_model(self, name: &str) -> (Self, ModelCopy) {
        let second = ModelCopy::new();
        second.edit_manifest(|manifest| manifest["name"] = name.into());
        let path = self.data.path().join("worker.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let (head, first) = text.split_once("[[models]]").unwrap();
        let other = first.replace(&self.model.path().display().to_string(), &second.path().display().to_string());
        std::fs::write(&path, format!("{head}[[models]]{first}[[models]]{other}")).unwrap();
        (self, second)
    }
}

/// Waits for the next message that is no progress and no heartbeat.
pub(crate) async fn word(session: &mut Session) -> Option<WorkerMessage> {
    loop {
        match session.event().await {
            Some(WorkerMessage::Progress(_)) => {}
            other => return other,
        }
    }
}

#[tokio::test]
async fn two_models_are_offered_and_kept_warm_or_loaded_when_they_are_needed() {
    let mut hub = HubDouble::start().await;
    for (warm_max_bytes, both_warm) in [(1_u64 << 40, true), (1, false)] {
        let miner = Miner::new(&hub).configure(&format!("[child]\nwarm_max_bytes = {warm_max_bytes}"));
        let (miner, _second) = miner.with_second_model("second-model");
        let worker = miner.start();
        let (mut session, registration) = hub.worker().await;
        let offers: Vec<&str> = registration.capability.offers.iter().map(|offer| offer.model.as_str()).collect();
        assert_eq!((offers, registration.capability.slots), (vec!["test-model", "second-model"], 1));
        let mut load_ms = Vec::new();
        for (number, model) in [(41, "second-model"), (42, "test-model")] {
            let job = Assignment { model: model.into(), ..assignment(number, 1) };
            session.assign(&job).await;
            expect_drawn(&mut session, &job, 1).await;
            let (_, submission) = hub.result().await;
            check_result(&job, &submission, registration.address);
            assert!(submission.receipt.determinism_class.starts_with(model), "{:?}", submission.receipt);
            load_ms.push(submission.metering.load_ms);
        }
        assert_eq!(load_ms.iter().all(|load_ms| *load_ms > 0), !both_warm, "{load_ms:?}");
        drop(worker);
    }
}

#[test]
fn a_pause_of_a_folder_without_a_worker_is_refused_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mistyped");
    for command in ["pause", "resume"] {
        let output = crate::support::run(["--data", data.to_str().unwrap(), command]);
        let error = crate::support::stderr(&output);
        assert!(output.status.code() == Some(1) && error.contains("has no worker.toml"), "{error}");
    }
    assert!(!data.exists());
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("worker.toml"), "").unwrap();
    for (command, words) in
        [("pause", "no worker runs here now; one that starts"), ("resume", "no worker runs here now")]
    {
        let output = crate::support::run(["--data", data.to_str().unwrap(), command]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn a_pause_by_hand_is_told_to_the_hub_and_shown_until_it_ends() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, _) = hub.worker().await;
    let paused = miner.command(&["pause", "a game runs"]).await;
    let told = String::from_utf8(paused.stdout).unwrap();
    assert!(paused.status.success() && told.contains("the worker that runs here finishes"), "{told}");
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Drain));
    let status = miner.state("paused").await;
    assert_eq!(status["reason"], "a game runs");
    let job = assignment(51, 1);
    session.assign(&job).await;
    match word(&mut session).await {
        Some(WorkerMessage::Fail { reason, .. }) => assert!(reason.contains("it pauses"), "{reason}"),
        other => panic!("a refusal, got {other:?}"),
    }
    assert!(miner.command(&["resume"]).await.status.success());
    let (mut session, registration) = hub.worker().await;
    let job = assignment(52, 1);
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    check_result(&job, &hub.result().await.1, registration.address);
    assert_eq!(miner.state("serving").await["jobs"]["completed"], 1);
    drop(worker);
}

#[tokio::test]
async fn a_pause_ends_the_process_after_its_jobs_and_the_next_job_finds_it_there_again() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let pid = worker.id().unwrap();
    let (mut session, registration) = hub.worker().await;
    let before = child_of(pid).unwrap();
    let job = assignment(53, 60);
    session.assign(&job).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    assert!(miner.command(&["pause", "a game runs"]).await.status.success());
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Drain));
    assert_eq!(child_of(pid), Some(before), "the job lost its process");
    // A hub that does not read is taken for one that is gone.
    while !matches!(session.event().await, Some(WorkerMessage::Progress(progress)) if progress.step == 60) {}
    check_result(&job, &hub.result().await.1, registration.address);
    let gone = async {
        while child_of(pid).is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the process gives its memory back");
    assert_eq!(miner.state("paused").await["models"][0]["warm"], false);
    assert!(miner.command(&["resume"]).await.status.success());
    let (mut session, registration) = hub.worker().await;
    let after = child_of(pid).expect("a process before the first lease");
    assert_ne!(after, before);
    let job = assignment(54, 1);
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    let (_, submission) = hub.result().await;
    check_result(&job, &submission, registration.address);
    assert_eq!((submission.metering.load_ms, child_of(pid)), (0, Some(after)));
    assert_eq!(miner.state("serving").await["models"][0]["warm"], true);
    drop(worker);
}

#[tokio::test]
async fn a_worker_whose_schedule_pauses_says_so_from_the_start() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub).configure("[schedule]\npause = [\"00:00-24:00\"]\nutc_offset = \"+02:00\"");
    let worker = miner.start();
    let (mut session, _) = hub.worker().await;
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Drain));
    let reason = miner.state("paused").await["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("00:00-24:00, UTC+02:00"), "{reason}");
    drop(worker);
}

#[tokio::test]
async fn a_second_signal_hands_running_jobs_back_at_once() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, _) = hub.worker().await;
    let job = assignment(61, 100);
    session.assign(&job).await;
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    signal("-TERM", worker.id().unwrap()).await;
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Drain));
    signal("-TERM", worker.id().unwrap()).await;
    match word(&mut session).await {
        Some(WorkerMessage::Fail { lease_id, reason, .. }) => {
            assert_eq!((lease_id, reason.as_str()), (job.lease_id, "the worker was stopped"));
        }
        other => panic!("the job is handed back, got {other:?}"),
    }
    assert_eq!(ended(worker).await.0, Some(130));
    assert_eq!(miner.waiting(&hub), 0);
}

#[tokio::test]
async fn a_terminal_that_closes_drains_the_worker_as_a_signal_does() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(63, 4);
    session.assign(&job).await;
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    signal("-HUP", worker.id().unwrap()).await;
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Drain));
    assert_eq!(hub.result().await.1.receipt.provider, registration.address);
    assert_eq!(ended(worker).await.0, Some(0));
}

#[tokio::test]
async fn a_drain_ends_with_its_grace() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub).configure("[drain]\ngrace_seconds = 1");
    let worker = miner.start();
    let (mut session, _) = hub.worker().await;
    let job = assignment(62, 100);
    session.assign(&job).await;
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    signal("-TERM", worker.id().unwrap()).await;
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Drain));
    assert!(matches!(word(&mut session).await, Some(WorkerMessage::Fail { .. })));
    assert_eq!(ended(worker).await.0, Some(130));
}

#[tokio::test]
async fn what_it_tells_of_itself_is_a_box_json_and_metrics() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let output = miner.command(&["status"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("no worker runs here"));
    let worker = miner.start();
    let (mut session, _) = hub.worker().await;
    session.send(&HubMessage::Notice { text: "your price is high".into() }).await;
    let job = assignment(71, 1);
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    hub.result().await;
    let refused = Assignment { model: "other".into(), ..assignment(72, 1) };
    session.assign(&refused).await;
    assert!(matches!(word(&mut session).await, Some(WorkerMessage::Fail { .. })));
    let status = miner.status().await;
    assert_eq!((&status["jobs"]["completed"], &status["jobs"]["failed"]), (&1.into(), &0.into()));
    assert_eq!((&status["models"][0]["name"], &status["models"][0]["warm"]), (&"test-model".into(), &true.into()));
    assert_eq!(status["hubs"][0]["notices"][0]["text"], "your price is high");
    let shown = String::from_utf8(miner.command(&["status"]).await.stdout).unwrap();
    for words in ["│ state     serving", "hub says  your price is high", "test-model (warm)", "1 in the last hour"] {
        assert!(shown.contains(words), "{shown} lacks {words}");
    }
    let address = std::fs::read_to_string(miner.data.path().join("status-address")).unwrap();
    let agent = ureq::agent();
    let url = format!("http://{address}/metrics");
    let text = tokio::task::spawn_blocking(move || agent.get(url).call().unwrap().body_mut().read_to_string().unwrap());
    let text = text.await.unwrap();
    for line in ["aitbc_worker_jobs_total{outcome=\"completed\"} 1", "aitbc_worker_model_warm{model=\"test-model\"} 1"]
    {
        assert!(text.contains(line), "{text} lacks {line}");
    }
    let connected = format!("aitbc_worker_connected{{hub=\"{}\"}} 1", hub.url);
    assert!(text.contains(&connected), "{text} lacks {connected}");
    signal("-TERM", worker.id().unwrap()).await;
    assert_eq!(ended(worker).await.0, Some(0));
    assert!(!miner.data.path().join("status-address").exists());
}
