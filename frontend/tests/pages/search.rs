//! The search field, its suggestions and the page without script; and what did not move on by itself.

use shared::api::search::{SearchHit, SearchKind};
use shared::api::stuck::{StuckCount, StuckKind, StuckView};
use shared::time::UnixMillis;

use super::fixture::Fixture;
use super::{render, render_with, without_attributes};

#[tokio::test]
async fn the_field_carries_the_words_of_its_script_and_works_without_it() {
    for path in ["/explorer", "/explorer/search?q=nothing", "/no-such-page"] {
        let html = render(path).await.html;
        assert!(html.contains("action=\"/explorer/search\"") && html.contains("src=\"/search.js\""), "{path}");
        assert!(html.contains("&quot;count&quot;:&quot;{} suggestions&quot;"), "{path}");
        assert!(!html.contains("role=\"combobox\""), "{path}: the script makes it one");
    }
}

#[tokio::test]
async fn without_script_the_page_lists_what_the_text_may_name() {
    let hostile = "<script>alert(1)</script> scenes";
    let hit = SearchHit {
        kind: SearchKind::Model,
        name: hostile.to_owned(),
        detail: "image".to_owned(),
        path: "/models/scenes?kind=image".to_owned(),
    };
    let fixture = || Fixture { hits: vec![hit.clone()], ..Fixture::default() };
    let html = render_with(fixture(), "/explorer/search?q=scenes", "").await.html;
    assert!(html.contains("data-testid=\"hits\"") && html.contains("href=\"/models/scenes?kind=image\""));
    assert!(!html.contains("Nothing found") && !without_attributes(&html).contains("<script>alert"));
    let html = render_with(fixture(), "/explorer/search?q=unknown", "").await.html;
    assert!(html.contains("Nothing found") && !html.contains("data-testid=\"hits\""));
}

#[tokio::test]
async fn the_explorer_says_what_is_stuck_and_what_that_means() {
    let count = |kind: StuckKind, count, names: &[&str]| StuckCount {
        kind,
        count,
        is_more: count > 1,
        oldest_unix_ms: None,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        meaning: kind.meaning().to_owned(),
        ask: kind.ask().to_owned(),
    };
    let stuck =
        |total, counts| StuckView { total, counted_at_unix_ms: Some(UnixMillis(1)), chain_read_to: None, counts };
    let with = |stuck| render_with(Fixture { stuck, ..Fixture::default() }, "/explorer", "");
    let html = with(stuck(0, StuckKind::ALL.map(|kind| count(kind, 0, &[])).to_vec())).await.html;
    assert!(html.contains("stuck: 0"));
    for kind in StuckKind::ALL {
        assert!(html.contains(kind.meaning()) && html.contains(kind.ask()), "{kind:?}");
    }
    let counts = vec![count(StuckKind::Receipt, 1, &["0xabc"]), count(StuckKind::Job, 2, &["job_1"])];
    let html = with(stuck(3, counts)).await.html;
    assert!(html.contains("stuck: 3") && html.contains("at least 2") && html.contains("/explorer/receipts/0xabc"));
    assert!(html.contains("title=\"job_1\"") && !html.contains("/jobs/job_1"), "a job may be private");
    assert!(render("/explorer").await.html.contains("Not counted yet"));
}
