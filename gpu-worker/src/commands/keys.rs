//! `gpu-worker keys`: the miner's account.

use std::path::Path;

use super::print;
use crate::config::Config;
use crate::error::Result;
use crate::keys;

/// Shows the miner's account.
#[derive(Debug, clap::Subcommand)]
pub enum Keys {
    /// Prints the address that is paid.
    Address,
}

impl Keys {
    pub fn run(&self, data: &Path) -> Result<()> {
        match self {
            Self::Address => print(keys::load(&Config::read(data)?.key)?.address()),
        }
    }
}
