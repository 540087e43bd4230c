//! `aitbc node init`: the files of a new chain.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use contracts::DEFAULT_HOLD_SECONDS;
use node::MAX_PEERS;
use node::chain::ValidatorSet;
use shared::Address;
use shared::chain::DEV_CHAIN_ID;

use crate::chain::{DEVELOPMENT_UNBONDING_SECONDS, GenesisTerms, UNBONDING_SECONDS, genesis_validator, new_genesis};
use crate::cli::serve::chain_id;
use crate::cli::up::HOLD_MAX_SECONDS;
use crate::keys::{self, ChainKeys, Keys};
use crate::network::{Endpoint, GENESIS_FILE, PEERS_FILE, Peers, SharedGenesis, is_endpoint};

/// Port at which the first validator of a development chain takes connections of the others.
const FIRST_PORT_DEFAULT: u16 = 26_601;

const VALIDATORS_MAX: usize = MAX_PEERS + 1;

#[derive(Debug, Args)]
pub(in crate::cli) struct Init {
    /// New folder for the files
    folder: PathBuf,
    /// Makes a development chain of so many validators on this machine, with a folder and development keys for each
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["validator", "chain_id", "admin", "attester"], required_unless_present = "validator")]
    validators: Option<usize>,
    /// Hubs of the development chain, each an attester of block 0 with a folder of its own; the first is in the folder of the
    /// first validator
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "validators", value_parser = clap::value_parser!(u8).range(1..=8))]
    hubs: u8,
    /// Port at which the first of them takes connections of the others; the next ones follow. 0 takes ports that are free now
    #[arg(long, default_value_t = FIRST_PORT_DEFAULT, conflicts_with = "validator")]
    first_port: u16,
    /// A validator whose key lies on another machine, as ADDRESS@HOST:PORT; to be repeated. `aitbc node keys --new` makes a
    /// key there and shows its address
    #[arg(long, value_name = "ADDRESS@HOST:PORT", value_parser = validator, requires_all = ["chain_id", "admin", "attester"])]
    validator: Vec<Endpoint>,
    /// EIP-155 id of the chain
    #[arg(long, value_parser = chain_id)]
    chain_id: Option<u64>,
    /// Account that has the minter's roles at genesis
    #[arg(long)]
    admin: Option<Address>,
    /// Address of the hub's key, which attests receipts
    #[arg(long)]
    attester: Option<Address>,
    /// How long the minter holds what it mints, in seconds; a day where absent, and nothing on a development chain
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=HOLD_MAX_SECONDS))]
    hold_seconds: Option<u64>,
}

/// `ADDRESS@HOST:PORT`.
fn validator(text: &str) -> Result<Endpoint, String> {
    let form = "ADDRESS@HOST:PORT is wanted";
    let (address, endpoint) = text.split_once('@').ok_or_else(|| form.to_owned())?;
    let address = address.parse().map_err(|_| format!("{address:?} is no address; {form}"))?;
    is_endpoint(endpoint)?;
    Ok(Endpoint { address, endpoint: endpoint.to_owned() })
}

pub(super) fn run(init: &Init) -> Result<()> {
    require_new(&init.folder)?;
    match (init.validators, init.chain_id, init.admin, init.attester) {
        (Some(count), ..) => development(init, count),
        (None, Some(chain_id), Some(admin), Some(attester)) => {
            let terms = GenesisTerms {
                admin,
                attesters: vec![attester],
                hold_seconds: init.hold_seconds.unwrap_or(DEFAULT_HOLD_SECONDS),
                unbonding_seconds: UNBONDING_SECONDS,
            };
            between_machines(init, chain_id, &terms)
        }
        _ => bail!("--validator needs --chain-id, --admin and --attester"),
    }
}

/// Nothing is written where something lies.
fn require_new(folder: &Path) -> Result<()> {
    let shown = folder.display();
    if !folder.exists() {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(folder).with_context(|| format!("{shown} is no folder that can be used"))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => bail!("{shown} holds something already, and nothing in it was changed: choose a new folder"),
    }
}

/// A chain whose validators are processes of this machine. The first has the keys of a hub, too.
fn development(init: &Init, count: usize) -> Result<()> {
    if !(1..=VALIDATORS_MAX).contains(&count) {
        bail!("--validators is 1 to {VALIDATORS_MAX}, got {count}");
    }
    let ports = ports(init.first_port, count)?;
    let folders: Vec<PathBuf> = (1..=count).map(|number| init.folder.join(format!("validator-{number}"))).collect();
    let Keys { hub, chain } = Keys::development(&folders[0].join("keys"), true)?;
    let Some(ChainKeys { validator, admin }) = chain else { bail!("no keys of a chain were made") };
    let mut addresses = vec![validator.address()];
    for folder in &folders[1..] {
        addresses.push(keys::make(&keys::development_validator_file(&folder.join("keys")))?.address());
    }
    let endpoints = addresses
        .iter()
        .zip(ports)
        .map(|(address, port)| Endpoint { address: *address, endpoint: format!("{}:{port}", Ipv4Addr::LOCALHOST) });
    let peers = Peers { validators: endpoints.collect() };
    let mut attesters = vec![hub.address()];
    for number in 2..=init.hubs {
        let folder = init.folder.join(format!("hub-{number}"));
        attesters.push(Keys::development(&folder.join("keys"), false)?.hub.address());
    }
    let terms = GenesisTerms {
        admin,
        attesters,
        hold_seconds: init.hold_seconds.unwrap_or(0),
        unbonding_seconds: DEVELOPMENT_UNBONDING_SECONDS,
    };
    let shared = new_genesis(DEV_CHAIN_ID, set_of(&peers)?, &terms);
    for folder in &folders {
        write(folder, &shared, &peers)?;
    }
    println!("Made a chain of {count} validator{} (development keys: nothing on it is worth anything).", plural(count));
    println!("genesis  {}", shared.genesis.block_hash()?);
    println!("Start each in a terminal of its own; the first serves hub and pages, too:");
    println!("  aitbc up --data {}", folders[0].display());
    for number in 2..=init.hubs {
        let (hub, genesis) = (init.folder.join(format!("hub-{number}")), folders[0].join(GENESIS_FILE));
        println!(
            "  aitbc up --data {} --hub-id aitbc-dev-hub-{number} --port PORT --chain-from http://127.0.0.1:8000 --genesis {}",
            hub.display(),
            genesis.display()
        );
    }
    for (folder, port) in folders[1..].iter().zip(super::PORT_DEFAULT..) {
        println!("  aitbc node start --data {} --port {port}", folder.display());
    }
    Ok(())
}

/// A chain of validators whose keys lie elsewhere: two files that each of them needs.
fn between_machines(init: &Init, chain_id: u64, terms: &GenesisTerms) -> Result<()> {
    let peers = Peers { validators: init.validator.clone() };
    let shared = new_genesis(chain_id, set_of(&peers)?, terms);
    write(&init.folder, &shared, &peers)?;
    println!("genesis  {}", shared.genesis.block_hash()?);
    println!(
        "Copy {GENESIS_FILE} and {PEERS_FILE} from {} into the folder of each validator, beside its keys.",
        init.folder.display()
    );
    Ok(())
}

fn set_of(peers: &Peers) -> Result<ValidatorSet> {
    Ok(ValidatorSet::new(peers.validators.iter().map(|peer| genesis_validator(peer.address)))?)
}

fn write(folder: &Path, shared: &SharedGenesis, peers: &Peers) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    shared.write_new(&folder.join(GENESIS_FILE))?;
    peers.write_new(&folder.join(PEERS_FILE))?;
    Ok(())
}

/// A port for each validator.
fn ports(first: u16, count: usize) -> Result<Vec<u16>> {
    if first == 0 {
        // All are held until the last is found, so that none is given twice.
        let listeners: Vec<TcpListener> =
            (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
        return Ok(listeners
            .iter()
            .map(|listener| listener.local_addr().map(|address| address.port()))
            .collect::<Result<_, _>>()?);
    }
    let last = usize::from(first) + count - 1;
    if last > usize::from(u16::MAX) {
        bail!("--first-port {first} leaves no room for {count} validators: the last port would be {last}");
    }
    Ok((first..=u16::MAX).take(count).collect())
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_elsewhere_is_an_address_and_an_endpoint() {
        let address = Address::repeat_byte(1);
        assert_eq!(
            validator(&format!("{address}@host:1")).unwrap(),
            Endpoint { address, endpoint: "host:1".to_owned() }
        );
        for refused in ["", "host:1", "0x12@host:1", &format!("{address}@host"), &format!("{address}@")] {
            assert!(validator(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn ports_follow_each_other_or_are_free() {
        assert_eq!(ports(65_534, 2).unwrap(), [65_534, 65_535]);
        assert!(ports(65_535, 2).is_err());
        let mut free = ports(0, 8).unwrap();
        free.sort_unstable();
        free.dedup();
        assert_eq!(free.len(), 8);
        assert!(!free.contains(&0));
    }
}
