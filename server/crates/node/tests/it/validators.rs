//! Several nodes that decide together, over real connections.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use alloy_primitives::{B256, TxKind};
use alloy_sol_types::SolCall;
use contracts::{STAKING_ADDRESS, Staking, StakingParameters, staking_deployment};
use node::chain::{DecidedBlock, Genesis, GenesisContract, ReceivedBlock, Validator, ValidatorKey, ValidatorSet};
use node::{Node, NodeConfig, NodeError, Peer, Role, ValidatorNetwork};

use crate::setup::{PATIENCE, address, eip1559, genesis, key, ping, sign};

const FIRST_VALIDATOR: u8 = 0xc0;

struct Network {
    genesis: Genesis,
    endpoints: Vec<SocketAddr>,
    directories: Vec<tempfile::TempDir>,
    nodes: Vec<Option<Node>>,
}

fn validator(index: usize) -> ValidatorKey {
    ValidatorKey::new(key(FIRST_VALIDATOR + index as u8))
}

pub(crate) fn genesis_of_validators(count: usize) -> Genesis {
    let members = (0..count).map(|index| Validator { address: validator(index).address(), voting_power: 1 });
    Genesis { validators: ValidatorSet::new(members).unwrap(), ..genesis() }
}

/// Places where nobody listens. They are free again when the nodes take them.
pub(crate) fn free_endpoints(count: usize) -> Vec<SocketAddr> {
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

/// Starts one of the validators that are reached at these places.
pub(crate) fn start_validator(directory: &Path, genesis: &Genesis, index: usize, endpoints: &[SocketAddr]) -> Node {
    let mut config = NodeConfig::new(directory.join("chain.redb"), genesis.clone(), validator(index));
    let others = (0..endpoints.len()).filter(|other| *other != index);
    let peers = others
        .map(|other| Peer { address: validator(other).address(), endpoint: endpoints[other].to_string() })
        .collect();
    config.role = Role::Among(validator(index), ValidatorNetwork { listen: endpoints[index], peers });
    Node::start(config).unwrap()
}

/// The same, with the contract that lets the holder of the key 1 admit others.
fn genesis_of_changing_validators(count: usize) -> Genesis {
    let mut genesis = genesis_of_validators(count);
    let power = |member: Validator| Staking::ValidatorPower { validator: member.address, power: member.voting_power };
    let deployment = staking_deployment(&StakingParameters {
        admin: address(1),
        validators: genesis.validators.iter().map(power).collect(),
        unbonding_seconds: 60,
        penalty_recipient: address(1),
    });
    let contract = GenesisContract { address: deployment.address, init_code: deployment.creation_code };
    genesis.contracts.push(contract);
    genesis
}

/// A signed call of the contract of the validators.
fn staking(nonce: u64, call: &impl SolCall) -> Vec<u8> {
    sign(1, eip1559(nonce, TxKind::Call(STAKING_ADDRESS), call.abi_encode().into()))
}

impl Network {
    fn start(count: usize) -> Self {
        Self::of(genesis_of_validators(count), count)
    }

    /// As many nodes, of which the first are validators.
    fn of(genesis: Genesis, count: usize) -> Self {
        let directories = (0..count).map(|_| tempfile::tempdir().unwrap()).collect();
        let endpoints = free_endpoints(count);
        let mut network = Self { genesis, endpoints, directories, nodes: Vec::new() };
        network.nodes = (0..count).map(|index| Some(network.open(index))).collect();
        network
    }

    fn open(&self, index: usize) -> Node {
        start_validator(self.directories[index].path(), &self.genesis, index, &self.endpoints)
    }

    fn stop(&mut self, index: usize) {
        self.nodes[index].take().unwrap().shutdown().unwrap();
    }

    fn restart(&mut self, index: usize) {
        self.nodes[index] = Some(self.open(index));
    }

    fn node(&self, index: usize) -> &Node {
        self.nodes[index].as_ref().unwrap()
    }

    async fn submit(&self, index: usize, raw: &[u8]) -> B256 {
        self.node(index).handle().submit_raw_transaction(raw).await.unwrap()
    }

    /// Waits until these nodes have the transaction in the same block.
    async fn is_final_on(&self, nodes: &[usize], hash: B256) {
        let mut blocks = Vec::new();
        for &index in nodes {
            let handle = self.node(index).handle();
            let included = handle.wait_for_transaction(hash, PATIENCE).await.unwrap();
            assert!(included.is_some(), "node {index} has no block with {hash}");
            let snapshot = handle.snapshot().unwrap();
            let place = snapshot.place_of(hash).unwrap().unwrap();
            let header = snapshot.header_at(place.height).unwrap().unwrap();
            let certificate = snapshot.certificate_at(place.height).unwrap().unwrap();
            let validators = snapshot.validators_at(place.height).unwrap();
            certificate.verify(self.genesis.chain_id, place.height, header.hash(), &validators).unwrap();
            blocks.push((place.height, header.hash(), header.state_root));
        }
        assert!(blocks.windows(2).all(|pair| pair[0] == pair[1]), "{blocks:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_nodes_agree_go_on_without_one_and_take_it_back() {
    let mut network = Network::start(4);
    let first = network.submit(0, &ping(1, 0)).await;
    network.is_final_on(&[0, 1, 2, 3], first).await;

    network.stop(3);
    let mut last = first;
    for nonce in 1..6 {
        last = network.submit(1, &ping(1, nonce)).await;
        network.is_final_on(&[0, 1, 2], last).await;
    }
    network.restart(3);
    network.is_final_on(&[3], last).await;

    // It decides again: without another of the four it is needed.
    network.stop(0);
    let with_it = network.submit(3, &ping(2, 0)).await;
    network.is_final_on(&[1, 2, 3], with_it).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validator_takes_blocks_that_are_handed_over_and_goes_on_deciding() {
    let mut network = Network::start(4);
    let first = network.submit(0, &ping(1, 0)).await;
    network.is_final_on(&[0, 1, 2, 3], first).await;
    network.stop(3);
    let second = network.submit(0, &ping(1, 1)).await;
    network.is_final_on(&[0, 1, 2], second).await;

    // It starts again where nobody is reached.
    let mut alone =
        NodeConfig::new(network.directories[3].path().join("chain.redb"), network.genesis.clone(), validator(3));
    let nobody = ValidatorNetwork { listen: "127.0.0.1:0".parse().unwrap(), peers: vec![] };
    alone.role = Role::Among(validator(3), nobody);
    let cut_off = Node::start(alone).unwrap();
    let origin = network.node(0).handle().snapshot().unwrap();
    for height in 1..=origin.head().number {
        let (block, certificate) = (origin.block_at(height).unwrap().unwrap(), origin.certificate_at(height).unwrap());
        let encoded = DecidedBlock::encode(&block, &certificate.unwrap());
        let received = ReceivedBlock::decode(&mut encoded.as_slice()).unwrap();
        assert_eq!(cut_off.handle().import(received).await.unwrap(), height == 2, "block {height}");
    }
    assert_eq!(cut_off.handle().head().unwrap(), *origin.head());
    tokio::task::spawn_blocking(move || cut_off.shutdown()).await.unwrap().unwrap();

    network.restart(3);
    network.stop(1);
    let third = network.submit(3, &ping(1, 2)).await;
    network.is_final_on(&[0, 2, 3], third).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifth_node_is_admitted_decides_and_one_of_the_first_leaves() {
    let mut network = Network::of(genesis_of_changing_validators(4), 5);
    let deciding = |network: &Network, index: usize| {
        let validators = network.node(index).handle().validators().unwrap();
        let place = |address| (0..5).find(|index| validator(*index).address() == address).unwrap();
        let mut places: Vec<usize> = validators.iter().map(|member| place(member.address)).collect();
        places.sort_unstable();
        places
    };
    let first = network.submit(4, &ping(2, 0)).await;
    network.is_final_on(&[0, 1, 2, 3, 4], first).await;

    let admit = Staking::admitCall { validator: validator(4).address(), basePower: 1 };
    let admitted = network.submit(0, &staking(0, &admit)).await;
    network.is_final_on(&[0, 1, 2, 3, 4], admitted).await;
    assert_eq!(deciding(&network, 3), [0, 1, 2, 3, 4]);
    // Four of five are needed, so the fifth signs.
    network.stop(3);
    let with_fifth = network.submit(1, &ping(2, 1)).await;
    network.is_final_on(&[0, 1, 2, 4], with_fifth).await;
    network.restart(3);
    network.is_final_on(&[3], with_fifth).await;

    let remove = Staking::removeCall { validator: validator(0).address() };
    let removed = network.submit(4, &staking(1, &remove)).await;
    network.is_final_on(&[0, 1, 2, 3, 4], removed).await;
    assert_eq!(deciding(&network, 4), [1, 2, 3, 4]);
    network.stop(0);
    network.stop(1);
    let last = network.submit(4, &ping(2, 2)).await;
    network.is_final_on(&[2, 3, 4], last).await;

    // A reader who knows the hash of block 0 can follow over both changes.
    let proof = network.node(4).handle().snapshot().unwrap().prove_receipt(last).unwrap().unwrap();
    let chain = proof.chain().unwrap();
    assert_eq!(chain.genesis_hash, network.genesis.block_hash().unwrap());
    let block = proof.block(&chain).unwrap();
    proof.receipt(&block.header).unwrap();
    assert_eq!(block.validators.iter().len(), 4);
}

#[test]
fn who_is_no_validator_yet_is_taken_and_nobody_is_its_own_peer() {
    let directory = tempfile::tempdir().unwrap();
    let start = |own: usize, peers: &[usize]| {
        let mut config = NodeConfig::new(directory.path().join("chain.redb"), genesis_of_validators(4), validator(own));
        let peers =
            peers.iter().map(|peer| Peer { address: validator(*peer).address(), endpoint: "127.0.0.1:1".into() });
        let network = ValidatorNetwork { listen: "127.0.0.1:0".parse().unwrap(), peers: peers.collect() };
        config.role = Role::Among(validator(own), network);
        Node::start(config)
    };
    start(7, &[0]).unwrap();
    start(0, &[1, 7]).unwrap();
    assert!(matches!(start(0, &[1, 0]), Err(NodeError::NotAPeer(address)) if address == validator(0).address()));
    start(0, &[1, 2, 3]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_which_validators_it_is_connected_with() {
    let mut network = Network::start(4);
    let hash = network.submit(0, &ping(1, 0)).await;
    network.is_final_on(&[0, 1, 2, 3], hash).await;
    network.stop(3);
    let states = || network.node(0).handle().peers();
    let of = |index: usize| states().iter().find(|peer| peer.address == validator(index).address()).copied().unwrap();
    let waits = std::time::Instant::now();
    while of(3).is_connected {
        assert!(waits.elapsed() < PATIENCE, "a validator that ended counts as connected");
        tokio::task::yield_now().await;
    }
    assert_eq!(states().len(), 3);
    assert!(states().iter().all(|peer| peer.address != validator(0).address()), "a node is no peer of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_of_four_acknowledge_is_decided_when_a_third_returns() {
    let mut network = Network::start(4);
    network.stop(2);
    network.stop(3);
    let hash = network.submit(0, &ping(1, 0)).await;
    // The acknowledged transaction survives a restart of the node that took it.
    network.stop(0);
    network.restart(0);
    network.restart(2);
    network.is_final_on(&[0, 1, 2], hash).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lacking_quorum_is_told_once_something_waits() {
    let mut network = Network::start(4);
    let first = network.submit(0, &ping(1, 0)).await;
    network.is_final_on(&[0, 1, 2, 3], first).await;
    let handle = network.node(0).handle();
    network.stop(2);
    network.stop(3);
    let waits = std::time::Instant::now();
    while handle.quorum_shortage().unwrap().is_none() {
        assert!(waits.elapsed() < PATIENCE, "validators that ended count as connected");
        tokio::task::yield_now().await;
    }
    assert_eq!(handle.why_no_blocks().unwrap(), None, "nothing waits");
    let second = network.submit(0, &ping(1, 1)).await;
    let reason = handle.why_no_blocks().unwrap().unwrap();
    assert!(reason.contains("voting power 2 of 4 are connected"), "{reason}");
    network.restart(2);
    network.is_final_on(&[0, 1, 2], second).await;
    assert_eq!(handle.why_no_blocks().unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_on_the_validators_port_are_refused_and_nothing_stops() {
    let network = Network::start(4);
    for bytes in [vec![], vec![0; 93], vec![0xff; 10_000], b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut stream = TcpStream::connect(network.endpoints[0]).unwrap();
        // The node may close the connection before everything is sent.
        let _ = stream.write_all(&bytes);
    }
    let hash = network.submit(0, &ping(1, 0)).await;
    network.is_final_on(&[0, 1, 2, 3], hash).await;
}

#[test]
fn a_log_of_another_process_is_not_shared() {
    let network = Network::start(4);
    let database = network.directories[0].path().join("chain.redb");
    let copy = tempfile::tempdir().unwrap();
    std::fs::hard_link(database.with_extension("consensus"), copy.path().join("chain.consensus")).unwrap();
    let mut config = NodeConfig::new(copy.path().join("chain.redb"), network.genesis.clone(), validator(0));
    let network = ValidatorNetwork { listen: "127.0.0.1:0".parse().unwrap(), peers: vec![] };
    config.role = Role::Among(validator(0), network);
    assert!(matches!(Node::start(config), Err(NodeError::ConsensusLog { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_spoke_among_others_about_the_next_block_does_not_decide_it_alone() {
    // One validator has the quorum, so that it could decide alone. Its log is of the time when it was one of several.
    let directory = tempfile::tempdir().unwrap();
    let genesis = genesis_of_validators(1);
    let alone = || NodeConfig::new(directory.path().join("chain.redb"), genesis.clone(), validator(0));
    let log = directory.path().join("chain.consensus");
    drop(Node::start(alone()).unwrap());
    let entry_of = |height: u64| {
        let mut bytes = b"AITBCBFT".to_vec();
        bytes.extend(height.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let payload = b"vote";
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(crc32fast::hash(&[height.to_le_bytes().as_slice(), payload].concat()).to_le_bytes());
        bytes.extend(payload);
        bytes
    };
    std::fs::write(&log, entry_of(1)).unwrap();
    let error = Node::start(alone()).err().unwrap();
    assert!(error.to_string().contains("took part among others"), "{error}");
    assert_eq!(std::fs::read(&log).unwrap(), entry_of(1), "what it said is not forgotten");
    std::fs::write(&log, entry_of(0)).unwrap();
    assert!(Node::start(alone()).is_ok(), "a height that is over binds nobody");
}
