//! What deposits, reservations and payments cost. `UPDATE_SNAPSHOTS=1` writes `snapshots/escrow_gas.json` anew.

use alloy_sol_types::SolCall;
use contracts::JobEscrow::{CloseReason, JobReceipt, PaymentOrder, SignedJobReceipt};
use contracts::{JobEscrow, MAX_ESCROW_BATCH_RECEIPTS};
use serde_json::json;

use super::fixture::{
    allow_and_deposit, client, close_signed_by, escrow_digest, fund, hub, order, permit, reserve_signed_by, settle,
    settle_batch, work,
};
use crate::evm::{Evm, GENESIS_UNIX};
use crate::gas::{MAX_TRANSACTION_BYTES, compare_with_snapshot};
use crate::receipts::{AIT, EPOCH_SECONDS, RELAYER, Signer, attesters, miner, single_attester_chain};

const DEPOSIT: u128 = 2 * AIT;

fn by_hub(receipt: JobReceipt, provider: &Signer) -> SignedJobReceipt {
    let receipt = JobReceipt { provider: provider.address(), ..receipt };
    let digest = escrow_digest(&receipt);
    SignedJobReceipt { minerSignature: provider.sign(digest), attesterSignatures: vec![hub().sign(digest)], receipt }
}

/// A chain with one attester, on which `clients` have each deposited and reserved for the job of their number.
fn chain_with_orders(clients: &[Signer]) -> Evm {
    let mut evm = single_attester_chain();
    for (number, client) in (0..).zip(clients) {
        // One epoch mints for ten of them.
        evm.now_unix = GENESIS_UNIX + number / 10 * EPOCH_SECONDS;
        fund(&mut evm, client, 10_000 + number, &attesters()[..1]);
        allow_and_deposit(&mut evm, client, DEPOSIT);
    }
    for (number, client) in (0..).zip(clients) {
        let order = order_of(number, client, evm.now_unix);
        evm.send_escrow(order.hub, &reserve_signed_by(&order, client)).unwrap();
    }
    evm
}

fn order_of(number: u64, client: &Signer, now_unix: u64) -> PaymentOrder {
    PaymentOrder { client: client.address(), maxTotal: DEPOSIT, expiresAt: now_unix + 60, ..order(number) }
}

fn work_of(number: u64, client: &Signer) -> JobReceipt {
    JobReceipt { client: client.address(), ..work(number, 1_000_000, AIT) }
}

fn batch_gas(mut evm: Evm, receipts: &[SignedJobReceipt]) -> u64 {
    let call = settle_batch(receipts);
    assert!(call.abi_encoded_size() < MAX_TRANSACTION_BYTES - 1_024, "{} bytes", call.abi_encoded_size());
    evm.send_escrow(RELAYER, &call).unwrap().gas
}

#[test]
fn gas_is_as_recorded_and_a_full_batch_fits_one_transaction() {
    let clients: Vec<Signer> =
        (0..MAX_ESCROW_BATCH_RECEIPTS as u64).map(|number| Signer::new(20_000 + number)).collect();
    let strangers = chain_with_orders(&clients);
    let worst: Vec<SignedJobReceipt> = (0..)
        .zip(&clients)
        .map(|(number, client)| by_hub(work_of(number, client), &Signer::new(30_000 + number)))
        .collect();
    let same_miner: Vec<SignedJobReceipt> =
        (0..).zip(&clients[..10]).map(|(number, client)| by_hub(work_of(number, client), &miner())).collect();

    let mut evm = single_attester_chain();
    fund(&mut evm, &client(), 1, &attesters()[..1]);
    let mut permitted = evm.clone();
    let deposit = permitted.send_escrow(RELAYER, &permit(&client(), DEPOSIT, 0, GENESIS_UNIX + 60)).unwrap().gas;
    let order = order_of(0, &client(), GENESIS_UNIX);
    let reserved = permitted.send_escrow(order.hub, &reserve_signed_by(&order, &client())).unwrap().gas;
    let mut closed = permitted.clone();
    let close = close_signed_by(&order, CloseReason::Failed, &[hub()]);
    let closing = closed.send_escrow(RELAYER, &close).unwrap().gas;
    let payment = permitted.send_escrow(RELAYER, &settle(&by_hub(work_of(0, &client()), &miner()))).unwrap().gas;
    let withdraw = JobEscrow::withdrawCall { amount: alloy_primitives::U256::from(AIT) };
    let withdrawal = permitted.send_escrow(client().address(), &withdraw).unwrap().gas;

    compare_with_snapshot(
        "escrow_gas.json",
        &json!({
            "depositWithPermit, first": deposit,
            "reserve": reserved,
            "settle, new miner": payment,
            "settleBatch of 10, one miner": batch_gas(strangers.clone(), &same_miner),
            "settleBatch of 64, new miners": batch_gas(strangers, &worst),
            "close": closing,
            "withdraw": withdrawal,
        }),
    );
}
