//! Reviews: what clients say of a miner's work, at most once for each receipt. Who may, how much one counts, and the mean.
//!
//! The hub counts by these rules while it writes, and an auditor counts again by them.

use std::fmt;

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::chain::ESCROW_ADDRESS;
use crate::field_error::FieldError;
use crate::job::task::TaskRole;
use crate::time::{MS_PER_DAY, UnixMillis};

pub const STARS_MIN: u8 = 1;
pub const STARS_MAX: u8 = 5;

/// Longest text of a review.
pub const REVIEW_TEXT_MAX_CHARS: usize = 500;

/// For so long after it was left, its author may change a review.
pub const REVIEW_EDITABLE_MS: u64 = 7 * MS_PER_DAY;

/// How often a review is written at most, the first time included. Each is an entry of the hub's log.
pub const REVIEW_VERSIONS_MAX: u32 = 5;

/// How good the work was: 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Stars(u8);

/// A number that is none of stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stars are {} to {}, got {got}", STARS_MIN, STARS_MAX)]
pub struct NoStars {
    got: u8,
}

impl Stars {
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Stars {
    type Error = NoStars;

    fn try_from(count: u8) -> Result<Self, NoStars> {
        if (STARS_MIN..=STARS_MAX).contains(&count) { Ok(Self(count)) } else { Err(NoStars { got: count }) }
    }
}

impl From<Stars> for u8 {
    fn from(stars: Stars) -> Self {
        stars.0
    }
}

impl fmt::Display for Stars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Why somebody may not review the work of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRefusal {
    #[error("the work was asked for by {client}, who alone may review it")]
    OfAnother { client: Address },
    #[error("the miner asked for this work itself, and nobody reviews their own work")]
    OwnWork,
    #[error("the work was an audit, which no client asked for")]
    OfAudit,
}

/// Whether `author` may review the work of a receipt with these terms.
///
/// # Errors
/// Anybody but its client, a miner that is its own client, and the work of an audit.
pub fn check_author(
    author: Address,
    client: Address,
    provider: Address,
    task_role: TaskRole,
) -> Result<(), ReviewRefusal> {
    if task_role.is_audit() {
        return Err(ReviewRefusal::OfAudit);
    }
    if author != client {
        return Err(ReviewRefusal::OfAnother { client });
    }
    if author == provider { Err(ReviewRefusal::OwnWork) } else { Ok(()) }
}

/// What the client of a receipt pays for its work, by the contract that the receipt names: nothing where it is minted. So much
/// counts a review of it, and one of work that cost nothing counts for nothing, since anybody can ask for such work.
pub fn paid(contract: Address, amount: Amount) -> Amount {
    if contract == ESCROW_ADDRESS { amount } else { Amount::ZERO }
}

/// Whether a review may still be changed that was left then.
pub const fn is_editable(created_at: UnixMillis, now: UnixMillis) -> bool {
    now.since_ms(created_at) <= REVIEW_EDITABLE_MS
}

/// The text of a review as it is kept, in one line; `None` where it has no words.
///
/// # Errors
/// A text that is too long, or that has characters which control a terminal or the direction of the writing around it.
pub fn checked_text(text: &str) -> Result<Option<String>, FieldError> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let chars = line.chars().count();
    if chars > REVIEW_TEXT_MAX_CHARS {
        let bound = format!("up to {REVIEW_TEXT_MAX_CHARS} characters");
        return Err(FieldError::bound("text", bound, format!("{chars} characters")));
    }
    match line.chars().find(|character| is_control(*character)) {
        Some(found) => {
            let bound = "without characters of control";
            Err(FieldError::bound("text", bound, format!("U+{:04X}", u32::from(found))))
        }
        None => Ok((!line.is_empty()).then_some(line)),
    }
}

/// Controls, and what embeds, overrides or isolates a direction (Unicode Bidirectional Algorithm, UAX #9, table of explicit
/// formatting characters) or breaks a line.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// All reviews of a miner, as they count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReviewTally {
    /// Of work that its client paid.
    pub paid: u64,
    /// Of work that cost its client nothing: they are in no mean.
    pub unpaid: u64,
    /// What the clients of the paid ones paid, in attoAIT.
    pub weight_atto: U256,
    /// The same, each times the stars of its review.
    pub weighted_stars_atto: U256,
}

impl ReviewTally {
    /// Counts a review of work for which so much was paid.
    pub fn add(&mut self, stars: Stars, paid: Amount) {
        if paid == Amount::ZERO {
            self.unpaid = self.unpaid.saturating_add(1);
            return;
        }
        let [weight, weighted] = weights(stars, paid);
        self.paid = self.paid.saturating_add(1);
        self.weight_atto = self.weight_atto.saturating_add(weight);
        self.weighted_stars_atto = self.weighted_stars_atto.saturating_add(weighted);
    }

    /// Takes out a review that was counted with these stars.
    pub fn remove(&mut self, stars: Stars, paid: Amount) {
        if paid == Amount::ZERO {
            self.unpaid = self.unpaid.saturating_sub(1);
            return;
        }
        let [weight, weighted] = weights(stars, paid);
        self.paid = self.paid.saturating_sub(1);
        self.weight_atto = self.weight_atto.saturating_sub(weight);
        self.weighted_stars_atto = self.weighted_stars_atto.saturating_sub(weighted);
    }

    /// The mean of the paid ones in thousandths of a star, rounded down: `⌊1000 × Σ (stars × paid) / Σ paid⌋`. `None` where
    /// there is none.
    pub fn mean_per_mille(&self) -> Option<u16> {
        let scaled = self.weighted_stars_atto.saturating_mul(U256::from(1_000_u64));
        scaled.checked_div(self.weight_atto).and_then(|mean| u16::try_from(mean).ok())
    }
}

fn weights(stars: Stars, paid: Amount) -> [U256; 2] {
    let weight = U256::from(paid.atto());
    [weight, weight.saturating_mul(U256::from(stars.get()))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::MINTER_ADDRESS;

    const CLIENT: Address = Address::repeat_byte(1);
    const MINER: Address = Address::repeat_byte(2);

    fn stars(count: u8) -> Stars {
        Stars::try_from(count).unwrap()
    }

    #[test]
    fn stars_are_1_to_5() {
        for count in STARS_MIN..=STARS_MAX {
            let read: Stars = serde_json::from_str(&count.to_string()).unwrap();
            assert_eq!((read.get(), serde_json::to_string(&read).unwrap()), (count, count.to_string()));
        }
        for wrong in ["0", "6", "-1", "4.5", "\"5\"", "256"] {
            assert!(serde_json::from_str::<Stars>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_client_of_the_work_alone_may_review_it_and_nobody_their_own() {
        let check = |author, provider, role| check_author(author, CLIENT, provider, role);
        assert_eq!(check(CLIENT, MINER, TaskRole::Serve), Ok(()));
        assert_eq!(check(CLIENT, MINER, TaskRole::Shard(1)), Ok(()));
        assert_eq!(check(MINER, MINER, TaskRole::Serve), Err(ReviewRefusal::OfAnother { client: CLIENT }));
        assert_eq!(check(CLIENT, CLIENT, TaskRole::Serve), Err(ReviewRefusal::OwnWork));
        assert_eq!(check(CLIENT, MINER, TaskRole::Serve.audit()), Err(ReviewRefusal::OfAudit));
        assert_eq!(check(CLIENT, MINER, TaskRole::Serve.third_opinion()), Err(ReviewRefusal::OfAudit));
    }

    #[test]
    fn a_review_counts_what_its_author_paid_and_minted_work_nothing() {
        let ait = Amount::from_ait;
        assert_eq!(paid(ESCROW_ADDRESS, ait(3)), ait(3));
        assert_eq!(paid(MINTER_ADDRESS, ait(3)), Amount::ZERO);

        let mut tally = ReviewTally::default();
        tally.add(stars(1), Amount::ZERO);
        assert_eq!((tally.unpaid, tally.paid, tally.mean_per_mille()), (1, 0, None));
        tally.add(stars(5), ait(3));
        tally.add(stars(2), ait(1));
        assert_eq!((tally.paid, tally.mean_per_mille()), (2, Some(4_250)));
        tally.add(stars(4), Amount::from_atto(1));
        assert_eq!(tally.mean_per_mille(), Some(4_249), "it is rounded down, and a mean is exact to an attoAIT");
        tally.remove(stars(4), Amount::from_atto(1));
        tally.remove(stars(5), ait(3));
        tally.remove(stars(1), Amount::ZERO);
        assert_eq!((tally.unpaid, tally.paid, tally.mean_per_mille()), (0, 1, Some(2_000)));
        let most = Amount::from_atto(u128::MAX);
        for _ in 0..9 {
            tally.add(stars(5), most);
        }
        assert_eq!(tally.mean_per_mille(), Some(4_999), "no sum overflows");
    }

    #[test]
    fn a_text_is_one_line_of_bounded_length_and_turns_nothing_around() {
        assert_eq!(checked_text("  sharp,\n and  fast ").unwrap().unwrap(), "sharp, and fast");
        assert_eq!(checked_text(" \t\n").unwrap(), None);
        let longest = "ü".repeat(REVIEW_TEXT_MAX_CHARS);
        assert_eq!(checked_text(&longest).unwrap().unwrap(), longest);
        for refused in [format!("{longest}x"), "a\u{202E}b".to_owned(), "a\u{7}b".to_owned(), "\u{1b}[2J".to_owned()] {
            assert_eq!(checked_text(&refused).unwrap_err().field, "text", "{refused:?}");
        }
    }

    #[test]
    fn a_review_is_changed_within_a_week() {
        let at = UnixMillis(5);
        assert!(is_editable(at, at) && is_editable(at, at.plus_ms(REVIEW_EDITABLE_MS)));
        assert!(!is_editable(at, at.plus_ms(REVIEW_EDITABLE_MS + 1)));
    }
}
