//! A miner's report about its machine: taken as signed and shown, refused with the reason otherwise.

use futures::{SinkExt, StreamExt};
use shared::capability::Capability;
use shared::device::{Device, DeviceKind};
use shared::hardware::{HardwareReport, METHOD, MeasuredDevice, Rate, SignedHardwareReport};
use shared::protocol::{HubMessage, PROTOCOL_VERSION, Registration, WorkerMessage};
use shared::signing::PrivateKey;
use shared::time::UnixMillis;
use tokio_tungstenite::tungstenite::Message;

use crate::server::TestServer;
use crate::worker::{capability, key};

fn report(key: &PrivateKey, measured_at: UnixMillis) -> HardwareReport {
    let device = Device { kind: DeviceKind::Gpu, name: "A card".into(), cores: None, memory_bytes: 8 << 30 };
    let rate = Rate { median: 30_000_000, min: 29_000_000, max: 31_000_000, samples: 7, median_by_device_clock: None };
    let device = MeasuredDevice { fp32_mflop_per_second: Some(rate), ..MeasuredDevice::unmeasured(device, "Vulkan") };
    HardwareReport {
        miner: key.address(),
        worker_version: "0".into(),
        method: METHOD.into(),
        measured_at_unix_ms: measured_at,
        devices: [device].into_iter().chain(capability(1).devices.into_iter().map(on_host)).collect(),
        models: vec![],
    }
}

/// What serves is measured, too.
fn on_host(device: Device) -> MeasuredDevice {
    MeasuredDevice::unmeasured(device, "host")
}

/// The hub's answer to a registration with a report.
async fn answer(server: &TestServer, key: &PrivateKey, hardware: SignedHardwareReport) -> HubMessage {
    let url = format!("ws://{}/v1/miners/session", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let HubMessage::Challenge(challenge) = read(socket.next().await) else { panic!("the hub speaks first") };
    let dialed = server.address.to_string();
    let message = challenge.registration_message(key.address(), &dialed);
    let registration = Registration {
        protocol_version: PROTOCOL_VERSION,
        address: key.address(),
        capability: Capability { hardware: Some(hardware), ..capability(1) },
        dialed,
        slots: 1,
        leases: vec![],
        signature: key.sign_message(message.as_bytes()).unwrap(),
    };
    let register = serde_json::to_string(&WorkerMessage::Register(Box::new(registration))).unwrap();
    socket.send(Message::text(register)).await.unwrap();
    read(socket.next().await)
}

fn read(frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) -> HubMessage {
    let Message::Text(text) = frame.unwrap().unwrap() else { panic!("the hub speaks text") };
    serde_json::from_str(&text).unwrap()
}

async fn refusal(server: &TestServer, key: &PrivateKey, hardware: SignedHardwareReport) -> String {
    match answer(server, key, hardware).await {
        HubMessage::Refused { reason, retryable: false } => reason,
        other => panic!("a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn a_signed_report_is_stored_and_shown_as_it_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let key = key(0x31);
    let signed = SignedHardwareReport::sign(report(&key, server::clock::now()), &key).unwrap();
    assert!(matches!(answer(&server, &key, signed.clone()).await, HubMessage::Welcome { .. }));
    let shown = server.get(&format!("/v1/miners/{}", key.address())).await.json();
    let shown: SignedHardwareReport = serde_json::from_value(shown["capability"]["hardware"].clone()).unwrap();
    assert_eq!(shown, signed);
    shown.check(key.address(), server::clock::now()).unwrap();
    let page = server.get(&format!("/miners/{}", key.address())).await;
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("A card") && page.contains("30.0 TFLOP/s"), "{page}");
    assert!(page.contains("Serves jobs.") && page.contains("Measured, but serves no jobs."), "{page}");
}

#[tokio::test]
async fn a_forged_altered_borrowed_or_future_report_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let (miner, other) = (key(0x31), key(0x32));
    let now = server::clock::now();
    let honest = SignedHardwareReport::sign(report(&miner, now), &miner).unwrap();

    let mut faster = honest.clone();
    faster.report.devices[0].device.memory_bytes = 80 << 30;
    let reason = refusal(&server, &miner, faster).await;
    assert!(reason.starts_with("capability.hardware: it is signed by") && reason.contains("altered"), "{reason}");

    let mut unsigned = honest.clone();
    unsigned.signature = Default::default();
    let reason = refusal(&server, &miner, unsigned).await;
    assert!(reason.contains("a signature is 65 bytes, got 0"), "{reason}");

    let reason = refusal(&server, &other, honest).await;
    assert!(reason.contains("handed it in"), "{reason}");

    let mut without = report(&miner, now);
    without.devices.truncate(1);
    let without = SignedHardwareReport::sign(without, &miner).unwrap();
    let reason = refusal(&server, &miner, without).await;
    assert!(reason.contains("test is among devices, but not in the hardware report"), "{reason}");

    let future = SignedHardwareReport::sign(report(&miner, now.plus_ms(3_600_000)), &miner).unwrap();
    let reason = refusal(&server, &miner, future).await;
    assert!(reason.contains("in the future"), "{reason}");

    let unknown = server.get(&format!("/v1/miners/{}", miner.address())).await;
    unknown.problem(404);
}
