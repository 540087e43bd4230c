//! The orders and closings of `shared/tests/vectors`, signed by ethers, on the escrow that they were signed for and on
//! others.

use alloy_primitives::{Address, B256, Bytes, U256};
use contracts::JobEscrow::{CloseReason, PaymentOrder};
use contracts::genesis::{escrow_creation_code, minter_creation_code, token_creation_code};
use contracts::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, AIToken, AITokenMinter, Deployment, GenesisParameters, JobEscrow,
    UnitPriceLimit,
};
use serde_json::Value;

use crate::evm::{EscrowError, Evm};
use crate::receipts::{self, ADMIN, RELAYER, Signer, attesters, parameters};

const VECTORS: &str = include_str!("../../../../shared/tests/vectors/payment_order.json");

/// A signed order and where it is shown.
struct Case {
    name: String,
    chain_id: u64,
    contract: Address,
    now_unix: u64,
    order: PaymentOrder,
    signature: Bytes,
}

fn vectors(list: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors[list].as_array().unwrap().clone()
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("{name} is missing"))
}

fn number<T: TryFrom<u64>>(json: &Value, name: &str) -> T {
    T::try_from(json[name].as_u64().unwrap_or_default()).unwrap_or_else(|_| panic!("{name} is too large"))
}

/// The case in its order's last second, on the contract that the order names.
fn valid(json: &Value) -> Case {
    let order = &json["order"];
    Case {
        name: text(json, "name").to_owned(),
        chain_id: number(order, "chain_id"),
        contract: text(order, "contract").parse().unwrap(),
        now_unix: number(order, "expires_at"),
        order: PaymentOrder {
            jobId: text(order, "job_id").strip_prefix("job_").unwrap().parse().unwrap(),
            client: text(order, "client").parse().unwrap(),
            hub: text(order, "hub").parse().unwrap(),
            maxTotal: text(order, "max_total").parse().unwrap(),
            maxUnitPrice: text(order, "max_unit_price").parse().unwrap(),
            unitType: text(order, "unit_type").to_owned(),
            tasks: number(order, "tasks"),
            startWithinSeconds: number(order, "start_within_seconds"),
            finishWithinSeconds: number(order, "finish_within_seconds"),
            expiresAt: number(order, "expires_at"),
        },
        signature: text(json, "signature").parse().unwrap(),
    }
}

/// The case as it is shown to a contract that refuses it.
fn refused(json: &Value) -> Case {
    let shown_to = &json["shown_to"];
    Case {
        chain_id: number(shown_to, "chain_id"),
        contract: text(shown_to, "contract").parse().unwrap(),
        now_unix: number(shown_to, "now"),
        ..valid(json)
    }
}

/// A chain with the case's id and time, an escrow at the case's address, and nobody's deposit.
fn chain_of(chain_id: u64, contract: Address, now_unix: u64) -> Evm {
    let parameters = GenesisParameters {
        epoch_cap_atto: u128::MAX,
        provider_epoch_cap_atto: u128::MAX,
        hold_seconds: 0,
        max_unit_prices: vec![UnitPriceLimit { unit_type: "image".into(), max_unit_price_atto: u128::MAX }],
        ..parameters()
    };
    let minter = minter_creation_code(AI_TOKEN_ADDRESS, contract, &parameters);
    let escrow = escrow_creation_code(AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, &parameters);
    let deployments = [
        ("AIToken", AI_TOKEN_ADDRESS, token_creation_code(AI_TOKEN_MINTER_ADDRESS)),
        ("AITokenMinter", AI_TOKEN_MINTER_ADDRESS, minter),
        ("JobEscrow", contract, escrow),
    ];
    let mut evm = Evm::empty(chain_id);
    for (contract_name, address, creation_code) in deployments {
        evm.construct(&Deployment { contract_name, address, creation_code }).unwrap();
    }
    evm.now_unix = now_unix;
    evm
}

/// Mints the order's total for its client, who deposits it.
fn deposit(evm: &mut Evm, case: &Case, client: &Signer) {
    use alloy_sol_types::SolStruct as _;
    let total = U256::from(case.order.maxTotal);
    let earned = receipts::JobReceipt {
        provider: client.address(),
        unitPrice: total,
        expiresAt: u64::MAX,
        ..receipts::receipt(1, 1_000_000, 0)
    };
    let digest = earned.eip712_signing_hash(&receipts::domain(case.chain_id, AI_TOKEN_MINTER_ADDRESS));
    let call = AITokenMinter::mintWithReceiptCall {
        receipt: earned,
        minerSignature: client.sign(digest),
        attesterSignatures: attesters()[..2].iter().map(|attester| attester.sign(digest)).collect(),
    };
    evm.send_minter(RELAYER, &call).unwrap();
    evm.send_token(client.address(), &AIToken::approveCall { spender: case.contract, value: total }).unwrap();
    evm.send(client.address(), case.contract, &JobEscrow::depositCall { amount: total }).unwrap();
}

/// A chain of the case whose minter trusts the order's hub.
fn chain_with_hub(case: &Case) -> Evm {
    let mut evm = chain_of(case.chain_id, case.contract, case.now_unix);
    let known = evm.read_minter(&AITokenMinter::isAttesterCall { account: case.order.hub });
    if !known {
        evm.send_minter(ADMIN, &AITokenMinter::addAttesterCall { attester: case.order.hub }).unwrap();
    }
    evm
}

fn reserve(case: &Case) -> JobEscrow::reserveCall {
    JobEscrow::reserveCall { order: case.order.clone(), clientSignature: case.signature.clone() }
}

#[test]
fn every_vector_reserves_its_total_in_its_last_second() {
    for json in vectors("cases") {
        let case = valid(&json);
        let mut evm = chain_with_hub(&case);
        let call = JobEscrow::orderDigestCall { order: case.order.clone() };
        let digest = evm.send(RELAYER, case.contract, &call).unwrap().value;
        assert_eq!(digest, text(&json, "digest").parse::<B256>().unwrap(), "{}", case.name);

        deposit(&mut evm, &case, &Signer::of_key(text(&json, "client_private_key").parse().unwrap()));
        evm.send(case.order.hub, case.contract, &reserve(&case)).unwrap();
        let call = JobEscrow::reservationCall { client: case.order.client, jobId: case.order.jobId };
        let reservation = evm.send(RELAYER, case.contract, &call).unwrap().value;
        assert_eq!(reservation.remaining, case.order.maxTotal, "{}", case.name);
    }
}

#[test]
fn an_order_that_was_signed_for_something_else_or_for_another_time_reserves_nothing() {
    for json in vectors("refused") {
        let case = refused(&json);
        let mut evm = chain_with_hub(&case);
        let error = evm.send(case.order.hub, case.contract, &reserve(&case)).unwrap_err().escrow();
        let refusal = match error {
            EscrowError::InvalidClientSignature(_) => "client_signature",
            EscrowError::OrderExpiryOutOfRange(_) => "expiry",
            other => panic!("{}: {other:?}", case.name),
        };
        assert_eq!(refusal, text(&json, "refusal"), "{}", case.name);
    }
}

#[test]
fn the_contract_computes_the_digest_of_every_closing() {
    for json in vectors("closings") {
        let closing = &json["closing"];
        let contract: Address = text(closing, "contract").parse().unwrap();
        let reason = match text(closing, "reason") {
            "completed" => CloseReason::Completed,
            "cancelled" => CloseReason::Cancelled,
            "failed" => CloseReason::Failed,
            "sla_breached" => CloseReason::SlaBreached,
            other => panic!("{other}"),
        };
        let call = JobEscrow::closingDigestCall {
            client: text(closing, "client").parse().unwrap(),
            jobId: text(closing, "job_id").strip_prefix("job_").unwrap().parse().unwrap(),
            reason,
        };
        let mut evm = chain_of(number(closing, "chain_id"), contract, receipts::EXPIRES_AT);
        let digest = evm.send(RELAYER, contract, &call).unwrap().value;
        assert_eq!(digest, text(&json, "digest").parse::<B256>().unwrap(), "{}", text(&json, "name"));
    }
}
