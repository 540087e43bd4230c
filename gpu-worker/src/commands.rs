//! The subcommands, one file each.

pub mod generate;

use std::io::Write;

use crate::error::{Result, WorkerError};

/// Prints a line of a command's answer.
pub fn print(line: impl std::fmt::Display) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").map_err(WorkerError::io("standard output"))
}
