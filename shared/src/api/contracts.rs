//! Contracts whose sources are known, and calls of them by their ABI. All texts of a contract may be anything: anybody
//! may verify one.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// Most values of one call. The compiler keeps fewer on its stack.
pub const ARGUMENTS_MAX: usize = 32;

/// Longest text of one value.
pub const ARGUMENT_MAX_CHARS: usize = 16_384;

/// How sources were shown to be a contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKind {
    /// The code is the same to the last byte, and holds a hash of all that was compiled: also names and comments are those
    /// of its deployer.
    Full,
    /// The same instructions. Names and comments may be others: nothing in the code holds them.
    Partial,
    /// A contract of block 0, which this software puts there from sources of its own.
    Genesis,
}

/// What is known of a contract's sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractView {
    pub address: Address,
    pub name: String,
    pub match_kind: MatchKind,
    /// Number and commit, as in `0.8.37+commit.f401782d`.
    pub compiler_version: String,
    /// The compiler's settings as JSON.
    pub settings: String,
    pub files: Vec<SourceFile>,
    /// JSON.
    pub abi: String,
    /// What the constructor was given, where that is known.
    pub constructor_arguments: Option<Vec<ValueView>>,
    /// Whether the creation code was compared too. A contract that a contract made has no transaction that shows it.
    pub creation_compared: bool,
    /// `None` for a contract of block 0.
    pub verified_at: Option<UnixMillis>,
    pub functions: Vec<FunctionView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

/// What a call of a function may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mutability {
    Pure,
    View,
    Nonpayable,
    /// It also takes native coin.
    Payable,
}

impl Mutability {
    /// A call changes nothing, and needs no transaction.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Pure | Self::View)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionView {
    /// Name and types, as in `transfer(address,uint256)`.
    pub signature: String,
    pub name: String,
    pub inputs: Vec<ParameterView>,
    pub outputs: Vec<ParameterView>,
    pub mutability: Mutability,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterView {
    /// May be empty.
    pub name: String,
    /// Its type, as in `(address,uint256)[]`.
    pub kind: String,
}

/// A value in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueView {
    /// May be empty.
    pub name: String,
    pub kind: String,
    pub text: String,
}

/// What a call of a function that only reads gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadAnswer {
    Values(Vec<ValueView>),
    /// What came back does not fit the ABI, or is too large to be taken apart.
    Undecoded(Bytes),
    /// The call cannot be made as asked, or it failed: why.
    Failed(String),
}
