//! Receipts against vectors that the minter (Solidity on revm) and ethers (JavaScript) check as well.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod receipt_vectors;
mod tampering;
