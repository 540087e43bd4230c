//! Minter and escrow share one register: a receipt is paid by one of the two, whatever is signed for both.

use std::slice::from_ref;

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolStruct;
use contracts::JobEscrow::PaymentOrder;
use contracts::{AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AITokenMinter, Deployment, JOB_ESCROW_ADDRESS, JobEscrow};

use super::fixture::{
    FUNDS, MAX_TOTAL, chain, chain_with, client, close, for_minter, free, held, hub, order, permit, recipient, refusal,
    reservation, reserve, settle, settle_batch, shard, signed, signed_by, work,
};
use crate::evm::{EscrowError, MinterError, Reverted, events};
use crate::receipts::{self, ADMIN, AIT, RELAYER, Signer, attesters, is_used, miner, mint, mint_batch};

#[test]
fn genesis_lets_the_contracts_know_each_other() {
    let evm = chain();
    assert_eq!(evm.read_minter(&AITokenMinter::escrowCall {}), JOB_ESCROW_ADDRESS);
    assert_eq!(evm.read_escrow(&JobEscrow::minterCall {}), AI_TOKEN_MINTER_ADDRESS);
    assert_eq!(evm.read_escrow(&JobEscrow::tokenCall {}), AI_TOKEN_ADDRESS);
}

#[test]
fn a_receipt_that_was_minted_is_not_paid_from_escrow() {
    let mut evm = chain_with(&order(1));
    let receipt = work(1, 1_000_000, AIT);
    evm.send_minter(RELAYER, &mint(&receipts::signed(for_minter(receipt.clone())))).unwrap();
    let both = signed(receipt.clone());
    let expected = JobEscrow::ReceiptAlreadyUsed { receiptHash: receipt.receiptHash };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&both)), EscrowError::ReceiptAlreadyUsed(expected));
    let mined = evm.send_escrow(RELAYER, &settle_batch(from_ref(&both))).unwrap();
    assert_eq!(mined.value, U256::ZERO);
    let skipped = JobEscrow::ReceiptSkipped { receiptHash: receipt.receiptHash };
    assert_eq!(events::<JobEscrow::ReceiptSkipped>(&mined.logs, JOB_ESCROW_ADDRESS), [skipped]);
    assert_eq!(evm.balance(miner().address()), U256::from(AIT));
    assert_eq!((reservation(&evm, &order(1)).remaining, held(&evm)), (MAX_TOTAL, U256::from(FUNDS)));
}

#[test]
fn a_receipt_that_was_paid_from_escrow_does_not_mint() {
    let mut evm = chain_with(&order(1));
    let receipt = work(1, 1_000_000, AIT);
    evm.send_escrow(RELAYER, &settle(&signed(receipt.clone()))).unwrap();
    let (supply, both) = (evm.supply(), receipts::signed(for_minter(receipt.clone())));
    let error = evm.send_minter(RELAYER, &mint(&both)).unwrap_err().minter();
    let expected = AITokenMinter::ReceiptAlreadyUsed { receiptHash: receipt.receiptHash };
    assert_eq!(error, MinterError::ReceiptAlreadyUsed(expected));
    assert_eq!(evm.send_minter(RELAYER, &mint_batch(from_ref(&both))).unwrap().value, U256::ZERO);
    assert_eq!(evm.supply(), supply);
}

#[test]
fn a_refused_payment_leaves_the_receipt_unused() {
    let mut evm = chain_with(&order(1));
    let (foreign, own) = (work(2, 1_000_000, AIT), work(1, 1_000_000, AIT));
    refusal(&mut evm, RELAYER, &settle(&signed(foreign.clone())));
    refusal(&mut evm, RELAYER, &settle_batch(&[signed(own.clone()), signed(foreign.clone())]));
    assert!(!is_used(&evm, &foreign) && !is_used(&evm, &own));
    evm.send_escrow(RELAYER, &settle(&signed(own))).unwrap();
}

/// Each contract wants signatures for itself, so what is signed for one is void for the other.
#[test]
fn a_signature_counts_for_one_contract() {
    let mut evm = chain_with(&order(1));
    let receipt = work(1, 1_000_000, AIT);
    let for_the_minter = receipts::signed(for_minter(receipt.clone()));
    let mut at_the_escrow = signed(receipt.clone());
    at_the_escrow.minerSignature = for_the_minter.minerSignature.clone();
    assert!(matches!(refusal(&mut evm, RELAYER, &settle(&at_the_escrow)), EscrowError::InvalidMinerSignature(_)));
    let mut at_the_minter = for_the_minter;
    at_the_minter.minerSignature = signed(receipt).minerSignature;
    let error = evm.send_minter(RELAYER, &mint(&at_the_minter)).unwrap_err().minter();
    assert!(matches!(error, MinterError::InvalidMinerSignature(_)));
}

#[test]
fn nobody_but_the_escrow_marks_receipts() {
    let mut evm = chain();
    let receipt = receipts::receipt(1, 1, AIT);
    let call = AITokenMinter::useReceiptCall { structHash: receipt.eip712_hash_struct() };
    for caller in [RELAYER, ADMIN, hub().address(), Address::ZERO] {
        let expected = AITokenMinter::NotEscrow { caller, escrow: JOB_ESCROW_ADDRESS };
        assert_eq!(evm.send_minter(caller, &call).unwrap_err(), Reverted::from(expected));
    }
    assert!(!is_used(&evm, &receipt));
}

/// The registers are shared and nothing else: what a job pays from escrow takes nothing from the epoch's cap.
#[test]
fn escrow_mints_nothing() {
    let mut evm = chain_with(&PaymentOrder { tasks: 2, ..order(1) });
    let before = evm.read_minter(&AITokenMinter::currentEpochCall {}).remaining;
    let supply = evm.supply();
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 0, 1_000_000)))).unwrap();
    assert_eq!(evm.read_minter(&AITokenMinter::currentEpochCall {}).remaining, before);
    assert_eq!(evm.supply(), supply);
}

/// A token that calls back into the escrow is refused. The real token makes no calls; this guards later changes.
#[test]
fn a_payment_within_a_payment_reverts_both() {
    let order = PaymentOrder { tasks: 2, ..order(1) };
    let (outer, inner) = (signed(shard(1, 0, 1_000_000)), signed(shard(1, 1, 1_000_000)));
    let withdraw = JobEscrow::withdrawCall { amount: U256::ONE };
    let calls: Vec<Vec<u8>> = vec![
        encoded(&settle(&inner)),
        encoded(&settle_batch(from_ref(&inner))),
        encoded(&withdraw),
        encoded(&JobEscrow::depositCall { amount: U256::ONE }),
        encoded(&permit(&client(), 1, 0, u64::MAX)),
        encoded(&reserve(&order)),
        encoded(&JobEscrow::setFeeRecipientsCall { recipients: vec![recipient(ADMIN, 10_000)] }),
        encoded(&JobEscrow::distributeFeesCall {}),
        encoded(&JobEscrow::reclaimCall { jobId: order.jobId }),
        encoded(&close(&order, JobEscrow::CloseReason::Failed)),
    ];
    for calldata in calls {
        let mut evm = chain_with(&order);
        // The administrator trusts the token, so that only the guard is in its way.
        let role = evm.read_escrow(&JobEscrow::PARAMETER_SETTER_ROLECall {});
        evm.send_escrow(ADMIN, &JobEscrow::grantRoleCall { role, account: AI_TOKEN_ADDRESS }).unwrap();
        let hostile = crate::reentrancy::calling_back(JOB_ESCROW_ADDRESS, &calldata);
        let deployment =
            Deployment { contract_name: "hostile token", address: AI_TOKEN_ADDRESS, creation_code: hostile };
        evm.construct(&deployment).unwrap();
        let error = evm.send_escrow(RELAYER, &settle(&outer)).unwrap_err();
        assert_eq!(error, Reverted::from(JobEscrow::ReentrancyGuardReentrantCall {}));
        for signed in [&outer, &inner] {
            assert!(!is_used(&evm, &signed.receipt));
        }
    }
}

fn encoded(call: &impl alloy_sol_types::SolCall) -> Vec<u8> {
    call.abi_encode()
}

/// Two hubs on one chain: each trusts its own clients' orders to its own signature.
#[test]
fn another_hub_of_the_same_chain_moves_nothing() {
    let mut evm = chain_with(&order(1));
    evm.send_minter(ADMIN, &AITokenMinter::setAttesterThresholdCall { threshold: 1 }).unwrap();
    let [own, other, _] = attesters();
    let receipt = work(1, 1_000_000, AIT);
    let by = |attester: &Signer| signed_by(receipt.clone(), from_ref(attester));
    let expected = JobEscrow::HubSignatureMissing { receiptHash: receipt.receiptHash, hub: own.address() };
    let refused = refusal(&mut evm, RELAYER, &settle(&by(&other)));
    assert_eq!(refused, EscrowError::HubSignatureMissing(expected));
    evm.send_escrow(RELAYER, &settle(&by(&own))).unwrap();

    let of_other_hub = PaymentOrder { hub: other.address(), ..order(2) };
    evm.send_escrow(other.address(), &reserve(&of_other_hub)).unwrap();
    let receipt = work(2, 1_000_000, AIT);
    evm.send_escrow(RELAYER, &settle(&signed_by(receipt, from_ref(&other)))).unwrap();
    assert_eq!(free(&evm, client().address()), U256::from(FUNDS - 2 * AIT));
}

/// The attack: the other hub pays its own client's job by a receipt with the hash of one that the first hub attested.
#[test]
fn another_hub_uses_up_no_receipt_by_its_hash() {
    let mut evm = chain_with(&order(1));
    evm.send_minter(ADMIN, &AITokenMinter::setAttesterThresholdCall { threshold: 1 }).unwrap();
    let [own, other, _] = attesters();
    let of_other_hub = PaymentOrder { hub: other.address(), ..order(2) };
    evm.send_escrow(other.address(), &reserve(&of_other_hub)).unwrap();
    let receipt = work(1, 1_000_000, AIT);
    let same_hash = JobEscrow::JobReceipt { receiptHash: receipt.receiptHash, ..work(2, 1, AIT) };
    evm.send_escrow(RELAYER, &settle(&signed_by(same_hash, from_ref(&other)))).unwrap();
    let paid = evm.send_escrow(RELAYER, &settle_batch(&[signed_by(receipt, from_ref(&own))])).unwrap();
    assert_eq!(paid.value, U256::from(AIT));
    assert!(events::<JobEscrow::ReceiptSkipped>(&paid.logs, JOB_ESCROW_ADDRESS).is_empty());
}
