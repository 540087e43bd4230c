//! `aitbc job quote` and `aitbc job submit`.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::client::{Server, print_json};
use super::submit::{self, Submit, Wanted};
use super::table;
use super::wallet::pay::{self, Client};

#[derive(Debug, Subcommand)]
pub(super) enum Job {
    /// Asks what a picture would cost at most, signed by the hub and binding for five minutes
    Quote(Quote),
    /// Asks for a picture, and with --pay --wallet pays for it
    Submit(Submit),
}

#[derive(Debug, Args)]
pub(super) struct Quote {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    client: Client,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(job: &Job) -> Result<()> {
    match job {
        Job::Quote(quote) => ask(quote),
        Job::Submit(submit) => submit::run(submit),
    }
}

fn ask(quote: &Quote) -> Result<()> {
    let view = pay::quote(&quote.server, quote.client.address()?, &quote.wanted.request())?;
    if quote.json {
        return print_json(&view);
    }
    table::print(["FIELD", "VALUE"], &pay::rows(&view));
    Ok(())
}
