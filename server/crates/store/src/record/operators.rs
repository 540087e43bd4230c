//! What operators do.

use shared::time::UnixMillis;
use shared::{Address, B256};

/// Who changes something, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorAct {
    /// Random: the same act is recorded once.
    pub id: B256,
    pub operator: Address,
    pub at: UnixMillis,
    pub reason: String,
}
