//! Words of the frame around every page.

use shared::unit::UnitType;

pub const PRODUCT: &str = "AITBC";
pub const SKIP: &str = "Skip to the content";
pub const NAV: &str = "Main";
pub const NAV_DRAW: &str = "Draw";
pub const NAV_CHAT: &str = "Chat";
pub const NAV_JOBS: &str = "My jobs";
pub const NAV_EXPLORER: &str = "Explorer";
pub const NAV_EXCHANGE: &str = "Exchange";
pub const NAV_MODELS: &str = "Models";
pub const NAV_MINERS: &str = "Miners";
pub const NAV_WALLET: &str = "Wallet";
pub const FOOT_NAV: &str = "More";
pub const FOOT_BOUNTIES: &str = "Bounties";
pub const FOOT_DOCS: &str = "Docs";
pub const FOOT_DESIGN: &str = "Design";
pub const FOOT_API: &str = "OpenAPI";
pub const FOOT_RECEIPTS: &str = "Receipts";

pub const DEV_LABEL: &str = "Dev chain";
pub const DEV_HELP: &str = "Keys and chain were made for development: nothing here is worth anything";
pub const DEV_FOOT: &str =
    "Development chain with development keys, made on this machine: its tokens are worth nothing.";

pub const SEARCH_LABEL: &str = "Search by height, hash, address, job, model or name";
pub const SEARCH_SHORT: &str = "Search the chain";
pub const THEME: &str = "Switch between light and dark";
pub const COPIED: &str = "Copied";

pub const ADDRESS: &str = "address";
pub const HASH: &str = "hash";
pub const IDENTIFIER: &str = "identifier";
pub const SIGNATURE: &str = "signature";

pub const OLDER: &str = "Older";
pub const NEWEST: &str = "Newest";
pub const RAW: &str = "Raw data";
pub const PAGES: &str = "Pages of the list";
pub const CSV: &str = "CSV";

pub const MISSING_TITLE: &str = "There is no page at this address";
pub const MISSING_DETAIL: &str = "The address may be mistyped, or what was here belongs to another chain. The search finds blocks, transactions, accounts, jobs and receipts.";
pub const MISSING_JOB_TITLE: &str = "This job is not shown to you";
pub const MISSING_JOB_DETAIL: &str = "It belongs to an account that is not signed in here, or this server does not know it. Who asked for it sees it after signing in. Its receipt, if it has one, is public.";
pub const HOME: &str = "Draw a picture";

pub const NOT_FOUND_TITLE: &str = "Not found";
pub const INVALID_TITLE: &str = "This address cannot be read";
pub const UNAVAILABLE_TITLE: &str = "The server could not answer";
pub const UNAVAILABLE_KEPT: &str = "Nothing was changed. Load the page again in a moment.";
pub const OFFLINE: &str = "The server cannot be reached. Nothing was sent; your text stays here. Try again.";

/// Of a page whose parts are kept current, and the time, in UTC, at which they were that last.
pub fn not_current(last_answer: &str) -> String {
    format!(
        "This page is not current any more: the server cannot be reached. Its last answer came at {last_answer} UTC."
    )
}

pub fn copy(what: &str) -> String {
    format!("Copy {what}")
}

pub fn page_title(name: &str) -> String {
    format!("{name} · {PRODUCT}")
}

pub fn chain(chain_id: u64) -> String {
    format!("Chain {chain_id}")
}

pub const fn unit(unit_type: UnitType) -> &'static str {
    match unit_type {
        UnitType::MegapixelStep => "megapixel steps",
        UnitType::Token => "tokens",
    }
}
pub const NOT_YET: &str = "not yet";
pub const NEVER: &str = "–";
pub const NOW: &str = "now";

pub const fn unit_singular(unit_type: UnitType) -> &'static str {
    match unit_type {
        UnitType::MegapixelStep => "megapixel step",
        UnitType::Token => "token",
    }
}
