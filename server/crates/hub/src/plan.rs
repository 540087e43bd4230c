//! Which tasks a job is made of.

use shared::job::request::ValidJob;
use shared::job::task::TaskRole;

/// The tasks that a job begins with. Every kind of job is served by one miner as a whole.
pub fn tasks_of(_job: &ValidJob) -> Vec<TaskRole> {
    vec![TaskRole::Serve]
}
