//! The folder with the wallets: one keystore file each, which only the owner of the folder reads.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use shared::Address;
use wallet::keystore::{FILE_MAX_BYTES, Keystore};

use super::node::parse_address;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

const NAME_MAX_CHARS: usize = 32;

/// Below the home folder, where no other folder is named.
const DEFAULT_FOLDER: &str = ".aitbc/wallets";

const ENDING: &str = ".json";

/// What a wallet is called on this machine; its file has the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct WalletName(String);

impl FromStr for WalletName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || b"-_".contains(&letter);
        let is_name =
            !text.starts_with('-') && !text.starts_with("0x") && !text.is_empty() && text.bytes().all(is_letter);
        if is_name && text.len() <= NAME_MAX_CHARS {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("a wallet's name is 1 to {NAME_MAX_CHARS} of a-z, 0-9, - and _, and does not begin with - or 0x"))
    }
}

impl fmt::Display for WalletName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Folder {
    /// Folder of the wallets, ~/.aitbc/wallets where absent
    #[arg(long = "folder", env = "AITBC_WALLETS", value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Folder {
    pub(super) fn path(&self) -> Result<PathBuf> {
        match &self.folder {
            Some(folder) => Ok(folder.clone()),
            None => {
                let home = std::env::home_dir().context("there is no home folder: name one with --folder")?;
                Ok(home.join(DEFAULT_FOLDER))
            }
        }
    }

    fn file(&self, name: &WalletName) -> Result<PathBuf> {
        Ok(self.path()?.join(format!("{name}{ENDING}")))
    }

    /// Fails where a wallet of this name exists, before anybody types a password for nothing.
    pub(in crate::cli) fn check_free(&self, name: &WalletName) -> Result<()> {
        if self.file(name)?.exists() {
            bail!("there is a wallet {name} already; nothing was changed");
        }
        Ok(())
    }

    /// Makes the folder where it is missing.
    pub(super) fn make(&self) -> Result<PathBuf> {
        let folder = self.path()?;
        let cannot = || format!("cannot write to the folder of wallets {}", folder.display());
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder).with_context(cannot)?;
        check_mode(&folder)?;
        Ok(folder)
    }

    /// Stores a wallet. It is complete on the disk when this returns, and it never takes the place of another one.
    pub(in crate::cli) fn add(&self, name: &WalletName, keystore: &Keystore) -> Result<PathBuf> {
        let folder = self.make()?;
        let cannot = || format!("cannot write to the folder of wallets {}", folder.display());
        let path = self.file(name)?;
        let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
        let written = write_private(&unfinished, &keystore.to_json()?).and_then(|()| {
            fs::hard_link(&unfinished, &path).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => anyhow!("there is a wallet {name} already; nothing was changed"),
                _ => anyhow!(error).context(cannot()),
            })
        });
        fs::remove_file(&unfinished).ok();
        written?;
        File::open(&folder).and_then(|folder| folder.sync_all()).with_context(cannot)?;
        Ok(path)
    }

    pub(in crate::cli) fn open(&self, name: &WalletName) -> Result<Keystore> {
        let path = self.file(name)?;
        if !path.exists() {
            bail!("there is no wallet {name} in {}; `aitbc wallet list` shows those there are", self.path()?.display());
        }
        check_mode(&self.path()?)?;
        read(&path)
    }

    /// Every wallet, by name. A file that cannot be read is an error with its name, since a wallet must not seem lost.
    pub(in crate::cli) fn list(&self) -> Result<Vec<(WalletName, Keystore)>> {
        let folder = self.path()?;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
        };
        check_mode(&folder)?;
        let mut wallets = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ENDING));
            if let Some(name) = name.and_then(|name| name.parse::<WalletName>().ok()) {
                wallets.push((name, read(&path)?));
            }
        }
        wallets.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(wallets)
    }

    /// The address of a wallet, as its file says it.
    pub(in crate::cli) fn address(&self, name: &WalletName) -> Result<Address> {
        self.open(name)?.address().with_context(|| format!("the file of {name} names no address: import it again"))
    }

    /// The address of a wallet of this machine, or the address itself.
    pub(in crate::cli) fn resolve(&self, who: &str) -> Result<Address> {
        match who.parse::<WalletName>() {
            Ok(name) if !who.starts_with("0x") => self.address(&name),
            _ => parse_address(who),
        }
    }

    /// The name of the wallet with this address, where there is one.
    pub(in crate::cli) fn name_of(&self, address: Address) -> Option<WalletName> {
        let wallets = self.list().unwrap_or_default();
        wallets.into_iter().find(|(_, keystore)| keystore.address() == Some(address)).map(|(name, _)| name)
    }
}

fn check_mode(folder: &Path) -> Result<()> {
    let mode = mode(folder)?;
    if mode & 0o077 != 0 {
        bail!("{} may be read by others (mode {mode:o}): run `chmod 700` on it", folder.display());
    }
    Ok(())
}

/// Writes a file that only its owner reads. It fails where the file exists.
pub(in crate::cli) fn write_private(path: &Path, text: &str) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(FILE_MODE).open(path).with_context(cannot)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE)).with_context(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)
}

fn read(path: &Path) -> Result<Keystore> {
    let cannot = || format!("cannot read {}", path.display());
    let mode = mode(path)?;
    if mode & 0o077 != 0 {
        bail!("{} may be read by others (mode {mode:o}): run `chmod 600` on it", path.display());
    }
    let mut text = String::new();
    let file = File::open(path).with_context(cannot)?;
    file.take(FILE_MAX_BYTES as u64 + 1).read_to_string(&mut text).with_context(cannot)?;
    Keystore::parse(&text).with_context(cannot)
}

fn mode(path: &Path) -> Result<u32> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.permissions().mode() & 0o777)
}

#[cfg(test)]
mod tests {
    use shared::signing::PrivateKey;
    use wallet::rand_core::OsRng;

    use super::*;

    #[test]
    fn a_name_is_a_file_name_and_nothing_more() {
        for name in ["a", "main", "my_2-nd", &"x".repeat(NAME_MAX_CHARS)] {
            assert!(name.parse::<WalletName>().is_ok(), "{name}");
        }
        for name in ["", "-a", "..", "a/b", "A", "a b", "a.json", "0xa", "é", &"x".repeat(NAME_MAX_CHARS + 1)] {
            assert!(name.parse::<WalletName>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_wallet_is_private_and_never_replaced() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder { folder: Some(place.path().join("new/wallets")) };
        let name: WalletName = "main".parse().unwrap();
        assert!(folder.list().unwrap().is_empty());
        let key = PrivateKey::from_bytes(&[3; 32]).unwrap();
        let keystore = Keystore::seal(&key, "correct horse", &mut OsRng).unwrap();
        let path = folder.add(&name, &keystore).unwrap();
        assert_eq!(mode(&path).unwrap(), FILE_MODE);
        assert_eq!(mode(path.parent().unwrap()).unwrap(), FOLDER_MODE);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing unfinished stays");
        let other = PrivateKey::from_bytes(&[4; 32]).unwrap();
        let other = Keystore::seal(&other, "correct horse", &mut OsRng).unwrap();
        assert!(folder.add(&name, &other).unwrap_err().to_string().contains("already"));
        assert_eq!(folder.open(&name).unwrap(), keystore, "the first one is unchanged");
        assert_eq!(folder.name_of(key.address()), Some(name.clone()));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(folder.open(&name).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
        assert!(folder.open(&name).unwrap_err().to_string().contains("chmod 700"));
    }
}
