//! The audit log: one JSON line for each event, which names the SHA-256 of the line before. To change, remove or insert a
//! line, all lines after it must be made anew, and the last hash is another one then.
//!
//! Who keeps that last hash elsewhere sees any change. Without it a log whose end was cut off looks like a shorter one.
//!
//! A log may lie in several segments ([`crate::segment`]). Numbers and hashes go on from one to the next.

use serde::{Deserialize, Serialize};
use shared::B256;
use shared::digest::Sha256Digest;
use shared::time::UnixMillis;

use crate::event::Event;

/// Longest line: a signed transaction of the largest size, as hex digits, and what stands around it.
pub const LINE_MAX_BYTES: usize = 512 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counted from 0.
    pub number: u64,
    pub at_ms: UnixMillis,
    /// SHA-256 of the line before, without its line break; zeros in the first line.
    pub previous: B256,
    pub event: Event,
}

/// Where the log ends: how many lines it has, and the hash of the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub entries: u64,
    pub hash: B256,
}

/// Why lines are no audit log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditLogError {
    #[error("entry {number} has up to {LINE_MAX_BYTES} bytes, got {got}")]
    TooLong { number: u64, got: usize },
    #[error("entry {number} cannot be read: {reason}")]
    Unreadable { number: u64, reason: String },
    #[error("entry {expected} should follow, and entry {got} does: entries were removed, inserted or moved")]
    Number { expected: u64, got: u64 },
    #[error("entry {number} names {named} as the hash of the entry before, which has {found}: that one was changed")]
    Previous { number: u64, named: B256, found: B256 },
    #[error("segment {expected} of the log should follow, and segment {got} does")]
    Segment { expected: u32, got: u32 },
    #[error("entry {number} does not belong to the beginning of segment {segment}")]
    Beginning { segment: u32, number: u64 },
    #[error("{missing} lines are missing at the beginning of segment {segment}")]
    Unfinished { segment: u32, missing: u32 },
    #[error("segment {segment} begins with something else than what the segments before amount to")]
    OtherState { segment: u32 },
    #[error("entry {number} stands at the beginning of a segment only")]
    Misplaced { number: u64 },
    #[error(
        "the log has {entries} entries and the last hash {found}, not the expected {expected}: its end was changed or cut off"
    )]
    OtherHead { entries: u64, expected: B256, found: B256 },
}

impl Head {
    /// Writes one event: its line, without a line break.
    pub fn append(&mut self, at_ms: UnixMillis, event: &Event) -> Result<String, AuditLogError> {
        let number = self.entries;
        let entry = Entry { number, at_ms, previous: self.hash, event: event.clone() };
        let unreadable = |error: serde_json::Error| AuditLogError::Unreadable { number, reason: error.to_string() };
        let line = serde_json::to_string(&entry).map_err(unreadable)?;
        if line.len() > LINE_MAX_BYTES {
            return Err(AuditLogError::TooLong { number, got: line.len() });
        }
        self.accept(&line);
        Ok(line)
    }

    /// Where a log whose beginning is elsewhere goes on with this line. What it names as the hash before is not checked.
    pub fn before(line: &str) -> Result<Self, AuditLogError> {
        let entry: Entry = serde_json::from_str(line)
            .map_err(|error| AuditLogError::Unreadable { number: 0, reason: error.to_string() })?;
        Ok(Self { entries: entry.number, hash: entry.previous })
    }

    /// Reads the next line and checks that it follows.
    pub fn read(&mut self, line: &str) -> Result<Entry, AuditLogError> {
        let number = self.entries;
        if line.len() > LINE_MAX_BYTES {
            return Err(AuditLogError::TooLong { number, got: line.len() });
        }
        let unreadable = |error: serde_json::Error| AuditLogError::Unreadable { number, reason: error.to_string() };
        let entry: Entry = serde_json::from_str(line).map_err(unreadable)?;
        if entry.number != number {
            return Err(AuditLogError::Number { expected: number, got: entry.number });
        }
        if entry.previous != self.hash {
            return Err(AuditLogError::Previous { number, named: entry.previous, found: self.hash });
        }
        self.accept(line);
        Ok(entry)
    }

    fn accept(&mut self, line: &str) {
        self.entries += 1;
        self.hash = Sha256Digest::of(line.as_bytes()).0;
    }

    /// Whether this is the end that somebody noted down.
    pub fn expect(self, expected: B256) -> Result<(), AuditLogError> {
        let found = self.hash;
        if found == expected {
            Ok(())
        } else {
            Err(AuditLogError::OtherHead { entries: self.entries, expected, found })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::Address;

    use super::*;
    use crate::event::LockReason;

    fn log(length: usize) -> (Vec<String>, Head) {
        let mut head = Head::default();
        let event = |number: usize| match number % 3 {
            0 => Event::Started { chain_id: number as u64 },
            1 => Event::Unlocked { address: Address::repeat_byte(1) },
            _ => Event::Locked { address: Address::repeat_byte(1), reason: LockReason::Idle },
        };
        let lines = (0..length).map(|number| head.append(UnixMillis(number as u64), &event(number)).unwrap()).collect();
        (lines, head)
    }

    fn read(lines: &[String]) -> Result<Head, AuditLogError> {
        let mut head = Head::default();
        lines.iter().try_for_each(|line| head.read(line).map(|_| ()))?;
        Ok(head)
    }

    #[test]
    fn what_was_written_is_read_and_a_cut_end_is_told_by_the_last_hash() {
        let (lines, head) = log(7);
        assert_eq!(read(&lines), Ok(head));
        assert_eq!(head.expect(head.hash), Ok(()));
        let shorter = read(&lines[..5]).unwrap();
        assert!(matches!(shorter.expect(head.hash), Err(AuditLogError::OtherHead { entries: 5, .. })));
        assert!(matches!(read(&lines[1..]), Err(AuditLogError::Number { expected: 0, got: 1 })));
        let unknown = lines[0].replace("started", "invented");
        assert!(matches!(read(&[unknown]), Err(AuditLogError::Unreadable { number: 0, .. })));
        let more = lines[0].replace("{\"number\"", "{\"more\":1,\"number\"");
        assert!(matches!(read(&[more]), Err(AuditLogError::Unreadable { .. })));
    }

    proptest! {
        /// One changed byte, one missing line or two lines that changed places: the reading fails, or the end is another.
        #[test]
        fn no_change_goes_unseen(length in 2_usize..12, at in any::<prop::sample::Index>(), way in 0..3, byte in any::<prop::sample::Index>()) {
            let (mut lines, head) = log(length);
            let at = at.index(length);
            match way {
                0 => {
                    let mut bytes = lines[at].clone().into_bytes();
                    let byte = byte.index(bytes.len());
                    bytes[byte] = if bytes[byte] == b'7' { b'8' } else { b'7' };
                    lines[at] = String::from_utf8(bytes).unwrap();
                }
                1 => { lines.remove(at); }
                _ => lines.swap(at, (at + 1) % length),
            }
            let seen = read(&lines).and_then(|found| found.expect(head.hash));
            prop_assert!(seen.is_err());
        }
    }
}
