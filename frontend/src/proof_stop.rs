//! The stops of a proof line, and the states each of them can be in.

/// The five stops, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopName {
    Prompt,
    Miner,
    Receipt,
    Mint,
    Block,
}

impl StopName {
    pub const ALL: [Self; 5] = [Self::Prompt, Self::Miner, Self::Receipt, Self::Mint, Self::Block];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Miner => "miner",
            Self::Receipt => "receipt",
            Self::Mint => "mint",
            Self::Block => "block",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopState {
    /// Not yet.
    Waiting,
    /// Going on.
    Running,
    /// Proven.
    Done,
    /// It failed.
    Refused,
}

impl StopState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}
