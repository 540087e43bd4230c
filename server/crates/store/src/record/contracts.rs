//! Contracts whose sources were compiled and compared with the chain's code.

use shared::api::contracts::MatchKind;
use shared::time::UnixMillis;
use shared::{Address, B256, Bytes};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedContract {
    pub address: Address,
    /// Keccak-256 of the code that was compared: the sources count for no other.
    pub code_hash: B256,
    pub name: String,
    /// Path of the source that holds it.
    pub source_file: String,
    /// Number and commit of the compiler.
    pub compiler: String,
    pub match_kind: MatchKind,
    /// Sources by their path, and the settings that change the code, as JSON.
    pub input: String,
    /// JSON.
    pub abi: String,
    /// Where the transaction is known that made the contract.
    pub constructor_arguments: Option<Bytes>,
    pub verified_at: UnixMillis,
}

/// What a contract can be asked and what it announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAbi {
    pub address: Address,
    /// Keccak-256 of the code that was compared: the ABI counts for no other.
    pub code_hash: B256,
    /// JSON.
    pub abi: String,
}
