//! The job receipt: the one document that turns served work into AIT.
//!
//! Its canonical form is RFC 8785 JSON (keys sorted, no blanks, UTF-8); `receipt_hash` is keccak256 of those bytes.
//! Sums and units are decimal strings, since they outgrow the 2^53 that RFC 8785 can carry as a number. What miner and
//! hub sign is the smaller [`ReceiptClaim`], which contains the hash and what the paying contract must know.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::amount::{Amount, MicroUnits};
use crate::canonical::CanonicalError;
#[cfg(feature = "signing")]
use crate::canonical::canonical_json;
use crate::commitment::Commitment;
use crate::id::JobId;
use crate::job::task::TaskRole;
use crate::time::{UnixMillis, UnixSeconds};
use crate::typed_data::{SigningDomain, TypedData};
use crate::unit::UnitType;

/// So long after its job's deadline a receipt can be paid: long enough for a contract that is paused or at its cap, and
/// short enough that what was never handed in ends.
pub const LIFE_SECONDS: u64 = 30 * 86_400;

/// When the receipts of a job expire.
pub const fn expires_at(job_deadline: UnixMillis) -> UnixSeconds {
    UnixSeconds(job_deadline.seconds().0.saturating_add(LIFE_SECONDS))
}

/// The version of the format, which every receipt states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReceiptVersion;

impl ReceiptVersion {
    pub const NUMBER: u32 = 3;
}

impl Serialize for ReceiptVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for ReceiptVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(de::Error::custom(format!("a receipt's version is {}, got {other}", Self::NUMBER))),
        }
    }
}

/// Everything a miner claims about one task that it served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JobReceipt {
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub version: ReceiptVersion,
    pub job_id: JobId,
    /// What the task did for its job.
    pub task_role: TaskRole,
    /// Who did the work and is paid.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    /// The account that asked for the job; the hub's own address for a sponsored job.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    pub units: MicroUnits,
    pub unit_type: UnitType,
    /// AttoAIT per whole unit.
    pub unit_price: Amount,
    pub model: String,
    /// [`crate::commitment`]: of the prompt, the conversation or the texts.
    pub prompt_commitment: Commitment,
    /// Of the result's files.
    pub result_commitment: Commitment,
    pub started_at: UnixSeconds,
    pub finished_at: UnixSeconds,
    /// The last second at which `contract` pays.
    pub expires_at: UnixSeconds,
    /// 32 bytes that the miner drew at random, so that equal work has distinct receipts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: B256,
    pub hub_id: String,
    pub chain_id: u64,
    /// The contract that pays: the EIP-712 verifying contract. The signatures are void for any other.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
    /// Model hash, engine and version, provider, instruction set and number type: equal classes draw equal bits.
    pub determinism_class: String,
    /// Of the Merkle root over the latents of each step, where the miner committed to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_commitment: Option<Commitment>,
    /// The units of each miner, where several miners served one job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
}

/// One miner's part of a job that several served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Share {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    pub units: MicroUnits,
}

/// A receipt that has no canonical form or no price.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    #[error("the receipt has no canonical form: {0}")]
    Canonical(#[from] CanonicalError),
    #[error("units × unit_price is below 2^128 attoAIT, got {units} × {unit_price}")]
    Overflow { units: MicroUnits, unit_price: Amount },
}

impl JobReceipt {
    /// The RFC 8785 form whose hash is signed.
    ///
    /// # Errors
    /// A number that this form cannot carry.
    #[cfg(feature = "signing")]
    pub fn canonical_json(&self) -> Result<String, CanonicalError> {
        canonical_json(self)
    }

    /// keccak256 of the canonical bytes.
    #[cfg(feature = "signing")]
    pub fn hash(&self) -> Result<B256, ReceiptError> {
        Ok(keccak256(self.canonical_json()?))
    }

    /// The part that is signed and that the paying contract sees.
    #[cfg(feature = "signing")]
    pub fn claim(&self) -> Result<ReceiptClaim, ReceiptError> {
        Ok(ReceiptClaim {
            receipt_hash: self.hash()?,
            job_id: self.job_id,
            task_role: self.task_role,
            provider: self.provider,
            client: self.client,
            units: self.units,
            unit_type: self.unit_type,
            unit_price: self.unit_price,
            expires_at: self.expires_at,
        })
    }

    /// By what the minter's register knows the receipt: the EIP-712 hash of what was signed.
    #[cfg(feature = "signing")]
    pub fn struct_hash(&self) -> Result<B256, ReceiptError> {
        Ok(self.claim()?.struct_hash())
    }

    /// Where the signatures count: for the contract that pays, on its chain.
    pub const fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }

    /// Whether its contract pays no more.
    pub const fn is_expired(&self, now: UnixSeconds) -> bool {
        now.0 > self.expires_at.0
    }

    /// AIT that the receipt is worth.
    pub fn amount(&self) -> Result<Amount, ReceiptError> {
        let Self { units, unit_price, .. } = *self;
        unit_price.times(units).ok_or(ReceiptError::Overflow { units, unit_price })
    }
}

/// The part of a receipt that miner and hub sign and the paying contract checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptClaim {
    pub receipt_hash: B256,
    pub job_id: JobId,
    pub task_role: TaskRole,
    pub provider: Address,
    pub client: Address,
    pub units: MicroUnits,
    pub unit_type: UnitType,
    pub unit_price: Amount,
    pub expires_at: UnixSeconds,
}

impl ReceiptClaim {
    /// The job's 128 bits as the contracts take them.
    pub fn job_id_bytes(&self) -> FixedBytes<16> {
        self.job_id.to_be_bytes().into()
    }
}

impl TypedData for ReceiptClaim {
    /// `contracts/solidity/libraries/JobReceipts.sol` holds the same text.
    const TYPE: &'static str = "JobReceipt(bytes32 receiptHash,bytes16 jobId,string taskRole,address provider,\
        address client,uint256 units,string unitType,uint256 unitPrice,uint64 expiresAt)";

    fn encode_data(&self) -> Vec<B256> {
        vec![
            self.receipt_hash,
            B256::right_padding_from(self.job_id_bytes().as_slice()),
            keccak256(self.task_role.to_string()),
            self.provider.into_word(),
            self.client.into_word(),
            U256::from(self.units.0).into(),
            keccak256(self.unit_type.as_str()),
            U256::from(self.unit_price.atto()).into(),
            U256::from(self.expires_at.0).into(),
        ]
    }
}

/// What attesters sign to take back what a receipt minted, while the minter holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidReceipt {
    pub receipt_hash: B256,
    /// Why, for everybody to read.
    pub reason: String,
}

impl TypedData for VoidReceipt {
    /// `contracts/solidity/libraries/JobReceipts.sol` holds the same text.
    const TYPE: &'static str = "VoidReceipt(bytes32 receiptHash,string reason)";

    fn encode_data(&self) -> Vec<B256> {
        vec![self.receipt_hash, keccak256(&self.reason)]
    }
}

/// A receipt with both signatures: the form that auditors get and `aitbc receipt verify` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedReceipt {
    pub receipt: JobReceipt,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner_signature: Bytes,
    pub attestations: Vec<Attestation>,
}

/// A hub's signature over the same struct as the miner's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub attester: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// What is wrong with a signed receipt.
#[cfg(feature = "signing")]
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error("receipt_hash is {stated}, but the canonical receipt hashes to {computed}")]
    Hash { stated: B256, computed: B256 },
    #[error("miner_signature: {0}")]
    MinerSignature(crate::signing::SignatureError),
    #[error("the miner's signature is by {signer}, but the provider is {provider}")]
    NotTheProvider { signer: Address, provider: Address },
    #[error("attestations[{index}]: {source}")]
    Attestation { index: usize, source: crate::signing::SignatureError },
    #[error("attestations[{index}] is by {signer}, but names {attester}")]
    NotTheAttester { index: usize, signer: Address, attester: Address },
    #[error("the receipt carries no attestation")]
    Unattested,
}

#[cfg(feature = "signing")]
impl SignedReceipt {
    /// Checks hash and signatures. It does not know which attesters a contract trusts, nor whether the receipt was paid
    /// or expired before.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let claim = self.receipt.claim()?;
        if claim.receipt_hash != self.receipt_hash {
            return Err(VerifyError::Hash { stated: self.receipt_hash, computed: claim.receipt_hash });
        }
        verify_claim(&claim, &self.receipt.domain(), &self.miner_signature, &self.attestations)
    }
}

/// Checks who signed a claim. It needs no more of the receipt than what was signed.
#[cfg(feature = "signing")]
pub fn verify_claim(
    claim: &ReceiptClaim,
    domain: &SigningDomain,
    miner_signature: &[u8],
    attestations: &[Attestation],
) -> Result<(), VerifyError> {
    let (digest, provider) = (claim.digest(domain), claim.provider);
    let signer = crate::signing::recover_digest(digest, miner_signature).map_err(VerifyError::MinerSignature)?;
    if signer != provider {
        return Err(VerifyError::NotTheProvider { signer, provider });
    }
    attestations.iter().enumerate().try_for_each(|(index, attestation)| attestation.verify(index, digest))?;
    if attestations.is_empty() { Err(VerifyError::Unattested) } else { Ok(()) }
}

#[cfg(feature = "signing")]
impl Attestation {
    fn verify(&self, index: usize, digest: B256) -> Result<(), VerifyError> {
        let signer = crate::signing::recover_digest(digest, &self.signature)
            .map_err(|source| VerifyError::Attestation { index, source })?;
        if signer == self.attester {
            Ok(())
        } else {
            Err(VerifyError::NotTheAttester { index, signer, attester: self.attester })
        }
    }
}
