//! The write-ahead log: everything that this validator signed or counted at the present height, so that after a crash it
//! says the same again and nothing else.
//!
//! ```text
//!  header  magic (8) │ height (8) │ CRC-32 of both (4)
//!  entry   length (4) │ CRC-32 of height and payload (4) │ payload
//! ```
//!
//! Numbers are little-endian. The log holds one height and is emptied when the next begins. Entries are synced before
//! anything that was signed leaves the process, so an unfinished entry at the end was never relied on and is cut off. A
//! broken entry with a sound one behind it is damage: the validator must not sign, since it has forgotten what it said.

mod entry;
mod file;

use std::io;

pub use file::FileStorage;

pub(crate) use entry::Entry;

use crate::error::ConsensusError;

const MAGIC: [u8; 8] = *b"AITBCBFT";
const HEADER_BYTES: usize = 20;
const ENTRY_HEAD_BYTES: usize = 8;

/// Where the bytes of a log are kept.
pub trait LogStorage {
    /// All bytes.
    ///
    /// # Errors
    /// The disk's.
    fn read(&mut self) -> io::Result<Vec<u8>>;

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// The disk's; it may have written a part.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Keeps the first `length` bytes.
    ///
    /// # Errors
    /// The disk's.
    fn cut(&mut self, length: usize) -> io::Result<()>;

    /// Returns once everything before survives a loss of power.
    ///
    /// # Errors
    /// The disk's.
    fn sync(&mut self) -> io::Result<()>;
}

/// The log of one height at a time.
#[derive(Debug)]
pub(crate) struct Log<S> {
    storage: S,
    height: u64,
    is_synced: bool,
}

impl<S: LogStorage> Log<S> {
    /// Reads the entries that were logged for `height`, and goes on behind them. A log of an earlier height is emptied.
    pub(crate) fn open(mut storage: S, height: u64) -> Result<(Self, Vec<Vec<u8>>), ConsensusError> {
        let bytes = storage.read()?;
        let found = parse(&bytes, height)?;
        let mut log = Self { storage, height, is_synced: false };
        match found {
            Some(Found { entries, sound_bytes }) => {
                if sound_bytes < bytes.len() {
                    tracing::warn!(
                        height,
                        cut = bytes.len() - sound_bytes,
                        "unfinished end of the consensus log cut off"
                    );
                    log.storage.cut(sound_bytes)?;
                }
                Ok((log, entries))
            }
            None => {
                log.begin(height)?;
                Ok((log, Vec::new()))
            }
        }
    }

    /// A log that is damaged and left as it is, for somebody to look at. Nothing is written to it.
    pub(crate) fn untouched(storage: S, height: u64) -> Self {
        Self { storage, height, is_synced: true }
    }

    /// Empties the log for the next height.
    pub(crate) fn begin(&mut self, height: u64) -> io::Result<()> {
        self.height = height;
        self.is_synced = false;
        self.storage.cut(0)?;
        self.storage.append(&header(height))
    }

    pub(crate) fn height(&self) -> u64 {
        self.height
    }

    pub(crate) fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(|_| io::Error::other("an entry longer than 4 GiB"))?;
        let mut bytes = Vec::with_capacity(ENTRY_HEAD_BYTES + payload.len());
        bytes.extend(length.to_le_bytes());
        bytes.extend(checksum(self.height, payload).to_le_bytes());
        bytes.extend(payload);
        self.is_synced = false;
        self.storage.append(&bytes)
    }

    /// Makes what was appended durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.storage.sync()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

/// Refuses to let a validator decide `height` alone where its log says that it spoke about that height among others: what it
/// decides alone could contradict that.
///
/// # Errors
/// [`ConsensusError::SpokeAmongOthers`], [`ConsensusError::DamagedLog`] where the log cannot tell, or the disk's.
pub fn check_silent(mut storage: impl LogStorage, height: u64) -> Result<(), ConsensusError> {
    match parse(&storage.read()?, height)? {
        Some(Found { entries, .. }) if !entries.is_empty() => {
            Err(ConsensusError::SpokeAmongOthers { height, entries: entries.len() })
        }
        _ => Ok(()),
    }
}

/// Whether a log can be gone on with at `height`.
///
/// # Errors
/// [`ConsensusError::DamagedLog`] where it cannot, or the disk's.
pub(crate) fn check_sound(storage: &mut impl LogStorage, height: u64) -> Result<(), ConsensusError> {
    parse(&storage.read()?, height).map(|_| ())
}

struct Found {
    entries: Vec<Vec<u8>>,
    /// Where the last sound entry ends.
    sound_bytes: usize,
}

/// Finds the entries of `height`; `None` if the log is empty or of an earlier height.
fn parse(bytes: &[u8], height: u64) -> Result<Option<Found>, ConsensusError> {
    let logged = match read_header(bytes) {
        Some(logged) => logged,
        // A header that was never synced has nothing behind it that counts.
        None if bytes.get(HEADER_BYTES..).is_none_or(|rest| read_entry(rest, height).is_none()) => return Ok(None),
        None => return Err(ConsensusError::DamagedLog("its header is broken and entries follow".to_owned())),
    };
    if logged > height {
        let reason = format!("it is of height {logged}, and the next block of the chain is {height}");
        return Err(ConsensusError::DamagedLog(reason));
    }
    if logged < height {
        return Ok(None);
    }
    let (mut entries, mut position) = (Vec::new(), HEADER_BYTES);
    while let Some(payload) = read_entry(&bytes[position..], height) {
        entries.push(payload.to_vec());
        position += ENTRY_HEAD_BYTES + payload.len();
    }
    if sound_entry_follows(&bytes[position..], height) {
        let reason = format!("entry {} at byte {position} is broken, and a sound one follows", entries.len());
        return Err(ConsensusError::DamagedLog(reason));
    }
    Ok(Some(Found { entries, sound_bytes: position }))
}

/// Whether a sound entry begins anywhere behind the first byte. Lengths of a broken entry mean nothing, so each place
/// is tried; a false find needs a CRC-32 that fits by chance.
fn sound_entry_follows(rest: &[u8], height: u64) -> bool {
    (1..rest.len()).any(|start| read_entry(&rest[start..], height).is_some_and(|payload| !payload.is_empty()))
}

fn read_entry(bytes: &[u8], height: u64) -> Option<&[u8]> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let expected = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    let payload = bytes.get(ENTRY_HEAD_BYTES..)?.get(..length)?;
    (checksum(height, payload) == expected).then_some(payload)
}

fn header(height: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&height.to_le_bytes());
    let sum = crc32fast::hash(&header[..16]);
    header[16..].copy_from_slice(&sum.to_le_bytes());
    header
}

fn read_header(bytes: &[u8]) -> Option<u64> {
    let given: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
    let height = u64::from_le_bytes(*given[8..].first_chunk()?);
    (*given == header(height)).then_some(height)
}

/// The height is part of the sum, so that an entry of an earlier height never counts.
fn checksum(height: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&height.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Memory(Vec<u8>);

    impl LogStorage for Memory {
        fn read(&mut self) -> io::Result<Vec<u8>> {
            Ok(self.0.clone())
        }

        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.extend(bytes);
            Ok(())
        }

        fn cut(&mut self, length: usize) -> io::Result<()> {
            self.0.truncate(length);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(height: u64, payloads: &[Vec<u8>]) -> Vec<u8> {
        let (mut log, _) = Log::open(Memory::default(), height).unwrap();
        for payload in payloads {
            log.append(payload).unwrap();
        }
        log.storage.0
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..12)
    }

    proptest! {
        #[test]
        fn a_cut_log_keeps_every_whole_entry_and_goes_on(payloads in payloads(), cut in any::<prop::sample::Index>()) {
            let bytes = written(7, &payloads);
            let kept = cut.index(bytes.len() + 1);
            let (mut log, entries) = Log::open(Memory(bytes[..kept].to_vec()), 7).unwrap();
            let whole = payloads.iter().scan(HEADER_BYTES, |end, payload| {
                *end += ENTRY_HEAD_BYTES + payload.len();
                Some(*end)
            }).take_while(|end| *end <= kept).count();
            prop_assert_eq!(&entries, &payloads[..whole]);
            log.append(b"after").unwrap();
            let (_, again) = Log::open(log.storage, 7).unwrap();
            prop_assert_eq!(again.len(), whole + 1);
            prop_assert_eq!(again.last().unwrap().as_slice(), b"after");
        }

        #[test]
        fn a_changed_byte_before_the_last_entry_is_damage(payloads in payloads(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = written(7, &payloads);
            let last = ENTRY_HEAD_BYTES + payloads.last().unwrap().len();
            let before_last = bytes.len() - last;
            let place = at.index(before_last);
            bytes[place] ^= 1 << bit;
            let opened = Log::open(Memory(bytes), 7);
            // A broken header is noticed by the entry behind it, wherever that begins.
            let is_damage = matches!(opened, Err(ConsensusError::DamagedLog(_)));
            prop_assert!(is_damage, "byte {} of {}", place, before_last);
        }
    }

    #[test]
    fn a_log_of_an_earlier_height_is_emptied_and_one_of_a_later_refused() {
        let bytes = written(7, &[b"vote".to_vec()]);
        let (log, entries) = Log::open(Memory(bytes.clone()), 8).unwrap();
        assert!(entries.is_empty());
        assert_eq!(log.storage.0, header(8));
        assert!(matches!(Log::open(Memory(bytes), 6), Err(ConsensusError::DamagedLog(_))));
    }

    #[test]
    fn who_spoke_among_others_at_a_height_does_not_decide_it_alone() {
        let bytes = written(7, &[b"vote".to_vec(), b"vote".to_vec()]);
        let refused = check_silent(Memory(bytes.clone()), 7);
        assert!(matches!(refused, Err(ConsensusError::SpokeAmongOthers { height: 7, entries: 2 })), "{refused:?}");
        assert!(check_silent(Memory(bytes.clone()), 8).is_ok(), "the height is over");
        assert!(check_silent(Memory(written(7, &[])), 7).is_ok(), "nothing was said");
        assert!(check_silent(Memory::default(), 7).is_ok(), "there never was a log");
        let later = check_silent(Memory(bytes.clone()), 6);
        assert!(matches!(later, Err(ConsensusError::DamagedLog(_))), "blocks are missing: {later:?}");
        let mut damaged = bytes;
        damaged[HEADER_BYTES + ENTRY_HEAD_BYTES] ^= 1;
        assert!(matches!(check_silent(Memory(damaged), 7), Err(ConsensusError::DamagedLog(_))));
    }
}
