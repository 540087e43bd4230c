//! The contracts of AITBC as Rust sees them: their creation code, their ABI and where genesis puts them.
//!
//! ```text
//! solidity/*.sol ── compile.mjs ──► artifacts/*.creation.bin ──► bytecode ──► genesis::genesis_deployments
//!                                   artifacts/*.json ····tests····► abi (AIToken, AITokenMinter)
//! ```
//! Building this crate needs no Solidity compiler: the artifacts are committed, and tests check that they match the
//! sources and the bindings.

pub mod abi;
pub mod bytecode;
pub mod genesis;

pub use abi::{AIToken, AITokenMinter};
pub use genesis::{
    AI_TOKEN_ADDRESS, AI_TOKEN_MINTER_ADDRESS, Deployment, GenesisParameters, MAX_BATCH_RECEIPTS, UnitPriceLimit,
    genesis_deployments,
};
