//! What the user asked of `up`, and the folder that the installation lives in.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

const DEFAULT_PORT: u16 = 8000;
const WORKERS_LIMIT: usize = 64;
const VALIDATORS_LIMIT: usize = 16;
/// Where validators take connections of each other, counted from the port of the pages.
const VALIDATORS_PORT_OFFSET: u16 = 100;
/// As many as one worker serves.
const HUBS_LIMIT: usize = 8;
/// Where the second hub listens, counted from the port of the first.
const HUBS_PORT_OFFSET: u16 = 200;

pub(crate) struct Options {
    data: Option<PathBuf>,
    port: u16,
    pub(super) workers: usize,
    pub(super) validators: usize,
    /// Independent marketplaces on the chain, of which the first serves at the port.
    pub(super) hubs: usize,
    pub(super) fresh: bool,
    /// Whether a program quotes on the exchange with worthless money.
    pub(super) market_maker: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let (workers, validators, hubs) = (1, 1, 1);
        let (port, fresh, market_maker) = (DEFAULT_PORT, false, true);
        let mut options = Self { data: None, port, workers, validators, hubs, fresh, market_maker };
        while let Some(argument) = arguments.next()? {
            use lexopt::prelude::*;
            match argument {
                Long("data") => options.data = Some(arguments.value()?.into()),
                Long("port") => {
                    options.port = arguments.value()?.parse().context("--port takes a number up to 65535")?
                }
                Long("workers") => options.workers = arguments.value()?.parse().context("--workers takes a number")?,
                Long("validators") => {
                    options.validators = arguments.value()?.parse().context("--validators takes a number")?;
                }
                Long("hubs") => options.hubs = arguments.value()?.parse().context("--hubs takes a number")?,
                Long("fresh") => options.fresh = true,
                Long("no-market-maker") => options.market_maker = false,
                other => return Err(other.unexpected().into()),
            }
        }
        if !(1..=WORKERS_LIMIT).contains(&options.workers) {
            bail!("--workers is 1 to {WORKERS_LIMIT}, got {}", options.workers);
        }
        if !(1..=VALIDATORS_LIMIT).contains(&options.validators) {
            bail!("--validators is 1 to {VALIDATORS_LIMIT}, got {}", options.validators);
        }
        if !(1..=HUBS_LIMIT).contains(&options.hubs) {
            bail!("--hubs is 1 to {HUBS_LIMIT}, got {}", options.hubs);
        }
        let last = usize::from(options.port) + usize::from(HUBS_PORT_OFFSET) + options.hubs - 2;
        if options.hubs > 1 && last > usize::from(u16::MAX) {
            bail!("--port {} leaves no ports for hubs, the last of which would be {last}", options.port);
        }
        let last = usize::from(options.port) + usize::from(VALIDATORS_PORT_OFFSET) + options.validators - 1;
        if options.validators > 1 && last > usize::from(u16::MAX) {
            bail!("--port {} leaves no ports for validators, the last of which would be {last}", options.port);
        }
        Ok(options)
    }

    /// Loopback: a development installation is not offered to the network.
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// All addresses that the processes listen on, of which the first serves the pages.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> = (1..=self.validators).map(|number| self.address_of(number)).collect();
        addresses.extend((2..=self.hubs).map(|number| hub_address(self.address(), number)));
        if self.validators > 1 {
            addresses.extend((self.first_validator_port()..).take(self.validators).map(loopback));
        }
        addresses
    }

    /// JSON-RPC of the validator with this number, counted from 1. The first is the server.
    fn address_of(&self, number: usize) -> SocketAddr {
        validator_address(self.address(), number)
    }

    /// Where the first validator takes connections of the others.
    pub(super) fn first_validator_port(&self) -> u16 {
        self.port.saturating_add(VALIDATORS_PORT_OFFSET)
    }

    pub(super) fn data_folder(&self, workspace: &Workspace) -> Result<DataFolder> {
        let path = self.data.clone().unwrap_or_else(|| workspace.root.join("data"));
        let path = std::path::absolute(&path).with_context(|| format!("--data {} is not a path", path.display()))?;
        Ok(DataFolder { path })
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// JSON-RPC of the validator with this number where the first is at `server`.
pub(super) fn validator_address(server: SocketAddr, number: usize) -> SocketAddr {
    let after = u16::try_from(number - 1).unwrap_or(u16::MAX);
    SocketAddr::new(server.ip(), server.port().saturating_add(after))
}

/// Pages and API of the hub with this number where the first is at `server`.
pub(super) fn hub_address(server: SocketAddr, number: usize) -> SocketAddr {
    if number < 2 {
        return server;
    }
    let after = u16::try_from(number - 2).unwrap_or(u16::MAX).saturating_add(HUBS_PORT_OFFSET);
    SocketAddr::new(server.ip(), server.port().saturating_add(after))
}

/// Keys, chain, database, artifacts and logs of one development installation.
pub(crate) struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Of the server: the first validator's where a chain was made for several nodes.
    pub(super) fn server(&self) -> PathBuf {
        let first = self.validator(1);
        if first.is_dir() { first } else { self.path.clone() }
    }

    /// Of the hub with this number, counted from 1; the first is the server.
    pub(super) fn hub(&self, number: usize) -> PathBuf {
        if number < 2 { self.server() } else { self.path.join(format!("hub-{number}")) }
    }

    /// Of the validator with this number, counted from 1.
    pub(super) fn validator(&self, number: usize) -> PathBuf {
        self.path.join(format!("validator-{number}"))
    }

    /// Whether a chain of so many validators and hubs has to be made here. Fewer hubs than the chain was made for may run.
    ///
    /// # Errors
    /// If the folder holds a chain of another number of validators, or of fewer hubs, or something else.
    pub(super) fn needs_chain(&self, validators: usize, hubs: usize) -> Result<bool> {
        let shown = self.path.display();
        let found = (1..=VALIDATORS_LIMIT).take_while(|number| self.validator(*number).is_dir()).count();
        let found = if found == 0 && self.path.join("chain.redb").is_file() { 1 } else { found };
        if found > 0 && found != validators {
            bail!(
                "{shown} holds a chain of {found} validator{}: give --validators {found}, choose another folder with --data \
                 DIR, or begin anew with --fresh",
                if found == 1 { "" } else { "s" }
            );
        }
        let known = (2..=HUBS_LIMIT).take_while(|number| self.hub(*number).is_dir()).count() + 1;
        if found > 0 && hubs > known {
            bail!(
                "{shown} holds a chain that was made for {known} hub{}: give --hubs {known}, choose another folder with --data \
                 DIR, or begin anew with --fresh",
                if known == 1 { "" } else { "s" }
            );
        }
        Ok((validators > 1 || hubs > 1) && found == 0)
    }

    /// Of the worker with this number, counted from 1.
    pub(super) fn worker(&self, number: usize) -> PathBuf {
        self.path.join(format!("worker-{number}"))
    }

    /// Removes the installation, but never a folder that holds something else.
    pub(super) fn clear(&self) -> Result<()> {
        let shown = self.path.display();
        if !self.path.exists() {
            return Ok(());
        }
        let is_empty = fs::read_dir(&self.path).with_context(|| format!("cannot read {shown}"))?.next().is_none();
        let is_installation = self.path.join("keys").is_dir()
            || self.path.join("chain.redb").is_file()
            || self.validator(1).join("genesis.json").is_file();
        if !is_empty && !is_installation {
            bail!("{shown} holds no installation of AITBC, so --fresh does not remove it");
        }
        fs::remove_dir_all(&self.path).with_context(|| format!("cannot remove {shown}"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{DataFolder, Options};

    fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
        Options::parse(&mut lexopt::Parser::from_args(arguments))
    }

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("aitbc-xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn options_have_defaults_and_bounds() {
        let options = parse(&[]).unwrap();
        assert_eq!(
            (options.address().to_string().as_str(), options.workers, options.fresh),
            ("127.0.0.1:8000", 1, false)
        );
        assert_eq!(options.addresses().len(), 1);
        assert!(options.market_maker && !parse(&["--no-market-maker"]).unwrap().market_maker);
        let four: Vec<u16> =
            parse(&["--validators", "4"]).unwrap().addresses().iter().map(|address| address.port()).collect();
        assert_eq!(four, [8000, 8001, 8002, 8003, 8100, 8101, 8102, 8103]);
        assert_eq!(parse(&["--port", "9000", "--workers=3"]).unwrap().workers, 3);
        let hubs = parse(&["--hubs", "3", "--validators", "2"]).unwrap().addresses();
        assert_eq!(hubs.iter().map(|address| address.port()).collect::<Vec<_>>(), [8000, 8001, 8200, 8201, 8100, 8101]);
        for bad in [
            &["--port", "70000"][..],
            &["--hubs", "0"],
            &["--hubs", "9"],
            &["--port", "65400", "--hubs", "2"],
            &["--workers", "0"],
            &["--workers", "65"],
            &["--validators", "0"],
            &["--validators", "17"],
            &["--port", "65500", "--validators", "4"],
            &["--turbo"],
            &["more"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_chain_of_another_number_of_validators_is_left_alone() {
        let path = folder("validators");
        let data = DataFolder::new(path.clone());
        assert!(!data.needs_chain(1, 1).unwrap() && data.needs_chain(4, 1).unwrap() && data.needs_chain(1, 2).unwrap());
        fs::write(path.join("chain.redb"), "").unwrap();
        let refusal = data.needs_chain(4, 1).unwrap_err().to_string();
        assert!(refusal.contains("a chain of 1 validator:"), "{refusal}");
        let refusal = data.needs_chain(1, 2).unwrap_err().to_string();
        assert!(refusal.contains("made for 1 hub:"), "{refusal}");
        assert_eq!(data.server(), path);
        fs::remove_file(path.join("chain.redb")).unwrap();
        for number in 1..=4 {
            fs::create_dir(data.validator(number)).unwrap();
        }
        assert!(!data.needs_chain(4, 1).unwrap());
        assert_eq!(data.server(), data.validator(1));
        assert!(data.needs_chain(1, 1).unwrap_err().to_string().contains("--validators 4"));
        fs::create_dir(data.hub(2)).unwrap();
        assert!(!data.needs_chain(4, 2).unwrap() && !data.needs_chain(4, 1).unwrap());
        assert!(data.needs_chain(4, 3).unwrap_err().to_string().contains("made for 2 hubs:"));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn fresh_removes_an_installation() {
        let path = folder("installation");
        fs::create_dir(path.join("keys")).unwrap();
        DataFolder::new(path.clone()).clear().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn fresh_keeps_what_is_no_installation() {
        let path = folder("letters");
        fs::write(path.join("letter.txt"), "dear").unwrap();
        let refusal = DataFolder::new(path.clone()).clear().unwrap_err().to_string();
        assert!(refusal.contains("--fresh does not remove it"), "{refusal}");
        assert!(path.join("letter.txt").is_file());
        fs::remove_dir_all(path).unwrap();
    }
}
