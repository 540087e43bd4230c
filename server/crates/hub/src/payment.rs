//! What the payment of a job needs next, by what the chain has of it.

use shared::api::payments::PaymentState;
use shared::time::UnixMillis;

use crate::settlement::{AfterRevert, RefusalLasts, after_revert};

/// A payment that has not moved for so long, though it should have, is counted as stuck.
pub const STUCK_AFTER_MS: u64 = 300_000;

/// Jobs of one client that may wait for their reservation at once.
pub const UNRESERVED_MAX: usize = 64;

/// The escrow's word on a client's reservation for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChain {
    /// There never was one.
    Absent,
    /// This hub may pay from it.
    Open,
    /// Paid, given back, or taken back by the client.
    Closed,
    /// The client made every order for the job void.
    Cancelled,
    /// Another hub of this chain reserved for the job.
    OfAnother,
}

/// What a payment whose transaction nobody sends any more needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    Nothing,
    RecordReserved,
    /// It waits for another reservation.
    ReserveAgain,
    RecordClosed,
    /// It waits for another closing.
    CloseAgain,
    /// Nothing is reserved, and nothing can be.
    RecordVoid,
}

/// Brings a payment in line with the chain. A transaction that is on its way is waited for.
pub const fn reconcile(state: PaymentState, chain: OnChain, is_on_its_way: bool) -> Needed {
    use PaymentState::{Closing, Reserved, Reserving};
    if is_on_its_way || !matches!(state, Reserving | Reserved | Closing) {
        return Needed::Nothing;
    }
    match (state, chain) {
        (Reserving, OnChain::Open) => Needed::RecordReserved,
        (Closing, OnChain::Open) => Needed::CloseAgain,
        (_, OnChain::Open) => Needed::Nothing,
        (_, OnChain::Closed) => Needed::RecordClosed,
        // A chain that began anew has nothing to give back; a job that still runs is reserved for again.
        (Closing, OnChain::Absent) => Needed::RecordVoid,
        (_, OnChain::Absent) => Needed::ReserveAgain,
        (_, OnChain::Cancelled | OnChain::OfAnother) => Needed::RecordVoid,
    }
}

/// What becomes of a reservation that the escrow refused `attempts` times. Alone in its transaction, it is judged as a
/// receipt is, except that a job which nobody can pay for must not wait long for an unknown reason.
pub fn after_refusal(attempts: u32, lasts: RefusalLasts, now: UnixMillis) -> AfterRevert {
    match lasts {
        RefusalLasts::Unknown => AfterRevert::GiveUp,
        RefusalLasts::ForATime | RefusalLasts::ForEver => after_revert(attempts, false, lasts, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: [OnChain; 5] =
        [OnChain::Absent, OnChain::Open, OnChain::Closed, OnChain::Cancelled, OnChain::OfAnother];

    #[test]
    fn what_is_on_its_way_is_waited_for_and_what_is_over_stays_so() {
        for chain in CHAIN {
            for state in PaymentState::ALL {
                assert_eq!(reconcile(state, chain, true), Needed::Nothing);
                if state.is_final() || state == PaymentState::Awaiting {
                    assert_eq!(reconcile(state, chain, false), Needed::Nothing);
                }
            }
        }
    }

    #[test]
    fn money_that_the_chain_holds_is_never_forgotten() {
        for state in PaymentState::ALL {
            let needed = reconcile(state, OnChain::Open, false);
            assert!(!matches!(needed, Needed::RecordVoid | Needed::RecordClosed | Needed::ReserveAgain), "{state:?}");
        }
        assert_eq!(reconcile(PaymentState::Reserving, OnChain::Open, false), Needed::RecordReserved);
        assert_eq!(reconcile(PaymentState::Closing, OnChain::Open, false), Needed::CloseAgain);
    }

    #[test]
    fn nothing_is_reserved_twice() {
        for state in PaymentState::ALL {
            for chain in CHAIN.into_iter().filter(|chain| *chain != OnChain::Absent) {
                assert_ne!(reconcile(state, chain, false), Needed::ReserveAgain, "{state:?} {chain:?}");
            }
        }
    }

    #[test]
    fn a_pause_costs_time_and_anything_else_the_reservation() {
        let now = UnixMillis(0);
        assert!(matches!(after_refusal(1, RefusalLasts::ForATime, now), AfterRevert::RetryAt(_)));
        assert_eq!(after_refusal(1, RefusalLasts::ForEver, now), AfterRevert::GiveUp);
        assert_eq!(after_refusal(1, RefusalLasts::Unknown, now), AfterRevert::GiveUp);
    }
}
