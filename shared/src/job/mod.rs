//! Jobs: what may be asked for, and the life of what was asked.
//!
//! A kind of work is a module with its request type, its `Valid…` type and its unit of work; [`request`] turns a
//! [`request::CreateJob`] into a [`request::ValidJob`] once, and all later code takes only that.

pub mod embedding;
pub mod image;
pub mod init_image;
pub mod lifecycle;
pub mod request;
pub mod task;
pub mod text;
pub mod token;

use serde::{Deserialize, Serialize};

use crate::unit::UnitType;

/// What sort of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Text, and maybe a picture to start from, to picture.
    Image,
    /// A prompt to go on from, or a conversation to answer.
    Text,
    /// Texts to vectors.
    Embedding,
}

impl JobKind {
    pub const ALL: [Self; 3] = [Self::Image, Self::Text, Self::Embedding];

    /// The text in requests and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
            Self::Embedding => "embedding",
        }
    }

    /// What work of this kind is metered in.
    pub const fn unit_type(self) -> UnitType {
        match self {
            Self::Image => image::ValidImageInput::UNIT_TYPE,
            Self::Text => text::ValidTextInput::UNIT_TYPE,
            Self::Embedding => embedding::ValidEmbeddingInput::UNIT_TYPE,
        }
    }
}

/// Seeds that the hub draws stay below 2^53, so that every JSON reader carries them exactly.
pub const DRAWN_SEED_BITS: u32 = 53;

/// The client's seed, else one of the random bits.
fn settled_seed(named: Option<u64>, drawn: u64) -> u64 {
    named.unwrap_or(drawn & ((1 << DRAWN_SEED_BITS) - 1))
}
