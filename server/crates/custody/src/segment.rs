//! The log in segments, so that old ones can lie elsewhere.
//!
//! The first begins from nothing. Every other one begins with a line that names its number, and with lines that say what the
//! segments before amount to: policies, what went today, second factors, payments. So the newest alone tells everything that
//! counts, and who reads the one before too sees whether it is true. Numbers and hashes of entries go on.

use shared::time::UnixMillis;

use crate::audit_log::{AuditLogError, Entry, Head};
use crate::event::Event;
use crate::ledger::Ledger;

/// The number of a log's first segment.
pub const FIRST: u32 = 1;

/// The lines with which a segment begins. `head` is then behind them.
///
/// # Errors
/// A state that does not fit in lines.
pub fn begin(head: &mut Head, ledger: &Ledger, segment: u32, at: UnixMillis) -> Result<Vec<String>, AuditLogError> {
    let carried = ledger.carried();
    let lines = u32::try_from(carried.len()).unwrap_or(u32::MAX);
    let began = Event::SegmentBegan { segment, lines };
    let states = carried.into_iter().map(|state| Event::Carried { state });
    std::iter::once(began).chain(states).map(|event| head.append(at, &event)).collect()
}

/// What segments amount to, read in their order. The first that is read need not be the log's first.
#[derive(Debug, Default)]
pub struct Replay {
    pub head: Head,
    pub ledger: Ledger,
    /// The segment that is read.
    pub segment: u32,
    /// Bytes of the segment's lines behind its beginning.
    pub bytes: u64,
    /// Lines of the beginning that did not come yet.
    missing: u32,
    /// Nothing of the segment was read.
    is_new: bool,
    /// What the segments before amount to, where they were read.
    before: Option<Ledger>,
}

impl Replay {
    /// The next segment follows.
    ///
    /// # Errors
    /// One was left out, or the one before has no whole beginning.
    pub fn begin_segment(&mut self, segment: u32) -> Result<(), AuditLogError> {
        if self.segment > 0 {
            self.check_whole()?;
            let expected = self.segment + 1;
            if segment != expected {
                return Err(AuditLogError::Segment { expected, got: segment });
            }
            self.before = Some(std::mem::take(&mut self.ledger));
        }
        (self.segment, self.bytes, self.is_new) = (segment, 0, true);
        Ok(())
    }

    /// Reads the next line of the segment.
    ///
    /// # Errors
    /// It does not follow the line before, or does not stand where it belongs.
    pub fn read(&mut self, line: &str) -> Result<Entry, AuditLogError> {
        let begins = std::mem::take(&mut self.is_new) && self.segment != FIRST;
        if begins && self.before.is_none() {
            self.head = Head::before(line)?;
        }
        let entry = self.head.read(line)?;
        let (number, segment) = (entry.number, self.segment);
        match &entry.event {
            Event::SegmentBegan { segment: named, lines } if begins && *named == segment => {
                self.missing = *lines;
                self.check_state()?;
            }
            _ if begins => return Err(AuditLogError::Beginning { segment, number }),
            Event::Carried { .. } if self.missing > 0 => {
                self.ledger.apply(entry.at_ms, &entry.event);
                self.missing -= 1;
                self.check_state()?;
            }
            _ if self.missing > 0 => return Err(AuditLogError::Beginning { segment, number }),
            Event::SegmentBegan { .. } | Event::Carried { .. } => return Err(AuditLogError::Misplaced { number }),
            event => {
                self.ledger.apply(entry.at_ms, event);
                self.bytes += line.len() as u64 + 1;
            }
        }
        Ok(entry)
    }

    /// Whether the segment's beginning is whole.
    pub const fn check_whole(&self) -> Result<(), AuditLogError> {
        let (segment, missing) = (self.segment, self.missing);
        if self.is_new && segment != FIRST {
            return Err(AuditLogError::Unfinished { segment, missing: 1 });
        }
        if missing == 0 { Ok(()) } else { Err(AuditLogError::Unfinished { segment, missing }) }
    }

    /// At the end of the beginning: it says what the segments before say.
    fn check_state(&mut self) -> Result<(), AuditLogError> {
        if self.missing > 0 {
            return Ok(());
        }
        match self.before.take() {
            Some(before) if before.carried() != self.ledger.carried() => {
                Err(AuditLogError::OtherState { segment: self.segment })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::digest::Sha256Digest;
    use shared::{Address, B256, Bytes, U256};
    use wallet::rand_core::OsRng;

    use super::*;
    use crate::action::Movement;
    use crate::asset::{Asset, Units};
    use crate::event::{Cancellation, CodeUse, Moved, SecondFactor, SignedPayment};
    use crate::policy::Policy;
    use crate::recovery::RecoveryHash;
    use crate::sealed::SealingKey;

    type Segments = Vec<(u32, Vec<String>)>;

    fn event(number: u64, choice: u8) -> Event {
        let address = Address::repeat_byte(choice % 3);
        let hash = |number: u64| B256::from(U256::from(number));
        match choice % 9 {
            0 => Event::UnlockRefused { address },
            1 => Event::CodeRefused { address },
            2 => Event::PolicySet { address, policy: Policy::default(), code: Some(CodeUse::Totp { step: number }) },
            3 => {
                let secret = SealingKey::derive(&[1; 32], "x").unwrap().seal(b"secret", b"", &mut OsRng).unwrap();
                let recovery = vec![RecoveryHash::of(&number.to_string())];
                Event::SecondFactorSet { address, factor: SecondFactor { secret, recovery, last_used: number } }
            }
            4 | 5 => {
                let movement = Movement { asset: Asset::AIT, amount: Units(U256::from(number)), to: address };
                let payment = SignedPayment {
                    key: number.to_string(),
                    request: Sha256Digest::of(b"request"),
                    nonce: number,
                    hash: hash(number),
                    raw: Bytes::from_static(&[1]),
                    moved: Moved { movements: vec![movement], fee: Units(U256::from(2)) },
                };
                Event::Payment { address, payment, code: None }
            }
            6 => Event::Settled { hash: hash(number.saturating_sub(2)), block_number: number, succeeded: true },
            7 => {
                let (raw, fee) = (Bytes::from_static(&[2]), Units(U256::from(1)));
                let cancellation = Cancellation { hash: hash(number + 1_000), raw, fee };
                Event::Canceling { address, hash: hash(number.saturating_sub(1)), cancellation }
            }
            _ => Event::Canceled { hash: hash(number.saturating_sub(2)), block_number: None },
        }
    }

    /// A log whose segments have so many events each.
    fn log(choices: &[Vec<u8>]) -> (Segments, Head, Ledger) {
        let (mut head, mut ledger, mut segments) = (Head::default(), Ledger::default(), Segments::new());
        let mut number = 0;
        for (index, choices) in choices.iter().enumerate() {
            let segment = FIRST + u32::try_from(index).unwrap();
            let at = UnixMillis(1_800_000_000_000 + number * 40_000_000);
            let mut lines = if segment == FIRST { vec![] } else { begin(&mut head, &ledger, segment, at).unwrap() };
            for choice in choices {
                let event = event(number, *choice);
                lines.push(head.append(at, &event).unwrap());
                ledger.apply(at, &event);
                number += 1;
            }
            segments.push((segment, lines));
        }
        (segments, head, ledger)
    }

    fn read(segments: &[(u32, Vec<String>)]) -> Result<Replay, AuditLogError> {
        let mut replay = Replay::default();
        for (segment, lines) in segments {
            replay.begin_segment(*segment)?;
            lines.iter().try_for_each(|line| replay.read(line).map(drop))?;
        }
        replay.check_whole().map(|()| replay)
    }

    proptest! {
        /// From each segment on the log amounts to the same.
        #[test]
        fn what_is_left_of_a_log_amounts_to_the_whole(choices in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 1..5)) {
            let (segments, head, ledger) = log(&choices);
            for from in 0..segments.len() {
                let replay = read(&segments[from..]).unwrap();
                prop_assert_eq!(replay.head, head);
                prop_assert_eq!(replay.ledger.carried(), ledger.carried());
                prop_assert_eq!(replay.ledger.waiting().count(), ledger.waiting().count());
                prop_assert_eq!(replay.segment, segments.last().unwrap().0);
            }
        }

        /// A line that is gone: the reading fails, or the end is another.
        #[test]
        fn no_line_is_left_out(choices in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..6), 2..4), at in any::<prop::sample::Index>(), segment in any::<prop::sample::Index>()) {
            let (mut segments, head, _) = log(&choices);
            let (number, lines) = segment.get_mut(&mut segments);
            let index = at.index(lines.len());
            lines.remove(index);
            let is_end = index == lines.len() && *number as usize == choices.len();
            let found = read(&segments);
            prop_assert!(found.is_err() || is_end && found.unwrap().head.expect(head.hash).is_err());
        }
    }

    #[test]
    fn a_segment_tells_what_the_ones_before_amount_to_and_nothing_else() {
        let (mut segments, ..) = log(&[vec![4, 2], vec![0]]);
        assert!(matches!(
            read(&[segments[1].clone(), segments[1].clone()]),
            Err(AuditLogError::Segment { expected: 3, got: 2 })
        ));
        let unnamed = (5, segments[1].1.clone());
        assert!(matches!(read(&[unnamed]), Err(AuditLogError::Beginning { segment: 5, .. })));
        let short = (2, segments[1].1[..2].to_vec());
        assert!(matches!(read(&[short]), Err(AuditLogError::Unfinished { segment: 2, .. })));
        assert!(matches!(read(&[(2, vec![])]), Err(AuditLogError::Unfinished { segment: 2, missing: 1 })));

        // Somebody writes a whole new segment behind the first: every hash holds, and the state does not.
        let replay = read(&segments[..1]).unwrap();
        let mut head = replay.head;
        segments[1].1 = begin(&mut head, &Ledger::default(), 2, UnixMillis(0)).unwrap();
        assert!(matches!(read(&segments), Err(AuditLogError::OtherState { segment: 2 })));
        let state = replay.ledger.carried().remove(0);
        let misplaced = head.append(UnixMillis(0), &Event::Carried { state }).unwrap();
        segments[1].1.push(misplaced);
        assert!(matches!(read(&segments[1..]), Err(AuditLogError::Misplaced { .. })));
    }
}
