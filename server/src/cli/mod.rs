//! The command line. Tables are for people, `--json` is for programs; an error is one sentence on stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line answers on its streams")]

mod admin;
mod attester;
mod audit;
mod bounty;
mod chain;
mod client;
mod exchange;
mod failure;
mod index;
mod job;
mod jobs;
mod keys;
mod log;
mod market;
mod market_maker;
mod node;
mod receipt;
mod rpc;
mod serve;
mod signals;
mod stake;
mod submit;
mod table;
mod up;
mod wallet;
mod webhook;

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
    /// Keeps one chain with others: makes it, runs a validator, follows
    #[command(subcommand)]
    Node(node::Node),
    /// Looks at blocks, transactions, accounts and events
    #[command(subcommand)]
    Chain(chain::Chain),
    /// Stakes AIT with validators, and says who they are
    #[command(subcommand)]
    Stake(stake::Stake),
    /// Lists the hubs whose receipts are minted, and admits others
    #[command(subcommand)]
    Attester(attester::Attester),
    /// Pledges AIT for models, and claims what is pledged
    #[command(subcommand)]
    Bounty(bounty::Bounty),
    /// Makes, lists and revokes keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Works on the index of the chain
    #[command(subcommand)]
    Index(index::Index),
    /// Asks for a picture
    Submit(submit::Submit),
    /// Asks what a job costs, or for the job itself
    #[command(subcommand)]
    Job(job::Job),
    /// Shows a job
    Status(jobs::OneJob),
    /// Says why a job waits and which miner could serve it, or how it ended
    Explain(jobs::OneJob),
    /// Cancels a job that is not over
    Cancel(jobs::Cancel),
    /// Lists job receipts
    Receipts(receipt::Receipts),
    /// Works with one receipt, or the record of a failed job
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    /// Leaves standing requests for jobs, and shows what others bid
    #[command(subcommand)]
    Market(market::Market),
    /// Has the ends of your jobs told to a web address
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Checks a hub against its log and the chain
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Looks after a hub that you operate: its health, miners, keys, and what was changed
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Looks at miners
    #[command(subcommand)]
    Miner(jobs::Miner),
    /// Keeps keys in encrypted files, sends AIT, signs and verifies
    #[command(subcommand)]
    Wallet(wallet::Wallet),
    /// Trades on the exchange with a wallet of this machine
    #[command(subcommand)]
    Exchange(exchange::Exchange),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    make_private();
    let result = match Arguments::parse().command {
        Command::Up(up) => up::run(up),
        Command::Serve(serve) => serve::run(serve),
        Command::Node(node) => node::run(node),
        Command::Chain(chain) => chain::run(chain),
        Command::Stake(stake) => stake::run(stake),
        Command::Attester(attester) => attester::run(attester),
        Command::Bounty(bounty) => bounty::run(bounty),
        Command::Keys(keys) => keys::run(keys),
        Command::Index(index) => index::run(index),
        Command::Submit(submit) => submit::run(&submit),
        Command::Job(job) => job::run(&job),
        Command::Status(status) => jobs::status(&status),
        Command::Explain(explain) => jobs::explain(&explain),
        Command::Cancel(cancel) => jobs::cancel(&cancel),
        Command::Receipts(receipts) => receipt::list(&receipts),
        Command::Receipt(receipt) => receipt::run(receipt),
        Command::Market(market) => market::run(&market),
        Command::Webhook(webhook) => webhook::run(&webhook),
        Command::Audit(audit) => return ended(audit::run(&audit)),
        Command::Admin(admin) => admin::run(&admin),
        Command::Miner(miner) => jobs::list_miners(miner),
        Command::Wallet(wallet) => wallet::run(wallet),
        Command::Exchange(exchange) => exchange::run(exchange),
    };
    ended(result.map(|()| ExitCode::SUCCESS))
}

fn ended(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Whatever this process makes, keys and data among it, is for its owner alone.
fn make_private() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG.union(rustix::fs::Mode::RWXO));
}
