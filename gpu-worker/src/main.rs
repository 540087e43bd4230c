//! `gpu-worker`: the miner's process.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gpu_worker::child::{process, sandbox};
use gpu_worker::commands::bench::Bench;
use gpu_worker::commands::doctor::Doctor;
use gpu_worker::commands::generate::Generate;
use gpu_worker::commands::init::Init;
use gpu_worker::commands::keys::Keys;
use gpu_worker::commands::models::Models;
use gpu_worker::commands::pause::{Pause, Resume};
use gpu_worker::commands::probe::Probe;
use gpu_worker::commands::start::Start;
use gpu_worker::commands::status::Status;
use gpu_worker::commands::trace::Trace;
use gpu_worker::error::Result;
use gpu_worker::files;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Parser)]
#[command(
    name = "gpu-worker",
    version,
    about = "Serves AI jobs on this machine and is paid in AIT.",
    after_help = "Begin with `gpu-worker start --hub URL`: it makes what is missing."
)]
struct Arguments {
    /// Folder of the worker's configuration, key and outbox.
    #[arg(long, global = true, env = "AITBC_WORKER_DATA", default_value = "data/worker-1")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(Start),
    Status(Status),
    Doctor(Doctor),
    Pause(Pause),
    Resume(Resume),
    Init(Init),
    Bench(Bench),
    Generate(Generate),
    Trace(Trace),
    #[command(subcommand)]
    Keys(Keys),
    #[command(subcommand)]
    Models(Models),
    #[command(hide = true)]
    Probe(Probe),
    /// The inference process, which the worker starts itself.
    #[command(hide = true)]
    Child,
}

/// On standard error: lines for a person at a terminal, JSON for everything else.
fn begin_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,ort=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.compact().with_target(false).init();
    } else {
        log.json().flatten_event(true).init();
    }
}

/// Before a key is read or a file is made.
fn guard() {
    files::make_private();
    if let Err(error) = sandbox::hide_memory() {
        tracing::warn!(%error, "other programs of this user may read this process's memory");
    }
}

fn main() -> ExitCode {
    let Arguments { data, command } = Arguments::parse();
    begin_log();
    if !matches!(command, Command::Child) {
        guard();
    }
    let done = |outcome: Result<()>| outcome.map(|()| ExitCode::SUCCESS);
    let outcome = match command {
        Command::Init(command) => done(command.run(&data)),
        Command::Start(command) => command.run(&data),
        Command::Status(command) => command.run(&data),
        Command::Pause(command) => done(command.run(&data)),
        Command::Resume(command) => done(command.run(&data)),
        Command::Doctor(command) => command.run(&data),
        Command::Bench(command) => command.run(&data),
        Command::Generate(command) => done(command.run(&data)),
        Command::Trace(command) => done(command.run(&data)),
        Command::Keys(command) => done(command.run(&data)),
        Command::Models(command) => command.run(&data),
        Command::Probe(command) => done(command.run()),
        Command::Child => Ok(process::serve()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("gpu-worker: {error}");
        ExitCode::FAILURE
    })
}
