//! The bounds of everything that grows or is multiplied.

/// A price has 30 bits, the depth of [`crate::price_tree::PriceTree`].
pub const PRICE_TICKS_MAX: u32 = (1 << 30) - 1;

/// With [`PRICE_TICKS_MAX`], a price times lots fits into 64 bits.
pub const ORDER_LOTS_MAX: u64 = (1 << 34) - 1;

/// Smallest units of an asset in one lot, or in one tick of one lot. A price times lots times this fits into 128 bits.
pub const UNITS_PER_STEP_MAX: u64 = 1_000_000_000_000_000_000;

/// All of an asset that is deposited. Twice as much still fits into 128 bits.
pub const DEPOSITED_UNITS_MAX: u128 = 1 << 126;

/// Fees of makers and of takers.
pub const FEE_BASIS_POINTS_MAX: u16 = 1_000;

pub const MARKETS_MAX: usize = 64;
pub const ASSETS_MAX: usize = 8;
pub const ACCOUNTS_MAX: usize = 262_144;

/// Open orders of one account in one market, waiting stop orders included.
pub const ORDERS_PER_ACCOUNT_MAX: u32 = 1_000;

/// Orders that one command triggers in a market. Those that were reached beyond that are triggered by the next commands.
pub const TRIGGERS_PER_COMMAND_MAX: u32 = 32;

/// Open orders of one market, waiting stop orders included. A market may set less.
pub const ORDERS_PER_MARKET_MAX: u32 = 262_144;

/// Different prices of bids, of asks, of triggers above and of triggers below; each has this many.
pub const LEVELS_PER_SIDE_MAX: usize = 16_384;
