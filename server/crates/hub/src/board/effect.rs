//! What the shell must do after an input.

use shared::Address;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Fault, JobState, TaskLife};
use shared::job::task::Task;
use shared::protocol::Assignment;
use shared::time::UnixMillis;

use super::{Lease, OpenAudit, SessionNumber};
use crate::audit::{Compared, Verdict};

/// One act of the shell. The shell performs the effects of an input in their order, before those of any later input.
#[derive(Debug, Clone)]
#[must_use = "the board has changed already; an effect that is not performed is lost"]
pub enum Effect {
    /// Store the lease, then push the assignment to the miner's session.
    Grant { lease: Lease, moved: Moved, session: SessionNumber, assignment: Box<Assignment> },
    /// Store that a task went back to the queue or ended without a result.
    Move { moved: Moved, ended: Option<EndedLease> },
    /// Store the result under which the task completed, the lease that it ends, and what it means for an audit.
    Complete { moved: Moved, lease: Lease, audit: Option<Box<AuditStep>> },
    /// Store one more fault of a miner: it refused an input that another one has served, or lost tasks as nobody's fault
    /// too often in a row.
    CountFault { miner: Address, task: Task },
    /// Tell the miner a sentence.
    Notice { session: SessionNumber, text: String },
    /// Tell the miner to stop.
    Cancel { miner: Address, session: SessionNumber, lease_id: LeaseId, reason: String },
    /// Close a session that another one of the same miner replaced, or whose miner fell silent.
    Close { session: SessionNumber },
    /// Tell the watchers of the job that it changed.
    Changed { job_id: JobId },
    /// Watchers of the job hear how far it is. `is_shown`: a preview that comes with it is of the task that they see.
    Progressed { job_id: JobId, step: u32, steps: u32, has_text: bool, is_shown: bool },
    /// Tell the watchers of waiting jobs that the queue changed.
    QueueMoved,
}

/// What a completed task means for an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditStep {
    /// The result is computed again by another miner.
    Opened(OpenAudit),
    /// The result is the answer to an audit.
    Answered(Judged),
}

/// An auditor's result, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    /// `None` where there is nothing left to compare with.
    pub compared: Option<Compared>,
    /// Who stands alone against two.
    pub refuted: Option<Address>,
    /// A third miner is asked.
    pub third: Option<OpenAudit>,
}

/// A task after a transition, with the state of its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub task: Task,
    pub life: TaskLife,
    pub job: JobState,
}

/// A lease that ended because its job changed state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedLease {
    pub lease_id: LeaseId,
    pub miner: Address,
    /// When a result of it arrived that was looked at.
    pub received_at: Option<UnixMillis>,
    pub fault: Option<Fault>,
}
