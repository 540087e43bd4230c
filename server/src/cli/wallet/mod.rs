//! `aitbc wallet …`: keys in encrypted keystore files of this machine, and what is signed with them.
//!
//! No key, recovery word or password is ever an argument or an environment variable, where other programs could read
//! it: they come from the terminal, a file or stdin.

pub(super) mod ask;
pub(super) mod contract;
mod daemon;
mod escrow;
mod export;
pub(super) mod folder;
mod make;
pub(super) mod node;
pub(super) mod pay;
mod send;
mod show;
mod sign;
pub(super) mod signing;
mod words;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Wallet {
    /// Makes a new key and shows its recovery words this once
    Create(make::Create),
    /// Takes a key over: recovery words, a private key, or a keystore file of another wallet
    Import(make::Import),
    /// Lists the wallets of this machine
    List(show::List),
    /// Shows how much AIT wallets or addresses have
    Balance(show::Balance),
    /// Sends AIT, after it showed what will happen
    Send(send::Send),
    /// Moves AIT into the escrow, from which jobs are paid
    Deposit(escrow::Move),
    /// Takes back what is free in the escrow
    Withdraw(escrow::Move),
    /// Signs a message or typed data, after it showed what is signed
    Sign(sign::Sign),
    /// Says who signed a message or typed data
    Verify(sign::Verify),
    /// Writes a wallet's keystore file, or its private key in clear
    Export(export::Export),
    /// Lists the AIT that came and went, the newest first
    History(show::History),
    /// Keeps wallets unlocked for programs of this machine, within a policy for each
    Daemon(daemon::Daemon),
}

pub(super) fn run(wallet: Wallet) -> Result<()> {
    match wallet {
        Wallet::Create(create) => make::create(&create),
        Wallet::Import(import) => make::import(&import),
        Wallet::List(list) => show::list(&list),
        Wallet::Balance(balance) => show::balance(&balance),
        Wallet::Send(send) => send::run(&send),
        Wallet::Deposit(asked) => escrow::run(&asked, escrow::Way::IntoEscrow),
        Wallet::Withdraw(asked) => escrow::run(&asked, escrow::Way::OutOfEscrow),
        Wallet::Sign(sign) => sign::sign(&sign),
        Wallet::Verify(verify) => sign::verify(&verify),
        Wallet::Export(export) => export::run(&export),
        Wallet::History(history) => show::history(&history),
        Wallet::Daemon(daemon) => daemon::run(daemon),
    }
}
