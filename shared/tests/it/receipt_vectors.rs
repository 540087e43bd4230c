//! `tests/vectors/job_receipt.json`: canonical bytes, hash, digests and signatures of three receipts.
//! `UPDATE_VECTORS=1 cargo test -p shared --all-features` writes the file anew, which is a change of format.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shared::amount::{Amount, MicroUnits};
use shared::digest::{PromptHash, Sha256Digest};
use shared::id::JobId;
use shared::receipt::{JobReceipt, Share, UnitType};
use shared::signing::{PrivateKey, recover};
use shared::time::UnixSeconds;
use shared::typed_data::SigningDomain;
use shared::{Address, B256, Bytes, chain};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    name: String,
    receipt: JobReceipt,
    canonical: String,
    receipt_hash: B256,
    chain_id: u64,
    minter: Address,
    miner_private_key: B256,
    attester_private_key: B256,
    provider: Address,
    attester: Address,
    digest: B256,
    miner_signature: Bytes,
    attester_signature: Bytes,
    eip191_digest: B256,
    eip191_signature: Bytes,
}

fn key(byte: u8) -> PrivateKey {
    PrivateKey::from_bytes(&[byte; 32]).unwrap()
}

fn receipt(provider: Address) -> JobReceipt {
    JobReceipt {
        job_id: JobId::from_random(0x0123_4567_89ab_cdef),
        provider,
        client: Address::repeat_byte(0xc1),
        units: MicroUnits(2_097_152),
        unit_type: UnitType::MegapixelStep,
        unit_price: Amount::from_atto(100_000_000_000_000_000),
        model: "aitbc-scenes-1".into(),
        prompt_hash: PromptHash::of("a city skyline at night"),
        artifact_sha256: Sha256Digest::of(b"picture"),
        started_at: UnixSeconds(1_800_000_000),
        finished_at: UnixSeconds(1_800_000_001),
        nonce: B256::repeat_byte(0x4e),
        hub_id: "dev-hub".into(),
        chain_id: chain::DEV_CHAIN_ID,
        determinism_class: "scenes-1/onnxruntime-1.31.1/cpu/x86-64-v3/fp32".into(),
        trace_root: None,
        shares: Vec::new(),
    }
}

fn case(name: &str, minter: Address, change: impl Fn(&mut JobReceipt)) -> Case {
    let (miner, attester) = (key(0x11), key(0x22));
    let mut receipt = receipt(miner.address());
    change(&mut receipt);
    let claim = receipt.claim().unwrap();
    let digest = claim.digest(&SigningDomain { chain_id: receipt.chain_id, verifying_contract: minter });
    let eip191_digest = claim.plain_digest();
    Case {
        name: name.into(),
        canonical: receipt.canonical_json().unwrap(),
        receipt_hash: claim.receipt_hash,
        chain_id: receipt.chain_id,
        minter,
        miner_private_key: miner.to_bytes().into(),
        attester_private_key: attester.to_bytes().into(),
        provider: miner.address(),
        attester: attester.address(),
        digest,
        miner_signature: miner.sign(digest).unwrap(),
        attester_signature: attester.sign(digest).unwrap(),
        eip191_digest,
        eip191_signature: attester.sign(eip191_digest).unwrap(),
        receipt,
    }
}

fn computed() -> Vectors {
    let widest = |receipt: &mut JobReceipt| {
        receipt.units = MicroUnits(u64::MAX);
        receipt.unit_price = Amount::from_atto(u128::from(u64::MAX));
        receipt.model = "naïve \"scenes\" \u{1f303}\u{2028}\t\u{1}".into();
        receipt.chain_id = 1;
    };
    let shared_out = |receipt: &mut JobReceipt| {
        receipt.unit_price = Amount::ZERO;
        receipt.unit_type = UnitType::Image;
        receipt.trace_root = Some(B256::repeat_byte(0x7a));
        receipt.shares = vec![Share { provider: receipt.provider, units: receipt.units }];
    };
    let cases = vec![
        case("a plain picture", chain::MINTER_ADDRESS, |_| ()),
        case("the widest numbers and awkward text, another chain and minter", Address::repeat_byte(0xab), widest),
        case("a free job with shares and a trace", chain::MINTER_ADDRESS, shared_out),
    ];
    Vectors { cases }
}

#[test]
fn receipts_match_the_vectors() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/job_receipt.json");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&computed()).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
    }
    let stored: Vectors = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(stored, computed());
    for case in &stored.cases {
        assert_eq!(recover(case.digest, &case.miner_signature), Ok(case.provider), "{}", case.name);
        assert_eq!(recover(case.digest, &case.attester_signature), Ok(case.attester), "{}", case.name);
        let read_again: JobReceipt = serde_json::from_str(&case.canonical).unwrap();
        assert_eq!(read_again, case.receipt, "{}", case.name);
    }
}
