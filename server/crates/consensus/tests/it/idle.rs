//! No transaction, no block, and silence; and blocks without transactions where somebody wants some.

use chain::rules::EMPTY_BLOCK_PAUSE_S;
use chain::{Application as _, DEV_GENESIS_UNIX_S, Metering, ProposalRequest};
use consensus::{BlockId, Consensus as _, Event, Height, Message, Proposal, Round, Signer};

use crate::world::{CHAIN_ID, World};

const SECOND_MS: u64 = 1_000;

#[test]
fn an_idle_chain_makes_no_block_and_sends_nothing_but_its_height() {
    let mut world = World::new(1, &[1, 1, 1, 1]);
    world.run_for(60 * SECOND_MS);
    world.submit(2, 1);
    assert!(world.run_until(SECOND_MS, |world| (0..4).all(|index| world.has_all(index))), "not final within a second");
    world.run_for(SECOND_MS);
    assert!((0..4).all(|index| world.nodes[index].engine.as_ref().unwrap().is_idle()));
    world.sent.clear();
    world.run_for(60 * SECOND_MS);
    assert!((0..4).all(|index| world.head(index) == 1));
    let statuses = world.sent.remove("status").unwrap_or_default();
    assert!(world.sent.is_empty(), "an idle chain sent {:?}", world.sent);
    assert!(statuses <= 4 * 3 * 7, "{statuses} messages in a minute");
}

#[test]
fn a_node_that_was_cut_off_comes_back_to_an_idle_chain_and_catches_up() {
    let mut world = World::new(5, &[1, 1, 1, 1]);
    world.partition(&[0, 0, 0, 1]);
    for _ in 0..100 {
        world.submit(0, 1);
        world.run_for(200);
    }
    world.run_for(20 * SECOND_MS);
    assert_eq!(world.head(3), 0);
    let head = world.head(0);
    assert!(head > consensus::MAX_SYNC_BLOCKS, "{head} blocks need one request only");
    world.heal();
    assert!(world.run_until(5 * SECOND_MS, |world| world.head(3) == head), "at {} of {head}", world.head(3));
}

#[test]
fn a_cut_that_nobody_notices_is_found_by_the_status() {
    let mut world = World::new(6, &[1, 1, 1, 1]);
    world.partition(&[0, 0, 0, 1]);
    world.submit(0, 1);
    world.run_for(5 * SECOND_MS);
    // No connection is told of: the network only begins to carry messages again.
    world.partition(&[0, 0, 0, 0]);
    let found = world.run_until(15 * SECOND_MS, |world| world.head(3) == 1);
    assert!(found, "heads {:?}, sent {:?}", (0..4).map(|index| world.head(index)).collect::<Vec<_>>(), world.sent);
}

#[test]
fn a_transaction_that_cannot_run_leaves_no_block_and_no_noise() {
    let mut world = World::new(7, &[1, 1, 1, 1]);
    // The nonce before it never comes.
    let late = crate::world::recording(9, 5, 1, 1);
    let raw = late.raw().clone();
    world.nodes[0].engine.as_mut().unwrap().host_mut().take_from_client(late, 0);
    world.handle(0, consensus::Event::Transactions(vec![raw]));
    world.run_for(10 * SECOND_MS);
    world.sent.clear();
    world.run_for(30 * SECOND_MS);
    world.sent.remove("status");
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    assert!((0..4).all(|index| world.head(index) == 0));
}

#[test]
fn a_false_alarm_ends_in_silence_and_a_later_transaction_is_taken() {
    let mut world = World::new(8, &[1, 1, 1, 1]);
    let refused = crate::world::recording(9, 0, 1, 1);
    // All begin a height for a transaction that then vanishes from every pool.
    let raw = refused.raw().clone();
    world.nodes[0].engine.as_mut().unwrap().host_mut().take_from_client(refused, 0);
    world.partition(&[0, 1, 2, 3]);
    world.handle(0, consensus::Event::Transactions(vec![raw]));
    world.run_for(3 * SECOND_MS);
    world.nodes[0].engine.as_mut().unwrap().host_mut().forget_all();
    world.heal();
    world.run_for(20 * SECOND_MS);
    world.sent.clear();
    world.run_for(30 * SECOND_MS);
    assert_eq!(world.sent.get("proposal"), None);
    world.submit(1, 2);
    assert!(world.run_until(10 * SECOND_MS, |world| (0..4).all(|index| world.head(index) >= 1)));
}

/// The height of all nodes, which must be the same.
fn common_head(world: &World) -> u64 {
    let head = world.head(0);
    assert!((1..4).all(|index| world.head(index) == head), "the nodes are at different heights");
    head
}

#[test]
fn a_heartbeat_makes_a_block_where_none_came_and_only_then() {
    let mut world = World::new(9, &[1, 1, 1, 1]);
    world.beat(&[0, 1, 2, 3], 30);
    // Block 0 is a second old. The beats come at 30, 60 and 90 seconds.
    world.run_for(100 * SECOND_MS);
    assert_eq!(common_head(&world), 3);
    world.submit(2, 1);
    world.run_for(28 * SECOND_MS);
    assert_eq!(common_head(&world), 4, "a block with a transaction puts the heartbeat off");
    world.run_for(5 * SECOND_MS);
    assert_eq!(common_head(&world), 5);
    world.sent.clear();
    world.run_for(20 * SECOND_MS);
    world.sent.remove("status");
    assert!(world.sent.is_empty(), "between heartbeats the chain sent {:?}", world.sent);
}

#[test]
fn a_heartbeat_waits_for_a_quorum_and_comes_when_there_is_one() {
    let mut world = World::new(10, &[1, 1, 1, 1]);
    world.beat(&[0, 1, 2, 3], 30);
    world.partition(&[0, 0, 1, 1]);
    world.run_for(120 * SECOND_MS);
    assert!((0..4).all(|index| world.head(index) == 0));
    world.heal();
    assert!(world.run_until(30 * SECOND_MS, |world| (0..4).all(|index| world.head(index) >= 1)));
}

#[test]
fn one_of_four_that_wants_heartbeats_holds_nobody_up() {
    let mut world = World::new(11, &[1, 1, 1, 1]);
    world.beat(&[1], EMPTY_BLOCK_PAUSE_S);
    for _ in 0..6 {
        world.run_for(40 * SECOND_MS);
        world.submit(3, 1);
        assert!(world.run_until(10 * SECOND_MS, |world| (0..4).all(|index| world.has_all(index))));
    }
}

/// Each validator in turn offers the others a block without transactions, so long after block 0. One of them is the proposer.
fn after_an_offer(pause_s: u64) -> World {
    let mut world = World::new(12, &[1, 1, 1, 1]);
    world.record.takes_empty_blocks = true;
    for proposer in 0..4 {
        let node = &world.nodes[proposer];
        let (address, signer) = (node.key.address(), Signer::new(node.key.clone(), CHAIN_ID));
        let request = ProposalRequest {
            timestamp_unix_s: DEV_GENESIS_UNIX_S + pause_s,
            proposer: address,
            candidates: Vec::new(),
            metering: Metering::UNLIMITED,
        };
        let executed = node.engine.as_ref().unwrap().host().chain().propose(request).unwrap().executed;
        let proposal = signer.sign_proposal(Proposal {
            height: Height(1),
            round: Round::new(0),
            block: BlockId(executed.hash()),
            valid_round: Round::Nil,
            proposer: signer.address(),
        });
        let block = Box::new(executed.block().clone());
        let message = Message::Proposal { proposal: proposal.unwrap(), block };
        for to in (0..4).filter(|to| *to != proposer) {
            world.handle(to, Event::Message { from: address, message: Box::new(message.clone()) });
        }
    }
    world.run_for(10 * SECOND_MS);
    world
}

#[test]
fn a_block_without_transactions_that_comes_too_soon_is_not_voted_for() {
    assert_eq!(common_head(&after_an_offer(EMPTY_BLOCK_PAUSE_S - 1)), 0);
    assert_eq!(common_head(&after_an_offer(EMPTY_BLOCK_PAUSE_S)), 1);
}
