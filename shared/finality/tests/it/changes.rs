//! Proofs over validators that change.

use finality::{CertificateError, MAX_PROOF_STEPS, ProofError, ReceiptProof, ValidatorSet};
use proptest::prelude::*;

use crate::setup::*;

fn verify(proof: &ReceiptProof) -> Result<u64, ProofError> {
    let block = proof.block(&proof.chain()?)?;
    proof.receipt(&block.header)?;
    Ok(block.header.number)
}

/// A chain that these validators decide, one set for each block.
fn blocks(sets: &[ValidatorSet]) -> Blocks {
    Blocks::decided_by(sets, &[receipt(0)])
}

#[test]
fn a_fifth_validator_comes_and_a_first_one_leaves() {
    let [four, five, later] = [
        &[(1, 1), (2, 1), (3, 1), (4, 1)][..],
        &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)],
        &[(2, 1), (3, 1), (4, 1), (5, 1)],
    ]
    .map(set);
    let blocks = blocks(&[four.clone(), four, five.clone(), five, later.clone(), later]);
    // Three of the first four signed the last block, which convinces who knows them.
    let direct = blocks.proof(vec![blocks.step(6, &[2, 3, 4])], 0);
    assert_eq!(verify(&direct), Ok(6));
    // Two of them and the new one decide as well, and convince only who knows the five.
    let signers = [2, 3, 5];
    let direct = blocks.proof(vec![blocks.step(6, &signers)], 0);
    let unconnected = ProofError::Unconnected { number: 6, known: 0, signed: 2, total: 4 };
    assert_eq!(verify(&direct), Err(unconnected));
    // Block 5 is the first that the last four decide. Block 4, which five decided, names them.
    let steps = vec![blocks.step(4, &[1, 2, 3, 5]), blocks.step(5, &signers), blocks.step(6, &signers)];
    assert_eq!(verify(&blocks.proof(steps, 0)), Ok(6));
}

#[test]
fn a_set_that_is_replaced_as_a_whole_is_followed_from_block_to_block() {
    let (old, new) = (set(&[(1, 1)]), set(&[(9, 7)]));
    let blocks = blocks(&[old.clone(), old, new.clone(), new]);
    let jump = blocks.proof(vec![blocks.step(4, &[9])], 0);
    assert_eq!(verify(&jump), Err(ProofError::Unconnected { number: 4, known: 0, signed: 0, total: 1 }));
    let steps = [2, 3, 4].map(|height| blocks.step(height, if height < 3 { &[1] } else { &[9] }));
    assert_eq!(verify(&blocks.proof(steps.to_vec(), 0)), Ok(4));
    // Without the block that names the new one, nothing connects them.
    let gap = blocks.proof(vec![steps[0].clone(), steps[2].clone()], 0);
    assert_eq!(verify(&gap), Err(ProofError::Unconnected { number: 4, known: 2, signed: 0, total: 1 }));
}

#[test]
fn those_who_left_do_not_decide() {
    let (old, new) = (set(&[(1, 1), (2, 1), (3, 1), (4, 1)]), set(&[(4, 1), (5, 1), (6, 1)]));
    let blocks = blocks(&[old.clone(), old, new]);
    let by_old = blocks.proof(vec![blocks.step(3, &[1, 2, 3])], 0);
    assert!(matches!(verify(&by_old), Err(ProofError::Certificate(CertificateError::NotAValidator(_)))));
    let forged = |validators: &ValidatorSet| {
        let mut proof = by_old.clone();
        proof.steps[0].validators = validators.iter().collect();
        verify(&proof)
    };
    // The block before names others.
    let refused = forged(&set(&[(1, 1), (2, 1), (3, 1)]));
    assert!(matches!(refused, Err(ProofError::OtherValidators { number: 2, .. })), "{refused:?}");
}

#[test]
fn a_made_up_chain_connects_to_nothing() {
    let (real, forged) = (set(&[(1, 1), (2, 1), (3, 1)]), set(&[(99, 1)]));
    let truth = blocks(&[real.clone(), real.clone(), real]);
    let lie = blocks(&[forged.clone(), forged.clone(), forged]);
    let proof = ReceiptProof { steps: vec![lie.step(3, &[99])], ..truth.proof(Vec::new(), 0) };
    assert_eq!(verify(&proof), Err(ProofError::Unconnected { number: 3, known: 0, signed: 0, total: 3 }));
}

#[test]
fn steps_lead_forward_and_are_bounded() {
    let blocks = blocks(&vec![set(&[(1, 1)]); 3]);
    let [first, last] = [1, 3].map(|height| blocks.step(height, &[1]));
    assert_eq!(verify(&blocks.proof(Vec::new(), 0)), Err(ProofError::NoSteps));
    let back = blocks.proof(vec![last.clone(), first.clone()], 0);
    assert_eq!(verify(&back), Err(ProofError::NotLater { number: 1, known: 3 }));
    let many = blocks.proof(vec![first.clone(); MAX_PROOF_STEPS + 1], 0);
    assert_eq!(verify(&many), Err(ProofError::TooManySteps(MAX_PROOF_STEPS + 1)));
    let mut other_parent = last.clone();
    other_parent.parent_header = first.header.clone();
    assert!(matches!(verify(&blocks.proof(vec![other_parent], 0)), Err(ProofError::OtherParent { number: 3, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A step over blocks in between holds exactly where those who signed have more than two thirds of the power of the first
    /// set, to the unit.
    #[test]
    fn a_jump_needs_more_than_two_thirds_of_those_who_are_known(
        known in prop::collection::vec(1u64..20, 1..6),
        stay in prop::collection::vec(any::<bool>(), 6),
    ) {
        let old: Vec<(u8, u64)> = (1u8..).zip(known.iter().copied()).collect();
        // One new validator has most of the power and always signs.
        let staying: Vec<(u8, u64)> = old.iter().zip(&stay).filter(|(_, stays)| **stays).map(|(member, _)| *member).collect();
        let new: Vec<(u8, u64)> = staying.iter().copied().chain([(50, 1_000)]).collect();
        let blocks = blocks(&[set(&old), set(&old), set(&new)]);
        let signers: Vec<u8> = new.iter().map(|(seed, _)| *seed).collect();
        let (signed, total) = (staying.iter().map(|(_, power)| power).sum::<u64>(), known.iter().sum::<u64>());
        let result = verify(&blocks.proof(vec![blocks.step(3, &signers)], 0));
        let expected = match 3 * signed > 2 * total {
            true => Ok(3),
            false => Err(ProofError::Unconnected { number: 3, known: 0, signed, total }),
        };
        prop_assert_eq!(result, expected);
    }
}
