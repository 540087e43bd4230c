//! The escrow of genesis, paid by orders, receipts and closings as `shared` signs them.

use alloy_primitives::{Bytes, FixedBytes, TxKind, U256, hex};
use alloy_sol_types::SolCall;
use contracts::{AI_TOKEN_ADDRESS, AIToken, JOB_ESCROW_ADDRESS, JobEscrow};
use serde_json::json;
use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::escrow::{
    CloseReason, EXIT_DELAY_SECONDS, MAX_ORDER_SECONDS, MAX_TASKS, PaymentOrder, ReservationClosing,
    SignedPaymentOrder, TaskCount,
};
use shared::id::JobId;
use shared::job::task::TaskRole;
use shared::receipt::ReceiptClaim;
use shared::signing::PrivateKey;
use shared::typed_data::SigningDomain;
use shared::unit::UnitType;

use crate::mint::{MINER as CLIENT, claim, mint};
use crate::setup::*;

const PROVIDER: u8 = 6;

async fn read<C: SolCall>(node: &TestNode, call: &C) -> C::Return {
    let request = json!({ "to": JOB_ESCROW_ADDRESS, "data": hex::encode_prefixed(call.abi_encode()) });
    let answer = node.call("eth_call", json!([request, "latest"])).await;
    C::abi_decode_returns(&hex::decode(answer.as_str().unwrap()).unwrap()).unwrap()
}

/// Sends the calls of one account in turn, each of which must succeed.
async fn send(node: &TestNode, account: u8, calls: Vec<(Address, Vec<u8>)>) {
    for (contract, input) in calls {
        let nonce = node.handle().nonce(address(account)).unwrap();
        let sent = node.execute(&sign(account, eip1559(nonce, TxKind::Call(contract), input.into()))).await;
        assert!(sent.receipt.success, "{}", sent.receipt.revert_data);
    }
}

fn secret(seed: u8) -> PrivateKey {
    PrivateKey::from_bytes(&[seed; 32]).unwrap()
}

fn order(job: u128, expires_at: u64) -> SignedPaymentOrder {
    let order = PaymentOrder {
        job_id: JobId::from_random(job),
        client: address(CLIENT),
        hub: address(ATTESTER),
        max_total: Amount::from_ait(1),
        max_unit_price: Amount::from_ait(1),
        unit_type: UnitType::MegapixelStep,
        tasks: TaskCount::ONE,
        start_within_seconds: None,
        finish_within_seconds: None,
        expires_at: shared::time::UnixSeconds(expires_at),
        chain_id: CHAIN_ID,
        contract: shared::chain::ESCROW_ADDRESS,
    };
    let signature = secret(CLIENT).sign(&order, &order.domain()).unwrap();
    SignedPaymentOrder { order, signature }
}

fn reserve(signed: &SignedPaymentOrder) -> Vec<u8> {
    let order = &signed.order;
    let promise = |seconds: Option<std::num::NonZeroU32>| seconds.map_or(0, std::num::NonZeroU32::get);
    JobEscrow::reserveCall {
        order: JobEscrow::PaymentOrder {
            jobId: FixedBytes::from(order.job_id.to_be_bytes()),
            client: order.client,
            hub: order.hub,
            maxTotal: order.max_total.atto(),
            maxUnitPrice: order.max_unit_price.atto(),
            unitType: order.unit_type.as_str().to_owned(),
            tasks: order.tasks.get(),
            startWithinSeconds: promise(order.start_within_seconds),
            finishWithinSeconds: promise(order.finish_within_seconds),
            expiresAt: order.expires_at.0,
        },
        clientSignature: signed.signature.clone(),
    }
    .abi_encode()
}

fn settle(claim: &ReceiptClaim) -> Vec<u8> {
    let domain = SigningDomain::of_contract(CHAIN_ID, JOB_ESCROW_ADDRESS);
    let signature = |seed| secret(seed).sign(claim, &domain).unwrap();
    JobEscrow::settleCall {
        receipt: JobEscrow::JobReceipt {
            receiptHash: claim.receipt_hash,
            jobId: claim.job_id_bytes(),
            taskRole: claim.task_role.to_string(),
            provider: claim.provider,
            client: claim.client,
            units: U256::from(claim.units.0),
            unitType: claim.unit_type.as_str().to_owned(),
            unitPrice: U256::from(claim.unit_price.atto()),
            expiresAt: claim.expires_at.0,
        },
        minerSignature: signature(PROVIDER),
        attesterSignatures: vec![signature(ATTESTER)],
    }
    .abi_encode()
}

fn close(order: &PaymentOrder) -> Vec<u8> {
    let PaymentOrder { client, job_id, chain_id, contract, .. } = *order;
    let closing = ReservationClosing { client, job_id, reason: CloseReason::Failed, chain_id, contract };
    let signature: Bytes = secret(ATTESTER).sign(&closing, &closing.domain()).unwrap();
    JobEscrow::closeCall {
        client,
        jobId: FixedBytes::from(job_id.to_be_bytes()),
        reason: JobEscrow::CloseReason::Failed,
        attesterSignatures: vec![signature],
    }
    .abi_encode()
}

#[tokio::test]
async fn a_client_pays_one_job_and_is_refunded_another() {
    let node = TestNode::new();
    // The client's AIT is what it once earned: 3 AIT.
    node.execute(&sign(1, eip1559(0, TxKind::Call(contracts::AI_TOKEN_MINTER_ADDRESS), mint(&claim())))).await;
    let amount = U256::from(3 * ATTO_PER_AIT);
    let approve = AIToken::approveCall { spender: JOB_ESCROW_ADDRESS, value: amount }.abi_encode();
    let deposit = JobEscrow::depositCall { amount }.abi_encode();
    send(&node, CLIENT, vec![(AI_TOKEN_ADDRESS, approve), (JOB_ESCROW_ADDRESS, deposit)]).await;

    let now = node.handle().snapshot().unwrap().head().timestamp;
    let (served, failed) = (order(1, now + 3_600), order(2, now + 3_600));
    let half = ReceiptClaim {
        receipt_hash: alloy_primitives::B256::repeat_byte(1),
        job_id: served.order.job_id,
        task_role: TaskRole::Serve,
        provider: address(PROVIDER),
        client: address(CLIENT),
        units: MicroUnits(500_000),
        ..claim()
    };
    let half = ReceiptClaim { unit_price: Amount::from_ait(1), ..half };
    assert_eq!(served.order.cost_of(&half), Ok(Amount::from_atto(ATTO_PER_AIT / 2)));
    let calls = [reserve(&served), reserve(&failed), settle(&half), close(&failed.order)];
    send(&node, ATTESTER, calls.map(|input| (JOB_ESCROW_ADDRESS, input)).to_vec()).await;

    let free = read(&node, &JobEscrow::balanceOfCall { client: address(CLIENT) }).await;
    assert_eq!(free, U256::from(5 * ATTO_PER_AIT / 2));
    let earned = node.handle().token_balance(address(PROVIDER)).await.unwrap();
    assert_eq!(earned, Amount::from_atto(ATTO_PER_AIT / 2 * 98 / 100));
    assert_eq!(node.handle().token_supply().await.unwrap(), Amount::from_ait(3));
}

#[tokio::test]
async fn shared_knows_the_escrows_address_and_bounds() {
    assert_eq!(shared::chain::ESCROW_ADDRESS, JOB_ESCROW_ADDRESS);
    let node = TestNode::new();
    assert_eq!(read(&node, &JobEscrow::MAX_TASKSCall {}).await, U256::from(MAX_TASKS));
    assert_eq!(read(&node, &JobEscrow::MAX_ORDER_SECONDSCall {}).await, U256::from(MAX_ORDER_SECONDS));
    assert_eq!(read(&node, &JobEscrow::EXIT_DELAY_SECONDSCall {}).await, U256::from(EXIT_DELAY_SECONDS));
    let maximum = read(&node, &JobEscrow::MAX_BATCH_RECEIPTSCall {}).await;
    assert_eq!(maximum, U256::from(contracts::MAX_ESCROW_BATCH_RECEIPTS));
}
