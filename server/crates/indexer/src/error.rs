//! What keeps the index from going on.

use node::NodeError;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the chain cannot be read: {0}")]
    Node(#[from] NodeError),
    #[error("the index cannot be read or written: {0}")]
    Store(#[from] StoreError),
}
