//! Checks a receipt without trust in its sender: hash and signers are computed here.

use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{Log, U256};
use alloy_sol_types::SolEvent as _;
use finality::ProofError;
pub use finality::ReceiptProof;
use shared::chain::{ESCROW_ADDRESS, MINTER_ADDRESS};
use shared::receipt::{Attestation, SignedReceipt};
use shared::signing::recover_digest;
use shared::typed_data::TypedData as _;
use shared::{Address, B256};

use self::events::{Minted, Settled};
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

/// The checks of the proof that the contract took the receipt, in a block that cannot be replaced. Each needs the one
/// before, so they end with the first that does not hold.
pub fn check_proof(signed: &SignedReceipt, proof: &ReceiptProof) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Err((name, error)) = prove(signed, proof, &mut checks) {
        checks.push(Check { name, holds: Some(false), detail: error });
    }
    checks
}

fn prove(signed: &SignedReceipt, proof: &ReceiptProof, checks: &mut Vec<Check>) -> Result<(), (CheckName, String)> {
    let failed = |name| move |error: ProofError| (name, error.to_string());
    let chain = proof.chain().map_err(failed(CheckName::Validators))?;
    if proof.chain_id != signed.receipt.chain_id {
        let detail =
            format!("the proof is of chain {}, the receipt of chain {}", proof.chain_id, signed.receipt.chain_id);
        return Err((CheckName::Validators, detail));
    }
    checks.push(held(CheckName::Validators, format!("block 0 is {}", chain.genesis_hash)));
    let block = proof.block(&chain).map_err(failed(CheckName::Final))?;
    let (header, all) = (&block.header, block.validators.iter().len());
    checks.push(held(CheckName::Final, format!("{} of {all} signed block {}", block.signers, header.number)));
    let receipt = proof.receipt(header).map_err(failed(CheckName::Event))?;
    if !is_paid_by(signed, &receipt) {
        let detail = format!("{} logged nothing about this receipt in it", signed.receipt.contract);
        return Err((CheckName::Event, detail));
    }
    checks.push(held(CheckName::Event, format!("block {}, transaction {}", header.number, proof.transaction_index)));
    Ok(())
}

fn held(name: CheckName, detail: String) -> Check {
    Check { name, holds: Some(true), detail }
}

/// What the paying contracts tell.
mod events {
    alloy_sol_types::sol! {
        event Minted(address indexed provider, uint256 amount, bytes32 indexed receiptHash);
        event Settled(bytes32 indexed receiptHash, address indexed provider, address indexed client, bytes16 jobId, uint256 paid, uint256 fee);
    }
}

/// Whether the receipt's contract says in one of the transaction's events that it took the receipt: `Minted` of the
/// minter, `Settled` of the escrow, for the receipt's miner and of its amount. Nothing binds a receipt's hash to its other
/// terms, so the hash alone may be that of something else.
/// No event of another contract counts: anybody can make one that says anything.
pub fn is_paid_by(signed: &SignedReceipt, transaction: &ReceiptEnvelope) -> bool {
    let contract = signed.receipt.contract;
    let (Ok(claim), Ok(amount)) = (signed.receipt.claim(), signed.receipt.amount()) else { return false };
    let amount = U256::from(amount.atto());
    let is_minted = |log: &Log| {
        Minted::decode_log(log).is_ok_and(|event| {
            (event.receiptHash, event.provider, event.amount) == (signed.receipt_hash, claim.provider, amount)
        })
    };
    let is_settled = |log: &Log| {
        Settled::decode_log(log).is_ok_and(|event| {
            (event.receiptHash, event.provider, event.client, event.jobId)
                == (signed.receipt_hash, claim.provider, claim.client, claim.job_id_bytes())
                && event.paid.checked_add(event.fee) == Some(amount)
        })
    };
    transaction.logs().iter().filter(|log| log.address == contract).any(|log| match contract {
        MINTER_ADDRESS => is_minted(log),
        ESCROW_ADDRESS => is_settled(log),
        _ => false,
    })
}

/// Whether the receipt's contract is one that pays: the chain has one minter and one escrow.
pub fn is_known_contract(contract: Address) -> bool {
    [MINTER_ADDRESS, ESCROW_ADDRESS].contains(&contract)
}

#[cfg(test)]
mod tests {
    use shared::amount::{Amount, MicroUnits};
    use shared::chain::DEV_CHAIN_ID;
    use shared::commitment::Salt;
    use shared::digest::{PromptHash, Sha256Digest};
    use shared::id::JobId;
    use shared::job::task::TaskRole;
    use shared::receipt::{JobReceipt, ReceiptVersion};
    use shared::signing::PrivateKey;
    use shared::time::UnixSeconds;
    use shared::unit::UnitType;

    use super::*;

    const SALT: Salt = Salt(B256::repeat_byte(0x73));

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
            prompt_commitment: SALT.commit_prompt(PromptHash::of("a lake")),
            result_commitment: SALT.commit_result(Sha256Digest::of(b"picture")),
            started_at: UnixSeconds(1),
            finished_at: UnixSeconds(2),
            expires_at: UnixSeconds(3),
            nonce: B256::repeat_byte(3),
            hub_id: "hub".into(),
            chain_id: DEV_CHAIN_ID,
            contract: MINTER_ADDRESS,
            determinism_class: "test".into(),
            trace_commitment: None,
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
