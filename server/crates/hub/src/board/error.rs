//! Why the board refuses an input.

use shared::Address;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::TransitionError;

use super::{MINERS_MAX, QUEUE_MAX_TASKS};

/// The board is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    #[error("the queue holds {QUEUE_MAX_TASKS} tasks, which is its limit")]
    QueueFull,
    #[error("{MINERS_MAX} miners are connected, which is the limit")]
    TooManyMiners,
    #[error("the job {0} is not open")]
    NotOpen(JobId),
    #[error("the lease {0} has ended")]
    LeaseEnded(LeaseId),
    #[error("the lease is held by {holder}, not by {got}")]
    NotTheHolder { holder: Address, got: Address },
    #[error("the result of the lease {0} is being verified")]
    BeingVerified(LeaseId),
    #[error(transparent)]
    Transition(#[from] TransitionError),
}
