//! Checks a receipt without trust in its sender: hash and signers are computed here.

use shared::receipt::{Attestation, SignedReceipt};
use shared::signing::recover_digest;
use shared::typed_data::TypedData as _;
use shared::{Address, B256};

use crate::protocol::{Check, CheckName};

/// The checks that need no network, each with what was computed.
pub fn check(signed: &SignedReceipt) -> Vec<Check> {
    let claim = match signed.receipt.claim() {
        Ok(claim) => claim,
        Err(error) => return vec![Check { name: CheckName::Hash, holds: Some(false), detail: error.to_string() }],
    };
    let digest = claim.digest(&signed.receipt.domain());
    let hash = Check {
        name: CheckName::Hash,
        holds: Some(claim.receipt_hash == signed.receipt_hash),
        detail: claim.receipt_hash.to_string(),
    };
    let miner = signer(CheckName::MinerSignature, digest, &signed.miner_signature, signed.receipt.provider);
    let mut checks = vec![hash, miner];
    checks.extend(
        signed
            .attestations
            .iter()
            .map(|Attestation { attester, signature }| signer(CheckName::Attestation, digest, signature, *attester)),
    );
    if signed.attestations.is_empty() {
        let detail = "the receipt carries no attestation".to_owned();
        checks.push(Check { name: CheckName::Attestation, holds: Some(false), detail });
    }
    checks
}

fn signer(name: CheckName, digest: B256, signature: &[u8], expected: Address) -> Check {
    match recover_digest(digest, signature) {
        Ok(found) => Check { name, holds: Some(found == expected), detail: found.to_string() },
        Err(error) => Check { name, holds: Some(false), detail: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use shared::amount::{Amount, MicroUnits};
    use shared::chain::{DEV_CHAIN_ID, MINTER_ADDRESS};
    use shared::digest::{PromptHash, Sha256Digest};
    use shared::id::JobId;
    use shared::job::task::TaskRole;
    use shared::receipt::{JobReceipt, ReceiptVersion};
    use shared::signing::PrivateKey;
    use shared::time::UnixSeconds;
    use shared::unit::UnitType;

    use super::*;

    fn signed() -> SignedReceipt {
        let miner = PrivateKey::from_bytes(&[1; 32]).unwrap();
        let hub = PrivateKey::from_bytes(&[2; 32]).unwrap();
        let receipt = JobReceipt {
            version: ReceiptVersion,
            job_id: JobId::from_random(1),
            task_role: TaskRole::Serve,
            provider: miner.address(),
            client: hub.address(),
            units: MicroUnits(2_097_152),
            unit_type: UnitType::MegapixelStep,
            unit_price: Amount::from_ait(1),
            model: "scenes".into(),
            prompt_hash: PromptHash::of("a lake"),
            artifact_sha256: Sha256Digest::of(b"picture"),
            started_at: UnixSeconds(1),
            finished_at: UnixSeconds(2),
            expires_at: UnixSeconds(3),
            nonce: B256::repeat_byte(3),
            hub_id: "hub".into(),
            chain_id: DEV_CHAIN_ID,
            contract: MINTER_ADDRESS,
            determinism_class: "test".into(),
            trace_root: None,
            shares: Vec::new(),
        };
        let mut signed = SignedReceipt {
            receipt_hash: receipt.hash().unwrap(),
            receipt,
            miner_signature: Default::default(),
            attestations: Vec::new(),
        };
        let (claim, domain) = (signed.receipt.claim().unwrap(), signed.receipt.domain());
        signed.miner_signature = miner.sign(&claim, &domain).unwrap();
        let signature = hub.sign(&claim, &domain).unwrap();
        signed.attestations = vec![Attestation { attester: hub.address(), signature }];
        signed
    }

    fn outcome(signed: &SignedReceipt) -> Vec<bool> {
        check(signed).iter().map(|check| check.holds == Some(true)).collect()
    }

    #[test]
    fn a_sound_receipt_holds() {
        assert_eq!(outcome(&signed()), [true, true, true]);
    }

    #[test]
    fn one_changed_field_breaks_hash_and_signatures() {
        let mut forged = signed();
        forged.receipt.units = MicroUnits(4_194_304);
        assert_eq!(outcome(&forged), [false, false, false]);
    }

    #[test]
    fn a_receipt_for_another_contract_or_without_attestation_fails() {
        let mut moved = signed();
        moved.receipt.contract = Address::repeat_byte(9);
        moved.receipt_hash = moved.receipt.hash().unwrap();
        assert_eq!(outcome(&moved), [true, false, false]);
        let mut unattested = signed();
        unattested.attestations.clear();
        assert_eq!(outcome(&unattested), [true, true, false]);
    }
}
