//! How many items the lists of a record may have. They are counted in the bytes, since a decoded item takes up to 64 times as much
//! memory as its shortest form.

use alloy_rlp::Header;
use finality::{MAX_PROOF_STEPS, MAX_VALIDATORS};

use super::{ANCESTORS, SLOTS_PER_RECORD};
use crate::rules::MAX_BLOCK_TRANSACTIONS;

/// The lists of a beginning, by their place among its fields.
const BEGINNING_LISTS: [(usize, &str, usize); 4] = [
    (2, "steps", MAX_PROOF_STEPS),
    (3, "transactions", MAX_BLOCK_TRANSACTIONS),
    (4, "next validators", MAX_VALIDATORS),
    (5, "headers before the block", ANCESTORS as usize),
];

/// # Errors
/// In words, for a beginning that has more of something than there can be, or is none.
pub(super) fn check_beginning(encoded: &[u8]) -> Result<(), String> {
    let mut fields = payload_of(encoded)?;
    for place in 0.. {
        if fields.is_empty() {
            break;
        }
        let (item, rest) = split_item(fields)?;
        if let Some((_, what, limit)) = BEGINNING_LISTS.iter().find(|(wanted, ..)| *wanted == place) {
            check_count(item, what, *limit)?;
        }
        fields = rest;
    }
    Ok(())
}

/// # Errors
/// The same, for the slots of an account.
pub(super) fn check_slots(encoded: &[u8]) -> Result<(), String> {
    check_count(encoded, "slots", SLOTS_PER_RECORD)
}

fn check_count(list: &[u8], what: &str, limit: usize) -> Result<(), String> {
    let mut items = payload_of(list)?;
    for _ in 0..limit {
        if items.is_empty() {
            return Ok(());
        }
        (_, items) = split_item(items)?;
    }
    match items.is_empty() {
        true => Ok(()),
        false => Err(format!("a record with more than {limit} {what}")),
    }
}

fn payload_of(mut list: &[u8]) -> Result<&[u8], String> {
    Header::decode_bytes(&mut list, true).map_err(|error| error.to_string())
}

/// An item with its header, and what follows it.
fn split_item(items: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let mut rest = items;
    // It has checked that the payload is there.
    let header = Header::decode(&mut rest).map_err(|error| error.to_string())?;
    let rest = rest.get(header.payload_length..).ok_or("an item ends too early")?;
    Ok(items.split_at(items.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, Bytes, U256};
    use finality::Validator;

    use super::*;
    use crate::snapshot_file::{Beginning, SlotRecord};

    fn beginning() -> Beginning {
        Beginning {
            chain_id: 7,
            genesis_hash: B256::repeat_byte(1),
            steps: vec![],
            transactions: vec![],
            next_validators: vec![],
            ancestors: vec![],
        }
    }

    #[test]
    fn as_many_items_as_there_may_be_are_taken_and_no_more() {
        let bytes = |count| vec![Bytes::from_static(b"x"); count];
        let checked = |beginning: Beginning| check_beginning(&alloy_rlp::encode(beginning));
        let transactions = |count| checked(Beginning { transactions: bytes(count), ..beginning() });
        assert_eq!(transactions(MAX_BLOCK_TRANSACTIONS), Ok(()));
        let refused = transactions(MAX_BLOCK_TRANSACTIONS + 1).unwrap_err();
        assert_eq!(refused, "a record with more than 4761 transactions");
        let ancestors = |count| checked(Beginning { ancestors: bytes(count), ..beginning() });
        assert_eq!((ancestors(256), ancestors(257).is_err()), (Ok(()), true));
        let validator = Validator { address: Default::default(), voting_power: 1 };
        let next = |count| checked(Beginning { next_validators: vec![validator; count], ..beginning() });
        assert_eq!((next(128), next(129).is_err()), (Ok(()), true));
        let slot = SlotRecord { slot: U256::ZERO, value: U256::ZERO };
        let slots = |count| check_slots(&alloy_rlp::encode(vec![slot; count]));
        assert_eq!((slots(1_024), slots(1_025).is_err()), (Ok(()), true));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for bytes in [&b""[..], b"\x80", b"\xc2\x01", b"\xc3\xb8\xff\x01", b"\xf8"] {
            assert!(check_beginning(bytes).is_err() && check_slots(bytes).is_err(), "{bytes:?}");
        }
    }
}
