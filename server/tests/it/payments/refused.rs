//! What the hub does not take as a payment, each in words and without a job.

use serde_json::{Value, json};
use shared::amount::Amount;
use shared::api::keys::ApiScope;
use shared::quote::JobQuote;
use shared::time::UnixSeconds;

use super::buyer::{Buyer, EARNED, paid_job, text_job};
use crate::server::{TestServer, small_job};
use crate::worker::{TestWorker, key};

/// The hub's answer to an order that was altered.
async fn refusal(server: &TestServer, order: &Value, status: u16) -> String {
    let answer = server.post("/v1/jobs", order).await;
    answer.problem(status)["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_replayed_and_foreign_orders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = crate::server::config(folder.path());
    config.limits.images_per_key_per_minute = 1_000;
    let server = TestServer::start_with(config).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    let _worker = server.connect_worker().await;
    let quote = buyer.quote(&server, &text_job()).await.json();
    let good = buyer.ordered(&text_job(), &quote);

    let mut forged = good.clone();
    forged["payment"]["order"]["signature"] = Buyer { key: key(9) }.sign(&quote["order"])["signature"].clone();
    let said = refusal(&server, &forged, 422).await;
    assert!(said.contains("payment.order.signature") && said.contains("is signed by"), "{said}");

    // Signed by the client, but not what was quoted.
    for (field, value) in [
        ("max_total", json!("1")),
        ("max_unit_price", json!("1")),
        ("hub", json!(key(9).address())),
        ("client", json!(key(9).address())),
        ("job_id", json!("job_fedcba98765432100123456789abcdef")),
        ("expires_at", json!(4_000_000_000_u64)),
        ("contract", json!(shared::chain::MINTER_ADDRESS)),
        ("chain_id", json!(1)),
        ("tasks", json!(2)),
    ] {
        let mut order = quote["order"].clone();
        order[field] = value;
        let mut altered = good.clone();
        altered["payment"]["order"] = buyer.sign(&order);
        let said = refusal(&server, &altered, 422).await;
        assert!(said.contains(&format!("payment.order.order.{field}")), "{field}: {said}");
    }

    // A better quote than the hub gave.
    let mut cheaper = good.clone();
    cheaper["payment"]["quote"]["quote"]["max_total"] = json!("1");
    assert!(refusal(&server, &cheaper, 422).await.contains("payment.quote.signature"));
    let mut other_hub = good.clone();
    other_hub["payment"]["quote"]["quote"]["hub"] = json!(key(9).address());
    assert!(refusal(&server, &other_hub, 422).await.contains("at this hub"));
    let mut larger = good.clone();
    larger["input"]["max_tokens"] = json!(2_000);
    assert!(refusal(&server, &larger, 422).await.contains("request_hash"));
    for missing in ["quote", "order"] {
        let mut partial = good.clone();
        partial["payment"].as_object_mut().unwrap().remove(missing);
        assert!(refusal(&server, &partial, 422).await.contains("POST /v1/quotes"));
    }
    let mut minted = good.clone();
    minted["payment"]["mode"] = json!("mint");
    assert!(refusal(&server, &minted, 422).await.contains("payment."));

    // A quote that is over, signed by this very hub.
    let mut old: JobQuote = serde_json::from_value(quote["quote"]["quote"].clone()).unwrap();
    old.expires_at = UnixSeconds(server::clock::now().seconds().0 - 1);
    let signature = server.app.hub_key.sign(&old, &old.domain()).unwrap();
    let over = json!({"order": old.order(), "quote": {"quote": old, "signature": signature}});
    assert!(refusal(&server, &buyer.ordered(&text_job(), &over), 409).await.contains("the quote ended at"));

    let stranger = server.client_key(ApiScope::Client, None).await.secret;
    server.post_with("/v1/jobs", &[("x-api-key", &stranger)], &good).await.problem(403);
    assert_eq!(buyer.free(&server).await, EARNED, "nothing was reserved for any of them");

    // The good one still counts, once.
    assert_eq!(server.post("/v1/jobs", &good).await.status, 201);
    assert!(refusal(&server, &good, 409).await.contains("used or cancelled before"));
    let id = quote["order"]["job_id"].as_str().unwrap();
    paid_job(&server, id, "reserved").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_too_small_for_what_waits_beside_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let (poor, buyer) = (Buyer { key: key(8) }, Buyer::with_deposit(&server, 2).await);
    let _worker = server.connect_worker().await;
    let quote = poor.quote(&server, &small_job(1)).await.json();
    assert_eq!(quote["deposited"], "0");
    let said = refusal(&server, &poor.ordered(&small_job(1), &quote), 409).await;
    assert!(said.contains("0 AIT free, and the job needs 0.008192 AIT"), "{said}");
    assert_eq!(server.get(&format!("/v1/jobs/{}", quote["order"]["job_id"].as_str().unwrap())).await.status, 404);

    // More than half of the deposit, twice.
    let half = json!({"kind": "image", "input": {"prompt": "a lake", "steps": 12, "width": 256, "height": 256}});
    let (first, second) = (buyer.quote(&server, &half).await.json(), buyer.quote(&server, &half).await.json());
    assert_eq!(server.post("/v1/jobs", &buyer.ordered(&half, &first)).await.status, 201);
    let said = refusal(&server, &buyer.ordered(&half, &second), 409).await;
    assert!(said.contains("deposit the difference"), "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_or_needs_no_payment_has_no_quote() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let buyer = Buyer { key: key(2) };
    let said = buyer.quote(&server, &small_job(1)).await.problem(409);
    assert!(said["detail"].as_str().unwrap().contains("no miner is connected"), "{said}");
    let _worker = TestWorker::connect(server.address, key(1), 1).await;
    while server.app.hub.board().miners().next().is_none() {
        tokio::task::yield_now().await;
    }
    let mut cheap = small_job(1);
    cheap["constraints"] = json!({"max_price": "1"});
    let said = buyer.quote(&server, &cheap).await.problem(409);
    let detail = said["detail"].as_str().unwrap();
    assert!(detail.contains("none of the 1 connected miners") && detail.contains("above the job's limit"), "{said}");
    let said = server.post("/v1/quotes", &small_job(1)).await.problem(422);
    assert!(said["detail"].as_str().unwrap().contains("costs nothing"), "{said}");
    let mut nobody = small_job(1);
    nobody["payment"] = json!({"mode": "escrow"});
    assert!(
        server.post("/v1/quotes", &nobody).await.problem(422)["detail"].as_str().unwrap().contains("payment.client")
    );
    let quote = buyer.quote(&server, &small_job(1)).await.json();
    assert_eq!(quote["quote"]["quote"]["max_total"], Amount::from_atto(8_192_000_000_000_000).atto().to_string());
    server.stop().await;
}
