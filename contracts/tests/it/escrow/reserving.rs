//! A hub reserves what the client signed, once, and nothing else.

use alloy_primitives::{Address, Bytes, U256, keccak256};
use alloy_sol_types::SolStruct;
use contracts::JobEscrow::{PaymentOrder, Reservation, ReservationState};
use contracts::{AITokenMinter, JOB_ESCROW_ADDRESS, JobEscrow};

use super::fixture::{
    DAY_SECONDS, FUNDS, MAX_TOTAL, MAX_UNIT_PRICE, ORDER_EXPIRES_AT, chain, chain_with, chain_with_deposit, client,
    close, escrow_digest, free, held, hub, order, other_client, refusal, reservation, reserve, reserve_signed_by,
    signed, state, work,
};
use crate::evm::{EscrowError, GENESIS_UNIX, Reverted, events};
use crate::receipts::{ADMIN, AIT, FEE_BASIS_POINTS, RELAYER, Signer, attesters};

fn used(order: &PaymentOrder, state: ReservationState) -> EscrowError {
    EscrowError::OrderAlreadyUsed(JobEscrow::OrderAlreadyUsed { client: order.client, jobId: order.jobId, state })
}

#[test]
fn an_order_sets_its_total_aside() {
    let mut evm = chain_with_deposit();
    let order = PaymentOrder { tasks: 3, startWithinSeconds: 20, finishWithinSeconds: 90, ..order(1) };
    let mined = evm.send_escrow(hub().address(), &reserve(&order)).unwrap();
    assert_eq!(
        events::<JobEscrow::Reserved>(&mined.logs, JOB_ESCROW_ADDRESS),
        [JobEscrow::Reserved {
            client: client().address(),
            jobId: order.jobId,
            hub: hub().address(),
            amount: U256::from(MAX_TOTAL),
            expiresAt: ORDER_EXPIRES_AT,
            orderHash: order.eip712_hash_struct(),
        }]
    );
    let expected = Reservation {
        hub: hub().address(),
        state: ReservationState::Open,
        feeBasisPoints: FEE_BASIS_POINTS,
        tasks: 3,
        settledTasks: 0,
        reservedAt: GENESIS_UNIX.try_into().unwrap(),
        remaining: MAX_TOTAL,
        expiresAt: ORDER_EXPIRES_AT,
        startWithinSeconds: 20,
        finishWithinSeconds: 90,
        reserved: MAX_TOTAL,
        maxUnitPrice: MAX_UNIT_PRICE,
        unitTypeHash: keccak256("image"),
        settledBits: U256::ZERO,
    };
    assert_eq!(reservation(&evm, &order), expected);
    assert_eq!(free(&evm, client().address()), U256::from(FUNDS - MAX_TOTAL));
    assert_eq!(held(&evm), U256::from(FUNDS));
}

#[test]
fn the_contract_computes_the_digest_that_the_client_signs() {
    let order = PaymentOrder { unitType: "megapixel_step".into(), startWithinSeconds: 1, ..order(9) };
    let call = JobEscrow::orderDigestCall { order: order.clone() };
    assert_eq!(chain().read_escrow(&call), escrow_digest(&order));
}

#[test]
fn only_the_hub_of_the_order_reserves() {
    let mut evm = chain_with_deposit();
    for caller in [RELAYER, client().address(), attesters()[1].address()] {
        let expected = JobEscrow::NotHubOfOrder { caller, hub: hub().address() };
        assert_eq!(refusal(&mut evm, caller, &reserve(&order(1))), EscrowError::NotHubOfOrder(expected));
    }
}

/// Anybody can be named as the hub of an order. One whom the minter does not trust could only keep the client's AIT.
#[test]
fn only_an_attester_reserves() {
    let mut evm = chain_with_deposit();
    let stranger = Signer::new(4_001);
    let order = PaymentOrder { hub: stranger.address(), ..order(1) };
    let expected = EscrowError::HubNotAttester(JobEscrow::HubNotAttester { hub: stranger.address() });
    assert_eq!(refusal(&mut evm, stranger.address(), &reserve(&order)), expected);
    assert_eq!(free(&evm, client().address()), U256::from(FUNDS));
    evm.send_minter(ADMIN, &AITokenMinter::addAttesterCall { attester: stranger.address() }).unwrap();
    evm.send_escrow(stranger.address(), &reserve(&order)).unwrap();

    let removed = PaymentOrder { hub: stranger.address(), ..super::fixture::order(2) };
    evm.send_minter(ADMIN, &AITokenMinter::removeAttesterCall { attester: stranger.address() }).unwrap();
    assert_eq!(refusal(&mut evm, stranger.address(), &reserve(&removed)), expected);
}

#[test]
fn only_the_client_signs_and_only_what_is_reserved() {
    let mut evm = chain_with_deposit();
    let invalid = |recovered| {
        let error = JobEscrow::InvalidClientSignature { recovered, client: client().address() };
        EscrowError::InvalidClientSignature(error)
    };
    for stranger in [other_client(), hub(), Signer::new(4_000)] {
        let call = reserve_signed_by(&order(1), &stranger);
        assert_eq!(refusal(&mut evm, hub().address(), &call), invalid(stranger.address()));
    }
    for malformed in [Bytes::new(), vec![0; 65].into(), vec![27; 64].into()] {
        let call = JobEscrow::reserveCall { order: order(1), clientSignature: malformed };
        assert_eq!(refusal(&mut evm, hub().address(), &call), invalid(Address::ZERO));
    }
    // A receipt's or a closing's signature is none over an order.
    let receipt = work(1, 1, AIT);
    let call = JobEscrow::reserveCall { order: order(1), clientSignature: client().sign(escrow_digest(&receipt)) };
    assert!(matches!(refusal(&mut evm, hub().address(), &call), EscrowError::InvalidClientSignature(_)));
    evm.send_escrow(hub().address(), &reserve(&order(1))).unwrap();
}

#[test]
fn nobody_reserves_for_the_zero_address() {
    let order = PaymentOrder { client: Address::ZERO, maxTotal: 0, ..order(1) };
    let call = JobEscrow::reserveCall { order, clientSignature: Bytes::new() };
    let expected = JobEscrow::InvalidClientSignature { recovered: Address::ZERO, client: Address::ZERO };
    assert_eq!(refusal(&mut chain(), hub().address(), &call), EscrowError::InvalidClientSignature(expected));
}

#[test]
fn one_job_of_a_client_reserves_once() {
    let mut evm = chain_with_deposit();
    let (first, again) = (order(1), PaymentOrder { maxTotal: AIT, ..order(1) });
    evm.send_escrow(first.hub, &reserve(&first)).unwrap();
    for order in [&first, &again] {
        assert_eq!(refusal(&mut evm, order.hub, &reserve(order)), used(order, ReservationState::Open));
    }
    evm.send_escrow(RELAYER, &close(&first, JobEscrow::CloseReason::Failed)).unwrap();
    for order in [&first, &again] {
        assert_eq!(refusal(&mut evm, order.hub, &reserve(order)), used(order, ReservationState::Closed));
    }
    assert_eq!(free(&evm, first.client), U256::from(FUNDS));
}

/// Else anyone could block a job by an order of his own for the same job.
#[test]
fn the_same_job_of_another_client_is_another_reservation() {
    let mut evm = chain_with(&order(1));
    super::fixture::allow_and_deposit(&mut evm, &other_client(), FUNDS);
    let other = PaymentOrder { client: other_client().address(), maxTotal: AIT, ..order(1) };
    evm.send_escrow(other.hub, &reserve(&other)).unwrap();
    assert_eq!((reservation(&evm, &order(1)).remaining, reservation(&evm, &other).remaining), (MAX_TOTAL, AIT));
}

#[test]
fn nothing_is_reserved_that_is_not_free() {
    let mut evm = chain_with_deposit();
    let too_much = PaymentOrder { maxTotal: FUNDS + 1, ..order(1) };
    let short = |available: u128, needed: u128| {
        let (available, needed) = (U256::from(available), U256::from(needed));
        let client = client().address();
        EscrowError::InsufficientBalance(JobEscrow::InsufficientBalance { client, available, needed })
    };
    assert_eq!(refusal(&mut evm, too_much.hub, &reserve(&too_much)), short(FUNDS, FUNDS + 1));
    let all = PaymentOrder { maxTotal: FUNDS, ..order(1) };
    evm.send_escrow(all.hub, &reserve(&all)).unwrap();
    assert_eq!(refusal(&mut evm, all.hub, &reserve(&PaymentOrder { maxTotal: 1, ..order(2) })), short(0, 1));
}

#[test]
fn an_order_reserves_until_its_last_second_and_not_for_years() {
    let out_of_range = |expires_at: u64, now: u64| {
        EscrowError::OrderExpiryOutOfRange(JobEscrow::OrderExpiryOutOfRange {
            expiresAt: U256::from(expires_at),
            timestamp: U256::from(now),
            latest: U256::from(now + 90 * DAY_SECONDS),
        })
    };
    let mut late = chain_with_deposit();
    late.now_unix = ORDER_EXPIRES_AT + 1;
    let expected = out_of_range(ORDER_EXPIRES_AT, ORDER_EXPIRES_AT + 1);
    assert_eq!(refusal(&mut late, hub().address(), &reserve(&order(1))), expected);
    late.now_unix = ORDER_EXPIRES_AT;
    late.send_escrow(hub().address(), &reserve(&order(1))).unwrap();

    let mut evm = chain_with_deposit();
    let longest = GENESIS_UNIX + 90 * DAY_SECONDS;
    for expires_at in [longest + 1, u64::MAX] {
        let order = PaymentOrder { expiresAt: expires_at, ..order(1) };
        assert_eq!(refusal(&mut evm, order.hub, &reserve(&order)), out_of_range(expires_at, GENESIS_UNIX));
    }
    let order = PaymentOrder { expiresAt: longest, ..order(1) };
    evm.send_escrow(order.hub, &reserve(&order)).unwrap();
}

#[test]
fn an_order_pays_for_1_to_256_tasks() {
    let mut evm = chain_with_deposit();
    for tasks in [0, 257, u16::MAX] {
        let order = PaymentOrder { tasks, ..order(1) };
        let expected = JobEscrow::TaskCountOutOfRange { tasks: U256::from(tasks), maximum: U256::from(256) };
        assert_eq!(refusal(&mut evm, order.hub, &reserve(&order)), EscrowError::TaskCountOutOfRange(expected));
    }
    let order = PaymentOrder { tasks: 256, ..order(1) };
    evm.send_escrow(order.hub, &reserve(&order)).unwrap();
}

#[test]
fn a_cancelled_order_never_reserves() {
    let mut evm = chain_with_deposit();
    let order = order(1);
    let cancel = JobEscrow::cancelOrderCall { jobId: order.jobId };
    // Somebody else cancels his own order for this job, not the client's.
    evm.send_escrow(RELAYER, &cancel).unwrap();
    assert_eq!(state(&evm, &order), ReservationState::Absent);
    let mined = evm.send_escrow(order.client, &cancel).unwrap();
    assert_eq!(
        events::<JobEscrow::OrderCancelled>(&mined.logs, JOB_ESCROW_ADDRESS),
        [JobEscrow::OrderCancelled { client: order.client, jobId: order.jobId }]
    );
    let cancelled = used(&order, ReservationState::Cancelled);
    assert_eq!(refusal(&mut evm, order.hub, &reserve(&order)), cancelled);
    assert_eq!(refusal(&mut evm, order.client, &cancel), cancelled);
    assert_eq!(free(&evm, order.client), U256::from(FUNDS));
}

#[test]
fn an_order_in_use_is_not_cancelled() {
    let order = order(1);
    let mut evm = chain_with(&order);
    let cancel = JobEscrow::cancelOrderCall { jobId: order.jobId };
    assert_eq!(refusal(&mut evm, order.client, &cancel), used(&order, ReservationState::Open));
    evm.send_escrow(RELAYER, &super::fixture::settle(&signed(work(1, 1_000_000, AIT)))).unwrap();
    assert_eq!(refusal(&mut evm, order.client, &cancel), used(&order, ReservationState::Closed));
}

#[test]
fn a_pause_stops_reservations_and_no_cancelling() {
    let mut evm = chain_with_deposit();
    evm.send_escrow(ADMIN, &JobEscrow::pauseCall {}).unwrap();
    let refused = evm.send_escrow(hub().address(), &reserve(&order(1))).unwrap_err();
    assert_eq!(refused, Reverted::from(JobEscrow::EnforcedPause {}));
    evm.send_escrow(client().address(), &JobEscrow::cancelOrderCall { jobId: order(1).jobId }).unwrap();
    evm.send_escrow(ADMIN, &JobEscrow::unpauseCall {}).unwrap();
    evm.send_escrow(hub().address(), &reserve(&order(2))).unwrap();
}
