//! `aitbc wallet create` and `aitbc wallet import`.

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use shared::Address;
use shared::signing::PrivateKey;
use wallet::account::{AccountIndex, Seed};
use wallet::keystore::{FILE_MAX_BYTES, Keystore};
use wallet::mnemonic::{MnemonicPhrase, WordCount};
use wallet::rand_core::{OsRng, RngCore as _};
use zeroize::Zeroizing;

use super::ask::{self, Password};
use super::folder::{Folder, WalletName};
use crate::cli::client::print_json;
use crate::keys;

#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    /// What the wallet is called on this machine
    name: WalletName,
    /// How many recovery words; twelve are enough
    #[arg(long, value_enum, default_value_t)]
    words: Words,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    folder: Folder,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Words {
    #[default]
    #[value(name = "12")]
    Twelve,
    #[value(name = "24")]
    TwentyFour,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// What the wallet is called on this machine
    name: WalletName,
    /// File with recovery words, a private key or a keystore; stdin or the terminal where absent
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Which account of the recovery words, counted from 0
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    account: u32,
    /// Asks for the passphrase of BIP-39 as well, which most recovery words have not
    #[arg(long)]
    passphrase: bool,
    /// File with the password of the keystore that is imported; the terminal asks where absent
    #[arg(long, value_name = "FILE")]
    keystore_password_file: Option<PathBuf>,
    #[command(flatten)]
    password: Password,
    #[command(flatten)]
    folder: Folder,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// What a new wallet is, for programs.
#[derive(Debug, Serialize)]
struct Made<'a> {
    name: String,
    address: Address,
    file: PathBuf,
    /// Only where they were made now.
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a str>,
}

pub(super) fn create(create: &Create) -> Result<()> {
    create.folder.check_free(&create.name)?;
    let password = create.password.choose(&create.name.to_string())?;
    let count = match create.words {
        Words::Twelve => WordCount::Twelve,
        Words::TwentyFour => WordCount::TwentyFour,
    };
    let phrase = MnemonicPhrase::generate(count, &mut OsRng)?;
    let key = Seed::of(&phrase, "")?.account(AccountIndex::FIRST)?;
    let words = Zeroizing::new(phrase.words().collect::<Vec<_>>().join(" "));
    if !create.json {
        show(&phrase);
        confirm_written(&phrase)?;
    }
    let keystore = Keystore::seal(&key, &password, &mut OsRng)?;
    let file = create.folder.add(&create.name, &keystore)?;
    let made = Made { name: create.name.to_string(), address: key.address(), file, words: Some(&words) };
    if create.json {
        return print_json(&made);
    }
    println!("{} is {}", made.name, made.address);
    eprintln!("Its key is in {}, encrypted with your password.", made.file.display());
    Ok(())
}

fn show(phrase: &MnemonicPhrase) {
    eprintln!("These words are the wallet. Write them down on paper, in this order; they are shown this once.");
    eprintln!("Anybody who has them has your money. Without them and the password nobody can restore it.\n");
    for (index, word) in phrase.words().enumerate() {
        println!("{:>4}. {word}", index + 1);
    }
    println!();
}

/// Somebody at a terminal types one of the words, so that they are on paper before the wallet gets money.
fn confirm_written(phrase: &MnemonicPhrase) -> Result<()> {
    if !stdin().is_terminal() {
        return Ok(());
    }
    let words: Vec<&str> = phrase.words().collect();
    let index = usize::try_from(OsRng.next_u32())? % words.len();
    let typed = ask::from_terminal(&format!("Type word {} to show that you have written them down: ", index + 1))?;
    if typed.trim().to_lowercase() != words[index] {
        bail!("word {} is another one; no wallet was made, and those words are void", index + 1);
    }
    Ok(())
}

pub(super) fn import(import: &Import) -> Result<()> {
    import.folder.check_free(&import.name)?;
    if import.file.is_none() && import.password.is_stdin() {
        bail!("stdin cannot be both the key and the password: name a file for one of them");
    }
    let most = FILE_MAX_BYTES as u64;
    let given = match &import.file {
        Some(path) => ask::read_secret(path, most)?,
        None => ask::secret("Recovery words or private key: ", most)?,
    };
    let passphrase = || match import.passphrase {
        true => ask::from_terminal("Passphrase of the words: "),
        false => Ok(Zeroizing::default()),
    };
    let keystore_password = || match &import.keystore_password_file {
        Some(path) => ask::from_file(path),
        None => ask::from_terminal("Password of the keystore that is imported: "),
    };
    let key = read_key(&given, import.account, passphrase, keystore_password)?;
    let password = import.password.choose(&import.name.to_string())?;
    let keystore = Keystore::seal(&key, &password, &mut OsRng)?;
    let file = import.folder.add(&import.name, &keystore)?;
    let made = Made { name: import.name.to_string(), address: key.address(), file, words: None };
    if import.json {
        return print_json(&made);
    }
    println!("{} is {}", made.name, made.address);
    eprintln!("Its key is in {}, encrypted with your password.", made.file.display());
    Ok(())
}

/// A keystore begins with a brace, a private key is hex digits, and anything else is recovery words.
/// What else is needed is asked for only then.
pub(super) fn read_key(
    given: &str,
    account: u32,
    passphrase: impl FnOnce() -> Result<Zeroizing<String>>,
    keystore_password: impl FnOnce() -> Result<Zeroizing<String>>,
) -> Result<PrivateKey> {
    let given = given.trim();
    let digits = given.strip_prefix("0x").unwrap_or(given);
    if given.starts_with('{') {
        let keystore = Keystore::parse(given)?;
        return Ok(keystore.open(&keystore_password()?)?);
    }
    if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(keys::parse(given, "that is imported")?);
    }
    let phrase =
        MnemonicPhrase::parse(given).context("it is no keystore and no private key, and it holds no recovery words")?;
    Ok(Seed::of(&phrase, &passphrase()?)?.account(AccountIndex::new(account)?)?)
}
