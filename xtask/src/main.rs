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
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  up      [--data DIR] [--port N] [--workers N] [--validators N] [--hubs N] [--fresh] [--no-market-maker]
          builds and starts the whole system, prints its URL, stops it on Ctrl-C; several validators are processes of
          their own, the first of which serves hub and pages; several hubs are marketplaces of their own on one chain,
          and each worker serves all of them
  test    [STAGE...]
          runs every check, or only the stages named
  fuzz    [TEST] [--seconds N]
          tries the parsers of what strangers send with broken input, each for N seconds (60 where none are named);
          a failure tells its AITBC_FUZZ_SEED, with which it comes again
  soak    economics [--seeds N] [--help]
          simulates miners that cheat beside honest ones and prints what each earns; --help lists its parameters
          network [--minutes N] [--seed S]
          runs four validators and a follower under load, kills, pauses and cuts them off by the seed that it prints, and
          checks that they keep one chain, lose nothing and mint what was signed
  bench   [NAME...] [--json FILE]
          measures figures against their bars, all or those of docs/BENCHMARKS.md that are named
  engine  cpu | cuda [--into DIR]
          fetches ONNX Runtime's library, without or with CUDA, to where workers look for it
  extension
          builds the wallet as an extension of Chromium and Firefox in target/extension: a folder to load, and an archive
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
            Some("fuzz") => fuzz::run(&workspace, &fuzz::Options::parse(&mut arguments)?),
            Some("soak") => soak::run(&workspace, &soak::Options::parse(&mut arguments)?),
            Some("bench") => bench::run(&workspace, &bench::Options::parse(&mut arguments)?),
            Some("engine") => engine::run(&workspace, &engine::Options::parse(&mut arguments)?),
            Some("extension") => extension::run(&workspace),
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
