//! `aitbc exchange …`: looks at markets, and trades with a wallet of this machine.
//!
//! The server is asked for what it alone knows, the chain for what it says of money. Signed is only what was shown.

mod delegate;
mod exit;
mod funds;
mod look;
mod make;
pub(in crate::cli) mod maker;
mod market;
mod number;
mod order;
mod quotes;
mod reference_price;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum Exchange {
    /// Lists markets with their steps and fees
    Markets(look::Markets),
    /// Shows the book of a market
    Book(look::Book),
    /// Lists the last trades of a market
    Trades(look::Trades),
    /// Signs an order and hands it in
    Order(order::Order),
    /// Makes an open order smaller; it keeps its place
    Reduce(order::Reduce),
    /// Cancels an open order, or all of them
    Cancel(order::Cancel),
    /// Lists the open orders of an account
    Orders(look::OfAccount),
    /// Lists the trades of an account
    Fills(look::OfAccount),
    /// Shows what an account has on the exchange
    Balance(look::OfAccount),
    /// Moves an asset from a wallet into the exchange's contract
    Deposit(funds::Move),
    /// Signs that the operator pays an asset back to the wallet
    Withdraw(funds::Move),
    /// Takes test money, where an asset gives it away
    Faucet(funds::Faucet),
    /// Keys that sign orders for a wallet, and cannot withdraw
    #[command(subcommand)]
    Delegate(delegate::Delegate),
    /// Leaves without the operator: asks the contract, waits, takes everything
    Exit(exit::Exit),
    /// Reference market maker for development chains: keeps orders on both sides of a price
    Make(make::Make),
}

pub(super) fn run(exchange: Exchange) -> Result<()> {
    match exchange {
        Exchange::Markets(markets) => look::markets(&markets),
        Exchange::Book(book) => look::book(&book),
        Exchange::Trades(trades) => look::trades(&trades),
        Exchange::Order(order) => order::place(&order),
        Exchange::Reduce(reduce) => order::reduce(&reduce),
        Exchange::Cancel(cancel) => order::cancel(&cancel),
        Exchange::Orders(of) => look::orders(&of),
        Exchange::Fills(of) => look::fills(&of),
        Exchange::Balance(of) => look::balance(&of),
        Exchange::Deposit(asked) => funds::deposit(&asked),
        Exchange::Withdraw(asked) => funds::withdraw(&asked),
        Exchange::Faucet(faucet) => funds::faucet(&faucet),
        Exchange::Delegate(delegate) => delegate::run(&delegate),
        Exchange::Exit(exit) => exit::run(&exit),
        Exchange::Make(make) => make::run(&make),
    }
}
