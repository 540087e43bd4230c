//! Gives waiting jobs to free devices, in batches where that is faster.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use inference::runtime::{BatchKey, batch_key};
use serde::{Deserialize, Serialize};
use shared::job::lifecycle::Blame;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::batch::{Decision, Waiting, decide};
use super::order::{JobEvent, Order, PoolEvent};
use super::roster::{Duty, Member, slots};
use super::runner::{Bench, DeviceReport, Runner};
use crate::child::supervisor::Supervisor;

/// Batches that wait for one device: the next one starts when this one is over.
const BATCHES_MAX: usize = 1;

/// Section `[batching]` of the worker's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchingConfig {
    /// Most jobs that share a run, where that is faster on the engine; 1 turns batching off.
    pub jobs_max: usize,
    /// How long a job waits for others like it, up to 50 ms.
    pub delay_ms: u64,
}

impl Default for BatchingConfig {
    fn default() -> Self {
        Self { jobs_max: 4, delay_ms: 20 }
    }
}

/// A device and its state.
#[derive(Debug)]
pub struct ServingDevice {
    pub supervisor: Supervisor,
    pub member: Member,
}

/// All devices, and what waits for them.
#[derive(Debug)]
pub struct Pool {
    serving_devices: Vec<Busy>,
    queue: Vec<Order>,
    slots: usize,
    batching: BatchingConfig,
}

#[derive(Debug)]
struct Busy {
    models: BTreeMap<String, usize>,
    batches: mpsc::Sender<Vec<Order>>,
    /// Jobs that it has.
    running: usize,
    duty: Duty,
}

/// Runs orders until their channel closes.
pub async fn run(
    serving_devices: Vec<ServingDevice>,
    bench: Bench,
    batching: BatchingConfig,
    mut orders: mpsc::Receiver<Order>,
    events: mpsc::Sender<PoolEvent>,
) {
    let (report_sender, mut reports) = mpsc::channel(serving_devices.len().max(1));
    let slots = slots(serving_devices.iter().map(|device| &device.member.models), batching.jobs_max);
    let mut tasks = JoinSet::new();
    let start = |(device_number, ServingDevice { supervisor, member }): (usize, ServingDevice)| {
        let (batches, receiver) = mpsc::channel(BATCHES_MAX);
        let runner = Runner::new(device_number, supervisor, bench.clone());
        tasks.spawn(runner.run(receiver, events.clone(), report_sender.clone()));
        Busy { models: member.models, batches, running: 0, duty: Duty::Serving }
    };
    let serving_devices = serving_devices.into_iter().enumerate().map(start).collect();
    let mut pool = Pool { serving_devices, queue: Vec::new(), slots, batching };
    loop {
        let canceled = pool.take_canceled().into_iter();
        let canceled = canceled.map(|order| {
            let lease_id = order.assignment.lease_id;
            PoolEvent::Job { hub: order.hub, event: JobEvent::Canceled { lease_id } }
        });
        for event in canceled.chain(pool.take_unserved()).collect::<Vec<_>>() {
            if events.send(event).await.is_err() {
                return;
            }
        }
        let look_again_at = pool.start(Instant::now());
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => pool.queue.push(order),
                None => return,
            },
            Some(report) = reports.recv() => {
                let news = pool.hear(report);
                // Failed jobs are reported before the loss of the device, because that loss may end the session.
                for event in pool.take_unserved().into_iter().chain(news) {
                    if events.send(event).await.is_err() {
                        return;
                    }
                }
            }
            () = until(look_again_at) => {}
        }
    }
}

impl Pool {
    fn take_canceled(&mut self) -> Vec<Order> {
        self.queue.extract_if(.., |order| order.is_canceled()).collect()
    }

    /// Jobs that no device is left for.
    fn take_unserved(&mut self) -> Vec<PoolEvent> {
        let Self { serving_devices, queue, .. } = self;
        let unserved = queue.extract_if(.., |order| {
            !serving_devices.iter().enumerate().any(|(number, busy)| busy.takes(number, order))
        });
        let event = |order: Order| {
            let reason = match order.lost_by {
                Some(lost_by) => lost_by.reason,
                None => format!("no device that serves {} is left", order.assignment.model),
            };
            // The device may be back.
            let retryable = true;
            let lease_id = order.assignment.lease_id;
            let event = JobEvent::Failed { lease_id, blame: Blame::Miner, retryable, reason };
            PoolEvent::Job { hub: order.hub, event }
        };
        unserved.map(event).collect()
    }

    /// Takes a device's report. Returns what changed.
    fn hear(&mut self, report: DeviceReport) -> Option<PoolEvent> {
        let DeviceReport { device_number, duty, finished } = report;
        let busy = self.serving_devices.get_mut(device_number)?;
        if let Some(finished) = finished {
            busy.running = 0;
            busy.models.insert(finished.model, finished.batch_max);
            self.queue.splice(..0, finished.lost);
        }
        let is_new = busy.duty != duty;
        busy.duty = duty.clone();
        is_new.then_some(PoolEvent::Duty { device_number, duty })
    }

    /// Starts what can start. Returns when to look again, if a job waits for others to share its run.
    fn start(&mut self, now: Instant) -> Option<Instant> {
        let mut look_again_at = None;
        for device_number in 0..self.serving_devices.len() {
            match self.decide(device_number, now) {
                Some((_, Decision::WaitUntil(at))) => {
                    look_again_at = Some(look_again_at.map_or(at, |earlier: Instant| earlier.min(at)));
                }
                Some((places, Decision::Start(chosen))) => {
                    let mut chosen: Vec<usize> =
                        chosen.into_iter().filter_map(|index| places.get(index).copied()).collect();
                    chosen.reverse();
                    let mut batch: Vec<Order> = chosen.into_iter().map(|place| self.queue.remove(place)).collect();
                    batch.reverse();
                    self.send(device_number, batch);
                }
                Some((_, Decision::Nothing)) | None => {}
            }
        }
        look_again_at
    }

    /// What a free device should do, and the places in the queue that the decision names.
    fn decide(&self, device_number: usize, now: Instant) -> Option<(Vec<usize>, Decision)> {
        let running: usize = self.serving_devices.iter().map(|device| device.running).sum();
        let device = self.serving_devices.get(device_number).filter(|device| device.running == 0)?;
        let (places, waiting): (Vec<usize>, Vec<_>) = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, order)| device.takes(device_number, order))
            .map(|(place, order)| (place, self.waiting(device, order)))
            .unzip();
        let room = self.slots.saturating_sub(running + self.queue.len());
        let decision = decide(&waiting, room, Duration::from_millis(self.batching.delay_ms), now);
        Some((places, decision))
    }

    fn waiting(&self, device: &Busy, order: &Order) -> Waiting<(String, BatchKey)> {
        let Order { assignment, assigned_at, .. } = order;
        let batch_max = device.models.get(&assignment.model).copied().unwrap_or(1).min(self.batching.jobs_max);
        let key = batch_key(&assignment.work).filter(|_| batch_max > 1);
        Waiting { key: key.map(|key| (assignment.model.clone(), key)), batch_max, since: *assigned_at }
    }

    fn send(&mut self, device_number: usize, batch: Vec<Order>) {
        let Some(device) = self.serving_devices.get_mut(device_number) else { return };
        device.running = batch.len();
        // A free device has room in its channel. If its task ended, it is never free again, and its jobs end with their
        // leases.
        let _ = device.batches.try_send(batch);
    }
}

impl Busy {
    /// Whether the device, which has this number, would do the job.
    fn takes(&self, number: usize, order: &Order) -> bool {
        let lost_it = order.lost_by.as_ref().is_some_and(|lost_by| lost_by.device_number == number);
        !self.duty.is_lost() && !lost_it && self.models.contains_key(&order.assignment.model)
    }
}

pub(super) async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
