//! Receipts against vectors that the minter (Solidity on revm) and ethers (JavaScript) check as well.

mod receipt_vectors;
mod tampering;
