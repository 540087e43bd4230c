//! What clients say of miners: `aitbc market review` and `reviews`.

use anyhow::Result;
use clap::Args;
use shared::api::page::{LIMIT_DEFAULT, LIMIT_MAX, Page};
use shared::api::receipts::ReceiptView;
use shared::api::reviews::{ReviewView, WriteReview};
use shared::review::{STARS_MAX, STARS_MIN};
use shared::{Address, B256};

use crate::cli::client::{Server, print_json};
use crate::cli::table;

#[derive(Debug, Args)]
pub(crate) struct Review {
    /// Hash of the receipt of work that was done for you
    receipt: B256,
    /// How good it was, 1 to 5
    #[arg(long, value_parser = clap::value_parser!(u8).range(i64::from(STARS_MIN)..=i64::from(STARS_MAX)))]
    stars: u8,
    /// A few words, up to 500 characters. Everybody reads them
    #[arg(long)]
    text: Option<String>,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reviews {
    /// Address of the miner
    miner: Address,
    /// How many rows
    #[arg(long, value_name = "NUMBER", default_value_t = LIMIT_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
    limit: u32,
    /// Where to go on: as the page before said
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    server: Server,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Leaves a review, or changes what was left.
pub(super) fn write(review: &Review) -> Result<()> {
    let Review { receipt, stars, text, server, json } = review;
    let work: ReceiptView = server.get(&format!("/v1/receipts/{receipt}"))?;
    let miner = work.signed.receipt.provider;
    let body = WriteReview { receipt_hash: *receipt, stars: *stars, text: text.clone() };
    let view: ReviewView = server.post(&format!("/v1/miners/{miner}/reviews"), &body, None)?;
    if *json {
        return print_json(&view);
    }
    let weight = match weight(&view) {
        Some(weight) => format!("it counts {weight}"),
        None => "it counts for nothing, since the work was not paid".to_owned(),
    };
    println!("{} of {STARS_MAX} stars for {miner}; {weight}", view.stars);
    eprintln!("You may change it until {}.", view.editable_until_unix_ms.rfc3339());
    Ok(())
}

/// What the work cost its author; `None` for minted work.
fn weight(view: &ReviewView) -> Option<String> {
    (view.paid != shared::amount::Amount::ZERO).then(|| format!("{} AIT", view.paid))
}

/// Lists what clients said of a miner.
pub(super) fn list(Reviews { miner, limit, cursor, server, json }: &Reviews) -> Result<()> {
    let from = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    let page: Page<ReviewView> = server.get(&format!("/v1/miners/{miner}/reviews?limit={limit}{from}"))?;
    if *json {
        return print_json(&page);
    }
    let rows: Vec<[String; 6]> = page.items.into_iter().map(row).collect();
    table::print(["STARS", "COUNTS", "WHEN", "AUTHOR", "RECEIPT", "TEXT"], &rows);
    if let Some(cursor) = page.next_cursor {
        eprintln!("More with --cursor {cursor}");
    }
    Ok(())
}

fn row(view: ReviewView) -> [String; 6] {
    let counts = weight(&view).unwrap_or_else(|| "nothing".to_owned());
    let hidden = view.hidden_reason.map(|reason| format!("(hidden by an operator: {reason})"));
    let when = view.edited_at_unix_ms.unwrap_or(view.created_at_unix_ms).rfc3339();
    let text = view.text.or(hidden).unwrap_or_default();
    [view.stars.to_string(), counts, when, view.author.to_string(), view.receipt_hash.to_string(), text]
}
