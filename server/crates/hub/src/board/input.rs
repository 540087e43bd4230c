//! What can happen to the board. Its whole history is a list of these.

use std::collections::BTreeMap;

use shared::Address;
use shared::amount::MicroUnits;
use shared::api::jobs::StepProgress;
use shared::api::miners::MinerPause;
use shared::capability::Capability;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::Blame;
use shared::protocol::Piece;

use super::{Lease, OpenJob, SessionNumber};
use crate::audit::{Bits, Compared};

/// One event from outside, see [`Board::apply`](super::Board::apply).
#[derive(Debug, Clone)]
pub enum Input {
    /// A client's job is stored.
    Submit(OpenJob),
    /// A job was open when the hub stopped; `leases` are those that its tasks ran under.
    Restore { job: OpenJob, leases: Vec<Lease> },
    /// The client cancels the job.
    Cancel { job_id: JobId },
    /// The client's payment of the job is reserved on the chain.
    PaymentReserved { job_id: JobId },
    /// The client's payment of the job cannot be reserved.
    PaymentRefused { job_id: JobId },
    /// A miner connected and proved its address.
    Join(Box<Arrival>),
    /// A miner's session ended.
    Leave { miner: Address, session: SessionNumber },
    /// A miner sent something.
    Heard { miner: Address, session: SessionNumber },
    /// A miner lists the leases that it works on.
    Heartbeat { miner: Address, leases: Vec<LeaseId> },
    /// A miner takes nothing new.
    Drain { miner: Address, session: SessionNumber },
    /// A miner lets the hub fill so many of its slots from now on.
    Slots { miner: Address, session: SessionNumber, slots: u32 },
    /// A miner gives a lease back whose slot another hub has.
    Decline { lease_id: LeaseId, miner: Address },
    /// An operator pauses a miner: it gets nothing new.
    Pause { miner: Address, pause: MinerPause },
    /// An operator lets a miner get work again.
    Resume { miner: Address },
    /// An operator declared that so many faults of these miners count no more.
    Amnesty { struck: BTreeMap<Address, u64> },
    /// A miner finished a step, or wrote a piece of a text.
    Progress { lease_id: LeaseId, miner: Address, progress: StepProgress, piece: Option<Piece> },
    /// A miner says that it failed.
    Fail { lease_id: LeaseId, miner: Address, failure: Failure },
    /// A miner's result arrived and is checked from now on.
    ResultReceived { lease_id: LeaseId, miner: Address },
    /// The result passed every check and was attested.
    ResultVerified(VerifiedResult),
    /// The result does not hold.
    ResultRefuted { lease_id: LeaseId, reason: String },
    /// The hub could not check the result to the end; its miner sends it again.
    ResultUnchecked { lease_id: LeaseId },
    /// The hub had no room for a result, or could not store it; its miner sends it again.
    ResultTurnedAway { lease_id: LeaseId },
    /// Time has passed.
    Tick,
}

/// A result that was attested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedResult {
    pub lease_id: LeaseId,
    pub units: MicroUnits,
    /// Drawn after the result was committed to: they decide whether it is audited, and by whom.
    pub bits: Bits,
    /// Of an auditor's result.
    pub compared: Option<Compared>,
}

/// A miner that proved its address.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub address: Address,
    pub session: SessionNumber,
    pub capability: Capability,
    /// How many of its slots the hub may fill now. The others work for other hubs.
    pub slots_lent: u32,
    /// Leases that it says it still works on.
    pub leases: Vec<LeaseId>,
    /// Its history: leases that it completed or failed, and those of them that it failed.
    pub leases_ended: u64,
    pub faults: u64,
}

/// What a miner says of a lease that it gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub blame: Blame,
    /// Another try of this miner may end otherwise.
    pub retryable: bool,
    pub reason: String,
}

impl Failure {
    /// No other try of the miner would help.
    pub(super) fn is_final(&self) -> bool {
        self.blame == Blame::Input || !self.retryable
    }
}
