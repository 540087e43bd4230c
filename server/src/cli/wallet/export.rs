//! `aitbc wallet export`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use zeroize::Zeroizing;

use super::ask::Password;
use super::folder::{Folder, WalletName, write_private};

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Wallet to write
    name: WalletName,
    /// New file, or - for stdout
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Writes the private key in clear instead of the encrypted keystore
    #[arg(long)]
    private_key: bool,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    folder: Folder,
}

pub(super) fn run(export: &Export) -> Result<()> {
    let keystore = export.folder.open(&export.name)?;
    let text = if export.private_key {
        let key = keystore.open(&export.password.of(&export.name.to_string())?)?;
        let bytes = Zeroizing::new(key.to_bytes());
        Zeroizing::new(format!("0x{}", hex::encode(*bytes)))
    } else {
        Zeroizing::new(keystore.to_json()?)
    };
    if export.out == Path::new("-") {
        println!("{}", *text);
    } else {
        write_private(&export.out, &format!("{}\n", *text))?;
    }
    if export.private_key {
        eprintln!("This is the key in clear: anybody who reads it has the money of {}.", export.name);
    } else {
        eprintln!("The file opens with the password of {}, here and in other wallets.", export.name);
    }
    Ok(())
}
