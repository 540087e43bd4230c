//! The command line. Tables are for people, `--json` is for programs; an error is one sentence on stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line answers on its streams")]

mod client;
mod jobs;
mod keys;
mod receipt;
mod serve;
mod submit;
mod table;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// AITBC: pictures drawn by miners, receipts for the work, tokens for the receipts.
#[derive(Debug, Parser)]
#[command(name = "aitbc", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs node, hub and pages in one process, with dev keys
    Up(up::Up),
    /// Runs the same with keys of your own
    Serve(serve::Serve),
    /// Makes, lists and revokes keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Asks for a picture
    Submit(submit::Submit),
    /// Shows a job
    Status(jobs::OneJob),
    /// Says why a job waits and which miner could serve it, or how it ended
    Explain(jobs::OneJob),
    /// Cancels a job that is not over
    Cancel(jobs::OneJob),
    /// Lists job receipts
    Receipts(receipt::Receipts),
    /// Works with one receipt
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    /// Looks at miners
    #[command(subcommand)]
    Miner(jobs::Miner),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up(up) => up::run(up),
        Command::Serve(serve) => serve::run(serve),
        Command::Keys(keys) => keys::run(keys),
        Command::Submit(submit) => submit::run(&submit),
        Command::Status(status) => jobs::status(&status),
        Command::Explain(explain) => jobs::explain(&explain),
        Command::Cancel(cancel) => jobs::cancel(&cancel),
        Command::Receipts(receipts) => receipt::list(&receipts),
        Command::Receipt(receipt) => receipt::run(receipt),
        Command::Miner(miner) => jobs::list_miners(miner),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
