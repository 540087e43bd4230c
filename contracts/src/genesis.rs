//! The contracts of block 0: their addresses and constructor arguments.

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::SolConstructor;

use crate::abi::{AIToken, AITokenMinter};
use crate::bytecode::{AI_TOKEN_CREATION_CODE, AI_TOKEN_MINTER_CREATION_CODE};

/// Where genesis puts `AIToken`.
pub const AI_TOKEN_ADDRESS: Address = address!("0000000000000000000000000000000000A17001");

/// Where genesis puts `AITokenMinter`.
pub const AI_TOKEN_MINTER_ADDRESS: Address = address!("0000000000000000000000000000000000A17002");

/// Most receipts in one `mintBatch`. A full batch fits the 2^24 gas of one transaction (EIP-7825).
pub const MAX_BATCH_RECEIPTS: usize = 128;

/// What a chain decides about its minter at genesis. The constructor refuses what breaks a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenesisParameters {
    /// Holds every role at first. Must not be zero.
    pub admin: Address,
    /// Whose attestations count: 1 to 32 distinct accounts.
    pub attesters: Vec<Address>,
    /// How many of them must sign a receipt: 1 to their number.
    pub attester_threshold: u8,
    /// Length of an epoch: one minute to 366 days.
    pub epoch_seconds: u64,
    /// The most attoAIT that one epoch may mint.
    pub epoch_cap_atto: u128,
    /// Unit types that may ask for a price. Receipts of all others must be free.
    pub max_unit_prices: Vec<UnitPriceLimit>,
}

/// The highest price in attoAIT per whole unit that a receipt of `unit_type` may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPriceLimit {
    pub unit_type: String,
    pub max_unit_price_atto: u128,
}

/// A contract of block 0.
///
/// `creation_code` runs once with `address` as its own address, value 0 and no calldata, at the timestamp of block 0
/// (it starts the first epoch) and under the chain's id (it is cached in the EIP-712 domains). What it returns is the
/// contract's code; what it stored stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Name of the contract, for messages.
    pub contract_name: &'static str,
    /// Where the contract lives.
    pub address: Address,
    /// Creation code followed by the ABI encoding of the constructor's arguments.
    pub creation_code: Bytes,
}

/// The contracts of block 0 in the order in which they are constructed. Neither constructor calls the other contract.
pub fn genesis_deployments(parameters: &GenesisParameters) -> [Deployment; 2] {
    [
        Deployment {
            contract_name: "AIToken",
            address: AI_TOKEN_ADDRESS,
            creation_code: token_creation_code(AI_TOKEN_MINTER_ADDRESS),
        },
        Deployment {
            contract_name: "AITokenMinter",
            address: AI_TOKEN_MINTER_ADDRESS,
            creation_code: minter_creation_code(AI_TOKEN_ADDRESS, parameters),
        },
    ]
}

/// Creation code of a token that only `minter` may mint.
pub fn token_creation_code(minter: Address) -> Bytes {
    with_arguments(AI_TOKEN_CREATION_CODE, &AIToken::constructorCall { minter_: minter })
}

/// Creation code of a minter of `token`.
pub fn minter_creation_code(token: Address, parameters: &GenesisParameters) -> Bytes {
    let arguments = AITokenMinter::constructorCall {
        token_: token,
        admin: parameters.admin,
        parameters: AITokenMinter::Parameters {
            attesters: parameters.attesters.clone(),
            attesterThreshold: parameters.attester_threshold,
            epochSeconds: parameters.epoch_seconds,
            epochCap: parameters.epoch_cap_atto,
            maxUnitPrices: parameters.max_unit_prices.iter().map(unit_price_limit).collect(),
        },
    };
    with_arguments(AI_TOKEN_MINTER_CREATION_CODE, &arguments)
}

fn unit_price_limit(limit: &UnitPriceLimit) -> AITokenMinter::UnitPriceLimit {
    AITokenMinter::UnitPriceLimit {
        unitType: limit.unit_type.clone(),
        maxUnitPrice: U256::from(limit.max_unit_price_atto),
    }
}

fn with_arguments(creation_code: &[u8], arguments: &impl SolConstructor) -> Bytes {
    [creation_code, &arguments.abi_encode()].concat().into()
}
