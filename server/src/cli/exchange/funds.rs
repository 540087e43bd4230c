//! `aitbc exchange deposit`, `withdraw` and `faucet`.

use alloy_sol_types::SolCall as _;
use anyhow::{Context, Result, ensure};
use clap::Args;
use contracts::{ExchangeSettlement, TestDollar};
use serde::Serialize;
use shared::api::exchange::{ExchangeAsset, ExchangeView, WithdrawalView};
use shared::exchange::{AssetUnits, ExchangeWithdrawal};
use shared::signing::PrivateKey;
use shared::time::UnixSeconds;
use shared::{Address, B256, U256};
use wallet::permit::PermitDomain;

use super::market::{account, exchange_to_sign_for, find_asset};
use super::number::{decimal, units};
use super::order::sign;
use crate::cli::client::{Server, print_json};
use crate::cli::wallet::ask;
use crate::cli::wallet::contract::{self, SignedPermit};
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::node::Node;
use crate::cli::wallet::signing::Signing;
use crate::clock;

/// So long the operator may pay a withdrawal.
const WITHDRAWAL_SECONDS: u64 = 3_600;

/// Version of the EIP-712 domain of an asset's permits.
const PERMIT_VERSION: &str = "1";

#[derive(Debug, Args)]
pub(in crate::cli) struct Move {
    /// Wallet whose asset moves
    wallet: WalletName,
    /// How much, as 1.5
    amount: String,
    /// Asset by its symbol, as AIT
    asset: String,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Faucet {
    /// Wallet that takes it
    wallet: WalletName,
    /// Asset by its symbol, as tUSD
    asset: String,
    #[command(flatten)]
    signing: Signing,
}

/// What a transaction did, for programs.
#[derive(Debug, Serialize)]
struct Done {
    transaction_hash: B256,
    block_number: u64,
}

fn tell(signing: &Signing, (transaction_hash, block_number): (B256, u64)) -> Result<()> {
    if signing.json {
        return print_json(&Done { transaction_hash, block_number });
    }
    println!("{transaction_hash}");
    eprintln!("Done: it is in block {block_number}.");
    Ok(())
}

/// Goes to stderr, so that stdout has the answer alone.
fn show(verb: &str, amount: u128, asset: &ExchangeAsset, account: Address, to: &str) {
    eprintln!("{verb:<9} {} {} ({})", decimal(U256::from(amount), asset.decimals), asset.symbol, asset.address);
    if asset.is_worthless {
        eprintln!("note      {} is {}: it is worth nothing", asset.symbol, asset.name);
    }
    eprintln!("account   {account}");
    eprintln!("to        {to}");
}

pub(super) fn deposit(asked: &Move) -> Result<()> {
    let signing = &asked.signing;
    let node = &signing.node;
    let keystore = signing.folder.open(&asked.wallet)?;
    let trader = signing.folder.address(&asked.wallet)?;
    let exchange = exchange_to_sign_for(&Server::at(node.url()), node)?;
    let asset = find_asset(&exchange, &asked.asset)?;
    let amount = units(&asked.amount, asset.decimals, "the amount")?;
    ensure!(amount > 0, "0 {} cannot be deposited", asset.symbol);
    let value = U256::from(amount);
    let has = node.token_balance(asset.address, trader)?;
    ensure!(value <= has, "the wallet has {} {}", decimal(has, asset.decimals), asset.symbol);
    show("deposit", amount, asset, trader, "the exchange’s contract, which moves it only by orders that you sign");
    ask::confirm("Deposit it?", signing.yes)?;
    let key = keystore.open(&signing.password.of(&asked.wallet.to_string())?)?;
    tell(signing, send_deposit(node, &key, &exchange, asset, value)?)
}

/// Moves `value` of an asset into the contract: the hash of the transaction, and its block.
pub(super) fn send_deposit(
    node: &Node,
    key: &PrivateKey,
    exchange: &ExchangeView,
    asset: &ExchangeAsset,
    value: U256,
) -> Result<(B256, u64)> {
    let (name, version) = (asset.name.clone(), PERMIT_VERSION.to_owned());
    let domain = PermitDomain { name, version, chain_id: exchange.chain_id, token: asset.address };
    let SignedPermit { deadline, v, r, s } = contract::permit(node, key, &domain, exchange.contract, value)?;
    let (trader, asset) = (key.address(), asset.address);
    let call = ExchangeSettlement::depositWithPermitCall { trader, asset, amount: value, deadline, v, r, s };
    contract::send(node, key, exchange.contract, call.abi_encode().into(), "deposit")
}

pub(super) fn withdraw(asked: &Move) -> Result<()> {
    let signing = &asked.signing;
    let keystore = signing.folder.open(&asked.wallet)?;
    let trader = signing.folder.address(&asked.wallet)?;
    let server = Server::at(signing.node.url());
    let exchange = exchange_to_sign_for(&server, &signing.node)?;
    let asset = find_asset(&exchange, &asked.asset)?;
    let amount = units(&asked.amount, asset.decimals, "the amount")?;
    ensure!(amount > 0, "0 {} cannot be withdrawn", asset.symbol);
    let account = account(&server, trader)?;
    let balance = account.balances.iter().find(|balance| balance.asset == asset.address);
    let free = balance.context("the exchange names no balance of the asset")?.free_units.0;
    ensure!(amount <= free, "free on the exchange are {} {}", decimal(U256::from(free), asset.decimals), asset.symbol);
    show("withdraw", amount, asset, trader, "the wallet, behind the trades that were matched before");
    ask::confirm("Sign it?", signing.yes)?;
    let key = keystore.open(&signing.password.of(&asked.wallet.to_string())?)?;
    let withdrawal = ExchangeWithdrawal {
        trader,
        asset: asset.address,
        amount: AssetUnits(amount),
        expires_at: UnixSeconds(clock::now().seconds().0 + WITHDRAWAL_SECONDS),
        nonce: account.next_nonce,
        chain_id: exchange.chain_id,
        contract: exchange.contract,
    };
    let view: WithdrawalView = server.post("/v1/exchange/withdrawals", &sign(&key, withdrawal)?, None)?;
    if signing.json {
        return print_json(&view);
    }
    println!("{}", view.nonce);
    eprintln!("Accepted. `aitbc exchange balance {}` shows when it has left.", asked.wallet);
    Ok(())
}

pub(super) fn faucet(asked: &Faucet) -> Result<()> {
    let signing = &asked.signing;
    let keystore = signing.folder.open(&asked.wallet)?;
    let exchange = exchange_to_sign_for(&Server::at(signing.node.url()), &signing.node)?;
    let asset = find_asset(&exchange, &asked.asset)?;
    ensure!(asset.has_faucet, "{} has no faucet: somebody has to send you some", asset.symbol);
    eprintln!("takes     {} from its faucet: {}", asset.symbol, asset.name);
    let key = keystore.open(&signing.password.of(&asked.wallet.to_string())?)?;
    tell(signing, call_faucet(&signing.node, &key, asset)?)
}

/// Takes what the faucet of an asset gives: the hash of the transaction, and its block.
pub(super) fn call_faucet(node: &Node, key: &PrivateKey, asset: &ExchangeAsset) -> Result<(B256, u64)> {
    let call = TestDollar::faucetCall {};
    contract::send(node, key, asset.address, call.abi_encode().into(), "call of the faucet")
}
