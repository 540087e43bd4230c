//! Why no connected miner can serve a job, counted, and what would help.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Filters that one answer names at most.
pub const FILTERS_MAX: usize = 9;

/// A rule that removes a miner from those that may get a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// It does not serve the job's model.
    Model,
    /// The job names other miners.
    NamedMiners,
    /// Its model draws from words alone.
    ImageToImage,
    /// Its model has no setting for few steps.
    FastSetting,
    /// None of the cards that it declares is called so.
    GpuName,
    /// Those cards have too little memory.
    GpuMemory,
    /// Its reputation, which the hub measures, is too low.
    Reputation,
    /// It asks more than the job may cost.
    MaxPrice,
    /// It asks more than this hub allows.
    HubPriceLimit,
}

/// In the detail of a `422` with the type `/problems/cannot-be-served`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unservable {
    /// Miners that are connected. None of them can serve the job.
    pub miners: u32,
    /// Each miner counts once, at the first filter that removes it.
    pub removed: Vec<Removed>,
    /// Single changes of the request after which some connected miner could serve it.
    pub relaxations: Vec<Relaxation>,
    /// What stands against the miner that the fewest filters remove, in words.
    pub nearest: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Removed {
    pub filter: Filter,
    pub miners: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Relaxation {
    /// Path of the field: `constraints.max_price`.
    pub field: String,
    /// What to put there; without it, leave the field out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The same in words.
    pub words: String,
    /// Connected miners that could serve the job then.
    pub miners: u32,
}

impl Filter {
    const fn words(self) -> &'static str {
        match self {
            Self::Model => "not serving the model",
            Self::NamedMiners => "not named by the job",
            Self::ImageToImage => "unable to start from a picture",
            Self::FastSetting => "without a setting for few steps",
            Self::GpuName => "without such a graphics card",
            Self::GpuMemory => "with too little graphics memory",
            Self::Reputation => "with too low a reputation",
            Self::MaxPrice => "too dear",
            Self::HubPriceLimit => "above this hub's price limit",
        }
    }
}

impl fmt::Display for Unservable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { miners, removed, relaxations, nearest } = self;
        let counts: Vec<String> =
            removed.iter().map(|Removed { filter, miners }| format!("{miners} {}", filter.words())).collect();
        write!(formatter, "0 of {miners} connected miners can serve this job: {}.", counts.join(", "))?;
        if relaxations.is_empty() && !nearest.is_empty() {
            return write!(formatter, " Of the nearest one: {}.", nearest.join("; "));
        }
        let helps: Vec<String> = relaxations
            .iter()
            .map(|Relaxation { words, miners, .. }| format!("{words} ({miners} could then)"))
            .collect();
        write!(formatter, " What would help: {}.", helps.join("; or "))
    }
}
