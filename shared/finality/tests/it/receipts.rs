use alloy_primitives::{B256, Bytes};
use finality::{CertificateError, ProofError, ReceiptProof, Validator, prove_receipt};
use proptest::prelude::*;

use crate::setup::*;

/// The genesis hash and the gas of the receipt.
fn verify(proof: &ReceiptProof) -> Result<(B256, u64), ProofError> {
    let chain = proof.chain()?;
    let block = proof.block(&chain)?;
    Ok((chain.genesis_hash, proof.receipt(&block.header)?.cumulative_gas_used()))
}

fn receipts(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(receipt).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each receipt of a block of any size is proved, and its proof proves no other.
    #[test]
    fn each_receipt_is_proved_at_its_own_place(count in 1_u64..300, place: u64, other: u64) {
        let receipts = receipts(count);
        let (place, other) = (place % count, other % count);
        let proof = proof_by(&[1, 2, 3], &receipts, place);
        prop_assert_eq!(verify(&proof).unwrap().1, 21_000 * (place + 1));
        if other != place {
            let moved = ReceiptProof { transaction_index: other, ..proof.clone() };
            let refused = matches!(verify(&moved), Err(ProofError::NotInBlock { .. }));
            prop_assert!(refused);
            let swapped = ReceiptProof { receipt: receipts[usize::try_from(other).unwrap()].clone().into(), ..proof };
            let refused = matches!(verify(&swapped), Err(ProofError::NotInBlock { .. }));
            prop_assert!(refused);
        }
    }

    /// Whatever bit is changed in what is proved, the proof does not hold, or it is the proof of another chain.
    #[test]
    fn a_changed_bit_is_seen(part in 0..5_usize, byte: prop::sample::Index, bit in 0..8_u8) {
        let proof = proof_by(&[1, 2, 3, 4], &receipts(20), 5);
        let known = verify(&proof).unwrap();
        let mut changed = proof.clone();
        let bytes = match part {
            0 => &mut changed.genesis_header,
            1 => &mut changed.steps[0].header,
            2 => &mut changed.receipt,
            3 => &mut changed.steps[0].parent_header,
            _ => &mut changed.receipt_proof[0],
        };
        let mut altered = bytes.to_vec();
        let at = byte.index(altered.len());
        altered[at] ^= 1 << bit;
        *bytes = altered.into();
        prop_assert!(verify(&changed).map_or(true, |shown| shown.0 != known.0));
    }
}

#[test]
fn three_of_four_decide_and_two_do_not() {
    let receipts = receipts(3);
    assert!(verify(&proof_by(&[2, 3, 4], &receipts, 1)).is_ok());
    let error = verify(&proof_by(&[2, 3], &receipts, 1)).unwrap_err();
    assert_eq!(error, ProofError::Certificate(CertificateError::NoQuorum { signed: 2, total: 4 }));
}

#[test]
fn validators_that_block_0_does_not_name_prove_nothing() {
    let stranger = Validator { address: stranger().address(), voting_power: 1 };
    let proof = proof_by(&[99], &receipts(1), 0);
    let forged = ReceiptProof { validators: vec![stranger], ..proof.clone() };
    assert!(matches!(verify(&forged), Err(ProofError::OtherValidators { .. })));
    let other_chain = ReceiptProof { chain_id: 1, ..proof.clone() };
    assert!(matches!(verify(&other_chain), Err(ProofError::OtherValidators { .. })));
    let from_the_middle = ReceiptProof { genesis_header: proof.steps[0].header.clone(), ..proof };
    assert_eq!(verify(&from_the_middle).unwrap_err(), ProofError::NotBlockZero(9));
}

#[test]
fn bytes_behind_a_header_or_a_receipt_are_refused() {
    let proof = proof_by(&[1, 2, 3], &receipts(1), 0);
    let longer = |bytes: &Bytes| Bytes::from([bytes.as_ref(), &[0]].concat());
    let mut header = proof.clone();
    header.steps[0].header = longer(&proof.steps[0].header);
    assert!(matches!(verify(&header), Err(ProofError::Header("the block", _))));
    let receipt = ReceiptProof { receipt: longer(&proof.receipt), ..proof };
    assert!(matches!(verify(&receipt), Err(ProofError::NotInBlock { .. })));
}

#[test]
fn what_is_no_receipt_is_told_so_although_the_block_commits_to_it() {
    let proof = proof_by(&[1, 2, 3], &[vec![7; 64], receipt(1)], 0);
    assert!(matches!(verify(&proof), Err(ProofError::Receipt { transaction_index: 0, .. })));
}

#[test]
fn no_receipt_beyond_the_last_is_proved() {
    assert_eq!(prove_receipt(&receipts(3), 3), None);
    assert_eq!(prove_receipt(&[], 0), None);
}

#[test]
fn a_proof_is_read_back_from_its_json_and_takes_no_field_more() {
    let proof = proof_by(&[1, 2, 3], &receipts(200), 150);
    let json = serde_json::to_value(&proof).unwrap();
    assert_eq!(json["chainId"], "0x60f6");
    assert_eq!(json["steps"][0]["certificate"]["height"], "0x9");
    assert_eq!(json["validators"][0]["votingPower"], "0x1");
    assert_eq!(serde_json::from_value::<ReceiptProof>(json.clone()).unwrap(), proof);
    let mut more = json;
    more["note"] = "believe me".into();
    assert!(serde_json::from_value::<ReceiptProof>(more).is_err());
}
