//! When fees are worth a transaction that moves them on to those whom they are for. Anybody may send it, and nobody has to.

use shared::amount::{ATTO_PER_AIT, Amount};
use shared::time::UnixMillis;

/// How often, and from which amount on, the hub moves fees on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpkeepTerms {
    /// How often it looks, in milliseconds.
    pub look_every_ms: u64,
    /// Within this time of its last transaction of a kind it sends no other one, in milliseconds.
    pub period_ms: u64,
    /// The least that a transaction has to move.
    pub least: Amount,
}

impl UpkeepTerms {
    const LOOK_EVERY_MS: u64 = 60_000;
    const PERIOD_MS: u64 = 86_400_000;
    /// Less would be more bytes on the chain than it is worth: a whole AIT is also the least stake that has a say.
    const LEAST: Amount = Amount::from_atto(ATTO_PER_AIT);

    /// Whether the time since the last transaction is over, which was signed at `last`.
    pub fn is_period_over(&self, last: Option<UnixMillis>, now: UnixMillis) -> bool {
        last.is_none_or(|last| now.since_ms(last) >= self.period_ms)
    }

    /// Whether a transaction that moves so much is worth it. One that moves nothing never is.
    pub fn is_worth(&self, amount: Amount) -> bool {
        amount >= self.least && amount > Amount::ZERO
    }
}

impl Default for UpkeepTerms {
    fn default() -> Self {
        Self { look_every_ms: Self::LOOK_EVERY_MS, period_ms: Self::PERIOD_MS, least: Self::LEAST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_moved_once_a_period_and_only_where_there_are_some() {
        let terms = UpkeepTerms { look_every_ms: 1, period_ms: 100, least: Amount::from_atto(5) };
        assert!(terms.is_period_over(None, UnixMillis(0)));
        let over = |now| terms.is_period_over(Some(UnixMillis(1_000)), UnixMillis(now));
        // A clock that went back makes no period shorter.
        assert_eq!([900, 1_000, 1_099, 1_100, 9_000].map(over), [false, false, false, true, true]);
        assert_eq!([0, 4, 5, 6].map(|atto| terms.is_worth(Amount::from_atto(atto))), [false, false, true, true]);
        let any = UpkeepTerms { least: Amount::ZERO, ..terms };
        assert!(!any.is_worth(Amount::ZERO), "a transaction that changes nothing");
    }
}
