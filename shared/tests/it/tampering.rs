//! Nothing of a signed receipt can be changed without notice.

use proptest::prelude::*;
use shared::canonical::WHOLE_NUMBER_MAX;
use shared::receipt::{Attestation, JobReceipt, SignedReceipt};
use shared::signing::{PrivateKey, SignatureError, recover_digest};
use shared::time::UnixSeconds;
use shared::{Address, B256};

fn signed() -> SignedReceipt {
    let vectors = include_str!("../vectors/job_receipt.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    let receipt: JobReceipt = serde_json::from_value(vectors["cases"][0]["receipt"].clone()).unwrap();
    let [miner, attester] = [0x11, 0x22].map(|byte| PrivateKey::from_bytes(&[byte; 32]).unwrap());
    let claim = receipt.claim().unwrap();
    let mut signed = SignedReceipt {
        receipt,
        receipt_hash: claim.receipt_hash,
        miner_signature: Default::default(),
        attestations: Vec::new(),
    };
    let domain = signed.receipt.domain();
    signed.miner_signature = miner.sign(&claim, &domain).unwrap();
    let signature = attester.sign(&claim, &domain).unwrap();
    signed.attestations = vec![Attestation { attester: attester.address(), signature }];
    signed
}

#[test]
fn a_receipt_as_signed_verifies() {
    signed().verify().unwrap();
}

#[test]
fn a_number_that_the_canonical_form_would_round_is_refused() {
    let with = |finished_at: u64| JobReceipt { finished_at: UnixSeconds(finished_at), ..signed().receipt };
    assert!(with(WHOLE_NUMBER_MAX).hash().is_ok());
    for number in [WHOLE_NUMBER_MAX + 1, u64::MAX] {
        let error = with(number).claim().unwrap_err().to_string();
        assert!(error.contains(&format!("finished_at is at most {WHOLE_NUMBER_MAX} in size, got {number}")), "{error}");
    }
}

#[test]
fn every_changed_field_is_noticed() {
    let original = serde_json::to_value(signed()).unwrap();
    let fields: Vec<String> = original["receipt"].as_object().unwrap().keys().cloned().collect();
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/job_receipt.json")).unwrap();
    let mut changed_fields = 0;
    for other in vectors["cases"].as_array().unwrap() {
        for field in &fields {
            let mut changed = original.clone();
            changed["receipt"][field] = other["receipt"][field].clone();
            if changed["receipt"] != original["receipt"] {
                let changed: SignedReceipt = serde_json::from_value(changed).unwrap();
                assert!(changed.verify().is_err(), "a changed {field} passed");
                changed_fields += 1;
            }
        }
    }
    assert!(changed_fields >= 9, "the vectors differ in too few fields: {changed_fields}");
}

#[test]
fn an_unattested_receipt_and_a_strangers_signature_fail() {
    let mut unattested = signed();
    unattested.attestations.clear();
    assert!(unattested.verify().is_err());
    let mut other_contract = signed();
    other_contract.receipt.contract = Address::repeat_byte(1);
    other_contract.receipt_hash = other_contract.receipt.hash().unwrap();
    assert!(other_contract.verify().is_err());
    let mut swapped = signed();
    swapped.miner_signature = swapped.attestations[0].signature.clone();
    assert!(swapped.verify().is_err());
}

#[test]
fn unknown_fields_are_refused() {
    let mut value = serde_json::to_value(signed().receipt).unwrap();
    value["bonus"] = serde_json::json!(1);
    assert!(serde_json::from_value::<JobReceipt>(value).is_err());
}

#[test]
fn refuses_the_malleable_twin_of_a_signature() {
    let digest = B256::repeat_byte(7);
    let signature = PrivateKey::from_bytes(&[3; 32]).unwrap().sign_digest(digest).unwrap();
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order = shared::U256::from_str_radix(order, 16).unwrap();
    let twin_s = order - shared::U256::from_be_slice(&signature[32..64]);
    let mut twin = signature.to_vec();
    twin[32..64].copy_from_slice(&twin_s.to_be_bytes::<32>());
    twin[64] = 27 + 28 - twin[64];
    assert_eq!(recover_digest(digest, &twin), Err(SignatureError::Malleable));
}

proptest! {
    #[test]
    fn only_the_signed_digest_recovers_the_signer(key in any::<[u8; 32]>(), digest: [u8; 32], other: [u8; 32]) {
        let Ok(key) = PrivateKey::from_bytes(&key) else { return Ok(()) };
        let signature = key.sign_digest(digest.into()).unwrap();
        prop_assert_eq!(recover_digest(digest.into(), &signature), Ok(key.address()));
        if digest != other {
            prop_assert_ne!(recover_digest(other.into(), &signature), Ok(key.address()));
        }
    }

    #[test]
    fn garbage_is_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Err(SignatureError::Length(length)) = recover_digest(B256::ZERO, &bytes) {
            prop_assert_ne!(length, 65);
        }
    }
}
