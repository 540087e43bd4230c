//! Tables of the exchange: who trades, what they signed, and what came of it.

pub(crate) mod candle;
pub(crate) mod order;
pub(crate) mod position;
pub(crate) mod trade;
pub(crate) mod trader;
pub(crate) mod withdrawal;
