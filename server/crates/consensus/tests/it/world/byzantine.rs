//! A validator that does not keep the rules. It has its key, so its lies are signed.

use alloy_primitives::B256;
use chain::{Block, CommitCertificate, DecidedBlock, SealedHeader, ValidatorKey};
use consensus::{BlockId, Height, Message, NilOrVal, Proposal, Round, Signer, Vote, VoteType};

use super::{CHAIN_ID, Random};

/// How it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It says nothing.
    Silence,
    /// It votes one way to some and another to others.
    DoubleVotes,
    /// It commits to one block towards some and to another towards others.
    DoubleCommits,
    /// The same, among votes for no block and for many.
    HiddenCommits,
    /// It proposes broken blocks, and different ones to different validators.
    BadProposals,
    /// It sends garbage, forged certificates, forged decided blocks and a height that nobody has.
    Forgeries,
}

pub(crate) const LIES: [Lie; 6] =
    [Lie::Silence, Lie::DoubleVotes, Lie::DoubleCommits, Lie::HiddenCommits, Lie::BadProposals, Lie::Forgeries];

impl Lie {
    /// What arrives at a validator in place of `message`.
    pub(crate) fn twist(self, random: &mut Random, key: &ValidatorKey, to: usize, message: &Message) -> Vec<Vec<u8>> {
        let signer = Signer::new(key.clone(), CHAIN_ID);
        match (self, message) {
            (Self::Silence, _) => vec![],
            (Self::DoubleVotes, Message::Vote(vote)) => {
                let block = match vote.block {
                    NilOrVal::Val(_) => NilOrVal::Nil,
                    NilOrVal::Nil => NilOrVal::Val(BlockId(B256::random_with_seed(random))),
                };
                let other = signer.sign_vote(Vote { block, ..vote.message.clone() }).unwrap();
                let (first, second) = (message.encode(), Message::Vote(other).encode());
                match to % 3 {
                    0 => vec![first],
                    1 => vec![second],
                    _ => vec![first, second],
                }
            }
            (Self::DoubleCommits, Message::Vote(vote)) if vote.kind == VoteType::Precommit => {
                let block = NilOrVal::Val(BlockId(B256::random_with_seed(random)));
                let other = signer.sign_vote(Vote { block, ..vote.message.clone() }).unwrap();
                vec![message.encode(), Message::Vote(other).encode()]
            }
            (Self::HiddenCommits, Message::Vote(vote)) if vote.block != NilOrVal::Nil => {
                let say = |block| {
                    let other = signer.sign_vote(Vote { block, ..vote.message.clone() }).unwrap();
                    Message::Vote(other).encode()
                };
                let mut other = || NilOrVal::Val(BlockId(B256::random_with_seed(random)));
                let mut said: Vec<_> = match vote.kind {
                    VoteType::Prevote => (0..5).map(|_| say(other())).collect(),
                    VoteType::Precommit => vec![say(NilOrVal::Nil), say(other())],
                };
                said.push(message.encode());
                said
            }
            (Self::BadProposals, Message::Proposal { proposal, block }) => {
                let bad = spoil(random, block);
                let named = Proposal { block: BlockId(bad.header.hash()), ..proposal.message.clone() };
                let proposal = signer.sign_proposal(named).unwrap();
                vec![Message::Proposal { proposal, block: Box::new(bad) }.encode()]
            }
            (Self::Forgeries, _) => {
                let mut said = vec![message.encode(), forge(random, key, message)];
                // A changed transaction may be a sound one of another sender, which is no lie.
                if !matches!(message, Message::Transactions(_)) {
                    let mut garbage = message.encode();
                    let place = random.below(garbage.len());
                    garbage[place] ^= 1 << random.below(8);
                    said.push(garbage);
                }
                said
            }
            _ => vec![message.encode()],
        }
    }
}

trait RandomHash {
    fn random_with_seed(random: &mut Random) -> Self;
}

impl RandomHash for B256 {
    fn random_with_seed(random: &mut Random) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&random.next().to_le_bytes());
        bytes[31] = 1;
        Self::from(bytes)
    }
}

/// A block that breaks a rule.
fn spoil(random: &mut Random, block: &Block) -> Block {
    let mut header = block.header.header().clone();
    let mut transactions = block.transactions.clone();
    match random.below(5) {
        0 => header.state_root = B256::random_with_seed(random),
        1 => header.timestamp += 3_600,
        2 => header.parent_hash = B256::random_with_seed(random),
        3 => header.gas_used += 1,
        _ => transactions.clear(),
    }
    // Different validators get different blocks.
    header.extra_data = random.next().to_le_bytes().to_vec().into();
    Block { header: SealedHeader::new(header), transactions }
}

fn forge(random: &mut Random, key: &ValidatorKey, message: &Message) -> Vec<u8> {
    match message {
        Message::Proposal { block, .. } => {
            let (height, hash) = (block.header.number, block.header.hash());
            let own = key.sign_commit(CHAIN_ID, height, 0, hash).unwrap();
            let signatures = if random.percent(50) { vec![own] } else { vec![own.clone(), own.clone(), own] };
            let certificate = CommitCertificate { height, round: 0, block_hash: hash, signatures };
            Message::Decided(Box::new(DecidedBlock { block: (**block).clone(), certificate }.into())).encode()
        }
        Message::Vote(vote) => {
            // A vote in the name of another, and one for a height that is far away.
            let mut forged = vote.clone();
            forged.message.height = Height(vote.height.0 + random.between(0, 9));
            forged.message.kind = VoteType::Precommit;
            forged.message.round = Round::new(random.below(20) as u32);
            Message::Vote(forged).encode()
        }
        _ => Message::Status(random.between(1, 1_000_000)).encode(),
    }
}
