//! Entries of the log as bytes: one byte that names the kind, then RLP.

use alloy_primitives::{Address, B256};
use alloy_rlp::{Decodable as _, Encodable as _, RlpDecodable, RlpEncodable};
use chain::Block;
use malachite_consensus::{Input, ProposedValue};
use malachite_types::{Round, Timeout, TimeoutKind, Validity};

use crate::context::{BlockId, ChainContext, Height, PolkaCertificate, SignedProposal, SignedVote, ValidatorAddress};
use crate::error::MessageError;
use crate::message::{EncodedProposal, EncodedVote, EncodedVotes};

const VOTE: u8 = 1;
const PROPOSAL: u8 = 2;
const TIMEOUT: u8 = 3;
const VALUE: u8 = 4;
const POLKA: u8 = 5;
const BLOCK: u8 = 6;

const PROPOSE: u8 = 1;
const PREVOTE: u8 = 2;
const PRECOMMIT: u8 = 3;

/// What is logged.
#[derive(Debug)]
pub(crate) enum Entry {
    /// An input of the rules.
    Input(Box<Input<ChainContext>>),
    /// A block, before the first input that names it.
    Block(Box<Block>),
}

#[derive(RlpEncodable, RlpDecodable)]
struct EncodedTimeout {
    kind: u8,
    round: u32,
}

#[derive(RlpEncodable, RlpDecodable)]
struct EncodedValue {
    height: u64,
    round: u32,
    valid_round_plus_one: u64,
    proposer: Address,
    block: B256,
    is_valid: bool,
}

impl Entry {
    /// The bytes of a block.
    pub(crate) fn encode_block(block: &Block) -> Vec<u8> {
        let mut bytes = vec![BLOCK];
        bytes.extend(block.encode());
        bytes
    }

    /// The bytes of an input; `None` for one that is not logged.
    pub(crate) fn encode_input(input: &Input<ChainContext>) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match input {
            Input::Vote(vote) => {
                bytes.push(VOTE);
                EncodedVote::from(vote).encode(&mut bytes);
            }
            Input::Proposal(proposal) => {
                bytes.push(PROPOSAL);
                EncodedProposal::from(proposal).encode(&mut bytes);
            }
            Input::TimeoutElapsed(timeout) => {
                let kind = match timeout.kind {
                    TimeoutKind::Propose => PROPOSE,
                    TimeoutKind::Prevote => PREVOTE,
                    TimeoutKind::Precommit => PRECOMMIT,
                    TimeoutKind::Rebroadcast | TimeoutKind::FinalizeHeight(_) => return None,
                };
                bytes.push(TIMEOUT);
                EncodedTimeout { kind, round: timeout.round.as_u32()? }.encode(&mut bytes);
            }
            Input::ProposedValue(value, _) => {
                bytes.push(VALUE);
                EncodedValue {
                    height: value.height.0,
                    round: value.round.as_u32()?,
                    valid_round_plus_one: value.valid_round.as_u32().map_or(0, |round| u64::from(round) + 1),
                    proposer: value.proposer.0,
                    block: value.value.0,
                    is_valid: value.validity.is_valid(),
                }
                .encode(&mut bytes);
            }
            Input::PolkaCertificate(certificate) => {
                bytes.push(POLKA);
                EncodedVotes::from(certificate).encode(&mut bytes);
            }
            Input::StartHeight(..) | Input::Propose(_) | Input::RoundCertificate(_) | Input::SyncValueResponse(_) => {
                return None;
            }
        }
        Some(bytes)
    }

    /// Reads an entry back.
    pub(crate) fn decode(bytes: &[u8], chain_id: u64) -> Result<Self, MessageError> {
        let (&kind, mut rest) =
            bytes.split_first().ok_or_else(|| MessageError::Malformed("an empty entry".to_owned()))?;
        let rest = &mut rest;
        let input = match kind {
            BLOCK => return Ok(Self::Block(Box::new(Block::decode(rest, chain_id)?))),
            VOTE => Input::Vote(SignedVote::try_from(EncodedVote::decode(rest)?)?),
            PROPOSAL => Input::Proposal(SignedProposal::try_from(EncodedProposal::decode(rest)?)?),
            TIMEOUT => Input::TimeoutElapsed(EncodedTimeout::decode(rest)?.try_into()?),
            VALUE => Input::ProposedValue(EncodedValue::decode(rest)?.into(), malachite_types::ValueOrigin::Consensus),
            POLKA => Input::PolkaCertificate(PolkaCertificate::try_from(EncodedVotes::decode(rest)?)?),
            unknown => return Err(MessageError::UnknownKind(unknown)),
        };
        Ok(Self::Input(Box::new(input)))
    }
}

impl TryFrom<EncodedTimeout> for Timeout {
    type Error = MessageError;

    fn try_from(EncodedTimeout { kind, round }: EncodedTimeout) -> Result<Self, MessageError> {
        let kind = match kind {
            PROPOSE => TimeoutKind::Propose,
            PREVOTE => TimeoutKind::Prevote,
            PRECOMMIT => TimeoutKind::Precommit,
            unknown => return Err(MessageError::UnknownKind(unknown)),
        };
        Ok(Self::new(Round::new(round), kind))
    }
}

impl From<EncodedValue> for ProposedValue<ChainContext> {
    fn from(value: EncodedValue) -> Self {
        let valid_round = value.valid_round_plus_one.checked_sub(1).and_then(|round| u32::try_from(round).ok());
        Self {
            height: Height(value.height),
            round: Round::new(value.round),
            valid_round: Round::from(valid_round),
            proposer: ValidatorAddress(value.proposer),
            value: BlockId(value.block),
            validity: Validity::from_bool(value.is_valid),
        }
    }
}
