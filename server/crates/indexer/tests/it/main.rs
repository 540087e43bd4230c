//! The index beside a real node: every block once, whatever happens meanwhile.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod crash;
mod follow;
#[path = "../../../node/tests/it/setup.rs"]
#[expect(dead_code, reason = "the node's own tests use more of it")]
mod setup;
mod setup_index;
