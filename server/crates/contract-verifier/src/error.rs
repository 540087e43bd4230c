//! Why sources do not show a contract's code, or a call cannot be made.

/// One reason, for the caller who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("sourceCode is no standard JSON input of the compiler: {0}")]
    NotJson(String),
    #[error("language is Solidity, got {0}")]
    Language(String),
    #[error("{what} are up to {bound}, got {given}")]
    TooMuch { what: &'static str, bound: usize, given: usize },
    #[error(
        "the source {path} has {given}: each source is an object with its text in `content`, and nothing is fetched"
    )]
    NoContent { path: String, given: String },
    #[error("the path {0} of a source has control characters")]
    Path(String),
    #[error("settings.{name} is not taken; taken are {taken}")]
    Setting { name: String, taken: String },
    #[error("contractname is NAME or PATH:NAME, got {0}")]
    ContractName(String),
    #[error("compilerversion is as in v0.8.37+commit.f401782d, got {0}")]
    Version(String),
    #[error("the compiler's answer cannot be read: {0}")]
    Output(String),
    #[error("the compiler refused the sources: {0}")]
    Refused(String),
    #[error("the sources hold no contract {0}")]
    NoContract(String),
    #[error("several sources hold a contract {name}: {files}; name one as PATH:{name}")]
    SeveralContracts { name: String, files: String },
    #[error("the contract needs the library {0}: give its address in settings.libraries")]
    Unlinked(String),
    #[error("the contract has no code that is deployed: it is abstract or an interface")]
    NoCode,
    #[error("the code differs: {compiled} bytes are compiled, {deployed} bytes are on the chain")]
    CodeLength { compiled: usize, deployed: usize },
    #[error("the code differs from the chain's at byte {at}")]
    CodeDiffers { at: usize },
    #[error("the code differs: one immutable variable has two values on the chain, at bytes {first} and {second}")]
    ImmutableDiffers { first: usize, second: usize },
    #[error(
        "the code is the same, but the transaction that made the contract ran another creation code: its constructor is not \
         the one in these sources"
    )]
    CreationDiffers,
    #[error("the bytes behind the creation code are no arguments of the constructor: {0}")]
    ConstructorArguments(String),
    #[error("constructorArguments differ from those of the transaction that made the contract, which are 0x{found}")]
    OtherArguments { found: String },
    #[error("the ABI cannot be read: {0}")]
    Abi(String),
    #[error("the contract has no function {0} of this kind")]
    NoFunction(String),
    #[error("{function} takes {expected} values, got {given}")]
    ArgumentCount { function: String, expected: usize, given: usize },
    #[error("{name} is of the type {kind}, and this is none: {reason}")]
    Argument { name: String, kind: String, reason: String },
}
