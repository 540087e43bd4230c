//! Which receipts earn a reward. Each refusal is of a claim that earns without what is wrong with it.

use alloy_primitives::{B256, U256};
use contracts::MODEL_BOUNTY_ADDRESS;
use contracts::ModelBounty::{self, ClaimState, ModelBountyErrors as Errors, Terms};

use super::fixture::{
    BOUNTY_SECONDS, HOLD_SECONDS, MODEL, MODEL_DIGEST, REWARD, Work, chain, chain_with_bounty, claim_of, claim_with,
    class_of, known, miner, mint_document, pledge, pledged, pledger, refusal, terms, work,
};
use crate::evm::{Evm, events};
use crate::receipts::{AIT, JobReceipt, RELAYER, is_used, void};

#[test]
fn a_minted_receipt_earns_after_the_hold() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    let held_until = work.mint(&mut evm);
    let claimed = evm.send_bounty(work.provider.address(), &work.claim(bounty)).unwrap();
    let due_unix = claimed.value;
    assert!(due_unix >= held_until, "a reward waits as long as what was minted");
    assert!(due_unix >= evm.now_unix + HOLD_SECONDS && due_unix < evm.now_unix + HOLD_SECONDS / 24 * 25);
    let [event] = events::<ModelBounty::Claimed>(&claimed.logs, MODEL_BOUNTY_ADDRESS).try_into().unwrap();
    assert_eq!(
        (event.bountyId, event.provider, event.receiptHash),
        (bounty, work.provider.address(), work.receipt_hash())
    );
    assert_eq!(claim_of(&evm, bounty, &work.provider).state, ClaimState::Waiting);
    assert_eq!((known(&evm, bounty).waiting, pledged(&evm)), (1, 2 * REWARD));

    evm.now_unix = due_unix;
    let paid = evm.send_bounty(RELAYER, &work.settle(bounty)).unwrap();
    assert_eq!(paid.value, U256::from(REWARD));
    assert_eq!(evm.balance(work.provider.address()), U256::from(REWARD));
    assert_eq!(events::<ModelBounty::RewardPaid>(&paid.logs, MODEL_BOUNTY_ADDRESS).len(), 1);
    let bounty = known(&evm, bounty);
    assert_eq!((bounty.waiting, bounty.paid, pledged(&evm)), (0, 1, REWARD));
}

#[test]
fn a_receipt_that_was_not_settled_earns_nothing() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    let refused = work.refused(&mut evm, bounty);
    assert!(matches!(refused, Errors::ReceiptNotSettled(refused) if refused.receiptHash == work.receipt_hash()));
    work.earn(&mut evm, bounty);
}

#[test]
fn a_voided_receipt_earns_nothing() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    let due_unix = work.mint(&mut evm);
    evm.send_minter(RELAYER, &void(&work.receipt(), due_unix, "another result")).unwrap();
    assert!(is_used(&evm, &work.receipt()));
    assert!(matches!(work.refused(&mut evm, bounty), Errors::ReceiptVoided(_)));
}

/// The attack: a job of one's own that is certain to be audited, by another key of one's own.
#[test]
fn an_audit_earns_nothing_and_a_part_of_a_job_does() {
    let (mut evm, bounty) = chain_with_bounty();
    for (seed, role) in (1..).zip([
        "audit",
        "third-opinion",
        "audit/1",
        "third-opinion/1",
        "",
        "shard/",
        "shard/01",
        "shard/1000",
        "Serve",
    ]) {
        let work = Work { task_role: role.to_owned(), ..work(&evm, seed) };
        work.mint(&mut evm);
        let expected = ModelBounty::NotServed { receiptHash: work.receipt_hash() };
        assert_eq!(work.refused(&mut evm, bounty), Errors::NotServed(expected), "{role}");
    }
    assert_eq!(known(&evm, bounty).waiting, 0);
    for (seed, role) in (21..).zip(["shard/0", "shard/255"]) {
        Work { task_role: role.to_owned(), ..work(&evm, seed) }.earn(&mut evm, bounty);
    }
}

/// A hub that attests whatever its own miner asks can claim with its own receipts at most.
#[test]
fn a_receipt_with_the_hash_of_another_claims_nothing_of_its_document() {
    let (mut evm, bounty) = chain_with_bounty();
    let (honest, thief) = (work(&evm, 1), miner(2));
    honest.mint(&mut evm);
    let forged = JobReceipt { provider: thief.address(), ..honest.receipt() };
    mint_document(&mut evm, &thief, forged.clone());
    let refused = refusal(&mut evm, &thief, &claim_with(bounty, forged, honest.document()));
    assert!(matches!(refused, Errors::NotProvider(_)), "{refused:?}");
    evm.send_bounty(honest.provider.address(), &honest.claim(bounty)).unwrap();
}

#[test]
fn a_receipt_earns_once_over_all_bounties() {
    let (mut evm, first) = chain_with_bounty();
    let terms = terms(&evm);
    let second = pledge(&mut evm, &terms);
    let served = work(&evm, 1);
    served.earn(&mut evm, first);
    let claimed = |evm: &Evm, work: &Work| {
        evm.read_bounty(&ModelBounty::bountyOfReceiptCall { receiptHash: work.receipt_hash() })
    };
    assert_eq!(claimed(&evm, &served), first);
    assert!(matches!(served.refused(&mut evm, second), Errors::ReceiptAlreadyClaimed(_)));
    let other = Work { provider: served.provider.clone(), ..work(&evm, 2) };
    assert_eq!(claimed(&evm, &other), U256::ZERO);
    other.earn(&mut evm, second);
    assert_eq!(claimed(&evm, &other), second);
}

#[test]
fn a_provider_earns_one_reward_of_a_bounty() {
    let (mut evm, bounty) = chain_with_bounty();
    let first = work(&evm, 1);
    let due_unix = first.earn(&mut evm, bounty);
    let second = Work { provider: first.provider.clone(), ..work(&evm, 2) };
    second.mint(&mut evm);
    assert!(matches!(second.refused(&mut evm, bounty), Errors::ProviderAlreadyClaimed(_)));
    evm.now_unix = due_unix;
    evm.send_bounty(RELAYER, &first.settle(bounty)).unwrap();
    assert!(matches!(second.refused(&mut evm, bounty), Errors::ProviderAlreadyClaimed(_)), "once it is paid, too");
}

#[test]
fn nobody_claims_with_the_receipt_of_another() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    work.mint(&mut evm);
    let thief = miner(2);
    let refused = refusal(&mut evm, &thief, &work.claim(bounty));
    let Errors::NotProvider(refused) = refused else { panic!("{refused:?}") };
    assert_eq!((refused.caller, refused.provider), (thief.address(), work.provider.address()));
}

#[test]
fn a_pledger_earns_nothing_of_its_own_bounty() {
    let (mut evm, bounty) = chain_with_bounty();
    let own = Work { provider: pledger(), ..work(&evm, 1) };
    own.mint(&mut evm);
    assert!(matches!(own.refused(&mut evm, bounty), Errors::PledgerCannotEarn(_)));
}

#[test]
fn work_with_another_model_earns_nothing() {
    let (mut evm, bounty) = chain_with_bounty();
    let other = B256::repeat_byte(0xd2);
    let classes = [
        (class_of(MODEL, other), other),
        // Neither is a name with a digest and an engine.
        (class_of("other-model", MODEL_DIGEST), B256::ZERO),
        (class_of(MODEL, MODEL_DIGEST).replace('/', "-"), B256::ZERO),
        (class_of(MODEL, MODEL_DIGEST).replace('@', "#"), B256::ZERO),
        (class_of(MODEL, MODEL_DIGEST).replace("d1d1", "D1D1"), B256::ZERO),
        (class_of(MODEL, MODEL_DIGEST).replace("d1/", "/"), B256::ZERO),
        (format!("{MODEL}@"), B256::ZERO),
        (MODEL.to_owned(), B256::ZERO),
        (String::new(), B256::ZERO),
    ];
    for (seed, (class, stated)) in (1..).zip(classes) {
        let work = Work { class, ..work(&evm, seed) };
        work.mint(&mut evm);
        let refused = work.refused(&mut evm, bounty);
        let Errors::OtherModel(refused) = refused else { panic!("{refused:?} of {}", work.class) };
        assert_eq!((refused.stated, refused.wanted), (stated, MODEL_DIGEST), "{}", work.class);
    }
}

#[test]
fn work_from_before_the_pledge_earns_nothing() {
    let (mut evm, bounty) = chain_with_bounty();
    let now = evm.now_unix;
    let early = Work { started_at: now - 1, ..work(&evm, 1) };
    early.mint(&mut evm);
    assert!(matches!(early.refused(&mut evm, bounty), Errors::WorkBeforePledge(_)));
    Work { started_at: now, ..work(&evm, 2) }.earn(&mut evm, bounty);
}

#[test]
fn too_little_work_earns_nothing() {
    let (mut evm, bounty) = chain_with_bounty();
    let free = Work { unit_price: 0, ..work(&evm, 1) };
    let short = Work { micro_units: 999_999, ..work(&evm, 2) };
    for little in [free, short] {
        little.mint(&mut evm);
        assert!(matches!(little.refused(&mut evm, bounty), Errors::WorkTooSmall(_)));
    }
    work(&evm, 3).earn(&mut evm, bounty);
}

#[test]
fn an_expired_bounty_is_earned_no_more() {
    let (mut evm, bounty) = chain_with_bounty();
    let works = [work(&evm, 1), work(&evm, 2)];
    works.iter().for_each(|work| {
        work.mint(&mut evm);
    });
    evm.now_unix += BOUNTY_SECONDS;
    evm.send_bounty(works[0].provider.address(), &works[0].claim(bounty)).unwrap();
    evm.now_unix += 1;
    assert!(matches!(works[1].refused(&mut evm, bounty), Errors::BountyExpired(_)));
}

#[test]
fn no_more_rewards_are_claimed_than_were_pledged() {
    let (mut evm, bounty) = chain_with_bounty();
    let terms = terms(&evm);
    // Another bounty's money is in the contract as well.
    pledge(&mut evm, &terms);
    for seed in 1..=2 {
        work(&evm, seed).earn(&mut evm, bounty);
    }
    let late = work(&evm, 3);
    late.mint(&mut evm);
    assert!(matches!(late.refused(&mut evm, bounty), Errors::NoRewardLeft(_)));
}

#[test]
fn an_unknown_bounty_earns_nothing() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    work.mint(&mut evm);
    for unknown in [U256::ZERO, bounty + U256::from(1), U256::MAX] {
        assert!(matches!(work.refused(&mut evm, unknown), Errors::UnknownBounty(_)), "{unknown}");
    }
}

#[test]
fn claims_are_listed_in_pages() {
    let mut evm = chain();
    let terms = Terms { receipts: 1_000, reward: AIT / 100, minWork: AIT / 1_000, ..terms(&evm) };
    let bounty = pledge(&mut evm, &terms);
    for seed in 0..101 {
        Work { unit_price: AIT / 1_000, ..work(&evm, seed) }.earn(&mut evm, bounty);
    }
    let page = |evm: &Evm, from: u64| {
        let claims = evm.read_bounty(&ModelBounty::claimsOfCall { bountyId: bounty, from: U256::from(from) });
        claims.iter().map(|claim| claim.provider).collect::<Vec<_>>()
    };
    assert_eq!(page(&evm, 0), (0..100).map(|seed| miner(seed).address()).collect::<Vec<_>>());
    assert_eq!(page(&evm, 100), [miner(100).address()]);
    assert!(page(&evm, 101).is_empty() && page(&evm, u64::MAX).is_empty());
}
