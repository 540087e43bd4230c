//! One job on its way through the worker.

use std::time::Instant;

use inference::clock::millis;
use shared::id::LeaseId;
use shared::job::lifecycle::Blame;
use shared::protocol::{Assignment, Progress};
use tokio::sync::watch;

use super::roster::Duty;
use crate::child::supervisor::Limits;
use crate::hub::HubNumber;
use crate::hub::clock::HubClock;

/// A job to run.
#[derive(Debug)]
pub struct Order {
    /// Who assigned it. Its result goes there, and lease ids of two hubs may be equal.
    pub hub: HubNumber,
    pub assignment: Assignment,
    /// The clock of the hub that assigned it, in which its receipt is dated.
    pub clock: HubClock,
    pub assigned_at: Instant,
    pub deadline: Instant,
    pub cancel: watch::Sender<bool>,
    /// Whether anybody watches it.
    pub watched: watch::Sender<bool>,
    /// The device whose GPU was lost while it ran the job. The job goes to one other device, and no further.
    pub lost_by: Option<LostBy>,
}

/// Which device lost a job, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostBy {
    pub device_number: usize,
    pub reason: String,
}

impl Order {
    pub fn new(
        hub: HubNumber,
        assignment: Assignment,
        clock: HubClock,
        assigned_at: Instant,
        deadline: Instant,
    ) -> Self {
        // A hub that does not tell may have somebody who looks.
        let watched = watch::Sender::new(assignment.watched);
        let cancel = watch::Sender::new(false);
        Self { hub, assignment, clock, assigned_at, deadline, cancel, watched, lost_by: None }
    }

    /// What tells it from all others.
    pub fn name(&self) -> (HubNumber, LeaseId) {
        (self.hub, self.assignment.lease_id)
    }

    pub fn is_canceled(&self) -> bool {
        *self.cancel.borrow()
    }

    /// Milliseconds from the assignment to `instant`.
    pub fn age_ms(&self, instant: Instant) -> u64 {
        millis(instant.saturating_duration_since(self.assigned_at))
    }

    pub fn limits(&self) -> Limits {
        let (canceled, watched) = (self.cancel.subscribe(), self.watched.subscribe());
        Limits { canceled, deadline: self.deadline.into(), watched }
    }
}

/// What the runners say of a job, whose hub is named beside it.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    Progress(Progress),
    /// Its result is in the outbox.
    Finished {
        lease_id: LeaseId,
    },
    Canceled {
        lease_id: LeaseId,
    },
    Failed {
        lease_id: LeaseId,
        blame: Blame,
        retryable: bool,
        reason: String,
    },
}

/// What comes from the devices.
#[derive(Debug, Clone, PartialEq)]
pub enum PoolEvent {
    Job {
        hub: HubNumber,
        event: JobEvent,
    },
    /// What a device has loaded, by the models' names.
    Warm {
        device_number: usize,
        models: Vec<String>,
    },
    /// The new state of a device.
    Duty {
        device_number: usize,
        duty: Duty,
    },
}
