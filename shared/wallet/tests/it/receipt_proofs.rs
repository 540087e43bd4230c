//! The proof that the chain took a receipt: what it shows, and which lies it does not.

use alloy_consensus::{Header, Receipt, ReceiptEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Bytes, Log, keccak256};
use finality::{ProofStep, ReceiptProof, ValidatorKey, ValidatorSet, prove_receipt, validators_hash};
use k256::ecdsa::SigningKey;
use shared::amount::{Amount, MicroUnits};
use shared::chain::{DEV_CHAIN_ID, ESCROW_ADDRESS, MINTER_ADDRESS};
use shared::commitment::Commitment;
use shared::id::JobId;
use shared::job::task::TaskRole;
use shared::receipt::{JobReceipt, ReceiptVersion, SignedReceipt};
use shared::time::UnixSeconds;
use shared::unit::UnitType;
use shared::{Address, B256};
use wallet::protocol::CheckName;
use wallet::receipt_check::check_proof;

const MINTED: &str = "Minted(address,uint256,bytes32)";
const SETTLED: &str = "Settled(bytes32,address,address,bytes16,uint256,uint256)";

fn receipt(contract: Address) -> SignedReceipt {
    let receipt = JobReceipt {
        version: ReceiptVersion,
        job_id: JobId::from_random(1),
        task_role: TaskRole::Serve,
        provider: Address::repeat_byte(1),
        client: Address::repeat_byte(2),
        units: MicroUnits(1),
        unit_type: UnitType::Token,
        unit_price: Amount::from_ait(1),
        model: "tales".into(),
        prompt_commitment: Commitment(B256::repeat_byte(3)),
        result_commitment: Commitment(B256::repeat_byte(4)),
        started_at: UnixSeconds(1),
        finished_at: UnixSeconds(2),
        expires_at: UnixSeconds(3),
        nonce: B256::repeat_byte(5),
        hub_id: "hub".into(),
        chain_id: DEV_CHAIN_ID,
        contract,
        determinism_class: "test".into(),
        trace_commitment: None,
        shares: Vec::new(),
    };
    let receipt_hash = receipt.hash().unwrap();
    SignedReceipt { receipt, receipt_hash, miner_signature: Bytes::new(), attestations: Vec::new() }
}

/// The proof of a block whose only transaction logged this, at a chain of one validator.
fn proof(chain_id: u64, emitter: Address, event: &str, topics: &[B256]) -> ReceiptProof {
    let key = ValidatorKey::new(SigningKey::from_slice(&[9; 32]).unwrap());
    let set = ValidatorSet::single(key.address());
    let topics = [&[keccak256(event)], topics].concat();
    let log = Log::new_unchecked(emitter, topics, Bytes::new());
    let receipt = Receipt { status: true.into(), cumulative_gas_used: 21_000, logs: vec![log] }.with_bloom();
    let receipts = [ReceiptEnvelope::Eip1559(receipt).encoded_2718()];
    let extra_data: Bytes = validators_hash(chain_id, &set).into();
    let genesis = Bytes::from(alloy_rlp::encode(Header { extra_data: extra_data.clone(), ..Header::default() }));
    let receipts_root = alloy_trie::root::ordered_trie_root_encoded(&receipts);
    let parent_hash = keccak256(&genesis);
    let header = Header { number: 1, parent_hash, extra_data, receipts_root, ..Header::default() };
    let header = Bytes::from(alloy_rlp::encode(header));
    let certificate = key.decide_alone(chain_id, 1, keccak256(&header)).unwrap();
    let validators: Vec<_> = set.iter().collect();
    let step = ProofStep { parent_header: genesis.clone(), validators: validators.clone(), header, certificate };
    ReceiptProof {
        chain_id,
        genesis_header: genesis,
        validators,
        steps: vec![step],
        transaction_index: 0,
        receipt: receipts[0].clone().into(),
        receipt_proof: prove_receipt(&receipts, 0).unwrap(),
    }
}

/// Each check with its outcome.
fn outcome(signed: &SignedReceipt, proof: &ReceiptProof) -> Vec<(CheckName, Option<bool>)> {
    check_proof(signed, proof).into_iter().map(|check| (check.name, check.holds)).collect()
}

const HOLDS: [(CheckName, Option<bool>); 3] =
    [(CheckName::Validators, Some(true)), (CheckName::Final, Some(true)), (CheckName::Event, Some(true))];

#[test]
fn a_mint_and_a_payment_from_escrow_are_proved() {
    let provider = B256::repeat_byte(1);
    let minted = receipt(MINTER_ADDRESS);
    let of_minted = proof(DEV_CHAIN_ID, MINTER_ADDRESS, MINTED, &[provider, minted.receipt_hash]);
    assert_eq!(outcome(&minted, &of_minted), HOLDS);
    let settled = receipt(ESCROW_ADDRESS);
    let of_settled = proof(DEV_CHAIN_ID, ESCROW_ADDRESS, SETTLED, &[settled.receipt_hash, provider, provider]);
    assert_eq!(outcome(&settled, &of_settled), HOLDS);
}

#[test]
fn an_event_of_another_contract_kind_or_receipt_proves_nothing() {
    let signed = receipt(MINTER_ADDRESS);
    let (provider, hash) = (B256::repeat_byte(1), signed.receipt_hash);
    for wrong in [
        proof(DEV_CHAIN_ID, Address::repeat_byte(7), MINTED, &[provider, hash]),
        proof(DEV_CHAIN_ID, MINTER_ADDRESS, "Voided(address,uint256,bytes32,string)", &[provider, hash]),
        proof(DEV_CHAIN_ID, MINTER_ADDRESS, "ReceiptSkipped(bytes32)", &[hash]),
        proof(DEV_CHAIN_ID, MINTER_ADDRESS, MINTED, &[provider, B256::ZERO]),
        proof(DEV_CHAIN_ID, MINTER_ADDRESS, MINTED, &[hash, provider]),
        proof(DEV_CHAIN_ID, MINTER_ADDRESS, SETTLED, &[provider, hash]),
    ] {
        assert_eq!(outcome(&signed, &wrong), [HOLDS[0], HOLDS[1], (CheckName::Event, Some(false))]);
    }
}

#[test]
fn a_contract_of_the_receipts_own_choice_pays_nothing() {
    let own = Address::repeat_byte(7);
    let signed = receipt(own);
    let lie = proof(DEV_CHAIN_ID, own, MINTED, &[B256::repeat_byte(1), signed.receipt_hash]);
    assert_eq!(outcome(&signed, &lie), [HOLDS[0], HOLDS[1], (CheckName::Event, Some(false))]);
}

#[test]
fn the_checks_end_with_the_first_that_does_not_hold() {
    let signed = receipt(MINTER_ADDRESS);
    let topics = [B256::repeat_byte(1), signed.receipt_hash];
    let other_chain = proof(1, MINTER_ADDRESS, MINTED, &topics);
    assert_eq!(outcome(&signed, &other_chain), [(CheckName::Validators, Some(false))]);
    let mut unsigned = proof(DEV_CHAIN_ID, MINTER_ADDRESS, MINTED, &topics);
    unsigned.steps[0].certificate.signatures.clear();
    assert_eq!(outcome(&signed, &unsigned), [HOLDS[0], (CheckName::Final, Some(false))]);
}
