//! The Solidity sources that the artifacts were compiled from, and the artifact of each contract of block 0. What the sources
//! import from `@openzeppelin` is a package of the version in `contracts/package-lock.json`.

use alloy_primitives::Address;

use crate::bytecode::{
    AI_TOKEN_ARTIFACT_JSON, AI_TOKEN_MINTER_ARTIFACT_JSON, BRIDGED_TOKEN_ARTIFACT_JSON,
    EXCHANGE_SETTLEMENT_ARTIFACT_JSON, JOB_ESCROW_ARTIFACT_JSON, MODEL_BOUNTY_ARTIFACT_JSON, STAKING_ARTIFACT_JSON,
    TEST_DOLLAR_ARTIFACT_JSON,
};
use crate::genesis::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, BRIDGED_BITCOIN_ADDRESS, BRIDGED_ETHER_ADDRESS,
    EXCHANGE_SETTLEMENT_ADDRESS, JOB_ESCROW_ADDRESS, MODEL_BOUNTY_ADDRESS, STAKING_ADDRESS, TEST_DOLLAR_ADDRESS,
};

/// The folder of [`SOURCES`], as artifacts name them.
pub const SOURCES_FOLDER: &str = "solidity/";

/// Path below `contracts/solidity`, and text.
pub const SOURCES: [(&str, &str); 27] = [
    ("AIToken.sol", include_str!("../solidity/AIToken.sol")),
    ("AITokenMinter.sol", include_str!("../solidity/AITokenMinter.sol")),
    ("BridgedToken.sol", include_str!("../solidity/BridgedToken.sol")),
    ("ExchangeSettlement.sol", include_str!("../solidity/ExchangeSettlement.sol")),
    ("JobEscrow.sol", include_str!("../solidity/JobEscrow.sol")),
    ("ModelBounty.sol", include_str!("../solidity/ModelBounty.sol")),
    ("Staking.sol", include_str!("../solidity/Staking.sol")),
    ("TestDollar.sol", include_str!("../solidity/TestDollar.sol")),
    ("interfaces/IAIToken.sol", include_str!("../solidity/interfaces/IAIToken.sol")),
    ("interfaces/IAITokenMinter.sol", include_str!("../solidity/interfaces/IAITokenMinter.sol")),
    ("interfaces/IExchangeSettlement.sol", include_str!("../solidity/interfaces/IExchangeSettlement.sol")),
    ("interfaces/IJobEscrow.sol", include_str!("../solidity/interfaces/IJobEscrow.sol")),
    ("interfaces/IModelBounty.sol", include_str!("../solidity/interfaces/IModelBounty.sol")),
    ("interfaces/IStaking.sol", include_str!("../solidity/interfaces/IStaking.sol")),
    ("libraries/Epochs.sol", include_str!("../solidity/libraries/Epochs.sol")),
    ("libraries/ExchangeMarkets.sol", include_str!("../solidity/libraries/ExchangeMarkets.sol")),
    ("libraries/ExchangeOrders.sol", include_str!("../solidity/libraries/ExchangeOrders.sol")),
    ("libraries/HoldTime.sol", include_str!("../solidity/libraries/HoldTime.sol")),
    ("libraries/JobReceipts.sol", include_str!("../solidity/libraries/JobReceipts.sol")),
    ("libraries/PaymentOrders.sol", include_str!("../solidity/libraries/PaymentOrders.sol")),
    ("libraries/ReceiptDocuments.sol", include_str!("../solidity/libraries/ReceiptDocuments.sol")),
    ("libraries/Reservations.sol", include_str!("../solidity/libraries/Reservations.sol")),
    ("libraries/RewardStreams.sol", include_str!("../solidity/libraries/RewardStreams.sol")),
    ("libraries/StakePools.sol", include_str!("../solidity/libraries/StakePools.sol")),
    ("libraries/TaskRoles.sol", include_str!("../solidity/libraries/TaskRoles.sol")),
    ("libraries/TradingKeys.sol", include_str!("../solidity/libraries/TradingKeys.sol")),
    ("libraries/ValidatorCommits.sol", include_str!("../solidity/libraries/ValidatorCommits.sol")),
];

/// The artifact of the contract that genesis may put at an address, as JSON. Whether a chain has it there is another matter.
pub fn artifact_json(address: Address) -> Option<&'static str> {
    Some(match address {
        AI_TOKEN_ADDRESS => AI_TOKEN_ARTIFACT_JSON,
        AI_TOKEN_MINTER_ADDRESS => AI_TOKEN_MINTER_ARTIFACT_JSON,
        JOB_ESCROW_ADDRESS => JOB_ESCROW_ARTIFACT_JSON,
        EXCHANGE_SETTLEMENT_ADDRESS => EXCHANGE_SETTLEMENT_ARTIFACT_JSON,
        TEST_DOLLAR_ADDRESS => TEST_DOLLAR_ARTIFACT_JSON,
        BRIDGED_BITCOIN_ADDRESS | BRIDGED_ETHER_ADDRESS => BRIDGED_TOKEN_ARTIFACT_JSON,
        STAKING_ADDRESS => STAKING_ARTIFACT_JSON,
        MODEL_BOUNTY_ADDRESS => MODEL_BOUNTY_ARTIFACT_JSON,
        _ => return None,
    })
}
