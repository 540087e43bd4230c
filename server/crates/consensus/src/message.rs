//! What validators send each other, as values and as bytes: one byte that names the kind, then RLP.

use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use chain::{Block, MAX_VALIDATORS, ReceivedBlock, check_count};
use malachite_types::{NilOrVal, PolkaSignature, Round, RoundCertificateType, RoundSignature, VoteType};

use crate::context::{
    BlockId, Height, PolkaCertificate, Proposal, RoundCertificate, SignedProposal, SignedVote, ValidatorAddress, Vote,
    VoteSignature,
};
use crate::error::MessageError;

/// Most bytes of one message: several times what the gas of a block can pay for.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;
/// Most bytes of transactions in one message of gossip.
pub const MAX_GOSSIP_BYTES: usize = 1024 * 1024;
/// Most transactions in one message of gossip.
pub const MAX_GOSSIP_TRANSACTIONS: usize = 1_024;
/// Most bytes of a certificate: a prevote and a precommit of each validator, of 126 bytes each, and what they are about.
const MAX_CERTIFICATE_BYTES: usize = 2 * MAX_VALIDATORS * 126 + 128;

/// What one validator tells another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A block is proposed.
    Proposal {
        /// The offer.
        proposal: SignedProposal,
        /// The block that it names.
        block: Box<Block>,
    },
    /// A vote.
    Vote(SignedVote),
    /// A quorum has prevoted for a block.
    Polka(PolkaCertificate),
    /// A round can be left or skipped.
    Round(RoundCertificate),
    /// The height of the sender's head.
    Status(u64),
    /// Asks for decided blocks from a height on.
    Request(u64),
    /// A decided block, of which no signature has been looked at.
    Decided(Box<ReceivedBlock>),
    /// Signed transactions that wait for a block.
    Transactions(Vec<Bytes>),
}

#[derive(RlpEncodable, RlpDecodable)]
pub(crate) struct EncodedVote {
    kind: u8,
    height: u64,
    round: u32,
    block: B256,
    validator: Address,
    signature: VoteSignature,
}

#[derive(RlpEncodable, RlpDecodable)]
pub(crate) struct EncodedProposal {
    height: u64,
    round: u32,
    block: B256,
    valid_round_plus_one: u64,
    proposer: Address,
    signature: VoteSignature,
}

/// A certificate: votes of one height and round, each with its kind and block.
#[derive(RlpEncodable, RlpDecodable)]
pub(crate) struct EncodedVotes {
    kind: u8,
    height: u64,
    round: u32,
    block: B256,
    votes: Vec<EncodedSignature>,
}

#[derive(RlpEncodable, RlpDecodable)]
struct EncodedSignature {
    kind: u8,
    block: B256,
    validator: Address,
    signature: VoteSignature,
}

const PROPOSAL: u8 = 1;
const VOTE: u8 = 2;
const POLKA: u8 = 3;
const ROUND: u8 = 4;
const STATUS: u8 = 5;
const REQUEST: u8 = 6;
const DECIDED: u8 = 7;
const TRANSACTIONS: u8 = 8;

impl Message {
    /// The bytes of the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Proposal { proposal, block } => {
                bytes.push(PROPOSAL);
                EncodedProposal::from(proposal).encode(&mut bytes);
                bytes.extend(block.encode());
            }
            Self::Vote(vote) => {
                bytes.push(VOTE);
                EncodedVote::from(vote).encode(&mut bytes);
            }
            Self::Polka(certificate) => {
                bytes.push(POLKA);
                EncodedVotes::from(certificate).encode(&mut bytes);
            }
            Self::Round(certificate) => {
                bytes.push(ROUND);
                EncodedVotes::from(certificate).encode(&mut bytes);
            }
            Self::Status(head) => {
                bytes.push(STATUS);
                head.encode(&mut bytes);
            }
            Self::Request(from) => {
                bytes.push(REQUEST);
                from.encode(&mut bytes);
            }
            Self::Decided(decided) => {
                bytes.push(DECIDED);
                bytes.extend(decided.encode());
            }
            Self::Transactions(transactions) => {
                bytes.push(TRANSACTIONS);
                transactions.encode(&mut bytes);
            }
        }
        bytes
    }

    /// Reads a message of the chain `chain_id`. Whether its signatures hold is left to the one who uses it.
    ///
    /// # Errors
    /// [`MessageError`] naming what is wrong.
    pub fn decode(bytes: &[u8], chain_id: u64) -> Result<Self, MessageError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong { given: bytes.len() });
        }
        let (&kind, mut rest) = bytes.split_first().ok_or_else(|| malformed("no bytes"))?;
        let rest = &mut rest;
        let message = match kind {
            PROPOSAL => {
                let proposal = EncodedProposal::decode(rest)?.try_into()?;
                Self::Proposal { proposal, block: Box::new(Block::decode(rest, chain_id)?) }
            }
            VOTE => Self::Vote(EncodedVote::decode(rest)?.try_into()?),
            POLKA => Self::Polka(decode_votes(rest)?.try_into()?),
            ROUND => Self::Round(decode_votes(rest)?.try_into()?),
            STATUS => Self::Status(u64::decode(rest)?),
            REQUEST => Self::Request(u64::decode(rest)?),
            DECIDED => Self::Decided(Box::new(ReceivedBlock::decode(rest)?)),
            TRANSACTIONS => Self::Transactions(decode_transactions(rest)?),
            unknown => return Err(MessageError::UnknownKind(unknown)),
        };
        if rest.is_empty() { Ok(message) } else { Err(malformed("bytes are left over")) }
    }
}

fn decode_transactions(rest: &mut &[u8]) -> Result<Vec<Bytes>, MessageError> {
    if rest.len() > 2 * MAX_GOSSIP_BYTES {
        return Err(MessageError::Malformed(format!("{} bytes of transactions", rest.len())));
    }
    // Before anything is decoded: an empty transaction is one byte here, and many times as many in memory.
    check_count(rest, "transactions", MAX_GOSSIP_TRANSACTIONS).map_err(MessageError::Malformed)?;
    Ok(Vec::decode(rest)?)
}

fn decode_votes(rest: &mut &[u8]) -> Result<EncodedVotes, MessageError> {
    if rest.len() > MAX_CERTIFICATE_BYTES {
        let given = rest.len();
        return Err(MessageError::Malformed(format!(
            "a certificate of {given} bytes, at most {MAX_CERTIFICATE_BYTES}"
        )));
    }
    Ok(EncodedVotes::decode(rest)?)
}

fn malformed(reason: &str) -> MessageError {
    MessageError::Malformed(reason.to_owned())
}

/// A vote's kind in two bits: precommit or prevote, and whether it names a block.
fn kind_byte(kind: VoteType, block: NilOrVal<BlockId>) -> (u8, B256) {
    let precommit = u8::from(kind == VoteType::Precommit);
    match block {
        NilOrVal::Nil => (precommit, B256::ZERO),
        NilOrVal::Val(block) => (precommit | 2, block.0),
    }
}

fn from_kind_byte(kind: u8, block: B256) -> Result<(VoteType, NilOrVal<BlockId>), MessageError> {
    let vote_type = if kind & 1 == 1 { VoteType::Precommit } else { VoteType::Prevote };
    match kind {
        0 | 1 if block.is_zero() => Ok((vote_type, NilOrVal::Nil)),
        2 | 3 => Ok((vote_type, NilOrVal::Val(BlockId(block)))),
        _ => Err(MessageError::Malformed(format!("{kind} with block {block} is no kind of vote"))),
    }
}

fn round_number(round: Round) -> u32 {
    round.as_u32().unwrap_or_default()
}

impl From<&SignedVote> for EncodedVote {
    fn from(vote: &SignedVote) -> Self {
        let (kind, block) = kind_byte(vote.kind, vote.block);
        let (height, round) = (vote.height.0, round_number(vote.round));
        Self { kind, height, round, block, validator: vote.validator.0, signature: vote.signature }
    }
}

impl TryFrom<EncodedVote> for SignedVote {
    type Error = MessageError;

    fn try_from(vote: EncodedVote) -> Result<Self, MessageError> {
        let (kind, block) = from_kind_byte(vote.kind, vote.block)?;
        let (height, round) = (Height(vote.height), Round::new(vote.round));
        let message = Vote { kind, height, round, block, validator: ValidatorAddress(vote.validator) };
        Ok(Self::new(message, vote.signature))
    }
}

impl From<&SignedProposal> for EncodedProposal {
    fn from(proposal: &SignedProposal) -> Self {
        Self {
            height: proposal.height.0,
            round: round_number(proposal.round),
            block: proposal.block.0,
            valid_round_plus_one: proposal.valid_round.as_u32().map_or(0, |round| u64::from(round) + 1),
            proposer: proposal.proposer.0,
            signature: proposal.signature,
        }
    }
}

impl TryFrom<EncodedProposal> for SignedProposal {
    type Error = MessageError;

    fn try_from(proposal: EncodedProposal) -> Result<Self, MessageError> {
        let valid_round = match proposal.valid_round_plus_one.checked_sub(1) {
            None => Round::Nil,
            Some(round) => Round::new(u32::try_from(round).map_err(|_| malformed("a round above the largest"))?),
        };
        let message = Proposal {
            height: Height(proposal.height),
            round: Round::new(proposal.round),
            block: BlockId(proposal.block),
            valid_round,
            proposer: ValidatorAddress(proposal.proposer),
        };
        Ok(Self::new(message, proposal.signature))
    }
}

impl From<&PolkaCertificate> for EncodedVotes {
    fn from(certificate: &PolkaCertificate) -> Self {
        let (kind, block) = kind_byte(VoteType::Prevote, NilOrVal::Val(certificate.value_id));
        let votes = certificate.polka_signatures.iter().map(|vote| EncodedSignature {
            kind,
            block,
            validator: vote.address.0,
            signature: vote.signature,
        });
        let (height, round) = (certificate.height.0, round_number(certificate.round));
        Self { kind, height, round, block, votes: votes.collect() }
    }
}

impl TryFrom<EncodedVotes> for PolkaCertificate {
    type Error = MessageError;

    fn try_from(encoded: EncodedVotes) -> Result<Self, MessageError> {
        let (height, round, value_id) = (Height(encoded.height), Round::new(encoded.round), BlockId(encoded.block));
        let votes = bounded(encoded.votes)?.into_iter();
        let polka_signatures =
            votes.map(|vote| PolkaSignature::new(ValidatorAddress(vote.validator), vote.signature)).collect();
        Ok(Self { height, round, value_id, polka_signatures })
    }
}

const SKIP: u8 = 0;
const PRECOMMIT: u8 = 1;

impl From<&RoundCertificate> for EncodedVotes {
    fn from(certificate: &RoundCertificate) -> Self {
        let votes = certificate.round_signatures.iter().map(|vote| {
            let (kind, block) = kind_byte(vote.vote_type, vote.value_id);
            EncodedSignature { kind, block, validator: vote.address.0, signature: vote.signature }
        });
        let kind = match certificate.cert_type {
            RoundCertificateType::Skip => SKIP,
            RoundCertificateType::Precommit => PRECOMMIT,
        };
        let (height, round) = (certificate.height.0, round_number(certificate.round));
        Self { kind, height, round, block: B256::ZERO, votes: votes.collect() }
    }
}

impl TryFrom<EncodedVotes> for RoundCertificate {
    type Error = MessageError;

    fn try_from(encoded: EncodedVotes) -> Result<Self, MessageError> {
        let cert_type = match encoded.kind {
            SKIP => RoundCertificateType::Skip,
            PRECOMMIT => RoundCertificateType::Precommit,
            _ => return Err(malformed("no kind of round certificate")),
        };
        let signature = |vote: EncodedSignature| {
            let (kind, block) = from_kind_byte(vote.kind, vote.block)?;
            Ok(RoundSignature::new(kind, block, ValidatorAddress(vote.validator), vote.signature))
        };
        let round_signatures =
            bounded(encoded.votes)?.into_iter().map(signature).collect::<Result<_, MessageError>>()?;
        let (height, round) = (Height(encoded.height), Round::new(encoded.round));
        Ok(Self { height, round, cert_type, round_signatures })
    }
}

/// A certificate has at most one prevote and one precommit of each validator.
fn bounded(votes: Vec<EncodedSignature>) -> Result<Vec<EncodedSignature>, MessageError> {
    match votes.len() {
        given if given > 2 * MAX_VALIDATORS => Err(MessageError::Malformed(format!("{given} votes in a certificate"))),
        _ => Ok(votes),
    }
}
