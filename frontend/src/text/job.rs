//! Words about jobs.

use shared::job::JobKind;
use shared::job::lifecycle::{Blame, JobState};
use shared::job::task::Part;
use shared::job::text::Role;

pub const TITLE: &str = "Job";
pub const LINK_DESCRIPTION: &str =
    "Made by a miner on its own hardware. The page has the signed receipt and the block that paid for it.";
pub const PROGRESS: &str = "Steps drawn";
pub const WAITS: &str = "waits in the queue";
pub const VERIFIED_NOW: &str = "being checked";
pub const CANCEL: &str = "Cancel the job";
pub const AGAIN: &str = "Run again with changes";
pub const SHARE: &str = "Copy link";
pub const OPEN: &str = "Open the result";
pub const WITHHELD: &str = "Only the one who asked sees the result for now: another miner may be asked to compute it again, and must not read it. Then everybody does.";
pub const FLAGGED: &str =
    "The model’s safety checker flagged a picture of this job, so a black one stands in its place.";
pub const FILE_GONE: &str = "not kept any more";
pub const FILES_GONE: &str = "This server does not keep the result of this job any more. Its SHA-256 and its receipt stay: anybody who has the file can check it against them.";
pub const ANSWER: &str = "Answer";
pub const VECTORS: &str = "Vectors";
pub const WHY: &str = "Why it waits";
pub const RECEIPT: &str = "Receipt";
pub const RECEIPT_WAITS: &str = "The receipt comes when a miner’s result was checked. It will name who served it, for how much work, and carry both signatures.";
pub const REQUEST: &str = "Request";
pub const PROMPT: &str = "Prompt";
pub const NEGATIVE: &str = "Keep out";
pub const MODEL: &str = "Model";
pub const SIZE: &str = "Size";
pub const SAMPLING: &str = "Sampling";
pub const STOP: &str = "Stops before";
pub const INPUTS: &str = "Texts";
pub const STEPS: &str = "Steps";
pub const SEED: &str = "Seed";
pub const CREATED: &str = "Asked";
pub const TOOK: &str = "Took";
pub const SALT: &str = "Salt";
pub const SALT_HELP: &str = "Seals prompt and result in the public receipt. Who has it can try guesses of both, so show it, with the prompt, only to whom you want to prove that this was asked.";
pub const CLIENT: &str = "Client";
pub const SPONSORED: &str = "sponsored by the hub, public";
pub const FAULTS: &str = "Faults";
pub const MINER: &str = "Miner";

pub const MINE_TITLE: &str = "My jobs";
pub const MINE_FACT: &str = "Jobs that this browser asked for. The list is kept in this browser only.";
pub const ACCOUNT_FACT: &str = "Jobs of the account that is signed in. Nobody else sees them.";
pub const OF_BROWSER: &str = "Jobs that this browser asked for without signing in";
pub const NONE_TITLE: &str = "No job yet";
pub const NONE_DETAIL: &str = "Every picture you ask for is listed here, with its receipt and its mint.";
pub const NEEDS_SCRIPT: &str = "This list lives in your browser and appears when its WebAssembly runs.";
pub const FORGET: &str = "Forget this list";
pub const GONE: &str = "not on this server any more, or of an account that is not signed in";

pub const SEARCH: &str = "Find by meaning";
pub const SEARCH_EXAMPLE: &str = "boats at night";
pub const SEARCH_HELP: &str = "A miner compares your words with these prompts, in a job that everybody can see.";
pub const SEARCH_DO: &str = "Find";
pub const SEARCH_WAITS: &str = "A miner compares your words with these prompts. Not yet ordered.";
pub const SEARCH_DONE: &str = "Ordered: the nearest comes first.";
pub const SEARCH_UNORDERED: &str = "Compared, and not ordered.";
pub const SEARCH_BLANK: &str = "Write what the pictures show.";
pub const SEARCH_NOBODY: &str = "No miner that compares meanings is online, so the order stays as it is.";
pub const SEARCH_MISSED: &str = "No miner compared them in time, so the order stays as it is. Try again.";
pub const SEARCH_OFFLINE: &str = "The server cannot be reached, so the order stays as it is. Try again.";
pub const SEARCH_FAILED: &str = "No miner compared them in time, so the newest come first. Try again.";
pub const SEARCH_NOT_YET: &str =
    "A miner has not compared them yet, so the newest come first. Load the page again in a moment.";
pub const SEARCH_WITHHELD: &str = "Only the one who asked for this comparison sees it for now, so the newest come first. Another miner may be asked to compute it again, and must not read it.";
pub const SEARCH_UNKNOWN: &str =
    "The comparison that this address names is not on this server, so the newest come first.";
pub const SEARCH_OF_OTHER_KIND: &str =
    "The job that this address names compared no meanings, so the newest come first.";
pub const SEARCH_OF_OTHER_PROMPTS: &str =
    "The comparison that this address names was about other prompts, so the newest come first.";
pub const NEAREST_TO: &str = "Nearest to ";
pub const BY_MEANING: &str = " first, by the meaning that ";
pub const WITH_WORDS: &str = "Prompts with ";
pub const THEN_BY_MEANING: &str = " first, then the nearest by the meaning that ";
pub const NEWEST_FIRST: &str = "Show the newest first";
pub const NEARNESS: &str = "similarity ";
pub const NEARNESS_TITLE: &str = "How near the prompt is to what was looked for: 1 means the same, 0 nothing in common";

pub fn state(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Verifying => "verifying",
        JobState::Completed => "completed",
        JobState::Failed => "failed",
        JobState::Canceled => "canceled",
        JobState::Expired => "expired",
    }
}

/// One sentence about the state of a job, under the page's title.
pub const fn state_sentence(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "It waits for a miner.",
        JobState::Running => "A miner works on it now.",
        JobState::Verifying => "The result is there; the hub checks it and attests the receipt.",
        JobState::Completed => "Served, checked and attested.",
        JobState::Failed => "It could not be served, or not all of it; the reasons are below.",
        JobState::Canceled => "It was canceled.",
        JobState::Expired => "Not all of it was finished in its time. Run it again when a miner is online.",
    }
}

pub fn queue_position(position: u32) -> String {
    match position {
        0 => "next in the queue".to_owned(),
        1 => "1 job before it".to_owned(),
        more => format!("{more} jobs before it"),
    }
}

/// How far a running job is.
pub const fn kind_name(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Image => "pictures",
        JobKind::Text => "texts",
        JobKind::Embedding => "embeddings",
    }
}

/// What a job without a picture yields, in the place of one.
pub const fn kind_of_result(kind: JobKind) -> Option<&'static str> {
    match kind {
        JobKind::Image => None,
        JobKind::Text => Some("Text"),
        JobKind::Embedding => Some("Embeddings"),
    }
}

pub fn progress(kind: JobKind, done: u32, whole: u32) -> String {
    match kind {
        JobKind::Image => format!("step {done} of {whole}"),
        JobKind::Text => format!("{done} of up to {whole} tokens"),
        JobKind::Embedding => format!("{done} of {whole} texts"),
    }
}

/// The size of an embedding.
pub fn vectors(count: usize, dimensions: usize) -> String {
    let vectors = if count == 1 { "1 vector".to_owned() } else { format!("{count} vectors") };
    format!("{vectors} of {dimensions} numbers")
}

/// Who says a message of a conversation, as its reader knows them.
pub const fn speaker(role: Role) -> &'static str {
    match role {
        Role::System => "Instruction",
        Role::User => "You",
        Role::Assistant => "Model",
        Role::Tool => "Tool",
    }
}

/// The settings a text was requested with.
pub fn sampling(max_tokens: u32, temperature: f32, top_p: f32) -> String {
    format!("up to {max_tokens} tokens, temperature {temperature}, top p {top_p}")
}

pub fn measured_by(model: &str) -> String {
    format!("{model} measured")
}

pub fn texts(count: usize) -> String {
    if count == 1 { "1 text".to_owned() } else { format!("{count} texts") }
}

pub fn eta(duration: &str) -> String {
    format!("about {duration} left")
}

pub fn alternative(prompt: &str) -> String {
    format!("Picture drawn for the prompt: {prompt}")
}

pub fn blame(blame: Blame) -> &'static str {
    match blame {
        Blame::Miner => "the miner’s fault",
        Blame::Network => "the connection’s fault",
        Blame::Platform => "the hub’s fault, not counted",
        Blame::Input => "the request’s fault, says the miner",
    }
}

pub const PICTURES: &str = "Pictures";
pub const PARTS: &str = "Parts";
pub const PARTS_FACT: &str = "Several miners share this job. Each signs a receipt for the pictures that it drew, and is paid for those alone. A part that fails is tried again by another miner, and costs nothing where it fails for good.";
pub const PART: &str = "Part";
pub const STATE: &str = "State";
pub const SHARED: &str = "several, see the parts below";
pub const NOT_DRAWN: &str = "not drawn";

/// A picture of a job, as people count.
pub fn picture(place: u32) -> String {
    format!("Picture {}", place.saturating_add(1))
}

/// Which pictures a part draws, as people count.
pub fn pictures(part: Part) -> String {
    match part.count {
        1 => part.first.saturating_add(1).to_string(),
        count => format!("{}–{}", part.first.saturating_add(1), part.first.saturating_add(count)),
    }
}

pub const MINTED: &str = "Minted";
pub const MINTED_TO: &str = " to ";
pub const MINTED_IN: &str = " in block ";
pub const WAITS_TITLE: &str = "It waits";
pub const NO_RECEIPT: &str = "Without a served result there is no receipt.";
