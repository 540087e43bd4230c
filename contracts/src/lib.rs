//! The contracts of AITBC as Rust sees them: their creation code, their ABI and where genesis puts them.
//!
//! ```text
//! solidity/*.sol ── compile.mjs ──► artifacts/*.creation.bin ──► bytecode ──► genesis::genesis_deployments
//!                                   artifacts/*.json ····tests····► abi (AIToken, JobEscrow, …)
//! ```
//! Building this crate needs no Solidity compiler: the artifacts are committed, and tests check that they match the
//! sources and the bindings.

pub mod abi;
pub mod bytecode;
pub mod genesis;
pub mod sources;

pub use abi::{AIToken, AITokenMinter, BridgedToken, ExchangeSettlement, JobEscrow, ModelBounty, Staking, TestDollar};
pub use genesis::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, BRIDGED_BITCOIN_ADDRESS, BRIDGED_ETHER_ADDRESS, DEFAULT_HOLD_SECONDS,
    Deployment, EXCHANGE_SETTLEMENT_ADDRESS, EscrowFee, ExchangeParameters, FeeRecipient, GenesisParameters,
    JOB_ESCROW_ADDRESS, MAX_BATCH_FILLS, MAX_BATCH_ORDERS, MAX_BATCH_RECEIPTS, MAX_BOUNTY_SECONDS,
    MAX_ESCROW_BATCH_RECEIPTS, MAX_HOLD_SECONDS, MODEL_BOUNTY_ADDRESS, PROVIDER_CAP_DIVISOR, STAKING_ADDRESS,
    StakingParameters, TEST_DOLLAR_ADDRESS, UnitPriceLimit, WALLET_GAS, exchange_deployments, genesis_deployments,
    staking_deployment,
};
