//! The contracts of block 0: their addresses and constructor arguments.

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::SolConstructor;

use crate::abi::{AIToken, AITokenMinter, BridgedToken, ExchangeSettlement, JobEscrow, ModelBounty, Staking};
use crate::bytecode::{
    AI_TOKEN_CREATION_CODE, AI_TOKEN_MINTER_CREATION_CODE, BRIDGED_TOKEN_CREATION_CODE,
    EXCHANGE_SETTLEMENT_CREATION_CODE, JOB_ESCROW_CREATION_CODE, MODEL_BOUNTY_CREATION_CODE, STAKING_CREATION_CODE,
    TEST_DOLLAR_CREATION_CODE,
};

/// Where genesis puts `AIToken`.
pub const AI_TOKEN_ADDRESS: Address = address!("0000000000000000000000000000000000A17001");

/// Where genesis puts `AITokenMinter`.
pub const AI_TOKEN_MINTER_ADDRESS: Address = address!("0000000000000000000000000000000000A17002");

/// Where genesis puts `JobEscrow`.
pub const JOB_ESCROW_ADDRESS: Address = address!("0000000000000000000000000000000000A17003");

/// Where a chain that has an exchange puts `ExchangeSettlement`.
pub const EXCHANGE_SETTLEMENT_ADDRESS: Address = address!("0000000000000000000000000000000000A17004");

/// Where a development chain puts `TestDollar`.
pub const TEST_DOLLAR_ADDRESS: Address = address!("0000000000000000000000000000000000A17005");

/// Where a chain whose validators change puts `Staking`. Nodes read the validators of the next block there.
pub const STAKING_ADDRESS: Address = address!("0000000000000000000000000000000000A17006");

/// Where a development chain puts the `BridgedToken` that stands for bitcoin.
pub const BRIDGED_BITCOIN_ADDRESS: Address = address!("0000000000000000000000000000000000A17007");

/// Where a development chain puts the `BridgedToken` that stands for ether.
pub const BRIDGED_ETHER_ADDRESS: Address = address!("0000000000000000000000000000000000A17008");

/// Where genesis puts `ModelBounty`.
pub const MODEL_BOUNTY_ADDRESS: Address = address!("0000000000000000000000000000000000A17009");

/// Most receipts in one `mintBatch`. A full batch fits the 2^24 gas of one transaction (EIP-7825).
pub const MAX_BATCH_RECEIPTS: usize = 128;

/// Most receipts in one `settleBatch`, within the same gas.
pub const MAX_ESCROW_BATCH_RECEIPTS: usize = 64;

/// Most fills in one `settle` of the exchange, and the orders that they may be between. They fit one transaction, in gas
/// and in bytes.
pub const MAX_BATCH_FILLS: usize = 64;
pub const MAX_BATCH_ORDERS: usize = 128;

/// Gas that a trader's contract has to say whether it signed, as `ExchangeSettlement` has it.
pub const WALLET_GAS: u64 = 200_000;

/// How long a network on which AIT is worth something holds what is minted: a day for audits to find what was wrong.
pub const DEFAULT_HOLD_SECONDS: u64 = 86_400;

/// The longest that the minter may hold an amount, as `AITokenMinter` has it.
pub const MAX_HOLD_SECONDS: u64 = 30 * 86_400;

/// The longest that a bounty may be open, as `ModelBounty` has it.
pub const MAX_BOUNTY_SECONDS: u64 = 366 * 86_400;

/// The epoch's cap, divided by this, is what one provider may mint of it where nothing else is decided.
pub const PROVIDER_CAP_DIVISOR: u128 = 10;

/// What a chain decides about its contracts at genesis. The constructor refuses what breaks a bound.
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
    /// The most attoAIT that one epoch may mint for one provider.
    pub provider_epoch_cap_atto: u128,
    /// How long what is minted is held: 30 days at most; 0 pays at once.
    pub hold_seconds: u64,
    /// Unit types that may ask for a price. Receipts of all others must be free.
    pub max_unit_prices: Vec<UnitPriceLimit>,
    /// What the escrow takes from each payment, and for whom.
    pub escrow_fee: EscrowFee,
}

/// The part of a payment from escrow that goes to others than the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscrowFee {
    /// The part in 1/10 000: at most 1 000.
    pub basis_points: u16,
    /// Who gets it: 1 to 8 distinct accounts.
    pub recipients: Vec<FeeRecipient>,
}

impl EscrowFee {
    /// The whole fee for one account.
    pub fn to_one(account: Address, basis_points: u16) -> Self {
        Self { basis_points, recipients: vec![FeeRecipient { account, basis_points: 10_000 }] }
    }
}

/// An account and its part of the fees in 1/10 000. The parts of all recipients sum to 10 000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeRecipient {
    pub account: Address,
    pub basis_points: u16,
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

/// The contracts of block 0 in the order in which they are constructed. No constructor calls
/// another contract.
pub fn genesis_deployments(parameters: &GenesisParameters) -> [Deployment; 4] {
    [
        Deployment {
            contract_name: "AIToken",
            address: AI_TOKEN_ADDRESS,
            creation_code: token_creation_code(AI_TOKEN_MINTER_ADDRESS),
        },
        Deployment {
            contract_name: "AITokenMinter",
            address: AI_TOKEN_MINTER_ADDRESS,
            creation_code: minter_creation_code(AI_TOKEN_ADDRESS, JOB_ESCROW_ADDRESS, parameters),
        },
        Deployment {
            contract_name: "JobEscrow",
            address: JOB_ESCROW_ADDRESS,
            creation_code: escrow_creation_code(AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, parameters),
        },
        Deployment {
            contract_name: "ModelBounty",
            address: MODEL_BOUNTY_ADDRESS,
            creation_code: bounty_creation_code(AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS),
        },
    ]
}

/// Creation code of a token that only `minter` may mint.
pub fn token_creation_code(minter: Address) -> Bytes {
    with_arguments(AI_TOKEN_CREATION_CODE, &AIToken::constructorCall { minter_: minter })
}

/// Creation code of a minter of `token`, whose register of used receipts `escrow` shares.
pub fn minter_creation_code(token: Address, escrow: Address, parameters: &GenesisParameters) -> Bytes {
    let arguments = AITokenMinter::constructorCall {
        token_: token,
        escrow_: escrow,
        admin: parameters.admin,
        parameters: AITokenMinter::Parameters {
            attesters: parameters.attesters.clone(),
            attesterThreshold: parameters.attester_threshold,
            epochSeconds: parameters.epoch_seconds,
            epochCap: parameters.epoch_cap_atto,
            providerEpochCap: parameters.provider_epoch_cap_atto,
            holdSeconds: parameters.hold_seconds,
            maxUnitPrices: parameters.max_unit_prices.iter().map(unit_price_limit).collect(),
        },
    };
    with_arguments(AI_TOKEN_MINTER_CREATION_CODE, &arguments)
}

/// Creation code of an escrow of `token` that trusts the attesters of `minter`.
pub fn escrow_creation_code(token: Address, minter: Address, parameters: &GenesisParameters) -> Bytes {
    let fee = &parameters.escrow_fee;
    let mut recipients: Vec<_> = fee.recipients.iter().map(fee_recipient).collect();
    // The contract wants them ascending, so that it finds an account that stands twice.
    recipients.sort_by_key(|recipient| recipient.account);
    let arguments = JobEscrow::constructorCall {
        token_: token,
        minter_: minter,
        admin: parameters.admin,
        parameters: JobEscrow::Parameters { feeBasisPoints: fee.basis_points, feeRecipients: recipients },
    };
    with_arguments(JOB_ESCROW_CREATION_CODE, &arguments)
}

/// Creation code of a contract in which `token` is pledged, and which asks the register of `minter`.
pub fn bounty_creation_code(token: Address, minter: Address) -> Bytes {
    with_arguments(MODEL_BOUNTY_CREATION_CODE, &ModelBounty::constructorCall { token_: token, minter_: minter })
}

/// What a chain decides about its validators and their stake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StakingParameters {
    /// The authority: admits validators, and says who else may. Must not be zero.
    pub admin: Address,
    /// The validators of the first block with their base powers: 1 to 128.
    pub validators: Vec<Staking::ValidatorPower>,
    /// How long stake stays liable after it was undelegated: one minute to 90 days.
    pub unbonding_seconds: u64,
    /// Who gets what is slashed. Must not be zero.
    pub penalty_recipient: Address,
}

/// The contract of the validators.
pub fn staking_deployment(parameters: &StakingParameters) -> Deployment {
    Deployment {
        contract_name: "Staking",
        address: STAKING_ADDRESS,
        creation_code: staking_creation_code(AI_TOKEN_ADDRESS, JOB_ESCROW_ADDRESS, parameters),
    }
}

/// Creation code of a contract in which `token` is staked, and to which `escrow` pays fees.
pub fn staking_creation_code(token: Address, escrow: Address, parameters: &StakingParameters) -> Bytes {
    let arguments = Staking::constructorCall {
        token_: token,
        escrow_: escrow,
        admin: parameters.admin,
        parameters: Staking::Parameters {
            validators: parameters.validators.clone(),
            unbondingSeconds: parameters.unbonding_seconds,
            penaltyRecipient: parameters.penalty_recipient,
        },
    };
    with_arguments(STAKING_CREATION_CODE, &arguments)
}

/// What a chain decides about its exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeParameters {
    /// Holds every role but the settler's at first. Must not be zero.
    pub admin: Address,
    /// Who settles trades: the operator.
    pub settler: Address,
    /// Who gets the fees.
    pub fee_recipient: Address,
    /// How long a trader that leaves alone waits: 30 seconds to 7 days.
    pub exit_delay_seconds: u64,
    /// The first markets.
    pub listings: Vec<ExchangeSettlement::Listing>,
}

/// Creation code of an exchange.
pub fn exchange_creation_code(parameters: &ExchangeParameters) -> Bytes {
    let arguments = ExchangeSettlement::constructorCall {
        admin: parameters.admin,
        settler: parameters.settler,
        feeRecipient_: parameters.fee_recipient,
        exitDelaySeconds_: U256::from(parameters.exit_delay_seconds),
        listings: parameters.listings.clone(),
    };
    with_arguments(EXCHANGE_SETTLEMENT_CREATION_CODE, &arguments)
}

/// The contracts that a development chain has besides: the exchange, the dollar that it trades against, and what stands for
/// bitcoin and ether. Nobody is their bridge, so nothing of them is minted.
pub fn exchange_deployments(parameters: &ExchangeParameters) -> [Deployment; 4] {
    [
        Deployment {
            contract_name: "TestDollar",
            address: TEST_DOLLAR_ADDRESS,
            creation_code: test_dollar_creation_code(),
        },
        Deployment {
            contract_name: "BridgedToken",
            address: BRIDGED_BITCOIN_ADDRESS,
            creation_code: bridged_token_creation_code(parameters.admin, "Bridge-Minted Bitcoin", "WBTC", 8),
        },
        Deployment {
            contract_name: "BridgedToken",
            address: BRIDGED_ETHER_ADDRESS,
            creation_code: bridged_token_creation_code(parameters.admin, "Bridge-Minted Ether", "WETH", 18),
        },
        Deployment {
            contract_name: "ExchangeSettlement",
            address: EXCHANGE_SETTLEMENT_ADDRESS,
            creation_code: exchange_creation_code(parameters),
        },
    ]
}

/// Creation code of the worthless dollar.
pub fn test_dollar_creation_code() -> Bytes {
    Bytes::from_static(TEST_DOLLAR_CREATION_CODE)
}

/// AIT against the worthless dollar, as development chains trade it: lots of 0.01 AIT, steps of 0.0001 tUSD per AIT, fees
/// of 0.1 % and 0.2 %, orders of 0.01 tUSD at least.
pub fn test_dollar_listing() -> ExchangeSettlement::Listing {
    ExchangeSettlement::Listing {
        base: AI_TOKEN_ADDRESS,
        quote: TEST_DOLLAR_ADDRESS,
        baseUnitsPerLot: 10_000_000_000_000_000,
        quoteUnitsPerTick: 1,
        makerFeeBasisPoints: 10,
        takerFeeBasisPoints: 20,
        orderLotsMax: 1_000_000_000,
        notionalMin: 10_000,
    }
}

/// Creation code of a token that bridges mint. `admin` names them.
pub fn bridged_token_creation_code(admin: Address, name: &str, symbol: &str, decimals: u8) -> Bytes {
    let arguments = BridgedToken::constructorCall {
        admin,
        name_: name.to_owned(),
        symbol_: symbol.to_owned(),
        decimals_: decimals,
    };
    with_arguments(BRIDGED_TOKEN_CREATION_CODE, &arguments)
}

/// AIT against what stands for bitcoin: lots of 1 AIT, steps of one unit, 10^-8, for each of them, orders of 10 000 units
/// at least, so that the fee of a whole one does not round to 0, and the fees of the other markets.
pub fn bridged_bitcoin_listing() -> ExchangeSettlement::Listing {
    ExchangeSettlement::Listing {
        quote: BRIDGED_BITCOIN_ADDRESS,
        baseUnitsPerLot: 1_000_000_000_000_000_000,
        quoteUnitsPerTick: 1,
        orderLotsMax: 10_000_000,
        notionalMin: 10_000,
        ..test_dollar_listing()
    }
}

/// AIT against what stands for ether: lots of 0.01 AIT, steps of 10^-9 for one AIT, orders of 10^-5 at least.
pub fn bridged_ether_listing() -> ExchangeSettlement::Listing {
    ExchangeSettlement::Listing {
        quote: BRIDGED_ETHER_ADDRESS,
        quoteUnitsPerTick: 10_000_000,
        notionalMin: 10_000_000_000_000,
        ..test_dollar_listing()
    }
}

fn fee_recipient(recipient: &FeeRecipient) -> JobEscrow::FeeRecipient {
    JobEscrow::FeeRecipient { account: recipient.account, basisPoints: recipient.basis_points }
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
