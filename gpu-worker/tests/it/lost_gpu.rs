//! A GPU disappears while a job runs: the inference process dies and does not start again, as CUDA would have it.
//!
//! The process is the real one until the card is gone; then a script stands in its place that ends as a process does which
//! finds no card.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gpu_worker::child::supervisor::Supervisor;
use gpu_worker::child::{ChildConfig, Event, Setup};
use gpu_worker::hub::HubNumber;
use gpu_worker::hub::clock::HubClock;
use gpu_worker::keys;
use gpu_worker::outbox::Outbox;
use gpu_worker::worker::order::{JobEvent, Order, PoolEvent};
use gpu_worker::worker::pool::{self, BatchingConfig, ServingDevice};
use gpu_worker::worker::roster::{Duty, Member};
use gpu_worker::worker::runner::Bench;
use inference::engine::{EngineChoice, EngineConfig};
use inference::error::InferenceError;
use shared::id::LeaseId;
use shared::job::lifecycle::Blame;
use shared::protocol::WorkerMessage;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::hub_double::{HubDouble, PATIENCE, assignment};
use crate::miner::{Miner, child_of, ended, signal};
use crate::running::word;
use crate::session::{check_result, expect_drawn};
use crate::support::{ModelCopy, PROGRAM};

/// What ONNX Runtime says where the driver finds no card.
const NO_CARD: &str = "CUDA failure 100: no CUDA-capable device is detected ; GPU=32712 ; hostname=HOME-PC ; \
                       file=cuda_execution_provider.cc ; line=245 ; expr=cudaSetDevice(info_.device_id);";

/// A program that computes on a card which can be pulled out.
struct Card {
    folder: TempDir,
}

impl Card {
    fn new() -> Self {
        // Beside the program, so that a link to it can be made.
        let folder = tempfile::tempdir_in(Path::new(PROGRAM).parent().unwrap()).unwrap();
        let card = Self { folder };
        card.put_back();
        card
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("gpu-worker")
    }

    fn replace(&self, make: impl FnOnce(&Path)) {
        let new = self.folder.path().join("new");
        make(&new);
        std::fs::rename(new, self.program()).unwrap();
    }

    fn put_back(&self) {
        self.replace(|new| std::fs::hard_link(PROGRAM, new).unwrap());
    }

    fn pull_out(&self) {
        let reason = inference::error::quote_engine(NO_CARD);
        let error = InferenceError::provider("CUDA", reason, "install NVIDIA's driver");
        self.answer(&[Event::NotLoaded(error)]);
    }

    /// From now on a process says these, and then nothing any more.
    fn answer(&self, events: &[Event]) {
        let frame = |event: &Event| {
            let json = serde_json::to_vec(event).unwrap();
            [&u32::try_from(json.len()).unwrap().to_le_bytes()[..], &json].concat()
        };
        let answer = self.folder.path().join("answer");
        std::fs::write(&answer, events.iter().flat_map(frame).collect::<Vec<u8>>()).unwrap();
        self.replace(|new| {
            let script = format!("#!/bin/sh\ncat '{}'\nexec cat > /dev/null\n", answer.display());
            std::fs::write(new, script).unwrap();
            std::fs::set_permissions(new, std::fs::Permissions::from_mode(0o755)).unwrap();
        });
    }

    fn supervisor(&self, model: &Path) -> Supervisor {
        let engine = EngineConfig { name: EngineChoice::Tract, ..EngineConfig::default() };
        let setup = Setup {
            model: model.to_path_buf(),
            engine,
            other_models: Vec::new(),
            data: None,
            child: ChildConfig::default(),
        };
        Supervisor::new(self.program(), setup)
    }
}

/// A device with a card of its own, whose process runs.
async fn serving_device(card: &Card, name: &str, model: &Path) -> ServingDevice {
    let mut supervisor = card.supervisor(model);
    supervisor.settle(name.into(), Default::default());
    let engine = supervisor.start().await.unwrap().engine.clone();
    let models = BTreeMap::from([("test-model".to_owned(), 1)]);
    ServingDevice { supervisor, member: Member { name: name.into(), engine, devices: BTreeMap::new(), models } }
}

fn order(number: u128, steps: u32) -> Order {
    let now = Instant::now();
    let clock = HubClock::new(inference::clock::now(), now);
    Order::new(HubNumber(0), assignment(number, steps), clock, now, now + PATIENCE)
}

struct Devices {
    orders: mpsc::Sender<Order>,
    events: mpsc::Receiver<PoolEvent>,
    outbox: Outbox,
    _data: TempDir,
    _model: ModelCopy,
}

impl Devices {
    /// Two, of which the first gets a job first.
    async fn start(first: &Card, second: &Card) -> (Self, [u32; 2]) {
        let (data, model) = (tempfile::tempdir().unwrap(), ModelCopy::new());
        let serving_devices = vec![
            serving_device(first, "GPU 0 (A card)", model.path()).await,
            serving_device(second, "GPU 1", model.path()).await,
        ];
        let pids = [0, 1].map(|number: usize| serving_devices[number].supervisor.process_id().unwrap());
        let outbox = Outbox::open(data.path()).unwrap();
        let bench = Bench {
            outboxes: [outbox.clone()].into(),
            key: keys::create_or_load(&data.path().join("miner.key")).unwrap(),
            models: Arc::new(BTreeMap::from([("test-model".to_owned(), model.path().to_path_buf())])),
            rest: watch::channel(false).1,
        };
        let (orders, order_receiver) = mpsc::channel(8);
        let (event_sender, events) = mpsc::channel(1_024);
        tokio::spawn(pool::run(serving_devices, bench, BatchingConfig::default(), order_receiver, event_sender));
        (Self { orders, events, outbox, _data: data, _model: model }, pids)
    }

    /// The next event that is no step and no loading.
    async fn event(&mut self) -> PoolEvent {
        loop {
            match self.any().await {
                PoolEvent::Job { event: JobEvent::Progress(_), .. } | PoolEvent::Warm { .. } => {}
                other => return other,
            }
        }
    }

    async fn step(&mut self) {
        while !matches!(self.any().await, PoolEvent::Job { event: JobEvent::Progress(_), .. }) {}
    }

    async fn any(&mut self) -> PoolEvent {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event").unwrap()
    }
}

fn finished(lease_id: LeaseId) -> PoolEvent {
    PoolEvent::Job { hub: HubNumber(0), event: JobEvent::Finished { lease_id } }
}

fn lost(event: &PoolEvent) -> (usize, &str) {
    match event {
        PoolEvent::Duty { device_number, duty: Duty::Lost { reason } } => (*device_number, reason),
        other => panic!("a loss, got {other:?}"),
    }
}

#[tokio::test]
async fn a_card_that_vanishes_under_a_job_leaves_it_to_another_and_serves_again_when_it_is_back() {
    let cards = [Card::new(), Card::new()];
    let (mut devices, [first, second]) = Devices::start(&cards[0], &cards[1]).await;
    let job = order(1, 40);
    let lease_id = job.assignment.lease_id;
    devices.orders.send(job).await.unwrap();
    devices.step().await;
    cards[0].pull_out();
    signal("-ABRT", first).await;
    // The device goes, and the job goes on elsewhere: nobody hears of a failure.
    let event = devices.event().await;
    let (device_number, reason) = lost(&event);
    assert_eq!(device_number, 0);
    let said = "GPU 0 (A card) is gone: CUDA failure 100: no CUDA-capable device is detected; look for";
    assert!(reason.starts_with(said) && !reason.contains("HOME-PC"), "{reason}");
    assert_eq!(devices.event().await, finished(lease_id));
    assert_eq!(devices.outbox.waiting().unwrap(), [lease_id]);
    // While it is away, the other one does everything.
    let job = order(2, 1);
    let lease_id = job.assignment.lease_id;
    devices.orders.send(job).await.unwrap();
    assert_eq!(devices.event().await, finished(lease_id));
    cards[0].put_back();
    assert_eq!(devices.event().await, PoolEvent::Duty { device_number: 0, duty: Duty::Serving });
    cards[1].pull_out();
    signal("-ABRT", second).await;
    assert_eq!(lost(&devices.event().await).0, 1);
    let job = order(3, 1);
    let lease_id = job.assignment.lease_id;
    devices.orders.send(job).await.unwrap();
    assert_eq!(devices.event().await, finished(lease_id));
}

#[tokio::test]
async fn without_any_card_a_job_ends_with_a_word_and_the_worker_goes_on() {
    let cards = [Card::new(), Card::new()];
    let (mut devices, [first, second]) = Devices::start(&cards[0], &cards[1]).await;
    cards.iter().for_each(Card::pull_out);
    signal("-KILL", second).await;
    assert_eq!(lost(&devices.event().await).0, 1);
    let job = order(4, 40);
    let lost_lease = job.assignment.lease_id;
    devices.orders.send(job).await.unwrap();
    devices.step().await;
    signal("-ABRT", first).await;
    match devices.event().await {
        PoolEvent::Job {
            event: JobEvent::Failed { lease_id, blame: Blame::Miner, retryable: true, reason }, ..
        } => {
            assert_eq!(lease_id, lost_lease);
            assert!(reason.starts_with("GPU 0 (A card) is gone"), "{reason}");
        }
        other => panic!("a failure, got {other:?}"),
    }
    assert_eq!(lost(&devices.event().await).0, 0, "the loss is told after what it ended");
    devices.orders.send(order(5, 1)).await.unwrap();
    match devices.event().await {
        PoolEvent::Job { event: JobEvent::Failed { reason, .. }, .. } => {
            assert_eq!(reason, "no device that serves test-model is left")
        }
        other => panic!("a failure, got {other:?}"),
    }
    cards[1].put_back();
    assert_eq!(devices.event().await, PoolEvent::Duty { device_number: 1, duty: Duty::Serving });
    let job = order(6, 1);
    let lease_id = job.assignment.lease_id;
    devices.orders.send(job).await.unwrap();
    assert_eq!(devices.event().await, finished(lease_id));
}

#[tokio::test]
async fn a_process_whose_context_is_dead_is_ended_and_another_one_takes_its_place() {
    let (card, model) = (Card::new(), ModelCopy::new());
    let mut supervisor = card.supervisor(model.path());
    let loaded = supervisor.start().await.unwrap().clone();
    supervisor.kill().await;
    let dead = InferenceError::run("unet/model.onnx", "CUDA failure 700: an illegal memory access was encountered");
    card.answer(&[Event::Loaded(loaded), Event::Failed { id: 1, error: dead }]);
    supervisor.start().await.unwrap();
    let process = supervisor.process_id().unwrap();
    let order = order(7, 1);
    let error = supervisor.run(&order.assignment.work, &mut order.limits(), &mut |_| {}).await.unwrap_err();
    let text = error.to_string();
    assert_eq!((error.kind.name(), error.kind.is_retryable()), ("gpu_lost", true));
    assert!(text.starts_with("GPU 0 failed: CUDA failure 700: an illegal memory access"), "{text}");
    assert_eq!(supervisor.process_id(), None);
    assert!(!Path::new(&format!("/proc/{process}/exe")).exists(), "the process lives on");
    card.put_back();
    supervisor.run(&order.assignment.work, &mut order.limits(), &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_worker_without_its_card_leaves_the_hub_and_comes_back_with_it() {
    let mut hub = HubDouble::start().await;
    let (miner, card) = (Miner::new(&hub), Card::new());
    let worker = miner.start_program(&card.program());
    let (mut session, registration) = hub.worker().await;
    let job = assignment(91, 60);
    session.assign(&job).await;
    assert_eq!(session.event().await, Some(WorkerMessage::Accept { lease_id: job.lease_id }));
    assert!(matches!(session.event().await, Some(WorkerMessage::Progress(_))));
    card.pull_out();
    signal("-ABRT", child_of(worker.id().unwrap()).unwrap()).await;
    match word(&mut session).await {
        Some(WorkerMessage::Fail { lease_id, blame: Blame::Miner, retryable: true, reason, .. }) => {
            assert_eq!(lease_id, job.lease_id);
            assert!(reason.contains(" is gone: CUDA failure 100"), "{reason}");
        }
        other => panic!("the job is handed back, got {other:?}"),
    }
    assert_eq!(word(&mut session).await, Some(WorkerMessage::Drain));
    assert_eq!(word(&mut session).await, None, "it stays with nothing to offer");
    let status = miner.state("without_device").await;
    assert!(status["lost"][0]["reason"].as_str().unwrap().contains("no CUDA-capable device"), "{status}");
    card.put_back();
    let (mut session, again) = hub.worker().await;
    assert_eq!((again.leases, again.capability), (vec![], registration.capability));
    let job = assignment(92, 1);
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    check_result(&job, &hub.result().await.1, registration.address);
    assert_eq!(miner.state("serving").await["lost"], serde_json::json!([]));
    signal("-TERM", worker.id().unwrap()).await;
    let (code, log) = tokio::time::timeout(Duration::from_secs(300), ended(worker)).await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the device is out of service") && log.contains("the device is back in service"), "{log}");
}
