//! A validator that commits to two blocks in one round is found in whichever order and form its commits arrive, and nobody else is.

use alloy_primitives::B256;
use chain::{Block, CommitCertificate, DecidedBlock, SealedHeader};
use consensus::{
    Action, BlockId, Consensus as _, Event, Height, Message, NilOrVal, Round, RoundCertificate, SignedVote, Signer,
    ValidatorAddress, Vote, VoteType,
};
use malachite_types::{RoundCertificateType, RoundSignature};

use crate::world::{CHAIN_ID, Lie, World, validator_key};

const SECOND_MS: u64 = 1_000;
/// The validator that contradicts itself.
const LIAR: u8 = 3;

fn block(byte: u8) -> NilOrVal<BlockId> {
    NilOrVal::Val(BlockId(B256::repeat_byte(byte)))
}

fn vote_of(index: u8, kind: VoteType, height: u64, round: u32, block: NilOrVal<BlockId>) -> SignedVote {
    let key = validator_key(index);
    let validator = ValidatorAddress(key.address());
    let vote = Vote { kind, height: Height(height), round: Round::new(round), block, validator };
    Signer::new(key, CHAIN_ID).sign_vote(vote).unwrap()
}

fn commit(height: u64, round: u32, byte: u8) -> SignedVote {
    vote_of(LIAR, VoteType::Precommit, height, round, block(byte))
}

fn nil_commit(height: u64, round: u32) -> SignedVote {
    vote_of(LIAR, VoteType::Precommit, height, round, NilOrVal::Nil)
}

fn prevote(height: u64, round: u32, byte: u8) -> SignedVote {
    vote_of(LIAR, VoteType::Prevote, height, round, block(byte))
}

/// A round's certificate that holds these votes and is no quorum.
fn round_certificate(votes: &[SignedVote]) -> Message {
    let (height, round) = (votes[0].height, votes[0].round);
    let sign = |vote: &SignedVote| RoundSignature::new(vote.kind, vote.block, vote.validator, vote.signature);
    let round_signatures = votes.iter().map(sign).collect();
    Message::Round(RoundCertificate { height, round, cert_type: RoundCertificateType::Precommit, round_signatures })
}

/// Hands messages of the liar to node 0.
fn tell(world: &mut World, messages: impl IntoIterator<Item = Message>) {
    let from = validator_key(LIAR).address();
    for message in messages {
        world.handle(0, Event::Message { from, message: Box::new(message) });
    }
}

fn votes(votes: &[SignedVote]) -> Vec<Message> {
    votes.iter().cloned().map(Message::Vote).collect()
}

/// Four validators of which the last says nothing by itself; `lies` says whose accusations are true.
fn world(lies: &[usize]) -> World {
    let mut world = World::new(7, &[1, 1, 1, 1]);
    for index in lies {
        world.nodes[*index].lie = Some(Lie::Silence);
    }
    world
}

/// The same in a height that nobody can decide.
fn undecided_world() -> World {
    let mut world = world(&[usize::from(LIAR)]);
    world.partition(&[0, 1, 2, 3]);
    world.submit(0, 1);
    world.run_for(10);
    world
}

/// A world in which three validators have decided so many blocks.
fn decided_world(lies: &[usize], blocks: u64) -> World {
    let mut world = world(&[usize::from(LIAR)]);
    for _ in 0..blocks {
        world.submit(0, 1);
        assert!(world.run_until(60 * SECOND_MS, |world| (0..3).all(|index| world.has_all(index))));
    }
    for index in lies {
        world.nodes[*index].lie = Some(Lie::Silence);
    }
    assert_eq!(world.head(0), blocks);
    world
}

/// Those whom node 0 can prove to have contradicted themselves, with height and round.
fn proved(world: &World) -> Vec<(u8, u64, u32)> {
    let index = |address| (0..4).find(|index| validator_key(*index).address() == address).unwrap();
    let mut proved: Vec<_> =
        world.record.contradictions.iter().map(|found| (index(found.validator), found.height, found.round)).collect();
    proved.sort_unstable();
    proved
}

#[test]
fn two_commits_are_found_in_each_order_among_votes_that_hide_them() {
    let prevotes: Vec<_> = (1..=6).map(|byte| prevote(1, 0, byte)).collect();
    let (first, second, nil) = (commit(1, 0, 1), commit(1, 0, 2), nil_commit(1, 0));
    let pair = [first.clone(), second.clone()];
    for (what, said) in [
        ("two commits", pair.to_vec()),
        ("no block first", vec![nil.clone(), first.clone(), second.clone()]),
        ("no block between", vec![first.clone(), nil.clone(), second.clone()]),
        ("many prevotes first", [prevotes.as_slice(), &pair].concat()),
        ("both", [prevotes.as_slice(), &[nil], &pair].concat()),
        ("a later round between", vec![first.clone(), commit(1, 4, 1), second.clone()]),
        ("each many times", [&pair[..], &pair, &pair].concat()),
    ] {
        let mut world = undecided_world();
        tell(&mut world, votes(&said));
        assert_eq!(proved(&world), [(LIAR, 1, 0)], "{what}");
        // Before the height has begun here, the same is seen.
        let mut idle = self::world(&[usize::from(LIAR)]);
        idle.partition(&[0, 1, 2, 3]);
        tell(&mut idle, votes(&said));
        assert_eq!(proved(&idle), [(LIAR, 1, 0)], "{what}, early");
    }
    for (one, other) in [(&first, &second), (&second, &first)] {
        let mut world = undecided_world();
        tell(&mut world, [Message::Vote(one.clone()), round_certificate(core::slice::from_ref(other))]);
        assert_eq!(proved(&world), [(LIAR, 1, 0)], "in a certificate that is no quorum");
        let mut world = undecided_world();
        tell(&mut world, [round_certificate(&[nil_commit(1, 0)]), round_certificate(&[one.clone(), other.clone()])]);
        assert_eq!(proved(&world), [(LIAR, 1, 0)], "in certificates alone");
    }
}

#[test]
fn what_is_no_contradiction_accuses_nobody() {
    let sound = commit(1, 0, 1);
    let mut forged = commit(1, 0, 2);
    forged.signature.0[7] ^= 1;
    // Another's signature below the liar's name.
    let mut borrowed = vote_of(2, VoteType::Precommit, 1, 0, block(2));
    borrowed.message.validator = sound.validator;
    let stranger = [1, 2].map(|byte| vote_of(9, VoteType::Precommit, 1, 0, block(byte)));
    let far = [1, 2].map(|byte| commit(1, 1_000, byte));
    for (what, said) in [
        ("one block twice", vec![sound.clone(), sound.clone()]),
        ("two rounds", vec![sound.clone(), commit(1, 1, 2)]),
        ("two heights", vec![sound.clone(), commit(2, 0, 2)]),
        ("a commit and none", vec![sound.clone(), nil_commit(1, 0)]),
        ("a forged signature", vec![sound.clone(), forged.clone()]),
        ("a forged one first", vec![forged, sound.clone()]),
        ("another's signature", vec![sound, borrowed]),
        ("no validator", stranger.to_vec()),
        ("a round that nobody is near", far.to_vec()),
    ] {
        let mut world = undecided_world();
        tell(&mut world, votes(&said));
        assert_eq!(proved(&world), [], "{what}");
    }
}

#[test]
fn a_second_commit_after_the_decision_is_found() {
    // Neither commit reached this node before the block was decided.
    let mut world = decided_world(&[], 1);
    tell(&mut world, votes(&[commit(1, 0, 1), commit(1, 0, 2)]));
    assert_eq!(proved(&world), [(LIAR, 1, 0)]);

    // One commit is in the certificate, the other comes at the next height, at a later one, or after a restart.
    for (blocks, restarts) in [(1, false), (3, false), (1, true)] {
        let mut world = decided_world(&[1, 2], blocks);
        let snapshot = world.nodes[0].engine.as_ref().unwrap().host().chain().snapshot().unwrap();
        let certificate = snapshot.certificate_at(1).unwrap().unwrap();
        drop(snapshot);
        if restarts {
            world.crash(0);
            world.start(0);
        }
        let index = (1..3).find(|index| {
            let address = validator_key(*index).address();
            certificate.signatures.iter().any(|commit| commit.validator == address)
        });
        let (index, round) = (index.unwrap(), certificate.round);
        let late = |byte| vote_of(index, VoteType::Precommit, 1, round, block(byte));
        tell(&mut world, votes(&[late(1), late(1), late(2)]));
        assert_eq!(proved(&world), [(index, 1, round)], "{blocks} blocks, restart: {restarts}");
    }
}

/// A block beside the one at `height`, and its certificate by these validators in the round of that block.
fn other_branch(world: &World, height: u64, signers: &[u8]) -> DecidedBlock {
    let snapshot = world.nodes[0].engine.as_ref().unwrap().host().chain().snapshot().unwrap();
    let block = snapshot.block_at(height).unwrap().unwrap();
    let certificate = snapshot.certificate_at(height).unwrap().unwrap();
    let mut header = block.header.header().clone();
    header.state_root = B256::repeat_byte(1);
    let changed = Block { header: SealedHeader::new(header), transactions: block.transactions };
    let (round, block_hash) = (certificate.round, changed.header.hash());
    let sign = |index: &u8| validator_key(*index).sign_commit(CHAIN_ID, height, round, block_hash).unwrap();
    let signatures = signers.iter().map(sign).collect();
    DecidedBlock { block: changed, certificate: CommitCertificate { height, round, block_hash, signatures } }
}

#[test]
fn a_fork_shows_everybody_who_decided_both_branches() {
    for blocks in [1, 3] {
        let mut world = decided_world(&[0, 1, 2], blocks);
        let other = other_branch(&world, 1, &[0, 1, 2]);
        let snapshot = world.nodes[0].engine.as_ref().unwrap().host().chain().snapshot().unwrap();
        let certificate = snapshot.certificate_at(1).unwrap().unwrap();
        let mut expected: Vec<_> = (0..3)
            .filter(|index| {
                let address = validator_key(*index).address();
                certificate.signatures.iter().any(|commit| commit.validator == address)
            })
            .map(|index| (index, 1, certificate.round))
            .collect();
        // The latest height also has commits that no certificate holds.
        tell(&mut world, [Message::Decided(Box::new(other.clone().into()))]);
        let shown = proved(&world);
        expected.retain(|accused| !shown.contains(accused));
        assert_eq!(expected, [], "{blocks} blocks: {shown:?} were shown");
        assert!(shown.len() >= 3 && shown.iter().all(|(index, ..)| *index != LIAR), "{shown:?}");
        tell(&mut world, [Message::Decided(Box::new(other.into()))]);
        assert_eq!(proved(&world), shown, "it is told once");
        assert_eq!(world.head(0), blocks, "the chain is what it was");
    }
}

#[test]
fn a_forged_branch_accuses_nobody_and_the_true_signature_in_it_accuses_its_signer() {
    let mut world = decided_world(&[2], 1);
    let mut other = other_branch(&world, 1, &[2]);
    let own = other.certificate.signatures[0].clone();
    for index in [0, 1] {
        let validator = validator_key(index).address();
        other.certificate.signatures.push(chain::CommitSignature { validator, ..own.clone() });
    }
    tell(&mut world, [Message::Decided(Box::new(other.into()))]);
    let shown: Vec<u8> = proved(&world).into_iter().map(|(index, ..)| index).collect();
    assert_eq!(shown, [2]);
}

#[test]
fn who_brings_a_later_block_of_another_branch_is_asked_for_the_one_before_once() {
    let mut world = decided_world(&[0, 1, 2], 1);
    world.submit(0, 2);
    world.partition(&[0, 1, 2, 3]);
    let snapshot = world.nodes[0].engine.as_ref().unwrap().host().chain().snapshot().unwrap();
    let mut header = snapshot.head().header().clone();
    header.number = 2;
    header.parent_hash = B256::repeat_byte(9);
    drop(snapshot);
    let block = Block { header: SealedHeader::new(header), transactions: vec![] };
    let block_hash = block.header.hash();
    let sign = |index: u8| validator_key(index).sign_commit(CHAIN_ID, 2, 0, block_hash).unwrap();
    let certificate = CommitCertificate { height: 2, round: 0, block_hash, signatures: (0..3).map(sign).collect() };
    let later = Message::Decided(Box::new(DecidedBlock { block, certificate }.into()));
    let now = world.clock();
    let from = validator_key(LIAR).address();
    let engine = world.nodes[0].engine.as_mut().unwrap();
    let mut ask = || {
        let event = Event::Message { from, message: Box::new(later.clone()) };
        let actions = engine.handle(event, now).unwrap();
        actions.into_iter().filter(|action| matches!(action, Action::Send { message: Message::Request(1), .. })).count()
    };
    assert_eq!((ask(), ask()), (1, 0));
}

#[test]
fn a_proof_that_the_disk_does_not_take_is_stored_later_and_told_only_then() {
    let mut world = undecided_world();
    let full = |world: &mut World, is_full| {
        let host = world.nodes[0].engine.as_mut().unwrap().host_mut();
        host.is_disk_full = is_full;
        host.asked_to_keep
    };
    full(&mut world, true);
    let both = [commit(1, 0, 1), commit(1, 0, 2)];
    tell(&mut world, votes(&[both.as_slice(), &both, &both].concat()));
    assert_eq!(proved(&world), [], "it is not stored, so nobody is told");
    assert_eq!(full(&mut world, true), 1, "what waits for the disk is not tried again with each vote");
    world.run_for(2 * SECOND_MS);
    assert!(full(&mut world, false) >= 2, "it is tried again");
    assert_eq!(proved(&world), []);
    world.run_for(2 * SECOND_MS);
    assert_eq!(proved(&world), [(LIAR, 1, 0)]);
    let asked = full(&mut world, false);
    world.run_for(10 * SECOND_MS);
    tell(&mut world, votes(&both));
    assert_eq!((proved(&world).len(), full(&mut world, false)), (1, asked), "it is told once, and stored once");
}

/// A validator that signed the certificates of all these heights, and the rounds of these.
fn signer_of_all(world: &World, heights: core::ops::RangeInclusive<u64>) -> (u8, Vec<u32>) {
    let snapshot = world.nodes[0].engine.as_ref().unwrap().host().chain().snapshot().unwrap();
    let certificates: Vec<_> = heights.map(|height| snapshot.certificate_at(height).unwrap().unwrap()).collect();
    let signed = |index: &u8| {
        let address = validator_key(*index).address();
        certificates.iter().all(|one| one.signatures.iter().any(|commit| commit.validator == address))
    };
    let index = (0..3).find(signed).unwrap();
    (index, certificates.iter().map(|certificate| certificate.round).collect())
}

#[test]
fn false_commits_at_many_old_heights_cost_one_write_and_are_told_once() {
    let mut world = decided_world(&[0, 1, 2], 5);
    let (index, rounds) = signer_of_all(&world, 1..=3);
    for (height, round) in (1..).zip(&rounds) {
        for byte in 1..4 {
            let commit = vote_of(index, VoteType::Precommit, height, *round, block(byte));
            tell(&mut world, votes(&[commit]));
        }
    }
    assert_eq!(proved(&world), [(index, 1, rounds[0])]);
    assert_eq!(world.nodes[0].engine.as_mut().unwrap().host_mut().asked_to_keep, 1);
}

#[test]
fn a_peer_that_sends_forged_commits_of_old_heights_is_heard_within_a_bound_and_others_are_not_kept_out() {
    /// More than one peer's signatures that are looked at in a moment.
    const MANY: usize = 400;
    let flooded = || {
        let mut world = decided_world(&[0, 1, 2], 4);
        let (index, rounds) = signer_of_all(&world, 1..=1);
        let truth = vote_of(index, VoteType::Precommit, 1, rounds[0], block(1));
        let mut forged = truth.clone();
        forged.signature.0[7] ^= 1;
        tell(&mut world, votes(&vec![forged; MANY]));
        assert_eq!(proved(&world), []);
        (world, truth, (index, 1, rounds[0]))
    };
    let (mut world, truth, expected) = flooded();
    tell(&mut world, votes(core::slice::from_ref(&truth)));
    assert_eq!(proved(&world), [], "nothing more of this peer is looked at now");
    world.run_for(SECOND_MS);
    tell(&mut world, votes(core::slice::from_ref(&truth)));
    assert_eq!(proved(&world), [expected], "a second later it is");

    let (mut world, truth, expected) = flooded();
    let from = validator_key(1).address();
    world.handle(0, Event::Message { from, message: Box::new(Message::Vote(truth)) });
    assert_eq!(proved(&world), [expected]);
}
