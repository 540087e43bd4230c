//! Jobs that are not over, and their tasks. Only the board changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::Address;
use shared::api::jobs::StepProgress;
use shared::digest::Sha256Digest;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::{JobState, TaskLife};
use shared::job::request::ValidJob;
use shared::job::task::{Task, TaskRole};
use shared::job::text::OUTPUT_MAX_BYTES;
use shared::protocol::Piece;
use shared::time::UnixMillis;

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
}

/// One task of an open job; it stays with its job after its own end.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenTask {
    pub(super) life: TaskLife,
    pub(super) progress: Option<StepProgress>,
    /// What its miner has written so far, of a text.
    pub(super) text: String,
    /// Miners that failed it since the hub started.
    pub(super) failed_by: Vec<Address>,
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
    /// A new job with the tasks that it begins with.
    pub fn new(id: JobId, seq: i64, client: Address, request: Arc<ValidJob>, deadline: UnixMillis) -> Self {
        let tasks = plan::tasks_of(&request).into_iter().map(|role| (role, TaskLife::default())).collect();
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
        Self { id, seq, client, request, deadline, tasks: tasks.into_iter().map(open).collect() }
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
        self.text.clear();
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
