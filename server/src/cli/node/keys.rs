//! `aitbc node keys`: the key of a validator.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use crate::cli::client::print_json;
use crate::keys;

#[derive(Debug, Args)]
pub(in crate::cli) struct Keys {
    /// Folder of the node
    #[arg(long, env = "AITBC_DATA")]
    data: PathBuf,
    /// Makes the key, where the folder has none
    #[arg(long)]
    new: bool,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Keys) -> Result<()> {
    let folder = arguments.data.join("keys");
    let file = keys::validator_file(&folder);
    let (file, key) = match (arguments.new, file.exists()) {
        (true, true) => bail!("{} exists already, and is not replaced", file.display()),
        (true, false) => {
            let file = keys::own_validator_file(&folder);
            let key = keys::make(&file)?;
            (file, key)
        }
        (false, true) => {
            let key = keys::read(&file)?;
            (file, key)
        }
        (false, false) => bail!("{} holds no validator key: --new makes one", folder.display()),
    };
    if arguments.json {
        return print_json(&json!({ "address": key.address(), "file": file }));
    }
    println!("address  {}", key.address());
    println!("key      {}", file.display());
    Ok(())
}
