//! `aitbc serve`: everything in one process, with keys that the operator gives.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use shared::Address;
use shared::signing::PrivateKey;

use super::up::{self, Up};
use crate::config::DEVELOPMENT_HUB_ID;
use crate::keys::{self, DEVELOPMENT_SUFFIX, KeySource, Keys};

/// A key itself may stand here, but not on the command line, which every user of the machine can read.
const HUB_KEY: &str = "AITBC_HUB_KEY";
const VALIDATOR_KEY: &str = "AITBC_VALIDATOR_KEY";

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    options: Up,
    /// File of the key that attests receipts and sends mint transactions: 64 hex digits, mode 0600; or the key itself in
    /// AITBC_HUB_KEY
    #[arg(long, env = "AITBC_HUB_KEY_FILE")]
    hub_key_file: Option<PathBuf>,
    /// File of the key that decides blocks; or the key itself in AITBC_VALIDATOR_KEY
    #[arg(long, env = "AITBC_VALIDATOR_KEY_FILE")]
    validator_key_file: Option<PathBuf>,
    /// Account that has the minter's roles at genesis. Its key stays elsewhere
    #[arg(long, env = "AITBC_ADMIN")]
    admin: Address,
}

pub(super) fn run(serve: Serve) -> Result<()> {
    let Serve { options, hub_key_file, validator_key_file, admin } = serve;
    if options.hub_id == DEVELOPMENT_HUB_ID {
        bail!(
            "--hub-id names this hub in every receipt, and {DEVELOPMENT_HUB_ID} is the development hub: choose another"
        );
    }
    let offered = !options.host.is_loopback();
    let hub = given(hub_key_file.as_deref(), "--hub-key-file", HUB_KEY, offered)?;
    let validator = given(validator_key_file.as_deref(), "--validator-key-file", VALIDATOR_KEY, offered)?;
    if admin == hub.address() || admin == validator.address() {
        bail!(
            "--admin {admin} is the account of a key that this server holds; the minter's roles belong to another one"
        );
    }
    up::start(options, KeySource::Given(Box::new(Keys { hub, validator, admin })))
}

/// The key in the file, or else in the environment. `offered`: other machines reach the server.
fn given(file: Option<&Path>, flag: &str, variable: &str, offered: bool) -> Result<PrivateKey> {
    let Some(path) = file else {
        let text = std::env::var(variable).with_context(|| format!("give a key with {flag} or {variable}"))?;
        return Ok(keys::parse(&text, &format!("in {variable}"))?);
    };
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    if offered && name.ends_with(DEVELOPMENT_SUFFIX) {
        bail!("{flag} {}: a development key serves loopback only; make a key of your own", path.display());
    }
    Ok(keys::read(path)?)
}
