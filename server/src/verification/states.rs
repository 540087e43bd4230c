//! What became of verifications, for those who ask a moment later.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use shared::api::contracts::MatchKind;

use crate::clock;

/// More than may wait at once, so that only finished ones are forgotten.
const KEPT_MAX: usize = 1_000;

/// Names a verification; nobody guesses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VerificationId(u128);

impl VerificationId {
    pub(super) fn random() -> Self {
        Self(clock::random_u128())
    }
}

impl fmt::Display for VerificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for VerificationId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| is_id);
        number.map(Self).ok_or("32 hex digits, as verifysourcecode gave them")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Verified(MatchKind),
    /// Why.
    Failed(String),
}

/// The newest last.
#[derive(Debug, Default)]
pub(super) struct States(VecDeque<(VerificationId, State)>);

impl States {
    pub(super) fn get(&self, id: VerificationId) -> Option<State> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, state)| state.clone())
    }

    pub(super) fn set(&mut self, id: VerificationId, state: State) {
        if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == id) {
            *known = state;
            return;
        }
        if self.0.len() >= KEPT_MAX {
            self.0.pop_front();
        }
        self.0.push_back((id, state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut states = States::default();
        let first = VerificationId(1);
        states.set(first, State::Pending);
        states.set(first, State::Verified(MatchKind::Full));
        assert_eq!(states.get(first), Some(State::Verified(MatchKind::Full)));
        for number in 2..=KEPT_MAX as u128 + 1 {
            states.set(VerificationId(number), State::Pending);
        }
        assert_eq!((states.get(first), states.0.len()), (None, KEPT_MAX));
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = VerificationId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "guid", &"+".repeat(32), &"0".repeat(33)] {
            assert!(wrong.parse::<VerificationId>().is_err(), "{wrong}");
        }
    }
}
