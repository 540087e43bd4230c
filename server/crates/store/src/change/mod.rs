//! Every write to the database. A change is one transaction with all its consequences.

mod accounts;
mod amnesty;
mod artifacts;
mod audits;
mod bids;
mod candles;
mod complete;
mod contracts;
mod daily_use;
mod demand;
mod exchange;
mod failure;
mod holds;
mod index;
mod jobs;
mod log;
mod miners;
mod operators;
mod outbox;
mod payments;
mod reconcile;
mod rejections;
mod reviews;
mod second_factor;
mod sessions;
mod settlement;
mod webhooks;

pub use accounts::{CreateApiKey, Prune, RevokeApiKey, TakeCall};
pub use amnesty::DeclareAmnesty;
pub use artifacts::{ForgetArtifacts, Forgotten};
pub use audits::{AuditAnswer, AuditChange, Refuted};
pub use bids::{CancelBid, CreateBid, ExpireBids, FilledBid, PostponeBid};
pub use complete::CompleteTask;
pub use contracts::KeepVerifiedContract;
pub use demand::CountUnserved;
pub use exchange::{
    EndExchangeRows, ForgetOrders, ForgetUnplaced, KeepSigned, OpenExchange, RecordBlocks, RecordEntries, Settled,
};
pub use failure::SealFailure;
pub use holds::{BookHolds, BookedHold, CloseRelease, CloseVoid, HoldEnd, VoidEnd};
pub use index::{ClearIndex, IndexBlocks, NameToken};
pub use jobs::{AskedFrom, CreateJob, EndedLease, GrantLease, MoveTask};
pub(crate) use log::frontier;
pub use miners::{CountFault, ForgetMiners, SeeMiners, UpsertMiner};
pub use operators::{LimitKey, PauseMiner, ResumeMiner, RevokeKey};
pub use outbox::{AlignNonce, CloseTransaction, CountAttempt, QueueTransaction, SignTransaction, SignedTransaction};
pub use payments::{MovePayment, PaymentMove, RecordSettled, SettledReceipt};
pub use reconcile::{MintAgain, RecordFoundMint};
pub use rejections::{CloseRejection, LookForClaimsAgain, RejectionEnd};
pub use reviews::{HideReview, WriteReview};
pub use second_factor::{
    BeginSecondFactor, ConfirmSecondFactor, CountCodeTry, GiveCode, RemoveSecondFactor, ResetSecondFactor,
    SecondFactorLimits, SetUpFrom,
};
pub(crate) use sessions::open_sessions;
pub use sessions::{CreateWalletKey, EndSession, EndSessions, OpenSession, RemoveWalletKey};
pub use settlement::{MintedReceipt, RecordMinted, RecordRefused};
pub(crate) use webhooks::delivery_state_text;
pub use webhooks::{CreateWebhook, EndTurn, MadeFrom, RecordSent, RemoveWebhook, SendAgain, Sent, TakeTurn, TurnEnd};

pub use crate::writer::{Change, Transaction};
