//! A receipt is paid units times price from its reservation, less the fee, within what the client signed.

use std::slice::from_ref;

use alloy_primitives::{U256, keccak256};
use contracts::JobEscrow::{CloseReason, JobReceipt, PaymentOrder, ReservationState, SignedJobReceipt};
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};

use super::fixture::{
    FUNDS, MAX_TOTAL, MAX_UNIT_PRICE, accrued, chain, chain_with, chain_with_deposit, client, close, escrow_digest,
    free, held, hub, order, other_client, refusal, reservation, reserve, settle, settle_batch, shard, signed,
    signed_by, state, work,
};
use crate::evm::{EscrowError, Evm, events};
use crate::receipts::{ADMIN, AIT, EXPIRES_AT, RELAYER, Signer, attesters, is_used, miner};

#[test]
fn the_miner_gets_the_price_less_the_fee_and_the_client_the_rest() {
    let order = order(1);
    let mut evm = chain_with(&order);
    let receipt = work(1, 2_500_000, AIT);
    let mined = evm.send_escrow(RELAYER, &settle(&signed(receipt.clone()))).unwrap();

    let (paid, fee) = (U256::from(2_450 * AIT / 1_000), U256::from(50 * AIT / 1_000));
    assert_eq!(mined.value, paid + fee);
    let settled = JobEscrow::Settled {
        receiptHash: receipt.receiptHash,
        provider: miner().address(),
        client: order.client,
        jobId: order.jobId,
        paid,
        fee,
    };
    assert_eq!(events::<JobEscrow::Settled>(&mined.logs, JOB_ESCROW_ADDRESS), [settled]);
    let refund = U256::from(MAX_TOTAL) - paid - fee;
    let closed = JobEscrow::ReservationClosed {
        client: order.client,
        jobId: order.jobId,
        reason: CloseReason::Completed,
        refund,
    };
    assert_eq!(events::<JobEscrow::ReservationClosed>(&mined.logs, JOB_ESCROW_ADDRESS), [closed]);
    assert_eq!(evm.balance(miner().address()), paid);
    assert_eq!(accrued(&evm), fee);
    assert_eq!(free(&evm, order.client), U256::from(FUNDS) - paid - fee);
    assert_eq!(held(&evm), U256::from(FUNDS) - paid);
    assert_eq!((state(&evm, &order), reservation(&evm, &order).remaining), (ReservationState::Closed, 0));
    assert!(is_used(&evm, &receipt));
}

#[test]
fn shards_are_paid_one_by_one_and_the_last_one_closes() {
    let order = PaymentOrder { tasks: 3, ..order(1) };
    let mut evm = chain_with(&order);
    for (settled, number) in [2, 0, 1].into_iter().enumerate() {
        assert_eq!(state(&evm, &order), ReservationState::Open);
        assert_eq!(usize::from(reservation(&evm, &order).settledTasks), settled);
        assert_eq!(free(&evm, order.client), U256::from(FUNDS - MAX_TOTAL));
        evm.send_escrow(RELAYER, &settle(&signed(shard(1, number, 1_000_000)))).unwrap();
    }
    assert_eq!(state(&evm, &order), ReservationState::Closed);
    assert_eq!(free(&evm, order.client), U256::from(FUNDS - 3 * AIT));
    assert_eq!(evm.balance(miner().address()) + accrued(&evm), U256::from(3 * AIT));
}

#[test]
fn a_reservation_of_256_shards_pays_the_last_one() {
    let order = PaymentOrder { tasks: 256, ..order(1) };
    let mut evm = chain_with(&order);
    for number in [255, 9, 10, 99, 100, 0] {
        evm.send_escrow(RELAYER, &settle(&signed(shard(1, number, 1)))).unwrap();
    }
    assert_eq!(reservation(&evm, &order).settledTasks, 6);
}

#[test]
fn only_ordered_tasks_are_paid() {
    let roles = [
        "audit",
        "",
        "shard/",
        "shard/2",
        "shard/256",
        "shard/01",
        "shard/-1",
        "shard/1 ",
        "shard/:",
        "shard/1000",
        "Shard/1",
        "xhard/1",
        "serve ",
    ];
    for (tasks, own, foreign) in [(1, "serve", "shard/1"), (2, "shard/1", "serve")] {
        let mut evm = chain_with(&PaymentOrder { tasks, ..order(1) });
        for role in roles.into_iter().chain([foreign]) {
            let receipt = JobReceipt { taskRole: role.into(), ..work(1, 1_000_000, AIT) };
            let expected = JobEscrow::TaskNotOrdered {
                receiptHash: receipt.receiptHash,
                taskRole: role.into(),
                tasks: U256::from(tasks),
            };
            assert_eq!(refusal(&mut evm, RELAYER, &settle(&signed(receipt))), EscrowError::TaskNotOrdered(expected));
        }
        let receipt = JobReceipt { taskRole: own.into(), ..work(1, 1_000_000, AIT) };
        evm.send_escrow(RELAYER, &settle(&signed(receipt))).unwrap();
    }
}

#[test]
fn a_task_is_paid_once_whatever_its_receipt() {
    let mut evm = chain_with(&PaymentOrder { tasks: 2, ..order(1) });
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 0, 1_000_000)))).unwrap();
    let again = JobReceipt { receiptHash: keccak256("the miner after a retry"), ..shard(1, 0, 1_000_000) };
    let expected = JobEscrow::TaskAlreadySettled { receiptHash: again.receiptHash, taskRole: "shard/0".into() };
    let refused = refusal(&mut evm, RELAYER, &settle(&signed(again.clone())));
    assert_eq!(refused, EscrowError::TaskAlreadySettled(expected));
    assert!(!is_used(&evm, &again));
}

#[test]
fn nothing_is_paid_above_the_reservation() {
    let order = PaymentOrder { tasks: 2, ..order(1) };
    let mut evm = chain_with(&order);
    let above = |receipt: &JobReceipt, amount: U256, remaining: u128| {
        let receipt_hash = receipt.receiptHash;
        let remaining = U256::from(remaining);
        EscrowError::AmountAboveReservation(JobEscrow::AmountAboveReservation {
            receiptHash: receipt_hash,
            amount,
            remaining,
        })
    };
    let too_much = shard(1, 0, 10_000_001);
    let amount = U256::from(MAX_TOTAL + AIT / 1_000_000);
    let refused = refusal(&mut evm, RELAYER, &settle(&signed(too_much.clone())));
    assert_eq!(refused, above(&too_much, amount, MAX_TOTAL));
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 0, 9_000_000)))).unwrap();
    let rest = shard(1, 1, 1_000_001);
    let amount = U256::from(AIT + AIT / 1_000_000);
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&signed(rest.clone()))), above(&rest, amount, AIT));
    let endless = JobReceipt { units: U256::MAX, ..shard(1, 1, 1) };
    let amount = U256::MAX / U256::from(1_000_000);
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&signed(endless.clone()))), above(&endless, amount, AIT));
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 1, 1_000_000)))).unwrap();
    assert_eq!(free(&evm, order.client), U256::from(FUNDS - MAX_TOTAL));
}

#[test]
fn price_and_unit_type_are_the_orders() {
    let mut evm = chain_with(&order(1));
    let dear = work(1, 1_000_000, MAX_UNIT_PRICE + 1);
    let expected = JobEscrow::UnitPriceAboveOrder {
        receiptHash: dear.receiptHash,
        unitPrice: U256::from(MAX_UNIT_PRICE + 1),
        maximum: U256::from(MAX_UNIT_PRICE),
    };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&signed(dear))), EscrowError::UnitPriceAboveOrder(expected));
    let other = JobReceipt { unitType: "token".into(), ..work(1, 1_000_000, AIT) };
    let expected = JobEscrow::UnitTypeNotOrdered { receiptHash: other.receiptHash, unitType: "token".into() };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&signed(other))), EscrowError::UnitTypeNotOrdered(expected));
    evm.send_escrow(RELAYER, &settle(&signed(work(1, 1_000_000, MAX_UNIT_PRICE)))).unwrap();
}

#[test]
fn only_an_open_reservation_of_that_client_and_job_pays() {
    let refused = |evm: &mut Evm, receipt: JobReceipt, state| {
        let expected = JobEscrow::ReservationNotOpen { client: receipt.client, jobId: receipt.jobId, state };
        assert_eq!(refusal(evm, RELAYER, &settle(&signed(receipt))), EscrowError::ReservationNotOpen(expected));
    };
    let mut evm = chain_with(&order(1));
    refused(&mut evm, work(2, 1_000_000, AIT), ReservationState::Absent);
    let of_another = JobReceipt { client: other_client().address(), ..work(1, 1_000_000, AIT) };
    refused(&mut evm, of_another, ReservationState::Absent);
    evm.send_escrow(client().address(), &JobEscrow::cancelOrderCall { jobId: order(2).jobId }).unwrap();
    refused(&mut evm, work(2, 1_000_000, AIT), ReservationState::Cancelled);
    evm.send_escrow(RELAYER, &close(&order(1), CloseReason::Failed)).unwrap();
    refused(&mut evm, work(1, 1_000_000, AIT), ReservationState::Closed);
}

#[test]
fn a_receipt_is_paid_in_its_last_second_and_not_after_it() {
    let mut evm = chain_with(&order(1));
    evm.now_unix = EXPIRES_AT + 1;
    let receipt = work(1, 1_000_000, AIT);
    let expected = JobEscrow::ReceiptExpired {
        receiptHash: receipt.receiptHash,
        expiresAt: U256::from(EXPIRES_AT),
        timestamp: U256::from(EXPIRES_AT + 1),
    };
    let signed = signed(receipt);
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&signed)), EscrowError::ReceiptExpired(expected));
    evm.now_unix = EXPIRES_AT;
    evm.send_escrow(RELAYER, &settle(&signed)).unwrap();
}

#[test]
fn the_hub_of_the_order_must_be_among_the_attesters() {
    let mut evm = chain_with(&order(1));
    let receipt = work(1, 1_000_000, AIT);
    let without = signed_by(receipt.clone(), &attesters()[1..]);
    let expected = JobEscrow::HubSignatureMissing { receiptHash: receipt.receiptHash, hub: hub().address() };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&without)), EscrowError::HubSignatureMissing(expected));

    let alone = signed_by(receipt.clone(), &attesters()[..1]);
    let expected =
        JobEscrow::TooFewAttestations { receiptHash: receipt.receiptHash, given: U256::ONE, threshold: U256::from(2) };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&alone)), EscrowError::TooFewAttestations(expected));

    let stranger = signed_by(receipt.clone(), &[hub(), Signer::new(4_000)]);
    let expected = JobEscrow::InvalidAttesterSignature {
        receiptHash: receipt.receiptHash,
        recovered: Signer::new(4_000).address(),
    };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&stranger)), EscrowError::InvalidAttesterSignature(expected));

    let twice = signed_by(receipt.clone(), &[hub(), hub()]);
    let expected = JobEscrow::AttestersNotAscending {
        receiptHash: receipt.receiptHash,
        previous: hub().address(),
        signer: hub().address(),
    };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&twice)), EscrowError::AttestersNotAscending(expected));
    evm.send_escrow(RELAYER, &settle(&signed_by(receipt, &attesters()))).unwrap();
}

#[test]
fn the_miner_must_sign() {
    let mut evm = chain_with(&order(1));
    let valid = signed(work(1, 1_000_000, AIT));
    let digest = escrow_digest(&valid.receipt);
    let other = SignedJobReceipt { minerSignature: hub().sign(digest), ..valid };
    let expected = JobEscrow::InvalidMinerSignature {
        receiptHash: other.receipt.receiptHash,
        recovered: hub().address(),
        provider: miner().address(),
    };
    assert_eq!(refusal(&mut evm, RELAYER, &settle(&other)), EscrowError::InvalidMinerSignature(expected));
    // A signature that recovers to nobody is not the zero address's.
    let nobody = JobReceipt { provider: alloy_primitives::Address::ZERO, ..work(1, 1_000_000, AIT) };
    let malformed = SignedJobReceipt { minerSignature: Default::default(), ..signed(nobody) };
    assert!(matches!(refusal(&mut evm, RELAYER, &settle(&malformed)), EscrowError::InvalidMinerSignature(_)));
}

#[test]
fn a_free_receipt_completes_its_task_and_moves_nothing() {
    let mut evm = chain_with(&order(1));
    let mined = evm.send_escrow(RELAYER, &settle(&signed(work(1, 1_000_000, 0)))).unwrap();
    assert_eq!(mined.value, U256::ZERO);
    assert_eq!((free(&evm, client().address()), state(&evm, &order(1))), (U256::from(FUNDS), ReservationState::Closed));
    assert_eq!((evm.balance(miner().address()), accrued(&evm)), (U256::ZERO, U256::ZERO));
}

#[test]
fn a_later_fee_does_not_touch_a_reservation() {
    let mut evm = chain_with(&order(1));
    evm.send_escrow(ADMIN, &JobEscrow::setFeeCall { feeBasisPoints_: 1_000 }).unwrap();
    evm.send_escrow(RELAYER, &settle(&signed(work(1, 1_000_000, AIT)))).unwrap();
    assert_eq!(accrued(&evm), U256::from(AIT / 50));
}

#[test]
fn a_batch_skips_what_was_paid_and_names_what_is_refused() {
    let order = PaymentOrder { tasks: 3, ..order(1) };
    let mut evm = chain_with(&order);
    let parts: Vec<SignedJobReceipt> = (0..3).map(|number| signed(shard(1, number, 1_000_000))).collect();
    evm.send_escrow(RELAYER, &settle(&parts[0])).unwrap();
    let batch = [parts[0].clone(), parts[1].clone(), parts[1].clone()];
    let mined = evm.send_escrow(RELAYER, &settle_batch(&batch)).unwrap();
    assert_eq!(mined.value, U256::from(AIT));
    let skipped = |signed: &SignedJobReceipt| JobEscrow::ReceiptSkipped { receiptHash: signed.receipt.receiptHash };
    assert_eq!(
        events::<JobEscrow::ReceiptSkipped>(&mined.logs, JOB_ESCROW_ADDRESS),
        [skipped(&parts[0]), skipped(&parts[1])]
    );
    let foreign = signed(work(2, 1_000_000, AIT));
    let refused = refusal(&mut evm, RELAYER, &settle_batch(&[parts[2].clone(), foreign.clone()]));
    assert!(matches!(refused, EscrowError::ReservationNotOpen(error) if error.jobId == foreign.receipt.jobId));
    assert!(!is_used(&evm, &parts[2].receipt));
    evm.send_escrow(RELAYER, &settle_batch(&parts)).unwrap();
    assert_eq!(evm.balance(miner().address()) + accrued(&evm), U256::from(3 * AIT));
}

#[test]
fn a_batch_is_bounded() {
    let mut evm = chain();
    let receipts = vec![signed(work(1, 1, AIT)); contracts::MAX_ESCROW_BATCH_RECEIPTS + 1];
    let expected = JobEscrow::BatchTooLarge {
        given: U256::from(contracts::MAX_ESCROW_BATCH_RECEIPTS + 1),
        maximum: U256::from(contracts::MAX_ESCROW_BATCH_RECEIPTS),
    };
    assert_eq!(refusal(&mut evm, RELAYER, &settle_batch(&receipts)), EscrowError::BatchTooLarge(expected));
    assert_eq!(evm.send_escrow(RELAYER, &settle_batch(&[])).unwrap().value, U256::ZERO);
}

#[test]
fn a_pause_of_either_contract_stops_no_payment() {
    let mut evm = chain_with_deposit();
    evm.send_escrow(hub().address(), &reserve(&order(1))).unwrap();
    evm.send_escrow(hub().address(), &reserve(&order(2))).unwrap();
    evm.send_escrow(ADMIN, &JobEscrow::pauseCall {}).unwrap();
    evm.send_minter(ADMIN, &contracts::AITokenMinter::pauseCall {}).unwrap();
    evm.send_escrow(RELAYER, &settle(&signed(work(1, 1_000_000, AIT)))).unwrap();
    evm.send_escrow(RELAYER, &settle_batch(from_ref(&signed(work(2, 1_000_000, AIT))))).unwrap();
    evm.send_escrow(RELAYER, &JobEscrow::distributeFeesCall {}).unwrap();
    assert_eq!(evm.balance(miner().address()), U256::from(2 * 98 * AIT / 100));
}
