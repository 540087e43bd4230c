//! Two sessions of one trader, and a withdrawal beside an order: the first to come wins, the other hears why, and no unit is
//! promised twice.

use contracts::TEST_DOLLAR_ADDRESS;
use serde_json::Value;
use shared::exchange::{AssetUnits, ExchangeOrder, Side};

use super::trader::{DOLLAR, Trader, units_of};
use crate::server::{Answer, TestServer};
use crate::sign_in::Owner;
use crate::worker::key;

const ROUNDS: u128 = 12;

/// Of two answers exactly one was taken; the other's words.
fn loser(answers: [Answer; 2], taken: u16) -> String {
    let [first, second] = &answers;
    let statuses = (first.status, second.status);
    let lost = match (first.status == taken, second.status == taken) {
        (true, false) => second,
        (false, true) => first,
        _ => panic!("not one of both was taken: {statuses:?}"),
    };
    lost.problem(lost.status)["detail"].as_str().unwrap().to_owned()
}

/// What the book promises is what it has.
fn check_sum(account: &Value) {
    let units = |figure| units_of(account, TEST_DOLLAR_ADDRESS, figure);
    assert_eq!(units("free_units") + units("reserved_units"), units("in_contract_units"), "{account}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_of_one_trader_order_and_cancel_at_once_and_no_unit_is_promised_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let trader = Trader::with_dollars(&server, 3, 100).await;
    let sessions = [Owner::sign_in(&server, key(3)).await, Owner::sign_in(&server, key(3)).await];
    for round in 0..ROUNDS {
        // Each session spends all of it, with the next nonce as it knows it.
        let first = trader.order(&server, Side::Buy, 5_000, 200).await;
        let second =
            ExchangeOrder { limit_price: AssetUnits(DOLLAR), amount: AssetUnits(first.amount.0 * 2), ..first.clone() };
        let orders = [first, second].map(|order| trader.sign_order(&order));
        let post = |number: usize| server.post_with("/v1/exchange/orders", &[], &orders[number]);
        let (one, other) = tokio::join!(post(0), post(1));
        let words = loser([one, other], 201);
        assert!(words.contains("nonce: it is above"), "{round}: {words}");
        let account = trader.account(&server).await;
        check_sum(&account);
        assert_eq!(
            (units_of(&account, TEST_DOLLAR_ADDRESS, "free_units"), account["open_orders"].as_u64()),
            (0, Some(1))
        );

        // With nonces of their own, one of both still finds the money spent, or its nonce passed.
        let open = server.get(&format!("/v1/exchange/accounts/{}/orders?state=open", trader.address())).await.json();
        let id = open["items"][0]["id"].as_u64().unwrap();
        let cancel = format!("/v1/exchange/orders/{id}");
        let (one, other) = tokio::join!(
            sessions[0].send(&server, "DELETE", &cancel, None),
            sessions[1].send(&server, "DELETE", &cancel, None)
        );
        assert_eq!(loser([one, other], 200), format!("there is no open order {id}"));
        let account = trader.account(&server).await;
        check_sum(&account);
        assert_eq!(units_of(&account, TEST_DOLLAR_ADDRESS, "free_units"), 100 * DOLLAR);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_and_an_order_for_the_same_money_are_not_both_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let trader = Trader::with_dollars(&server, 3, 100).await;
    let mut withdrawn = 0;
    for round in 0..ROUNDS {
        // All that is left, both times; each has a nonce that counts behind the other's.
        let left = trader.free(&server, TEST_DOLLAR_ADDRESS).await;
        let lots = left / (2 * DOLLAR / 100);
        let order = trader.order(&server, Side::Buy, lots, 200).await;
        let later = ExchangeOrder { nonce: order.nonce + 1, ..order.clone() };
        let order = if round % 2 == 0 { later } else { order };
        let (placed, taken) =
            tokio::join!(trader.post(&server, &order), trader.withdraw(&server, TEST_DOLLAR_ADDRESS, left));
        let is_withdrawn = taken.status == 201;
        let words = loser([placed, taken], 201);
        assert!(words.contains("are needed") || words.contains("nonce: it is above"), "{round}: {words}");
        if is_withdrawn {
            withdrawn += left;
            // It comes back for the next round, once it is paid.
            trader.until(&server, |account| units_of(account, TEST_DOLLAR_ADDRESS, "in_contract_units") == 0).await;
            trader.deposit(&server, TEST_DOLLAR_ADDRESS, left).await;
        } else {
            assert_eq!(trader.free(&server, TEST_DOLLAR_ADDRESS).await, 0);
            let nonce = order.nonce;
            assert_eq!(trader.cancel(&server, nonce, nonce).await.json()["order_ids"].as_array().unwrap().len(), 1);
        }
        check_sum(&trader.account(&server).await);
    }
    // What an open order holds leaves by no withdrawal.
    trader.place(&server, Side::Buy, 4_000, 200).await;
    let refused = trader.withdraw(&server, TEST_DOLLAR_ADDRESS, 21 * DOLLAR).await.problem(422);
    assert!(refused["detail"].as_str().unwrap().contains("20 tUSD are free"), "{refused}");
    let view = server.get("/v1/exchange").await.json();
    assert_eq!((&view["fault"], view["reconciliation"]["differing"].as_u64()), (&Value::Null, Some(0)), "{withdrawn}");
    server.stop().await;
}
