//! The node of this installation: its genesis, and the economics that the minter starts with.

use std::path::Path;

use contracts::genesis::{bridged_bitcoin_listing, bridged_ether_listing, test_dollar_listing};
use contracts::{
    EscrowFee, ExchangeParameters, FeeRecipient, GenesisParameters, PROVIDER_CAP_DIVISOR, STAKING_ADDRESS, Staking,
    StakingParameters, UnitPriceLimit, exchange_deployments, staking_deployment,
};
use k256::ecdsa::SigningKey;
use node::chain::{GenesisContract, Validator, ValidatorKey, ValidatorSet};
use node::{Node, NodeConfig, NodeError, Role, UpstreamQueue, development_genesis};
use shared::Address;
use shared::amount::ATTO_PER_AIT;
use shared::signing::PrivateKey;
use shared::unit::UnitType;

use crate::app::StartError;
use crate::config::Config;
use crate::keys::{ChainKeys, Keys};
use crate::network::{self, GENESIS_FILE, SharedGenesis};

/// The database in a node's folder.
pub(crate) const DATABASE_FILE: &str = "chain.redb";

/// Length of an epoch of the minter.
const EPOCH_SECONDS: u64 = 86_400;

/// AIT that one epoch may mint.
const EPOCH_CAP_AIT: u128 = 1_000_000;

/// AIT that one epoch may mint for one miner. Addresses cost nothing, so this bounds one key and not one person.
const PROVIDER_EPOCH_CAP_AIT: u128 = EPOCH_CAP_AIT / PROVIDER_CAP_DIVISOR;

/// The highest price of one megapixel step.
const MEGAPIXEL_STEP_MAX_AIT: u128 = 10;

/// The highest price of one token: 0.01 AIT.
const TOKEN_MAX_ATTO: u128 = ATTO_PER_AIT / 100;

/// The power of a validator without stake. A whole AIT of stake is one unit, so this is as much as an epoch may mint.
pub(crate) const VALIDATOR_BASE_POWER: u64 = 1_000_000;

/// How long stake is liable after it was undelegated: a week to find and report a contradiction.
pub(crate) const UNBONDING_SECONDS: u64 = 7 * 86_400;

/// The same on a development chain, where nobody wants to wait.
pub(crate) const DEVELOPMENT_UNBONDING_SECONDS: u64 = 60;

/// The part of a payment from escrow that goes to the treasury, in 1/10 000.
const ESCROW_FEE_BASIS_POINTS: u16 = 200;

fn limit(unit_type: UnitType, max_unit_price_atto: u128) -> UnitPriceLimit {
    UnitPriceLimit { unit_type: unit_type.as_str().to_owned(), max_unit_price_atto }
}

/// What differs between the genesis blocks of installations, beside chain id and validators.
#[derive(Debug, Clone)]
pub(crate) struct GenesisTerms {
    /// Has the roles of the minter.
    pub(crate) admin: Address,
    /// The hubs that attest receipts.
    pub(crate) attesters: Vec<Address>,
    /// How long the minter holds what it mints; 0 pays at once.
    pub(crate) hold_seconds: u64,
    /// How long stake is liable after it was undelegated.
    pub(crate) unbonding_seconds: u64,
}

/// What the contracts of a new chain start with.
fn genesis_parameters(terms: &GenesisTerms) -> GenesisParameters {
    GenesisParameters {
        admin: terms.admin,
        attesters: terms.attesters.clone(),
        attester_threshold: 1,
        epoch_seconds: EPOCH_SECONDS,
        epoch_cap_atto: EPOCH_CAP_AIT * ATTO_PER_AIT,
        provider_epoch_cap_atto: PROVIDER_EPOCH_CAP_AIT * ATTO_PER_AIT,
        hold_seconds: terms.hold_seconds,
        max_unit_prices: vec![
            limit(UnitType::MegapixelStep, MEGAPIXEL_STEP_MAX_AIT * ATTO_PER_AIT),
            limit(UnitType::Token, TOKEN_MAX_ATTO),
        ],
        escrow_fee: escrow_fee(terms.admin),
    }
}

/// Half of each fee is for those who have staked. There is no treasury yet, so the administrator keeps the other half.
fn escrow_fee(admin: Address) -> EscrowFee {
    let half = |account| FeeRecipient { account, basis_points: 5_000 };
    EscrowFee { basis_points: ESCROW_FEE_BASIS_POINTS, recipients: vec![half(admin), half(STAKING_ADDRESS)] }
}

/// Block 0 of a new chain with these validators.
pub(crate) fn new_genesis(chain_id: u64, validators: ValidatorSet, terms: &GenesisTerms) -> SharedGenesis {
    let parameters = genesis_parameters(terms);
    let staking = staking_contract(&validators, terms);
    let mut genesis = development_genesis(validators, &parameters);
    genesis.contracts.push(staking);
    genesis.chain_id = chain_id;
    SharedGenesis { genesis }
}

/// The contract that says who decides: at first the validators of genesis, without any stake.
fn staking_contract(validators: &ValidatorSet, terms: &GenesisTerms) -> GenesisContract {
    let power = |member: Validator| Staking::ValidatorPower { validator: member.address, power: member.voting_power };
    let deployment = staking_deployment(&StakingParameters {
        admin: terms.admin,
        validators: validators.iter().map(power).collect(),
        unbonding_seconds: terms.unbonding_seconds,
        // As with the fees of the escrow, until there is a treasury.
        penalty_recipient: terms.admin,
    });
    GenesisContract { address: deployment.address, init_code: deployment.creation_code }
}

/// A validator of genesis.
pub(crate) fn genesis_validator(address: Address) -> Validator {
    Validator { address, voting_power: VALIDATOR_BASE_POWER }
}

/// The same key, as the chain takes it.
pub(crate) fn validator_key(key: &PrivateKey) -> Result<ValidatorKey, StartError> {
    let key = SigningKey::from_slice(&key.to_bytes());
    Ok(ValidatorKey::new(key.map_err(|error| StartError::ValidatorKey(error.to_string()))?))
}

/// The node of a server, and the way of its transactions where others keep the chain.
pub(crate) struct StartedNode {
    pub(crate) node: Node,
    pub(crate) following: Option<Following>,
}

/// A node that takes the blocks of others.
pub(crate) struct Following {
    pub(crate) urls: Vec<String>,
    pub(crate) queue: UpstreamQueue,
}

/// Opens or creates the chain under the data folder: the one that `genesis.json` there names, or one of its own. Where others
/// keep it, it takes their blocks and sends them its transactions.
pub(crate) fn start_node(config: &Config, keys: &Keys) -> Result<StartedNode, StartError> {
    let (shared, role, following) = match (&config.chain_from, &keys.chain) {
        (Some(from), _) => {
            let shared = network::genesis_for(&config.data, from.genesis.as_deref())?;
            check_chain_id(&shared, config)?;
            let (upstream, queue) = node::upstream();
            (shared, Role::Follower(Some(upstream)), Some(Following { urls: from.urls.clone(), queue }))
        }
        (None, Some(chain)) => {
            let (shared, role) = own_chain(config, keys.hub.address(), chain)?;
            (shared, role, None)
        }
        (None, None) => return Err(StartError::NoChain),
    };
    let mut node = node_config(&config.data, shared, role);
    node.disk_floor_bytes = config.disk_floor_bytes;
    node.timing.heartbeat = config.heartbeat;
    let node = open(node, &config.data)?;
    check_past(&node, &config.data)?;
    Ok(StartedNode { node, following })
}

/// The pages, the index and the exchange need all blocks, and traces of old transactions all states.
fn check_past(node: &Node, folder: &Path) -> Result<(), StartError> {
    let snapshot = node.handle().snapshot()?;
    let height = snapshot.snapshot_height().map_err(NodeError::from)?;
    if height > 0 {
        return Err(StartError::FromSnapshot { path: folder.to_owned(), height });
    }
    let first = snapshot.first_state_height().map_err(NodeError::from)?;
    if first > 0 {
        tracing::warn!(first, "states before this block were not kept here: pages show no traces of what was before");
    }
    Ok(())
}

/// The chain that this server keeps, alone or with others.
fn own_chain(config: &Config, hub: Address, keys: &ChainKeys) -> Result<(SharedGenesis, Role), StartError> {
    let validator = validator_key(&keys.validator)?;
    if let Some(shared) = SharedGenesis::read(&config.data.join(GENESIS_FILE))? {
        check_chain_id(&shared, config)?;
        let role = network::role(&config.data, &shared.genesis, validator, config.validator_listen)?;
        return Ok((shared, role));
    }
    let is_development = config.keys.is_development();
    let terms = GenesisTerms {
        admin: keys.admin,
        attesters: vec![hub],
        hold_seconds: config.hold_seconds,
        unbonding_seconds: if is_development { DEVELOPMENT_UNBONDING_SECONDS } else { UNBONDING_SECONDS },
    };
    let validators = ValidatorSet::new([genesis_validator(validator.address())]).map_err(StartError::Validators)?;
    let mut shared = new_genesis(config.chain_id, validators, &terms);
    if is_development {
        shared.genesis.contracts.extend(exchange_contracts(config, keys.admin, hub));
    }
    Ok((shared, Role::Alone(validator)))
}

fn check_chain_id(shared: &SharedGenesis, config: &Config) -> Result<(), StartError> {
    match shared.genesis.chain_id {
        stated if stated == config.chain_id => Ok(()),
        stated => Err(StartError::OtherChainId { stated, wanted: config.chain_id }),
    }
}

/// A node of this chain in this folder, with the usual bounds.
pub(crate) fn node_config(folder: &Path, shared: SharedGenesis, role: Role) -> NodeConfig {
    NodeConfig::of(folder.join(DATABASE_FILE), shared.genesis, role)
}

/// Starts a node, and says so where another process has its folder.
pub(crate) fn open(config: NodeConfig, folder: &Path) -> Result<Node, StartError> {
    Node::start(config).map_err(|error| match error {
        NodeError::Chain(error) if error.is_in_use() => StartError::InUse { path: folder.to_owned() },
        error => error.into(),
    })
}

/// The exchange of a development chain, and what it trades AIT against: the worthless dollar, and what stands for bitcoin and
/// ether, of which a bridge would have to mint the first unit. Other chains have none: there is nothing yet that AIT could be
/// traded against.
fn exchange_contracts(config: &Config, admin: Address, hub: Address) -> impl Iterator<Item = GenesisContract> {
    let parameters = ExchangeParameters {
        admin,
        settler: hub,
        // As with the escrow, the administrator keeps the fees until there is a treasury.
        fee_recipient: admin,
        exit_delay_seconds: config.exchange.exit_delay_seconds,
        listings: vec![test_dollar_listing(), bridged_bitcoin_listing(), bridged_ether_listing()],
    };
    exchange_deployments(&parameters)
        .into_iter()
        .map(|deployment| GenesisContract { address: deployment.address, init_code: deployment.creation_code })
}
