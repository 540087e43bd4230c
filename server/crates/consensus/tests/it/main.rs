//! Validators in one process: the real rules, the real chain, and a clock, a network and disks that a seed drives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contradictions;
mod faults;
mod fuzz;
mod idle;
mod messages;
mod solo;
mod validator_changes;
mod world;
