//! Words about what others may take of an account's tokens, and about the pages that know an account.

pub const LINK: &str = "Who may take tokens of your account, and which pages know it";

pub const TITLE: &str = "Permissions";
pub const FACT: &str = "Who may take tokens of your account without asking again, and which pages know it.";

pub const ACCOUNT_TITLE: &str = "This site";
pub const ACCOUNT_NOTE: &str = "The pages of this site learn one account of a wallet when you agree to it. They ask for each signature all the same. Other sites, which the browser extension serves, are in the extension’s own list.";
pub const ACCOUNT: &str = "Account";
pub const SINCE: &str = "Since";
pub const UNKNOWN_SINCE: &str = "Your wallet keeps the day";
pub const DISCONNECT: &str = "Disconnect";

pub const ALLOWANCES_TITLE: &str = "Allowances";
pub const ALLOWANCES_NOTE: &str = "An allowance lets a contract or an account take a token of yours up to a sum, at any time. Take back what you no longer need: what was taken before stays taken.";
pub const NAME: &str = "allowances";
pub const TOKEN: &str = "Token";
pub const SPENDER: &str = "Who may take it";
pub const AMOUNT: &str = "Up to";
pub const ACTION: &str = "Action";
pub const EVERYTHING: &str = "everything";
pub const REVOKE: &str = "Take it back";
/// `{token}` and `{spender}` are filled in.
pub const REVOKE_LABEL: &str = "Take it back: what {spender} may take of {token}";
pub const NONE_TITLE: &str = "Nobody may take anything";
pub const NONE: &str = "When a page asks you to allow a contract some of a token, it stands here.";
/// `{most}` and `{all}` are filled in.
pub const MORE: &str = "The newest {most} of {all} that were ever given are looked at.";

pub const LOOKING: &str = "Looking for wallets";
pub const READING: &str = "Reading the chain";
pub const ASKING: &str = "Your wallet asks you now";
pub const WAITING: &str = "Sent. Waiting for the block";
pub const REVOKED: &str = "The allowance is taken back.";
pub const FAILED_IN_BLOCK: &str = "The block holds the transaction, but it failed. The allowance stands.";
pub const LATE: &str = "No block holds the transaction yet. Load the page again in a while.";
pub const NOBODY: &str = "No wallet answered. Make one in this browser, or load the page again.";
pub const FAILED: &str = "That did not work. Nothing was changed; try again.";
pub const REFUSED: &str = "You refused in the wallet. Nothing was changed.";
pub const OFFLINE: &str = "The server cannot be reached. Nothing was changed; try again.";
pub const NEEDS_SCRIPT: &str = "Reading an account of your wallet needs JavaScript, since the wallet asks you there.";
