//! Words about bids.

use shared::job::request::PaymentMode;

use crate::format::grouped;

pub const TITLE: &str = "Bids";
pub const PRICE: &str = "Up to";
pub const PAID: &str = "Paid";
pub const BIDS: &str = "Bids";
pub const WITH_FILTERS: &str = "With filters";
pub const WORK: &str = "Work";

pub const fn paid(mode: PaymentMode) -> &'static str {
    match mode {
        PaymentMode::Mint => "Minted",
        PaymentMode::Escrow => "By the client",
    }
}

/// What stands under the levels.
pub fn note(bids: u32) -> String {
    let count = if bids == 1 { "One job waits".to_owned() } else { format!("{} jobs wait", grouped(bids)) };
    format!(
        "{count} for an offer at these prices or below. Each is submitted as soon as one fits its price and its filters. A bid \
         can be taken back, and sets no money aside."
    )
}
