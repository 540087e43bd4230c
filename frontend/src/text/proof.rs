//! Words of the proof line.

use crate::proof_stop::{StopName, StopState};

pub const LABEL: &str = "Proof line: from the prompt to the block";
pub const IN_BATCH: &str = "in the next batch";
pub const BLOCK_TITLE: &str = "The block that holds the mint";

pub const fn stop(name: StopName) -> &'static str {
    match name {
        StopName::Prompt => "Prompt",
        StopName::Miner => "Miner",
        StopName::Receipt => "Receipt",
        StopName::Mint => "Mint",
        StopName::Block => "Block",
    }
}

/// Follows the stop's name.
pub const fn state(state: StopState) -> &'static str {
    match state {
        StopState::Waiting => ", not yet",
        StopState::Running => ", going on",
        StopState::Done => ", proven",
        StopState::Refused => ", refused",
    }
}

/// What the stop will prove, before there is a job.
pub const fn meaning(name: StopName) -> &'static str {
    match name {
        StopName::Prompt => "what you ask for",
        StopName::Miner => "draws it and signs",
        StopName::Receipt => "checked and attested",
        StopName::Mint => "the tokens it earns",
        StopName::Block => "holds the mint",
    }
}
