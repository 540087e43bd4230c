//! Words about the tokens of an account beside AIT, and about the network that a wallet of another program needs to know.

pub const LINK: &str = "Other tokens, and this network for other wallets";

pub const TITLE: &str = "Tokens and network";
pub const FACT: &str = "Every token that an account of your wallet has, and how other wallets reach this chain.";

pub const ACCOUNT_TITLE: &str = "Account";
pub const ACCOUNT_NOTE: &str =
    "Your wallet shows one of its accounts to the pages of this site, and asks you for each signature.";
pub const ACCOUNT: &str = "Address";

pub const TOKENS_TITLE: &str = "Tokens";
pub const TOKENS_NOTE: &str =
    "AIT stands first. Anybody can make a token with any name, so look at its address before you trust one.";
pub const NAME: &str = "tokens of the account";
pub const TOKEN: &str = "Token";
pub const CONTRACT: &str = "Contract";
pub const BALANCE: &str = "Balance";
pub const ACTION: &str = "Action";
pub const SEND: &str = "Send";
/// `{token}` is filled in.
pub const SEND_LABEL: &str = "Send {token}";
pub const NONE_TITLE: &str = "No token yet";
pub const NONE: &str = "AIT that this account earns and tokens that it gets stand here.";
/// `{most}` is filled in.
pub const MORE: &str = "These are the first {most}. The explorer has all.";

/// `{token}` is filled in.
pub const FORM_TITLE: &str = "Send {token}";
pub const TO: &str = "To";
pub const TO_HELP: &str =
    "An address: 0x and 40 hex digits. This page does not notice a wrong digit, so compare it with the wallet’s sheet.";
/// `{token}` is filled in.
pub const AMOUNT: &str = "Amount in {token}";
pub const REVIEW: &str = "Check the transfer";
pub const CANCEL: &str = "Cancel";
pub const WRONG_ADDRESS: &str = "This is no address: 0x and 40 hex digits.";
pub const TO_CONTRACT: &str = "That is the token’s own contract: what is sent there is lost.";
/// `{decimals}` is filled in.
pub const WRONG_AMOUNT: &str = "This is no amount: a number above 0 with up to {decimals} digits behind its point.";
/// Instead of the button, for a token that does not say its decimals.
pub const NO_DECIMALS: &str = "Its contract does not say its decimals";
/// `{balance}` is filled in.
pub const NOT_ENOUGH: &str = "The account has {balance}; that is not enough.";

pub const LOOKING: &str = "Looking for wallets";
pub const READING: &str = "Reading the chain";
pub const ASKING: &str = "Your wallet asks you now";
pub const WAITING: &str = "Sent. Waiting for the block";
pub const SENT: &str = "Sent: a block holds the transfer.";
pub const FAILED_IN_BLOCK: &str = "The block holds the transaction, but it failed. Nothing moved.";
pub const LATE: &str = "No block holds the transaction yet. Load the page again in a while.";
pub const NOBODY: &str = "No wallet answered. Make one in this browser, or load the page again.";
pub const FAILED: &str = "That did not work. Nothing was sent; try again.";
pub const REFUSED: &str = "You refused in the wallet. Nothing was sent.";
pub const OFFLINE: &str = "The server cannot be reached. Look at the account before you send again.";
pub const NEEDS_SCRIPT: &str = "Reading an account of your wallet needs JavaScript, since the wallet asks you there.";

pub const NETWORK_TITLE: &str = "Network";
pub const NETWORK_NOTE: &str =
    "The wallet of this page knows all this. Enter it where another wallet asks for a network or a token.";
pub const NETWORK_NAME: &str = "Name";
pub const RPC: &str = "JSON-RPC";
pub const RPC_HELP: &str = "The node of this server. It can show you something false, so take one that you trust.";
pub const CHAIN_ID: &str = "Chain ID";
pub const EXPLORER: &str = "Explorer";
pub const AIT: &str = "Token AIT";
pub const AIT_HELP: &str = "Symbol AIT, 18 decimals.";
