//! Everything that is ever written, one change per file section; each is one transaction with all its consequences.

mod accounts;
mod complete;
mod jobs;
mod settlement;

pub use accounts::{CountFault, CreateApiKey, PruneIdempotency, RevokeApiKey, UpsertMiner};
pub use complete::CompleteTask;
pub use jobs::{CreateJob, EndedLease, GrantLease, MoveTask};
pub use settlement::{MintedReceipt, RecordMined, RecordReverted, RevertedBatch, StoreBatch};

pub(crate) use complete::settlement_text;
pub(crate) use settlement::batch_text;

pub use crate::writer::Change;
