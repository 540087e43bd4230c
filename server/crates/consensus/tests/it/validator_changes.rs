//! Validators that come and go while everything else goes wrong.

use alloy_primitives::Address;
use alloy_sol_types::SolCall as _;
use chain::{Chain, DEV_GENESIS_UNIX_S, Genesis, GenesisContract, ValidatorSet};
use consensus::{Consensus as _, ConsensusError, Event, Now, Solo};
use contracts::{STAKING_ADDRESS, Staking, StakingParameters, staking_deployment};

use crate::world::{CHAIN_ID, FAIR, FOUL, Lie, PoolAndChain, World, call, key, validator_key};

const SECOND_MS: u64 = 1_000;
const PATIENCE_MS: u64 = 180 * SECOND_MS;

fn admit(index: u8) -> Staking::admitCall {
    Staking::admitCall { validator: validator_key(index).address(), basePower: 1 }
}

fn remove(index: u8) -> Staking::removeCall {
    Staking::removeCall { validator: validator_key(index).address() }
}

/// Runs until these nodes have everything that was acknowledged.
fn settle(world: &mut World, nodes: &[usize]) {
    let settled = world.run_until(PATIENCE_MS, |world| nodes.iter().all(|index| world.has_all(*index)));
    let heads: Vec<u64> = nodes.iter().map(|index| world.head(*index)).collect();
    assert!(settled, "not everything that was acknowledged is on every chain: heads {heads:?}");
}

#[test]
fn a_fifth_validator_is_admitted_decides_and_another_leaves() {
    for seed in 0..3 {
        let mut world = World::with_newcomers(seed, &[1, 1, 1, 1], 1);
        world.weather = if seed == 0 { FAIR } else { FOUL };
        world.submit(0, 1);
        settle(&mut world, &[0, 1, 2, 3, 4]);
        assert_eq!(world.deciding(4), [0, 1, 2, 3], "a node that is not admitted follows");

        world.submit_staking(1, &admit(4));
        settle(&mut world, &[0, 1, 2, 3, 4]);
        assert_eq!(world.deciding(0), [0, 1, 2, 3, 4]);
        // Four of five are needed, and the fifth is one of them.
        world.crash(3);
        world.submit(4, 2);
        settle(&mut world, &[0, 1, 2, 4]);
        world.crash(2);
        let head = world.head(0);
        world.submit(0, 1);
        world.run_for(30 * SECOND_MS);
        assert_eq!([0, 1, 4].map(|index| world.head(index)), [head; 3], "three of five decided");
        world.start(2);
        world.start(3);
        settle(&mut world, &[0, 1, 2, 3, 4]);

        // The first one leaves, and is not waited for.
        world.submit_staking(2, &remove(0));
        settle(&mut world, &[0, 1, 2, 3, 4]);
        assert_eq!(world.deciding(1), [1, 2, 3, 4]);
        world.crash(0);
        world.crash(1);
        world.submit(3, 3);
        settle(&mut world, &[2, 3, 4]);
        // It follows when it comes back, and what it is told reaches those who decide.
        world.start(1);
        world.start(0);
        settle(&mut world, &[0, 1, 2, 3, 4]);
        world.submit(0, 4);
        settle(&mut world, &[0, 1, 2, 3, 4]);
        let heads: Vec<u64> = (0..5).map(|index| world.head(index)).collect();
        assert!(heads.windows(2).all(|pair| pair[0] == pair[1]), "heads differ: {heads:?}");
    }
}

#[test]
fn who_commits_to_two_blocks_is_shown_to_the_contract_and_decides_no_more() {
    let mut world = World::new(5, &[1, 1, 1, 1]);
    world.nodes[3].lie = Some(Lie::DoubleCommits);
    for sender in 1..=4 {
        world.submit(0, sender);
        settle(&mut world, &[0, 1, 2]);
    }
    let found = world.record.contradictions.first().cloned().expect("nobody kept a contradiction");
    let commit = |signed: &chain::SignedCommit| Staking::SignedCommit {
        blockHash: signed.block_hash,
        signature: signed.signature.clone(),
    };
    let slash = Staking::slashCall {
        validator: found.validator,
        height: found.height,
        round: found.round,
        first: commit(&found.first),
        second: commit(&found.second),
    };
    world.submit_staking(1, &slash);
    settle(&mut world, &[0, 1, 2]);
    assert_eq!(world.deciding(0), [0, 1, 2]);
    world.crash(3);
    world.submit(0, 1);
    settle(&mut world, &[0, 1, 2]);
}

#[test]
fn one_that_decided_alone_stops_when_others_get_their_say() {
    let own = validator_key(0);
    let authority = Address::from_private_key(&key(9));
    let deployment = staking_deployment(&StakingParameters {
        admin: authority,
        validators: vec![Staking::ValidatorPower { validator: own.address(), power: 1 }],
        unbonding_seconds: 60,
        penalty_recipient: authority,
    });
    let contract = GenesisContract { address: deployment.address, init_code: deployment.creation_code };
    let genesis = Genesis::development(ValidatorSet::single(own.address()), vec![contract]);
    let directory = tempfile::tempdir().unwrap();
    let chain = Chain::open(&directory.path().join("chain.redb"), &genesis).unwrap();
    let mut solo = Solo::new(PoolAndChain::new(chain, own.address()), own.clone(), CHAIN_ID);
    let now = Now { monotonic_ms: 0, unix_s: DEV_GENESIS_UNIX_S + 5 };
    let hand_in = |solo: &mut Solo<PoolAndChain>, nonce, input: Vec<u8>| {
        solo.host_mut().take_from_client(call(9, nonce, STAKING_ADDRESS, input.into()), 0);
        solo.handle(Event::Transactions(vec![]), now)
    };

    let weigh = Staking::setBasePowerCall { validator: own.address(), basePower: 3 };
    hand_in(&mut solo, 0, weigh.abi_encode()).unwrap();
    hand_in(&mut solo, 1, admit(1).abi_encode()).unwrap();
    let snapshot = solo.host().chain().snapshot().unwrap();
    assert_eq!(snapshot.validators_at(3).unwrap().total_power(), 4, "three of four are a quorum");
    hand_in(&mut solo, 2, admit(2).abi_encode()).unwrap();

    let refused = hand_in(&mut solo, 3, admit(3).abi_encode()).unwrap_err();
    assert!(matches!(refused, ConsensusError::NotAlone { height: 4, power: 3, total: 5 }), "{refused}");
    assert!(solo.fault().is_some_and(|fault| fault.contains("3 of 5")), "{:?}", solo.fault());
    assert_eq!(solo.host().chain().snapshot().unwrap().head().number, 3);
    assert_eq!(solo.deadline_ms(), Some(1_000), "it is tried again later, and not at once");
}
