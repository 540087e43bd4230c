//! What goes back to the pledger, and when.

use alloy_primitives::U256;
use contracts::MODEL_BOUNTY_ADDRESS;
use contracts::ModelBounty::{self, ModelBountyErrors as Errors};

use super::fixture::{
    BOUNTY_SECONDS, FUNDS, REWARD, chain_with_bounty, known, miner, pledge, pledged, pledger, refund, refusal, terms,
    two_attesters, work,
};
use crate::evm::events;
use crate::receipts::RELAYER;

#[test]
fn nothing_goes_back_before_the_expiry() {
    let (mut evm, bounty) = chain_with_bounty();
    evm.now_unix += BOUNTY_SECONDS;
    assert!(matches!(refusal(&mut evm, &pledger(), &refund(bounty)), Errors::BountyNotExpired(_)));
    evm.now_unix += 1;
    let mined = evm.send_bounty(RELAYER, &refund(bounty)).unwrap();
    assert_eq!(mined.value, U256::from(2 * REWARD));
    let [event] = events::<ModelBounty::Refunded>(&mined.logs, MODEL_BOUNTY_ADDRESS).try_into().unwrap();
    assert_eq!((event.bountyId, event.pledger), (bounty, pledger().address()));
    assert_eq!((evm.balance(pledger().address()), pledged(&evm)), (U256::from(FUNDS), 0), "to nobody but the pledger");
}

#[test]
fn nothing_goes_back_twice() {
    let (mut evm, bounty) = chain_with_bounty();
    let terms = terms(&evm);
    pledge(&mut evm, &terms);
    evm.now_unix += BOUNTY_SECONDS + 1;
    evm.send_bounty(RELAYER, &refund(bounty)).unwrap();
    assert!(matches!(refusal(&mut evm, &pledger(), &refund(bounty)), Errors::NothingToRefund(_)));
    assert_eq!(pledged(&evm), 2 * REWARD, "what another bounty has stays");
    assert!(matches!(refusal(&mut evm, &pledger(), &refund(U256::from(9))), Errors::UnknownBounty(_)));
}

#[test]
fn a_claim_in_time_is_paid_after_the_expiry() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    work.mint(&mut evm);
    evm.now_unix += BOUNTY_SECONDS;
    let due_unix = evm.send_bounty(work.provider.address(), &work.claim(bounty)).unwrap().value;
    evm.now_unix += 1;
    assert_eq!(evm.send_bounty(RELAYER, &refund(bounty)).unwrap().value, U256::from(REWARD));
    assert!(matches!(refusal(&mut evm, &miner(9), &refund(bounty)), Errors::NothingToRefund(_)));
    evm.now_unix = due_unix;
    evm.send_bounty(RELAYER, &work.settle(bounty)).unwrap();
    assert_eq!((evm.balance(work.provider.address()), pledged(&evm)), (U256::from(REWARD), 0));
    assert!(matches!(refusal(&mut evm, &miner(9), &refund(bounty)), Errors::NothingToRefund(_)));
}

#[test]
fn what_a_dropped_claim_leaves_goes_back_too() {
    let (mut evm, bounty) = chain_with_bounty();
    let work = work(&evm, 1);
    work.earn(&mut evm, bounty);
    evm.now_unix += BOUNTY_SECONDS + 1;
    evm.send_bounty(RELAYER, &refund(bounty)).unwrap();
    evm.send_bounty(RELAYER, &work.rejection(bounty, "another result", &two_attesters())).unwrap();
    assert_eq!(evm.send_bounty(RELAYER, &refund(bounty)).unwrap().value, U256::from(REWARD));
    let bounty = known(&evm, bounty);
    assert_eq!((bounty.waiting, bounty.paid, bounty.refunded, pledged(&evm)), (0, 0, 2, 0));
}
