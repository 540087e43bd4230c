//! What a model does not take: the hub is told that the input is at fault, in words for the client, and the worker goes on.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use shared::id::LeaseId;
use shared::job::JobKind;
use shared::job::init_image::InitImage;
use shared::job::lifecycle::Blame;
use shared::job::request::Work;
use shared::model::own_model;
use shared::protocol::{Assignment, WorkerMessage};

use crate::hub_double::{HubDouble, Session, assignment, assignment_of};
use crate::miner::Miner;
use crate::ollama::work;
use crate::session::{check_result, expect_drawn};
use crate::support::default_models;

/// A PNG file of 64×64 pixels that ends before the first of them: all that the hub reads of it is whole.
const PNG_HEADER: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x40\x08\x02\0\0\0\x25\x0b\xe6\x89";

/// The reason of a failure that is put on the input.
async fn refusal(session: &mut Session, job: &Assignment) -> String {
    session.assign(job).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    match session.event().await {
        Some(WorkerMessage::Fail { lease_id, blame: Blame::Input, retryable: false, reason }) => {
            assert_eq!(lease_id, job.lease_id);
            reason
        }
        other => panic!("a refused input, got {other:?}"),
    }
}

#[tokio::test]
async fn a_prompt_beyond_the_context_and_a_mangled_picture_are_the_inputs_fault() {
    let mut hub = HubDouble::start().await;
    let miner = Miner::new(&hub);
    let mut config = std::fs::File::options().append(true).open(miner.data.path().join("worker.toml")).unwrap();
    let words = default_models().join("words");
    let words = words.display();
    write!(
        config,
        "[[models]]\npath = \"{words}\"\nunit_price_ait = \"0.25\"\nmeasured_micro_units_per_second = 1000000\n"
    )
    .unwrap();
    let worker = miner.start();
    let (mut session, registration) = hub.worker().await;

    let long = work("text", json!({"prompt": "a lake ".repeat(1_000), "max_tokens": 8}));
    let reason = refusal(&mut session, &assignment_of(1, own_model(JobKind::Text), long)).await;
    assert!(reason.starts_with("input.prompt is 1 to 255 tokens for this model, got "), "{reason}");

    let message = json!({"role": "user", "content": "a lake ".repeat(1_000)});
    let long = work("text", json!({"messages": [message], "max_tokens": 8}));
    let reason = refusal(&mut session, &assignment_of(5, own_model(JobKind::Text), long)).await;
    assert!(reason.starts_with("input.messages is 1 to 255 tokens for this model, got "), "{reason}");

    let mut mangled = assignment(2, 8);
    let Work::Image(input) = &mut mangled.work else { panic!("a picture") };
    input.init_image = Some(InitImage::parse(&STANDARD.encode(PNG_HEADER)).unwrap());
    input.strength = Some(1.0);
    mangled.terms.units = mangled.work.units();
    let reason = refusal(&mut session, &mangled).await;
    assert!(reason.starts_with("input.init_image is a whole PNG or JPEG file, got "), "{reason}");

    // A rule that the hub should have applied itself is the platform's fault, and the work is not accepted.
    let Work::Image(input) = &mut mangled.work else { panic!("a picture") };
    (input.init_image, input.strength, input.width) = (None, None, 100);
    mangled.terms.units = mangled.work.units();
    mangled.lease_id = LeaseId::from_random(4);
    session.assign(&mangled).await;
    let answer = session.event().await;
    let Some(WorkerMessage::Fail { lease_id, blame: Blame::Platform, reason, .. }) = answer else {
        panic!("a refused assignment, got {answer:?}")
    };
    assert_eq!(lease_id, mangled.lease_id);
    assert!(reason.contains("`input.width`") && reason.ends_with("got 100"), "{reason}");

    let next = assignment(3, 1);
    session.assign(&next).await;
    expect_drawn(&mut session, &next, 1).await;
    check_result(&next, &hub.result().await.1, registration.address);
    drop(worker);
}
