//! The node of this installation: its genesis, and the economics that the minter starts with.

use contracts::{GenesisParameters, UnitPriceLimit};
use k256::ecdsa::SigningKey;
use node::chain::{ValidatorKey, ValidatorSet};
use node::{Node, NodeConfig, NodeError, development_genesis};
use shared::amount::ATTO_PER_AIT;
use shared::unit::UnitType;

use crate::app::StartError;
use crate::config::Config;
use crate::keys::Keys;

/// Length of an epoch of the minter.
const EPOCH_SECONDS: u64 = 86_400;

/// AIT that one epoch may mint.
const EPOCH_CAP_AIT: u128 = 1_000_000;

/// The highest price of one megapixel step.
const MEGAPIXEL_STEP_MAX_AIT: u128 = 10;

/// The highest price of one token: 0.01 AIT.
const TOKEN_MAX_ATTO: u128 = ATTO_PER_AIT / 100;

fn limit(unit_type: UnitType, max_unit_price_atto: u128) -> UnitPriceLimit {
    UnitPriceLimit { unit_type: unit_type.as_str().to_owned(), max_unit_price_atto }
}

/// Opens or creates the chain under the data folder.
pub(crate) fn start_node(config: &Config, keys: &Keys) -> Result<Node, StartError> {
    let key = SigningKey::from_slice(&keys.validator.to_bytes());
    let validator = ValidatorKey::new(key.map_err(|error| StartError::ValidatorKey(error.to_string()))?);
    let parameters = GenesisParameters {
        admin: keys.admin,
        attesters: vec![keys.hub.address()],
        attester_threshold: 1,
        epoch_seconds: EPOCH_SECONDS,
        epoch_cap_atto: EPOCH_CAP_AIT * ATTO_PER_AIT,
        max_unit_prices: vec![
            limit(UnitType::MegapixelStep, MEGAPIXEL_STEP_MAX_AIT * ATTO_PER_AIT),
            limit(UnitType::Token, TOKEN_MAX_ATTO),
        ],
    };
    let genesis = development_genesis(ValidatorSet::single(validator.address()), &parameters);
    let mut node = NodeConfig::new(config.data.join("chain.redb"), genesis, validator);
    // The hub mints for everybody, so the allowance of a single sender does not fit it.
    node.pool_limits.unmetered_senders.insert(keys.hub.address());
    Node::start(node).map_err(|error| match error {
        NodeError::Chain(error) if error.is_in_use() => StartError::InUse { path: config.data.clone() },
        error => error.into(),
    })
}
