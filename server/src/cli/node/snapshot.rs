//! `aitbc node export` and `aitbc node import`: the state after one block in a file, from which another node begins.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use node::chain::{Chain, ChainError, ExportedSnapshot, import_snapshot};
use serde_json::json;
use shared::B256;

use crate::chain::DATABASE_FILE;
use crate::cli::client::print_json;
use crate::network::{self, GENESIS_FILE, SharedGenesis};

/// Ending of a snapshot's name while it is written.
const UNFINISHED: &str = "partial";

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Folder of the node, which must not run
    #[arg(long, env = "AITBC_DATA")]
    data: PathBuf,
    /// File to write; it must not exist
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// Height of the block whose state is written; the last block where absent
    #[arg(long)]
    height: Option<u64>,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// Folder of the new node
    #[arg(long, env = "AITBC_DATA")]
    data: PathBuf,
    /// File to begin from
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// The chain's genesis.json. It is copied into the folder, so that later starts need it no more
    #[arg(long)]
    genesis: Option<PathBuf>,
    /// Hash that the snapshot's block must have, from somebody you trust
    #[arg(long, value_name = "HASH")]
    block_hash: Option<B256>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn export(arguments: &Export) -> Result<()> {
    let Export { data, snapshot: file, height, json } = arguments;
    let Some(shared) = SharedGenesis::read(&data.join(GENESIS_FILE))? else {
        bail!(
            "{} holds no {GENESIS_FILE}: the chain that it keeps has no other node that could begin from it",
            data.display()
        );
    };
    let database = data.join(DATABASE_FILE);
    if !database.exists() {
        bail!("{} holds no chain: there is no {DATABASE_FILE}", data.display());
    }
    if file.exists() {
        bail!("{} exists already, and is not replaced", file.display());
    }
    let chain = Chain::open(&database, &shared.genesis).map_err(|error| in_use(error, data))?;
    let unfinished = unfinished_name(file);
    let exported = write(&chain, *height, &unfinished, file).inspect_err(|_| {
        // The error that says why is worth more than one that says that nothing could be removed.
        let _ = std::fs::remove_file(&unfinished);
    })?;
    tell("written to", file, &exported, *json)
}

/// Writes the snapshot under another name, and gives it its own once it is whole and on the disk.
fn write(chain: &Chain, height: Option<u64>, unfinished: &Path, file: &Path) -> Result<ExportedSnapshot> {
    let snapshot = chain.snapshot()?;
    let height = height.unwrap_or(snapshot.head().number);
    let fault = || format!("{} cannot be written", unfinished.display());
    let mut out = BufWriter::new(File::create(unfinished).with_context(fault)?);
    let exported = snapshot.export(height, &mut out)?;
    out.flush().with_context(fault)?;
    out.get_ref().sync_all().with_context(fault)?;
    std::fs::rename(unfinished, file).with_context(fault)?;
    Ok(exported)
}

fn unfinished_name(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(UNFINISHED);
    name.into()
}

pub(super) fn import(arguments: &Import) -> Result<()> {
    let Import { data, snapshot: file, genesis, block_hash, json } = arguments;
    let from = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let shared = network::genesis_for(data, genesis.as_deref())?;
    let imported = import_snapshot(BufReader::new(from), &shared.genesis, &data.join(DATABASE_FILE), *block_hash)
        .map_err(|error| in_use(error, data))?;
    tell("taken from", file, &imported, *json)
}

fn in_use(error: ChainError, data: &Path) -> anyhow::Error {
    match error.is_in_use() {
        true => anyhow::anyhow!("a node runs on the data in {}: stop it first", data.display()),
        false => error.into(),
    }
}

fn tell(what: &str, file: &Path, snapshot: &ExportedSnapshot, is_json: bool) -> Result<()> {
    let ExportedSnapshot { number, block_hash, state_root, accounts, slots } = snapshot;
    if is_json {
        return print_json(&json!({
            "number": number,
            "block_hash": block_hash,
            "state_root": state_root,
            "accounts": accounts,
            "slots": slots,
        }));
    }
    println!("Block {number} with {accounts} accounts and {slots} slots, {what} {}", file.display());
    println!("hash        {block_hash}");
    println!("state root  {state_root}");
    Ok(())
}
