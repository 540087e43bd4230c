//! One worker that serves two hubs on two chains with one device: neither is offered what the other's job has, and what
//! happens to one of them is nothing to the other.

use serde_json::Value;
use shared::protocol::{Assignment, HubMessage, WorkerMessage};

use crate::hub_double::{HubDouble, PATIENCE, Session};
use crate::miner::{Miner, ended, signal};
use crate::running::word;
use crate::session::expect_drawn;

async fn two_hubs() -> (HubDouble, HubDouble, Miner) {
    let (one, two) = (HubDouble::named("one", 7).await, HubDouble::named("two", 8).await);
    let miner = Miner::of_hubs(&[&one, &two]);
    (one, two, miner)
}

const fn slots(slots: u32) -> Option<WorkerMessage> {
    Some(WorkerMessage::Slots { slots })
}

/// The other hub's job may still be in the slot when the assignment comes. Where it is, the slot is offered later.
async fn assign_until_taken(session: &mut Session, job: &Assignment) {
    loop {
        session.assign(job).await;
        let answer = loop {
            match word(session).await {
                Some(WorkerMessage::Slots { .. }) => {}
                answer => break answer,
            }
        };
        match answer {
            Some(WorkerMessage::Accept { lease_id }) => break assert_eq!(lease_id, job.lease_id),
            Some(WorkerMessage::Decline { .. }) => assert_eq!(word(session).await, slots(1)),
            other => panic!("an answer, got {other:?}"),
        }
    }
}

/// A hub that shows the worker another one's challenge gets nothing signed.
async fn is_left_unsigned(session: &mut Session) -> bool {
    session.send(&HubMessage::Challenge(session.challenge.clone())).await;
    session.receive().await.is_none()
}

#[tokio::test]
async fn two_hubs_share_one_slot_and_who_was_turned_away_is_next() {
    let (mut one, mut two, miner) = two_hubs().await;
    let worker = miner.start();
    let (mut first, registration) = one.worker().await;
    let (mut second, other) = two.worker().await;
    assert_eq!((registration.address, registration.capability.slots), (other.address, other.capability.slots));
    assert_eq!(other.capability.slots, 1);

    let job = one.assignment(1, 60);
    first.assign(&job).await;
    assert_eq!(word(&mut first).await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    assert_eq!(word(&mut second).await, slots(0), "the slot is told of at once");
    // This one left before its hub had heard of it.
    let crossing = two.assignment(2, 1);
    second.assign(&crossing).await;
    assert_eq!(word(&mut second).await, Some(WorkerMessage::Decline { lease_id: crossing.lease_id }));
    assert_eq!(word(&mut first).await, slots(0), "the next slot is kept for the other");
    // A hub that does not read is taken for one that is gone.
    let drawn = async { while !matches!(first.event().await, Some(WorkerMessage::Progress(at)) if at.step == 60) {} };
    let ((), offered) = tokio::join!(drawn, word(&mut second));
    assert_eq!(offered, slots(1));
    let (lease_id, submission) = one.result().await;
    assert_eq!((lease_id, submission.receipt.hub_id.as_str(), submission.receipt.chain_id), (job.lease_id, "one", 7));

    let job = two.assignment(4, 1);
    second.assign(&job).await;
    assert_eq!(word(&mut second).await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    let (lease_id, submission) = two.result().await;
    assert_eq!((lease_id, submission.receipt.hub_id.as_str(), submission.receipt.chain_id), (job.lease_id, "two", 8));
    assert!(one.has_no_result() && two.has_no_result(), "a result went to the wrong hub");

    signal("-TERM", worker.id().unwrap()).await;
    let (code, log) = ended(worker).await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!((miner.waiting(&one), miner.waiting(&two)), (0, 0));
}

#[tokio::test]
async fn a_hub_that_dies_keeps_its_results_waiting_and_the_other_is_served() {
    let (mut one, mut two, miner) = two_hubs().await;
    let worker = miner.start();
    let (mut first, _) = one.worker().await;
    let (mut second, _) = two.worker().await;
    one.statuses.lock().unwrap().extend([503; 1_000]);
    let job = one.assignment(1, 1);
    first.assign(&job).await;
    one.result().await;
    one.close();
    drop(first);
    for number in 2..4 {
        let job = two.assignment(number, 1);
        assign_until_taken(&mut second, &job).await;
        assert_eq!(two.result().await.0, job.lease_id);
    }
    let shown = loop {
        let status = miner.state("serving").await;
        if status["hubs"][0]["reason"].is_string() {
            break status;
        }
    };
    assert_eq!((&shown["hubs"][0]["results_waiting"], &shown["hubs"][0]["ahead_ms"]), (&1.into(), &Value::Null));
    assert_eq!((&shown["hubs"][1]["hub_id"], &shown["hubs"][1]["chain_id"]), (&"two".into(), &8.into()));
    assert!(shown["hubs"][1]["ahead_ms"].is_number() && shown["hubs"][1]["reason"].is_null(), "{shown}");
    assert_eq!(shown["hubs"][1]["jobs"]["completed"], 2);
    assert_eq!((miner.waiting(&one), miner.waiting(&two)), (1, 0));
    drop(worker);
}

#[tokio::test]
async fn a_hub_that_will_not_have_the_worker_does_not_end_it_while_another_will() {
    let (mut one, mut two, miner) = two_hubs().await;
    let worker = miner.start();
    let refusal = HubMessage::Refused { reason: "this address is banned".into(), retryable: false };
    let mut first = one.connection().await;
    first.challenge().await;
    first.send(&refusal).await;
    let (mut second, registration) = two.worker().await;
    let job = two.assignment(1, 1);
    second.assign(&job).await;
    expect_drawn(&mut second, &job, 1).await;
    assert_eq!(two.result().await.1.receipt.provider, registration.address);
    let status = miner.state("serving").await;
    assert!(status["hubs"][0]["reason"].as_str().unwrap().contains("this address is banned"), "{status}");
    // Without any hub there is nothing to do.
    second.send(&refusal).await;
    let (code, log) = ended(worker).await;
    assert_eq!(code, Some(1), "{log}");
}

#[tokio::test]
async fn a_hub_that_passes_on_another_ones_challenge_gets_no_signature() {
    let (mut one, mut two, miner) = two_hubs().await;
    let worker = miner.start();
    let (first, _) = one.worker().await;
    while miner.state("serving").await["hubs"][0]["hub_id"] != "one" {}
    let mut liar = two.connection().await;
    liar.challenge = first.challenge.clone();
    assert!(is_left_unsigned(&mut liar).await);
    let reason = tokio::time::timeout(PATIENCE, async {
        loop {
            let status = miner.state("serving").await;
            if let Some(reason) = status["hubs"][1]["reason"].as_str().filter(|reason| reason.contains("knows at")) {
                break reason.to_owned();
            }
        }
    });
    let reason = reason.await.expect("the status says why");
    assert!(reason.contains("one on chain 7") && reason.contains(&one.url), "{reason}");
    // As itself it is welcome.
    two.worker().await;
    drop((worker, first));
}
