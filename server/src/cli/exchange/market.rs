//! What the server says of its exchange, checked against the chain where money depends on it.

use anyhow::{Context, Result, bail, ensure};
use shared::Address;
use shared::api::exchange::{ExchangeAccount, ExchangeAsset, ExchangeView, MarketView};
use shared::chain::EXCHANGE_ADDRESS;

use crate::cli::client::Server;
use crate::cli::wallet::node::Node;

/// The exchange of a server.
pub(super) fn exchange(server: &Server) -> Result<ExchangeView> {
    server.get("/v1/exchange")
}

/// The same before something is signed for it: it is of the node's chain, and the contract is the one that genesis has.
pub(super) fn exchange_to_sign_for(server: &Server, node: &Node) -> Result<ExchangeView> {
    let exchange = exchange(server)?;
    let chain_id = node.chain_id()?;
    ensure!(
        exchange.chain_id == chain_id,
        "the exchange is of chain {}, and the node serves chain {chain_id}",
        exchange.chain_id
    );
    ensure!(
        exchange.contract == EXCHANGE_ADDRESS,
        "the exchange names the contract {}, and genesis has it at {EXCHANGE_ADDRESS}",
        exchange.contract
    );
    Ok(exchange)
}

pub(super) fn find_market<'a>(exchange: &'a ExchangeView, id: &str) -> Result<&'a MarketView> {
    let known = || exchange.markets.iter().map(|market| market.id.as_str()).collect::<Vec<_>>().join(", ");
    exchange
        .markets
        .iter()
        .find(|market| market.id == id)
        .with_context(|| format!("no market {id}: there are {}", known()))
}

pub(super) fn find_asset<'a>(exchange: &'a ExchangeView, symbol: &str) -> Result<&'a ExchangeAsset> {
    let mut found = exchange.assets.iter().filter(|asset| asset.symbol == symbol);
    match (found.next(), found.next()) {
        (Some(asset), None) => Ok(asset),
        (Some(_), Some(_)) => bail!("two assets are called {symbol}: name markets instead"),
        (None, _) => {
            let known: Vec<_> = exchange.assets.iter().map(|asset| asset.symbol.as_str()).collect();
            bail!("no asset {symbol}: there are {}", known.join(", "))
        }
    }
}

pub(super) fn account(server: &Server, trader: Address) -> Result<ExchangeAccount> {
    server.get(&format!("/v1/exchange/accounts/{trader}"))
}
