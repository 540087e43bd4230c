//! Words about models and offers.

use shared::api::marketplace::OfferOrder;
use shared::job::JobKind;

use super::common::unit_singular;
use super::miner;
use crate::format::grouped;

pub const MODELS_TITLE: &str = "Models";
pub const MODELS_FACT: &str =
    "What miners draw, write and embed with: who serves it now, what it costs, and how fast it is.";
pub const OFFERS_TITLE: &str = "Miners and their offers";
pub const OFFERS_FACT: &str = "One row for each connected miner and model. Prices are the miner’s, speeds the hub’s wherever it has measured them.";
pub const PARTS: &str = "Parts of the marketplace";
pub const TAB_OFFERS: &str = "Offers now";
pub const TAB_MINERS: &str = "All miners";
pub const ALL_KINDS: &str = "All";

pub const MODEL: &str = "Model";
pub const SERVED_BY: &str = "Served by";
pub const UNIT_PRICE: &str = "Unit price";
pub const EXAMPLE: &str = "An example costs";
pub const SPEED: &str = "Speed";
pub const JOBS: &str = "Jobs served";
pub const LAST: &str = "Last served";
pub const NOT_PINNED: &str = "not pinned";
pub const NOT_PINNED_HELP: &str = "This hub’s operator vouches for no manifest of it: any miner may offer another model under this name. The SHA-256 of the manifest tells which one it is.";
pub const DEFAULT: &str = "default";
pub const NOBODY: &str = "no miner now";
pub const NO_PRICE: &str = "–";
pub const MEASURED: &str = "measured by the hub";
pub const STATED: &str = "as the miner states";
pub const NEVER: &str = "not yet";

pub const MINER: &str = "Miner";
pub const DEVICE: &str = "Device";
pub const MEMORY: &str = "Memory";
pub const PRICE: &str = "Price";
pub const TIME: &str = "Time";
pub const REPUTATION: &str = "Reputation";
pub const RESULTS: &str = "Results";
pub const FREE: &str = "Free now";
pub const DRAINING: &str = "takes nothing new";

pub const FILTERS: &str = "Filters";
pub const FILTER_KIND: &str = "Kind";
pub const ANY: &str = "Any";
pub const FILTER_GPU: &str = "Graphics card";
pub const GPU_EXAMPLE: &str = "4090";
pub const FILTER_MEMORY: &str = "Its memory, GB";
pub const FILTER_PRICE: &str = "Example up to, AIT";
pub const FILTER_REPUTATION: &str = "Reputation, %";
pub const AT_LEAST: &str = "at least";
pub const FILTER_FREE: &str = "Takes a job now";
pub const FILTER_SORT: &str = "Order";
pub const MORE_FILTERS: &str = "Card, price and reputation";
pub const SHOW: &str = "Show";
pub const CLEAR: &str = "Clear";

pub const BAD_FILTER_TITLE: &str = "This filter cannot be read";
pub const NONE_FIT_TITLE: &str = "No offer fits";
pub const NONE_FIT: &str = "Each filter that is taken away brings some back.";
pub const NO_OFFERS_TITLE: &str = "No miner is connected";
pub const NO_OFFERS: &str = "An offer appears here as soon as a miner connects. This command starts one:";
pub const NO_MODELS_TITLE: &str = "No model of this kind yet";
pub const NO_MODELS: &str = "A model appears here as soon as a miner offers one. This command starts a miner:";
pub const NO_MINER_TITLE: &str = "No miner serves it now";
pub const NO_MINER: &str =
    "Jobs for it wait until a miner comes. This command starts one that offers what is in its folder:";

pub const USE: &str = "Use this model";
pub const AS_CODE: &str = "From a program";
pub const SAMPLES: &str = "Made with it";
pub const SAMPLES_NOTE: &str = "The newest public jobs. Each has its receipt.";
pub const NO_SAMPLES_TITLE: &str = "Nothing to show yet";
pub const NO_SAMPLES: &str = "The first public job that is served with it is shown here.";
pub const OFFERS: &str = "Who serves it";
pub const ALL_OFFERS: &str = "Compare with filters";
pub const HISTORY: &str = "The last days";
pub const CHART_JOBS: &str = "Jobs per day";
pub const CHART_PRICE: &str = "Price paid per unit";
pub const CHART_PRICE_HELP: &str = "The mean over the receipts of the newest jobs.";
pub const NO_HISTORY: &str = "Nothing to draw yet: the first job begins the line.";
pub const FACTS: &str = "What it is";
pub const KIND: &str = "Kind";
pub const LICENCE: &str = "Licence";
pub const VERSION: &str = "Version";
pub const FILES: &str = "Files";
pub const TRAINED_AT: &str = "Trained at";
pub const USUAL: &str = "Usual setting";
pub const DRAWS: &str = "Draws well";
pub const DRAWS_NOT: &str = "Does not draw";
pub const MANIFEST: &str = "Manifest";
pub const MANIFEST_HELP: &str =
    "SHA-256 of the model’s manifest, which pins every file. This hub takes no other model under this name.";
pub const SEVERAL_MANIFESTS: &str = "Miners offer different models under this name. Each of these is one.";
pub const OTHER_KIND: &str = "The same name also stands for";

pub const TRY: &str = "Try it";
pub const TRY_NOTE: &str = "The hub sponsors it: it costs nothing, and everybody can see it.";
pub const TRY_PRIVATE_NOTE: &str = "It counts for your account, and nobody else sees it.";
pub const TRY_SCRIPT: &str = "This form needs JavaScript; the commands below do not.";
pub const PROMPT_IMAGE: &str = "What shall it draw?";
pub const PROMPT_TEXT: &str = "What shall it answer?";
pub const PROMPT_EMBEDDING: &str = "Which text shall it embed?";
pub const DO_IMAGE: &str = "Draw";
pub const DO_TEXT: &str = "Write";
pub const DO_EMBEDDING: &str = "Embed";
pub const SENDING: &str = "Sent. The job’s page opens.";
pub const PAID_ONLY: &str = "Jobs that nobody pays may name pinned models only. This one is paid from the escrow, or asked for with an API key.";
pub const PAY_FOR_IT: &str = "Pay for a picture";
pub const API: &str = "From a program";
pub const API_OWN: &str = "The network’s own form";
pub const API_OPENAI: &str = "OpenAI’s form";
pub const API_NOTE: &str = "Without a key a program is a visitor. With one, made at /account, add -H 'X-API-Key: KEY'.";
pub const API_PAID_NOTE: &str = "This model needs an API key, made at /account, in place of KEY.";
pub const COMMAND: &str = "command";

pub const fn kind_title(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Image => "Pictures",
        JobKind::Text => "Texts",
        JobKind::Embedding => "Embeddings",
    }
}

/// The work by which offers are compared, in one line.
pub fn example(kind: JobKind, steps: u32) -> String {
    match (kind, steps) {
        (JobKind::Image, 0) => "512 px".to_owned(),
        (JobKind::Image, steps) => format!("512 px, {steps} steps"),
        (JobKind::Text | JobKind::Embedding, _) => format!("{} tokens", grouped(1_000_u32)),
    }
}

pub fn miners(count: u32) -> String {
    match count {
        0 => NOBODY.to_owned(),
        1 => "1 miner".to_owned(),
        count => format!("{} miners", grouped(count)),
    }
}

pub fn places(free: u32, slots: u32) -> String {
    format!("{} of {} places free", grouped(free), grouped(slots))
}

pub fn places_short(free: u32, slots: u32) -> String {
    format!("{} of {}", grouped(free), grouped(slots))
}

/// `median 1.2, per token`; only the unit where the median is the lowest.
pub fn median(median: &str, unit_type: shared::unit::UnitType, is_lowest: bool) -> String {
    let unit = unit_singular(unit_type);
    if is_lowest { format!("per {unit}") } else { format!("median {median}, per {unit}") }
}

pub fn in_a_day(jobs: u64) -> String {
    format!("{} in 24 h", grouped(jobs))
}

pub fn in_all(jobs: u64) -> String {
    format!("{} in all", grouped(jobs))
}

pub fn per(unit_type: shared::unit::UnitType) -> String {
    format!("per {}", unit_singular(unit_type))
}

pub fn results(results: u64, faults: u64) -> String {
    let noun = if results == 1 { "result" } else { "results" };
    match faults {
        0 => format!("{} {noun}", grouped(results)),
        1 => format!("{} {noun}, 1 fault", grouped(results)),
        faults => format!("{} {noun}, {} faults", grouped(results), grouped(faults)),
    }
}

pub const fn order(order: OfferOrder) -> &'static str {
    match order {
        OfferOrder::Model => "Model",
        OfferOrder::Miner => "Miner",
        OfferOrder::Device => "Device",
        OfferOrder::Memory => "Most memory",
        OfferOrder::Price => "Cheapest",
        OfferOrder::Time => "Quickest",
        OfferOrder::Reputation => "Reputation",
        OfferOrder::Results => "Most results",
        OfferOrder::Free => "Most places free",
    }
}

/// How many rows are shown out of how many.
pub fn shown(shown: usize, fitting: usize, all: usize) -> String {
    let [shown_text, fitting_text, all_text] = [shown, fitting, all].map(|count| grouped(count as u128));
    match (shown < fitting, fitting < all) {
        (false, false) => format!("{all_text} {}", if all == 1 { "offer" } else { "offers" }),
        (false, true) => format!("{fitting_text} of {all_text} offers fit"),
        (true, _) => format!("The first {shown_text} of {fitting_text} offers that fit; filters make the list shorter"),
    }
}

pub fn models_shown(shown: usize, all: usize) -> String {
    format!("The first {} of {} models.", grouped(shown as u128), grouped(all as u128))
}

pub fn sort_by(column: &str) -> String {
    format!("Order by {column}")
}

/// What a model's page says first.
pub fn model_fact(kind: JobKind, miners_now: u32, free: u32, slots: u32) -> String {
    let does = match kind {
        JobKind::Image => "It draws pictures.",
        JobKind::Text => "It writes texts.",
        JobKind::Embedding => "It turns texts into vectors.",
    };
    match miners_now {
        0 => format!("{does} No miner serves it now."),
        1 => format!("{does} 1 miner serves it, with {}.", places(free, slots)),
        count => format!("{does} {} miners serve it, with {}.", grouped(count), places(free, slots)),
    }
}

pub fn files(count: usize, bytes: &str) -> String {
    let noun = if count == 1 { "file" } else { "files" };
    format!("{count} {noun}, {bytes}")
}

pub fn square(pixels: u32) -> String {
    format!("{pixels} × {pixels} pixels")
}

pub fn usual(steps: u32) -> String {
    format!("{steps} steps")
}

pub fn sample_alternative(words: &str) -> String {
    super::job::alternative(words)
}

pub fn prompt_of(kind: JobKind) -> (&'static str, &'static str) {
    match kind {
        JobKind::Image => (PROMPT_IMAGE, DO_IMAGE),
        JobKind::Text => (PROMPT_TEXT, DO_TEXT),
        JobKind::Embedding => (PROMPT_EMBEDDING, DO_EMBEDDING),
    }
}

/// As on the miner's own page.
pub fn reputation(per_mille: u16) -> String {
    miner::reputation(per_mille)
}
