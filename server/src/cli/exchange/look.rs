//! What everybody may see: markets, books, trades, and accounts by their address.

use anyhow::Result;
use clap::Args;
use shared::Address;
use shared::api::exchange::{
    self as api, BookView, ExchangeAsset, FillRole, FillView, OrderView, TradeState, TradeView,
};
use shared::exchange::{Side, Trigger};

use super::market;
use super::number::percent;
use crate::cli::client::{Server, print_json};
use crate::cli::table;
use crate::cli::wallet::folder::Folder;

#[derive(Debug, Args)]
pub(in crate::cli) struct Markets {
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Book {
    /// Market, as AIT-tUSD
    market: String,
    /// How many prices of each side
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    depth: u32,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Trades {
    /// Market, as AIT-tUSD
    market: String,
    /// How many, the newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// An account to look at.
#[derive(Debug, Args)]
pub(in crate::cli) struct OfAccount {
    /// Name of a wallet of this machine, or an address
    who: String,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

impl OfAccount {
    fn address(&self) -> Result<Address> {
        self.folder.resolve(&self.who)
    }
}

/// How an asset is called, and that it is worthless where it is.
fn called(asset: &ExchangeAsset) -> String {
    format!("{}{}", asset.symbol, if asset.is_worthless { " (worthless)" } else { "" })
}

pub(super) fn markets(markets: &Markets) -> Result<()> {
    let exchange = market::exchange(&markets.server)?;
    if markets.json {
        return print_json(&exchange);
    }
    if let Some(fault) = &exchange.fault {
        eprintln!("No orders are taken now: {fault}");
    }
    let rows: Vec<[String; 8]> = exchange
        .markets
        .into_iter()
        .map(|market| {
            let [maker, taker] = [market.maker_fee_basis_points, market.taker_fee_basis_points].map(percent);
            let state = if market.is_open { "open" } else { "closed" };
            let (base, quote) = (called(&market.base), called(&market.quote));
            [market.id, base, quote, market.tick, market.lot, maker, taker, state.to_owned()]
        })
        .collect();
    table::print(
        ["MARKET", "BUYS AND SELLS", "FOR", "PRICE STEP", "AMOUNT STEP", "MAKER FEE", "TAKER FEE", "STATE"],
        &rows,
    );
    Ok(())
}

pub(super) fn book(asked: &Book) -> Result<()> {
    let book: BookView = asked.server.get(&format!("/v1/exchange/{}/book?depth={}", asked.market, asked.depth))?;
    if asked.json {
        return print_json(&book);
    }
    if book.asks.is_empty() && book.bids.is_empty() {
        eprintln!("Nobody sells and nobody buys yet.");
        return Ok(());
    }
    // The best prices meet in the middle.
    let asks = book.asks.into_iter().rev().map(|level| ["sell".to_owned(), level.price, level.amount]);
    let bids = book.bids.into_iter().map(|level| ["buy".to_owned(), level.price, level.amount]);
    table::print(["SIDE", "PRICE", "AMOUNT"], &asks.chain(bids).collect::<Vec<_>>());
    Ok(())
}

const fn side(side: Side) -> &'static str {
    side.as_str()
}

/// A state, and the block of a final trade.
fn state_of(trade: &TradeView) -> String {
    let placed = trade.settled_in.map(|placed| format!(", block {}", placed.block_number)).unwrap_or_default();
    let reason = trade.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let state = match trade.state {
        TradeState::Matched => "matched",
        TradeState::Final => "final",
        TradeState::Void => "void",
    };
    format!("{state}{placed}{reason}")
}

pub(super) fn trades(asked: &Trades) -> Result<()> {
    let path = format!("/v1/exchange/{}/trades?limit={}", asked.market, asked.limit);
    let market_trades: api::Trades = asked.server.get(&path)?;
    if asked.json {
        return print_json(&market_trades);
    }
    let row = |trade: TradeView| {
        let state = state_of(&trade);
        [
            trade.trade.to_string(),
            side(trade.taker_side).to_owned(),
            trade.price,
            trade.amount,
            trade.quote_amount,
            state,
        ]
    };
    let rows: Vec<[String; 6]> = market_trades.trades.into_iter().map(row).collect();
    table::print(["TRADE", "TAKER", "PRICE", "AMOUNT", "COST", "STATE"], &rows);
    Ok(())
}

/// The open orders of an account.
pub(super) fn open_orders(server: &Server, trader: Address) -> Result<Vec<OrderView>> {
    server.get_all(&format!("/v1/exchange/accounts/{trader}/orders?state=open"))
}

pub(super) fn orders(of: &OfAccount) -> Result<()> {
    let orders = open_orders(&of.server, of.address()?)?;
    if of.json {
        return print_json(&orders);
    }
    if orders.is_empty() {
        eprintln!("No order is open.");
        return Ok(());
    }
    let row = |order: OrderView| {
        let kind = order.time_in_force.as_str().to_owned();
        let side = side(order.side).to_owned();
        let trigger = trigger(&order);
        [order.id.to_string(), order.market, side, order.price, order.amount, order.filled, kind, trigger]
    };
    let rows: Vec<[String; 8]> = orders.into_iter().map(row).collect();
    table::print(["ORDER", "MARKET", "SIDE", "PRICE", "AMOUNT", "FILLED", "KIND", "TRIGGER"], &rows);
    Ok(())
}

/// What an order waits or waited for.
fn trigger(order: &OrderView) -> String {
    let Some(trigger) = &order.trigger else { return "-".to_owned() };
    match (trigger.reached_at_unix_ms, trigger.direction) {
        (Some(_), _) => format!("{} reached", trigger.price),
        (None, Trigger::AtOrBelow) => format!("waits for {} or below", trigger.price),
        (None, _) => format!("waits for {} or above", trigger.price),
    }
}

pub(super) fn fills(of: &OfAccount) -> Result<()> {
    let fills: Vec<FillView> = of.server.get_all(&format!("/v1/exchange/accounts/{}/fills", of.address()?))?;
    if of.json {
        return print_json(&fills);
    }
    if fills.is_empty() {
        eprintln!("No order of this account traded yet.");
        return Ok(());
    }
    let row = |fill: FillView| {
        let role = match fill.role {
            FillRole::Maker => "waited",
            FillRole::Taker => "came last",
        };
        let state = state_of(&fill.trade);
        let (side, role) = (side(fill.side).to_owned(), role.to_owned());
        let TradeView { trade, market, price, amount, .. } = fill.trade;
        [trade.to_string(), market, side, price, amount, fill.fee, role, state]
    };
    let rows: Vec<[String; 8]> = fills.into_iter().map(row).collect();
    table::print(["TRADE", "MARKET", "SIDE", "PRICE", "AMOUNT", "FEE", "ORDER", "STATE"], &rows);
    Ok(())
}

pub(super) fn balance(of: &OfAccount) -> Result<()> {
    let account = market::account(&of.server, of.address()?)?;
    if of.json {
        return print_json(&account);
    }
    let rows: Vec<[String; 4]> = account
        .balances
        .into_iter()
        .map(|balance| [balance.symbol, balance.free, balance.reserved, balance.in_contract])
        .collect();
    table::print(["ASSET", "FREE", "IN OPEN ORDERS", "IN THE CONTRACT"], &rows);
    Ok(())
}
