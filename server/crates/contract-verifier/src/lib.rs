//! What shows that a contract's code was compiled from given sources, and calls and events of a contract by
//! its ABI.
//!
//! ```text
//! form of a caller ──► input (checked, canonical) ──► [the compiler, which the server runs] ──► output
//!                                                                                                │
//!                            code and creation transaction of the chain ──► bytecode ◄───────────┘
//!                                                                           full, partial, or why not
//! ```
//! Nothing here runs a program or reads a file or a clock.

mod abi;
mod bytecode;
mod error;
mod input;
mod output;
mod version;

pub use abi::{Interface, Named};
pub use bytecode::{CreationMatch, compare_creation, compare_runtime};
pub use error::VerifyError;
pub use input::{CompilerInput, ContractName, INPUT_MAX_BYTES, SOURCE_FILES_MAX, SingleFile};
pub use output::{Compiled, Runtime};
pub use version::CompilerVersion;
