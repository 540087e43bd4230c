//! Some validators with their disks, and a network between them that loses, doubles, delays and cuts.

mod byzantine;
mod checks;
mod disk;
mod host;
mod random;
mod transactions;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolCall;
use chain::{
    Chain, DEV_GENESIS_UNIX_S, Genesis, GenesisContract, SignedTransaction, Validator, ValidatorKey, ValidatorSet,
};
use consensus::{
    Action, Bft, Consensus as _, ConsensusError, Event, Heartbeat, Message, Now, Signer, default_timeouts,
};
use contracts::{STAKING_ADDRESS, Staking, StakingParameters, staking_deployment};

pub(crate) use byzantine::{LIES, Lie};
pub(crate) use disk::SimulatedDisk;
pub(crate) use host::PoolAndChain;
pub(crate) use random::Random;
pub(crate) use transactions::{CHAIN_ID, RECORDER, RECORDER_ADDRESS, call, key, recording};

pub(crate) type Engine = Bft<PoolAndChain, SimulatedDisk>;

/// How the network behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) lost_percent: u64,
    pub(crate) doubled_percent: u64,
    pub(crate) slow_percent: u64,
}

pub(crate) const FAIR: Weather = Weather { lost_percent: 0, doubled_percent: 0, slow_percent: 0 };
pub(crate) const FOUL: Weather = Weather { lost_percent: 12, doubled_percent: 8, slow_percent: 12 };

const FAST_MS: (u64, u64) = (1, 40);
const SLOW_MS: (u64, u64) = (200, 2_500);
const RECONNECT_MS: u64 = 50;

pub(crate) struct Node {
    pub(crate) key: ValidatorKey,
    directory: tempfile::TempDir,
    pub(crate) disk: SimulatedDisk,
    /// None while it is down.
    pub(crate) engine: Option<Engine>,
    /// Nodes of one group reach each other.
    group: u8,
    pub(crate) lie: Option<Lie>,
}

enum Arrival {
    Bytes(Vec<u8>),
    Connection,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now_ms: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) weather: Weather,
    genesis: Genesis,
    arrivals: BTreeMap<u64, (usize, usize, Arrival)>,
    order: BinaryHeap<Reverse<(u64, u64)>>,
    sequence: u64,
    /// When the last message of each connection arrives; messages that are not slow keep their order.
    last_arrivals: BTreeMap<(usize, usize), u64>,
    /// Transactions that were handed in, and those that a node acknowledged.
    pub(crate) submitted: BTreeSet<B256>,
    pub(crate) acknowledged: Vec<B256>,
    nonces: BTreeMap<u8, u64>,
    pub(crate) record: checks::Record,
    /// Messages that left nodes, by kind.
    pub(crate) sent: BTreeMap<&'static str, u64>,
}

impl World {
    /// Validators of these powers, all running.
    pub(crate) fn new(seed: u64, powers: &[u64]) -> Self {
        Self::with_newcomers(seed, powers, 0)
    }

    /// The same, and nodes that may become validators.
    pub(crate) fn with_newcomers(seed: u64, powers: &[u64], newcomers: usize) -> Self {
        let keys: Vec<_> = (0u8..).take(powers.len() + newcomers).map(validator_key).collect();
        let set =
            keys.iter().zip(powers).map(|(key, &voting_power)| Validator { address: key.address(), voting_power });
        let set = ValidatorSet::new(set).unwrap();
        let recorder = GenesisContract { address: RECORDER_ADDRESS, init_code: RECORDER };
        let contracts = vec![recorder, staking_of(&set)];
        let nodes = keys.into_iter().map(|key| Node {
            key,
            directory: tempfile::tempdir().unwrap(),
            disk: SimulatedDisk::default(),
            engine: None,
            group: 0,
            lie: None,
        });
        let mut world = Self {
            random: Random::new(seed),
            now_ms: 1_000,
            nodes: nodes.collect(),
            weather: FAIR,
            genesis: Genesis::development(set, contracts),
            arrivals: BTreeMap::new(),
            order: BinaryHeap::new(),
            sequence: 0,
            last_arrivals: BTreeMap::new(),
            submitted: BTreeSet::new(),
            acknowledged: Vec::new(),
            nonces: BTreeMap::new(),
            record: checks::Record::new(),
            sent: BTreeMap::new(),
        };
        for index in 0..world.nodes.len() {
            world.start(index);
        }
        world
    }

    /// These nodes want a block without transactions after so long without one, until they are started again.
    pub(crate) fn beat(&mut self, nodes: &[usize], seconds: u64) {
        self.record.takes_empty_blocks = true;
        for &index in nodes {
            let engine = self.nodes[index].engine.take().unwrap();
            self.nodes[index].engine = Some(engine.with_heartbeat(Heartbeat::every_seconds(seconds)));
        }
    }

    pub(crate) fn clock(&self) -> Now {
        Now { monotonic_ms: self.now_ms, unix_s: DEV_GENESIS_UNIX_S + self.now_ms / 1_000 }
    }

    pub(crate) fn open(&self, index: usize) -> Result<Engine, ConsensusError> {
        let node = &self.nodes[index];
        let chain = Chain::open(&node.directory.path().join("chain.redb"), &self.genesis).unwrap();
        let host = PoolAndChain::new(chain, node.key.address());
        let signer = Signer::new(node.key.clone(), CHAIN_ID);
        Bft::open(host, signer, default_timeouts(), node.disk.clone(), self.clock())
    }

    pub(crate) fn start(&mut self, index: usize) {
        assert!(self.nodes[index].engine.is_none());
        let engine = self.open(index).unwrap();
        self.nodes[index].engine = Some(engine);
        self.connect(index);
        self.handle(index, Event::TimePassed);
    }

    /// Ends a node at once. What its log had not synced may be lost in part.
    pub(crate) fn crash(&mut self, index: usize) {
        self.nodes[index].engine = None;
        self.nodes[index].disk.crash(&mut self.random);
    }

    pub(crate) fn is_up(&self, index: usize) -> bool {
        self.nodes[index].engine.is_some()
    }

    /// Cuts the network into groups; nodes of equal numbers reach each other.
    pub(crate) fn partition(&mut self, groups: &[u8]) {
        for (node, group) in self.nodes.iter_mut().zip(groups) {
            node.group = *group;
        }
    }

    pub(crate) fn heal(&mut self) {
        for node in &mut self.nodes {
            node.group = 0;
        }
        for index in 0..self.nodes.len() {
            self.connect(index);
        }
    }

    fn connect(&mut self, index: usize) {
        for other in 0..self.nodes.len() {
            if other != index {
                self.arrive(self.now_ms + RECONNECT_MS, index, other, Arrival::Connection);
                self.arrive(self.now_ms + RECONNECT_MS, other, index, Arrival::Connection);
            }
        }
    }

    /// A client hands a transaction to a node, which stores it and acknowledges it.
    pub(crate) fn submit(&mut self, index: usize, sender: u8) -> B256 {
        let nonce = self.next_nonce(sender);
        self.hand_in(index, recording(sender, nonce, u64::from(sender), self.now_ms))
    }

    /// A client hands a call of the contract of the validators to a node.
    pub(crate) fn submit_staking(&mut self, index: usize, call_of_contract: &impl SolCall) -> B256 {
        let nonce = self.next_nonce(AUTHORITY);
        let input = call_of_contract.abi_encode().into();
        self.hand_in(index, call(AUTHORITY, nonce, STAKING_ADDRESS, input))
    }

    fn next_nonce(&mut self, sender: u8) -> u64 {
        let nonce = self.nonces.entry(sender).or_default();
        *nonce += 1;
        *nonce - 1
    }

    fn hand_in(&mut self, index: usize, transaction: SignedTransaction) -> B256 {
        let hash = transaction.hash();
        self.submitted.insert(hash);
        let raw = transaction.raw().clone();
        let engine = self.nodes[index].engine.as_mut().unwrap();
        engine.host_mut().take_from_client(transaction, self.now_ms);
        self.acknowledged.push(hash);
        self.handle(index, Event::Transactions(vec![raw]));
        hash
    }

    /// Gives a node an event, carries its actions out, and checks everything.
    pub(crate) fn handle(&mut self, index: usize, event: Event) {
        let now = self.clock();
        let Some(engine) = self.nodes[index].engine.as_mut() else { return };
        let actions = engine.handle(event, now).unwrap();
        self.record.check_step(&self.nodes, index, &self.submitted);
        for action in actions {
            match action {
                Action::Broadcast(message) => {
                    for to in 0..self.nodes.len() {
                        if to != index {
                            self.say(index, to, &message);
                        }
                    }
                }
                Action::Send { to, message } => {
                    let to = self.index_of(to);
                    self.say(index, to, &message);
                }
                Action::Misbehaviour { height, validator, contradiction } => {
                    let accused = self.index_of(validator);
                    self.record.check_accusation(&self.nodes, accused, height, contradiction);
                }
            }
        }
    }

    fn say(&mut self, from: usize, to: usize, message: &Message) {
        match self.nodes[from].lie {
            None => {
                self.record.check_statement(from, message);
                self.transmit(from, to, message.encode());
                *self.sent.entry(kind_of(message)).or_default() += 1;
            }
            Some(lie) => {
                let key = self.nodes[from].key.clone();
                for bytes in lie.twist(&mut self.random, &key, to, message) {
                    self.transmit(from, to, bytes);
                }
            }
        }
    }

    fn transmit(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        if self.nodes[from].group != self.nodes[to].group || self.random.percent(self.weather.lost_percent) {
            return;
        }
        let copies = if self.random.percent(self.weather.doubled_percent) { 2 } else { 1 };
        for _ in 0..copies {
            let time_ms = if self.random.percent(self.weather.slow_percent) {
                self.now_ms + self.random.between(SLOW_MS.0, SLOW_MS.1)
            } else {
                let earliest_ms = self.now_ms + self.random.between(FAST_MS.0, FAST_MS.1);
                let last_ms = self.last_arrivals.entry((from, to)).or_default();
                *last_ms = earliest_ms.max(*last_ms);
                *last_ms
            };
            self.arrive(time_ms, from, to, Arrival::Bytes(bytes.clone()));
        }
    }

    fn arrive(&mut self, time_ms: u64, from: usize, to: usize, arrival: Arrival) {
        self.sequence += 1;
        self.arrivals.insert(self.sequence, (from, to, arrival));
        self.order.push(Reverse((time_ms, self.sequence)));
    }

    fn index_of(&self, address: Address) -> usize {
        self.nodes.iter().position(|node| node.key.address() == address).unwrap()
    }

    /// Lets the next thing happen, if it happens before `until_ms`.
    fn step(&mut self, until_ms: u64) -> bool {
        let arrival = self.order.peek().map(|Reverse((time_ms, _))| *time_ms);
        let deadlines = self.nodes.iter().enumerate().filter_map(|(index, node)| {
            let deadline_ms = node.engine.as_ref()?.deadline_ms()?;
            Some((deadline_ms.max(self.now_ms), index))
        });
        let deadline = deadlines.min();
        let next_ms = [arrival, deadline.map(|(time_ms, _)| time_ms)].into_iter().flatten().min();
        let Some(next_ms) = next_ms.filter(|next_ms| *next_ms <= until_ms) else {
            self.now_ms = until_ms;
            return false;
        };
        self.now_ms = next_ms.max(self.now_ms);
        if arrival == Some(next_ms) {
            let Some(Reverse((_, sequence))) = self.order.pop() else { return false };
            let (from, to, arrival) = self.arrivals.remove(&sequence).unwrap();
            self.deliver(from, to, arrival);
        } else if let Some((_, index)) = deadline {
            self.handle(index, Event::TimePassed);
        }
        true
    }

    fn deliver(&mut self, from: usize, to: usize, arrival: Arrival) {
        let sender = self.nodes[from].key.address();
        if self.nodes[from].group != self.nodes[to].group {
            return;
        }
        match arrival {
            Arrival::Connection if self.is_up(from) => self.handle(to, Event::Connected(sender)),
            Arrival::Connection => {}
            Arrival::Bytes(bytes) => match Message::decode(&bytes, CHAIN_ID) {
                Ok(message) => self.handle(to, Event::Message { from: sender, message: Box::new(message) }),
                Err(error) => assert!(self.nodes[from].lie.is_some(), "an honest message does not decode: {error}"),
            },
        }
    }

    pub(crate) fn run_for(&mut self, duration_ms: u64) {
        let until_ms = self.now_ms + duration_ms;
        while self.step(until_ms) {}
    }

    /// Runs until a condition holds, at most `duration_ms`.
    pub(crate) fn run_until(&mut self, duration_ms: u64, condition: impl Fn(&Self) -> bool) -> bool {
        let until_ms = self.now_ms + duration_ms;
        loop {
            if condition(self) {
                return true;
            }
            if !self.step(until_ms) {
                return condition(self);
            }
        }
    }

    pub(crate) fn head(&self, index: usize) -> u64 {
        self.nodes[index].engine.as_ref().map_or(0, |engine| engine.next_height() - 1)
    }

    /// Those who decide the block after the head of a node, by their places.
    pub(crate) fn deciding(&self, index: usize) -> Vec<usize> {
        let Some(engine) = &self.nodes[index].engine else { return Vec::new() };
        let snapshot = engine.host().chain().snapshot().unwrap();
        let validators = snapshot.validators_at(snapshot.head().number + 1).unwrap();
        validators.iter().map(|member| self.index_of(member.address)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a node has every acknowledged transaction in its chain.
    pub(crate) fn has_all(&self, index: usize) -> bool {
        let Some(engine) = &self.nodes[index].engine else { return false };
        let included = engine.host().included();
        self.acknowledged.iter().all(|hash| included.contains(hash))
    }

    pub(crate) fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|index| self.nodes[*index].lie.is_none())
    }
}

/// Sends what the authority of the validators sends.
const AUTHORITY: u8 = 9;

pub(crate) fn validator_key(index: u8) -> ValidatorKey {
    ValidatorKey::new(key(0xa0 + index))
}

/// The contract of the validators, which starts with this set.
fn staking_of(set: &ValidatorSet) -> GenesisContract {
    let authority = Address::from_private_key(&key(AUTHORITY));
    let power = |member: Validator| Staking::ValidatorPower { validator: member.address, power: member.voting_power };
    let deployment = staking_deployment(&StakingParameters {
        admin: authority,
        validators: set.iter().map(power).collect(),
        unbonding_seconds: 60,
        penalty_recipient: authority,
    });
    GenesisContract { address: deployment.address, init_code: deployment.creation_code }
}

fn kind_of(message: &Message) -> &'static str {
    match message {
        Message::Proposal { .. } => "proposal",
        Message::Vote(_) => "vote",
        Message::Polka(_) | Message::Round(_) => "certificate",
        Message::Status(_) => "status",
        Message::Request(_) => "request",
        Message::Decided(_) => "decided",
        Message::Transactions(_) => "transactions",
    }
}
