//! A hub that passes this one's challenge on to a worker, and hands the worker's answer in here.

use futures::{SinkExt as _, StreamExt as _};
use shared::protocol::{HubMessage, PROTOCOL_VERSION, Registration, WorkerMessage};
use tokio_tungstenite::tungstenite::Message;

use super::server::{TestServer, config};
use super::worker::{capability, key};

/// The answer to a registration of a worker that signed `signed`, which names `dialed`.
async fn answer(server: &TestServer, signed: &str, dialed: &str) -> HubMessage {
    let url = format!("ws://{}/v1/miners/session", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let HubMessage::Challenge(challenge) = read(socket.next().await) else { panic!("the hub speaks first") };
    let miner = key(1);
    let registration = Registration {
        protocol_version: PROTOCOL_VERSION,
        address: miner.address(),
        capability: capability(1),
        dialed: dialed.to_owned(),
        slots: 1,
        leases: vec![],
        signature: miner.sign_message(challenge.registration_message(miner.address(), signed).as_bytes()).unwrap(),
    };
    let register = serde_json::to_string(&WorkerMessage::Register(Box::new(registration))).unwrap();
    socket.send(Message::text(register)).await.unwrap();
    read(socket.next().await)
}

fn read(frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> HubMessage {
    let Message::Text(text) = frame.unwrap().unwrap() else { panic!("the hub speaks text") };
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_was_meant_for_another_hub_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let mut named = config(place.path());
    named.own_origins = vec!["https://hub.example".to_owned()];
    let server = TestServer::start_with(named).await;
    let own = "hub.example:443";
    let refusals = [
        // As the worker signed it, and as the hub in between would like to have it.
        ("evil.example:443", "evil.example:443", "this hub is `hub.example:443`", true),
        ("evil.example:443", own, "is signed by", false),
        ("evil.example:443\nnonce: 0x00", "evil.example:443\nnonce: 0x00", "was told to reach", true),
    ];
    for (signed, dialed, reason, may_return) in refusals {
        match answer(&server, signed, dialed).await {
            HubMessage::Refused { reason: said, retryable } => {
                assert!(said.contains(reason) && retryable == may_return, "{said}");
            }
            other => panic!("a refusal, got {other:?}"),
        }
    }
    assert!(matches!(answer(&server, own, own).await, HubMessage::Welcome { .. }));
    server.stop().await;
}
