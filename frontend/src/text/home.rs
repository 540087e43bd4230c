//! Words of the first page.

pub const TITLE: &str = "AITBC: pictures that prove their work";
pub const SENTENCE: &str = "Describe a picture; follow it from a miner’s receipt to the token it mints.";
pub const DESCRIPTION: &str =
    "A miner draws your picture on its own hardware. Its signed receipt mints the only tokens this chain has.";
pub const PROMPT: &str = "What should be drawn";
pub const PROMPT_PLACEHOLDER: &str = "a city skyline at night";
pub const IMPROVE: &str = "Improve my prompt";
pub const IMPROVING: &str = "Writing";
pub const IMPROVE_AGAIN: &str = "Improve again";
pub const IMPROVE_UNDO: &str = "Undo";
pub const IMPROVE_FAILED: &str = "The text model gave no words. Try again.";
pub const SUGGESTIONS: &str = "What the model draws well";
pub const DRAW: &str = "Draw it";
pub const DRAWING: &str = "Drawing";
pub const WAITING: &str = "Waiting";
pub const DRAW_NEXT: &str = "Draw another";
pub const CANCEL: &str = "Cancel";
pub const JOB_PAGE: &str = "Open the job’s page";
pub const SETTINGS: &str = "Size, steps and seed";
pub const QUALITY: &str = "Quality";
pub const STEPS: &str = "Steps";
pub const GUIDANCE: &str = "Guidance";
pub const WIDTH: &str = "Width, px";
pub const HEIGHT: &str = "Height, px";
pub const SEED: &str = "Seed";
pub const NEGATIVE: &str = "Keep out of the picture";
pub const SPONSORED: &str = "No account needed: the hub sponsors these jobs, and everybody can see them.";
pub const NO_MINER: &str = "No miner is online. A job waits in the queue until one comes, or expires after 15 minutes.";
pub const PROOF: &str = "Proof of this picture";
pub const WALLET_OFFER: &str = "Make a wallet";
pub const STRIP: &str = "The network now";

pub const SUPPLY: &str = "Supply";
pub const SUPPLY_NOTE: &str = "the sum of all mints";
pub const JOBS_TODAY: &str = "Jobs today";
pub const MINERS: &str = "Miners online";
pub const HEAD: &str = "Last block";
pub const NO_BLOCK_YET: &str = "the first mint makes block 1";

pub fn queue(depth: u32) -> String {
    match depth {
        0 => "no job waits".to_owned(),
        1 => "1 job waits".to_owned(),
        more => format!("{more} jobs wait"),
    }
}

pub fn usual(steps: &str) -> String {
    format!("Best, {steps} steps")
}

pub fn fast(steps: &str) -> String {
    format!("Quick, {steps} steps")
}

/// Of a prompt that names nothing the model learned.
pub fn unknown_subject(model: &str) -> String {
    format!(
        "{model} is small and learned none of these words: expect something vague. The suggestions show what it draws \
         well. A miner with a larger model, such as Stable Diffusion, draws nearly anything."
    )
}

/// What a text model is asked; the product's own is trained on this very sentence.
pub fn improve_request(prompt: &str) -> String {
    format!("Improve this prompt: {prompt}")
}

pub fn example_caption(seed: u64, steps: u32) -> String {
    format!("seed {seed}, {steps} steps")
}

pub const SEED_HELP: &str = "random if empty";

/// The sizes that a picture may have.
pub fn size(least_px: u32, most_px: u32, multiple_px: u32) -> String {
    format!("{least_px} to {most_px}, multiples of {multiple_px}")
}

pub fn bound(bound: &str, value: &str) -> String {
    format!("It is {bound}; you gave {value}.")
}

pub const MINERS_NOTE: &str = "hardware and prices";
/// Before the command that does it.
pub const NO_MINERS_NOTE: &str = "start one: ";
