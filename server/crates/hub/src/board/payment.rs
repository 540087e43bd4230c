//! Jobs that their clients pay wait here, in no queue, until the money is reserved.

use shared::id::JobId;
use shared::job::lifecycle::{JobState, TaskEvent};
use shared::job::task::Task;
use shared::time::UnixMillis;

use super::{Board, Effect};

impl Board {
    /// From now on miners may get the job. One that is over, or was paid before, stays as it is.
    pub(super) fn payment_reserved(&mut self, job_id: JobId, now: UnixMillis) -> Vec<Effect> {
        if !self.unpaid.remove(&job_id) {
            return vec![];
        }
        let Some(job) = self.jobs.get_mut(&job_id) else { return vec![] };
        job.awaits_payment = false;
        let waiting = job.tasks().filter(|(_, life)| life.state == JobState::Queued).map(|(role, _)| role);
        let tasks: Vec<Task> = waiting.map(|role| Task { job_id, role }).collect();
        for task in tasks {
            self.enqueue(task);
        }
        let mut effects = vec![Effect::Changed { job_id }, Effect::QueueMoved];
        effects.extend(self.dispatch(now));
        effects
    }

    /// The job fails. One whose payment was reserved goes on.
    pub(super) fn payment_refused(&mut self, job_id: JobId) -> Vec<Effect> {
        if !self.unpaid.contains(&job_id) {
            return vec![];
        }
        self.end_job(job_id, &TaskEvent::Unpaid, "the payment of the job could not be reserved")
    }
}
