//! Every write to the database. A change is one transaction with all its consequences.

mod accounts;
mod complete;
mod jobs;
mod outbox;
mod settlement;

pub use accounts::{CountFault, CreateApiKey, Prune, RevokeApiKey, TakeCall, UpsertMiner};
pub use complete::CompleteTask;
pub use jobs::{CreateJob, EndedLease, GrantLease, MoveTask};
pub use outbox::{AlignNonce, CountAttempt, QueueTransaction, SignTransaction, SignedTransaction};
pub use settlement::{MintedReceipt, RecordMinted, RecordRefused};

pub use crate::writer::{Change, Transaction};
