//! Jobs of one shape on their way through the pool, a runner, the outbox and the delivery to a hub that takes each result
//! before the runner has told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use gpu_worker::child::supervisor::Supervisor;
use gpu_worker::child::{ChildConfig, Setup};
use gpu_worker::hub::clock::HubClock;
use gpu_worker::hub::results::{Recipient, deliver};
use gpu_worker::hub::route::Route;
use gpu_worker::hub::session::{HubIdentity, Session};
use gpu_worker::hub::trust::Trust;
use gpu_worker::hub::{HubNumber, HubUrl};
use gpu_worker::keys;
use gpu_worker::outbox::Outbox;
use gpu_worker::worker::order::{JobEvent, PoolEvent};
use gpu_worker::worker::pool::{self, BatchingConfig, ServingDevice};
use gpu_worker::worker::roster::Member;
use gpu_worker::worker::runner::Bench;
use gpu_worker::worker::state::{Effect, Worker};
use inference::engine::{EngineChoice, EngineConfig};
use shared::id::LeaseId;
use shared::protocol::{Assignment, HubMessage};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::hub_double::{ESCROW, HubDouble, MINTER, PATIENCE, assignment};
use crate::support::{ModelCopy, PROGRAM, onnxruntime_library};
use crate::worker_state::offer;

/// The first of these jobs has a shape of its own and keeps the device busy until the others wait together.
const STEPS: [u32; 3] = [6, 4, 4];

/// tract, on which jobs share no run, and ONNX Runtime where its library is found, on which two do.
fn engines() -> Vec<(EngineConfig, usize)> {
    let tract = EngineConfig { name: EngineChoice::Tract, ..EngineConfig::default() };
    let onnxruntime = onnxruntime_library().map(|library| EngineConfig {
        name: EngineChoice::Onnxruntime,
        onnxruntime_library: Some(library),
        ..EngineConfig::default()
    });
    std::iter::once((tract, 1)).chain(onnxruntime.map(|engine| (engine, 2))).collect()
}

async fn serving_device(engine: EngineConfig, together: usize, model: &ModelCopy) -> ServingDevice {
    let setup = Setup {
        model: model.path().to_path_buf(),
        engine,
        other_models: Vec::new(),
        data: None,
        child: ChildConfig::default(),
    };
    let mut supervisor = Supervisor::new(PathBuf::from(PROGRAM), setup);
    let loaded = supervisor.start().await.unwrap();
    assert!(loaded.batch_max >= together, "{loaded:?}");
    let models = BTreeMap::from([("test-model".to_owned(), loaded.batch_max)]);
    let member = Member { name: "A device".into(), engine: loaded.engine.clone(), devices: BTreeMap::new(), models };
    ServingDevice { supervisor, member }
}

#[tokio::test]
async fn a_batch_that_the_hub_takes_before_its_runner_tells_of_it_leaves_nothing_behind() {
    for (engine, together) in engines() {
        let mut hub = HubDouble::start().await;
        let (data, model) = (tempfile::tempdir().unwrap(), ModelCopy::new());
        let outbox = Outbox::open(&data.path().join("outbox")).unwrap();
        let bench = Bench {
            outboxes: [outbox.clone()].into(),
            key: keys::create_or_load(&data.path().join("miner.key")).unwrap(),
            models: Arc::new(BTreeMap::from([("test-model".to_owned(), model.path().to_path_buf())])),
            rest: watch::channel(false).1,
        };
        let jobs: Vec<Assignment> = (1..).zip(STEPS).map(|(number, steps)| assignment(number, steps)).collect();
        let leases: BTreeSet<LeaseId> = jobs.iter().map(|job| job.lease_id).collect();
        let now = Instant::now();
        let identity = HubIdentity { hub_id: "double".into(), chain_id: 7, minter: MINTER, escrow: ESCROW };
        let mut worker = Worker::new(HubNumber(0), &[offer()], jobs.len(), Vec::new());
        let clock = HubClock::new(inference::clock::now(), now);
        worker.connected(Session { hub: identity, clock, slots_told: jobs.len() as u32 });
        let (orders, order_receiver) = mpsc::channel(jobs.len());
        for job in &jobs {
            match worker.hub_message(HubMessage::Assign(Box::new(job.clone())), now).pop() {
                Some(Effect::Run(order)) => orders.send(*order).await.unwrap(),
                other => panic!("{} is taken, got {other:?}", job.lease_id),
            }
        }
        // A pause that is over before its jobs are ends with them.
        worker.pause();
        assert!(worker.resume().is_empty());

        let (event_sender, mut events) = mpsc::channel(1_024);
        let (delivered_sender, mut delivered) = mpsc::channel(8);
        let batching = BatchingConfig { jobs_max: 2, ..BatchingConfig::default() };
        let serving_devices = vec![serving_device(engine, together, &model).await];
        let pool = tokio::spawn(pool::run(serving_devices, bench, batching, order_receiver, event_sender));
        let url = HubUrl::parse(&hub.url).unwrap();
        let recipient = Recipient { number: HubNumber(0), url, trust: Trust::default(), route: Route::default() };
        let delivery = tokio::spawn(deliver(outbox.clone(), recipient, delivered_sender));

        let mut rejoins = 0;
        for _ in &jobs {
            let delivered = timeout(PATIENCE, delivered.recv()).await.expect("a delivery").unwrap();
            assert_eq!(delivered.refusal, None);
            rejoins += worker.delivered(&delivered).len();
        }
        assert_eq!((worker.leases(), worker.running(), worker.results_waiting()), (vec![], 0, 0));
        assert_eq!(rejoins, 1, "the pause ends with the last result");
        let (mut steps, mut finished) = (Vec::new(), BTreeSet::new());
        while finished.len() < jobs.len() {
            let event = timeout(PATIENCE, events.recv()).await.expect("an event").unwrap();
            let event = match event {
                PoolEvent::Job { hub: HubNumber(0), event } => event,
                PoolEvent::Warm { .. } => continue,
                other => panic!("no such event: {other:?}"),
            };
            match &event {
                JobEvent::Finished { lease_id } => assert!(finished.insert(*lease_id), "{lease_id} ended twice"),
                JobEvent::Progress(progress) => steps.push(progress.step),
                other => panic!("no such event: {other:?}"),
            }
            assert!(worker.job_event(event).is_empty(), "there is no session");
        }
        assert_eq!(finished, leases);
        assert_eq!((worker.leases(), worker.running(), worker.results_waiting()), (vec![], 0, 0));
        let walked = match together {
            1 => vec![1, 2, 3, 4, 1, 2, 3, 4],
            _ => vec![1, 1, 2, 2, 3, 3, 4, 4],
        };
        assert_eq!(steps[6..], walked, "{together} share a run");
        let mut taken = BTreeSet::new();
        for _ in &jobs {
            let (lease_id, submission) = hub.result().await;
            let job = jobs.iter().find(|job| job.lease_id == lease_id).unwrap();
            assert_eq!((submission.receipt.job_id, submission.artifacts.len()), (job.task.job_id, 1));
            assert!(taken.insert(lease_id), "{lease_id} was sent twice");
        }
        assert_eq!((taken, outbox.waiting().unwrap()), (leases, vec![]));
        for task in [pool, delivery] {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
    }
}
