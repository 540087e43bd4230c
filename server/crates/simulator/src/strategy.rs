//! How the miners of one operator behave: what they hand in for a job, and what as auditors.

use hub::reputation;

use crate::assumptions::{self, Distance};

/// One way to be a miner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    Honest,
    /// Hands in pictures that no model drew.
    Blank,
    /// Hands in black pictures and says that the safety checker flagged them.
    FalseFlag,
    FewerSteps,
    WrongModel,
    /// Hands in pictures that it has already, whatever the seed.
    SeedIgnoring,
    /// Two miners: each lies, and says as an auditor that the other did not.
    ColludingPair,
    /// Asks for sponsored jobs, at a price that only it keeps, and lies where it gets them.
    SelfDealing,
    /// The same, and computes what it asks for: it fills its machine with work that nobody wants.
    SelfDealingWorking,
    /// Two miners of one operator, who orders jobs and pays them from escrow: whichever gets one lies, and the other one says as
    /// an auditor that it did not, where it is drawn.
    SelfDealingPaid,
    /// Honest for two thirds of its time, then it lies.
    ExitScam,
    /// Many keys that lie from their first job on.
    Sybil,
    /// Many keys: each is honest until it may judge others, one after the other. After half of the time all of them lie and
    /// confirm each other.
    SybilRing,
    /// Serves honestly and computes nothing as an auditor: it hands in a copy where it can read the result, and else a picture
    /// that it has.
    CopyingAuditor,
    /// Works, also as an auditor, but computes nothing for a third opinion: it hands in a copy where it can read the result, and
    /// else a picture that it has.
    IdleThird,
}

/// What a miner hands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The work, done.
    Work,
    /// Something else.
    Lie(Lie),
    /// As an auditor: what the audited miner handed in, and its root if both belong to one operator. What it cannot read, it
    /// computes, but for [`Strategy::CopyingAuditor`] and [`Strategy::IdleThird`].
    Copy,
}

/// Something else than the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lie {
    pub distance: Distance,
    /// What it costs, in thousandths of the work.
    pub cost_per_mille: u64,
    /// It is said to be black for the safety checker's sake.
    pub flagged: bool,
}

impl Lie {
    const fn free(distance: Distance) -> Self {
        Self { distance, cost_per_mille: 0, flagged: false }
    }
}

/// What a miner of the cheat knows when it gets a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    /// Results of its key that held.
    pub(crate) results: u64,
    /// Its operator asked for the job.
    pub(crate) is_own_job: bool,
    /// How much of the simulated time is over.
    pub(crate) elapsed_per_mille: u64,
}

impl Strategy {
    pub const ALL: [Self; 15] = [
        Self::Honest,
        Self::Blank,
        Self::FalseFlag,
        Self::FewerSteps,
        Self::WrongModel,
        Self::SeedIgnoring,
        Self::ColludingPair,
        Self::SelfDealing,
        Self::SelfDealingWorking,
        Self::SelfDealingPaid,
        Self::ExitScam,
        Self::Sybil,
        Self::SybilRing,
        Self::CopyingAuditor,
        Self::IdleThird,
    ];

    /// Those that earn more than honest work. `docs/ECONOMICS.md` says why, and what bounds them.
    pub const STILL_PAYS: [Self; 2] = [Self::SelfDealingWorking, Self::IdleThird];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Blank => "blank pictures",
            Self::FalseFlag => "false safety flags",
            Self::FewerSteps => "half of the steps",
            Self::WrongModel => "cheaper model",
            Self::SeedIgnoring => "seed ignored",
            Self::ColludingPair => "colluding pair",
            Self::SelfDealing => "self-dealing, lies",
            Self::SelfDealingWorking => "self-dealing, works",
            Self::SelfDealingPaid => "self-dealing, pays",
            Self::ExitScam => "exit scam",
            Self::Sybil => "new keys that lie",
            Self::SybilRing => "ring of proven keys",
            Self::CopyingAuditor => "copying auditor",
            Self::IdleThird => "idle third opinion",
        }
    }

    pub(crate) const fn machines(self) -> u64 {
        match self {
            Self::ColludingPair | Self::SelfDealingPaid => 2,
            _ => 1,
        }
    }

    pub(crate) const fn asks_itself(self) -> bool {
        matches!(self, Self::SelfDealing | Self::SelfDealingWorking | Self::SelfDealingPaid)
    }

    /// Its operator pays what it asks for.
    pub(crate) const fn pays_itself(self) -> bool {
        matches!(self, Self::SelfDealingPaid)
    }

    /// It does honest work beside its lies. It hands those in no sooner than the work would be: it must not seem faster
    /// than it is, or its leases become too short for its work.
    pub(crate) const fn works_too(self) -> bool {
        matches!(self, Self::SelfDealing | Self::SelfDealingPaid | Self::CopyingAuditor | Self::IdleThird)
    }

    pub(crate) fn serve(self, situation: Situation) -> Act {
        let blank = Act::Lie(Lie::free(assumptions::BLANK));
        match self {
            Self::Honest | Self::SelfDealingWorking | Self::CopyingAuditor | Self::IdleThird => Act::Work,
            Self::Blank | Self::Sybil => blank,
            Self::FalseFlag => Act::Lie(Lie { flagged: true, ..Lie::free(assumptions::BLANK) }),
            Self::SeedIgnoring => Act::Lie(Lie::free(assumptions::OTHER_SEED)),
            Self::FewerSteps => Act::Lie(Lie { cost_per_mille: 500, ..Lie::free(assumptions::HALF_OF_THE_STEPS) }),
            Self::WrongModel => {
                let cost_per_mille = assumptions::OTHER_MODEL_COST_PER_MILLE;
                Act::Lie(Lie { cost_per_mille, ..Lie::free(assumptions::OTHER_MODEL) })
            }
            Self::ColludingPair if reputation::is_proven(situation.results) => blank,
            Self::SybilRing if situation.elapsed_per_mille >= 500 => blank,
            Self::SelfDealing | Self::SelfDealingPaid if situation.is_own_job => blank,
            Self::ExitScam if situation.elapsed_per_mille >= 667 => blank,
            Self::ColludingPair | Self::SybilRing | Self::SelfDealing | Self::SelfDealingPaid | Self::ExitScam => {
                Act::Work
            }
        }
    }

    /// `is_own`: the audited result is of the same operator. Who computes nothing copies as an auditor as well.
    pub(crate) const fn audit(self, is_own: bool, is_third: bool) -> Act {
        match self {
            _ if is_own => Act::Copy,
            Self::IdleThird if is_third => Act::Copy,
            Self::CopyingAuditor
            | Self::Blank
            | Self::FalseFlag
            | Self::SeedIgnoring
            | Self::ColludingPair
            | Self::Sybil => Act::Copy,
            Self::Honest
            | Self::FewerSteps
            | Self::WrongModel
            | Self::SelfDealing
            | Self::SelfDealingWorking
            | Self::SelfDealingPaid
            | Self::SybilRing
            | Self::IdleThird
            | Self::ExitScam => Act::Work,
        }
    }
}
