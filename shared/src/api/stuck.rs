//! What should have moved on by itself and did not.

use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// Names of things that one count lists, the oldest first.
pub const STUCK_NAMES_MAX: usize = 10;

/// What may be left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StuckKind {
    Job,
    Lease,
    Reservation,
    Receipt,
    Hold,
    Transaction,
}

impl StuckKind {
    pub const ALL: [Self; 6] =
        [Self::Job, Self::Lease, Self::Reservation, Self::Receipt, Self::Hold, Self::Transaction];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Lease => "lease",
            Self::Reservation => "reservation",
            Self::Receipt => "receipt",
            Self::Hold => "hold",
            Self::Transaction => "transaction",
        }
    }

    /// How long the hub's own work may take to move it on.
    pub const fn limit_ms(self) -> u64 {
        match self {
            Self::Job | Self::Lease | Self::Transaction => 120_000,
            Self::Reservation => 300_000,
            // A failed transaction is tried again within ten minutes.
            Self::Receipt | Self::Hold => 900_000,
        }
    }

    /// What a count of this kind counts.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Job => "Jobs that are not over two minutes after their deadline.",
            Self::Lease => "Leases that have not ended two minutes after their time: a miner still holds a task.",
            Self::Reservation => {
                "Money that the escrow has set aside for a job that this hub does not know or that is over, and payments \
                 that wait for their reservation, for five minutes."
            }
            Self::Receipt => "Attested receipts that are neither paid nor refused nor expired after fifteen minutes.",
            Self::Hold => "Held earnings that are neither paid out nor taken back fifteen minutes after they were due.",
            Self::Transaction => "Signed transactions of this hub that no block is known to have after two minutes.",
        }
    }

    /// How one of them is looked at; `NAME` stands for a name in the list.
    pub const fn ask(self) -> &'static str {
        match self {
            Self::Job | Self::Lease | Self::Reservation => "GET /v1/jobs/NAME",
            Self::Receipt | Self::Hold => "GET /v1/receipts/NAME",
            Self::Transaction => "eth_getTransactionByHash of NAME at /rpc",
        }
    }
}

/// How many things of one kind are left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StuckCount {
    pub kind: StuckKind,
    pub count: u64,
    /// There are more than were looked at.
    pub is_more: bool,
    /// Since when the oldest of them should have moved on.
    pub oldest_unix_ms: Option<UnixMillis>,
    /// The oldest ones: jobs, receipts or transactions by their ids and hashes.
    pub names: Vec<String>,
    /// What is counted, in words.
    pub meaning: String,
    /// How one of them is looked at.
    pub ask: String,
}

/// Everything that should have moved on by itself and did not, recomputed every minute from store and chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StuckView {
    /// Of all kinds.
    pub total: u64,
    /// When it was counted; absent until the first time after a start.
    pub counted_at_unix_ms: Option<UnixMillis>,
    /// Up to which block the escrow's reservations were read.
    pub chain_read_to: Option<u64>,
    /// One for each kind, also where nothing is stuck.
    pub counts: Vec<StuckCount>,
}
