use alloy_consensus::{Header, ReceiptEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};

use crate::error::ProofError;
use crate::inclusion::verify_receipt;
use crate::step::{KnownBlock, ProofStep, committed, decode};
use crate::validators::{Validator, ValidatorSet};

/// Most steps of one proof. A step is needed only where validators with a third of the power came or went since the one before.
pub const MAX_PROOF_STEPS: usize = 256;

/// That a transaction had this receipt, in a block that the validators of a chain decided. It is proved in three stages,
/// each of which needs the one before: [`ReceiptProof::chain`], [`ReceiptProof::block`], [`ReceiptProof::receipt`].
///
/// In JSON its names are camel case, its numbers hexadecimal texts, and its bytes are hexadecimal, as Ethereum's
/// JSON-RPC has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiptProof {
    /// EIP-155 chain id.
    #[serde(with = "alloy_serde::quantity")]
    pub chain_id: u64,
    /// RLP of the header of block 0. Its hash names the chain.
    pub genesis_header: Bytes,
    /// Those who decide the first block, as block 0 commits to them.
    pub validators: Vec<Validator>,
    /// From block 0 to the block that has the transaction, which is the last: at least one, at most [`MAX_PROOF_STEPS`].
    pub steps: Vec<ProofStep>,
    /// The transaction's place in its block, from 0.
    #[serde(with = "alloy_serde::quantity")]
    pub transaction_index: u64,
    /// The receipt as `receiptsRoot` commits to it (EIP-2718).
    pub receipt: Bytes,
    /// Nodes of the trie under `receiptsRoot`, root first.
    pub receipt_proof: Vec<Bytes>,
}

/// A chain by its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedChain {
    /// The hash of block 0. A reader who knows another one for this chain was given a proof of another chain.
    pub genesis_hash: B256,
    /// Those who decide its first block.
    pub validators: ValidatorSet,
}

/// A block of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedBlock {
    /// What the block commits to.
    pub header: Header,
    /// How many signatures its certificate has.
    pub signers: usize,
    /// Those who decided it.
    pub validators: ValidatorSet,
}

impl ProvedChain {
    /// The block to which steps lead from block 0 of the chain with this id.
    ///
    /// # Errors
    /// [`ProofError`] naming the step that does not follow from the one before.
    pub fn follow(&self, chain_id: u64, steps: &[ProofStep]) -> Result<ProvedBlock, ProofError> {
        if steps.len() > MAX_PROOF_STEPS {
            return Err(ProofError::TooManySteps(steps.len()));
        }
        let mut known = KnownBlock { hash: self.genesis_hash, number: 0, validators: self.validators.clone() };
        let mut proved = None;
        for step in steps {
            let (header, block) = step.follow(chain_id, &known)?;
            proved = Some((header, step.certificate.signatures.len()));
            known = block;
        }
        let (header, signers) = proved.ok_or(ProofError::NoSteps)?;
        Ok(ProvedBlock { header, signers, validators: known.validators })
    }
}

impl ReceiptProof {
    /// Which chain this is a proof of, and who decides its first block.
    ///
    /// # Errors
    /// [`ProofError`] where block 0 does not commit to these validators.
    pub fn chain(&self) -> Result<ProvedChain, ProofError> {
        let header = decode("block 0", &self.genesis_header)?;
        if header.number != 0 || header.parent_hash != B256::ZERO {
            return Err(ProofError::NotBlockZero(header.number));
        }
        let validators = committed(self.chain_id, &header, &self.validators)?;
        Ok(ProvedChain { genesis_hash: keccak256(&self.genesis_header), validators })
    }

    /// The block, which stands on `chain`.
    ///
    /// # Errors
    /// [`ProofError`] naming the step that does not follow from the one before.
    pub fn block(&self, chain: &ProvedChain) -> Result<ProvedBlock, ProofError> {
        chain.follow(self.chain_id, &self.steps)
    }

    /// The receipt, which the block with this header commits to.
    ///
    /// # Errors
    /// [`ProofError::NotInBlock`] or [`ProofError::Receipt`].
    pub fn receipt(&self, header: &Header) -> Result<ReceiptEnvelope, ProofError> {
        let transaction_index = self.transaction_index;
        verify_receipt(header.receipts_root, transaction_index, &self.receipt, &self.receipt_proof)
            .map_err(|error| ProofError::NotInBlock { transaction_index, reason: error.to_string() })?;
        ReceiptEnvelope::decode_2718_exact(&self.receipt)
            .map_err(|error| ProofError::Receipt { transaction_index, reason: error.to_string() })
    }
}
