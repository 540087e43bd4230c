//! Quantities and names, each with a type of its own. Nothing here is checked: a command may carry any value, and
//! [`crate::Exchange`] refuses what is out of bounds.

use std::fmt;
use std::num::NonZeroU64;

/// A price: how many smallest steps of a market's price one lot costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub u32);

/// An amount of the base asset in a market's smallest tradable pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lots(pub u64);

impl Lots {
    pub const ZERO: Self = Self(0);

    /// No order has more open lots than lots, so a difference that would be negative is a fault of this crate.
    pub(crate) fn less(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

/// An amount of an asset in its smallest units, as its contract counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Units(pub u128);

impl Units {
    pub const ZERO: Self = Self(0);
}

/// Hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(pub u16);

/// A whole in basis points.
pub const BASIS_POINTS_PER_WHOLE: u16 = 10_000;

/// A trader's place in the ledger. Who calls maps addresses to consecutive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketId(pub u16);

/// Given by who calls, and above every earlier order of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// A name that a trader gives to an order. It is unique among the open orders of an account in one market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId(pub NonZeroU64);

/// Counts the trades of one market from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TradeId(pub u64);

/// Milliseconds since 1970, passed in by who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// Whether an order of this side with this limit accepts a trade at `price`.
    pub const fn accepts(self, limit: Ticks, price: Ticks) -> bool {
        match self {
            Self::Buy => price.0 <= limit.0,
            Self::Sell => price.0 >= limit.0,
        }
    }
}

macro_rules! display_number {
    ($($name:ident),+) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        })+
    };
}

display_number!(Ticks, Lots, Units, BasisPoints, AccountId, AssetId, MarketId, OrderId, ClientOrderId, TradeId, UnixMs);
