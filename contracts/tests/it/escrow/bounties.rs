//! What the escrow paid earns a bounty as what was minted does.

use alloy_primitives::U256;
use contracts::ModelBounty::{self, ModelBountyErrors as Errors};
use contracts::{AIToken, JobEscrow, MODEL_BOUNTY_ADDRESS};

use super::fixture::{chain_with, order, other_client, settle, signed};
use crate::bounty::fixture::{self as bounties, Work, known};
use crate::receipts::{RELAYER, miner};

#[test]
fn a_receipt_that_the_escrow_paid_earns_a_reward() {
    let mut evm = chain_with(&order(1));
    let (owner, terms) = (other_client(), bounties::terms(&evm));
    let approve = AIToken::approveCall { spender: MODEL_BOUNTY_ADDRESS, value: U256::MAX };
    evm.send_token(owner.address(), &approve).unwrap();
    let bounty = evm.send_bounty(owner.address(), &ModelBounty::pledgeCall { terms }).unwrap().value;

    let work = Work { provider: miner(), ..bounties::work(&evm, 1) };
    assert!(matches!(work.refused(&mut evm, bounty), Errors::ReceiptNotSettled(_)));
    let paid = super::fixture::work(1, work.micro_units, work.unit_price);
    let receipt = JobEscrow::JobReceipt { receiptHash: work.receipt_hash(), ..paid };
    evm.send_escrow(RELAYER, &settle(&signed(receipt))).unwrap();
    let due_unix = evm.send_bounty(work.provider.address(), &work.claim(bounty)).unwrap().value;
    assert_eq!(due_unix, evm.now_unix, "this chain holds nothing");
    evm.send_bounty(RELAYER, &work.settle(bounty)).unwrap();
    assert_eq!(known(&evm, bounty).paid, 1);
}
