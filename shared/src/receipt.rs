//! The job receipt: the one document that turns served work into AIT.
//!
//! Its canonical form is RFC 8785 JSON (keys sorted, no blanks, UTF-8); `receipt_hash` is keccak256 of those bytes.
//! Sums and units are decimal strings, since they outgrow the 2^53 that RFC 8785 can carry as a number. What miner and
//! hub sign is the smaller struct of [`crate::typed_data`], which contains the hash.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};

use crate::amount::{Amount, MicroUnits};
use crate::digest::{PromptHash, Sha256Digest};
use crate::id::JobId;
use crate::time::UnixSeconds;
use crate::typed_data::{ReceiptClaim, SigningDomain};

/// What one unit of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnitType {
    /// One picture, whatever its size.
    Image,
    /// One million pixels taken through one denoising step.
    MegapixelStep,
    /// One token of a text model, read or written.
    Token,
    /// One second of exclusive use of a device, up to a ceiling agreed before.
    GpuSecond,
}

impl UnitType {
    /// The text in receipts, in the signed struct and in the minter's price ceilings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::MegapixelStep => "megapixel_step",
            Self::Token => "token",
            Self::GpuSecond => "gpu_second",
        }
    }
}

impl fmt::Display for UnitType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Everything a miner claims about one served job (spec §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct JobReceipt {
    pub job_id: JobId,
    /// Who served the job and is paid.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub provider: Address,
    /// Who asked for it; the hub's own address where the hub sponsored it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    pub units: MicroUnits,
    pub unit_type: UnitType,
    /// AttoAIT per whole unit.
    pub unit_price: Amount,
    pub model: String,
    pub prompt_hash: PromptHash,
    pub artifact_sha256: Sha256Digest,
    pub started_at: UnixSeconds,
    pub finished_at: UnixSeconds,
    /// 32 bytes that the miner drew at random, so that equal work has distinct receipts.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: B256,
    pub hub_id: String,
    pub chain_id: u64,
    /// Model hash, engine and version, provider, instruction set and number type: equal classes draw equal bits.
    pub determinism_class: String,
    /// Merkle root over the latents of each step, where the miner committed to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub trace_root: Option<B256>,
    /// Who did how much, where several miners served one job.
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
    Canonical(#[from] serde_json::Error),
    #[error("units × unit_price is below 2^128 attoAIT, got {units} × {unit_price}")]
    Overflow { units: MicroUnits, unit_price: Amount },
}

impl JobReceipt {
    /// The RFC 8785 form whose hash is signed.
    pub fn canonical_json(&self) -> Result<String, ReceiptError> {
        Ok(serde_jcs::to_string(self)?)
    }

    /// keccak256 of the canonical bytes.
    pub fn hash(&self) -> Result<B256, ReceiptError> {
        Ok(keccak256(self.canonical_json()?))
    }

    /// The part that is signed and that the minter sees.
    pub fn claim(&self) -> Result<ReceiptClaim, ReceiptError> {
        Ok(ReceiptClaim {
            receipt_hash: self.hash()?,
            provider: self.provider,
            units: self.units,
            unit_type: self.unit_type,
            unit_price: self.unit_price,
        })
    }

    /// AIT that the receipt mints.
    pub fn amount(&self) -> Result<Amount, ReceiptError> {
        let Self { units, unit_price, .. } = *self;
        unit_price.times(units).ok_or(ReceiptError::Overflow { units, unit_price })
    }
}

/// A receipt with both signatures: what an auditor is handed and `aitbc receipt verify` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedReceipt {
    pub receipt: JobReceipt,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    /// The EIP-712 verifying contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub minter: Address,
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

impl SignedReceipt {
    pub fn domain(&self) -> SigningDomain {
        SigningDomain { chain_id: self.receipt.chain_id, verifying_contract: self.minter }
    }
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
    /// Checks hash and signatures. It does not know which attesters a chain trusts, nor whether the receipt was minted.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let claim = self.receipt.claim()?;
        if claim.receipt_hash != self.receipt_hash {
            return Err(VerifyError::Hash { stated: self.receipt_hash, computed: claim.receipt_hash });
        }
        let digest = claim.digest(&self.domain());
        let signer = crate::signing::recover(digest, &self.miner_signature).map_err(VerifyError::MinerSignature)?;
        if signer != self.receipt.provider {
            return Err(VerifyError::NotTheProvider { signer, provider: self.receipt.provider });
        }
        self.attestations.iter().enumerate().try_for_each(|(index, attestation)| attestation.verify(index, digest))?;
        if self.attestations.is_empty() { Err(VerifyError::Unattested) } else { Ok(()) }
    }
}

#[cfg(feature = "signing")]
impl Attestation {
    fn verify(&self, index: usize, digest: B256) -> Result<(), VerifyError> {
        let signer = crate::signing::recover(digest, &self.signature)
            .map_err(|source| VerifyError::Attestation { index, source })?;
        if signer == self.attester {
            Ok(())
        } else {
            Err(VerifyError::NotTheAttester { index, signer, attester: self.attester })
        }
    }
}
