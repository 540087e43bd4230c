//! What the worker knows and decides: pure, so that every order of events can be tried.

use std::collections::{BTreeSet, VecDeque};

use shared::id::LeaseId;
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, HubMessage, REASON_MAX_CHARS, WorkerMessage};
use shared::time::UnixMillis;
use tokio::sync::watch;

use super::runner::{JobEvent, Order};
use crate::hub::results::Delivered;
use crate::receipt;

/// Assignments that wait behind the running one. The hub sends one at a time to a worker of one slot; more come only
/// when it lost count.
pub const QUEUE_MAX: usize = 4;

/// What the shell must do.
#[derive(Debug)]
pub enum Effect {
    /// Send it in the current session.
    Send(WorkerMessage),
    /// Give it to the job runner, which is free.
    Run(Box<Order>),
}

#[derive(Debug)]
pub struct Worker {
    model: String,
    connected: bool,
    draining: bool,
    hub_ahead_ms: i64,
    queue: VecDeque<Order>,
    running: Option<Running>,
    /// Leases with a result that the hub has not acknowledged.
    finished: BTreeSet<LeaseId>,
    /// Failures that no session was there to report.
    unsent: Vec<WorkerMessage>,
}

#[derive(Debug)]
struct Running {
    lease_id: LeaseId,
    cancel: watch::Sender<bool>,
}

impl Worker {
    /// `finished` are the leases whose results the outbox holds from an earlier life.
    pub fn new(model: String, finished: Vec<LeaseId>) -> Self {
        Self {
            model,
            connected: false,
            draining: false,
            hub_ahead_ms: 0,
            queue: VecDeque::new(),
            running: None,
            finished: finished.into_iter().collect(),
            unsent: Vec::new(),
        }
    }

    /// Leases that the hub should leave with this worker.
    pub fn leases(&self) -> Vec<LeaseId> {
        let queued = self.queue.iter().map(|order| order.assignment.lease_id);
        let running = self.running.iter().map(|running| running.lease_id);
        queued.chain(running).chain(self.finished.iter().copied()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Draining, with nothing left to draw.
    pub fn is_idle(&self) -> bool {
        self.draining && self.running.is_none() && self.queue.is_empty()
    }

    /// Idle, with nothing left to hand in.
    pub fn is_done(&self) -> bool {
        self.is_idle() && self.finished.is_empty()
    }

    pub fn connected(&mut self, hub_ahead_ms: i64) -> Vec<Effect> {
        self.connected = true;
        self.hub_ahead_ms = hub_ahead_ms;
        let draining = self.draining.then_some(WorkerMessage::Drain);
        std::mem::take(&mut self.unsent).into_iter().chain(draining).map(Effect::Send).collect()
    }

    pub fn disconnected(&mut self) {
        self.connected = false;
    }

    pub fn drain(&mut self) -> Vec<Effect> {
        self.draining = true;
        self.send(WorkerMessage::Drain).into_iter().collect()
    }

    pub fn heartbeat(&self) -> Vec<Effect> {
        let heartbeat = WorkerMessage::Heartbeat { leases: self.leases() };
        self.send(heartbeat).into_iter().collect()
    }

    pub fn hub_message(&mut self, message: HubMessage, now: UnixMillis) -> Vec<Effect> {
        match message {
            HubMessage::Assign(assignment) => self.assign(*assignment, now),
            HubMessage::Cancel { lease_id, reason } => self.cancel(lease_id, &reason),
            HubMessage::Notice { text } => {
                tracing::info!(text = crate::error::quote(&text), "the hub says");
                Vec::new()
            }
            // Registration is over; a hub that repeats it is not followed.
            HubMessage::Challenge(_) | HubMessage::Welcome { .. } | HubMessage::Refused { .. } => Vec::new(),
        }
    }

    fn assign(&mut self, assignment: Assignment, now: UnixMillis) -> Vec<Effect> {
        let lease_id = assignment.lease_id;
        if self.leases().contains(&lease_id) {
            return Vec::new();
        }
        let refusal = if self.draining {
            Some((Blame::Platform, "the worker drains".to_owned()))
        } else if assignment.model != self.model {
            Some((Blame::Platform, format!("this worker serves {}, not {}", self.model, assignment.model)))
        } else if self.queue.len() >= QUEUE_MAX {
            Some((Blame::Platform, format!("{QUEUE_MAX} jobs wait here already")))
        } else {
            receipt::check_terms(&assignment).err().map(|error| (Blame::Platform, error.to_string()))
        };
        if let Some((blame, reason)) = refusal {
            return self.fail(lease_id, blame, &reason);
        }
        let deadline_ms = i128::from(assignment.deadline_unix_ms.0) - i128::from(self.hub_ahead_ms) - i128::from(now.0);
        let remaining_ms = u64::try_from(deadline_ms).unwrap_or(0);
        self.queue.push_back(Order::new(assignment, now, remaining_ms));
        let mut effects: Vec<Effect> = self.send(WorkerMessage::Accept { lease_id }).into_iter().collect();
        effects.extend(self.run_next());
        effects
    }

    fn cancel(&mut self, lease_id: LeaseId, reason: &str) -> Vec<Effect> {
        tracing::info!(%lease_id, reason = crate::error::quote(reason), "the hub canceled a lease");
        self.queue.retain(|order| order.assignment.lease_id != lease_id);
        if let Some(running) = self.running.as_ref().filter(|running| running.lease_id == lease_id) {
            running.cancel.send_replace(true);
        }
        Vec::new()
    }

    pub fn job_event(&mut self, event: JobEvent) -> Vec<Effect> {
        match event {
            JobEvent::Progress(progress) => self.send(WorkerMessage::Progress(progress)).into_iter().collect(),
            JobEvent::Finished { lease_id } => {
                self.finished.insert(lease_id);
                self.running = None;
                self.run_next().into_iter().collect()
            }
            JobEvent::Canceled { .. } => {
                self.running = None;
                self.run_next().into_iter().collect()
            }
            JobEvent::Failed { lease_id, blame, reason } => {
                self.running = None;
                let mut effects = self.fail(lease_id, blame, &reason);
                effects.extend(self.run_next());
                effects
            }
        }
    }

    pub fn delivered(&mut self, delivered: &Delivered) -> Vec<Effect> {
        self.finished.remove(&delivered.lease_id);
        match &delivered.refusal {
            Some(reason) => tracing::error!(lease_id = %delivered.lease_id, reason, "the hub refused a result"),
            None => tracing::info!(lease_id = %delivered.lease_id, "the hub took a result"),
        }
        Vec::new()
    }

    fn run_next(&mut self) -> Option<Effect> {
        if self.running.is_some() {
            return None;
        }
        let order = self.queue.pop_front()?;
        self.running = Some(Running { lease_id: order.assignment.lease_id, cancel: order.cancel.clone() });
        Some(Effect::Run(Box::new(order)))
    }

    fn fail(&mut self, lease_id: LeaseId, blame: Blame, reason: &str) -> Vec<Effect> {
        let reason = reason.chars().take(REASON_MAX_CHARS).collect();
        let message = WorkerMessage::Fail { lease_id, blame, reason };
        match self.send(message.clone()) {
            Some(effect) => vec![effect],
            None => {
                self.unsent.push(message);
                Vec::new()
            }
        }
    }

    fn send(&self, message: WorkerMessage) -> Option<Effect> {
        self.connected.then_some(Effect::Send(message))
    }
}
