//! The proof that the chain took a receipt: what it shows, and which lies it does not.

use alloy_consensus::{Header, Receipt, ReceiptEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Bytes, FixedBytes, Log, U256, keccak256};
use alloy_sol_types::SolValue as _;
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

/// What the receipt is worth: a micro-unit at 1 AIT.
const AMOUNT_ATTO: u128 = 1_000_000_000_000;
const MINTED: &str = "Minted(address,uint256,bytes32)";
const SETTLED: &str = "Settled(bytes32,address,address,bytes16,uint256,uint256)";

/// An account as an event names it.
fn word(byte: u8) -> B256 {
    Address::repeat_byte(byte).into_word()
}

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
    proof_with(chain_id, emitter, (event, topics, data_of(event, AMOUNT_ATTO, 0)))
}

/// What the events say beside their topics.
fn data_of(event: &str, paid: u128, fee: u128) -> Bytes {
    match event {
        SETTLED => {
            let job_id = FixedBytes::<16>::from(JobId::from_random(1).to_be_bytes());
            (job_id, U256::from(paid), U256::from(fee)).abi_encode().into()
        }
        _ => U256::from(paid).abi_encode().into(),
    }
}

/// The same with other data.
fn proof_with(chain_id: u64, emitter: Address, (event, topics, data): (&str, &[B256], Bytes)) -> ReceiptProof {
    let key = ValidatorKey::new(SigningKey::from_slice(&[9; 32]).unwrap());
    let set = ValidatorSet::single(key.address());
    let topics = [&[keccak256(event)], topics].concat();
    let log = Log::new_unchecked(emitter, topics, data);
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
    let (provider, client) = (word(1), word(2));
    let minted = receipt(MINTER_ADDRESS);
    let of_minted = proof(DEV_CHAIN_ID, MINTER_ADDRESS, MINTED, &[provider, minted.receipt_hash]);
    assert_eq!(outcome(&minted, &of_minted), HOLDS);
    let settled = receipt(ESCROW_ADDRESS);
    let of_settled = proof(DEV_CHAIN_ID, ESCROW_ADDRESS, SETTLED, &[settled.receipt_hash, provider, client]);
    assert_eq!(outcome(&settled, &of_settled), HOLDS);
}

#[test]
fn an_event_of_another_contract_kind_or_receipt_proves_nothing() {
    let signed = receipt(MINTER_ADDRESS);
    let (provider, hash) = (word(1), signed.receipt_hash);
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

/// The lie: an attester has its own miner paid for a receipt with the same hash.
#[test]
fn an_event_with_the_hash_for_somebody_else_or_of_another_amount_proves_nothing() {
    let (minted, settled) = (receipt(MINTER_ADDRESS), receipt(ESCROW_ADDRESS));
    let of_minter = |provider: u8, amount: u128| {
        let topics = [word(provider), minted.receipt_hash];
        proof_with(DEV_CHAIN_ID, MINTER_ADDRESS, (MINTED, &topics, data_of(MINTED, amount, 0)))
    };
    let of_escrow = |provider: u8, client: u8, paid: u128, fee: u128| {
        let topics = [settled.receipt_hash, word(provider), word(client)];
        proof_with(DEV_CHAIN_ID, ESCROW_ADDRESS, (SETTLED, &topics, data_of(SETTLED, paid, fee)))
    };
    let unproved = [HOLDS[0], HOLDS[1], (CheckName::Event, Some(false))];
    for wrong in [of_minter(3, AMOUNT_ATTO), of_minter(1, AMOUNT_ATTO - 1), of_minter(1, 0)] {
        assert_eq!(outcome(&minted, &wrong), unproved);
    }
    assert_eq!(outcome(&settled, &of_escrow(1, 2, AMOUNT_ATTO - 5, 5)), HOLDS, "the fee is a part of it");
    for wrong in [of_escrow(3, 2, AMOUNT_ATTO, 0), of_escrow(1, 3, AMOUNT_ATTO, 0), of_escrow(1, 2, AMOUNT_ATTO, 5)] {
        assert_eq!(outcome(&settled, &wrong), unproved);
    }
}

#[test]
fn a_contract_of_the_receipts_own_choice_pays_nothing() {
    let own = Address::repeat_byte(7);
    let signed = receipt(own);
    let lie = proof(DEV_CHAIN_ID, own, MINTED, &[word(1), signed.receipt_hash]);
    assert_eq!(outcome(&signed, &lie), [HOLDS[0], HOLDS[1], (CheckName::Event, Some(false))]);
}

#[test]
fn the_checks_end_with_the_first_that_does_not_hold() {
    let signed = receipt(MINTER_ADDRESS);
    let topics = [word(1), signed.receipt_hash];
    let other_chain = proof(1, MINTER_ADDRESS, MINTED, &topics);
    assert_eq!(outcome(&signed, &other_chain), [(CheckName::Validators, Some(false))]);
    let mut unsigned = proof(DEV_CHAIN_ID, MINTER_ADDRESS, MINTED, &topics);
    unsigned.steps[0].certificate.signatures.clear();
    assert_eq!(outcome(&signed, &unsigned), [HOLDS[0], (CheckName::Final, Some(false))]);
}
