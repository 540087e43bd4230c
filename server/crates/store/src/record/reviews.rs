//! Reviews as they are stored.

use shared::api::reviews::ReviewView;

/// A review as everybody may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRecord {
    /// Its place in the order in which reviews were left.
    pub seq: i64,
    pub view: ReviewView,
}
