use std::io;

use chain::ChainError;

/// Why consensus cannot go on. After each of these but [`ConsensusError::Chain`] and [`ConsensusError::NotAlone`] the validator
/// signs nothing more until it is started again.
#[derive(Debug, thiserror::Error)]
pub enum ConsensusError {
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The log could not be written, so nothing may be signed.
    #[error("consensus log: {0}")]
    Log(#[from] io::Error),
    /// The log holds a damaged entry before sound ones, or one that does not fit the chain.
    #[error("consensus log is damaged: {0}")]
    DamagedLog(String),
    /// The voting power of a height is more than the rules can count with.
    #[error(
        "the voting power of height {height} is {given}, at most {} can be counted",
        chain::rules::MAX_TOTAL_VOTING_POWER
    )]
    TotalPower {
        /// The height.
        height: u64,
        /// The sum of its validators' power.
        given: u64,
    },
    /// A validator that decides alone is one of several now, or none.
    #[error(
        "this validator has voting power {power} of {total} at height {height}, more than two thirds are needed to decide alone: \
         start it with the other validators"
    )]
    NotAlone {
        /// The height.
        height: u64,
        /// Its power; 0 if it is no validator.
        power: u64,
        /// The power of all validators.
        total: u64,
    },
    /// A validator that shall decide alone has spoken about the next height as one of several.
    #[error(
        "the consensus log has {entries} entries of height {height}, at which this validator took part among others: a block that \
         it decides alone could contradict what it signed there. Start it with the peers.json that it had, until block {height} \
         is decided"
    )]
    SpokeAmongOthers {
        /// The next height.
        height: u64,
        /// Entries of the log at it.
        entries: usize,
    },
    /// The rules of agreement refused to go on; signing more could contradict what was signed before.
    #[error("consensus stopped at height {height}: {reason}")]
    Rules {
        /// The height.
        height: u64,
        /// What the rules said.
        reason: String,
    },
    /// An earlier error stopped the validator.
    #[error("consensus has stopped: {0}")]
    Stopped(String),
}

impl ConsensusError {
    /// Whether the same step can succeed later without a restart.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Chain(error) if error.is_retryable())
    }
}

/// Why bytes are no message, or no entry of the log.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// More bytes than a message may have.
    #[error("{given} bytes, a message has at most {}", crate::MAX_MESSAGE_BYTES)]
    TooLong {
        /// How many came.
        given: usize,
    },
    /// The first byte names no kind of message.
    #[error("{0} is no kind of message")]
    UnknownKind(u8),
    /// A field does not decode or is out of bounds.
    #[error("malformed message: {0}")]
    Malformed(String),
    /// A block in it does not decode.
    #[error(transparent)]
    Block(#[from] ChainError),
}

impl From<alloy_rlp::Error> for MessageError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}
