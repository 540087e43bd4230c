//! The life of a task, and of the job that its tasks make up.
//!
//! [`TaskLife::apply`] owns every transition of a task; hub, store and tests only call it. A job has no transitions of its
//! own: [`JobState::of_tasks`] reads its state from its tasks.
//!
//! ```text
//! QUEUED ──leased──▶ RUNNING ──result──▶ VERIFYING ──verified──▶ COMPLETED
//!   ▲                   │                    │
//!   │                   ◀─check abandoned────┤
//!   └── lease ended ◀───┴──── refuted ◀──────┘      three faults, two on the input, or nobody left to ask: FAILED
//! any state before an end ──▶ CANCELED (client), EXPIRED (deadline)
//! ```

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::task::TaskRole;
use crate::id::LeaseId;

/// Faults of miners or network after which a task fails. The platform's own faults are not counted.
pub const MAX_FAULTS: usize = 3;

/// Miners that put a task's failure on its input before it fails: the second confirms the first.
pub const INPUT_FAULTS_MAX: usize = 2;

/// Where a job stands, and each of its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobState {
    Queued,
    Running,
    Verifying,
    Completed,
    Failed,
    Canceled,
    Expired,
}

impl JobState {
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Running, Self::Verifying, Self::Completed, Self::Failed, Self::Canceled, Self::Expired];

    /// The job is over: no further transition is possible.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Expired)
    }

    /// The state of a job whose tasks stand so. Shards and the task that serves the whole count; an audit looks at a
    /// result that the client has already, so it changes nothing. A job without a serving task waits.
    ///
    /// A job of shards is over when all of them are. One that ended without a result does not end the others: the client
    /// keeps and pays what they draw, and the job's end says that something is missing.
    pub fn of_tasks(tasks: impl IntoIterator<Item = (TaskRole, Self)>) -> Self {
        let serving = tasks.into_iter().filter(|(role, _)| !role.is_audit()).map(|(_, state)| state);
        let states: BTreeSet<Self> = serving.collect();
        let has = |state| states.contains(&state);
        if states.is_empty() || has(Self::Queued) && states.len() == 1 {
            return Self::Queued;
        }
        if states.iter().all(|state| state.is_terminal()) {
            let lost = [Self::Failed, Self::Canceled, Self::Expired].into_iter().find(|end| has(*end));
            return lost.unwrap_or(Self::Completed);
        }
        // Also where some parts are done while others still wait.
        if has(Self::Running) || has(Self::Queued) { Self::Running } else { Self::Verifying }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Verifying => "VERIFYING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
        }
    }
}

impl std::fmt::Display for JobState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl std::str::FromStr for JobState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a state is one of QUEUED, RUNNING, VERIFYING, COMPLETED, FAILED, CANCELED, EXPIRED, got `{0}`")]
pub struct UnknownState(String);

/// Who is to blame for a lease that ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// The miner failed, or sent what does not verify.
    Miner,
    /// The connection to the miner was lost.
    Network,
    /// The hub itself failed. This counts against nobody.
    Platform,
    /// The job's input, as its miner says; costs that miner nothing unless another one serves the job.
    Input,
}

/// One lease that ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fault {
    pub lease_id: LeaseId,
    pub blame: Blame,
    pub reason: String,
}

/// A task's state with what the next transition depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLife {
    pub state: JobState,
    /// The lease under which the task runs, is verified or was completed.
    pub lease_id: Option<LeaseId>,
    pub faults: Vec<Fault>,
}

/// What can happen to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEvent {
    /// The hub gave the task to a miner.
    Leased { lease_id: LeaseId },
    /// The miner's result for this lease arrived.
    ResultReceived { lease_id: LeaseId },
    /// The result passed verification and was attested.
    Verified { lease_id: LeaseId },
    /// The result could not be checked to the end; its miner sends it again.
    CheckAbandoned { lease_id: LeaseId },
    /// The lease ended without a valid result: timeout, disconnect, failure, refutation.
    LeaseEnded { lease_id: LeaseId, blame: Blame, reason: String },
    /// No miner is left that could serve the task.
    NobodyLeft,
    /// What the client pays with could not be reserved.
    Unpaid,
    /// The client does not want the job any more.
    Canceled,
    /// The job's time to live is over.
    DeadlinePassed,
}

/// An event that does not fit the state; the task is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    #[error("the task has ended: {0}")]
    Ended(JobState),
    #[error("the task is {state}, which does not take this event")]
    Unexpected { state: JobState },
    #[error("lease {got} does not hold the task")]
    NotTheHolder { got: LeaseId },
}

impl Default for TaskLife {
    fn default() -> Self {
        Self { state: JobState::Queued, lease_id: None, faults: Vec::new() }
    }
}

impl TaskLife {
    /// The life after `event`.
    pub fn apply(&self, event: TaskEvent) -> Result<Self, TransitionError> {
        use JobState::{Canceled, Completed, Expired, Failed, Queued, Running, Verifying};
        if self.state.is_terminal() {
            return Err(TransitionError::Ended(self.state));
        }
        match (self.state, event) {
            (_, TaskEvent::Canceled) => Ok(self.moved(Canceled, None)),
            (_, TaskEvent::DeadlinePassed) => Ok(self.moved(Expired, None)),
            (Queued, TaskEvent::Leased { lease_id }) => Ok(self.moved(Running, Some(lease_id))),
            (Queued, TaskEvent::NobodyLeft | TaskEvent::Unpaid) => Ok(self.moved(Failed, None)),
            (Running, TaskEvent::ResultReceived { lease_id }) => {
                self.holds(lease_id).map(|()| self.moved(Verifying, Some(lease_id)))
            }
            (Verifying, TaskEvent::Verified { lease_id }) => {
                self.holds(lease_id).map(|()| self.moved(Completed, Some(lease_id)))
            }
            (Verifying, TaskEvent::CheckAbandoned { lease_id }) => {
                self.holds(lease_id).map(|()| self.moved(Running, Some(lease_id)))
            }
            (Running | Verifying, TaskEvent::LeaseEnded { lease_id, blame, reason }) => {
                self.holds(lease_id).map(|()| self.faulted(Fault { lease_id, blame, reason }))
            }
            (state, _) => Err(TransitionError::Unexpected { state }),
        }
    }

    fn moved(&self, state: JobState, lease_id: Option<LeaseId>) -> Self {
        Self { state, lease_id, faults: self.faults.clone() }
    }

    fn faulted(&self, fault: Fault) -> Self {
        let mut faults = self.faults.clone();
        faults.push(fault);
        let counted = faults.iter().filter(|fault| fault.blame != Blame::Platform).count();
        let on_input = faults.iter().filter(|fault| fault.blame == Blame::Input).count();
        let has_failed = counted >= MAX_FAULTS || on_input >= INPUT_FAULTS_MAX;
        let state = if has_failed { JobState::Failed } else { JobState::Queued };
        Self { state, lease_id: None, faults }
    }

    fn holds(&self, lease_id: LeaseId) -> Result<(), TransitionError> {
        if self.lease_id == Some(lease_id) { Ok(()) } else { Err(TransitionError::NotTheHolder { got: lease_id }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lease(number: u128) -> LeaseId {
        LeaseId::from_random(number)
    }

    fn run(events: impl IntoIterator<Item = TaskEvent>) -> TaskLife {
        events.into_iter().try_fold(TaskLife::default(), |life, event| life.apply(event)).unwrap()
    }

    #[test]
    fn a_served_job_completes() {
        let lease_id = lease(1);
        let life = run([
            TaskEvent::Leased { lease_id },
            TaskEvent::ResultReceived { lease_id },
            TaskEvent::Verified { lease_id },
        ]);
        assert_eq!(life.state, JobState::Completed);
        assert_eq!(life.apply(TaskEvent::Canceled), Err(TransitionError::Ended(JobState::Completed)));
    }

    #[test]
    fn a_result_of_another_lease_is_refused() {
        let life = run([TaskEvent::Leased { lease_id: lease(1) }]);
        let error = life.apply(TaskEvent::ResultReceived { lease_id: lease(2) }).unwrap_err();
        assert_eq!(error, TransitionError::NotTheHolder { got: lease(2) });
    }

    #[test]
    fn three_faults_fail_a_job_and_the_platforms_own_do_not_count() {
        let fault = |number, blame| {
            let lease_id = lease(number);
            [TaskEvent::Leased { lease_id }, TaskEvent::LeaseEnded { lease_id, blame, reason: "gone".into() }]
        };
        let blames = [Blame::Platform, Blame::Miner, Blame::Platform, Blame::Network];
        let two = blames.into_iter().zip(1..).flat_map(|(blame, number)| fault(number, blame));
        let life = run(two);
        assert_eq!((life.state, life.faults.len()), (JobState::Queued, 4));
        let life = fault(9, Blame::Miner).into_iter().try_fold(life, |life, event| life.apply(event)).unwrap();
        assert_eq!(life.state, JobState::Failed);
    }

    #[test]
    fn two_faults_of_the_input_fail_a_job_and_a_job_that_runs_has_somebody_left() {
        let refused = |number| {
            let lease_id = lease(number);
            let reason = "input.prompt is 1 to 255 tokens for this model, got 900".to_owned();
            [TaskEvent::Leased { lease_id }, TaskEvent::LeaseEnded { lease_id, blame: Blame::Input, reason }]
        };
        let once = run(refused(1));
        assert_eq!(
            (once.state, once.apply(TaskEvent::NobodyLeft).unwrap().state),
            (JobState::Queued, JobState::Failed)
        );
        let twice = refused(2).into_iter().try_fold(once, |life, event| life.apply(event)).unwrap();
        assert_eq!((twice.state, twice.faults.len()), (JobState::Failed, 2));
        let running = run([TaskEvent::Leased { lease_id: lease(1) }]);
        let error = running.apply(TaskEvent::NobodyLeft).unwrap_err();
        assert_eq!(error, TransitionError::Unexpected { state: JobState::Running });
    }

    fn any_event() -> impl Strategy<Value = TaskEvent> {
        let blame = prop_oneof![Just(Blame::Miner), Just(Blame::Network), Just(Blame::Platform), Just(Blame::Input)];
        (0..8_u8, 0..3_u128, blame).prop_map(|(kind, number, blame)| match kind {
            0 => TaskEvent::Leased { lease_id: lease(number) },
            1 => TaskEvent::ResultReceived { lease_id: lease(number) },
            2 => TaskEvent::Verified { lease_id: lease(number) },
            3 => TaskEvent::LeaseEnded { lease_id: lease(number), blame, reason: String::new() },
            4 => TaskEvent::Canceled,
            5 => TaskEvent::NobodyLeft,
            6 => TaskEvent::CheckAbandoned { lease_id: lease(number) },
            _ => TaskEvent::DeadlinePassed,
        })
    }

    #[test]
    fn a_job_of_one_task_stands_where_its_task_stands_and_an_audit_changes_nothing() {
        for state in JobState::ALL {
            assert_eq!(JobState::of_tasks([(TaskRole::Serve, state)]), state);
            for audit in JobState::ALL {
                assert_eq!(JobState::of_tasks([(TaskRole::Serve, state), (TaskRole::Audit, audit)]), state);
            }
        }
        assert_eq!(JobState::of_tasks([]), JobState::Queued);
    }

    proptest! {
        /// A job of shards is over when every one of them is, and it is completed when every one has a result.
        #[test]
        fn a_job_of_shards_is_over_with_the_last_of_them(
            states in prop::collection::vec(prop::sample::select(JobState::ALL.to_vec()), 1..6)
        ) {
            let job = JobState::of_tasks(states.iter().zip(0..).map(|(state, number)| (TaskRole::Shard(number), *state)));
            prop_assert_eq!(job.is_terminal(), states.iter().all(|state| state.is_terminal()));
            prop_assert_eq!(job == JobState::Completed, states.iter().all(|state| *state == JobState::Completed));
            prop_assert_eq!(job == JobState::Queued, states.iter().all(|state| *state == JobState::Queued));
            let ends_as_one_of_them = !job.is_terminal() || states.contains(&job);
            prop_assert!(ends_as_one_of_them, "{} of {:?}", job, states);
        }

        /// Whatever happens: an end is final, only a held lease completes, and no fault is forgotten.
        #[test]
        fn every_history_is_sound(events in prop::collection::vec(any_event(), 0..40)) {
            let mut life = TaskLife::default();
            for event in events {
                let before = life.clone();
                if let Ok(after) = life.apply(event.clone()) {
                    prop_assert!(!before.state.is_terminal());
                    prop_assert!(after.faults.starts_with(&before.faults));
                    prop_assert_eq!(after.lease_id.is_some(), matches!(after.state, JobState::Running | JobState::Verifying | JobState::Completed));
                    if after.state == JobState::Completed {
                        prop_assert_eq!(event, TaskEvent::Verified { lease_id: before.lease_id.unwrap() });
                    }
                    life = after;
                }
            }
        }
    }
}
