//! What results bring: held by the minter for a day, then paid, or voided with their miner. The rules are those of
//! `AITokenMinter.sol` and of the escrow, which pays at once.

use std::collections::BTreeMap;

use shared::Address;
use shared::amount::Amount;
use shared::time::{UnixMillis, UnixSeconds};

use crate::assumptions::{HOLD_PARTS, HOLD_SECONDS};

#[derive(Debug, Clone, Copy)]
struct Hold {
    amount: Amount,
    due: UnixSeconds,
}

/// What a key has.
#[derive(Debug, Clone, Default)]
struct Account {
    holds: Vec<Hold>,
    paid: u128,
}

/// All keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(BTreeMap<Address, Account>);

/// `HoldTime.dueUnix`: a hold later, rounded up to a 24th of it.
const fn due(now: UnixSeconds) -> UnixSeconds {
    let step = HOLD_SECONDS / HOLD_PARTS;
    UnixSeconds((now.0 + HOLD_SECONDS).div_ceil(step) * step)
}

impl Ledger {
    pub(crate) fn mint(&mut self, miner: Address, amount: Amount, now: UnixMillis) {
        let hold = Hold { amount, due: due(now.seconds()) };
        self.0.entry(miner).or_default().holds.push(hold);
    }

    pub(crate) fn pay(&mut self, miner: Address, amount: Amount) {
        self.0.entry(miner).or_default().paid += amount.atto();
    }

    /// Takes back everything that is not due yet; gives what that was, in attoAIT.
    pub(crate) fn void(&mut self, miner: Address, now: UnixMillis) -> u128 {
        let Some(account) = self.0.get_mut(&miner) else { return 0 };
        let is_held = |hold: &mut Hold| hold.due > now.seconds();
        account.holds.extract_if(.., is_held).map(|hold| hold.amount.atto()).sum()
    }

    /// What the key has after all holds were released, in attoAIT.
    pub(crate) fn paid(&self, miner: Address) -> u128 {
        let Some(account) = self.0.get(&miner) else { return 0 };
        account.paid + account.holds.iter().map(|hold| hold.amount.atto()).sum::<u128>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINER: Address = Address::repeat_byte(1);

    #[test]
    fn what_is_due_cannot_be_taken_back_and_the_rest_can() {
        let mut ledger = Ledger::default();
        let noon = UnixMillis(86_400_000 * 3 / 2);
        ledger.mint(MINER, Amount::from_atto(5), noon);
        ledger.mint(MINER, Amount::from_atto(7), noon.plus_ms(1_000));
        ledger.pay(MINER, Amount::from_atto(11));
        let a_day_later = noon.plus_ms(HOLD_SECONDS * 1_000);
        assert_eq!(ledger.void(MINER, a_day_later), 7, "its due time was rounded up to the next hour");
        assert_eq!(ledger.paid(MINER), 16);
        assert_eq!(ledger.void(Address::ZERO, noon), 0);
    }
}
