//! Gives waiting jobs to free devices, in batches where that pays.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::batch::{Decision, Waiting, decide};
use super::order::{JobEvent, Order};
use super::runner::{Bench, Freed, Runner};
use crate::child::supervisor::Supervisor;
use crate::runtime::{BatchKey, batch_key};

/// Batches that wait for one device: the next one starts when this one is over.
const BATCHES_MAX: usize = 1;

/// Section `[batching]` of the worker's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchingConfig {
    /// Jobs that share a run at most, where the engine gains by it; 1 turns batching off.
    pub jobs_max: usize,
    /// How long a job waits for others like it, up to 50 ms.
    pub delay_ms: u64,
}

impl Default for BatchingConfig {
    fn default() -> Self {
        Self { jobs_max: 4, delay_ms: 20 }
    }
}

/// A device, and which models run there.
#[derive(Debug)]
pub struct Lane {
    pub supervisor: Supervisor,
    /// Jobs of a model that share a run at most, by the names of the models that it serves.
    pub models: BTreeMap<String, usize>,
}

/// All devices, and what waits for them.
#[derive(Debug)]
pub struct Pool {
    lanes: Vec<Busy>,
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
}

/// Jobs that one worker with these devices runs at once.
pub fn slots(lanes: &[Lane], batching: &BatchingConfig) -> usize {
    let most = |lane: &Lane| lane.models.values().copied().max().unwrap_or(1).min(batching.jobs_max).max(1);
    lanes.iter().map(most).sum()
}

/// Runs orders until there will be no more of them.
pub async fn run(
    lanes: Vec<Lane>,
    bench: Bench,
    batching: BatchingConfig,
    mut orders: mpsc::Receiver<Order>,
    events: mpsc::Sender<JobEvent>,
) {
    let (freed_sender, mut freed) = mpsc::channel(lanes.len().max(1));
    let slots = slots(&lanes, &batching);
    let mut tasks = JoinSet::new();
    let start = |(lane, Lane { supervisor, models }): (usize, Lane)| {
        let (batches, receiver) = mpsc::channel(BATCHES_MAX);
        let runner = Runner { lane, supervisor, bench: bench.clone() };
        tasks.spawn(runner.run(receiver, events.clone(), freed_sender.clone()));
        Busy { models, batches, running: 0 }
    };
    let lanes = lanes.into_iter().enumerate().map(start).collect();
    let mut pool = Pool { lanes, queue: Vec::new(), slots, batching };
    loop {
        for canceled in pool.take_canceled() {
            let event = JobEvent::Canceled { lease_id: canceled.assignment.lease_id };
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
            Some(freed) = freed.recv() => pool.freed(freed),
            () = until(look_again_at) => {}
        }
    }
}

impl Pool {
    fn take_canceled(&mut self) -> Vec<Order> {
        self.queue.extract_if(.., |order| order.is_canceled()).collect()
    }

    fn freed(&mut self, freed: Freed) {
        if let Some(lane) = self.lanes.get_mut(freed.lane) {
            lane.running = 0;
            lane.models.insert(freed.model, freed.batch_max);
        }
    }

    /// Starts what can start. Gives the time to look again, where something waits for company.
    fn start(&mut self, now: Instant) -> Option<Instant> {
        let mut look_again_at = None;
        for lane in 0..self.lanes.len() {
            match self.decide(lane, now) {
                Some((_, Decision::WaitUntil(at))) => {
                    look_again_at = Some(look_again_at.map_or(at, |earlier: Instant| earlier.min(at)));
                }
                Some((places, Decision::Start(chosen))) => {
                    let mut chosen: Vec<usize> =
                        chosen.into_iter().filter_map(|index| places.get(index).copied()).collect();
                    chosen.reverse();
                    let mut batch: Vec<Order> = chosen.into_iter().map(|place| self.queue.remove(place)).collect();
                    batch.reverse();
                    self.send(lane, batch);
                }
                Some((_, Decision::Nothing)) | None => {}
            }
        }
        look_again_at
    }

    /// What a lane that is free should do, and the places in the queue that the decision speaks of.
    fn decide(&self, lane: usize, now: Instant) -> Option<(Vec<usize>, Decision)> {
        let running: usize = self.lanes.iter().map(|lane| lane.running).sum();
        let lane = self.lanes.get(lane).filter(|lane| lane.running == 0)?;
        let serves = |order: &Order| lane.models.contains_key(&order.assignment.model);
        let (places, waiting): (Vec<usize>, Vec<_>) = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, order)| serves(order))
            .map(|(place, order)| (place, self.waiting(lane, order)))
            .unzip();
        let room = self.slots.saturating_sub(running + self.queue.len());
        let decision = decide(&waiting, room, Duration::from_millis(self.batching.delay_ms), now);
        Some((places, decision))
    }

    fn waiting(&self, lane: &Busy, order: &Order) -> Waiting<(String, BatchKey)> {
        let Order { assignment, assigned_at, .. } = order;
        let batch_max = lane.models.get(&assignment.model).copied().unwrap_or(1).min(self.batching.jobs_max);
        let key = batch_key(&assignment.work).filter(|_| batch_max > 1);
        Waiting { key: key.map(|key| (assignment.model.clone(), key)), batch_max, since: *assigned_at }
    }

    fn send(&mut self, lane: usize, batch: Vec<Order>) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.running = batch.len();
        // A free lane has room; one whose task ended is never free again, and its jobs end with their leases.
        let _ = lane.batches.try_send(batch);
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
