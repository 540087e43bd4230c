//! Words of the wallet.

use wallet::call_batches::CallState;
use wallet::protocol::{NAME_MAX_CHARS, ReceiptRefusal, Refusal};

pub const TITLE: &str = "Wallet";
pub const FACT: &str = "Keys are made and kept in this browser. No server ever sees them.";
pub const ACCOUNT_NAME: &str = "AITBC wallet";
pub const STARTING: &str = "Starting the wallet";
pub const DEV: &str = "This is a development chain: its AIT is worth nothing. Use no password that you use elsewhere.";

pub const TAB_ACCOUNTS: &str = "Accounts";
pub const TAB_SEND: &str = "Send";
pub const TAB_RECEIVE: &str = "Receive";
pub const TAB_ACTIVITY: &str = "Activity";
pub const TAB_SECURITY: &str = "Security";
pub const TAB_CONNECTIONS: &str = "Connections";
pub const TABS: &str = "Parts of the wallet";

pub const WELCOME_TITLE: &str = "No wallet is here yet";
pub const WELCOME: &str = "A wallet holds AIT, pays for work, receives what a miner earns, and signs. Make a new one, or bring one that you have.";
pub const MAKE_NEW: &str = "Make a new wallet";
pub const BRING: &str = "Bring a wallet";
pub const ADD: &str = "Add a wallet";
pub const CANCEL: &str = "Cancel";

pub const CREATE_TITLE: &str = "Make a wallet";
pub const CREATE_DETAIL: &str = "You get recovery words to write down. The words are the wallet: anybody who has them has the tokens, and nobody can restore them for you.";
pub const NAME: &str = "Name";
pub const NAME_DEFAULT: &str = "Main wallet";
pub const NAME_HELP: &str = "Only you see it.";
pub const LONG_WORDS: &str = "24 words instead of 12";
pub const PASSWORD: &str = "Password";
pub const PASSWORD_HELP: &str =
    "At least 10 characters. It encrypts the keys in this browser (Argon2id with 64 MiB, AES-256-GCM).";
pub const PASSWORD_AGAIN: &str = "Password again";
pub const CREATE: &str = "Show the recovery words";
pub const CREATING: &str = "Making the key";
pub const WORDS_DETAIL: &str =
    "On paper, in this order. Not in a photo, mail or cloud: anybody who reads them takes everything.";
pub const WORDS_DONE: &str = "I have written them down";
pub const CONFIRM_TITLE: &str = "Confirm three of them";
pub const CONFIRM_DETAIL: &str =
    "So it is certain that they are on paper. The wallet is stored once these three are right.";
pub const CONFIRM: &str = "Confirm";
pub const BACK: &str = "Show the words again";

pub const IMPORT_TITLE: &str = "Bring a wallet";
pub const IMPORT_DETAIL: &str =
    "It stays where it is now as well. What you enter goes to the worker in this browser and nowhere else.";
pub const IMPORT_KIND: &str = "What you have";
pub const IMPORT_PHRASE: &str = "Recovery words";
pub const IMPORT_KEY: &str = "Private key";
pub const IMPORT_FILE: &str = "Keystore file";
pub const IMPORT_PHRASE_HELP: &str = "12 to 24 words of BIP-39, with blanks between them.";
pub const IMPORT_KEY_HELP: &str = "64 hex digits.";
pub const IMPORT_FILE_HELP: &str = "A JSON file of version 3, as geth, ethers and others write it.";
pub const IMPORT_FILE_PASSWORD: &str = "Password of the file";
pub const IMPORT: &str = "Bring it here";
pub const IMPORTING: &str = "Opening and encrypting";
pub const NO_FILE: &str = "Choose the keystore file first.";

pub const UNLOCK_TITLE: &str = "The wallet is locked";
pub const UNLOCK_DETAIL: &str =
    "Balances stay visible, since the chain is public. Sending, signing and exporting need the password.";
pub const UNLOCK: &str = "Unlock";
pub const UNLOCKING: &str = "Unlocking";
pub const LOCK: &str = "Lock";
pub const UNLOCKED: &str = "unlocked";
pub const LOCKED: &str = "locked";
pub const FORGOT: &str = "Password forgotten?";
pub const FORGOT_DETAIL: &str = "Nobody can restore it. You can delete everything here and come back with the recovery words, a key or a keystore file. Anybody who has none of them loses the wallet for ever.";
pub const FORGET: &str = "Delete every wallet in this browser";
pub const FORGET_SURE: &str = "I have the words, keys or files of all wallets that I need";

pub const BALANCE: &str = "Balance";
pub const HELD: &str = "The minter holds for this account until it is due:";
pub const BALANCE_ASKED: &str = "asking the chain";
pub const BALANCE_UNKNOWN: &str = "not known: the server cannot be reached";
pub const NEXT_ACCOUNT: &str = "Next account";
pub const NEXT_ACCOUNT_HELP: &str = "The same words lead to more accounts, each with an address of its own.";
pub const SINGLE_KEY: &str = "single key";

pub const SEND_TITLE: &str = "Send AIT";
pub const FROM: &str = "From";
pub const TO: &str = "To";
pub const TO_HELP: &str = "An address: 0x and 40 hex digits.";
pub const TO_CHECKED: &str = "The address’s checksum holds.";
pub const TO_UNCHECKED: &str =
    "This address has no checksum (capital and small letters), so a wrong digit would not be noticed.";
pub const TO_WRONG: &str = "This is no address: 0x and 40 hex digits.";
pub const TO_CHECKSUM: &str = "A digit is wrong: the address’s checksum does not hold.";
pub const TO_SELF: &str = "That is this account itself.";
pub const AMOUNT: &str = "Amount in AIT";
pub const AMOUNT_ALL: &str = "All";
pub const REVIEW: &str = "Check the transfer";
pub const REVIEWING: &str = "Asking the chain";
pub const SENT_TITLE: &str = "Sent";
pub const SENT_WAITING: &str = "The next block will contain it. It cannot be taken back.";
pub const SENT_FAILED: &str = "The transaction failed";
pub const SENT_FAILED_DETAIL: &str = "It is in a block, but no AIT moved.";
pub const SENT_LINK: &str = "Open the transaction";
pub const SEND_MORE: &str = "Send more";

pub const RECEIVE_TITLE: &str = "Receive AIT";
pub const RECEIVE_DETAIL: &str = "Give this address to who pays you. It can be shown to anybody.";
pub const QR_LABEL: &str = "The address as a QR code";
pub const RECEIVE_CHAIN: &str =
    "Only AIT of this chain. What is sent to this address on another chain is not shown here.";

pub const ACTIVITY_TITLE: &str = "Activity";
pub const ACTIVITY_ASKED: &str = "Reading the chain";
pub const ACTIVITY_FAILED: &str = "The chain did not answer";
pub const ACTIVITY_EMPTY_TITLE: &str = "Nothing has moved yet";
pub const ACTIVITY_EMPTY: &str = "AIT that this account earns, gets or sends stands here, each with its block.";
pub const ACTIVITY_ALL: &str = "All transactions in the explorer";
pub const MINTED: &str = "Minted for work";
pub const RECEIVED: &str = "Received from";
pub const SENT: &str = "Sent to";
pub const BLOCK: &str = "Block";
pub const WHAT: &str = "What";
pub const WITH: &str = "With";

pub const PURPOSE_TITLE: &str = "What it is for";
/// Where each leads to, what it is called, and what it does.
pub const PURPOSES: [(&str, &str, &str); 3] = [
    ("/pay", "Pay", "Have a picture drawn and pay its miner from the escrow: you see the price first, and sign it."),
    (
        "/docs/mining",
        "Earn",
        "Serve pictures and texts with your own machine. Each job that is done mints AIT for your account.",
    ),
    (
        "/account",
        "Sign in",
        "Sign a message that costs nothing: your jobs are private then, and yours in every browser.",
    ),
];

/// Names the links that follow.
pub const LINKS: &str = "Of this wallet";
pub const SESSIONS_LINK: &str = "Sign-ins and API keys";

pub const BACKUP_TITLE: &str = "Backup";
pub const BACKUP_DETAIL: &str = "Words and keys are shown once you enter the password. See to it that nobody looks on.";
pub const SHOW_WORDS: &str = "Recovery words";
pub const SHOW_KEY: &str = "Private key";
pub const SAVE_KEYSTORE: &str = "Keystore file";
pub const REVEAL: &str = "Show";
pub const SAVE: &str = "Save the file";
pub const OPENING: &str = "Opening";
pub const HIDE: &str = "Hide it";
pub const KEYSTORE_SAVED: &str =
    "The file is among your downloads. It opens with the password of this wallet, here and in other programs.";
pub const SHOWN_TITLE: &str = "Anybody who reads this takes everything";
pub const SHOWN_DETAIL: &str = "Keep it on paper, never in a photo, mail or cloud.";

pub const PASSWORD_TITLE: &str = "Change the password";
pub const PASSWORD_OLD: &str = "Password now";
pub const PASSWORD_NEW: &str = "New password";
pub const PASSWORD_CHANGE: &str = "Change it";
pub const PASSWORD_CHANGED: &str = "The password is changed. Other tabs are locked.";
pub const AUTO_LOCK: &str = "Lock by itself after";
pub const AUTO_LOCK_HELP: &str = "Counted from the last use, in all tabs together.";

pub const PASSKEYS_TITLE: &str = "Passkeys";
pub const PASSKEYS_DETAIL: &str = "A passkey of this device, a phone or a security key opens the wallet beside the password. Losing it loses nothing: the password always opens, and showing words or keys always needs it.";
pub const PASSKEY_PASSWORD_HELP: &str = "It is needed to add a passkey and to remove one.";
pub const PASSKEY_ADD: &str = "Add a passkey";
pub const PASSKEY_REMOVE: &str = "Remove";
pub const PASSKEY_UNLOCK: &str = "Unlock with a passkey";
pub const PASSKEY_NONE: &str = "No passkey answered: the question was closed or took too long, or none of this wallet’s is at hand. Nothing changed; the password opens the wallet.";
pub const PASSKEY_KNOWN: &str = "This device has a passkey of this wallet already.";
pub const PASSKEY_WITHOUT_PRF: &str = "This passkey cannot open a wallet: its device does not know the extension prf, or does not check who uses it. Nothing changed; the password opens the wallet.";

pub const WALLETS_TITLE: &str = "Wallet";
pub const RENAME: &str = "Rename";
pub const REMOVE: &str = "Remove from this browser";
pub const REMOVE_DETAIL: &str = "Its encrypted key is deleted here. Only its recovery words, its private key or a keystore file lead back to it. Words lead every BIP-39 wallet to it, on the path m/44'/60'/0'/0/0.";
pub const REMOVE_NOW: &str = "Remove it now";
pub const KEEP: &str = "Keep it";

pub const SITE_TITLE: &str = "This site";
pub const SITE_DETAIL: &str = "Only pages of this site can ask this wallet. Once you connect an account, they see its address and may ask for signatures. Each signature still shows a sheet.";
pub const SITE_NAME: &str = "Site";
pub const SITE_SEES: &str = "May see";
pub const SITE_SINCE: &str = "Since";
pub const SITE_MAY: &str = "May ask for";
pub const SITE_MAY_SIGN: &str = "signatures of this account, each by a sheet";
pub const SITE_NONE: &str = "No account is connected: no page of this site sees one.";
pub const SITE_END: &str = "End the connection";
pub const SITE_END_HELP: &str = "The pages then have to ask again. What was signed stays signed.";

pub const NETWORK_TITLE: &str = "Network";
pub const NETWORK_DETAIL: &str = "The chain that balances are read from and that transactions go to.";
pub const NETWORK_NAME: &str = "Name";
pub const NETWORK_CHAIN_ID: &str = "Chain ID";
pub const NETWORK_NODE: &str = "Node (JSON-RPC)";
pub const NETWORK_NODE_HELP: &str =
    "The server of this page. It can show you something false, so open the wallet from one that you trust.";
pub const NETWORK_HEAD: &str = "Newest block";
pub const NETWORK_KIND: &str = "Kind";
pub const NETWORK_DEV: &str = "development chain: nothing here is worth anything";
pub const NETWORK_ASKED: &str = "asking the node";
pub const NETWORK_UNKNOWN: &str = "not known: the node cannot be reached";

pub const FACTS_TITLE: &str = "What protects it, and what does not";
pub const FACTS: [&str; 6] = [
    "Keys exist only in the memory of a worker, and only while the wallet is unlocked. Locking, closing the tab or loading the page again wipes them.",
    "What is stored is encrypted: Argon2id makes a key of your password, AES-256-GCM encrypts. Anybody who copies it can only guess passwords, each guess with 64 MiB of memory.",
    "No script of this page can read a key. A script that somebody smuggled in could still show you a false sheet, or ask for a signature while the wallet is unlocked.",
    "A browser extension or a program on this machine that reads keyboard and memory can take everything. No wallet in a browser withstands that.",
    "A sheet shows what is signed, made by the same code that signs. A ticket counts once; a closed sheet is refused.",
    "A transfer in a block is final. Nobody can take it back, restore a password or restore lost words.",
];

pub const SHEET_ASKS: &str = "asks you to sign";
pub const SHEET_OWN: &str = "You";
pub const SHEET_TRANSFER: &str = "Send AIT";
pub const SHEET_CALL: &str = "Send a transaction";
pub const SHEET_MESSAGE: &str = "Sign a message";
pub const SHEET_SIGN_IN: &str = "Sign in";
pub const SHEET_TYPED: &str = "Sign data";
pub const SHEET_FEE: &str = "Fee";
pub const SHEET_FREE: &str = "none: gas is free on this chain";
pub const SHEET_YOU_AFTER: &str = "You have then";
pub const SHEET_THEY_AFTER: &str = "The receiver has then";
pub const SHEET_CHAIN: &str = "Chain";
pub const SHEET_DOES: &str = "What it does";
pub const SHEET_VALUE: &str = "Coins";
pub const SHEET_DATA: &str = "Data";
pub const SHEET_TYPE: &str = "Type";
pub const SHEET_RISKS: &str = "What could go wrong";
pub const SHEET_NO_RISKS: &str = "A wrong receiver or amount. It cannot be taken back.";
pub const SHEET_NO_RISKS_CALL: &str = "Once a block contains it, it cannot be taken back.";
pub const SHEET_NO_RISKS_MESSAGE: &str =
    "A signature proves that you agree to this text. Sign only what you understand.";
pub const SHEET_REFUSE: &str = "Refuse";
pub const SHEET_SIGN: &str = "Sign";
pub const SHEET_SIGNING: &str = "Signing";
pub const SHEET_ASKS_ACCOUNT: &str = "asks to see an account";
pub const SHEET_CONNECT: &str = "Show your account";
pub const SHEET_CONNECT_DETAIL: &str =
    "This page then knows the account’s address and may ask for signatures. Each one shows a sheet like this.";
pub const SHEET_CONNECT_NOW: &str = "Connect";
pub const SHEET_ACCOUNT: &str = "Account";
pub const SHEET_NO_WALLET: &str = "There is no wallet in this browser yet.";
pub const SHEET_OPEN_WALLET: &str = "Open the wallet page";

pub const UNAVAILABLE_TITLE: &str = "The wallet does not run";
pub const ERROR_SHORT: &str = "A password has at least 10 characters.";
pub const ERROR_DIFFERENT: &str = "The two passwords differ.";
pub const ERROR_WRONG: &str = "Wrong password. The wallet is unchanged; try again.";
pub const ERROR_WORKER: &str = "The wallet’s worker did not start. Load the page again; stored keys are kept.";

pub const ERROR_OTHER_VERSION: &str = "This page and the wallet are of different versions. Load the page again.";
pub const ERROR_NO_ANSWER: &str =
    "The wallet did not answer in time. What you asked for may still happen: load the page again to see what it holds.";

pub fn words_title(count: usize) -> String {
    format!("Write these {count} words down")
}

pub fn remove_title(name: &str) -> String {
    format!("Remove “{name}”")
}

pub fn passkey_added(at: &str) -> String {
    format!("Added {at}")
}

pub fn passkey_failed(name: &str) -> String {
    format!("The browser could not ask a passkey ({name}). Nothing changed; the password opens the wallet.")
}

pub fn word(number: usize) -> String {
    format!("Word {number}")
}

pub fn account(index: Option<u32>) -> String {
    index.map_or_else(|| SINGLE_KEY.to_owned(), |index| format!("Account {}", u64::from(index) + 1))
}

pub fn minutes(minutes: u32) -> String {
    match minutes {
        60.. => format!("{} h", minutes / 60),
        minutes => format!("{minutes} minutes"),
    }
}

pub fn send_now(amount: &str) -> String {
    format!("Send {amount} AIT")
}

pub fn in_block(number: &str) -> String {
    format!("In block {number}")
}

pub fn sign_in(domain: &str) -> String {
    format!("This signs you in at {domain}. Go on only if you are just signing in there.")
}

pub fn up_to(wei: &str) -> String {
    format!("up to {wei} of the smallest units of the chain’s own coin")
}

pub fn refusal(reason: &Refusal) -> String {
    match reason {
        Refusal::PasswordTooShort => ERROR_SHORT.to_owned(),
        Refusal::WrongPassword => ERROR_WRONG.to_owned(),
        Refusal::WrongPasskey => {
            "This passkey does not open the wallet: it was removed here, or belongs to other wallets. Nothing changed; the password opens it.".to_owned()
        }
        Refusal::NoPasskeyBegun => "The wallets changed or were locked meanwhile, so the passkey was not added. Begin anew.".to_owned(),
        Refusal::WrongWord { position } => {
            format!("Word {position} is not as it was shown. Look at what you wrote down.")
        }
        Refusal::NothingWaits => "No new words wait here any more. Make the wallet anew.".to_owned(),
        Refusal::Locked => "The wallet is locked. Unlock it and try again.".to_owned(),
        Refusal::ChangedElsewhere => "Another tab changed the wallets at the same moment. Its change stands, nothing was lost, and yours was not made. Look at them and try again.".to_owned(),
        Refusal::Duplicate { address } => format!("This wallet is here already: {address}."),
        Refusal::TooMany { most } => format!("There is room for {most}."),
        Refusal::Name => format!("A name has 1 to {NAME_MAX_CHARS} characters."),
        Refusal::NotHere => "This wallet or account is not here.".to_owned(),
        Refusal::Unreadable { detail } => format!("That cannot be read: {detail}."),
        Refusal::KeystorePassword => "This password does not open the file.".to_owned(),
        Refusal::NotEnough { balance } => format!("The account has {balance} AIT; that is not enough."),
        Refusal::WouldFail { detail } => format!("It would fail: {detail}. Nothing was signed."),
        Refusal::NotSigned { detail } => format!("The wallet does not sign this: {detail}."),
        Refusal::UnknownTicket => "This sheet was used, refused or locked away. Begin anew.".to_owned(),
        Refusal::Node { detail } => format!("The chain did not take it: {detail}. Nothing was sent."),
        Refusal::SendUnclear { hash, detail } => format!(
            "It is not known whether the transaction {hash} was sent ({detail}). Look at the activity before you send again."
        ),
        Refusal::Cryptography { detail } => format!("The key could not be used: {detail}. Nothing was stored."),
        Refusal::UnreadableWallet { detail } => {
            format!("What is stored cannot be read: {detail}. It is unchanged.")
        }
        Refusal::Storage { detail } => {
            format!("The browser’s storage failed: {detail}. What was stored before is unchanged.")
        }
        Refusal::NotAReceipt { detail } => not_a_receipt(detail),
        Refusal::UnknownRequest => ERROR_OTHER_VERSION.to_owned(),
    }
}

pub fn receipt_refusal(reason: &ReceiptRefusal) -> String {
    match reason {
        ReceiptRefusal::NotAReceipt { detail } => not_a_receipt(detail),
        ReceiptRefusal::UnknownRequest => ERROR_OTHER_VERSION.to_owned(),
    }
}

fn not_a_receipt(detail: &str) -> String {
    format!("This is not a receipt: {detail}.")
}

pub const CALLS_TITLE: &str = "Calls of this site";
pub const CALLS_ASKED: &str = "asked for these";
pub const CALLS_CLOSE: &str = "Close";

/// What became of a call that a site asked for.
pub const fn call_state(state: CallState) -> &'static str {
    match state {
        CallState::Waiting => "Waits",
        CallState::Succeeded => "Is in a block",
        CallState::Failed => "Is in a block and did nothing",
        CallState::NotSent => "Was not sent",
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
