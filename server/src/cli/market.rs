//! `aitbc market …`: standing requests for jobs that no miner offers at their price yet, what others bid, and what clients say
//! of miners.

mod reviews;

use anyhow::Result;
use clap::{Args, Subcommand};
use shared::amount::Amount;
use shared::api::bids::{BID_MAX_SECONDS, BidBooks, BidView, Bids, CreateBid};
use shared::id::BidId;
use shared::job::request::PaymentMode;
use shared::time::UnixSeconds;

use super::client::{Server, print_json};
use super::submit::Wanted;
use super::table;
use super::wallet::pay::Pay;
use crate::clock;

/// A bid of the longest time ends so much earlier: the server's clock may be behind this one.
const CLOCKS_DIFFER_SECONDS: u64 = 60;

#[derive(Debug, Subcommand)]
pub(super) enum Market {
    /// Asks for a picture at your price: the job is submitted as soon as a miner offers it
    Bid(Box<Bid>),
    /// Lists your bids, or with --of what everybody bids for a model
    Bids(List),
    /// Takes a bid back
    Cancel(One),
    /// Says how good the work of a miner was that you asked for, or says something else than before
    Review(reviews::Review),
    /// Lists what clients said of a miner
    Reviews(reviews::Reviews),
}

#[derive(Debug, Args)]
pub(super) struct Bid {
    #[command(flatten)]
    wanted: Wanted,
    /// The most that you give for a whole unit of the work, in AIT, as 0.5
    #[arg(long, value_name = "AIT")]
    max_unit_price: Amount,
    /// Hours after which the bid ends, 1 to 168
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=BID_MAX_SECONDS / 3_600))]
    hours: u64,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    pay: Pay,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Shows the book of this model instead of your bids; needs no key
    #[arg(long = "of", value_name = "MODEL")]
    model: Option<String>,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct One {
    /// Name of the bid: bid_ and 32 hex digits
    id: BidId,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(market: &Market) -> Result<()> {
    match market {
        Market::Bid(bid) => create(bid),
        Market::Bids(asked) => match &asked.model {
            Some(model) => book(asked, model),
            None => list(asked),
        },
        Market::Cancel(one) => cancel(one),
        Market::Review(review) => reviews::write(review),
        Market::Reviews(asked) => reviews::list(asked),
    }
}

fn create(bid: &Bid) -> Result<()> {
    let seconds = (bid.hours * 3_600).min(BID_MAX_SECONDS - CLOCKS_DIFFER_SECONDS);
    let asked = CreateBid {
        job: serde_json::from_value(bid.wanted.request())?,
        max_unit_price: bid.max_unit_price,
        expires_at: UnixSeconds(clock::now().seconds().0.saturating_add(seconds)),
    };
    let asked = bid.pay.order_bid(&bid.server, asked)?;
    let view: BidView = bid.server.post("/v1/bids", &asked, None)?;
    if bid.json {
        return print_json(&view);
    }
    println!("{}", view.id);
    eprintln!(
        "The job {} is submitted as soon as an offer fits, until {}.",
        view.job_id,
        view.expires_at_unix_ms.rfc3339()
    );
    Ok(())
}

fn list(asked: &List) -> Result<()> {
    let Bids { bids } = asked.server.get("/v1/bids")?;
    if asked.json {
        return print_json(&bids);
    }
    let rows: Vec<[String; 7]> = bids.into_iter().map(row).collect();
    table::print(["BID", "STATE", "MODEL", "AIT PER UNIT", "UNTIL", "JOB", "REFUSED BECAUSE"], &rows);
    Ok(())
}

fn row(bid: BidView) -> [String; 7] {
    let price = format!("{} / {}", bid.max_unit_price, bid.unit_type);
    let (state, until) = (bid.state.as_str().to_owned(), bid.expires_at_unix_ms.rfc3339());
    [bid.id.to_string(), state, bid.model, price, until, bid.job_id.to_string(), bid.refusal.unwrap_or_default()]
}

fn book(asked: &List, model: &str) -> Result<()> {
    let books: BidBooks = asked.server.get(&format!("/v1/models/{}/bids", path_of(model)))?;
    if asked.json {
        return print_json(&books);
    }
    let rows: Vec<[String; 5]> = books.books.into_iter().flat_map(levels).collect();
    table::print(["AIT PER UNIT", "PAID", "BIDS", "WITH FILTERS", "WORK"], &rows);
    Ok(())
}

fn levels(book: shared::api::bids::BidBook) -> impl Iterator<Item = [String; 5]> {
    let unit = book.unit_type;
    book.levels.into_iter().map(move |level| {
        let paid = match level.payment_mode {
            PaymentMode::Mint => "minted",
            PaymentMode::Escrow => "by the client",
        };
        let (price, work) = (format!("{} / {unit}", level.max_unit_price), format!("{} {unit}", level.units));
        [price, paid.to_owned(), level.bids.to_string(), level.with_filters.to_string(), work]
    })
}

/// Names may have slashes, which the path of a book takes as they are.
fn path_of(model: &str) -> String {
    model.split('/').map(frontend::format::percent_encoded).collect::<Vec<_>>().join("/")
}

fn cancel(One { id, server, json }: &One) -> Result<()> {
    let canceled: BidView = server.delete(&format!("/v1/bids/{id}"))?;
    if *json {
        return print_json(&canceled);
    }
    println!("{id} is taken back");
    Ok(())
}
