//! Words of the transparency log, and of the records of jobs that ended without a result.

use shared::failure::{FailureEnd, FailureStage};
use shared::job::lifecycle::Blame;

pub const TITLE: &str = "Log";
pub const NOTE: &str = "Every receipt, failure, fault, audit and void of this hub, in an order. Who keeps one of its signed roots sees when an earlier entry was altered. Anybody may count everything again from it.";
pub const ENTRIES: &str = "Entries";
pub const ROOT: &str = "Root";
pub const ROOT_HELP: &str = "One hash over all entries. A log that was rewritten has another one.";
pub const SIGNED_BY: &str = "Signed by";
pub const RECOUNT: &str = "Count again";
pub const RECOUNT_COMMAND: &str = "aitbc audit recompute";
pub const CHECKPOINT: &str = "Signed checkpoint";
pub const FIRST_ENTRIES: &str = "Entries as JSON";

pub const PLACE: &str = "In the log";
pub const PLACE_HELP: &str = "Where it stands in the hub’s log. The proof shows it to everybody who has the root.";
pub const PROOF: &str = "proof";
pub const NOT_LOGGED: &str = "not yet";

pub const FAILURE: &str = "Why there is no result";
pub const HASH: &str = "Record";
pub const HASH_HELP: &str = "keccak256 of the record in canonical form. The hub’s signature covers it.";
pub const CHECK: &str = "Signature";
pub const REASON: &str = "Reason";
pub const STAGE: &str = "Came as far as";
pub const LIMIT: &str = "Could cost at most";
pub const SEALED: &str = "Prompt, sealed";
pub const SEALED_HELP: &str =
    "A salted hash of what was asked for, as in a receipt. It tells nothing to those who do not know the prompt.";
pub const REFUND: &str = "Given back";
pub const NO_REFUND: &str = "not yet in a block";
pub const RECORD: &str = "The signed record";
pub const SEALED_REASON: &str = "its words are sealed, since the job is private";
pub const UNKNOWN_MINER: &str = "a miner that is not recorded";

/// The name of one try.
pub fn one_try(number: u64) -> String {
    format!("Try {number}")
}

pub const fn end(end: FailureEnd) -> &'static str {
    match end {
        FailureEnd::Failed => "failed",
        FailureEnd::Canceled => "canceled",
        FailureEnd::Expired => "expired",
    }
}

pub const fn stage(stage: FailureStage) -> &'static str {
    match stage {
        FailureStage::Payment => "its payment, which was not reserved",
        FailureStage::Queue => "the queue: no miner ever had it",
        FailureStage::Work => "a miner that worked on it",
        FailureStage::Verification => "the check of a result",
    }
}

/// Whose fault a try was.
pub const fn blame(blame: Option<Blame>) -> &'static str {
    match blame {
        Some(Blame::Miner) => "the miner’s fault",
        Some(Blame::Network) => "the network’s fault",
        Some(Blame::Platform) => "the hub’s fault",
        Some(Blame::Input) => "the input’s fault, as the miner says",
        None => "nobody’s fault: the job ended meanwhile",
    }
}

/// Whether the record is what the hub signed.
pub fn check(outcome: &Result<(), String>, is_this_hubs: bool) -> String {
    match (outcome, is_this_hubs) {
        (Ok(()), true) => "holds: this hub’s key signed this record".to_owned(),
        (Ok(()), false) => "holds, but the key is not this hub’s".to_owned(),
        (Err(reason), _) => format!("does not hold: {reason}"),
    }
}

/// Tries that the record leaves out.
pub fn left_out(more: u64) -> String {
    format!("{more} more came before these.")
}
