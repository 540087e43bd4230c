//! How many items the lists of a record may have.

use finality::{MAX_PROOF_STEPS, MAX_VALIDATORS};

use super::{ANCESTORS, SLOTS_PER_RECORD};
use crate::rlp_items::{check_count, payload_of, split_item};
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
        assert_eq!(refused, "more than 4761 transactions");
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
