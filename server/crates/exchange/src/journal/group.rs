//! Groups of entries as bytes.

use std::io::{self, Read};

use super::Entry;
use crate::codec::Codec;

const FILE_MAGIC: [u8; 8] = *b"AITBCEXJ";
const VERSION: u32 = 5;
pub(super) const FILE_HEADER_BYTES: usize = 24;

const GROUP_MAGIC: [u8; 4] = *b"\xABGRP";
const GROUP_HEADER_BYTES: usize = 24;
/// Entries of one group.
pub const GROUP_BYTES_MAX: usize = 2 << 20;
/// More than the longest entry takes without its note.
pub const ENTRY_BYTES_MAX: usize = 128;
/// Bytes of a note.
pub const NOTE_BYTES_MAX: usize = 4 << 10;
/// Bytes before a note, which say how long it is.
const NOTE_LENGTH_BYTES: usize = 2;

pub(super) fn file_header(first_sequence: u64) -> [u8; FILE_HEADER_BYTES] {
    let mut bytes = Vec::with_capacity(FILE_HEADER_BYTES);
    bytes.extend_from_slice(&FILE_MAGIC);
    VERSION.write(&mut bytes);
    first_sequence.write(&mut bytes);
    crc32fast::hash(&bytes).write(&mut bytes);
    let mut header = [0; FILE_HEADER_BYTES];
    header.copy_from_slice(&bytes);
    header
}

/// The first sequence of a file, if this is a header of this version.
pub(super) fn read_file_header(header: &[u8; FILE_HEADER_BYTES]) -> Option<u64> {
    let first_sequence = u64::from_le_bytes(*header[12..].first_chunk()?);
    (*header == file_header(first_sequence)).then_some(first_sequence)
}

/// A group that is being filled.
#[derive(Debug)]
pub(super) struct Group {
    bytes: Vec<u8>,
    entries: u32,
}

impl Group {
    pub(super) fn new() -> Self {
        let mut bytes = Vec::with_capacity(GROUP_HEADER_BYTES + GROUP_BYTES_MAX);
        bytes.resize(GROUP_HEADER_BYTES, 0);
        Self { bytes, entries: 0 }
    }

    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    pub(super) fn is_full(&self) -> bool {
        let entry_max = ENTRY_BYTES_MAX + NOTE_LENGTH_BYTES + NOTE_BYTES_MAX;
        self.bytes.len() + entry_max > GROUP_HEADER_BYTES + GROUP_BYTES_MAX
    }

    /// The note has at most [`NOTE_BYTES_MAX`] bytes.
    pub(super) fn push(&mut self, entry: &Entry, note: &[u8]) {
        entry.write(&mut self.bytes);
        (note.len() as u16).write(&mut self.bytes);
        self.bytes.extend_from_slice(note);
        self.entries += 1;
    }

    /// The whole group, once its place is known.
    pub(super) fn seal(&mut self, first_sequence: u64) -> &[u8] {
        let payload = (self.bytes.len() - GROUP_HEADER_BYTES) as u32;
        let header = header(payload, self.entries, first_sequence, &self.bytes[GROUP_HEADER_BYTES..]);
        self.bytes[..GROUP_HEADER_BYTES].copy_from_slice(&header);
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.truncate(GROUP_HEADER_BYTES);
        self.entries = 0;
    }
}

fn header(payload: u32, entries: u32, first_sequence: u64, body: &[u8]) -> [u8; GROUP_HEADER_BYTES] {
    let mut header = [0; GROUP_HEADER_BYTES];
    header[..4].copy_from_slice(&GROUP_MAGIC);
    header[4..8].copy_from_slice(&payload.to_le_bytes());
    header[8..12].copy_from_slice(&entries.to_le_bytes());
    header[12..20].copy_from_slice(&first_sequence.to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header[..20]);
    crc.update(body);
    header[20..].copy_from_slice(&crc.finalize().to_le_bytes());
    header
}

/// Groups off the front of a reader.
pub(super) struct Groups<R> {
    reader: R,
    /// What the last call read, sound or not.
    buffer: Vec<u8>,
    next_sequence: u64,
    /// Bytes of sound groups.
    pub(super) sound: u64,
}

impl<R: Read> Groups<R> {
    pub(super) fn new(reader: R, first_sequence: u64) -> Self {
        Self { reader, buffer: Vec::new(), next_sequence: first_sequence, sound: 0 }
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Hands each entry of the next group to `each`, with its sequence and its note. `false` where no sound group follows. Entries are
    /// handed out only after the whole group is found sound.
    pub(super) fn next(&mut self, each: &mut impl FnMut(u64, Entry, &[u8])) -> io::Result<bool> {
        self.buffer.clear();
        if !self.fill(GROUP_HEADER_BYTES)? {
            return Ok(false);
        }
        let Some(payload) = payload_of(&self.buffer) else { return Ok(false) };
        if !self.fill(GROUP_HEADER_BYTES + payload)? || !is_sound(&self.buffer, self.next_sequence) {
            return Ok(false);
        }
        let mut body = &self.buffer[GROUP_HEADER_BYTES..];
        while let Some((entry, note)) = read_noted(&mut body) {
            each(self.next_sequence, entry, note);
            self.next_sequence += 1;
        }
        self.sound += self.buffer.len() as u64;
        Ok(true)
    }

    /// After [`Self::next`] found no sound group: how many bytes are left, and whether a sound group of this journal is
    /// somewhere among them.
    pub(super) fn rest(mut self) -> io::Result<(u64, bool)> {
        self.reader.read_to_end(&mut self.buffer)?;
        let sound_follows = (1..self.buffer.len()).any(|start| {
            let rest = &self.buffer[start..];
            let whole = payload_of(rest).map(|payload| GROUP_HEADER_BYTES + payload);
            let group = whole.and_then(|whole| rest.get(..whole));
            group.is_some_and(|group| sequence_of(group) > self.next_sequence && is_sound(group, sequence_of(group)))
        });
        Ok((self.buffer.len() as u64, sound_follows))
    }

    /// Reads until the buffer has `size` bytes. `false` where the reader ends before.
    fn fill(&mut self, size: usize) -> io::Result<bool> {
        let more = size - self.buffer.len();
        self.reader.by_ref().take(more as u64).read_to_end(&mut self.buffer)?;
        Ok(self.buffer.len() == size)
    }
}

/// Takes an entry and its note off the front of `input`.
fn read_noted<'a>(input: &mut &'a [u8]) -> Option<(Entry, &'a [u8])> {
    let entry = Entry::read(input)?;
    let length = u16::read(input)? as usize;
    let (note, rest) = input.split_at_checked(length).filter(|_| length <= NOTE_BYTES_MAX)?;
    *input = rest;
    Some((entry, note))
}

/// The length of the entries of the group that begins here, if one does.
fn payload_of(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..GROUP_HEADER_BYTES)?;
    let payload = u32::from_le_bytes(*header[4..].first_chunk()?) as usize;
    (header.starts_with(&GROUP_MAGIC) && payload <= GROUP_BYTES_MAX).then_some(payload)
}

fn sequence_of(group: &[u8]) -> u64 {
    group[12..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Whether these bytes are one group that begins at `sequence`, with as many entries as it says.
fn is_sound(group: &[u8], sequence: u64) -> bool {
    let body = &group[GROUP_HEADER_BYTES..];
    let entries = u32::from_le_bytes([group[8], group[9], group[10], group[11]]);
    if group[..GROUP_HEADER_BYTES] != header(body.len() as u32, entries, sequence, body) {
        return false;
    }
    let mut rest = body;
    let found = std::iter::from_fn(|| read_noted(&mut rest)).count();
    found > 0 && found == entries as usize && rest.is_empty()
}
