//! What the user asked of `up`, and the folder that the installation lives in.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

const DEFAULT_PORT: u16 = 8000;
const WORKERS_LIMIT: usize = 64;

pub(crate) struct Options {
    data: Option<PathBuf>,
    port: u16,
    pub(super) workers: usize,
    pub(super) fresh: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { data: None, port: DEFAULT_PORT, workers: 1, fresh: false };
        while let Some(argument) = arguments.next()? {
            use lexopt::prelude::*;
            match argument {
                Long("data") => options.data = Some(arguments.value()?.into()),
                Long("port") => {
                    options.port = arguments.value()?.parse().context("--port takes a number up to 65535")?
                }
                Long("workers") => options.workers = arguments.value()?.parse().context("--workers takes a number")?,
                Long("fresh") => options.fresh = true,
                other => return Err(other.unexpected().into()),
            }
        }
        if !(1..=WORKERS_LIMIT).contains(&options.workers) {
            bail!("--workers is 1 to {WORKERS_LIMIT}, got {}", options.workers);
        }
        Ok(options)
    }

    /// Loopback: a development installation is not offered to the network.
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) fn data_folder(&self, workspace: &Workspace) -> Result<DataFolder> {
        let path = self.data.clone().unwrap_or_else(|| workspace.root.join("data"));
        let path = std::path::absolute(&path).with_context(|| format!("--data {} is not a path", path.display()))?;
        Ok(DataFolder { path })
    }
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
        let is_installation = self.path.join("keys").is_dir() || self.path.join("chain.redb").is_file();
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
        assert_eq!(parse(&["--port", "9000", "--workers=3"]).unwrap().workers, 3);
        for bad in [&["--port", "70000"][..], &["--workers", "0"], &["--workers", "65"], &["--turbo"], &["more"]] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
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
