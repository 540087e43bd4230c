//! Words of a contract's sources, and of the forms that call it.

pub const READ_TAB: &str = "Read";
pub const WRITE_TAB: &str = "Write";

pub const SOURCES_TITLE: &str = "Sources";
pub const NAME: &str = "Name in the sources";
pub const NAME_HELP: &str = "Anybody may give a contract any name. Its address says which one it is.";
pub const MATCH: &str = "Comparison";
pub const FULL: &str = "Full match";
pub const FULL_HELP: &str = "Compiled again, the sources give this code to the last byte, with the hash that it holds of them: names and comments are those of its deployer.";
pub const PARTIAL: &str = "Partial match";
pub const PARTIAL_HELP: &str = "Compiled again, the sources give the same instructions. The code holds no hash, or another one, so names and comments may differ from what was deployed.";
pub const GENESIS: &str = "Of block 0";
pub const GENESIS_HELP: &str = "This software puts the contract into block 0, and has its sources. The chain’s code is compared with them for this page.";
pub const COMPILER: &str = "Compiler";
pub const CREATION: &str = "Creation";
pub const CREATION_COMPARED: &str = "The creation code is compared too, so the constructor is the one in the sources.";
pub const CREATION_UNKNOWN: &str = "Another contract made it, so its creation code is not known: the constructor that ran, and what it stored, may be another than in the sources.";
pub const ARGUMENTS: &str = "Constructor arguments";
pub const VERIFIED_AT: &str = "Verified";
pub const SETTINGS: &str = "Settings of the compiler";
pub const ABI: &str = "ABI";
pub const FILES: &str = "Files";
pub const LIBRARY_FILES: &str = "Files of @openzeppelin/contracts, which they import, are those of that package.";

pub const UNKNOWN_TITLE: &str = "No sources";
pub const UNKNOWN: &str = "Nobody has shown which sources this code was compiled from, so only its bytes are known.";
/// Behind it stands a command.
pub const HOW: &str =
    "Anybody who has them can send them with Foundry, for example; other tools of Etherscan’s API do as well:";
pub const NO_COMPILER: &str = "This server compiles no sources: its operator named no compiler.";

pub const READ_NOTE: &str =
    "What you ask is computed by this server on the newest block. It changes nothing and costs nothing.";
pub const ASK: &str = "Ask";
pub const ANSWER: &str = "Answer";
pub const NO_VALUES: &str = "It answered, and gives no value.";
pub const UNDECODED: &str = "The answer does not fit the ABI, or is too large to take apart. Its bytes:";
pub const CALL_FAILED: &str = "No answer:";
pub const NO_FUNCTIONS: &str = "The contract has no function of this kind.";

pub const WRITE_NOTE: &str =
    "The form writes down the call. Your wallet then shows it and asks you, and only with your signature it is sent.";
pub const PREPARE: &str = "Write the call down";
pub const COIN: &str = "Native coin to send along, in wei";
pub const WRONG_COIN: &str = "Native coin is a whole number of wei, below 2^256.";
pub const CALL_TITLE: &str = "The call";
pub const TO: &str = "To";
pub const FUNCTION: &str = "Function";
pub const COIN_SENT: &str = "Native coin";
pub const DATA: &str = "Data";
pub const NOT_WRITTEN: &str = "The call cannot be written down:";
pub const ACCOUNT: &str = "From";
pub const SEND: &str = "Check in the wallet";
pub const NEEDS_SCRIPT: &str =
    "Your wallet asks you by JavaScript, which is off here. You can copy the data into another wallet.";

pub const LOOKING: &str = "Looking for wallets";
pub const ASKING: &str = "Your wallet asks you now";
pub const WAITING: &str = "Sent. Waiting for the block";
pub const SENT: &str = "A block holds the call, and it succeeded.";
pub const FAILED_IN_BLOCK: &str = "A block holds the call, but it failed. It changed nothing.";
pub const LATE: &str = "No block holds the call yet. Look at the account’s transactions in a while.";
pub const NOBODY: &str = "No wallet answered. Make one in this browser, or load the page again.";
pub const FAILED: &str = "That did not work. Nothing was sent; try again.";
pub const REFUSED: &str = "You refused in the wallet. Nothing was sent.";
pub const OFFLINE: &str = "The server cannot be reached. Look at the account before you send again.";
/// `{other}` and `{chain}` are filled in.
pub const OTHER_CHAIN: &str =
    "Your wallet is on chain {other}, this page shows {chain}. Choose that network in the wallet. Nothing was sent.";

/// The label of a value that has no name.
pub fn value(position: usize) -> String {
    format!("Value {position}")
}

pub fn wei(value: &str) -> String {
    format!("{value} wei")
}

/// The command that sends sources, on one line for each argument.
pub fn command(address: &str, origin: &str, chain_id: u64) -> String {
    format!(
        "forge verify-contract {address} src/Contract.sol:Contract \\\n  --verifier custom --verifier-url {origin}/api \\\n  --chain {chain_id} --compiler-version v0.8.37+commit.f401782d --watch"
    )
}
