//! The receipts of `shared/tests/vectors`, signed by another implementation, on the minter they were signed for.

use alloy_primitives::{Address, B256, Bytes, U256};
use contracts::abi::MintPlainCall;
use contracts::genesis::{minter_creation_code, token_creation_code};
use contracts::{AI_TOKEN_ADDRESS, AIToken, AITokenMinter, Deployment, GenesisParameters, UnitPriceLimit};
use serde_json::Value;

use crate::evm::Evm;
use crate::receipts::{ADMIN, JobReceipt, RELAYER, SignedJobReceipt, Signer, mint};

const VECTORS: &str = include_str!("../../../shared/tests/vectors/job_receipt.json");

struct Case {
    name: String,
    chain_id: u64,
    minter: Address,
    attester: Address,
    digest: B256,
    plain_signature: Bytes,
    signed: SignedJobReceipt,
}

fn cases() -> Vec<Case> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors["cases"].as_array().unwrap().iter().map(case).collect()
}

fn case(json: &Value) -> Case {
    let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("{name} is missing"));
    let of_receipt = |name: &str| json["receipt"][name].as_str().unwrap().to_owned();
    let receipt = JobReceipt {
        receiptHash: text("receipt_hash").parse().unwrap(),
        provider: text("provider").parse().unwrap(),
        units: of_receipt("units").parse().unwrap(),
        unitType: of_receipt("unit_type"),
        unitPrice: of_receipt("unit_price").parse().unwrap(),
    };
    Case {
        name: text("name").to_owned(),
        chain_id: json["chain_id"].as_u64().unwrap(),
        minter: text("minter").parse().unwrap(),
        attester: Signer::from_secret(text("attester_private_key").parse().unwrap()).address(),
        digest: text("digest").parse().unwrap(),
        plain_signature: text("eip191_signature").parse().unwrap(),
        signed: SignedJobReceipt {
            receipt,
            minerSignature: text("miner_signature").parse().unwrap(),
            attesterSignatures: vec![text("attester_signature").parse().unwrap()],
        },
    }
}

/// A chain with the case's id and its minter at the case's address.
fn chain_of(case: &Case) -> Evm {
    let parameters = GenesisParameters {
        admin: ADMIN,
        attesters: vec![case.attester],
        attester_threshold: 1,
        epoch_seconds: 3_600,
        epoch_cap_atto: u128::MAX,
        max_unit_prices: vec![UnitPriceLimit {
            unit_type: case.signed.receipt.unitType.clone(),
            max_unit_price_atto: u128::MAX,
        }],
    };
    let deployments = [
        ("AIToken", AI_TOKEN_ADDRESS, token_creation_code(case.minter)),
        ("AITokenMinter", case.minter, minter_creation_code(AI_TOKEN_ADDRESS, &parameters)),
    ];
    let mut evm = Evm::empty(case.chain_id);
    for (contract_name, address, creation_code) in deployments {
        evm.construct(&Deployment { contract_name, address, creation_code }).unwrap();
    }
    evm
}

fn amount(case: &Case) -> U256 {
    case.signed.receipt.units * case.signed.receipt.unitPrice / U256::from(1_000_000)
}

#[test]
fn the_contract_computes_the_digest_of_every_vector() {
    for case in cases() {
        let call = AITokenMinter::receiptDigestCall { receipt: case.signed.receipt.clone() };
        let digest = chain_of(&case).send(RELAYER, case.minter, &call).unwrap().value;
        assert_eq!(digest, case.digest, "{}", case.name);
    }
}

#[test]
fn every_vector_mints_its_amount() {
    for case in cases() {
        let mut evm = chain_of(&case);
        let mined = evm.send(RELAYER, case.minter, &mint(&case.signed)).unwrap();
        assert_eq!(mined.value, amount(&case), "{}", case.name);
        assert_eq!(evm.read_token(&AIToken::totalSupplyCall {}), amount(&case), "{}", case.name);
    }
}

#[test]
fn the_plain_signature_of_every_vector_mints_at_the_plain_price() {
    for case in cases() {
        let mut evm = chain_of(&case);
        let price = AITokenMinter::setPlainUnitPriceCall { plainUnitPrice_: 1_000_000 };
        evm.send(ADMIN, case.minter, &price).unwrap();
        let receipt = &case.signed.receipt;
        let call = MintPlainCall {
            provider: receipt.provider,
            units: receipt.units,
            receiptHash: receipt.receiptHash,
            attesterSignature: case.plain_signature.clone(),
        };
        assert_eq!(evm.send(RELAYER, case.minter, &call).unwrap().value, receipt.units, "{}", case.name);
    }
}

#[test]
fn a_vector_is_void_on_another_chain() {
    for case in cases() {
        let elsewhere = Case { chain_id: case.chain_id + 1, ..case };
        let refused = chain_of(&elsewhere).send(RELAYER, elsewhere.minter, &mint(&elsewhere.signed)).unwrap_err();
        let AITokenMinter::AITokenMinterErrors::InvalidMinerSignature(error) = refused.minter() else {
            panic!("{refused:?}")
        };
        assert_eq!(error.receiptHash, elsewhere.signed.receipt.receiptHash, "{}", elsewhere.name);
    }
}
