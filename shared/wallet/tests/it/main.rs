//! The wallet against the public vectors of each standard, and against what ethers and viem compute.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod accounts;
mod clients;
mod keystores;
mod passkeys;
mod receipt_proofs;
mod sessions;
mod sign_ins;
mod transactions;
mod typed_data;
