//! What work is metered in.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What one unit of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnitType {
    /// One million pixels taken through one denoising step.
    MegapixelStep,
    /// One token of a text model, read or written.
    Token,
}

impl UnitType {
    pub const ALL: [Self; 2] = [Self::MegapixelStep, Self::Token];

    /// The text in receipts, in the signed struct and in the minter's price ceilings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MegapixelStep => "megapixel_step",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for UnitType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
