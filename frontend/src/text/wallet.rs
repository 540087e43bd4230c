//! Words of the wallet.

use wallet::protocol::Refusal;

pub const TITLE: &str = "Wallet";
pub const FACT: &str = "The key is made and kept in this browser, in a worker of its own. No server ever sees it.";
pub const ACCOUNT_NAME: &str = "AITBC wallet";
pub const STARTING: &str = "Starting the wallet";
pub const CREATE_TITLE: &str = "Make a wallet";
pub const CREATE_DETAIL: &str = "You choose a password, then write down twelve words. The words are the wallet: anybody who has them has the tokens, and nobody can restore them for you.";
pub const PASSWORD: &str = "Password";
pub const PASSWORD_HELP: &str =
    "At least 10 characters. It encrypts the key in this browser (Argon2id with 64 MiB, AES-256-GCM).";
pub const PASSWORD_AGAIN: &str = "Password again";
pub const CREATE: &str = "Make the wallet";
pub const CREATING: &str = "Making the key";
pub const WORDS_TITLE: &str = "Write these twelve words down";
pub const WORDS_DETAIL: &str = "On paper, in this order. This page shows them until you have confirmed them or leave it, and has no way to show them again.";
pub const WORDS_DONE: &str = "I have written them down";
pub const CONFIRM_TITLE: &str = "Confirm three of them";
pub const CONFIRM: &str = "Confirm";
pub const BACK: &str = "Show the words again";
pub const UNLOCK_TITLE: &str = "The wallet is locked";
pub const UNLOCK: &str = "Unlock";
pub const UNLOCKING: &str = "Unlocking";
pub const LOCK: &str = "Lock";
pub const UNLOCKED: &str = "unlocked";
pub const LOCKED: &str = "locked";
pub const BALANCE: &str = "Balance";
pub const BALANCE_ASKED: &str = "asking the chain";
pub const BALANCE_UNKNOWN: &str = "not known: the server cannot be reached";
pub const ACTIVITY: &str = "Open in the explorer";
pub const REMOVE: &str = "Remove from this browser";
pub const REMOVE_CONFIRM: &str = "Remove it now";
pub const REMOVE_DETAIL: &str = "The encrypted key is deleted here. Only the twelve words lead back to it: this page cannot take them yet, but every BIP-39 wallet can, on the path m/44'/60'/0'/0/0.";
pub const KEEP: &str = "Keep it";
pub const DEV: &str = "This is a development chain: its AIT is worth nothing. Use no password that you use elsewhere.";

pub const UNAVAILABLE_TITLE: &str = "The wallet does not run";
pub const ERROR_SHORT: &str = "A password has at least 10 characters.";
pub const ERROR_DIFFERENT: &str = "The two passwords differ.";
pub const ERROR_WRONG: &str = "Wrong password. The wallet is unchanged; try again.";
pub const ERROR_WORKER: &str = "The wallet’s worker did not start. Load the page again; stored keys are kept.";

pub const ERROR_NO_ANSWER: &str =
    "The wallet did not answer in time. What you asked for may still happen: load the page again to see what it holds.";

pub fn remove_title(address: &str) -> String {
    format!("Remove the wallet {address} from this browser")
}

pub fn word(number: usize) -> String {
    format!("Word {number}")
}

pub fn refusal(reason: &Refusal) -> String {
    match reason {
        Refusal::PasswordTooShort => ERROR_SHORT.to_owned(),
        Refusal::WrongPassword => ERROR_WRONG.to_owned(),
        Refusal::WrongWord { position } => {
            format!("Word {position} is not as it was shown. Look at what you wrote down.")
        }
        Refusal::OtherWallet { address } => format!(
            "Another tab stored the wallet {address} in this browser meanwhile. It is unchanged; load the page again to see it."
        ),
        Refusal::Cryptography { detail } => format!("The key could not be made: {detail}. Nothing was stored."),
        Refusal::UnreadableWallet { detail } => format!("The stored wallet cannot be read: {detail}. It is unchanged."),
        Refusal::Storage { detail } => {
            format!("The browser’s storage failed: {detail}. What was stored before is unchanged.")
        }
        Refusal::NotAReceipt { detail } => format!("This is not a receipt: {detail}."),
        Refusal::UnknownRequest => {
            "This page and the wallet are of different versions. Load the page again.".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use wallet::protocol::{FIRST_ACCOUNT_PATH, PASSWORD_MIN_CHARS};

    use super::*;

    #[test]
    fn the_page_names_the_path_that_the_words_take() {
        assert!(REMOVE_DETAIL.contains(FIRST_ACCOUNT_PATH));
    }

    #[test]
    fn the_page_names_the_shortest_password() {
        let bound = format!("at least {PASSWORD_MIN_CHARS} characters");
        assert!(PASSWORD_HELP.to_lowercase().contains(&bound));
        assert!(ERROR_SHORT.contains(&bound));
    }
}
