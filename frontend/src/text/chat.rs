//! Words of the page where one talks with a text model.

pub const TITLE: &str = "Chat";
pub const FACT: &str = "A miner’s model answers while you watch. Each answer is a job with its own receipt.";
pub const LINK: &str = "Chat with this model";
pub const NEEDS_SCRIPT: &str = "The chat needs JavaScript. Programs talk with the same models at /v1/chat/completions.";

pub const MODEL: &str = "Model";
pub const NOBODY: &str = "no miner now";
pub const CONVERSATION: &str = "Conversation";
pub const EMPTY_TITLE: &str = "Nothing said yet";
pub const EMPTY: &str =
    "What you write is sent to a miner together with what was said before. The conversation stays in this tab.";
pub const MESSAGE: &str = "Your message";
pub const MESSAGE_HELP: &str = "Enter sends, Shift and Enter begin a new line.";
pub const SEND: &str = "Send";
pub const STOP: &str = "Stop";
pub const NEW: &str = "New conversation";
pub const SETTINGS: &str = "Instructions and length";
pub const INSTRUCTIONS: &str = "Instructions for the model";
pub const INSTRUCTIONS_HELP: &str = "Sent before the conversation each time. Not every model heeds them.";
pub const LENGTH: &str = "Longest answer, tokens";
pub const YOU: &str = "You";
pub const JOB: &str = "Job and receipt";

pub const NO_MODEL_TITLE: &str = "No model to talk with yet";
pub const NO_MODEL: &str =
    "A model appears here as soon as a miner offers a text model that this hub knows. This command starts a miner:";

/// `{position}` is filled in.
pub const QUEUED: &str = "Waits for a miner, at place {position}";
pub const WAITING: &str = "Waits for a miner";
pub const WRITING: &str = "Is being written";
/// `{amount}` is filled in.
pub const MINTED: &str = "{amount} AIT minted for the miner";
pub const SERVED: &str = "Served";
pub const STOPPED: &str = "Stopped";
/// `{reason}` is filled in.
pub const FAILED: &str = "No answer: {reason}";
pub const EXPIRED: &str = "no miner took it in time";
pub const LOST: &str = "its miners failed; the job says why";
pub const GONE: &str = "the job is not there any more";
pub const FORGOTTEN: &str =
    "The conversation is longer than a model may be sent. Its oldest messages are left out from here on.";
pub const TOO_LONG: &str = "This message alone is longer than a model may be sent";
