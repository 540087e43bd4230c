//! `gpu-worker`: the miner's process.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gpu_worker::commands::generate::Generate;

#[derive(Debug, Parser)]
#[command(name = "gpu-worker", version, about = "Serves AI jobs on this machine and is paid in AIT.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(Generate),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Generate(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gpu-worker: {error}");
            ExitCode::FAILURE
        }
    }
}
