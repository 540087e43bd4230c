//! The life of a job. [`Lifecycle::apply`] owns every transition; hub, store and tests only call it.
//!
//! ```text
//! QUEUED ──leased──▶ RUNNING ──result──▶ VERIFYING ──verified──▶ COMPLETED
//!   ▲                   │                    │
//!   └── lease ended ◀───┴──── refuted ◀──────┘      three faults, two on the input, or nobody left to ask: FAILED
//! any state before an end ──▶ CANCELED (client), EXPIRED (deadline)
//! ```

use serde::{Deserialize, Serialize};

use crate::id::LeaseId;

/// Faults of miners or network after which a job fails. The platform's own faults are not counted.
pub const MAX_FAULTS: usize = 3;

/// Miners that put a job's failure on its input before it fails: the second confirms the first.
pub const INPUT_FAULTS_MAX: usize = 2;

/// Where a job stands.
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

    /// Nothing happens to the job any more.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Expired)
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
    /// The hub itself; costs nobody anything.
    Platform,
    /// The job's input, by its miner's word; costs that miner nothing unless another one serves the job.
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

/// A job's state with what the next transition depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub state: JobState,
    /// The lease under which the job runs or is verified.
    pub lease_id: Option<LeaseId>,
    pub faults: Vec<Fault>,
}

/// What can happen to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// The hub gave the job to a miner.
    Leased { lease_id: LeaseId },
    /// The miner's result for this lease arrived.
    ResultReceived { lease_id: LeaseId },
    /// The result passed verification and was attested.
    Verified { lease_id: LeaseId },
    /// The lease ended without a result that holds: timeout, disconnect, failure, refutation.
    LeaseEnded { lease_id: LeaseId, blame: Blame, reason: String },
    /// Whoever could serve the job has said that it never will.
    NobodyLeft,
    /// The client does not want it any more.
    Canceled,
    /// The job's time to live is over.
    DeadlinePassed,
}

/// An event that does not fit the state; the job is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    #[error("the job is over: {0}")]
    Over(JobState),
    #[error("the job is {state}, which does not take this event")]
    Unexpected { state: JobState },
    #[error("lease {got} does not hold the job")]
    NotTheHolder { got: LeaseId },
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { state: JobState::Queued, lease_id: None, faults: Vec::new() }
    }
}

impl Lifecycle {
    /// The life after `event`.
    pub fn apply(&self, event: JobEvent) -> Result<Self, TransitionError> {
        use JobState::{Canceled, Completed, Expired, Failed, Queued, Running, Verifying};
        if self.state.is_terminal() {
            return Err(TransitionError::Over(self.state));
        }
        match (self.state, event) {
            (_, JobEvent::Canceled) => Ok(self.moved(Canceled, None)),
            (_, JobEvent::DeadlinePassed) => Ok(self.moved(Expired, None)),
            (Queued, JobEvent::Leased { lease_id }) => Ok(self.moved(Running, Some(lease_id))),
            (Queued, JobEvent::NobodyLeft) => Ok(self.moved(Failed, None)),
            (Running, JobEvent::ResultReceived { lease_id }) => {
                self.holds(lease_id).map(|()| self.moved(Verifying, Some(lease_id)))
            }
            (Verifying, JobEvent::Verified { lease_id }) => {
                self.holds(lease_id).map(|()| self.moved(Completed, Some(lease_id)))
            }
            (Running | Verifying, JobEvent::LeaseEnded { lease_id, blame, reason }) => {
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
        let is_over = counted >= MAX_FAULTS || on_input >= INPUT_FAULTS_MAX;
        let state = if is_over { JobState::Failed } else { JobState::Queued };
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

    fn run(events: impl IntoIterator<Item = JobEvent>) -> Lifecycle {
        events.into_iter().try_fold(Lifecycle::default(), |life, event| life.apply(event)).unwrap()
    }

    #[test]
    fn a_served_job_completes() {
        let lease_id = lease(1);
        let life = run([
            JobEvent::Leased { lease_id },
            JobEvent::ResultReceived { lease_id },
            JobEvent::Verified { lease_id },
        ]);
        assert_eq!(life.state, JobState::Completed);
        assert_eq!(life.apply(JobEvent::Canceled), Err(TransitionError::Over(JobState::Completed)));
    }

    #[test]
    fn a_result_of_another_lease_is_refused() {
        let life = run([JobEvent::Leased { lease_id: lease(1) }]);
        let error = life.apply(JobEvent::ResultReceived { lease_id: lease(2) }).unwrap_err();
        assert_eq!(error, TransitionError::NotTheHolder { got: lease(2) });
    }

    #[test]
    fn three_faults_fail_a_job_and_the_platforms_own_do_not_count() {
        let fault = |number, blame| {
            let lease_id = lease(number);
            [JobEvent::Leased { lease_id }, JobEvent::LeaseEnded { lease_id, blame, reason: "gone".into() }]
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
            [JobEvent::Leased { lease_id }, JobEvent::LeaseEnded { lease_id, blame: Blame::Input, reason }]
        };
        let once = run(refused(1));
        assert_eq!((once.state, once.apply(JobEvent::NobodyLeft).unwrap().state), (JobState::Queued, JobState::Failed));
        let twice = refused(2).into_iter().try_fold(once, |life, event| life.apply(event)).unwrap();
        assert_eq!((twice.state, twice.faults.len()), (JobState::Failed, 2));
        let running = run([JobEvent::Leased { lease_id: lease(1) }]);
        let error = running.apply(JobEvent::NobodyLeft).unwrap_err();
        assert_eq!(error, TransitionError::Unexpected { state: JobState::Running });
    }

    fn any_event() -> impl Strategy<Value = JobEvent> {
        let blame = prop_oneof![Just(Blame::Miner), Just(Blame::Network), Just(Blame::Platform), Just(Blame::Input)];
        (0..7_u8, 0..3_u128, blame).prop_map(|(kind, number, blame)| match kind {
            0 => JobEvent::Leased { lease_id: lease(number) },
            1 => JobEvent::ResultReceived { lease_id: lease(number) },
            2 => JobEvent::Verified { lease_id: lease(number) },
            3 => JobEvent::LeaseEnded { lease_id: lease(number), blame, reason: String::new() },
            4 => JobEvent::Canceled,
            5 => JobEvent::NobodyLeft,
            _ => JobEvent::DeadlinePassed,
        })
    }

    proptest! {
        /// Whatever happens: an end is final, only a held lease completes, and no fault is forgotten.
        #[test]
        fn every_history_is_sound(events in prop::collection::vec(any_event(), 0..40)) {
            let mut life = Lifecycle::default();
            for event in events {
                let before = life.clone();
                if let Ok(after) = life.apply(event.clone()) {
                    prop_assert!(!before.state.is_terminal());
                    prop_assert!(after.faults.starts_with(&before.faults));
                    prop_assert_eq!(after.lease_id.is_some(), matches!(after.state, JobState::Running | JobState::Verifying | JobState::Completed));
                    if after.state == JobState::Completed {
                        prop_assert_eq!(event, JobEvent::Verified { lease_id: before.lease_id.unwrap() });
                    }
                    life = after;
                }
            }
        }
    }
}
