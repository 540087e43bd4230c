//! Words about bounties for models, and about models that nobody serves.

use shared::api::bounties::BountyState;

use crate::format::grouped;

pub const TITLE: &str = "Bounties for models";
pub const FACT: &str =
    "AIT that somebody pledged so that miners serve a model. Each reward goes to one receipt for work with it.";
pub const ALL: &str = "All";

pub const MODEL: &str = "Model";
pub const REWARD: &str = "Reward";
pub const FREE: &str = "Free";
pub const LEAST_WORK: &str = "Work worth at least";
pub const ENDS: &str = "Ends";
pub const STATE: &str = "State";
pub const PLEDGED_BY: &str = "Pledged by";
pub const NUMBER: &str = "Bounty";

pub const EMPTY_TITLE: &str = "No bounty here yet";
pub const EMPTY: &str = "A bounty appears here as soon as somebody pledges AIT for a model. This command does:";
pub const PLEDGE_COMMAND: &str = "aitbc bounty pledge WALLET SHA256 100 --receipts 10";
pub const END: &str = "Older bounties may follow on the next page.";

pub const HOW: &str = "How it works";
pub const HOW_PLEDGED: &str = "Somebody pledges AIT for a model, named by the SHA-256 of its manifest, and says into how many equal rewards the sum is parted and until when. The contract holds it.";
pub const HOW_EARNED: &str = "A miner that serves the model earns one reward with one receipt: for work that began after the pledge, for which the network minted, and that is worth enough. What a client pays from the escrow earns no bounty. It claims with its own key, and is paid after the time for which the network holds what it mints.";
pub const HOW_LOST: &str = "A receipt that the attesters take back in that time earns nothing. What nobody claimed goes back to the pledger after the end, and not before. While one miner alone serves a model, or only through Ollama, no audit can tell whether it has the model: pledge no more than you would lose to one who has not.";
pub const GUIDE: &str = "The miners’ guide has the commands";
pub const CONTRACT: &str = "The contract is";
pub const GUIDE_HREF: &str = "/docs/mining#bounties";

pub const OF_MODEL: &str = "Bounties for it";
pub const ALL_BOUNTIES: &str = "All bounties, and what nobody serves";

pub const UNSERVED: &str = "Asked for, and served by nobody";
pub const UNSERVED_NOTE: &str = "Models that clients named within 30 days in requests that had to be refused. One network address counts once a day for a model. What is asked with an API key or a session is private, and does not count. Nobody checked the names.";
pub const UNSERVED_EMPTY_TITLE: &str = "Nothing was refused";
pub const UNSERVED_EMPTY: &str = "A model appears here when a client asks for it and no miner can serve it.";
pub const KIND: &str = "Kind";
pub const ASKED: &str = "Asked";
pub const LAST_DAY: &str = "Last on";

pub const fn state(state: BountyState) -> &'static str {
    match state {
        BountyState::Open => "open",
        BountyState::Earned => "earned",
        BountyState::Expired => "expired",
    }
}

pub const fn state_title(state: BountyState) -> &'static str {
    match state {
        BountyState::Open => "Open",
        BountyState::Earned => "Earned",
        BountyState::Expired => "Expired",
    }
}

/// "3 of 10"
pub fn free_of(free: u32, rewards: u32) -> String {
    format!("{} of {}", grouped(u64::from(free)), grouped(u64::from(rewards)))
}
