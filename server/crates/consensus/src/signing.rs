//! What validators sign: EIP-712 over secp256k1, each kind of statement with a type of its own, so that none can be
//! taken for another. A precommit for a block is the commit that a certificate of the chain holds.

use alloy_primitives::B256;
use alloy_sol_types::{SolStruct, sol};
use async_trait::async_trait;
use chain::{ValidatorKey, commit_digest, signer_of, validator_domain};
use malachite_consensus::ConsensusMsg;
use malachite_signing::{Error, VerificationResult, Verifier};
use malachite_types::{NilOrVal, Round, ValidatorProof, VoteExtensionScope, VoteType};

use crate::context::{ChainContext, Proposal, SignedProposal, SignedVote, ValidatorAddress, Vote, VoteSignature};

mod typed {
    use super::sol;

    sol! {
        struct Prevote {
            uint64 height;
            uint32 round;
            bytes32 blockHash;
        }
        struct NilPrevote {
            uint64 height;
            uint32 round;
        }
        struct NilCommit {
            uint64 height;
            uint32 round;
        }
        struct Proposal {
            uint64 height;
            uint32 round;
            bytes32 blockHash;
            // The round in which a quorum prevoted for the block, plus 1; 0 for none.
            uint64 validRoundPlusOne;
        }
    }
}

/// The key of this validator on one chain.
#[derive(Clone, Debug)]
pub struct Signer {
    key: ValidatorKey,
    chain_id: u64,
}

impl Signer {
    /// Takes a key for the chain `chain_id`.
    #[must_use]
    pub fn new(key: ValidatorKey, chain_id: u64) -> Self {
        Self { key, chain_id }
    }

    /// Whose key it is.
    #[must_use]
    pub fn address(&self) -> ValidatorAddress {
        ValidatorAddress(self.key.address())
    }

    /// The chain that it signs for.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Signs a vote; `None` if the key cannot sign.
    #[must_use]
    pub fn sign_vote(&self, vote: Vote) -> Option<SignedVote> {
        let signature = self.key.sign_digest(vote_digest(self.chain_id, &vote))?;
        Some(SignedVote::new(vote, signature))
    }

    /// Signs a proposal; `None` if the key cannot sign.
    #[must_use]
    pub fn sign_proposal(&self, proposal: Proposal) -> Option<SignedProposal> {
        let signature = self.key.sign_digest(proposal_digest(self.chain_id, &proposal))?;
        Some(SignedProposal::new(proposal, signature))
    }
}

/// The digest of a vote.
#[must_use]
pub fn vote_digest(chain_id: u64, vote: &Vote) -> B256 {
    let (height, round) = (vote.height.0, round_number(vote.round));
    match (vote.kind, vote.block) {
        (VoteType::Precommit, NilOrVal::Val(block)) => commit_digest(chain_id, height, round, block.0),
        (VoteType::Precommit, NilOrVal::Nil) => digest(chain_id, &typed::NilCommit { height, round }),
        (VoteType::Prevote, NilOrVal::Val(block)) => {
            digest(chain_id, &typed::Prevote { height, round, blockHash: block.0 })
        }
        (VoteType::Prevote, NilOrVal::Nil) => digest(chain_id, &typed::NilPrevote { height, round }),
    }
}

/// The digest of a proposal.
#[must_use]
pub fn proposal_digest(chain_id: u64, proposal: &Proposal) -> B256 {
    let valid_round = proposal.valid_round.as_u32().map_or(0, |round| u64::from(round) + 1);
    let typed = typed::Proposal {
        height: proposal.height.0,
        round: round_number(proposal.round),
        blockHash: proposal.block.0,
        validRoundPlusOne: valid_round,
    };
    digest(chain_id, &typed)
}

fn digest(chain_id: u64, typed: &impl SolStruct) -> B256 {
    typed.eip712_signing_hash(&validator_domain(chain_id))
}

/// Votes and proposals always name a round; a decoder refuses others.
fn round_number(round: Round) -> u32 {
    round.as_u32().unwrap_or_default()
}

/// Checks signatures of one chain's validators.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignatureCheck {
    pub(crate) chain_id: u64,
}

impl SignatureCheck {
    pub(crate) fn holds(
        self,
        message: &ConsensusMsg<ChainContext>,
        signature: &VoteSignature,
        signer: ValidatorAddress,
    ) -> bool {
        let digest = match message {
            ConsensusMsg::Vote(vote) => vote_digest(self.chain_id, vote),
            ConsensusMsg::Proposal(proposal) => proposal_digest(self.chain_id, proposal),
        };
        signer_of(digest, signature.as_slice()) == Some(signer.0)
    }

    pub(crate) fn vote_holds(self, vote: &SignedVote) -> bool {
        let digest = vote_digest(self.chain_id, &vote.message);
        signer_of(digest, vote.signature.as_slice()) == Some(vote.validator.0)
    }

    pub(crate) fn proposal_holds(self, proposal: &SignedProposal) -> bool {
        let digest = proposal_digest(self.chain_id, &proposal.message);
        signer_of(digest, proposal.signature.as_slice()) == Some(proposal.proposer.0)
    }
}

#[async_trait]
impl Verifier<ChainContext> for SignatureCheck {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &VoteSignature,
        signer: &ValidatorAddress,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.holds(&ConsensusMsg::Vote(vote.clone()), signature, *signer)))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &Proposal,
        signature: &VoteSignature,
        signer: &ValidatorAddress,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.holds(&ConsensusMsg::Proposal(proposal.clone()), signature, *signer)))
    }

    async fn verify_signed_vote_extension(
        &self,
        _: &VoteExtensionScope<ChainContext>,
        (): &(),
        _: &VoteSignature,
        _: &ValidatorAddress,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(&self, _: &ValidatorProof<ChainContext>) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }
}
