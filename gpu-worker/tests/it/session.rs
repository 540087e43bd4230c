//! The program `gpu-worker start` against a hub double: one whole life, and what may go wrong in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::protocol::{Assignment, HubMessage, Progress, ResultSubmission, WorkerMessage};
use shared::signing::{recover, recover_message};
use shared::time::UnixMillis;
use shared::typed_data::SigningDomain;
use shared::unit::UnitType;

use crate::hub_double::{HubDouble, MINTER, Session, assignment, assignment_of};
use crate::miner::{Miner, ended, signal};
use crate::ollama_double::{Behaviour, OllamaDouble, TEXT_MODEL};
use crate::support::{ModelCopy, pixels};

/// Accepts, then progresses to the last step.
pub(crate) async fn expect_drawn(session: &mut Session, job: &Assignment, steps: u32) -> Vec<Progress> {
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    let mut seen = Vec::new();
    while seen.last().is_none_or(|progress: &Progress| progress.step < steps) {
        match session.event().await {
            Some(WorkerMessage::Progress(progress)) => seen.push(progress),
            other => panic!("progress, got {other:?}"),
        }
    }
    seen
}

pub(crate) fn check_result(job: &Assignment, submission: &ResultSubmission, miner: shared::Address) {
    let receipt = &submission.receipt;
    assert_eq!((receipt.job_id, receipt.client, receipt.provider), (job.task.job_id, job.terms.client, miner));
    assert_eq!((receipt.units, receipt.unit_price), (job.work.units(), job.terms.unit_price));
    assert_eq!((receipt.prompt_commitment, receipt.chain_id), (job.salt.commit_prompt(job.work.prompt_hash()), 7));
    assert!(receipt.started_at <= receipt.finished_at);
    assert!(receipt.trace_commitment.is_some());
    assert!(receipt.determinism_class.contains("/tract-"), "{}", receipt.determinism_class);
    assert_eq!((receipt.task_role, receipt.expires_at), (job.task.role, job.terms.expires_at));
    let domain = SigningDomain::of_contract(7, MINTER);
    assert_eq!(recover(&receipt.claim().unwrap(), &domain, &submission.miner_signature), Ok(miner));
    let [artifact] = &submission.artifacts[..] else { panic!("one artifact") };
    let png = STANDARD.decode(&artifact.base64).unwrap();
    assert_eq!(receipt.result_commitment, job.salt.commit_result(Sha256Digest::of(&png)));
    let (width, height, _) = pixels(&png);
    assert_eq!((width, height), (256, 256));
    assert_eq!(submission.metering.gpu_ms, 0);
    assert!(submission.metering.cpu_ms > 0 && submission.metering.cpu_ms <= submission.metering.duration_ms);
}

#[tokio::test]
async fn serves_a_job_hands_its_result_in_until_it_is_taken_and_drains() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::init(&hub).await;
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let message = session.challenge.registration_message(registration.address, &registration.dialed);
    let signer = recover_message(message.as_bytes(), &registration.signature);
    assert_eq!(signer, Ok(registration.address));
    assert!(hub.url.ends_with(&registration.dialed), "{} is not where it was dialed", registration.dialed);
    assert_eq!((registration.slots, &registration.leases[..]), (1, &[][..]));
    let capability = &registration.capability;
    assert_eq!((capability.engine.name.as_str(), capability.slots), ("tract", 1));
    assert_eq!(capability.offers[0].model, "test-model");
    assert!(capability.offers[0].measured_micro_units_per_second > 0);
    let hardware = capability.hardware.as_ref().unwrap();
    hardware.check(registration.address, UnixMillis(u64::MAX)).unwrap();
    assert!(hardware.report.devices[0].fp32_mflop_per_second.is_some(), "{hardware:?}");
    assert_eq!(hardware.report.models[0].model, "test-model");

    hub.statuses.lock().unwrap().extend([503, 429]);
    let job = assignment(1, 4);
    session.assign(&job).await;
    session.assign(&job).await;
    let steps = expect_drawn(&mut session, &job, 4).await;
    assert_eq!(steps.iter().map(|progress| progress.step).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let (lease_id, first) = hub.result().await;
    assert_eq!(lease_id, job.lease_id);
    check_result(&job, &first, registration.address);
    // Sent again as it was, until it is taken.
    assert_eq!(hub.result().await, (lease_id, first.clone()));
    assert_eq!(hub.result().await, (lease_id, first));

    signal("-TERM", worker.id().unwrap()).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Drain));
    let (code, log) = ended(worker).await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(miner.waiting(&hub), 0);
    assert!(log.contains("\"message\":\"job over\"") && log.contains("\"bytes_out\""), "{log}");
    assert!(!log.contains("secret"), "the prompt is in the log");
}

#[tokio::test]
async fn a_finished_result_survives_the_death_of_the_worker() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let mut worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    hub.statuses.lock().unwrap().extend([503; 1000]);
    let job = assignment(2, 1);
    session.assign(&job).await;
    let (_, submission) = hub.result().await;
    worker.kill().await.unwrap();
    assert_eq!(miner.waiting(&hub), 1);

    hub.statuses.lock().unwrap().clear();
    drop(session);
    let worker = miner.start();
    let (_session, again) = hub.worker().await;
    assert_eq!(again.address, registration.address);
    assert!(again.leases.is_empty() || again.leases == [job.lease_id]);
    loop {
        let (lease_id, resent) = hub.result().await;
        assert_eq!((lease_id, &resent), (job.lease_id, &submission));
        if hub.statuses.lock().unwrap().is_empty() {
            break;
        }
    }
    signal("-TERM", worker.id().unwrap()).await;
    assert_eq!(ended(worker).await.0, Some(0));
    assert_eq!(miner.waiting(&hub), 0);
}

#[tokio::test]
async fn a_canceled_job_stops_and_makes_room_for_the_next() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, _) = hub.worker().await;
    let (job, next) = (assignment(5, 100), assignment(6, 1));
    session.assign(&job).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    session.assign(&next).await;
    let refused = loop {
        match session.event().await {
            Some(WorkerMessage::Fail { lease_id, reason, .. }) if lease_id == next.lease_id => break reason,
            Some(WorkerMessage::Progress(_)) => {}
            other => panic!("a refusal, got {other:?}"),
        }
    };
    assert!(refused.contains("1 slots"), "{refused}");
    let next = assignment(11, 1);
    session.send(&HubMessage::Cancel { lease_id: job.lease_id, reason: "the client left".into() }).await;
    session.assign(&next).await;
    let (lease_id, _) = hub.result().await;
    assert_eq!(lease_id, next.lease_id, "a canceled job has no result");
    drop(worker);
}

/// The progress after step `after` up to the first preview, or to the last step.
async fn until_preview(session: &mut Session, after: u32) -> (u32, bool) {
    loop {
        match session.event().await {
            Some(WorkerMessage::Progress(progress)) if progress.step <= after => {}
            Some(WorkerMessage::Progress(progress)) if progress.preview.is_some() => return (progress.step, true),
            Some(WorkerMessage::Progress(progress)) if progress.step == progress.steps => {
                return (progress.step, false);
            }
            Some(WorkerMessage::Accept { .. } | WorkerMessage::Progress(_)) => {}
            other => panic!("progress, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn previews_are_drawn_only_while_somebody_looks() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(12, 20);
    session.assign(&job).await;
    assert!(until_preview(&mut session, 0).await.1);
    assert!(!until_preview(&mut session, 15).await.1, "the last preview is at three quarters");
    check_result(&job, &hub.result().await.1, registration.address);
    let job = Assignment { watched: false, ..assignment(13, 40) };
    session.assign(&job).await;
    assert_eq!(until_preview(&mut session, 0).await, (40, false));
    check_result(&job, &hub.result().await.1, registration.address);
    // Somebody comes, and gets the next one.
    let job = Assignment { watched: false, ..assignment(14, 80) };
    session.assign(&job).await;
    let watched = |watched| HubMessage::Watched { lease_id: job.lease_id, watched };
    loop {
        match session.event().await {
            Some(WorkerMessage::Progress(progress)) if progress.step == 20 => break assert_eq!(progress.preview, None),
            Some(_) => {}
            None => panic!("the session ended"),
        }
    }
    session.send(&watched(true)).await;
    let (step, is_preview) = until_preview(&mut session, 20).await;
    assert!(is_preview && step % 20 == 0, "{step}");
    session.send(&watched(false)).await;
    check_result(&job, &hub.result().await.1, registration.address);
    drop(worker);
}

#[tokio::test]
async fn a_lost_session_is_taken_up_again_with_the_leases_it_held() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let job = assignment(7, 60);
    session.assign(&job).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    drop(session);
    let (_session, again) = hub.worker().await;
    assert_eq!(again.leases, [job.lease_id]);
    let (lease_id, submission) = hub.result().await;
    assert_eq!(lease_id, job.lease_id);
    check_result(&job, &submission, registration.address);
    drop(worker);
}

#[tokio::test]
async fn jobs_that_it_does_not_serve_are_handed_back() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let (mut session, _) = hub.worker().await;
    let other_model = Assignment { model: "sd-15".into(), ..assignment(8, 1) };
    let mut underpaid = assignment(9, 1);
    underpaid.terms.units = shared::amount::MicroUnits(1);
    let mut out_of_bounds = assignment(10, 1);
    let shared::job::request::Work::Image(input) = &mut out_of_bounds.work else { panic!("a picture") };
    input.width = 100;
    out_of_bounds.terms.units = out_of_bounds.work.units();
    for (job, words) in [(other_model, "not sd-15"), (underpaid, "the terms pay"), (out_of_bounds, "input.width")] {
        session.assign(&job).await;
        let reason = loop {
            match session.event().await {
                Some(WorkerMessage::Fail { lease_id, reason, .. }) if lease_id == job.lease_id => break reason,
                Some(WorkerMessage::Accept { .. }) => {}
                other => panic!("a failure, got {other:?}"),
            }
        };
        assert!(reason.contains(words), "{reason}");
    }
    drop(worker);
}

#[tokio::test]
async fn a_hub_that_will_not_have_it_ends_it_with_a_word() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let worker = miner.start();
    let mut session = hub.connection().await;
    session.challenge().await;
    session.send(&HubMessage::Refused { reason: "this address is banned".into(), retryable: false }).await;
    let (code, log) = ended(worker).await;
    assert_eq!(code, Some(1));
    assert!(log.contains("this address is banned"), "{log}");
}

#[tokio::test]
async fn an_altered_hardware_report_stays_at_home_and_the_worker_serves() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::init(&hub).await;
    let report = miner.data.path().join("hardware.json");
    let altered = std::fs::read_to_string(&report).unwrap().replacen("\"threads\": ", "\"threads\": 9", 1);
    std::fs::write(&report, altered).unwrap();
    let worker = miner.start();
    let (_session, registration) = hub.worker().await;
    assert_eq!(registration.capability.hardware, None);
    signal("-TERM", worker.id().unwrap()).await;
    let (_, log) = ended(worker).await;
    assert!(log.contains("altered") && log.contains("gpu-worker bench"), "{log}");
}

#[tokio::test]
async fn a_text_streams_to_the_hub_and_its_receipt_claims_the_tokens_that_ollama_counted() {
    let (mut hub, ollama) = (HubDouble::start().await, OllamaDouble::start());
    let model = ModelCopy::empty();
    inference::runtime::ollama::folder::create(&ollama.url, TEXT_MODEL, false, model.path(), &mut |_| {}).unwrap();
    for _ in 0..4 {
        ollama.next(Behaviour::Writes(&["to", " measure"]));
    }
    let miner = Miner::init_with(&hub, model).await;
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;
    let capability = &registration.capability;
    assert_eq!((capability.engine.name.as_str(), capability.engine.version.as_str()), ("ollama", "0.12.6"));
    let offer = &capability.offers[0];
    assert_eq!((offer.model.as_str(), offer.kind, offer.unit_type), (TEXT_MODEL, JobKind::Text, UnitType::Token));
    assert!(offer.measured_micro_units_per_second > 0);

    ollama.next(Behaviour::NeverEnds);
    let input = serde_json::json!({"messages": [{"role": "user", "content": "a secret"}], "max_tokens": 20});
    let job = assignment_of(1, TEXT_MODEL, crate::ollama::work("text", input.clone()));
    session.assign(&job).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    assert!(matches!(session.event().await, Some(WorkerMessage::Progress(_))));
    session.send(&HubMessage::Cancel { lease_id: job.lease_id, reason: "nobody waits".into() }).await;
    ollama.hung_up();

    ollama.next(Behaviour::Writes(&["Only ", "the ", "hub."]));
    let job = assignment_of(2, TEXT_MODEL, crate::ollama::work("text", input));
    session.assign(&job).await;
    let mut streamed = String::new();
    while streamed != "Only the hub." {
        if let Some(WorkerMessage::Progress(progress)) = session.event().await
            && let Some(piece) = progress.piece.filter(|_| progress.lease_id == job.lease_id)
        {
            assert_eq!(piece.at, streamed.len());
            streamed.push_str(&piece.text);
        }
    }
    let (lease_id, submission) = hub.result().await;
    let receipt = &submission.receipt;
    assert_eq!(lease_id, job.lease_id);
    assert_eq!(STANDARD.decode(&submission.artifacts[0].base64).unwrap(), streamed.as_bytes());
    assert_eq!(receipt.units, shared::amount::MicroUnits(11_000_000), "7 tokens read, 4 written");
    assert!(receipt.units <= job.terms.units);
    assert_eq!(receipt.unit_type, UnitType::Token);
    assert!(receipt.determinism_class.contains("/ollama-0.12.6/"), "{}", receipt.determinism_class);
    signal("-TERM", worker.id().unwrap()).await;
    let (code, log) = ended(worker).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("secret"), "the prompt is in the log");
}
