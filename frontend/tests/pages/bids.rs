//! What clients bid, on a model's page.

use shared::amount::{Amount, MicroUnits};
use shared::api::bids::{BidBook, BidLevel};
use shared::job::JobKind;
use shared::job::request::PaymentMode;

use crate::fixture::Fixture;
use crate::marketplace_fixture::{Marketplace, PINNED};
use crate::render_with;

fn book() -> BidBook {
    let level = |atto: u128, payment_mode, bids, with_filters| BidLevel {
        max_unit_price: Amount::from_atto(atto),
        payment_mode,
        bids,
        with_filters,
        units: MicroUnits(2_500_000),
    };
    let levels = vec![
        level(300_000_000_000_000_000, PaymentMode::Escrow, 1, 0),
        level(200_000_000_000_000_000, PaymentMode::Mint, 1_234, 7),
    ];
    BidBook {
        kind: JobKind::Image,
        model: PINNED.to_owned(),
        unit_type: JobKind::Image.unit_type(),
        bids: 1_235,
        levels,
    }
}

#[tokio::test]
async fn a_models_page_shows_what_is_bid_for_it_and_nothing_where_nobody_bids() {
    let path = "/models/aitbc-scenes-1";
    let without = render_with(Fixture::default(), path, "").await.html;
    assert!(!without.contains("data-testid=\"bids\""));
    let marketplace = Marketplace { bids: Some(book()), ..Marketplace::default() };
    let html = render_with(Fixture { marketplace, ..Fixture::default() }, path, "").await.html;
    let (_, table) = html.split_once("data-testid=\"bids\"").unwrap();
    let dearest = table.find("0.3").unwrap();
    assert!(dearest < table.find("0.2").unwrap(), "the highest price first");
    assert!(table.contains("By the client") && table.contains("Minted"));
    assert!(html.contains("jobs wait for an offer at these prices or below"));
}
