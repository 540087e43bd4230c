//! What two certificates of a fork prove, and about whom.

use alloy_primitives::{Address, B256, Bytes};
use finality::{CommitCertificate, Contradiction};

use crate::setup::*;

/// A certificate for block `block` that these keys signed.
fn certificate(block: u8, height: u64, round: u32, signers: &[u8]) -> CommitCertificate {
    let block_hash = B256::repeat_byte(block);
    let sign = |&seed: &u8| key(seed).sign_commit(CHAIN_ID, height, round, block_hash).unwrap();
    CommitCertificate { height, round, block_hash, signatures: signers.iter().map(sign).collect() }
}

fn accused(first: &CommitCertificate, second: &CommitCertificate) -> Vec<Address> {
    let found = Contradiction::between(first, second, CHAIN_ID);
    assert!(found.iter().all(|contradiction| contradiction.holds(CHAIN_ID)));
    found.into_iter().map(|contradiction| contradiction.validator).collect()
}

fn addresses(seeds: &[u8]) -> Vec<Address> {
    let mut addresses: Vec<_> = seeds.iter().map(|&seed| key(seed).address()).collect();
    addresses.sort();
    addresses
}

#[test]
fn who_signed_both_sides_of_a_fork_is_shown_and_nobody_else() {
    let (one, other) = (certificate(1, 5, 2, &[1, 2, 3]), certificate(2, 5, 2, &[2, 3, 4]));
    assert_eq!(accused(&one, &other), addresses(&[2, 3]));
    assert_eq!(accused(&other, &one), addresses(&[2, 3]));
    assert_eq!(accused(&one, &certificate(2, 5, 2, &[4])), addresses(&[]));
    // One liar is enough: the other side need not be a quorum.
    assert_eq!(accused(&one, &certificate(2, 5, 2, &[3])), addresses(&[3]));
}

#[test]
fn commits_to_one_block_or_in_two_rounds_or_at_two_heights_are_no_contradiction() {
    let one = certificate(1, 5, 2, &[1, 2, 3]);
    for other in [certificate(1, 5, 2, &[2, 3, 4]), certificate(2, 5, 3, &[1, 2, 3]), certificate(2, 6, 2, &[1, 2, 3])]
    {
        assert_eq!(accused(&one, &other), addresses(&[]), "{other:?}");
    }
}

#[test]
fn a_forged_signature_accuses_nobody_and_hides_nobody() {
    let (one, sound) = (certificate(1, 5, 2, &[1, 2, 3]), certificate(2, 5, 2, &[1, 2, 3]));
    let mut forged = sound.clone();
    forged.signatures[1].signature = forged.signatures[2].signature.clone();
    assert_eq!(accused(&one, &forged), addresses(&[1, 3]));
    forged.signatures[0].signature = Bytes::new();
    assert_eq!(accused(&one, &forged), addresses(&[3]));
    // On another chain the signatures say something else.
    assert_eq!(Contradiction::between(&one, &sound, CHAIN_ID + 1), []);
    let twice = CommitCertificate { signatures: vec![sound.signatures[0].clone(); 2], ..sound };
    assert_eq!(accused(&one, &twice), addresses(&[]), "a certificate names nobody twice");
}
