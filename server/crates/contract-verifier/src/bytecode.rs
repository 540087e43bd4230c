//! Whether compiled code is the code on the chain.
//!
//! The constructor writes immutable variables into the code, so their places are left out. The compiler puts a CBOR map
//! behind the code: with a hash of everything that was compiled, equal maps mean equal sources. Sourcify and Etherscan
//! compare in the same way.

use std::ops::Range;

use alloy_primitives::{Address, hex};
use shared::api::contracts::MatchKind;

use crate::{Compiled, Runtime, VerifyError};

/// Bytes that hold the length of the CBOR map, behind it.
const LENGTH_BYTES: usize = 2;

/// Names under which the map holds a hash of the sources.
const SOURCE_HASHES: [&[u8]; 3] = [b"ipfs", b"bzzr0", b"bzzr1"];

/// How the map's entry of the compiler's version is named.
const COMPILER_ENTRY: &[u8] = b"solc";

/// The code of a library begins with its own address, which is zero where it is compiled: PUSH20, ADDRESS, EQ.
const LIBRARY_START: [u8; 21] = {
    let mut start = [0; 21];
    start[0] = 0x73;
    start
};
const LIBRARY_CHECK: [u8; 2] = [0x30, 0x14];

/// What a creation code shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationMatch {
    /// What follows the creation code.
    pub constructor_arguments: Vec<u8>,
}

/// Compares runtime code with that at an address.
///
/// # Errors
/// Where they differ.
pub fn compare_runtime(compiled: &Runtime, deployed: &[u8], address: Address) -> Result<MatchKind, VerifyError> {
    let code = with_own_address(&compiled.code, address);
    same_immutables(&compiled.immutables, deployed)?;
    if code.len() == deployed.len() && difference(&code, deployed, &compiled.immutables).is_none() {
        let holds_hash = metadata(deployed).is_some_and(has_source_hash);
        return Ok(if holds_hash { MatchKind::Full } else { MatchKind::Partial });
    }
    let (ours, theirs) = (without_metadata(&code), without_metadata(deployed));
    if ours.len() != theirs.len() {
        return Err(VerifyError::CodeLength { compiled: ours.len(), deployed: theirs.len() });
    }
    match difference(ours, theirs, &compiled.immutables) {
        Some(at) => Err(VerifyError::CodeDiffers { at }),
        None => Ok(MatchKind::Partial),
    }
}

/// Compares creation code with what the transaction ran that made the contract.
///
/// # Errors
/// Where they differ.
pub fn compare_creation(compiled: &Compiled, deployed: &[u8], input: &[u8]) -> Result<CreationMatch, VerifyError> {
    let ours = &compiled.creation_code;
    let arguments = input.strip_prefix(ours.as_slice()).map(<[u8]>::to_vec).or_else(|| {
        // The map of the runtime code stands in the creation code too.
        let (own, theirs) = (metadata(&compiled.runtime.code)?, metadata(deployed)?);
        input.strip_prefix(replaced(ours, own, theirs).as_slice()).map(<[u8]>::to_vec)
    });
    arguments.map(|constructor_arguments| CreationMatch { constructor_arguments }).ok_or(VerifyError::CreationDiffers)
}

fn with_own_address(code: &[u8], address: Address) -> Vec<u8> {
    let mut code = code.to_vec();
    let checked = LIBRARY_START.len()..LIBRARY_START.len() + LIBRARY_CHECK.len();
    if code.starts_with(&LIBRARY_START) && code.get(checked) == Some(&LIBRARY_CHECK[..]) {
        code[1..LIBRARY_START.len()].copy_from_slice(address.as_slice());
    }
    code
}

/// The first byte that differs outside the left-out places. Both have the same length.
fn difference(ours: &[u8], theirs: &[u8], left_out: &[Vec<Range<usize>>]) -> Option<usize> {
    let is_left_out = |at: usize| left_out.iter().flatten().any(|range| range.contains(&at));
    ours.iter().zip(theirs).enumerate().find(|(at, (one, other))| one != other && !is_left_out(*at)).map(|(at, _)| at)
}

/// A variable has one value, wherever the code uses it.
fn same_immutables(immutables: &[Vec<Range<usize>>], deployed: &[u8]) -> Result<(), VerifyError> {
    for places in immutables {
        let mut values = places.iter().map(|range| (range.start, deployed.get(range.clone())));
        let Some((first, value)) = values.next() else { continue };
        if let Some((second, _)) = values.find(|(_, other)| *other != value) {
            return Err(VerifyError::ImmutableDiffers { first, second });
        }
    }
    Ok(())
}

/// The map behind the code with its length, where there is one.
fn metadata(code: &[u8]) -> Option<&[u8]> {
    let (_, length) = code.split_last_chunk::<LENGTH_BYTES>()?;
    let start = code.len().checked_sub(usize::from(u16::from_be_bytes(*length)) + LENGTH_BYTES)?;
    let tail = &code[start..];
    // A map of a few entries (CBOR major type 5).
    let is_map = matches!(tail.first(), Some(0xa1..=0xb7));
    (is_map && (has_source_hash(tail) || contains(tail, COMPILER_ENTRY))).then_some(tail)
}

fn without_metadata(code: &[u8]) -> &[u8] {
    &code[..code.len() - metadata(code).map_or(0, <[u8]>::len)]
}

fn has_source_hash(metadata: &[u8]) -> bool {
    SOURCE_HASHES.iter().any(|name| contains(metadata, name))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn replaced(code: &[u8], part: &[u8], with: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.windows(part.len()).position(|window| window == part) {
        made.extend_from_slice(&rest[..at]);
        made.extend_from_slice(with);
        rest = &rest[at + part.len()..];
    }
    made.extend_from_slice(rest);
    made
}

impl CreationMatch {
    /// Whether a caller's own statement of the arguments is the same; an empty one states nothing.
    ///
    /// # Errors
    /// Where it is not hex, or another.
    pub fn check_stated(&self, stated: &str) -> Result<(), VerifyError> {
        let found = hex::encode(&self.constructor_arguments);
        let stated = stated.trim().trim_start_matches("0x");
        if stated.is_empty() || stated.eq_ignore_ascii_case(&found) {
            return Ok(());
        }
        const SHOWN_MAX_CHARS: usize = 1_000;
        Err(VerifyError::OtherArguments { found: found.chars().take(SHOWN_MAX_CHARS).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Address = Address::repeat_byte(0xab);

    /// Code with a map that holds a hash.
    fn code(body: &[u8], hash: u8) -> Vec<u8> {
        let map = [&[0xa2, 0x64][..], b"ipfs", &[0x42, hash, hash, 0x64], b"solc", &[0x43, 0, 8, 37]].concat();
        let length = u16::try_from(map.len()).unwrap().to_be_bytes();
        [body, &map, &length].concat()
    }

    fn runtime(code: Vec<u8>, immutables: Vec<Vec<Range<usize>>>) -> Runtime {
        Runtime { code, immutables }
    }

    fn compiled(creation_code: Vec<u8>, code: Vec<u8>) -> Compiled {
        let runtime = runtime(code, vec![]);
        Compiled { file: "a.sol".to_owned(), abi: "[]".to_owned(), creation_code, runtime }
    }

    #[test]
    fn the_same_bytes_match_in_full_and_another_hash_in_part() {
        let body = [0x60, 1, 0x60, 2];
        let ours = runtime(code(&body, 7), vec![]);
        assert_eq!(compare_runtime(&ours, &code(&body, 7), ADDRESS), Ok(MatchKind::Full));
        assert_eq!(compare_runtime(&ours, &code(&body, 8), ADDRESS), Ok(MatchKind::Partial));
        // A map of another length, or none.
        assert_eq!(compare_runtime(&ours, &body, ADDRESS), Ok(MatchKind::Partial));
        assert_eq!(compare_runtime(&runtime(body.to_vec(), vec![]), &body, ADDRESS), Ok(MatchKind::Partial));
        assert_eq!(
            compare_runtime(&ours, &code(&[0x60, 1, 0x60, 3], 7), ADDRESS),
            Err(VerifyError::CodeDiffers { at: 3 })
        );
        assert_eq!(
            compare_runtime(&ours, &code(&[0x60, 1, 0x60, 2, 0], 7), ADDRESS),
            Err(VerifyError::CodeLength { compiled: 4, deployed: 5 })
        );
    }

    #[test]
    fn immutables_may_have_any_value_and_each_has_one() {
        let ours = runtime(code(&[0x60, 0, 0x60, 0, 0x61], 7), vec![vec![1..2, 3..4]]);
        assert_eq!(compare_runtime(&ours, &code(&[0x60, 9, 0x60, 9, 0x61], 7), ADDRESS), Ok(MatchKind::Full));
        assert_eq!(compare_runtime(&ours, &code(&[0x60, 9, 0x60, 9, 0x61], 8), ADDRESS), Ok(MatchKind::Partial));
        assert_eq!(
            compare_runtime(&ours, &code(&[0x60, 9, 0x60, 8, 0x61], 7), ADDRESS),
            Err(VerifyError::ImmutableDiffers { first: 1, second: 3 })
        );
        assert_eq!(
            compare_runtime(&ours, &code(&[0x60, 9, 0x60, 9, 0x62], 7), ADDRESS),
            Err(VerifyError::CodeDiffers { at: 4 })
        );
        // Shorter than the places: no panic, and no match.
        assert!(compare_runtime(&ours, &[0x60], ADDRESS).is_err());
        assert!(compare_runtime(&ours, &[], ADDRESS).is_err());
    }

    #[test]
    fn a_library_holds_its_own_address() {
        let start = |address: &[u8]| [&[0x73][..], address, &[0x30, 0x14, 0x60, 0x80]].concat();
        let ours = runtime(start(&[0; 20]), vec![]);
        assert_eq!(compare_runtime(&ours, &start(ADDRESS.as_slice()), ADDRESS), Ok(MatchKind::Partial));
        assert!(compare_runtime(&ours, &start(&[1; 20]), ADDRESS).is_err());
    }

    #[test]
    fn arguments_follow_the_creation_code_and_another_constructor_is_seen() {
        let body = [0x60, 1];
        let (ours, theirs) = (code(&body, 7), code(&body, 8));
        let creation = |of: &[u8]| [&[0x38, 0x39][..], of, &[0xfe]].concat();
        let contract = compiled(creation(&ours), ours.clone());
        let with = |creation: Vec<u8>| [creation, vec![5; 32]].concat();
        for (deployed, input) in [(&ours, with(creation(&ours))), (&theirs, with(creation(&theirs)))] {
            let found = compare_creation(&contract, deployed, &input).unwrap();
            assert_eq!(found.constructor_arguments, [5; 32]);
            assert!(found.check_stated("").is_ok() && found.check_stated(&format!("0x{}", "05".repeat(32))).is_ok());
            assert!(found.check_stated("05").unwrap_err().to_string().contains(&"05".repeat(32)));
        }
        let other = [&[0x38, 0x3a][..], &ours].concat();
        assert_eq!(compare_creation(&contract, &ours, &other), Err(VerifyError::CreationDiffers));
        assert_eq!(compare_creation(&contract, &ours, &[]), Err(VerifyError::CreationDiffers));
    }

    #[test]
    fn what_only_looks_like_a_map_is_code() {
        for not in [&[][..], &[0, 0], &[0xff, 0xff], &[0xa1, 0, 1], &[0xa1, 0x64, b'a', b'b', b'c', b'd', 1, 0, 7]] {
            assert_eq!(metadata(not), None, "{not:?}");
        }
    }
}
