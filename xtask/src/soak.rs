//! `cargo xtask soak`: simulations that run for as long as is asked.

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::command;
use crate::workspace::Workspace;

/// What can be soaked, and the crate that does it.
const SOAKS: [(&str, &str); 1] = [("economics", "simulator")];

pub(crate) struct Options {
    package: &'static str,
    /// Read by the crate's program.
    arguments: Vec<OsString>,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let names = SOAKS.map(|(name, _)| name).join(" | ");
        let Some(lexopt::Arg::Value(name)) = arguments.next()? else { bail!("soak what? {names}") };
        let Some((_, package)) = SOAKS.into_iter().find(|(known, _)| name == *known) else {
            bail!("there is no soak {name:?}: {names}");
        };
        Ok(Self { package, arguments: arguments.raw_args()?.collect() })
    }
}

/// Compiled for release: in days of a simulated network the board takes many thousands of inputs.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["run", "--release", "--locked", "--package", options.package, "--"]);
    command::run(cargo.args(&options.arguments))
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn a_soak_is_named_and_its_arguments_are_passed_on() {
        let parse = |arguments: &[&str]| Options::parse(&mut lexopt::Parser::from_args(arguments));
        let options = parse(&["economics", "--seeds", "5"]).unwrap();
        assert_eq!(options.package, "simulator");
        assert_eq!(options.arguments, ["--seeds", "5"]);
        assert!(parse(&[]).is_err() && parse(&["weather"]).is_err() && parse(&["--seeds", "5"]).is_err());
    }
}
