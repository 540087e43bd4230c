//! `gpu-worker models`: the folders that the worker serves, pinned and checked.

mod add;
mod list;
mod ollama;
mod register;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::Config;
use crate::error::Result;

/// Adds a model, lists the configured ones, or checks that they are whole and run here.
#[derive(Debug, clap::Subcommand)]
pub enum Models {
    Add(add::Add),
    List(list::List),
    Ollama(ollama::AddOllama),
    Verify(verify::Verify),
}

impl Models {
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        match self {
            Self::Add(command) => command.run(data).map(|()| ExitCode::SUCCESS),
            Self::List(command) => command.run(data).map(|()| ExitCode::SUCCESS),
            Self::Ollama(command) => command.run(data).map(|()| ExitCode::SUCCESS),
            Self::Verify(command) => command.run(data),
        }
    }
}

/// The folders that the configuration names.
fn folders(config: &Config) -> Vec<PathBuf> {
    config.models.iter().map(|model| model.path.clone()).collect()
}
