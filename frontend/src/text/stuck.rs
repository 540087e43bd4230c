//! Words about what should have moved on by itself.

pub const TITLE: &str = "Stuck work";
pub const NOTE: &str = "Every minute this server counts, from its store and from the chain, what should have moved on by itself and did not.";
pub const NOT_YET: &str = "Not counted yet: the first count follows the start of the server.";
pub const HOW: &str = "What is counted, and how to look";
pub const WHAT: &str = "What";
pub const COUNT: &str = "Stuck";
pub const MEANS: &str = "What it counts";
pub const ASK: &str = "How to look at one";
pub const ALL: &str = "The same as JSON: stuck in /v1/status.";
pub const COUNTED: &str = "counted";

pub fn total(total: &str) -> String {
    format!("stuck: {total}")
}

pub fn at_least(count: &str, is_more: bool) -> String {
    if is_more { format!("at least {count}") } else { count.to_owned() }
}
