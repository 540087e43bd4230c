//! What the escrow paid earns no bounty: nobody audits what a client pays to a miner of its choice.

use alloy_primitives::U256;
use contracts::ModelBounty::{self, ModelBountyErrors as Errors};
use contracts::{AI_TOKEN_MINTER_ADDRESS, AIToken, JOB_ESCROW_ADDRESS, JobEscrow, MODEL_BOUNTY_ADDRESS};

use super::fixture::{chain_with, for_minter, order, other_client, settle, signed};
use crate::bounty::fixture::{self as bounties, Work, known};
use crate::evm::Evm;
use crate::receipts::{RELAYER, miner};

#[test]
fn a_receipt_that_the_escrow_paid_earns_nothing() {
    let mut evm = chain_with(&order(1));
    let (owner, terms) = (other_client(), bounties::terms(&evm));
    let approve = AIToken::approveCall { spender: MODEL_BOUNTY_ADDRESS, value: U256::MAX };
    evm.send_token(owner.address(), &approve).unwrap();
    let bounty = evm.send_bounty(owner.address(), &ModelBounty::pledgeCall { terms }).unwrap().value;

    let work = Work { provider: miner(), payer: JOB_ESCROW_ADDRESS, ..bounties::work(&evm, 1) };
    let paid = super::fixture::work(1, work.micro_units, work.unit_price);
    let receipt = JobEscrow::JobReceipt { receiptHash: work.receipt_hash(), ..paid };
    let claim = bounties::claim_with(bounty, for_minter(receipt.clone()), work.document());
    let refused = |evm: &mut Evm| bounties::refusal(evm, &work.provider, &claim);
    assert!(matches!(refused(&mut evm), Errors::ReceiptNotSettled(_)));
    evm.send_escrow(RELAYER, &settle(&signed(receipt))).unwrap();
    let refused = refused(&mut evm);
    let Errors::NotMinted(refused) = refused else { panic!("{refused:?}") };
    assert_eq!((refused.payer, refused.minter), (JOB_ESCROW_ADDRESS, AI_TOKEN_MINTER_ADDRESS));
    assert_eq!((known(&evm, bounty).waiting, known(&evm, bounty).paid), (0, 0));
}
