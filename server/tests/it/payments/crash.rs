//! Nothing stays reserved and nothing is paid twice, at whatever moment the hub dies and whatever its database forgot.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use alloy_sol_types::SolEvent as _;
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};
use node::chain::LogFilter;
use serde_json::json;
use server::config::{Config, Limits};
use shared::amount::Amount;
use shared::api::payments::PaymentState;
use shared::api::receipts::SettlementState;
use shared::job::text;

use super::buyer::{Buyer, EARNED, paid_job, text_job};
use super::{SERVED, write_one};
use crate::server::{TestServer, config};
use crate::victim::{change_rows, run_until_killed};
use crate::worker::{TestWorker, key, words_result};

const ROUNDS: u64 = 4;
const FOLDER_VARIABLE: &str = "AITBC_PAYMENTS_FOLDER";
const SEED_VARIABLE: &str = "AITBC_PAYMENTS_SEED";

/// What a crash or a restored copy may leave of a transaction. None of these rows is ever touched by the outbox again.
const LEFT_BEHIND: [&str; 3] = [
    "UPDATE outbox SET state = 'included', block_number = 1 WHERE state = 'signed'",
    "UPDATE outbox SET signer = '0x0000000000000000000000000000000000000009' WHERE state = 'signed'",
    "DELETE FROM outbox",
];

fn generous(folder: &Path) -> Config {
    let limits = Limits { images_per_key_per_minute: 100_000, ..Limits::default() };
    Config { limits, ..config(folder) }
}

/// The hub forgets, in turn, what it knew of a reservation, a settlement and a refund. The chain tells it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_forgot_of_a_payment_the_chain_tells_it() {
    for left_behind in LEFT_BEHIND {
        let folder = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(generous(folder.path())).await;
        let buyer = Buyer::with_deposit(&server, 2).await;
        let mut worker = server.connect_worker().await;
        let (settled, _) = buyer.buy(&server, &text_job()).await;
        write_one(&server, &mut worker).await;
        let before = paid_job(&server, &settled, "settled").await;
        let (canceled, token) = buyer.buy(&server, &text_job()).await;
        worker.assignment().await;
        server.send("DELETE", &format!("/v1/jobs/{canceled}"), &[("x-job-token", &token)], vec![]).await;
        let refunded = paid_job(&server, &canceled, "refunded").await;
        let (waiting, _) = buyer.buy(&server, &text_job()).await;
        paid_job(&server, &waiting, "reserved").await;
        let (balance, head) = (buyer.free(&server).await, server.app.node.head().unwrap().number);
        server.stop().await;

        let forget = [
            "UPDATE outbox SET state = 'signed'",
            "UPDATE payment SET state = 'reserving', reserved_in = NULL WHERE state = 'reserved'",
            "UPDATE payment SET state = 'closing', ended_in = NULL, refunded = NULL WHERE state = 'refunded'",
            "UPDATE payment SET state = 'reserved', ended_in = NULL, paid = NULL, fee = NULL, refunded = NULL \
             WHERE state = 'settled'",
            "UPDATE job_receipt SET settlement = 'submitted', block_number = NULL WHERE settlement = 'settled'",
            left_behind,
        ];
        change_rows(folder.path(), &forget).await;
        let server = TestServer::start_with(generous(folder.path())).await;
        assert_eq!(paid_job(&server, &settled, "settled").await["payment"], before["payment"], "{left_behind}");
        assert_eq!(paid_job(&server, &canceled, "refunded").await["payment"], refunded["payment"]);
        paid_job(&server, &waiting, "reserved").await;
        assert_eq!(buyer.free(&server).await, balance);
        assert_eq!(server.app.node.head().unwrap().number, head, "a transaction was sent for nothing");
        server.stop().await;
    }
}

/// The victim: has jobs paid and served, or canceled, for ever, and prints each that the hub has acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `a_killed_hub_leaves_nothing_reserved_and_pays_nothing_twice` as its child"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    let server = TestServer::start_with(generous(Path::new(&folder))).await;
    let buyer = Buyer { key: key(2) };
    let mut worker = server.connect_worker().await;
    let mut job = text_job();
    job["ttl_seconds"] = json!(20);
    for number in 0_u64.. {
        let (id, token) = buyer.buy(&server, &job).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {id}").unwrap();
        out.flush().unwrap();
        drop(out);
        if number % 3 == 2 {
            server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", &token)], vec![]).await;
        } else {
            serve_until_taken(&server, &mut worker).await;
        }
    }
}

/// Answers assignments until a result is taken: some are of jobs that were canceled meanwhile.
async fn serve_until_taken(server: &TestServer, worker: &mut TestWorker) {
    loop {
        let assignment = worker.assignment().await;
        let submission = words_result(&worker.key, &assignment, text::MEDIA_TYPE, "A still lake.", SERVED);
        let submission = serde_json::to_value(submission).unwrap();
        let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
        if server.post(&path, &submission).await.status == 200 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_leaves_nothing_reserved_and_pays_nothing_twice() {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok());
    let mut random: u64 = given.unwrap_or_else(|| server::clock::now().0);
    println!("{SEED_VARIABLE}={random}");
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(generous(folder.path())).await;
    let buyer = Buyer::with_deposit(&server, 2).await;
    server.stop().await;
    let mut acknowledged = Vec::new();
    for _ in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (directory, lines) = (folder.path().to_owned(), (random >> 33) % 7);
        let printed = tokio::task::spawn_blocking(move || {
            run_until_killed("payments::crash::child", FOLDER_VARIABLE, &directory, lines)
        });
        acknowledged.extend(printed.await.unwrap());
        let harm = LEFT_BEHIND.get((random >> 40) as usize % (LEFT_BEHIND.len() + 1));
        change_rows(folder.path(), &harm.copied().into_iter().collect::<Vec<_>>()).await;
    }
    assert!(!acknowledged.is_empty());

    // Jobs that nobody serves any more end by their time to live, and everything ends with them.
    let server = TestServer::start_with(generous(folder.path())).await;
    let mut ends = BTreeMap::new();
    for id in &acknowledged {
        ends.insert(id.clone(), ended(&server, id).await);
    }
    let status = server.get("/v1/status").await.json();
    assert_eq!(status["payments"], json!({"open": 0, "stuck": 0}));
    check_all(&server, &buyer).await;
    assert!(
        ends.values().all(|state| matches!(state, PaymentState::Settled | PaymentState::Refunded | PaymentState::Void))
    );
    server.stop().await;
}

async fn ended(server: &TestServer, id: &str) -> PaymentState {
    for _ in 0..15_000 {
        let payment = server.app.store.find_payment(id.parse().unwrap()).await.unwrap().unwrap();
        if payment.state.is_final() {
            return payment.state;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the payment of {id} did not end");
}

/// What the database says of each payment is what the chain logged, and all of it adds up to the deposit.
async fn check_all(server: &TestServer, buyer: &Buyer) {
    let page = store::repository::Keyset { before_seq: None, limit: 100_000 };
    let receipts = server.app.store.list_receipts(&Default::default(), page).await.unwrap();
    let paid = receipts.iter().filter(|receipt| receipt.signed.receipt.contract == JOB_ESCROW_ADDRESS);
    let (mut spent, mut settled) = (Amount::ZERO, 0);
    for receipt in paid {
        assert_eq!(receipt.settlement, SettlementState::Settled);
        spent = spent.checked_add(receipt.amount).unwrap();
        settled += 1;
    }
    let mut filter = LogFilter::default();
    filter.addresses.insert(JOB_ESCROW_ADDRESS);
    filter.topics[0].insert(JobEscrow::Settled::SIGNATURE_HASH);
    let logs = server.app.node.logs(filter, 0, u64::MAX).await.unwrap();
    assert_eq!(logs.len(), settled, "each receipt is paid once");
    assert_eq!(buyer.free(server).await, EARNED.checked_sub(spent).unwrap(), "nothing is left reserved");
}
