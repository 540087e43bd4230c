//! Operators see their pages, and for everybody else there is nothing at their addresses.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use frontend::backend::{Answer, BackendError, OperatorBackend};
use serde_json::json;
use shared::Address;
use shared::api::admin::{AdminHealth, AdminJob, AdminJobFilter, AdminKey, AdminLimits, OperatorChange};
use shared::api::miners::{MinerPause, MinerView};
use shared::api::page::Page;
use shared::id::{ApiKeyId, JobId};
use shared::time::UnixMillis;

use super::account::{ME, signed_in};
use super::fixture::{AT, MINER};
use super::miner_fixture::miner;
use super::{Rendered, render, render_for, render_with};

/// What a stranger may put wherever text goes.
const MARKUP: &str = "<script>alert(1)</script>";

/// A hub with one of each, or with nothing.
#[derive(Clone, Copy, Default)]
struct Operated {
    empty: bool,
    paused: bool,
}

impl Operated {
    fn page<T>(self, item: T) -> Answer<Page<T>> {
        let items = if self.empty { vec![] } else { vec![item] };
        Ok(Page { items, next_cursor: (!self.empty).then(|| "7".to_owned()) })
    }

    fn own_miner(self) -> MinerView {
        let pause = MinerPause { reason: MARKUP.to_owned(), since_unix_ms: UnixMillis(AT * 1_000) };
        MinerView { paused: self.paused.then_some(pause), ..miner() }
    }
}

fn key() -> AdminKey {
    serde_json::from_value(json!({
        "id": ApiKeyId::from_random(3), "label": MARKUP, "scope": "client", "address": ME,
        "created_at_unix_ms": AT * 1000, "revoked_at_unix_ms": null, "by_wallet": false, "images_per_minute": 4,
    }))
    .unwrap()
}

fn health(empty: bool) -> AdminHealth {
    let transactions = json!([{"transaction_hash": format!("0x{}", "22".repeat(32)), "purpose": "mint", "nonce": 4,
        "signed_at_unix_ms": AT * 1000, "attempts": 12, "last_error": "the pool is full"}]);
    serde_json::from_value(json!({
        "queue": [{"state": "QUEUED", "jobs": 41, "oldest_unix_ms": AT * 1000}, {"state": "RUNNING", "jobs": 0}],
        "waiting_tasks": 43, "miners_online": 2, "miners_paused": 1,
        "stuck": {"total": 0, "counted_at_unix_ms": AT * 1000, "counts": []},
        "outbox": {"waiting": 1, "transactions": if empty { json!([]) } else { transactions }},
        "audits": {"open": 5, "disputed": 2},
        "disk": {"free_bytes": 5_242_880, "floor_bytes": 1_048_576, "is_low": true},
        "database": {"kind": "sqlite", "size_bytes": 3_145_728},
        "chain": {"chain_id": 24_822, "head_number": 9, "head_timestamp": AT, "index_behind": 3, "fault": "no quorum"},
        "version": "0.1.0", "hub_id": "the-hub", "started_at_unix_ms": AT * 1000,
    }))
    .unwrap()
}

#[async_trait]
impl OperatorBackend for Operated {
    async fn health(&self) -> Answer<AdminHealth> {
        Ok(health(self.empty))
    }

    async fn jobs(&self, filter: &AdminJobFilter, _: Option<&str>, _: u32) -> Answer<Page<AdminJob>> {
        let job = json!({
            "id": JobId::from_random(1), "state": filter.state.map_or("FAILED", |state| state.as_str()),
            "class": "visitor", "kind": "image", "model": "scenes", "client": ME, "miner": MINER,
            "created_at_unix_ms": AT * 1000, "deadline_unix_ms": AT * 1000, "faults": 1, "last_fault": MARKUP,
        });
        self.page(serde_json::from_value(job).unwrap())
    }

    async fn miners(&self, _: bool, _: Option<&str>, _: u32) -> Answer<Page<MinerView>> {
        self.page(self.own_miner())
    }

    async fn miner(&self, address: Address) -> Answer<MinerView> {
        if address == MINER { Ok(self.own_miner()) } else { Err(BackendError::NotFound) }
    }

    async fn keys(&self, _: Option<&str>, _: Option<&str>, _: u32) -> Answer<Page<AdminKey>> {
        self.page(key())
    }

    async fn key(&self, _: ApiKeyId) -> Answer<AdminKey> {
        Ok(key())
    }

    async fn limits(&self) -> Answer<AdminLimits> {
        let limit = json!({"flag": "--mint-per-key", "value": "5 AIT a day", "meaning": "what jobs of a key may mint"});
        Ok(serde_json::from_value(json!({ "limits": [limit] })).unwrap())
    }

    async fn changes(&self, _: Option<&str>, _: u32) -> Answer<Page<OperatorChange>> {
        let change = json!({
            "at_unix_ms": AT * 1000, "operator": ME, "action": "pause_miner", "subject": MINER, "reason": MARKUP,
            "before": "gets work", "after": "paused: a broken card",
        });
        self.page(serde_json::from_value(change).unwrap())
    }
}

async fn shown(operated: Operated, path: &str) -> Rendered {
    render_for(signed_in(), Some(Arc::new(operated)), path, "").await
}

fn pages() -> Vec<String> {
    let fixed = ["", "/jobs", "/jobs?state=RUNNING&class=paying", "/miners", "/miners?list=paused", "/keys?owner=0xab"];
    let more = ["/limits".to_owned(), "/changes".to_owned(), format!("/miners/{MINER}")];
    let key = format!("/keys/{}", ApiKeyId::from_random(3));
    fixed.map(str::to_owned).into_iter().chain(more).chain([key]).map(|path| format!("/admin{path}")).collect()
}

#[tokio::test]
async fn every_page_of_operators_is_complete_without_script_and_nothing_in_it_runs() {
    for path in pages() {
        for operated in [Operated::default(), Operated { empty: true, paused: true }] {
            let page = shown(operated, &path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.html);
            assert_eq!(page.html.matches("<h1").count(), 1, "{path}");
            assert_eq!(page.html.matches("aria-current=\"page\"").count(), 1, "{path}");
            assert!(!page.html.contains(" style=\"") && !page.html.contains("<script>alert"), "{path}");
        }
    }
}

#[tokio::test]
async fn for_everybody_else_there_is_nothing() {
    let nothing = render("/nothing/here").await;
    for path in pages() {
        for stranger in [render(&path).await, render_with(signed_in(), &path, "").await] {
            assert_eq!(stranger.status, StatusCode::NOT_FOUND, "{path}");
            assert!(stranger.html.contains("There is no page at this address"), "{path}");
            assert!(!stranger.html.contains("data-testid=\"change\"") && !stranger.html.contains("/admin/"), "{path}");
        }
    }
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    for path in ["/", "/account"] {
        assert!(!render_with(signed_in(), path, "").await.html.contains("/admin"), "{path} leads strangers there");
    }
    assert!(shown(Operated::default(), "/account").await.html.contains("href=\"/admin\""));
}

#[tokio::test]
async fn operators_see_what_waits_and_change_by_forms_that_ask_whether_it_is_meant() {
    let health = shown(Operated::default(), "/admin").await.html;
    for seen in ["43", "41", "the pool is full", "no quorum", "3 MiB", "5 MiB free", "the-hub", "Below its floor"] {
        assert!(health.contains(seen), "{seen}");
    }
    let works = shown(Operated::default(), &format!("/admin/miners/{MINER}")).await.html;
    assert!(works.contains(&format!("action=\"/admin/miners/{MINER}/pause\"")) && works.contains("method=\"post\""));
    assert!(works.contains("name=\"confirmed\"") && works.contains("name=\"reason\""), "{works}");
    let paused = Operated { paused: true, ..Operated::default() };
    let paused = shown(paused, &format!("/admin/miners/{MINER}")).await.html;
    assert!(paused.contains(&format!("action=\"/admin/miners/{MINER}/resume\"")) && !paused.contains("/pause\""));
    assert!(paused.contains("paused by the hub"));
    let id = ApiKeyId::from_random(3);
    let key = shown(Operated::default(), &format!("/admin/keys/{id}")).await.html;
    for way in ["limits", "revoke"] {
        assert!(key.contains(&format!("action=\"/admin/keys/{id}/{way}\"")), "{way}");
    }
    let unknown = shown(Operated::default(), &format!("/admin/miners/{ME}")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let bad = shown(Operated::default(), "/admin/jobs?miner=nobody").await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    assert!(bad.html.contains("`miner` is an address, got nobody"), "{}", bad.html);
    let next = shown(Operated::default(), "/admin/jobs?state=RUNNING").await.html;
    assert!(next.contains("/admin/jobs?state=RUNNING&amp;cursor=7"), "the filter goes along: {next}");
}
