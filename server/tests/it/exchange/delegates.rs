//! Keys that sign orders for a trader: what they may, and what becomes of their orders once they may not.

use alloy_sol_types::SolCall as _;
use contracts::{ExchangeSettlement, TEST_DOLLAR_ADDRESS};
use serde_json::{Value, json};
use shared::Address;
use shared::exchange::{
    AssetUnits, ExchangeOrder, ExchangeWithdrawal, OfTrader as _, OrderCancellation, OrderReduction, Side,
};
use shared::time::UnixSeconds;

use super::trader::{DOLLAR, LOT, MARKET, Trader, in_an_hour, units_of};
use crate::command_line::{aitbc, json};
use crate::server::{Answer, TestServer};
use crate::worker::key;

fn hours_from_now(hours: u64) -> UnixSeconds {
    UnixSeconds(server::clock::now().seconds().0 + 3_600 * hours)
}

async fn delegate(server: &TestServer, owner: &Trader, robot: &Trader, until: UnixSeconds) {
    let add = ExchangeSettlement::addDelegateCall { delegate: robot.address(), expiresAt: until.0 };
    owner.call(server, add.abi_encode()).await;
}

async fn revoke(server: &TestServer, owner: &Trader, robot: &Trader) {
    owner.call(server, ExchangeSettlement::revokeDelegateCall { delegate: robot.address() }.abi_encode()).await;
}

/// Hands in the owner's order with the robot's signature.
async fn by(robot: &Trader, server: &TestServer, order: &ExchangeOrder) -> Answer {
    server.post("/v1/exchange/orders", &robot.sign_order(order)).await
}

fn detail(answer: &Answer, status: u16) -> String {
    answer.problem(status)["detail"].as_str().unwrap_or_default().to_owned()
}

async fn order_of(server: &TestServer, placed: &Value) -> Value {
    server.get(&format!("/v1/exchange/orders/{}", placed["order"]["id"])).await.json()["order"].clone()
}

fn machine(address: Address) -> Value {
    serde_json::to_value(address).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_trades_for_its_owner_and_can_do_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let owner = Trader::with_dollars(&server, 3, 1_000).await;
    let robot = Trader::known(9);
    let bid = owner.order(&server, Side::Buy, 10, 200).await;
    let unknown = detail(&by(&robot, &server, &bid).await, 403);
    assert!(unknown.contains("no such trading key"), "{unknown}");

    delegate(&server, &owner, &robot, hours_from_now(2)).await;
    let keys = server.get(&format!("/v1/exchange/accounts/{}/delegates", owner.address())).await.json();
    let [known] = keys["keys"].as_array().unwrap().as_slice() else { panic!("{keys}") };
    assert_eq!((&known["delegate"], known["state"].as_str()), (&machine(robot.address()), Some("active")));
    let placed = by(&robot, &server, &bid).await;
    assert_eq!(placed.status, 201, "{}", String::from_utf8_lossy(&placed.body));
    let placed = placed.json();
    assert_eq!(placed["order"]["trader"], machine(owner.address()));
    assert_eq!(placed["order"]["delegate"], machine(robot.address()));
    // The same order again is no second one.
    assert_eq!(by(&robot, &server, &bid).await.status, 200);

    // It changes and ends orders of its owner.
    let (chain_id, contract) = (bid.chain_id, bid.contract);
    let reduction = OrderReduction {
        trader: owner.address(),
        order_nonce: bid.nonce,
        amount: AssetUnits(4 * LOT),
        chain_id,
        contract,
    };
    let reduced = server.post("/v1/exchange/reductions", &robot.signed(&reduction, &reduction.domain())).await;
    assert_eq!((reduced.status, reduced.json()["amount"].as_str()), (200, Some("0.04")));
    seller.place(&server, Side::Sell, 1, 200).await;
    let own = owner.place(&server, Side::Buy, 5, 100).await;
    assert_eq!(own["order"]["delegate"], Value::Null);
    let (from_nonce, to_nonce) = (bid.nonce, bid.nonce + 1);
    let cancellation = OrderCancellation { trader: owner.address(), from_nonce, to_nonce, chain_id, contract };
    let cancelled = server.post("/v1/exchange/cancels", &robot.signed(&cancellation, &cancellation.domain())).await;
    assert_eq!(cancelled.json()["order_ids"].as_array().unwrap().len(), 2);
    let account = owner.settled(&server).await;
    let spent = 2 * DOLLAR / 100;
    assert_eq!(units_of(&account, TEST_DOLLAR_ADDRESS, "in_contract_units"), 1_000 * DOLLAR - spent);

    // It leaves its owner nonces.
    let last = owner.next_nonce(&server).await - 1;
    for nonce in [last + (1 << 20) + 1, (1 << 53) - 1] {
        let order = ExchangeOrder { nonce, ..bid.clone() };
        let refused = by(&robot, &server, &order).await.problem(422);
        assert_eq!(refused["errors"][0]["field"], "signed.nonce", "{refused}");
    }
    assert_eq!(owner.next_nonce(&server).await, last + 1);

    // It takes no money out, and its own account has none.
    let withdrawal = ExchangeWithdrawal {
        trader: owner.address(),
        asset: TEST_DOLLAR_ADDRESS,
        amount: AssetUnits(1),
        expires_at: in_an_hour(),
        nonce: owner.next_nonce(&server).await,
        chain_id,
        contract,
    };
    let taken = server.post("/v1/exchange/withdrawals", &robot.signed(&withdrawal, &withdrawal.domain())).await;
    assert!(detail(&taken, 403).contains("signs no withdrawal"));
    robot.post(&server, &ExchangeOrder { trader: robot.address(), ..bid.clone() }).await.problem(409);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_places_nothing_and_its_orders_leave_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let owner = Trader::with_dollars(&server, 3, 1_000).await;
    let (robot, other) = (Trader::known(9), Trader::known(8));
    delegate(&server, &owner, &robot, hours_from_now(2)).await;
    delegate(&server, &owner, &other, hours_from_now(2)).await;
    let late = ExchangeOrder { expires_at: hours_from_now(3), ..owner.order(&server, Side::Buy, 1, 100).await };
    let refused = by(&robot, &server, &late).await.problem(422);
    assert_eq!(refused["errors"][0]["field"], "signed.expires_at", "{refused}");

    let order = owner.order(&server, Side::Buy, 10, 200).await;
    let of_robot = by(&robot, &server, &order).await.json();
    let order = ExchangeOrder { nonce: order.nonce + 1, ..order };
    let of_other = by(&other, &server, &order).await.json();
    let own = owner.place(&server, Side::Buy, 10, 198).await;
    // What the book knows of the signers outlives a restart.
    server.stop().await;
    let server = TestServer::start(folder.path()).await;
    revoke(&server, &owner, &robot).await;
    owner.until(&server, |account| account["open_orders"] == 2).await;
    let ended = order_of(&server, &of_robot).await;
    assert_eq!(
        (ended["state"].as_str(), ended["reason"].as_str()),
        (Some("cancelled"), Some("its trader revoked the key that signed it"))
    );
    for stays in [&of_other, &own] {
        assert_eq!(order_of(&server, stays).await["state"], "open");
    }
    let account = owner.account(&server).await;
    let reserved = 10 * DOLLAR * 2 / 100 + 10 * DOLLAR * 198 / 10_000;
    assert_eq!(units_of(&account, TEST_DOLLAR_ADDRESS, "reserved_units"), reserved);

    // The contract settles what it matched for a while; the desk takes nothing more of it.
    let next = owner.order(&server, Side::Buy, 1, 100).await;
    let refused = detail(&by(&robot, &server, &next).await, 403);
    assert!(refused.contains("has revoked the trading key"), "{refused}");
    let keys = server.get(&format!("/v1/exchange/accounts/{}/delegates", owner.address())).await.json();
    assert_eq!(
        (keys["keys"][0]["state"].as_str(), keys["keys"][1]["state"].as_str()),
        (Some("revoked"), Some("active"))
    );
    // Once more allowed, it signs again.
    delegate(&server, &owner, &robot, hours_from_now(4)).await;
    assert_eq!(by(&robot, &server, &next).await.status, 201);
    server.stop().await;
}

/// A key's time ends by itself, without its owner and without a block.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_time_is_over_signs_nothing_and_left_no_order_behind() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let owner = Trader::with_dollars(&server, 3, 1_000).await;
    let (short, robot) = (Trader::known(8), Trader::known(9));
    let seconds_from_now = |seconds| UnixSeconds(server::clock::now().seconds().0 + seconds);
    let ends = seconds_from_now(2);
    delegate(&server, &owner, &short, ends).await;
    // An order is taken that settles before its key's time is over: it leaves the book so long before.
    let until = seconds_from_now(trading::SETTLEMENT_SECONDS + 12);
    delegate(&server, &owner, &robot, until).await;
    let order = ExchangeOrder { expires_at: until, ..owner.order(&server, Side::Buy, 10, 200).await };
    let placed = by(&robot, &server, &order).await;
    assert_eq!(placed.status, 201, "{}", String::from_utf8_lossy(&placed.body));
    let placed = placed.json();
    owner.until(&server, |account| account["open_orders"] == 0).await;
    assert_eq!(order_of(&server, &placed).await["state"], "expired");
    assert_eq!(units_of(&owner.account(&server).await, TEST_DOLLAR_ADDRESS, "reserved_units"), 0);

    assert!(server::clock::now().seconds() > ends, "the order waited longer than the short key had");
    let order = owner.order(&server, Side::Buy, 1, 100).await;
    let expired = format!("expired at {} (Unix seconds)", ends.0);
    let refused = detail(&by(&short, &server, &order).await, 403);
    assert!(refused.contains(&expired), "{refused}");
    let (chain_id, contract) = (order.chain_id, order.contract);
    let cancellation =
        OrderCancellation { trader: owner.address(), from_nonce: 1, to_nonce: order.nonce - 1, chain_id, contract };
    let cancelled = server.post("/v1/exchange/cancels", &short.signed(&cancellation, &cancellation.domain())).await;
    assert!(detail(&cancelled, 403).contains(&expired));
    let keys = server.get(&format!("/v1/exchange/accounts/{}/delegates", owner.address())).await.json();
    assert_eq!(
        (keys["keys"][0]["state"].as_str(), keys["keys"][1]["state"].as_str()),
        (Some("expired"), Some("active"))
    );
    // Its owner names it once more, and it signs again.
    delegate(&server, &owner, &short, hours_from_now(2)).await;
    assert_eq!(by(&short, &server, &order).await.status, 201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_delegates_lists_orders_for_the_owner_and_revokes() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("server")).await;
    let url = format!("http://{}", server.address);
    let owner = Trader::with_dollars(&server, 3, 1_000).await;
    let wallets = place.path().join("wallets");
    let password = super::maker::private(place.path(), "password", "correct horse");
    let [wallets, password] = [&wallets, &password].map(|path| path.to_str().unwrap());
    let unlocked = ["--folder", wallets, "--password-file", password];
    for (name, number) in [("owner", 3), ("robot", 9)] {
        let secret = super::maker::private(place.path(), name, &alloy_primitives::hex::encode(key(number).to_bytes()));
        let import = ["wallet", "import", name, "--file", secret.to_str().unwrap(), "--json"];
        json(&aitbc(&[&import[..], &unlocked].concat()).await);
    }
    let signing = [&unlocked[..], &["--url", &url, "--yes", "--json"]].concat();
    let run = async |words: &[&str]| aitbc(&[words, &signing].concat()).await;
    let order = ["exchange", "order", "robot", MARKET, "buy", "0.1", "2", "--as", "owner"];
    assert!(!run(&order).await.status.success(), "nobody let it sign");
    let added = json(&run(&["exchange", "delegate", "add", "owner", "robot"]).await);
    assert_eq!(added["key"]["state"], "active", "{added}");
    let placed = json(&run(&order).await);
    assert_eq!(placed["order"]["trader"], machine(owner.address()), "{placed}");
    assert_eq!(placed["order"]["delegate"], machine(Trader::known(9).address()));
    let id = placed["order"]["id"].to_string();
    let reduced = json(&run(&["exchange", "reduce", "robot", &id, "0.05", "--as", "owner"]).await);
    assert_eq!(reduced["amount"], "0.05");
    let cancelled = json(&run(&["exchange", "cancel", "robot", "--all", "--as", "owner"]).await);
    assert_eq!(cancelled["order_ids"], json!([placed["order"]["id"]]));
    let revoked = json(&run(&["exchange", "delegate", "revoke", "owner", "robot"]).await);
    assert_eq!(revoked["key"]["state"], "revoked", "{revoked}");
    let listed = aitbc(&["exchange", "delegate", "list", "owner", "--folder", wallets, "--url", &url]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("revoked") && listed.contains(&Trader::known(9).address().to_string()), "{listed}");
    let unknown = run(&["exchange", "delegate", "revoke", "robot", "owner"]).await;
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("is no trading key of"));
    server.stop().await;
}
