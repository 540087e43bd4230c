//! Money goes back to the client: by the attesters' word at any time, by the client alone after a delay.

use alloy_primitives::{Bytes, U256};
use contracts::JobEscrow::{CloseReason, PaymentOrder, ReservationState};
use contracts::{AITokenMinter, JOB_ESCROW_ADDRESS, JobEscrow};

use super::fixture::{
    EXIT_DELAY_SECONDS, FUNDS, MAX_TOTAL, ORDER_EXPIRES_AT, accrued, chain, chain_with, client, close, close_signed_by,
    closing_digest, free, held, hub, order, other_client, refusal, reservation, settle, shard, signed, state, work,
};
use crate::evm::{EscrowError, GENESIS_UNIX, events};
use crate::receipts::{ADMIN, AIT, RELAYER, Signer, attesters, miner};

const RECLAIMABLE_AT: u64 = ORDER_EXPIRES_AT + EXIT_DELAY_SECONDS;

#[test]
fn attesters_close_for_their_reasons_and_the_client_has_all_back() {
    for reason in [CloseReason::Completed, CloseReason::Cancelled, CloseReason::Failed] {
        let order = order(1);
        let mut evm = chain_with(&order);
        let mined = evm.send_escrow(RELAYER, &close(&order, reason)).unwrap();
        let refund = U256::from(MAX_TOTAL);
        assert_eq!(mined.value, refund);
        assert_eq!(
            events::<JobEscrow::ReservationClosed>(&mined.logs, JOB_ESCROW_ADDRESS),
            [JobEscrow::ReservationClosed { client: order.client, jobId: order.jobId, reason, refund }]
        );
        assert_eq!((free(&evm, order.client), held(&evm)), (U256::from(FUNDS), U256::from(FUNDS)));
        assert_eq!((state(&evm, &order), reservation(&evm, &order).remaining), (ReservationState::Closed, 0));
    }
}

#[test]
fn what_was_paid_stays_paid_and_the_rest_returns() {
    let order = PaymentOrder { tasks: 3, ..order(1) };
    let mut evm = chain_with(&order);
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 1, 4_000_000)))).unwrap();
    let refund = evm.send_escrow(RELAYER, &close(&order, CloseReason::Failed)).unwrap().value;
    assert_eq!(refund, U256::from(6 * AIT));
    assert_eq!(evm.balance(miner().address()) + accrued(&evm), U256::from(4 * AIT));
    assert_eq!(free(&evm, order.client), U256::from(FUNDS - 4 * AIT));
}

#[test]
fn a_reservation_closes_once() {
    let order = order(1);
    let mut evm = chain_with(&order);
    evm.send_escrow(RELAYER, &close(&order, CloseReason::Failed)).unwrap();
    evm.now_unix = RECLAIMABLE_AT + 1;
    let expected =
        JobEscrow::ReservationNotOpen { client: order.client, jobId: order.jobId, state: ReservationState::Closed };
    let expected = EscrowError::ReservationNotOpen(expected);
    assert_eq!(refusal(&mut evm, RELAYER, &close(&order, CloseReason::Failed)), expected);
    assert_eq!(refusal(&mut evm, order.client, &JobEscrow::reclaimCall { jobId: order.jobId }), expected);
    assert_eq!(free(&evm, order.client), U256::from(FUNDS));
}

#[test]
fn the_contract_computes_the_digest_that_attesters_sign() {
    for reason in [CloseReason::Completed, CloseReason::SlaBreached] {
        let (account, job) = (client().address(), order(1).jobId);
        let call = JobEscrow::closingDigestCall { client: account, jobId: job, reason };
        assert_eq!(chain().read_escrow(&call), closing_digest(account, job, reason));
    }
}

#[test]
fn nobody_but_a_quorum_with_the_hub_closes() {
    let order = order(1);
    let mut evm = chain_with(&order);
    let reason = CloseReason::Failed;
    let digest = closing_digest(order.client, order.jobId, reason);
    let [first, second, third] = attesters();
    let cases = [
        (vec![], "few"),
        (vec![first.clone()], "few"),
        (vec![second.clone(), third.clone()], "hub"),
        (vec![second.clone(), first.clone()], "order"),
        (vec![first.clone(), first.clone()], "order"),
        (vec![first.clone(), Signer::new(4_000)], "stranger"),
        (vec![first.clone(), client()], "stranger"),
    ];
    for (signers, expected) in cases {
        let found = match refusal(&mut evm, RELAYER, &close_signed_by(&order, reason, &signers)) {
            EscrowError::TooFewAttestations(error) if error.receiptHash == digest => "few",
            EscrowError::HubSignatureMissing(error) if error.receiptHash == digest => "hub",
            EscrowError::AttestersNotAscending(error) if error.receiptHash == digest => "order",
            EscrowError::InvalidAttesterSignature(error) if error.receiptHash == digest => "stranger",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
    }
    // What was signed for another reason or another job is void.
    let other_reason = JobEscrow::closeCall { reason: CloseReason::Cancelled, ..close(&order, reason) };
    let other_job = JobEscrow::closeCall {
        jobId: order.jobId,
        ..close(&PaymentOrder { jobId: super::fixture::job_id(2), ..order.clone() }, reason)
    };
    let malformed = JobEscrow::closeCall { attesterSignatures: vec![Bytes::new(); 2], ..close(&order, reason) };
    for call in [other_reason, other_job, malformed] {
        assert!(matches!(refusal(&mut evm, RELAYER, &call), EscrowError::InvalidAttesterSignature(_)));
    }
    assert_eq!(reservation(&evm, &order).remaining, MAX_TOTAL);
}

#[test]
fn attesters_do_not_close_in_the_clients_name() {
    let order = order(1);
    let mut evm = chain_with(&order);
    evm.now_unix = RECLAIMABLE_AT + 1;
    let expected = JobEscrow::ReasonNotForAttesters { reason: CloseReason::Reclaimed };
    let refused = refusal(&mut evm, RELAYER, &close(&order, CloseReason::Reclaimed));
    assert_eq!(refused, EscrowError::ReasonNotForAttesters(expected));
}

#[test]
fn a_breach_is_one_only_after_the_first_promise() {
    let cases = [(20, 90, Some(20)), (0, 90, Some(90)), (20, 0, Some(20)), (90, 20, Some(20)), (0, 0, None)];
    for (start, finish, soonest) in cases {
        let order = PaymentOrder { startWithinSeconds: start, finishWithinSeconds: finish, ..order(1) };
        let mut evm = chain_with(&order);
        evm.now_unix = GENESIS_UNIX + soonest.unwrap_or(3_000);
        let until = soonest.map_or(U256::MAX, |seconds| U256::from(GENESIS_UNIX + seconds));
        let expected = JobEscrow::SlaNotBreached { promisedUntil: until, timestamp: U256::from(evm.now_unix) };
        let call = close(&order, CloseReason::SlaBreached);
        assert_eq!(refusal(&mut evm, RELAYER, &call), EscrowError::SlaNotBreached(expected));
        evm.now_unix += 1;
        assert_eq!(evm.send_escrow(RELAYER, &call).is_ok(), soonest.is_some());
    }
}

#[test]
fn the_client_takes_the_rest_back_alone_after_the_delay() {
    let order = PaymentOrder { tasks: 2, ..order(1) };
    let mut evm = chain_with(&order);
    evm.send_escrow(RELAYER, &settle(&signed(shard(1, 0, 1_000_000)))).unwrap();
    let reclaim = JobEscrow::reclaimCall { jobId: order.jobId };
    for now in [GENESIS_UNIX, ORDER_EXPIRES_AT + 1, RECLAIMABLE_AT] {
        evm.now_unix = now;
        let expected =
            JobEscrow::TooEarlyToReclaim { reclaimableAt: U256::from(RECLAIMABLE_AT), timestamp: U256::from(now) };
        assert_eq!(refusal(&mut evm, order.client, &reclaim), EscrowError::TooEarlyToReclaim(expected));
    }
    evm.now_unix = RECLAIMABLE_AT + 1;
    // Another account reclaims its own, of which there is none.
    for stranger in [RELAYER, hub().address(), other_client().address(), ADMIN] {
        let expected =
            JobEscrow::ReservationNotOpen { client: stranger, jobId: order.jobId, state: ReservationState::Absent };
        assert_eq!(refusal(&mut evm, stranger, &reclaim), EscrowError::ReservationNotOpen(expected));
    }
    assert_eq!(evm.send_escrow(order.client, &reclaim).unwrap().value, U256::from(9 * AIT));
    let withdraw = JobEscrow::withdrawCall { amount: U256::from(FUNDS - AIT) };
    evm.send_escrow(order.client, &withdraw).unwrap();
    assert_eq!(evm.balance(order.client), U256::from(FUNDS - AIT));
}

/// The whole way out, when everybody who could hinder it does what he can.
#[test]
fn no_pause_and_no_missing_attester_keeps_a_client_in() {
    let order = order(1);
    let mut evm = chain_with(&order);
    evm.send_escrow(ADMIN, &JobEscrow::pauseCall {}).unwrap();
    evm.send_minter(ADMIN, &AITokenMinter::pauseCall {}).unwrap();
    evm.send_minter(ADMIN, &AITokenMinter::removeAttesterCall { attester: hub().address() }).unwrap();
    evm.now_unix = RECLAIMABLE_AT + 1;
    evm.send_escrow(order.client, &JobEscrow::reclaimCall { jobId: order.jobId }).unwrap();
    evm.send_escrow(order.client, &JobEscrow::withdrawCall { amount: U256::from(FUNDS) }).unwrap();
    assert_eq!(evm.balance(order.client), U256::from(FUNDS));
    assert_eq!(held(&evm), U256::ZERO);
}

#[test]
fn a_pause_stops_no_closing() {
    let mut evm = chain_with(&order(1));
    evm.send_escrow(ADMIN, &JobEscrow::pauseCall {}).unwrap();
    evm.send_escrow(RELAYER, &close(&order(1), CloseReason::Cancelled)).unwrap();
    assert_eq!(free(&evm, client().address()), U256::from(FUNDS));
}

/// A receipt that is late but good is paid as long as the client has not left.
#[test]
fn a_receipt_is_paid_until_the_client_reclaims() {
    let mut evm = chain_with(&order(1));
    evm.now_unix = RECLAIMABLE_AT + 1;
    evm.send_escrow(RELAYER, &settle(&signed(work(1, 1_000_000, AIT)))).unwrap();
    assert_eq!(free(&evm, client().address()), U256::from(FUNDS - AIT));
}
