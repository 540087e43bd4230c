//! Tokens, the tabs of an address and the charts: complete without script, and harmless whatever a token says.

use axum::http::StatusCode;
use shared::api::status::IndexStatus;

use super::fixture::{self, Fixture, LIAR};
use super::{render, render_with, without_attributes};

const HOSTILE: &str = "</title></textarea><script>alert(1)</script><img src=x onerror=alert(2)>\"'";

#[tokio::test]
async fn what_a_token_says_of_itself_stays_text() {
    let miner = fixture::receipt(1).signed.receipt.provider;
    for path in [
        "/explorer/tokens".to_owned(),
        format!("/explorer/tokens/{LIAR}"),
        format!("/explorer/tokens/{LIAR}?tab=transfers"),
        format!("/explorer/addresses/{miner}?tab=transfers"),
        format!("/explorer/addresses/{miner}?tab=tokens"),
    ] {
        let backend = Fixture { token_name: HOSTILE.to_owned(), ..Fixture::default() };
        let html = render_with(backend, &path, "").await.html;
        assert!(html.contains("&lt;script&gt;alert(1)"), "{path} shows the name");
        assert_eq!(html.matches("<title>").count(), 1, "{path}");
        let markup = without_attributes(&html);
        for forbidden in ["<script>alert", "<img src=x", "</title></textarea>"] {
            assert!(!markup.contains(forbidden), "{path}: the name became {forbidden}");
        }
    }
}

#[tokio::test]
async fn a_token_shows_its_holders_with_their_share_and_its_transfers() {
    let html = render(&format!("/explorer/tokens/{LIAR}")).await.html;
    for told in ["75.00 %", "data-testid=\"holders\"", "Made by", "says of itself", "csv/holders?token=", "cursor=1-1"]
    {
        assert!(html.contains(told), "{told}");
    }
    let html = render(&format!("/explorer/tokens/{LIAR}?tab=transfers")).await.html;
    for told in ["data-testid=\"transfers\"", "issued", "burnt", "1.5", "tab=transfers&amp;cursor=1-1"] {
        assert!(html.contains(told), "{told}");
    }
    assert!(!html.contains("data-testid=\"holders\""));
    assert_eq!(render("/explorer/tokens/0x12").await.status, StatusCode::NOT_FOUND);
    assert_eq!(render(&format!("/explorer/tokens/{}", shared::Address::ZERO)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_lists_one_thing_at_a_time_and_says_what_is_empty() {
    let miner = fixture::receipt(1).signed.receipt.provider;
    for (tab, table) in [
        ("", "transactions"),
        ("?tab=transfers", "transfers"),
        ("?tab=tokens", "holdings"),
        ("?tab=receipts", "receipts"),
        ("?tab=nonsense", "transactions"),
    ] {
        let path = format!("/explorer/addresses/{miner}{tab}");
        let html = render(&path).await.html;
        assert_eq!(html.matches("data-testid=\"transactions\"").count(), usize::from(table == "transactions"), "{tab}");
        assert!(html.contains(&format!("data-testid=\"{table}\"")), "{tab}");
        if table != "receipts" {
            let empty = render_with(Fixture { empty: true, ..Fixture::default() }, &path, "").await;
            assert_eq!(empty.status, StatusCode::OK);
            assert!(empty.html.contains("class=\"empty\""), "{tab} has an empty state");
        }
    }
    let made = render(&format!("/explorer/addresses/{LIAR}?tab=contract")).await.html;
    assert!(made.contains("Made by"));
    let account = render(&format!("/explorer/addresses/{miner}?tab=contract")).await.html;
    assert!(account.contains("it has no code"));
    let genesis = render(&format!("/explorer/addresses/{}?tab=contract", shared::chain::TOKEN_ADDRESS)).await.html;
    assert!(genesis.contains("since block 0"));
}

#[tokio::test]
async fn the_charts_are_read_without_script_and_with_every_digit() {
    let html = render("/explorer").await.html;
    assert_eq!(
        html.matches(" class=\"chart-lines\">").count() + html.matches(" class=\"chart-bars\">").count(),
        4,
        "supply, jobs, and one price for each unit"
    );
    for told in
        ["5 AIT</title>", "6 AIT</title>", "7 texts</title>", "csv/supply", "csv/jobs", "csv/prices", "The numbers"]
    {
        assert!(html.contains(told), "{told}");
    }
    assert!(!html.contains("NaN"));
    let empty = render_with(Fixture { empty: true, ..Fixture::default() }, "/explorer", "").await.html;
    assert!(
        !empty.contains("class=\"chart-lines\"")
            && !empty.contains("class=\"chart-bars\"")
            && empty.contains("Nothing to draw yet")
    );
}

#[tokio::test]
async fn a_page_says_how_far_its_index_is_behind() {
    let behind = |height, behind| async move {
        let backend = Fixture { index: IndexStatus { height, behind }, ..Fixture::default() };
        render_with(backend, &format!("/explorer/tokens/{LIAR}"), "").await.html
    };
    assert!(behind(Some(3), 1_200).await.contains("lacks the newest 1\u{202f}200 blocks"));
    assert!(behind(None, 4).await.contains("is being filled"));
    for current in [0, 1] {
        let html = behind(Some(3), current).await;
        assert!(!html.contains("index is behind") && !html.contains("is being filled"), "{current}");
    }
}
