//! Jobs that are not over, and their tasks. Only the board changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::Address;
use shared::amount::MicroUnits;
use shared::api::jobs::StepProgress;
use shared::digest::Sha256Digest;
use shared::escrow::TaskCount;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::{Blame, Fault, JobState, TaskLife};
use shared::job::request::{PaymentMode, ValidJob, Work};
use shared::job::task::{Part, Task, TaskRole};
use shared::job::text::OUTPUT_MAX_BYTES;
use shared::protocol::Piece;
use shared::time::UnixMillis;

use super::{OpenAudit, ServedWith};
use crate::plan;

/// A job that is not over.
#[derive(Debug, Clone)]
pub struct OpenJob {
    pub(super) id: JobId,
    /// Order of arrival.
    pub(super) seq: i64,
    pub(super) client: Address,
    pub(super) request: Arc<ValidJob>,
    pub(super) deadline: UnixMillis,
    pub(super) tasks: BTreeMap<TaskRole, OpenTask>,
    /// Its client pays, and nothing is reserved yet.
    pub(super) awaits_payment: bool,
    /// No result of it is computed again.
    pub(super) is_unaudited: bool,
    /// Results that are computed again, or were, by the task that made them.
    pub(super) audits: BTreeMap<TaskRole, OpenAudit>,
}

/// One task of an open job; it stays with its job after its own end.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenTask {
    pub(super) life: TaskLife,
    pub(super) progress: Option<StepProgress>,
    /// The most of its work that its miner showed, in thousandths.
    pub(super) shown_per_mille: u64,
    /// What its miner has written so far, of a text.
    pub(super) text: String,
    /// Its work counts in its client's account.
    pub(super) is_charged: bool,
    /// With what the miner of its last lease computes it.
    pub(super) served_with: Option<ServedWith>,
    /// Miners that failed it since the hub started.
    pub(super) failed_by: Vec<Address>,
    /// Of an audit: miners that declined it since all others were asked, the last one last.
    pub(super) declined_by: Vec<Address>,
    /// Miners that said since the hub started that they will never serve it.
    pub(super) given_up_by: Vec<GivenUp>,
}

/// A miner that said of a task that another try of its own cannot help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenUp {
    pub(super) miner: Address,
    /// The model with which it refused the input, where it did.
    pub(super) refused_with: Option<Sha256Digest>,
}

impl OpenJob {
    /// A new job of so many tasks.
    pub fn new(
        id: JobId,
        seq: i64,
        client: Address,
        request: Arc<ValidJob>,
        deadline: UnixMillis,
        tasks: TaskCount,
    ) -> Self {
        let tasks = plan::roles(tasks).into_iter().map(|role| (role, TaskLife::default())).collect();
        Self::stored(id, seq, client, request, deadline, tasks)
    }

    /// A job as the database holds it.
    pub fn stored(
        id: JobId,
        seq: i64,
        client: Address,
        request: Arc<ValidJob>,
        deadline: UnixMillis,
        tasks: Vec<(TaskRole, TaskLife)>,
    ) -> Self {
        let open = |(role, life)| (role, OpenTask { life, ..OpenTask::default() });
        let tasks = tasks.into_iter().map(open).collect();
        Self {
            id,
            seq,
            client,
            request,
            deadline,
            tasks,
            awaits_payment: false,
            is_unaudited: false,
            audits: BTreeMap::new(),
        }
    }

    /// The same job, which no miner gets before its payment is reserved.
    #[must_use]
    pub fn awaiting_payment(self) -> Self {
        Self { awaits_payment: true, ..self }
    }

    /// The same job, of which no result is drawn for an audit.
    #[must_use]
    pub fn unaudited(self) -> Self {
        Self { is_unaudited: true, ..self }
    }

    /// The same job, which stays for the audit of this task's result.
    #[must_use]
    pub fn audited(mut self, served: TaskRole, audit: OpenAudit) -> Self {
        self.audits.insert(served, audit);
        self
    }

    /// No minter pays what it gives.
    pub(super) fn is_paid_by_client(&self) -> bool {
        self.request.payment.mode() == PaymentMode::Escrow
    }

    pub const fn id(&self) -> JobId {
        self.id
    }

    pub const fn request(&self) -> &Arc<ValidJob> {
        &self.request
    }

    /// Each task with its life.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskRole, &TaskLife)> {
        self.tasks.iter().map(|(role, task)| (*role, &task.life))
    }

    /// The part of the job's work that a task makes.
    pub fn part(&self, role: TaskRole) -> Part {
        plan::part(plan::pieces(&self.request.work), plan::count_of(self.tasks.keys().copied()), role)
    }

    pub fn work_of(&self, role: TaskRole) -> Work {
        plan::work_of(&self.request.work, self.part(role))
    }

    /// What a task comes to, at most.
    pub(super) fn units_of(&self, role: TaskRole) -> MicroUnits {
        plan::units_of(&self.request.work, self.part(role))
    }

    /// By when a task must have ended. That of an audit begins when the client has the result already.
    pub(super) fn deadline_of(&self, role: TaskRole) -> UnixMillis {
        let audit = role.audited().and_then(|served| self.audits.get(&served));
        audit.map_or(self.deadline, |audit| audit.deadline)
    }

    /// When the next of its open tasks must have ended.
    pub(super) fn next_deadline(&self) -> Option<UnixMillis> {
        self.open_tasks().map(|task| self.deadline_of(task.role)).min()
    }

    /// Open tasks that work for the client.
    pub(super) fn serving_tasks(&self) -> impl Iterator<Item = Task> {
        self.open_tasks().filter(|task| !task.role.is_audit())
    }

    /// How far the job is, over all tasks that work for the client. A part that was lost counts as not begun.
    pub fn progress(&self) -> Option<StepProgress> {
        let serving = || self.tasks.iter().filter(|(role, _)| !role.is_audit());
        if let Some(whole) = self.tasks.get(&TaskRole::Serve) {
            return whole.progress;
        }
        if serving().all(|(_, task)| task.progress.is_none() && task.life.state != JobState::Completed) {
            return None;
        }
        let (mut step, mut steps) = (0, 0);
        for (role, task) in serving() {
            let of_task = self.steps_of(*role);
            steps += of_task;
            step += match (task.life.state, task.progress) {
                (JobState::Completed, _) => of_task,
                (_, Some(told)) => of_task * u64::from(told.step.min(told.steps)) / u64::from(told.steps.max(1)),
                (_, None) => 0,
            };
        }
        let whole = |steps: u64| u32::try_from(steps).unwrap_or(u32::MAX);
        Some(StepProgress { step: whole(step), steps: whole(steps) })
    }

    /// Steps of all pictures of a task.
    fn steps_of(&self, role: TaskRole) -> u64 {
        let Work::Image(input) = &self.request.work else { return 0 };
        u64::from(self.part(role).count) * u64::from(input.steps_walked())
    }

    /// Whether the job's watchers see this task's previews: of the tasks that run, those of the first.
    pub(super) fn is_shown(&self, role: TaskRole) -> bool {
        let running = |(of, task): &(&TaskRole, &OpenTask)| !of.is_audit() && task.life.state == JobState::Running;
        self.tasks.iter().find(running).is_some_and(|(first, _)| *first == role)
    }

    pub fn state(&self) -> JobState {
        JobState::of_tasks(self.tasks().map(|(role, life)| (role, life.state)))
    }

    /// Nothing of the job is left to do, an audit included.
    pub(super) fn is_over(&self) -> bool {
        self.tasks.values().all(|task| task.life.state.is_terminal())
    }

    /// Tasks that have not ended.
    pub(super) fn open_tasks(&self) -> impl Iterator<Item = Task> {
        let open = self.tasks.iter().filter(|(_, task)| !task.life.state.is_terminal());
        open.map(|(role, _)| Task { job_id: self.id, role: *role })
    }

    /// What was written so far by the miner that serves the job as a whole.
    pub fn text(&self) -> &str {
        self.tasks.get(&TaskRole::Serve).map_or("", |task| &task.text)
    }
}

impl OpenTask {
    pub(super) fn gave_up(&self, miner: Address) -> bool {
        self.given_up_by.iter().any(|given_up| given_up.miner == miner)
    }

    /// What a lease left behind goes with it.
    pub(super) fn forget_work(&mut self) {
        self.progress = None;
        self.shown_per_mille = 0;
        self.text.clear();
    }

    /// Takes what its miner says of its progress. False where that is nothing new.
    pub(super) fn take_progress(&mut self, progress: StepProgress) -> bool {
        let StepProgress { step, steps } = progress;
        let shown = u64::from(step.min(steps)) * 1_000 / u64::from(steps.max(1));
        self.shown_per_mille = self.shown_per_mille.max(shown);
        self.progress.replace(progress) != Some(progress)
    }

    /// Miners or connections that failed it, as far as they count towards its end.
    pub(super) fn faults_that_count(&self) -> usize {
        let counts = |fault: &&Fault| matches!(fault.blame, Blame::Miner | Blame::Network);
        self.life.faults.iter().filter(counts).count()
    }

    /// Takes a piece of a text where it goes on from what there is. At 0 the text begins anew, as after a crash of the
    /// miner's inference process. Pieces of other work are dropped.
    pub(super) fn take_piece(&mut self, kind: JobKind, piece: &Piece) {
        if kind != JobKind::Text {
            return;
        }
        if piece.at == 0 {
            self.text.clear();
        }
        let whole = piece.at.saturating_add(piece.text.len());
        if piece.at == self.text.len() && whole <= OUTPUT_MAX_BYTES {
            self.text.push_str(&piece.text);
        }
    }
}
