//! The receipts of `shared/tests/vectors`, signed by ethers, on the contract that they were signed for and on others.

use alloy_primitives::{Address, B256, U256};
use contracts::genesis::{minter_creation_code, token_creation_code};
use contracts::{AI_TOKEN_ADDRESS, AIToken, AITokenMinter, Deployment, EscrowFee, GenesisParameters, UnitPriceLimit};
use serde_json::Value;

use crate::evm::{Evm, MinterError};
use crate::receipts::{ADMIN, JobReceipt, RELAYER, SignedJobReceipt, mint};

const VECTORS: &str = include_str!("../../../shared/tests/vectors/job_receipt.json");

/// A signed receipt and where it is shown.
struct Case {
    name: String,
    chain_id: u64,
    contract: Address,
    now_unix: u64,
    attester: Address,
    signed: SignedJobReceipt,
}

fn vectors(list: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors[list].as_array().unwrap().clone()
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("{name} is missing"))
}

/// The case in its receipt's last second, on the contract that the receipt names.
fn payable(json: &Value) -> Case {
    let receipt = &json["receipt"];
    let expires_at = receipt["expires_at"].as_u64().unwrap();
    let job_id = text(receipt, "job_id").strip_prefix("job_").unwrap();
    let claim = JobReceipt {
        receiptHash: text(json, "receipt_hash").parse().unwrap(),
        jobId: job_id.parse().unwrap(),
        taskRole: text(receipt, "task_role").to_owned(),
        provider: text(receipt, "provider").parse().unwrap(),
        client: text(receipt, "client").parse().unwrap(),
        units: text(receipt, "units").parse().unwrap(),
        unitType: text(receipt, "unit_type").to_owned(),
        unitPrice: text(receipt, "unit_price").parse().unwrap(),
        expiresAt: expires_at,
    };
    Case {
        name: text(json, "name").to_owned(),
        chain_id: receipt["chain_id"].as_u64().unwrap(),
        contract: text(receipt, "contract").parse().unwrap(),
        now_unix: expires_at,
        attester: text(json, "attester").parse().unwrap(),
        signed: SignedJobReceipt {
            receipt: claim,
            minerSignature: text(json, "miner_signature").parse().unwrap(),
            attesterSignatures: vec![text(json, "attester_signature").parse().unwrap()],
        },
    }
}

/// The case as it is shown to a contract that refuses it.
fn refused(json: &Value) -> Case {
    let shown_to = &json["shown_to"];
    Case {
        chain_id: shown_to["chain_id"].as_u64().unwrap(),
        contract: text(shown_to, "contract").parse().unwrap(),
        now_unix: shown_to["now"].as_u64().unwrap(),
        ..payable(json)
    }
}

/// A chain with the case's id and time, and a minter at the case's address.
fn chain_of(case: &Case) -> Evm {
    let parameters = GenesisParameters {
        admin: ADMIN,
        attesters: vec![case.attester],
        attester_threshold: 1,
        epoch_seconds: 3_600,
        epoch_cap_atto: u128::MAX,
        provider_epoch_cap_atto: u128::MAX,
        hold_seconds: 0,
        max_unit_prices: vec![UnitPriceLimit {
            unit_type: case.signed.receipt.unitType.clone(),
            max_unit_price_atto: u128::MAX,
        }],
        escrow_fee: EscrowFee::to_one(ADMIN, 0),
    };
    let deployments = [
        ("AIToken", AI_TOKEN_ADDRESS, token_creation_code(case.contract)),
        ("AITokenMinter", case.contract, minter_creation_code(AI_TOKEN_ADDRESS, Address::ZERO, &parameters)),
    ];
    let mut evm = Evm::empty(case.chain_id);
    for (contract_name, address, creation_code) in deployments {
        evm.construct(&Deployment { contract_name, address, creation_code }).unwrap();
    }
    evm.now_unix = case.now_unix;
    evm
}

#[test]
fn the_contract_computes_the_digest_of_every_vector() {
    for json in vectors("cases") {
        let case = payable(&json);
        let call = AITokenMinter::receiptDigestCall { receipt: case.signed.receipt.clone() };
        let digest = chain_of(&case).send(RELAYER, case.contract, &call).unwrap().value;
        assert_eq!(digest, text(&json, "digest").parse::<B256>().unwrap(), "{}", case.name);
    }
}

#[test]
fn the_contract_computes_the_digest_of_every_void() {
    let case = payable(&vectors("cases")[0]);
    for json in vectors("voids") {
        let contract: Address = text(&json, "contract").parse().unwrap();
        let chain_id = json["chain_id"].as_u64().unwrap();
        let signed = case.signed.clone();
        let here = Case { chain_id, contract, signed, name: text(&json, "name").to_owned(), ..case };
        let call = AITokenMinter::voidDigestCall {
            receiptHash: text(&json, "receipt_hash").parse().unwrap(),
            reason: text(&json, "reason").to_owned(),
        };
        let digest = chain_of(&here).send(RELAYER, contract, &call).unwrap().value;
        assert_eq!(digest, text(&json, "digest").parse::<B256>().unwrap(), "{}", here.name);
    }
}

#[test]
fn every_vector_mints_its_amount_in_its_last_second() {
    for case in vectors("cases").iter().map(payable) {
        let mut evm = chain_of(&case);
        let amount = case.signed.receipt.units * case.signed.receipt.unitPrice / U256::from(1_000_000);
        let mined = evm.send(RELAYER, case.contract, &mint(&case.signed)).unwrap();
        assert_eq!(mined.value, amount, "{}", case.name);
        assert_eq!(evm.read_token(&AIToken::totalSupplyCall {}), amount, "{}", case.name);
    }
}

#[test]
fn a_receipt_that_was_signed_for_something_else_or_expired_mints_nothing() {
    for json in vectors("refused") {
        let case = refused(&json);
        let mut evm = chain_of(&case);
        let error = evm.send(RELAYER, case.contract, &mint(&case.signed)).unwrap_err().minter();
        let (refusal, receipt_hash) = match error {
            MinterError::InvalidMinerSignature(error) => ("miner_signature", error.receiptHash),
            MinterError::ReceiptExpired(error) => ("expired", error.receiptHash),
            other => panic!("{}: {other:?}", case.name),
        };
        assert_eq!(refusal, text(&json, "refusal"), "{}", case.name);
        assert_eq!(receipt_hash, case.signed.receipt.receiptHash, "{}", case.name);
        assert_eq!(evm.read_token(&AIToken::totalSupplyCall {}), U256::ZERO, "{}", case.name);
    }
}
