//! Enough of the ELF format to tell a whole shared library from a broken one, and which libraries it needs.
//!
//! Layout after the System V ABI, "Object Files" and "Dynamic Linking", for 64-bit little-endian files: that is what
//! Linux runs on every machine that ONNX Runtime is built for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: u64 = 56;
const DYNAMIC_ENTRY_BYTES: usize = 16;

/// Real libraries have about ten.
const PROGRAM_HEADERS_MAX: u64 = 256;

/// Largest table of dynamic entries, and of names, that is read.
const TABLE_MAX_BYTES: u64 = 16 << 20;

/// Longest name of a needed library.
const NAME_MAX_BYTES: usize = 255;

const SEGMENT_LOAD: u32 = 1;
const SEGMENT_DYNAMIC: u32 = 2;
const TAG_NEEDED: u64 = 1;
const TAG_NAMES: u64 = 5;

/// What a shared library says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// `e_machine`: 62 is x86-64, 183 is AArch64.
    pub machine: u16,
    /// Names of the libraries that the loader must find for it, as `libcudart.so.13`.
    pub needed: Vec<String>,
}

/// Why a file is no library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    #[error("it cannot be read: {0}")]
    Io(String),
    #[error("it is no shared library of Linux")]
    NotElf,
    #[error("it is cut off: it has {bytes} bytes, and its header speaks of {wanted}")]
    Truncated { bytes: u64, wanted: u64 },
    #[error("its tables contradict each other: it is damaged")]
    Damaged,
}

/// A segment: where it lies in the file, and where in memory.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    bytes: u64,
}

/// Reads header, segments and dynamic table of a library.
///
/// # Errors
/// A file that is no library, or not a whole one.
pub fn read(path: &Path) -> Result<Elf, ElfError> {
    let mut file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    parse(&mut file, bytes)
}

/// The machine that this program was built for; `None` where there is no ONNX Runtime for it.
pub const fn own_machine() -> Option<u16> {
    if cfg!(target_arch = "x86_64") {
        Some(62)
    } else if cfg!(target_arch = "aarch64") {
        Some(183)
    } else {
        None
    }
}

fn io(error: std::io::Error) -> ElfError {
    ElfError::Io(error.to_string())
}

fn parse(file: &mut (impl Read + Seek), bytes: u64) -> Result<Elf, ElfError> {
    let mut header = [0; HEADER_BYTES];
    let length = usize::try_from(bytes).unwrap_or(HEADER_BYTES).min(HEADER_BYTES);
    read_at(file, 0, &mut header[..length])?;
    if header[..4] != *b"\x7fELF" || header[4..6] != [2, 1] {
        return Err(ElfError::NotElf);
    }
    if length < HEADER_BYTES {
        return Err(ElfError::Truncated { bytes, wanted: HEADER_BYTES as u64 });
    }
    let segments = segments(file, &header, bytes)?;
    let sections_end =
        u64_at(&header, 40).saturating_add(u64::from(u16_at(&header, 58)) * u64::from(u16_at(&header, 60)));
    let segments_end = segments.iter().map(|segment| segment.offset.saturating_add(segment.bytes)).max().unwrap_or(0);
    let wanted = sections_end.max(segments_end);
    if wanted > bytes {
        return Err(ElfError::Truncated { bytes, wanted });
    }
    Ok(Elf { machine: u16_at(&header, 18), needed: needed(file, &segments)? })
}

fn segments(file: &mut (impl Read + Seek), header: &[u8], bytes: u64) -> Result<Vec<Segment>, ElfError> {
    let (start, count) = (u64_at(header, 32), u64::from(u16_at(header, 56)));
    if u64::from(u16_at(header, 54)) != PROGRAM_HEADER_BYTES || count > PROGRAM_HEADERS_MAX {
        return Err(ElfError::Damaged);
    }
    let wanted = start.saturating_add(count * PROGRAM_HEADER_BYTES);
    if wanted > bytes {
        return Err(ElfError::Truncated { bytes, wanted });
    }
    let table = table(file, start, count * PROGRAM_HEADER_BYTES)?;
    let entries = table.chunks_exact(PROGRAM_HEADER_BYTES as usize);
    let segment = |entry: &[u8]| Segment {
        kind: u32_at(entry, 0),
        offset: u64_at(entry, 8),
        address: u64_at(entry, 16),
        bytes: u64_at(entry, 32),
    };
    Ok(entries.map(segment).filter(|segment| [SEGMENT_LOAD, SEGMENT_DYNAMIC].contains(&segment.kind)).collect())
}

fn needed(file: &mut (impl Read + Seek), segments: &[Segment]) -> Result<Vec<String>, ElfError> {
    let Some(dynamic) = segments.iter().find(|segment| segment.kind == SEGMENT_DYNAMIC) else {
        return Err(ElfError::NotElf);
    };
    let dynamic = table(file, dynamic.offset, dynamic.bytes)?;
    let entries = dynamic.chunks_exact(DYNAMIC_ENTRY_BYTES).map(|entry| (u64_at(entry, 0), u64_at(entry, 8)));
    let entries: Vec<(u64, u64)> = entries.collect();
    let Some((_, names)) = entries.iter().find(|(tag, _)| *tag == TAG_NAMES) else { return Ok(Vec::new()) };
    let needed = entries.iter().filter(|(tag, _)| *tag == TAG_NEEDED);
    needed.map(|(_, offset)| name(file, segments, names.saturating_add(*offset))).collect()
}

/// The text at an address.
fn name(file: &mut (impl Read + Seek), segments: &[Segment], address: u64) -> Result<String, ElfError> {
    let holds = |segment: &&Segment| {
        segment.kind == SEGMENT_LOAD
            && (segment.address..segment.address.saturating_add(segment.bytes)).contains(&address)
    };
    let segment = segments.iter().find(holds).ok_or(ElfError::Damaged)?;
    let into = address - segment.address;
    let left = usize::try_from(segment.bytes - into).unwrap_or(usize::MAX).min(NAME_MAX_BYTES + 1);
    let mut bytes = vec![0; left];
    read_at(file, segment.offset.saturating_add(into), &mut bytes)?;
    let end = bytes.iter().position(|byte| *byte == 0).ok_or(ElfError::Damaged)?;
    bytes.truncate(end);
    String::from_utf8(bytes).map_err(|_| ElfError::Damaged)
}

fn table(file: &mut (impl Read + Seek), offset: u64, bytes: u64) -> Result<Vec<u8>, ElfError> {
    if bytes > TABLE_MAX_BYTES {
        return Err(ElfError::Damaged);
    }
    let mut table = vec![0; usize::try_from(bytes).map_err(|_| ElfError::Damaged)?];
    read_at(file, offset, &mut table)?;
    Ok(table)
}

fn read_at(file: &mut (impl Read + Seek), offset: u64, into: &mut [u8]) -> Result<(), ElfError> {
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    file.read_exact(into).map_err(|_| ElfError::Damaged)
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes_at(bytes, at))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A library of one segment that needs these others.
    pub(in crate::doctor) fn library(machine: u16, needed: &[&str]) -> Vec<u8> {
        const DYNAMIC_AT: u64 = HEADER_BYTES as u64 + 2 * PROGRAM_HEADER_BYTES;
        let dynamic_bytes = (needed.len() as u64 + 2) * DYNAMIC_ENTRY_BYTES as u64;
        let names_at = DYNAMIC_AT + dynamic_bytes;
        let (mut names, mut dynamic) = (vec![0], Vec::new());
        for name in needed {
            dynamic.extend([TAG_NEEDED, names.len() as u64]);
            names.extend_from_slice(name.as_bytes());
            names.push(0);
        }
        dynamic.extend([TAG_NAMES, names_at, 0, 0]);
        let whole = names_at + names.len() as u64;
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(HEADER_BYTES, 0);
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&(HEADER_BYTES as u64).to_le_bytes());
        bytes[40..48].copy_from_slice(&whole.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&2_u16.to_le_bytes());
        for (kind, offset, length) in [(SEGMENT_LOAD, 0, whole), (SEGMENT_DYNAMIC, DYNAMIC_AT, dynamic_bytes)] {
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend([offset, offset, offset, length, length, 8].iter().flat_map(|number| number.to_le_bytes()));
        }
        bytes.extend(dynamic.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(names);
        bytes
    }

    fn check(bytes: &[u8]) -> Result<Elf, ElfError> {
        parse(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_library_says_what_it_needs() {
        let needed = ["libcublas.so.13", "libcudnn.so.9", "libc.so.6"];
        let elf = check(&library(62, &needed)).unwrap();
        assert_eq!((elf.machine, elf.needed), (62, needed.map(str::to_owned).to_vec()));
    }

    #[test]
    fn this_very_program_is_whole() {
        if cfg!(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")) {
            let elf = read(&std::env::current_exe().unwrap()).unwrap();
            assert_eq!(Some(elf.machine), own_machine());
            assert!(elf.needed.iter().any(|name| name.starts_with("libc.so")), "{elf:?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_library_is_told() {
        let whole = library(62, &["libc.so.6"]);
        let cut = &whole[..whole.len() - 1];
        let wanted = whole.len() as u64;
        assert_eq!(check(cut), Err(ElfError::Truncated { bytes: wanted - 1, wanted }));
        assert_eq!(check(&whole[..40]), Err(ElfError::Truncated { bytes: 40, wanted: 64 }));
        for rubbish in [&b""[..], b"not a library", b"<html>"] {
            assert_eq!(check(rubbish), Err(ElfError::NotElf));
        }
    }

    proptest! {
        #[test]
        fn a_damaged_library_is_refused_without_panic(at in 0_usize..300, byte: u8, cut in 0_usize..300) {
            let mut bytes = library(62, &["libcudart.so.13"]);
            let (at, cut) = (at % bytes.len(), cut % bytes.len());
            bytes[at] = byte;
            let _ = check(&bytes);
            prop_assert!(check(&library(62, &["libcudart.so.13"])[..cut]).is_err());
        }
    }
}
