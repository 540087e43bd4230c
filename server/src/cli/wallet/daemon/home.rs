//! The daemon's own folder beside the wallets: its token, its audit log, and the lock that keeps a second daemon out.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{FlockOperation, flock};
use shared::digest::Sha256Digest;
use zeroize::Zeroizing;

use crate::cli::wallet::ask;
use crate::cli::wallet::folder::{Folder, write_private};
use crate::clock;

const FOLDER: &str = "daemon";
const TOKEN: &str = "token";
const LOCK: &str = "lock";

const TOKEN_BYTES: usize = 32;
const TOKEN_MAX_BYTES: u64 = 256;

pub(super) struct Home {
    folder: PathBuf,
    /// Held until the process ends, however it ends.
    _lock: File,
}

/// Tells the right token without keeping it: its SHA-256, which takes as long to compare for every wrong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenHash(Sha256Digest);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256Digest::of(token.as_bytes()))
    }
}

impl Home {
    pub(super) fn open(wallets: &Folder) -> Result<Self> {
        let folder = wallets.make()?.join(FOLDER);
        let cannot = || format!("cannot write to the daemon's folder {}", folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(cannot)?;
        let mut options = OpenOptions::new();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(folder.join(LOCK));
        let lock = lock.with_context(cannot)?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another daemon serves the wallets in {} already", folder.display());
        }
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.folder.join(TOKEN)
    }

    /// The token's hash; the token is made at the first start.
    pub(super) fn token(&self) -> Result<TokenHash> {
        let path = self.token_file();
        if !path.exists() {
            let token = Zeroizing::new(hex::encode(*Zeroizing::new(clock::random_bytes::<TOKEN_BYTES>())));
            write_private(&path, &token)?;
        }
        let text = ask::read_secret(&path, TOKEN_MAX_BYTES)?;
        let token = text.trim();
        if token.len() != TOKEN_BYTES * 2 || !token.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            bail!(
                "{} holds no token of {TOKEN_BYTES} bytes as hex digits: remove it, and a new one is made",
                path.display()
            );
        }
        Ok(TokenHash::of(token))
    }

    /// Where the segments of the audit log lie.
    pub(super) fn log_folder(&self) -> &Path {
        &self.folder
    }
}

/// Where the audit log of these wallets lies, without a daemon.
pub(super) fn log_folder(wallets: &Folder) -> Result<PathBuf> {
    Ok(wallets.path()?.join(FOLDER))
}
