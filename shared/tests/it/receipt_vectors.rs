//! `tests/vectors/job_receipt.json`, computed by ethers (`contracts/vectors.mjs`): canonical bytes, hash, digest and
//! signatures of receipts that are paid, and receipts that are refused for what they were signed for.

use serde::Deserialize;
use shared::commitment::{Commitment, Salt};
use shared::digest::{PromptHash, Sha256Digest};
use shared::id::JobId;
use shared::receipt::{Attestation, JobReceipt, ReceiptClaim, SignedReceipt, VoidReceipt};
use shared::signing::{PrivateKey, recover};
use shared::time::{UnixMillis, UnixSeconds};
use shared::typed_data::{SigningDomain, TypedData as _};
use shared::{Address, B256, Bytes, receipt};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    cases: Vec<Payable>,
    refused: Vec<Refused>,
    voids: Vec<Voided>,
    commitments: Vec<Sealed>,
}

/// A prompt (kind 1) or the one file of a result (kind 2), sealed with a salt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    name: String,
    kind: u8,
    salt: Salt,
    content: String,
    commitment: Commitment,
}

/// An attester's word that a receipt is to be voided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Voided {
    name: String,
    receipt_hash: B256,
    reason: String,
    chain_id: u64,
    contract: Address,
    attester_private_key: B256,
    digest: B256,
    attester_signature: Bytes,
}

/// A receipt that its contract pays until its last second.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payable {
    name: String,
    receipt: JobReceipt,
    canonical: String,
    receipt_hash: B256,
    miner_private_key: B256,
    attester_private_key: B256,
    provider: Address,
    attester: Address,
    digest: B256,
    miner_signature: Bytes,
    attester_signature: Bytes,
}

/// A receipt with signatures for something else, or too late, as it is shown to a contract.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    refusal: String,
    receipt: JobReceipt,
    receipt_hash: B256,
    shown_to: Viewer,
    attester: Address,
    miner_signature: Bytes,
    attester_signature: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Viewer {
    chain_id: u64,
    contract: Address,
    now: UnixSeconds,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/job_receipt.json")).unwrap()
}

impl Payable {
    fn signed(&self) -> SignedReceipt {
        SignedReceipt {
            receipt: self.receipt.clone(),
            receipt_hash: self.receipt_hash,
            miner_signature: self.miner_signature.clone(),
            attestations: vec![Attestation { attester: self.attester, signature: self.attester_signature.clone() }],
        }
    }
}

#[test]
fn receipts_match_the_vectors() {
    for case in vectors().cases {
        let Payable { name, receipt, .. } = &case;
        assert_eq!(receipt.canonical_json().unwrap(), case.canonical, "{name}");
        assert_eq!(&serde_json::from_str::<JobReceipt>(&case.canonical).unwrap(), receipt, "{name}");
        let claim = receipt.claim().unwrap();
        assert_eq!(claim.receipt_hash, case.receipt_hash, "{name}");
        assert_eq!(claim.digest(&receipt.domain()), case.digest, "{name}");
        for (secret, address, signature) in [
            (case.miner_private_key, case.provider, &case.miner_signature),
            (case.attester_private_key, case.attester, &case.attester_signature),
        ] {
            let key = PrivateKey::from_bytes(&secret).unwrap();
            assert_eq!(key.address(), address, "{name}");
            // Both sides sign deterministically (RFC 6979), so the bytes agree too.
            assert_eq!(&key.sign(&claim, &receipt.domain()).unwrap(), signature, "{name}");
            assert_eq!(recover(&claim, &receipt.domain(), signature), Ok(address), "{name}");
        }
        case.signed().verify().unwrap();
        assert!(!receipt.is_expired(receipt.expires_at), "{name} is paid in its last second");
        assert!(receipt.is_expired(UnixSeconds(receipt.expires_at.0 + 1)), "{name}");
    }
}

#[test]
fn commitments_match_the_vectors() {
    let sealed = vectors().commitments;
    assert!(sealed.iter().any(|case| case.kind == 1) && sealed.iter().any(|case| case.kind == 2));
    for case in sealed {
        let computed = match case.kind {
            1 => case.salt.commit_prompt(PromptHash::of(&case.content)),
            _ => case.salt.commit_result(Sha256Digest::of_artifacts([case.content.as_bytes()])),
        };
        assert_eq!(computed, case.commitment, "{}", case.name);
    }
}

#[test]
fn voids_match_the_vectors() {
    let voids = vectors().voids;
    assert!(voids.len() >= 3, "too few vectors: {}", voids.len());
    for case in voids {
        let void = VoidReceipt { receipt_hash: case.receipt_hash, reason: case.reason };
        let domain = SigningDomain::of_contract(case.chain_id, case.contract);
        assert_eq!(void.digest(&domain), case.digest, "{}", case.name);
        let key = PrivateKey::from_bytes(&case.attester_private_key).unwrap();
        assert_eq!(key.sign(&void, &domain).unwrap(), case.attester_signature, "{}", case.name);
    }
}

/// Why the contract refuses what it is shown: it knows the claim and its own domain, not the receipt.
fn refusal(shown: &Refused) -> Option<&'static str> {
    let Refused { receipt, receipt_hash, shown_to, miner_signature, .. } = shown;
    if receipt.is_expired(shown_to.now) {
        return Some("expired");
    }
    let claim = ReceiptClaim { receipt_hash: *receipt_hash, ..receipt.claim().unwrap() };
    let domain = SigningDomain::of_contract(shown_to.chain_id, shown_to.contract);
    (recover(&claim, &domain, miner_signature) != Ok(receipt.provider)).then_some("miner_signature")
}

#[test]
fn a_receipt_that_was_signed_for_something_else_or_expired_is_refused() {
    let refused = vectors().refused;
    assert!(refused.len() >= 10, "too few vectors: {}", refused.len());
    for shown in &refused {
        assert_eq!(refusal(shown), Some(shown.refusal.as_str()), "{}", shown.name);
    }
}

#[test]
fn a_receipt_altered_after_signing_does_not_verify() {
    for shown in vectors().refused {
        let attestation = Attestation { attester: shown.attester, signature: shown.attester_signature };
        let signed = SignedReceipt {
            receipt: shown.receipt,
            receipt_hash: shown.receipt_hash,
            miner_signature: shown.miner_signature,
            attestations: vec![attestation],
        };
        // One that is unaltered holds, but for another contract, another chain or an earlier time.
        let is_unaltered = signed.receipt.hash().unwrap() == signed.receipt_hash;
        assert_eq!(signed.verify().is_ok(), is_unaltered, "{}", shown.name);
    }
}

#[test]
fn every_version_but_this_one_is_refused() {
    let receipt = serde_json::to_value(&vectors().cases[0].receipt).unwrap();
    for version in [serde_json::json!(2), serde_json::json!(4), serde_json::json!("3"), serde_json::Value::Null] {
        let mut other = receipt.clone();
        other["version"] = version;
        assert!(serde_json::from_value::<JobReceipt>(other).is_err());
    }
    let mut without = receipt;
    without.as_object_mut().unwrap().remove("version");
    assert!(serde_json::from_value::<JobReceipt>(without).unwrap_err().to_string().contains("version"));
}

#[test]
fn a_receipt_expires_thirty_days_after_its_jobs_deadline() {
    assert_eq!(receipt::expires_at(UnixMillis(1_999)), UnixSeconds(1 + 30 * 86_400));
    assert_eq!(receipt::expires_at(UnixMillis(u64::MAX)).0, u64::MAX / 1000 + 30 * 86_400);
    let claim = vectors().cases[0].receipt.claim().unwrap();
    assert_eq!(claim.job_id_bytes().0, JobId::to_be_bytes(claim.job_id));
}
