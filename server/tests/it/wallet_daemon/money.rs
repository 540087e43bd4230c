//! Payments of a real chain's AIT, and what the policy says to them.

use serde_json::{Value, json};
use shared::chain::{DEV_CHAIN_ID, ESCROW_ADDRESS, TOKEN_ADDRESS};
use shared::signing::recover_digest;
use shared::{Address, U256};
use wallet::permit::{Permit, PermitDomain};
use wallet::token::TokenCall;
use wallet::transaction::Transaction;

use super::bytes;
use super::daemon::{PASSWORD, TestDaemon};
use crate::server::TestServer;
use crate::wallet::earn;
use crate::worker::key;

pub(super) const FRIEND: Address = Address::repeat_byte(0x35);

/// A daemon with the wallet of a miner who earned something.
pub(super) async fn with_money(server: &TestServer, folder: &std::path::Path) -> (TestDaemon, Address) {
    let miner = earn(server, 1).await;
    let daemon = TestDaemon::start(folder, &format!("http://{}", server.address), &[]).await;
    let secret = hex::encode(key(1).to_bytes());
    daemon.post("import", &json!({ "wallet": "miner", "password": PASSWORD, "secret": secret })).await.ok(201);
    daemon.unlock("miner").await;
    (daemon, miner)
}

pub(super) fn transfer(amount: u64) -> Value {
    json!({ "wallet": "miner", "transfer": { "to": FRIEND, "amount": amount.to_string() } })
}

/// Waits until a block contains the payment.
pub(super) async fn settled(daemon: &TestDaemon, key: &str, body: &Value) -> Value {
    loop {
        let view = daemon.pay(key, body).await.ok(200);
        if view["state"] != "waiting" {
            return view;
        }
        tokio::task::yield_now().await;
    }
}

pub(super) async fn balance(server: &TestServer, account: Address) -> U256 {
    let data = wallet::token::balance_of(account);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{ "to": TOKEN_ADDRESS, "data": data }, "latest"] });
    let answer = server.post("/rpc", &call).await.json();
    serde_json::from_value(answer["result"].clone()).map(|word: shared::B256| word.into()).unwrap()
}

pub(super) async fn nonce(server: &TestServer, account: Address) -> Value {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionCount", "params": [account, "latest"] });
    server.post("/rpc", &call).await.json()["result"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_shown_sent_once_and_listed() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let (daemon, miner) = with_money(&server, &place.path().join("wallets")).await;
    let earned = daemon.get("balance?wallet=miner").await.ok(200)["balance"].as_str().unwrap().parse::<u128>().unwrap();
    let sheet = daemon.post("prepare", &transfer(700)).await.ok(200);
    let shown = &sheet["what"]["transfer"];
    assert_eq!((&shown["to"], &shown["amount"], &shown["fee"]), (&json!(FRIEND), &json!("700"), &json!("free")));
    assert_eq!(shown["balance_after"], (earned - 700).to_string());
    let ticket = json!({ "ticket": sheet["ticket"] });
    daemon.with_body("POST", "send", &[], &ticket).await.refused(422);
    let paid = settled(&daemon, "first", &ticket).await;
    assert_eq!((&paid["state"], &paid["nonce"]), (&json!("settled"), &json!(0)));
    daemon.pay("second", &ticket).await.refused(404);
    daemon.pay("first", &transfer(700)).await.refused(409);
    let direct = settled(&daemon, "third", &transfer(30)).await;
    assert_eq!(direct["nonce"], 1);
    assert_eq!(balance(&server, FRIEND).await, U256::from(730));

    let too_much = daemon.pay("fourth", &transfer(u64::MAX)).await.refused(422);
    assert!(too_much["detail"].as_str().unwrap().contains("has only"), "{too_much}");
    let lost = json!({ "wallet": "miner", "transfer": { "to": ESCROW_ADDRESS, "amount": "1" } });
    daemon.pay("fifth", &lost).await.refused(422);
    let history = daemon.get("history?wallet=miner").await.ok(200);
    let states: Vec<&Value> = history["payments"].as_array().unwrap().iter().map(|payment| &payment["state"]).collect();
    assert_eq!(states, ["settled", "settled"]);
    assert_eq!(history["transfers"].as_array().unwrap().len(), 3, "two went, and one was earned: {history}");
    assert_eq!((&history["transfers"][0]["from"], &history["address"]), (&json!(miner), &json!(miner)));
    daemon.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_holds_for_everything_that_is_signed() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let (daemon, miner) = with_money(&server, &place.path().join("wallets")).await;
    let spender = Address::repeat_byte(7);
    let call = |input: shared::Bytes| json!({ "to": TOKEN_ADDRESS, "data": input, "value": "0x0" });
    let sign_call = |input| json!({ "wallet": "miner", "transaction": call(input) });
    let unlimited = TokenCall::Approve { spender, amount: U256::MAX }.encode();
    for body in [
        sign_call(unlimited),
        sign_call(shared::Bytes::from_static(&[1, 2, 3, 4])),
        json!({ "wallet": "miner", "transaction": { "to": FRIEND, "value": "0x0", "chainId": "0x1" } }),
        json!({ "wallet": "miner", "transaction": { "data": "0x6000", "value": "0x0" } }),
    ] {
        daemon.post("sign", &body).await.refused(422);
        daemon.pay("never", &body).await.refused(422);
    }
    let permit = |value, chain_id: u64| {
        let permit =
            Permit { owner: miner, spender, value, nonce: U256::ZERO, deadline: U256::from(9_999_999_999_u64) };
        let message = json!({
            "owner": permit.owner, "spender": permit.spender, "value": permit.value.to_string(), "nonce": "0",
            "deadline": permit.deadline.to_string(),
        });
        let member = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        let members = [
            member("owner", "address"),
            member("spender", "address"),
            member("value", "uint256"),
            member("nonce", "uint256"),
            member("deadline", "uint256"),
        ];
        let domain = json!({ "name": "AITBC", "version": "1", "chainId": chain_id.to_string(), "verifyingContract": TOKEN_ADDRESS });
        let data =
            json!({ "types": { "Permit": members }, "primaryType": "Permit", "domain": domain, "message": message });
        (json!({ "wallet": "miner", "typed_data": data }), permit)
    };
    daemon.post("sign", &permit(U256::MAX, DEV_CHAIN_ID).0).await.refused(422);
    daemon.post("sign", &permit(U256::from(5), 1).0).await.refused(422);
    let (body, data) = permit(U256::from(5), DEV_CHAIN_ID);
    let signed = daemon.post("sign", &body).await.ok(200);
    let digest = data.typed_data(&PermitDomain::of_ait(DEV_CHAIN_ID)).unwrap().digest;
    assert_eq!(recover_digest(digest, &bytes(&signed["signature"])), Ok(miner));

    // The permit's 5 count: 6 are left without a code, and no second factor stands for more.
    let limits = json!({ "AIT": { "per_transaction": "40", "per_day": "50", "code_above": "11" } });
    let policy = json!({ "recipients": [FRIEND, spender], "limits": limits });
    let set = |password: &str| json!({ "wallet": "miner", "password": password, "policy": policy });
    daemon.with_body("PUT", "policy", &[], &set("wrong horse")).await.refused(403);
    daemon.with_body("PUT", "policy", &[], &set(PASSWORD)).await.ok(200);
    let spent = daemon.get("policy?wallet=miner").await.ok(200);
    assert_eq!(spent["spent_today"]["AIT"], "5");
    daemon.pay("a", &transfer(41)).await.refused(422);
    let needs = daemon.pay("b", &transfer(7)).await.refused(422);
    assert!(needs["detail"].as_str().unwrap().contains("no second factor"), "{needs}");
    assert_eq!(daemon.post("prepare", &transfer(7)).await.ok(200)["policy"]["verdict"], "code_needed");
    let signed =
        daemon.post("sign", &sign_call(TokenCall::Transfer { to: FRIEND, amount: U256::from(6) }.encode())).await;
    let raw = bytes(&signed.ok(200)["raw_transaction"]);
    assert_eq!(Transaction::decode(&raw).unwrap().1, miner);
    daemon.pay("c", &transfer(1)).await.refused(422);
    let to_another = json!({ "wallet": "miner", "transfer": { "to": Address::repeat_byte(9), "amount": "1" } });
    let refused = daemon.pay("d", &to_another).await.refused(422);
    assert!(refused["detail"].as_str().unwrap().contains("recipients"), "{refused}");
    daemon.post("sign", &json!({ "wallet": "miner", "message": "hello" })).await.refused(422);
    assert_eq!(balance(&server, FRIEND).await, U256::ZERO, "nothing was sent");
    daemon.stop().await;

    let again = TestDaemon::start(&place.path().join("wallets"), &format!("http://{}", server.address), &[]).await;
    assert_eq!(
        again.get("policy?wallet=miner").await.ok(200)["spent_today"]["AIT"],
        "11",
        "a new start forgets nothing"
    );
    again.unlock("miner").await;
    again.pay("e", &transfer(1)).await.refused(422);
    again.stop().await;
    server.stop().await;
}
