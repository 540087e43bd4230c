//! `cargo xtask up | test | fuzz | soak | bench | engine | extension | doctor`: what a newcomer, a developer and the continuous integration run.
#![expect(clippy::print_stdout, reason = "a command line tool answers on standard output")]

mod bench;
mod build;
mod command;
mod doctor;
mod engine;
mod extension;
mod fuzz;
mod http;
mod packages;
mod progress;
mod soak;
mod test;
mod tools;
mod up;
mod usage;
mod workspace;

use std::ffi::OsStr;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let workspace = Workspace::locate()?;
    let mut arguments = lexopt::Parser::from_env();
    let Some(first) = arguments.next()? else { bail!("no command given\n{}", usage::of_all()) };
    match first {
        lexopt::Arg::Value(name) => run_command(&workspace, &name, &mut arguments),
        lexopt::Arg::Short('h') | lexopt::Arg::Long("help") => {
            println!("{}", usage::of_all());
            Ok(())
        }
        other => Err(other.unexpected().into()),
    }
}

fn run_command(workspace: &Workspace, name: &OsStr, arguments: &mut lexopt::Parser) -> Result<()> {
    let name = name.to_string_lossy();
    if let Some(usage) = usage::asked_for(&name, arguments.raw_args()?.as_slice()) {
        println!("{usage}");
        return Ok(());
    }
    match name.as_ref() {
        "up" => up::run(workspace, &up::Options::parse(arguments)?),
        "test" => test::run(workspace, &test::Options::parse(arguments)?),
        "fuzz" => fuzz::run(workspace, &fuzz::Options::parse(arguments)?),
        "soak" => soak::run(workspace, &soak::Options::parse(arguments)?),
        "bench" => bench::run(workspace, &bench::Options::parse(arguments)?),
        "engine" => engine::run(workspace, &engine::Options::parse(arguments)?),
        "extension" => extension::run(workspace),
        "doctor" => doctor::run(workspace),
        _ => bail!("there is no command {name:?}\n{}", usage::of_all()),
    }
}
