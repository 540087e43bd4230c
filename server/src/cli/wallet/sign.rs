//! `aitbc wallet sign` and `aitbc wallet verify`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use shared::Bytes;
use shared::signing::{recover_digest, recover_message};
use wallet::escrow::OrderTerms;
use wallet::risk;
use wallet::sign_in::SignInMessage;
use wallet::typed_data::{TEXT_MAX_BYTES, TypedData};

use super::ask;
use super::folder::{Folder, WalletName};
use super::signing::Signing;
use super::words;
use crate::cli::client::print_json;
use crate::clock;

/// What is signed: exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A message
    #[arg(long)]
    message: Option<String>,
    /// File with a message, or - for stdin; every byte of it counts, a line break at its end too
    #[arg(long, value_name = "FILE")]
    message_file: Option<PathBuf>,
    /// File with typed data as eth_signTypedData_v4 takes it, or - for stdin
    #[arg(long, value_name = "FILE")]
    typed_data: Option<PathBuf>,
}

#[derive(Debug)]
enum Signable {
    Message(String),
    TypedData(Box<TypedData>),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Sign {
    /// Wallet that signs
    name: WalletName,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// 0x and 130 hex digits
    signature: Bytes,
    #[command(flatten)]
    what: What,
    /// Who should have signed it: an address, or the name of a wallet of this machine
    #[arg(long, value_name = "SIGNER")]
    by: Option<String>,
    #[command(flatten)]
    folder: Folder,
    /// For programs
    #[arg(long)]
    json: bool,
}

impl What {
    fn read(&self) -> Result<Signable> {
        let most = TEXT_MAX_BYTES as u64;
        if let Some(path) = &self.typed_data {
            let data = TypedData::parse(&ask::read_text(path, most)?).context("this cannot be signed")?;
            return Ok(Signable::TypedData(Box::new(data)));
        }
        match (&self.message, &self.message_file) {
            (Some(text), _) => Ok(Signable::Message(text.clone())),
            (None, Some(path)) => Ok(Signable::Message(ask::read_text(path, most)?)),
            (None, None) => bail!("name what is signed with --message, --message-file or --typed-data"),
        }
    }
}

pub(super) fn sign(sign: &Sign) -> Result<()> {
    let keystore = sign.signing.folder.open(&sign.name)?;
    let signable = sign.what.read()?;
    show(sign, &signable)?;
    ask::confirm("Sign it?", sign.signing.yes)?;
    let key = keystore.open(&sign.signing.password.of(&sign.name.to_string())?)?;
    let signature = match &signable {
        Signable::Message(text) => key.sign_message(text.as_bytes())?,
        Signable::TypedData(data) => data.sign(&key)?,
    };
    if sign.signing.json {
        return print_json(&json!({ "address": key.address(), "signature": signature }));
    }
    println!("{signature}");
    Ok(())
}

/// Goes to stderr, so that stdout has the signature alone.
fn show(sign: &Sign, signable: &Signable) -> Result<()> {
    match signable {
        Signable::Message(text) => {
            eprintln!("{}", wallet::sheet::printable(text));
            if let Ok(message) = SignInMessage::parse(text) {
                refuse_other_address(sign, &message)?;
                eprintln!("\n{}", words::sign_in(&message));
            }
        }
        Signable::TypedData(data) => {
            eprintln!("{}", words::typed_data(data));
            // Without a node the signature is possible all the same.
            let chain_id = sign.signing.node.chain_id().ok();
            if chain_id.is_none() {
                eprintln!("warning: no node answers, so compare the chain above yourself");
            }
            let order = OrderTerms::of(data);
            let hub_risk = order.and_then(|order| match sign.signing.node.is_attester(order.hub) {
                Ok(is_attester) => risk::of_order(&order, is_attester),
                Err(_) => {
                    eprintln!("warning: no node says whether {} is a hub of the chain", order.hub);
                    None
                }
            });
            for risk in hub_risk.into_iter().chain(risk::of_typed_data(data, chain_id, clock::now().seconds())) {
                eprintln!("warning: {risk}");
            }
        }
    }
    Ok(())
}

/// A site would refuse it, and somebody who asks for it has another account in mind.
fn refuse_other_address(sign: &Sign, message: &SignInMessage) -> Result<()> {
    let own = sign.signing.folder.address(&sign.name)?;
    if message.address != own {
        bail!("the message signs in {}, but {} is {own}", message.address, sign.name);
    }
    Ok(())
}

pub(super) fn verify(verify: &Verify) -> Result<()> {
    let signer = match verify.what.read()? {
        Signable::Message(text) => recover_message(text.as_bytes(), &verify.signature)?,
        Signable::TypedData(data) => recover_digest(data.digest, &verify.signature)?,
    };
    if let Some(by) = &verify.by {
        let expected = verify.folder.resolve(by)?;
        if signer != expected {
            bail!("{expected} did not sign this: another text was signed, or {signer} signed it");
        }
    }
    if verify.json {
        return print_json(&json!({ "signer": signer }));
    }
    let name = verify.folder.name_of(signer).map(|name| format!(" ({name})")).unwrap_or_default();
    println!("signed by {signer}{name}");
    Ok(())
}
