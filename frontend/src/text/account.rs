//! Words about signing in, sessions and API keys.

#[cfg(feature = "ssr")]
pub mod second_factor;

pub const SIGN_IN: &str = "Sign in";
pub const SIGN_IN_TITLE: &str = "Sign in";
pub const SIGN_IN_FACT: &str = "With a wallet, without password or e-mail address. The key stays in the wallet.";
pub const MEANS_TITLE: &str = "What it means";
pub const MEANS: [&str; 4] = [
    "Jobs that you ask for belong to your account. They are private: only you see them, in every browser where you sign in.",
    "Programs of yours can use the same account with API keys, which you make and revoke here.",
    "Your wallet shows a message and signs it. That costs nothing and moves no AIT.",
    "This browser stays signed in for 24 hours. You can end it at any time, from any browser where you are signed in.",
];
pub const SIGN_IN_NOW: &str = "Sign in with a wallet";
pub const CHOOSE: &str = "Which wallet?";
pub const CHOOSE_ACCOUNT: &str = "Show an account of my wallet";
pub const NO_WALLET: &str = "You have none yet?";
pub const MAKE_WALLET: &str = "Make a wallet in this browser";
pub const NEEDS_SCRIPT: &str = "Signing in needs JavaScript, since your wallet asks you there.";

pub const LOOKING: &str = "Looking for wallets";
pub const ASKING: &str = "Your wallet asks you now";
pub const SIGNING_IN: &str = "Signing in";
pub const NOBODY: &str = "No wallet answered. Make one in this browser, or load the page again.";
pub const FAILED: &str = "That did not work. Nothing was changed; try again.";
pub const REFUSED: &str = "You refused in the wallet. Nothing was changed.";
/// `{other}` and `{chain}` are filled in.
pub const OTHER_CHAIN: &str =
    "Your wallet is on chain {other}, this page shows {chain}. Choose that network in the wallet. Nothing was sent.";
pub const OFFLINE: &str = "The server cannot be reached. Nothing was changed; try again.";

pub const TITLE: &str = "Account";
pub const FACT: &str = "Who acts for this account: browsers that are signed in, and programs with an API key.";
pub const ADDRESS: &str = "Account";
pub const SIGN_OUT: &str = "Sign out";
pub const OPERATE: &str = "Operate this hub";
pub const JOBS: &str = "Jobs of this account";

pub const SESSIONS: &str = "Signed in";
pub const SESSIONS_NOTE: &str = "Each ends by itself 24 hours after it began. End one that you do not know at once.";
pub const BROWSER: &str = "Browser";
pub const SINCE: &str = "Since";
pub const THIS_ONE: &str = "this one";
pub const ACTION: &str = "Action";
pub const END: &str = "End";
pub const END_ALL: &str = "End all sessions";

pub const KEYS: &str = "API keys";
pub const KEYS_NOTE: &str = "Anybody who has a key acts as this account: asks for jobs and sees them. It cannot sign in, make keys or move AIT. What is minted without payment counts within the account’s limits.";
pub const NO_KEYS_TITLE: &str = "No key yet";
pub const NO_KEYS: &str =
    "A program sends the key in the header X-Api-Key, or as the bearer token of OpenAI’s clients.";
pub const LABEL: &str = "What it is for";
pub const LABEL_HELP: &str = "Up to 100 characters, so that you know later which one to revoke.";
pub const NO_LABEL: &str = "without a name";
pub const MADE: &str = "Made";
pub const KEY: &str = "Key";
pub const MAKE_KEY: &str = "Make a key";
pub const REVOKE: &str = "Revoke";
pub const SECRET_TITLE: &str = "Copy the key now";
pub const SECRET_DETAIL: &str = "It is shown this once. The server keeps a hash of it only.";
pub const SECRET_DONE: &str = "I have copied it";

pub fn signed_in_as(address: &str) -> String {
    format!("Signed in as {address}")
}

pub fn end(browser: &str) -> String {
    format!("End the session of {browser}")
}

pub fn revoke(label: &str) -> String {
    format!("Revoke the key {label}")
}

#[cfg(test)]
mod tests {
    use shared::api::keys::LABEL_MAX_CHARS;

    use super::*;

    #[test]
    fn the_page_names_the_longest_label() {
        assert!(LABEL_HELP.contains(&LABEL_MAX_CHARS.to_string()));
    }
}
