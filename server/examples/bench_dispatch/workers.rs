//! Workers that answer each assignment at once, with a picture of its own and a signed receipt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shared::capability::Capability;
use shared::job::request::Work;
use shared::protocol::{Assignment, HubMessage, ResultSubmission, WorkerMessage};
use shared::signing::PrivateKey;
use tokio::sync::{Semaphore, mpsc};

use crate::client::Client;
use crate::hubs::Hubs;
use crate::worker::{TestWorker, capability, receipt, sign};

/// Workers behind one network address: a hub opens 120 sessions a minute for each.
const WORKERS_PER_ADDRESS: u16 = 100;

/// A worker that says nothing for long is given up.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(5);

/// Workers that connect at the same time.
const CONNECTING_MAX: usize = 64;

/// The workers of one hub, and what they tell.
pub(crate) struct Crowd {
    pub(crate) client: Client,
    /// One for each result that was taken.
    pub(crate) served: Semaphore,
    /// Results that were taken.
    pub(crate) count: AtomicU64,
    /// When each assignment arrived, by the seed of its picture.
    pub(crate) assignments: tokio::sync::Mutex<mpsc::UnboundedReceiver<(u64, Instant)>>,
    assigned: mpsc::UnboundedSender<(u64, Instant)>,
}

pub(crate) fn worker_key(number: u16) -> PrivateKey {
    let mut bytes = [1; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    PrivateKey::from_bytes(&bytes).unwrap()
}

/// Connects so many workers in equal parts to the hubs, and has them serve.
pub(crate) async fn connect_all(hubs: &Hubs, workers: u16) -> Vec<Arc<Crowd>> {
    let capability = capability(1);
    hubs.know(1..=workers, &capability).await;
    let of_each = workers / u16::try_from(hubs.processes.len()).unwrap();
    let mut crowds = Vec::new();
    for (process, first) in hubs.processes.iter().zip((1..).step_by(of_each.into())) {
        let crowd = Crowd::new(process.address);
        connect(process.address, first..first + of_each, &capability, |worker| {
            tokio::spawn(Arc::clone(&crowd).serve(worker));
        })
        .await;
        crowds.push(crowd);
    }
    crowds
}

/// Connects the workers of these numbers, several at a time.
pub(crate) async fn connect(
    hub: SocketAddr,
    numbers: std::ops::Range<u16>,
    capability: &Capability,
    connected: impl Fn(TestWorker),
) {
    use futures::StreamExt as _;
    let workers = numbers.map(|number| connect_one(hub, number, capability));
    let workers = futures::stream::iter(workers).buffer_unordered(CONNECTING_MAX);
    workers
        .for_each(|worker| {
            connected(worker);
            std::future::ready(())
        })
        .await;
}

pub(crate) async fn connect_one(hub: SocketAddr, number: u16, capability: &Capability) -> TestWorker {
    let from = format!("127.0.1.{}", number / WORKERS_PER_ADDRESS);
    let asked = TestWorker::ask_from(hub, Some(&from), worker_key(number), capability.clone(), vec![]);
    let (worker, answer) = asked.await.unwrap();
    assert!(matches!(answer, HubMessage::Welcome { .. }), "worker {number} is refused: {answer:?}");
    worker
}

impl Crowd {
    fn new(hub: SocketAddr) -> Arc<Self> {
        let (assigned, assignments) = mpsc::unbounded_channel();
        let (served, count) = (Semaphore::new(0), AtomicU64::new(0));
        Arc::new(Self { client: Client::new(hub), served, count, assignments: assignments.into(), assigned })
    }

    /// Until the hub ends the session.
    async fn serve(self: Arc<Self>, mut worker: TestWorker) {
        let mut heartbeats = tokio::time::interval(HEARTBEAT);
        loop {
            let message = tokio::select! {
                // A session that the hub ended is not written to.
                biased;
                message = worker.try_receive() => message,
                _ = heartbeats.tick() => {
                    worker.send(&WorkerMessage::Heartbeat { leases: vec![] }).await;
                    continue;
                }
            };
            let arrived = Instant::now();
            match message {
                Some(HubMessage::Assign(assignment)) => {
                    let _ = self.assigned.send((seed_of(&assignment), arrived));
                    self.answer(&worker.key, &assignment).await;
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Posts the result of an assignment, which the hub takes.
    pub(crate) async fn answer(&self, key: &PrivateKey, assignment: &Assignment) {
        let body = serde_json::to_vec(&result(key, assignment)).unwrap();
        let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
        let answer = self.client.post(&path, "", &body).await;
        assert_eq!(answer.status, 200, "a result was not taken: {}", answer.json());
        self.count.fetch_add(1, Ordering::Relaxed);
        self.served.add_permits(1);
    }
}

fn seed_of(assignment: &Assignment) -> u64 {
    let Work::Image(input) = &assignment.work else { panic!("only pictures are asked for") };
    input.seed
}

fn result(key: &PrivateKey, assignment: &Assignment) -> ResultSubmission {
    let file = picture(seed_of(assignment));
    sign(key, receipt(key.address(), assignment, &file), &assignment.terms, &file)
}

/// A picture that no other seed has, so that the hub writes a file for each. To compress it would take this program longer.
fn picture(seed: u64) -> Vec<u8> {
    const SIDE: u32 = 64;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::NoCompression);
    let mut pixels: Vec<u8> = (0..SIDE * SIDE).map(|index| (index % 251) as u8).collect();
    pixels[..8].copy_from_slice(&seed.to_be_bytes());
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}
