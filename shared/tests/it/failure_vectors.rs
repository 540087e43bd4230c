//! `tests/vectors/job_failure.json`, computed by ethers (`contracts/failure_vectors.mjs`): canonical bytes, hashes, digests
//! and signatures of failure records and checkpoints, and records that do not hold.

use serde::Deserialize;
use shared::commitment::Salt;
use shared::digest::Sha256Digest;
use shared::failure::{FailedTry, FailureVerifyError, JobFailure, SignedFailure};
use shared::job::task::TaskRole;
use shared::log::{Checkpoint, SignedCheckpoint};
use shared::signing::PrivateKey;
use shared::typed_data::TypedData as _;
use shared::{B256, Bytes};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    cases: Vec<Valid>,
    refused: Vec<Refused>,
    checkpoints: Vec<Signed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Valid {
    name: String,
    failure: JobFailure,
    canonical: String,
    failure_hash: B256,
    hub_private_key: B256,
    digest: B256,
    hub_signature: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    failure: JobFailure,
    failure_hash: B256,
    hub_signature: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    name: String,
    checkpoint: Checkpoint,
    hub_private_key: B256,
    digest: B256,
    signature: Bytes,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/job_failure.json")).unwrap()
}

#[test]
fn records_have_the_bytes_the_hash_and_the_signature_that_ethers_computes() {
    for case in vectors().cases {
        let Valid { name, failure, .. } = case;
        let key = PrivateKey::from_bytes(&case.hub_private_key.0).unwrap();
        assert_eq!(failure.canonical_json().unwrap(), case.canonical, "{name}");
        assert_eq!(failure.claim().unwrap().digest(&failure.domain()), case.digest, "{name}");
        let sealed = SignedFailure::seal(failure, &key).unwrap();
        assert_eq!((sealed.failure_hash, &sealed.hub_signature), (case.failure_hash, &case.hub_signature), "{name}");
        sealed.verify().unwrap();
    }
}

#[test]
fn a_record_that_was_altered_or_signed_by_another_does_not_hold() {
    for Refused { name, failure, failure_hash, hub_signature } in vectors().refused {
        let error = SignedFailure { failure, failure_hash, hub_signature }.verify().unwrap_err();
        let is_hash = matches!(error, FailureVerifyError::Hash { .. });
        assert_eq!(is_hash, name.contains("under the old hash"), "{name}: {error}");
    }
}

#[test]
fn checkpoints_have_the_signature_that_ethers_computes_and_no_other() {
    for case in vectors().checkpoints {
        let key = PrivateKey::from_bytes(&case.hub_private_key.0).unwrap();
        let Signed { name, checkpoint, signature, .. } = case;
        assert_eq!(checkpoint.digest(&checkpoint.domain()), case.digest, "{name}");
        assert_eq!(key.sign(&checkpoint, &checkpoint.domain()).unwrap(), signature, "{name}");
        let signed = SignedCheckpoint { checkpoint, hub: key.address(), signature };
        signed.verify().unwrap();
        let mut of_another_size = signed.clone();
        of_another_size.checkpoint.size += 1;
        assert!(of_another_size.verify().is_err(), "{name}");
        let mut of_another_hub = signed;
        of_another_hub.checkpoint.hub_id.push('x');
        assert!(of_another_hub.verify().is_err(), "{name}");
    }
}

#[test]
fn words_about_a_private_job_are_sealed_as_another_implementation_seals_them() {
    let failure = vectors().cases.remove(1).failure;
    let (words, salt) = ("no room for: a secret prompt", Salt(B256::repeat_byte(0x73)));
    assert_eq!(failure.tries[0].reason_commitment, Some(salt.commit_reason(Sha256Digest::of(words.as_bytes()))));
    let one = FailedTry { reason_commitment: None, ..failure.tries[0].clone() };
    assert_eq!(one.clone().because(words, false, salt), failure.tries[0]);
    let open = one.because(words, true, salt);
    assert_eq!((open.reason.as_deref(), open.reason_commitment), (Some(words), None));
    assert_eq!(open.task_role, TaskRole::Serve);
    assert!(!failure.canonical_json().unwrap().contains("secret"));
}
