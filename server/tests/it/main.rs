//! The server as its clients and workers meet it: real port, real database, real chain.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command_line;
mod faults;
mod hardware;
mod input;
mod openai;
mod postgres;
#[path = "../../crates/store/tests/it/postgres.rs"]
mod postgres_instance;
mod refused_input;
mod restart;
mod results;
mod server;
mod walk;
mod words;
mod worker;
