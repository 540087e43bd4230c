//! `cargo xtask fuzz`: the parsers of what strangers send, each tried for a while.

use anyhow::{Result, bail};

use crate::command;
use crate::tools::{self, C_COMPILER};
use crate::workspace::Workspace;

/// Read by `test-support`: how long each parser is tried.
const SECONDS_VARIABLE: &str = "AITBC_FUZZ_SECONDS";
const SECONDS_DEFAULT: u64 = 60;

/// How the names of these tests begin. Each lasts as long as all its parsers together.
const TESTS: &str = "fuzz_";

pub(crate) struct Options {
    seconds: u64,
    /// A part of a test's name; empty for all.
    only: String,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { seconds: SECONDS_DEFAULT, only: TESTS.to_owned() };
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("seconds") => options.seconds = lexopt::ValueExt::parse(&arguments.value()?)?,
                lexopt::Arg::Value(name) => options.only = name.to_string_lossy().into_owned(),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.seconds == 0 {
            bail!("--seconds is at least 1, got 0");
        }
        Ok(options)
    }
}

/// The features are those of all tests, so that nothing is compiled twice.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    tools::ensure(workspace, &[C_COMPILER])?;
    let mut cargo = workspace.cargo();
    cargo.env(SECONDS_VARIABLE, options.seconds.to_string());
    command::run(cargo.args(["test", "--locked", "--workspace", "--", &options.only, "--nocapture"]))
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn a_parser_is_tried_for_as_long_as_is_asked() {
        let parse = |arguments: &[&str]| Options::parse(&mut lexopt::Parser::from_args(arguments));
        let options = parse(&["fuzz_jobs", "--seconds", "5"]).unwrap();
        assert_eq!((options.seconds, options.only.as_str()), (5, "fuzz_jobs"));
        assert_eq!(parse(&[]).unwrap().only, "fuzz_");
        assert!(parse(&["--seconds", "0"]).is_err() && parse(&["--seed", "1"]).is_err());
    }
}
