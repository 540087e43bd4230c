//! `cargo xtask up | test | bench | engine | doctor`: what a newcomer, a developer and the continuous integration run.
#![expect(clippy::print_stdout, reason = "a command line tool answers on standard output")]

mod bench;
mod build;
mod command;
mod doctor;
mod engine;
mod http;
mod progress;
mod test;
mod tools;
mod up;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  up      [--data DIR] [--port N] [--workers N] [--fresh]
          builds and starts the whole system, prints its URL, stops it on Ctrl-C
  test    [STAGE...]
          runs every check, or only the stages named
  bench   [dispatch | default-model | web]... [--json FILE]
          measures the figures of the README against their bars
  engine  cpu | cuda [--into DIR]
          fetches ONNX Runtime's library, without or with CUDA, to where workers look for it
  doctor  lists the tools, their versions and what is missing";

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
    let Some(first) = arguments.next()? else { bail!("no command given\n{USAGE}") };
    match first {
        lexopt::Arg::Value(name) => match name.to_str() {
            Some("up") => up::run(&workspace, &up::Options::parse(&mut arguments)?),
            Some("test") => test::run(&workspace, &test::Options::parse(&mut arguments)?),
            Some("bench") => bench::run(&workspace, &bench::Options::parse(&mut arguments)?),
            Some("engine") => engine::run(&workspace, &engine::Options::parse(&mut arguments)?),
            Some("doctor") => doctor::run(&workspace),
            _ => bail!("there is no command {name:?}\n{USAGE}"),
        },
        lexopt::Arg::Short('h') | lexopt::Arg::Long("help") => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(other.unexpected().into()),
    }
}
