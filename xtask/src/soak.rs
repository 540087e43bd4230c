//! `cargo xtask soak`: simulations, and a network of real processes, that run for as long as is asked.

use std::ffi::OsString;

use anyhow::{Result, bail};

use crate::build;
use crate::command;
use crate::packages;
use crate::tools::{self, C_COMPILER, NODE};
use crate::workspace::{Profile, Workspace};

const NETWORK_SCRIPT: &str = "e2e/soak/network.mjs";

/// What can be soaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Soak {
    /// The crate `simulator`.
    Economics,
    /// Four validators and a follower as processes, with faults.
    Network,
}

const SOAKS: [(&str, Soak); 2] = [("economics", Soak::Economics), ("network", Soak::Network)];

pub(crate) struct Options {
    soak: Soak,
    /// Read by the program that does it.
    arguments: Vec<OsString>,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let names = SOAKS.map(|(name, _)| name).join(" | ");
        let Some(lexopt::Arg::Value(name)) = arguments.next()? else { bail!("soak what? {names}") };
        let Some((_, soak)) = SOAKS.into_iter().find(|(known, _)| name == *known) else {
            bail!("there is no soak {name:?}: {names}");
        };
        Ok(Self { soak, arguments: arguments.raw_args()?.collect() })
    }
}

/// Compiled for release: in days of a simulated network the board takes many thousands of inputs, and what is shipped is what
/// is soaked.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match options.soak {
        Soak::Economics => {
            let mut cargo = workspace.cargo();
            cargo.args(["run", "--release", "--locked", "--package", "simulator", "--"]);
            command::run(cargo.args(&options.arguments))
        }
        Soak::Network => {
            tools::ensure(workspace, &[C_COMPILER, NODE])?;
            packages::install(workspace, "e2e")?;
            build::binaries(workspace, Profile::Release)?;
            let mut script = workspace.command("node");
            script.env("AITBC_BINARIES", workspace.binaries(Profile::Release));
            command::run(script.arg(NETWORK_SCRIPT).args(&options.arguments))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Soak};

    #[test]
    fn a_soak_is_named_and_its_arguments_are_passed_on() {
        let parse = |arguments: &[&str]| Options::parse(&mut lexopt::Parser::from_args(arguments));
        let options = parse(&["economics", "--seeds", "5"]).unwrap();
        assert_eq!(options.soak, Soak::Economics);
        assert_eq!(options.arguments, ["--seeds", "5"]);
        let options = parse(&["network", "--minutes", "1", "--seed", "2"]).unwrap();
        assert_eq!(options.soak, Soak::Network);
        assert_eq!(options.arguments, ["--minutes", "1", "--seed", "2"]);
        assert!(parse(&[]).is_err() && parse(&["weather"]).is_err() && parse(&["--seeds", "5"]).is_err());
    }
}
