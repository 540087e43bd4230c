//! What the rules of agreement speak of, in this chain's terms: heights, validators, votes and proposals.
//!
//! A value that is voted on is the hash of a block. Blocks travel beside the proposals that name them.

use core::fmt;

use alloy_primitives::{Address, B256, FixedBytes};
use chain::ValidatorSet;
use chain::rules::MAX_TOTAL_VOTING_POWER;
use malachite_types::{
    Context, LinearTimeouts, NilOrVal, Round, SignedExtension, SigningScheme, VoteType, VotingPower,
};

/// r ‖ s ‖ v, as `ecrecover` takes it.
pub type VoteSignature = FixedBytes<65>;

/// A vote with its signature.
pub type SignedVote = malachite_types::SignedVote<ChainContext>;
/// A proposal with its signature.
pub type SignedProposal = malachite_types::SignedProposal<ChainContext>;
/// Prevotes of a quorum for one block.
pub type PolkaCertificate = malachite_types::PolkaCertificate<ChainContext>;
/// Votes that let a validator leave a round or skip to one.
pub type RoundCertificate = malachite_types::RoundCertificate<ChainContext>;

/// The kinds of values that the rules are used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainContext;

/// The height of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u64);

/// The hash of a block that is voted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockId(pub B256);

/// A validator's address. It stands for the public key too, since a signature gives the address of its signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValidatorAddress(pub Address);

/// One who votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    address: ValidatorAddress,
    voting_power: VotingPower,
}

/// Those who decide a height, heaviest first, then by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    members: Vec<Member>,
    total_power: VotingPower,
}

/// A prevote or a precommit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Which of the two.
    pub kind: VoteType,
    /// Height of the block voted on.
    pub height: Height,
    /// Round of the height.
    pub round: Round,
    /// The block, or none.
    pub block: NilOrVal<BlockId>,
    /// Who votes.
    pub validator: ValidatorAddress,
}

/// The offer of a block for one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Height of the block.
    pub height: Height,
    /// Round of the height.
    pub round: Round,
    /// The block.
    pub block: BlockId,
    /// An earlier round in which a quorum prevoted for the block.
    pub valid_round: Round,
    /// Who proposes.
    pub proposer: ValidatorAddress,
}

/// Blocks travel whole, so there are no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPart {}

/// secp256k1 signatures whose signer is found by recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recoverable;

/// Bytes of a wrong length for a signature or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given} bytes, {expected} are needed")]
pub struct WrongLength {
    given: usize,
    expected: usize,
}

impl Members {
    /// Takes the set of a height; `None` if its power is above [`MAX_TOTAL_VOTING_POWER`].
    #[must_use]
    pub fn new(set: &ValidatorSet) -> Option<Self> {
        let total_power = set.total_power();
        if total_power > MAX_TOTAL_VOTING_POWER {
            return None;
        }
        let mut members: Vec<_> = set
            .iter()
            .map(|validator| Member {
                address: ValidatorAddress(validator.address),
                voting_power: validator.voting_power,
            })
            .collect();
        members.sort_by_key(|member| (core::cmp::Reverse(member.voting_power), member.address));
        Some(Self { members, total_power })
    }

    /// The weight of `address`; `None` if it is no validator.
    #[must_use]
    pub fn power_of(&self, address: Address) -> Option<VotingPower> {
        self.members.iter().find(|member| member.address.0 == address).map(|member| member.voting_power)
    }

    /// Who proposes in a round: the validators take turns.
    #[must_use]
    pub fn proposer(&self, height: Height, round: Round) -> &Member {
        let turn = height.0.wrapping_add(u64::from(round.as_u32().unwrap_or_default()));
        // A set is never empty, and the remainder is below its length.
        &self.members[(turn % self.members.len() as u64) as usize]
    }
}

impl Member {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address.0
    }
}

impl Context for ChainContext {
    type Address = ValidatorAddress;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = Proposal;
    type Validator = Member;
    type ValidatorSet = Members;
    type Timeouts = LinearTimeouts;
    type Value = BlockId;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Recoverable;

    fn select_proposer<'a>(&self, members: &'a Members, height: Height, round: Round) -> &'a Member {
        members.proposer(height, round)
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        block: BlockId,
        valid_round: Round,
        proposer: ValidatorAddress,
    ) -> Proposal {
        Proposal { height, round, block, valid_round, proposer }
    }

    fn new_prevote(&self, height: Height, round: Round, block: NilOrVal<BlockId>, validator: ValidatorAddress) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, block, validator }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        block: NilOrVal<BlockId>,
        validator: ValidatorAddress,
    ) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, block, validator }
    }
}

impl malachite_types::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

impl malachite_types::Value for BlockId {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

impl malachite_types::Address for ValidatorAddress {}

impl malachite_types::Validator<ChainContext> for Member {
    fn address(&self) -> &ValidatorAddress {
        &self.address
    }

    fn public_key(&self) -> &ValidatorAddress {
        &self.address
    }

    fn voting_power(&self) -> VotingPower {
        self.voting_power
    }
}

impl malachite_types::ValidatorSet<ChainContext> for Members {
    fn count(&self) -> usize {
        self.members.len()
    }

    fn total_voting_power(&self) -> VotingPower {
        self.total_power
    }

    fn get_by_address(&self, address: &ValidatorAddress) -> Option<&Member> {
        self.members.iter().find(|member| member.address == *address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Member> {
        self.members.get(index)
    }
}

impl malachite_types::Vote<ChainContext> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockId> {
        &self.block
    }

    fn take_value(self) -> NilOrVal<BlockId> {
        self.block
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &ValidatorAddress {
        &self.validator
    }

    fn extension(&self) -> Option<&SignedExtension<ChainContext>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<ChainContext>> {
        None
    }

    fn extend(self, _: SignedExtension<ChainContext>) -> Self {
        self
    }
}

impl malachite_types::Proposal<ChainContext> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockId {
        &self.block
    }

    fn take_value(self) -> BlockId {
        self.block
    }

    fn pol_round(&self) -> Round {
        self.valid_round
    }

    fn validator_address(&self) -> &ValidatorAddress {
        &self.proposer
    }
}

impl malachite_types::ProposalPart<ChainContext> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }

    fn is_last(&self) -> bool {
        match *self {}
    }
}

impl SigningScheme for Recoverable {
    type DecodingError = WrongLength;
    type Signature = VoteSignature;
    type PublicKey = ValidatorAddress;
    type PrivateKey = chain::ValidatorKey;

    fn decode_signature(bytes: &[u8]) -> Result<VoteSignature, WrongLength> {
        VoteSignature::try_from(bytes)
            .map_err(|_| WrongLength { given: bytes.len(), expected: VoteSignature::len_bytes() })
    }

    fn encode_signature(signature: &VoteSignature) -> Vec<u8> {
        signature.to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<ValidatorAddress, WrongLength> {
        let address = Address::try_from(bytes);
        address.map(ValidatorAddress).map_err(|_| WrongLength { given: bytes.len(), expected: Address::len_bytes() })
    }

    fn encode_public_key(public_key: &ValidatorAddress) -> Vec<u8> {
        public_key.0.to_vec()
    }
}

impl fmt::Display for Height {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for ValidatorAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
