//! `aitbc exchange make`: the reference market maker with a wallet of this machine, until a signal ends it.

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::Result;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::maker::{Maker, Place, Quoting};
use crate::cli::signals::stop_on_signal;
use crate::cli::wallet::ask;
use crate::cli::wallet::folder::WalletName;
use crate::cli::wallet::signing::Signing;

#[derive(Debug, Args)]
pub(in crate::cli) struct Make {
    /// Wallet that quotes; all of its orders in the market are the market maker's
    wallet: WalletName,
    /// Market, as AIT-tUSD
    market: String,
    #[command(flatten)]
    quoting: Quoting,
    /// Ends after so many looks; without it only a signal ends it
    #[arg(long, value_name = "NUMBER")]
    looks: Option<u64>,
    #[command(flatten)]
    signing: Signing,
}

pub(super) fn run(make: &Make) -> Result<()> {
    let signing = &make.signing;
    let keystore = signing.folder.open(&make.wallet)?;
    let url = signing.node.url();
    let place = Place::find(url, Some(&make.market))?;
    let [base, quote] = [&place.market.base.symbol, &place.market.quote.symbol];
    eprintln!("quotes    {}", make.quoting.in_words(&place.market));
    eprintln!("deposits  what the wallet has of {base} and {quote}, and what a faucet gives of them");
    eprintln!("ends      at a signal, and cancels its orders");
    ask::confirm("Sign that until you end it?", signing.yes)?;
    let key = keystore.open(&signing.password.of(&make.wallet.to_string())?)?;
    let maker = Maker::new(url, place, key, &make.quoting, |told| eprintln!("{told}"))?;
    maker.run(&signals()?, make.looks)
}

/// Its other end is dropped at the first signal.
fn signals() -> Result<Receiver<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signalled = {
        let _inside = runtime.enter();
        stop_on_signal(CancellationToken::new())?
    };
    let (sender, stop) = channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(signalled);
        drop(sender);
    })?;
    Ok(stop)
}
