//! What the journal keeps of an order beside its command, and the order's row that follows from both.

use exchange::{MarketId, NewOrder, UnixMs};
use shared::api::exchange::OrderState;
use shared::time::UnixMillis;
use store::record::exchange::OrderRecord;

use super::error::DeskError;
use super::signers::VerifiedOrder;

/// The note of the command that places an order: what was signed, and by whom. It is short, since an order has no member of
/// free length and is signed by a key.
pub(super) fn note_of(verified: &VerifiedOrder) -> Result<Vec<u8>, DeskError> {
    serde_json::to_vec(verified).map_err(|error| DeskError::Inconsistent(format!("an order has no note: {error}")))
}

/// Reads the note of an entry of the journal.
pub(super) fn read_note(sequence: u64, note: &[u8]) -> Result<VerifiedOrder, DeskError> {
    serde_json::from_slice(note).map_err(|error| {
        DeskError::Inconsistent(format!("entry {sequence} of the journal does not say what was signed: {error}"))
    })
}

/// An order as it comes to the book, by the entry of the journal that places it.
pub(super) fn record_of(
    (sequence, now): (u64, UnixMs),
    market: MarketId,
    order: &NewOrder,
    VerifiedOrder { signed, signer }: VerifiedOrder,
) -> OrderRecord {
    OrderRecord {
        id: order.id.0,
        market: market.0,
        account: order.account.0,
        price_ticks: order.price.0,
        lots: order.lots.0,
        filled_lots: 0,
        state: OrderState::Open,
        reason: None,
        triggered_at: None,
        sequence,
        placed_at: UnixMillis(now.0),
        changed_at: UnixMillis(now.0),
        signed,
        signer,
    }
}
