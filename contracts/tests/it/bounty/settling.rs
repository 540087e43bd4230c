//! When a claim is paid, and what stops it.

use alloy_primitives::{Address, U256};
use contracts::ModelBounty::{self, ClaimState, ModelBountyErrors as Errors};
use contracts::{AITokenMinter, MODEL_BOUNTY_ADDRESS};

use super::fixture::{REWARD, Work, chain_with_bounty, claim_of, known, miner, pledged, refusal, two_attesters, work};
use crate::evm::{Evm, events};
use crate::receipts::{ADMIN, RELAYER, Signer, attesters, void};

/// A chain with a bounty and a waiting claim: until when its receipt is held, and when the claim is due.
fn chain_with_claim() -> (Evm, U256, Work, u64, u64) {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    let held_until = work.mint(&mut evm);
    let due_unix = evm.send_bounty(work.provider.address(), &work.claim(bounty)).unwrap().value;
    (evm, bounty, work, held_until, due_unix)
}

#[test]
fn nothing_is_paid_before_the_time_or_twice() {
    let (mut evm, bounty, work, _, due_unix) = chain_with_claim();
    evm.now_unix = due_unix - 1;
    let refused = refusal(&mut evm, &work.provider, &work.settle(bounty));
    assert!(matches!(refused, Errors::ClaimNotDue(refused) if refused.dueUnix == U256::from(due_unix)));
    evm.now_unix = due_unix;
    evm.send_bounty(RELAYER, &work.settle(bounty)).unwrap();
    assert!(matches!(refusal(&mut evm, &work.provider, &work.settle(bounty)), Errors::ClaimNotWaiting(_)));
    assert_eq!((evm.balance(work.provider.address()), pledged(&evm)), (U256::from(REWARD), REWARD));
}

#[test]
fn what_nobody_claimed_is_not_paid() {
    let (mut evm, bounty, ..) = chain_with_claim();
    let stranger = miner(7);
    let settle = ModelBounty::settleCall { bountyId: bounty, provider: stranger.address() };
    assert!(matches!(refusal(&mut evm, &stranger, &settle), Errors::ClaimNotWaiting(_)));
    let settle = ModelBounty::settleCall { bountyId: U256::MAX, provider: stranger.address() };
    assert!(matches!(refusal(&mut evm, &stranger, &settle), Errors::ClaimNotWaiting(_)));
}

#[test]
fn the_hold_of_the_moment_of_the_claim_counts() {
    let (mut evm, bounty, work, _, due_unix) = chain_with_claim();
    evm.send_minter(ADMIN, &AITokenMinter::setHoldSecondsCall { holdSeconds_: 0 }).unwrap();
    evm.now_unix = due_unix - 1;
    assert!(matches!(refusal(&mut evm, &work.provider, &work.settle(bounty)), Errors::ClaimNotDue(_)));
}

#[test]
fn a_void_drops_the_claim_and_opens_the_reward_to_another() {
    let (mut evm, bounty, work, held_until, due_unix) = chain_with_claim();
    evm.send_minter(RELAYER, &void(&work.receipt(), held_until, "another result")).unwrap();
    evm.now_unix = due_unix;
    let dropped = evm.send_bounty(RELAYER, &work.settle(bounty)).unwrap();
    assert_eq!(dropped.value, U256::ZERO);
    let [event] = events::<ModelBounty::ClaimDropped>(&dropped.logs, MODEL_BOUNTY_ADDRESS).try_into().unwrap();
    assert_eq!((event.provider, event.receiptHash), (work.provider.address(), work.receipt_hash()));
    assert_eq!((evm.balance(work.provider.address()), pledged(&evm)), (U256::ZERO, 2 * REWARD));
    assert_eq!(claim_of(&evm, bounty, &work.provider).state, ClaimState::Dropped);
    assert_eq!((known(&evm, bounty).waiting, known(&evm, bounty).paid), (0, 0));

    // A miner that was refuted is out of this bounty.
    let again = Work { provider: work.provider.clone(), ..super::fixture::work(&evm, 2) };
    again.mint(&mut evm);
    assert!(matches!(again.refused(&mut evm, bounty), Errors::ProviderAlreadyClaimed(_)));
    for seed in [3, 4] {
        super::fixture::work(&evm, seed).earn(&mut evm, bounty);
    }
}

#[test]
fn attesters_reject_a_claim() {
    let (mut evm, bounty, work, _, due_unix) = chain_with_claim();
    let rejected = evm.send_bounty(RELAYER, &work.rejection(bounty, "another result", &two_attesters())).unwrap();
    let [event] = events::<ModelBounty::ClaimDropped>(&rejected.logs, MODEL_BOUNTY_ADDRESS).try_into().unwrap();
    assert_eq!((event.provider, event.reason.as_str()), (work.provider.address(), "another result"));
    evm.now_unix = due_unix;
    assert!(matches!(refusal(&mut evm, &work.provider, &work.settle(bounty)), Errors::ClaimNotWaiting(_)));
    assert_eq!((known(&evm, bounty).waiting, pledged(&evm)), (0, 2 * REWARD));
}

#[test]
fn nobody_else_rejects_a_claim() {
    let (mut evm, bounty, work, ..) = chain_with_claim();
    let [first, second, _] = attesters();
    let mut refused = |signers: &[Signer]| refusal(&mut evm, &miner(9), &work.rejection(bounty, "envy", signers));
    assert!(matches!(refused(&[]), Errors::TooFewAttestations(_)));
    assert!(matches!(refused(std::slice::from_ref(&first)), Errors::TooFewAttestations(_)));
    assert!(matches!(refused(&[first.clone(), first.clone()]), Errors::AttestersNotAscending(_)));
    assert!(matches!(refused(&[second, first.clone()]), Errors::AttestersNotAscending(_)));
    assert!(matches!(refused(&[first, miner(9)]), Errors::InvalidAttesterSignature(_)));
    // Signatures over other words are by nobody that is known.
    let call = work.rejection(bounty, "envy", &two_attesters());
    let other_words = ModelBounty::rejectCall { reason: "spite".into(), ..call.clone() };
    assert!(matches!(refusal(&mut evm, &miner(9), &other_words), Errors::InvalidAttesterSignature(_)));
    let malformed = ModelBounty::rejectCall { attesterSignatures: vec![vec![0; 65].into(); 2], ..call };
    let refused = refusal(&mut evm, &miner(9), &malformed);
    assert!(matches!(refused, Errors::InvalidAttesterSignature(refused) if refused.recovered == Address::ZERO));
    assert_eq!(known(&evm, bounty).waiting, 1);
}

#[test]
fn what_is_paid_or_was_never_claimed_cannot_be_rejected() {
    let (mut evm, bounty, work, _, due_unix) = chain_with_claim();
    let unclaimed = super::fixture::work(&evm, 2);
    unclaimed.mint(&mut evm);
    let refused = refusal(&mut evm, &miner(9), &unclaimed.rejection(bounty, "early", &two_attesters()));
    assert!(matches!(refused, Errors::ClaimNotWaiting(_)));
    evm.now_unix = due_unix;
    evm.send_bounty(RELAYER, &work.settle(bounty)).unwrap();
    let refused = refusal(&mut evm, &miner(9), &work.rejection(bounty, "late", &two_attesters()));
    assert!(matches!(refused, Errors::ClaimNotWaiting(_)));
}

#[test]
fn a_reason_is_short() {
    let (mut evm, bounty, work, ..) = chain_with_claim();
    let refused = refusal(&mut evm, &miner(9), &work.rejection(bounty, &"x".repeat(257), &two_attesters()));
    assert!(matches!(refused, Errors::ReasonTooLong(_)));
    evm.send_bounty(RELAYER, &work.rejection(bounty, &"x".repeat(256), &two_attesters())).unwrap();
}
