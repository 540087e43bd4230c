//! Words of the pages for operators.

use shared::api::admin::{ClientClass, OperatorAction};

pub const TITLE: &str = "Operating this hub";
pub const TAB_HEALTH: &str = "Health";
pub const TAB_JOBS: &str = "Jobs";
pub const TAB_MINERS: &str = "Miners";
pub const TAB_KEYS: &str = "Keys";
pub const TAB_LIMITS: &str = "Limits";
pub const TAB_CHANGES: &str = "Changes";

pub const HEALTH_FACT: &str = "What waits, and what the hub stands on. Only operators see this.";
pub const QUEUE: &str = "Queue";
pub const STATE: &str = "State";
pub const JOBS: &str = "Jobs";
pub const OLDEST: &str = "Oldest";
pub const NONE: &str = "–";
pub const WAITING: &str = "Tasks that wait";
pub const ONLINE: &str = "Miners connected";
pub const PAUSED_MINERS: &str = "Miners paused";
pub const AUDITS: &str = "Audits that wait";
pub const OUTBOX: &str = "Transactions on their way";
pub const OUTBOX_EMPTY_TITLE: &str = "No transaction waits";
pub const OUTBOX_EMPTY: &str = "Every transaction that this hub signed is in a block.";
pub const PURPOSE: &str = "For";
pub const TRANSACTION: &str = "Transaction";
pub const SIGNED: &str = "Signed";
pub const ATTEMPTS: &str = "Attempts";
pub const LAST_ERROR: &str = "Last error";
pub const GROUND: &str = "What it stands on";
pub const DISK: &str = "Disk";
pub const DISK_LOW: &str = "Below its floor: only mints of receipts are taken.";
pub const UNKNOWN: &str = "unknown";
pub const DATABASE: &str = "Database";
pub const CHAIN_HEAD: &str = "Head of the chain";
pub const CHAIN_FAULT: &str = "The node makes no blocks";
pub const INDEX: &str = "Index";
pub const VERSION: &str = "Version";
pub const SINCE: &str = "Runs since";

pub const JOBS_FACT: &str = "How jobs go. What was asked and what came of it is not shown.";
pub const FILTERS: &str = "Filters";
pub const ANY: &str = "Any";
pub const SHOW: &str = "Show";
pub const CLEAR: &str = "Without filters";
pub const JOB: &str = "Job";
pub const CLASS: &str = "Asked by";
pub const CLIENT: &str = "Client";
pub const MINER: &str = "Miner";
pub const MODEL: &str = "Model";
pub const ASKED: &str = "Asked";
pub const FAULTS: &str = "Faults";
pub const LAST_FAULT: &str = "Last fault";
pub const NO_JOBS_TITLE: &str = "No job fits";
pub const NO_JOBS: &str = "Other filters may find some.";
pub const BAD_FILTER_TITLE: &str = "A filter cannot be read";

pub const MINERS_FACT: &str = "A paused miner keeps what it has and gets nothing new. Its reason is public.";
pub const SHOW_ALL: &str = "Show all miners";
pub const SHOW_PAUSED: &str = "Show those that are paused";
pub const RUNNING: &str = "Running";
pub const EARNED: &str = "Earned";
pub const HELD: &str = "Held";
pub const WHY: &str = "Why paused";
pub const NO_MINERS_TITLE: &str = "No miner here";
pub const NO_MINERS: &str = "Miners appear here once they have connected.";
pub const NO_PAUSED: &str = "No miner is paused: the hub gives work to all that connect.";
pub const PAUSE: &str = "Pause";
pub const PAUSE_NOTE: &str = "It keeps the jobs that it has and gets no new job and no audit until it is resumed.";
pub const PAUSE_CONFIRM: &str =
    "Pause it. The reason is public: the miner reads it, and it goes into the hub’s log for good";
pub const RESUME: &str = "Resume";
pub const RESUME_NOTE: &str = "What waits and fits may go to it at once.";
pub const RESUME_CONFIRM: &str = "Resume it. The reason goes into the hub’s log for good";
pub const PUBLIC_PROFILE: &str = "Public profile";
pub const REASON: &str = "Reason";
pub const REASON_HELP: &str = "One line of up to 200 characters.";
pub const LAST_SEEN: &str = "Last seen";
pub const REPUTATION: &str = "Reputation";

pub const KEYS_FACT: &str = "API keys and whose they are. Secrets are kept nowhere.";
pub const OWNER: &str = "Owner";
pub const OWNER_PREFIX: &str = "Owner’s address begins with";
pub const KEY: &str = "Key";
pub const LABEL: &str = "Label";
pub const SCOPE: &str = "Scope";
pub const MADE: &str = "Made";
pub const MADE_BY: &str = "Made by";
pub const BY_WALLET: &str = "its wallet";
pub const BY_OPERATOR: &str = "an operator";
pub const VALID: &str = "valid";
pub const REVOKED: &str = "revoked";
pub const PICTURES: &str = "Pictures a minute";
pub const MINTS: &str = "AIT that its jobs may mint a day";
pub const OF_SERVER: &str = "the server’s limit";
pub const NO_KEYS_TITLE: &str = "No key fits";
pub const NO_KEYS: &str = "Wallets make keys at their account. This command makes one for an operator:";
pub const MAKE_KEY_COMMAND: &str = "aitbc keys api create";
pub const LIMIT: &str = "Change its limits";
pub const LIMIT_NOTE: &str = "They hold for its next calls and jobs. An empty field is the server’s limit.";
pub const LIMIT_CONFIRM: &str = "Change them";
pub const REVOKE: &str = "Revoke";
pub const REVOKE_NOTE: &str =
    "It does not count from that moment, and the webhooks that were made with it are removed. This cannot be undone.";
pub const REVOKE_CONFIRM: &str = "Revoke it for good";

pub const LIMITS_FACT: &str = "What this server was started with. Another value takes effect with its next start.";
pub const VALUE: &str = "Value";
pub const LIMITED: &str = "What it limits";

pub const CHANGES_FACT: &str = "What operators did. Nothing here is ever altered or removed.";
pub const WHEN: &str = "When";
pub const OPERATOR: &str = "Operator";
pub const WHAT: &str = "What";
pub const OF: &str = "Of";
pub const BEFORE: &str = "Before";
pub const AFTER: &str = "After";
pub const NO_CHANGES_TITLE: &str = "Nothing was changed yet";
pub const NO_CHANGES: &str =
    "Each pause and its end, and each change of a key, is listed here with who did it and why.";

pub const fn class(class: ClientClass) -> &'static str {
    match class {
        ClientClass::Visitor => "a visitor",
        ClientClass::Account => "an account",
        ClientClass::Paying => "a paying client",
    }
}

pub const fn action(action: OperatorAction) -> &'static str {
    match action {
        OperatorAction::PauseMiner => "paused a miner",
        OperatorAction::ResumeMiner => "resumed a miner",
        OperatorAction::LimitKey => "changed a key’s limits",
        OperatorAction::RevokeKey => "revoked a key",
        OperatorAction::DeclareAmnesty => "declared an amnesty",
        OperatorAction::HideReview => "hid the text of a review",
        OperatorAction::ShowReview => "showed the text of a review again",
    }
}

pub fn miner(address: &str) -> String {
    format!("Miner {address}")
}

pub fn key(id: &str) -> String {
    format!("Key {id}")
}

pub fn audits(open: u64, disputed: u64) -> String {
    format!("{open} for their auditor, {disputed} for a third miner")
}

pub fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

pub fn free(free: &str, floor: &str) -> String {
    format!("{free} free, floor {floor}")
}

pub fn database(kind: &str, size: &str) -> String {
    format!("{kind}, {size}")
}

pub fn behind(blocks: &str) -> String {
    format!("{blocks} blocks behind")
}

pub fn oldest_of(shown: usize, waiting: u64) -> String {
    format!("These are the oldest {shown} of {waiting}.")
}
