//! Models and offers: complete and harmless whatever a miner calls its model, and honest where nobody serves.

use axum::http::StatusCode;

use super::fixture::Fixture;
use super::marketplace_fixture::{Marketplace, PINNED};
use super::{render, render_with, without_attributes};

fn with(marketplace: Marketplace) -> Fixture {
    Fixture { marketplace, ..Fixture::default() }
}

fn nobody() -> Fixture {
    with(Marketplace { empty: true, ..Marketplace::default() })
}

#[tokio::test]
async fn a_model_is_told_in_figures_with_their_units() {
    let html = render("/models").await.html;
    for told in [
        "data-testid=\"models\"",
        "Pictures, MIT",
        "Texts, not pinned",
        "2 miners",
        "1 of 8 places free",
        "median 3, per megapixel step",
        "512 px, 8 steps",
        "1\u{202f}000 tokens",
        "1.42 megapixel steps/s",
        "measured by the hub",
        "12 in 24 h",
        "1\u{202f}204 in all",
        "/api/marketplace/csv/models",
        "href=\"/models/hf.co%2Fsome%20one%3A7b?kind=text\"",
    ] {
        assert!(html.contains(told), "{told}");
    }
    let texts = render("/models?kind=text").await.html;
    assert!(!texts.contains(PINNED) && texts.contains("csv/models?kind=text"));
    assert!(render("/models?kind=embedding").await.html.contains("No model of this kind yet"));
}

#[tokio::test]
async fn a_models_page_has_its_facts_samples_prices_and_commands() {
    let html = render(&format!("/models/{PINNED}")).await.html;
    for told in [
        "It draws pictures. 2 miners serve it, with 1 of 8 places free.",
        "1.3.0",
        "9 files, 1.2 MB",
        "lakes, cities",
        "hands",
        "512 × 512 pixels",
        "a lake, number 2",
        "/artifacts/0\"",
        "class=\"chart-bars\"",
        "class=\"chart-lines\"",
        "2 AIT / megapixel step</title>",
        "csv/days?kind=image&amp;model=aitbc-scenes-1",
        "id=\"compose\"",
        "/compose.js",
        "/v1/images/generations",
        "/v1/jobs",
        "?kind=embedding",
        "href=\"#try\"",
    ] {
        assert!(html.contains(told), "{told}");
    }
    let digest = shared::digest::Sha256Digest::of(PINNED.as_bytes()).to_string();
    assert!(html.contains(&digest), "the whole digest");
    assert!(!html.contains("NaN"));
}

#[tokio::test]
async fn a_model_without_a_pin_says_so_and_is_paid() {
    let html = render("/models/hf.co%2Fsome%20one%3A7b?kind=text").await.html;
    for told in
        ["not pinned", "vouches for no manifest", "x-api-key: KEY", "/v1/chat/completions", "href=\"#programs\""]
    {
        assert!(html.contains(told), "{told}");
    }
    for absent in ["id=\"compose\"", "/compose.js", "/pay?model="] {
        assert!(!html.contains(absent), "{absent}");
    }
}

#[tokio::test]
async fn what_nobody_knows_is_not_found_and_what_nobody_serves_is_told() {
    for path in ["/models/unknown", "/models/aitbc-scenes-1?kind=text"] {
        assert_eq!(render(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let page = render_with(nobody(), &format!("/models/{PINNED}"), "").await;
    assert_eq!(page.status, StatusCode::OK);
    for told in ["No miner serves it now.", "gpu-worker start", "Nothing to show yet", "the first job begins the line"]
    {
        assert!(page.html.contains(told), "{told}");
    }
    assert!(!page.html.contains("class=\"chart-bars\""));
    let list = render_with(nobody(), "/models", "").await.html;
    assert!(list.contains("no miner now") && list.contains("not yet"));
}

#[tokio::test]
async fn the_form_shows_what_the_address_filters() {
    let html =
        render("/miners?kind=image&model=m%26n&gpu=RTX&memory=16&price=0.5&reputation=90&free=1&sort=-time").await.html;
    for told in [
        "value=\"image\" selected",
        "value=\"m&amp;n\"",
        "value=\"RTX\"",
        "value=\"16\"",
        "value=\"0.5\"",
        "value=\"90\"",
        "name=\"free\" value=\"1\" checked",
        "value=\"-time\" selected",
        "aria-sort=\"descending\"",
        "2 of 3 offers fit",
        "sort=time\"",
        "csv/offers?kind=image",
    ] {
        assert!(html.contains(told), "{told}");
    }
    let plain = render("/miners").await.html;
    assert!(plain.contains("3 offers") && !plain.contains(" checked"));
    assert!(plain.contains("aria-sort=\"ascending\"") && plain.contains("href=\"/miners?sort=-model\""));
    for told in ["1 of 4", "takes nothing new", "24.0 GB", "98.7 %", "1.4 s", "1.42 megapixel steps/s"] {
        assert!(plain.contains(told), "{told}");
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_named() {
    for query in ["memory=much", "reputation=101", "price=-1", "sort=beauty", "kind=video", "free=2"] {
        let page = render(&format!("/miners?{query}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
        let name = query.split('=').next().unwrap();
        assert!(
            page.html.contains("This filter cannot be read") && page.html.contains(&format!("`{name}` is ")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_empty_market_says_how_it_fills_and_a_narrow_filter_how_to_leave_it() {
    let html = render_with(nobody(), "/miners", "").await.html;
    assert!(html.contains("No miner is connected") && html.contains("gpu-worker start"));
    let html = render("/miners?kind=embedding").await.html;
    assert!(html.contains("No offer fits") && !html.contains("No miner is connected"));
    assert!(!html.contains("data-testid=\"offers\""));
}

#[tokio::test]
async fn what_a_miner_calls_its_model_stays_text() {
    let hostile = "</title></textarea></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'";
    let encoded = hostile.replace('%', "%25").replace('<', "%3C").replace('>', "%3E").replace('"', "%22");
    let encoded = encoded.replace('/', "%2F").replace(' ', "%20");
    for path in ["/models".to_owned(), "/miners".to_owned(), format!("/models/{encoded}")] {
        let fixture = with(Marketplace { unpinned_name: hostile.to_owned(), ..Marketplace::default() });
        let page = render_with(fixture, &path, "").await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let markup = without_attributes(&page.html);
        for forbidden in ["<script>alert", "<img src=x", "</title></textarea>"] {
            assert!(!markup.contains(forbidden), "{path}: the name became {forbidden}");
        }
    }
}
