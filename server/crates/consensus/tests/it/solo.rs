//! One validator alone.

use chain::{Chain, DEV_GENESIS_UNIX_S, Genesis, GenesisContract, ValidatorKey, ValidatorSet};
use consensus::{Action, Consensus as _, Event, Follower, Heartbeat, Message, Now, Solo};

use crate::world::{CHAIN_ID, PoolAndChain, RECORDER, RECORDER_ADDRESS, key, recording};

#[test]
fn one_validator_decides_alone_and_its_followers_can_check_it() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::new(key(0xa0));
    let set = ValidatorSet::single(validator.address());
    let contracts = vec![GenesisContract { address: RECORDER_ADDRESS, init_code: RECORDER }];
    let genesis = Genesis::development(set.clone(), contracts);
    let chain = Chain::open(&directory.path().join("chain.redb"), &genesis).unwrap();
    let mut solo = Solo::new(PoolAndChain::new(chain, validator.address()), validator.clone(), CHAIN_ID);
    let now = Now { monotonic_ms: 0, unix_s: DEV_GENESIS_UNIX_S + 5 };

    assert!(solo.handle(Event::TimePassed, now).unwrap().is_empty(), "a block without transactions");
    assert_eq!(solo.deadline_ms(), None);

    solo.host_mut().take_from_client(recording(1, 0, 1, 1), 0);
    let actions = solo.handle(Event::Transactions(vec![]), now).unwrap();
    assert!(matches!(actions.as_slice(), [Action::Broadcast(Message::Status(1))]), "{actions:?}");

    let follower = ValidatorKey::new(key(0xa1)).address();
    let message = Box::new(Message::Request(1));
    let answer = solo.handle(Event::Message { from: follower, message }, now).unwrap();
    let [Action::Send { to, message: Message::Decided(decided) }] = answer.as_slice() else {
        panic!("{answer:?}");
    };
    assert_eq!(*to, follower);
    decided.certificate().verify(CHAIN_ID, 1, decided.header().hash(), &set).unwrap();
    let decided = decided.clone().check(CHAIN_ID).unwrap();

    let other = tempfile::tempdir().unwrap();
    let chain = Chain::open(&other.path().join("chain.redb"), &genesis).unwrap();
    let mut following = Follower::new(PoolAndChain::new(chain, follower));
    following.host_mut().take_from_client(recording(1, 0, 1, 1), 0);
    assert!(following.handle(Event::TimePassed, now).unwrap().is_empty(), "a follower decides nothing");
    assert!(matches!(following.import(decided.clone(), now), Ok((true, actions)) if actions.is_empty()));
    assert!(matches!(following.import(decided, now), Ok((false, _))));
    assert_eq!(following.host_mut().fresh(), [1]);
    assert_eq!((following.deadline_ms(), following.fault()), (None, None));
}

#[test]
fn one_validator_makes_blocks_without_transactions_where_heartbeats_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let validator = ValidatorKey::new(key(0xa0));
    let set = ValidatorSet::single(validator.address());
    let contracts = vec![GenesisContract { address: RECORDER_ADDRESS, init_code: RECORDER }];
    let genesis = Genesis::development(set, contracts);
    let chain = Chain::open(&directory.path().join("chain.redb"), &genesis).unwrap();
    let host = PoolAndChain::new(chain, validator.address());
    let mut solo = Solo::new(host, validator, CHAIN_ID).with_heartbeat(Heartbeat::every_seconds(30));
    let at = |seconds: u64| Now { monotonic_ms: seconds * 1_000, unix_s: DEV_GENESIS_UNIX_S + seconds };
    let pass = |solo: &mut Solo<PoolAndChain>, seconds| {
        solo.handle(Event::TimePassed, at(seconds)).unwrap();
        (solo.host().chain().snapshot().unwrap().head().number, solo.deadline_ms())
    };
    assert_eq!(pass(&mut solo, 29), (0, Some(30_000)));
    assert_eq!(pass(&mut solo, 30), (1, Some(60_000)));
    assert_eq!(pass(&mut solo, 31), (1, Some(60_000)));
    solo.host_mut().take_from_client(recording(1, 0, 1, 1), 0);
    assert_eq!(pass(&mut solo, 45), (2, Some(75_000)), "a block with a transaction puts the heartbeat off");
    assert_eq!(pass(&mut solo, 200), (3, Some(230_000)), "what was missed is not made up for");
    assert!(solo.host().chain().snapshot().unwrap().block_at(3).unwrap().unwrap().transactions.is_empty());
}
