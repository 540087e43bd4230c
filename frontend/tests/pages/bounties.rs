//! The page of bounties, and the rows on a model's page.

use axum::http::StatusCode;
use shared::Address;
use shared::amount::Amount;
use shared::api::bounties::{BountyState, BountyView, UnservedModel};
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::time::UnixSeconds;

use crate::fixture::Fixture;
use crate::marketplace_fixture::Marketplace;
use crate::render_with;

fn bounty(id: u64, state: BountyState, name: &str) -> BountyView {
    let free = if state == BountyState::Open { 3 } else { 0 };
    BountyView {
        id,
        state,
        model_sha256: Sha256Digest::of(name.as_bytes()),
        model_names: vec![name.to_owned()],
        pledger: Address::repeat_byte(0xb1),
        pledged_at_unix_s: UnixSeconds(1_800_000_000),
        expires_at_unix_s: UnixSeconds(1_802_592_000),
        rewards: 10,
        reward: Amount::from_ait(25),
        min_work: Amount::from_ait(1),
        rewards_free: free,
        rewards_waiting: 0,
        rewards_paid: 10 - free,
        rewards_refunded: 0,
    }
}

fn with(marketplace: Marketplace) -> Fixture {
    Fixture { marketplace, ..Fixture::default() }
}

fn with_bounties() -> Fixture {
    let unserved = UnservedModel {
        kind: JobKind::Text,
        model: "llama3.2:1b".to_owned(),
        asked: 41,
        last_day_unix_s: UnixSeconds(1_799_971_200),
    };
    let bounties = vec![bounty(7, BountyState::Open, "wanted-1"), bounty(6, BountyState::Earned, "served-1")];
    with(Marketplace { bounties, unserved: vec![unserved], ..Marketplace::default() })
}

#[tokio::test]
async fn the_list_shows_open_ones_first_and_others_by_their_address() {
    let page = render_with(with_bounties(), "/bounties", "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("wanted-1") && !page.html.contains("served-1"));
    assert!(page.html.contains("3 of 10") && page.html.contains("title=\"25 AIT\""));
    assert!(page.html.contains("llama3.2:1b") && page.html.contains(">41<"));
    let earned = render_with(with_bounties(), "/bounties?state=earned", "").await.html;
    assert!(earned.contains("served-1") && !earned.contains("wanted-1"));
    let all = render_with(with_bounties(), "/bounties?state=all", "").await.html;
    assert!(all.contains("served-1") && all.contains("wanted-1"));
}

#[tokio::test]
async fn without_a_bounty_the_page_says_how_one_appears() {
    let page = render_with(Fixture::default(), "/bounties", "").await.html;
    assert!(page.contains("No bounty here yet") && page.contains("aitbc bounty pledge"));
    assert!(page.contains("Nothing was refused") && page.contains("/docs/mining#bounties"));
}

#[tokio::test]
async fn a_models_page_has_its_open_bounties_alone() {
    let path = "/models/aitbc-scenes-1";
    let without = render_with(Fixture::default(), path, "").await.html;
    assert!(!without.contains("Bounties for it"));
    let manifest = Sha256Digest::of(b"aitbc-scenes-1");
    let of_model = |id, state| BountyView { model_sha256: manifest, ..bounty(id, state, "aitbc-scenes-1") };
    let bounties = vec![
        of_model(9, BountyState::Open),
        of_model(8, BountyState::Expired),
        bounty(7, BountyState::Open, "another"),
    ];
    let fixture = with(Marketplace { bounties, ..Marketplace::default() });
    let html = render_with(fixture, path, "").await.html;
    assert!(html.contains("Bounties for it") && html.contains("Bounty 9"));
    assert!(!html.contains("Bounty 8") && !html.contains("Bounty 7"));
}
