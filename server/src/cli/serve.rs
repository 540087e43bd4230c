//! `aitbc serve`: everything in one process, with keys that the operator gives.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use shared::Address;
use shared::chain::DEV_CHAIN_ID;
use shared::signing::PrivateKey;

use super::up::{self, Up};
use crate::config::DEVELOPMENT_HUB_ID;
use crate::keys::{self, ChainKeys, DEVELOPMENT_SUFFIX, KeySource, Keys};

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
    /// File of the key that decides blocks; or the key itself in AITBC_VALIDATOR_KEY. Not needed with --chain-from
    #[arg(long, env = "AITBC_VALIDATOR_KEY_FILE")]
    validator_key_file: Option<PathBuf>,
    /// Account that has the minter's roles at genesis. Its key stays elsewhere. Not needed with --chain-from
    #[arg(long, env = "AITBC_ADMIN", required_unless_present = "chain_from")]
    admin: Option<Address>,
    /// EIP-155 id of the chain, which every transaction and receipt names. It stays what it was at genesis
    #[arg(long, env = "AITBC_CHAIN_ID", value_parser = chain_id)]
    chain_id: u64,
}

/// Largest id that wallets in a page can hold as a number.
const CHAIN_ID_MAX: u64 = (1 << 53) - 1;

/// An id of a chain of one's own: what is signed for a development network must not count there.
pub(super) fn chain_id(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(DEV_CHAIN_ID) => Err(format!("{DEV_CHAIN_ID} is the chain of development networks; choose another")),
        Ok(id) if (1..=CHAIN_ID_MAX).contains(&id) => Ok(id),
        _ => Err(format!("a number from 1 to {CHAIN_ID_MAX}, of no other chain (chainlist.org lists them)")),
    }
}

pub(super) fn run(serve: Serve) -> Result<()> {
    let Serve { options, hub_key_file, validator_key_file, admin, chain_id } = serve;
    if options.hub_id == DEVELOPMENT_HUB_ID {
        bail!(
            "--hub-id names this hub in every receipt, and {DEVELOPMENT_HUB_ID} is the development hub: choose another"
        );
    }
    let offered = !options.host.is_loopback();
    let hub = given(hub_key_file.as_deref(), "--hub-key-file", HUB_KEY, offered)?;
    let chain = match admin {
        Some(admin) if options.chain_from.is_empty() => {
            let validator = given(validator_key_file.as_deref(), "--validator-key-file", VALIDATOR_KEY, offered)?;
            if admin == hub.address() || admin == validator.address() {
                bail!(
                    "--admin {admin} is the account of a key that this server holds; the minter's roles belong to another \
                     one"
                );
            }
            Some(ChainKeys { validator, admin })
        }
        _ => None,
    };
    up::start(options, KeySource::Given(Box::new(Keys { hub, chain })), chain_id)
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
