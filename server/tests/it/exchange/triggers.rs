//! Orders that wait for a trade: through a restart, within what was signed, and as the book alone computes it.

use exchange::{
    AccountId, AssetId, BasisPoints, Command, Event, Exchange, HashKey, Lots, MarketId, MarketRules, OrderId, Units,
    UnixMs,
};
use serde_json::Value;
use shared::exchange::{AssetUnits, ExchangeOrder, Side, TimeInForce, Trigger};
use trading::{Intake, Market};

use super::trader::{DOLLAR, LOT, MARKET, Trader};
use crate::server::TestServer;

async fn order_of(server: &TestServer, placed: &Value) -> Value {
    server.get(&format!("/v1/exchange/orders/{}", placed["order"]["id"])).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_order_waits_through_a_restart_and_trades_within_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    buyer.place(&server, Side::Buy, 10, 200).await;
    seller.place(&server, Side::Sell, 10, 200).await;

    // The last trade is at 2 dollars: a trigger there would not wait.
    for (trigger, cents) in [(Trigger::AtOrBelow, 200), (Trigger::AtOrAbove, 200), (Trigger::AtOrAbove, 150)] {
        let order = seller.waiting(&server, (Side::Sell, 20, 170), (trigger, cents)).await;
        let refused = seller.post(&server, &order).await.problem(422);
        assert_eq!(refused["errors"][0]["field"], "signed.trigger_price", "{refused}");
        assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("a trade was at 2,"), "{refused}");
    }
    let mut stop = seller.waiting(&server, (Side::Sell, 20, 170), (Trigger::AtOrBelow, 180)).await;
    stop.time_in_force = TimeInForce::ImmediateOrCancel;
    // What is shown is not what was signed.
    let mut altered = seller.sign_order(&stop);
    altered["signed"]["trigger_price"] = "1900000".into();
    server.post("/v1/exchange/orders", &altered).await.problem(403);
    let placed = seller.post(&server, &stop).await;
    assert_eq!(placed.status, 201, "{}", String::from_utf8_lossy(&placed.body));
    let placed = placed.json();
    assert_eq!((placed["order"]["state"].as_str(), placed["fills"].as_array().map(Vec::len)), (Some("open"), Some(0)));
    assert_eq!(placed["order"]["trigger"]["direction"], "AT_OR_BELOW");
    assert_eq!(placed["order"]["trigger"]["price"], "1.8");
    let asks = async |server: &TestServer| {
        server.get(&format!("/v1/exchange/{MARKET}/book")).await.json()["asks"].as_array().unwrap().len()
    };
    assert_eq!(asks(&server).await, 0, "it waits outside the book");
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    assert_eq!(asks(&server).await, 0, "nor does a restart put it there");
    assert_eq!(order_of(&server, &placed).await["order"], placed["order"]);
    buyer.place(&server, Side::Buy, 5, 180).await;
    buyer.place(&server, Side::Buy, 8, 175).await;
    buyer.place(&server, Side::Buy, 50, 160).await;
    seller.place(&server, Side::Sell, 5, 180).await;
    let ended = order_of(&server, &placed).await;
    // It took what was there down to its limit of 1.70 dollars, and not the order at 1.60.
    assert_eq!(
        (ended["order"]["state"].as_str(), ended["order"]["filled"].as_str()),
        (Some("cancelled"), Some("0.08"))
    );
    assert!(ended["order"]["trigger"]["reached_at_unix_ms"].is_u64(), "{ended}");
    assert_eq!(ended["fills"][0]["price"], "1.75");
    seller.settled(&server).await;
    assert_eq!(order_of(&server, &placed).await["fills"][0]["state"], "final");
    let file = server.get(&format!("/api/exchange/csv/orders?account={}", seller.address())).await;
    let text = String::from_utf8(file.body.clone()).unwrap();
    assert!(text.contains(",sell,IOC,1.7,0.2,0.08,AT_OR_BELOW,1.8,2"), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_that_reaches_more_orders_than_one_command_triggers_reaches_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    let mut waiting = Vec::new();
    for _ in 0..exchange::limits::TRIGGERS_PER_COMMAND_MAX + 9 {
        let mut stop = seller.waiting(&server, (Side::Sell, 1, 170), (Trigger::AtOrBelow, 180)).await;
        stop.time_in_force = TimeInForce::ImmediateOrCancel;
        let placed = seller.post(&server, &stop).await;
        assert_eq!(placed.status, 201, "{}", String::from_utf8_lossy(&placed.body));
        waiting.push(placed.json());
    }
    buyer.place(&server, Side::Buy, 5, 180).await;
    buyer.place(&server, Side::Buy, 90, 175).await;
    seller.place(&server, Side::Sell, 5, 180).await;
    seller.until(&server, |account| account["open_orders"] == 0).await;
    let mut last = 1;
    for placed in &waiting {
        let ended = order_of(&server, placed).await;
        assert_eq!(
            (ended["order"]["state"].as_str(), ended["fills"][0]["price"].as_str()),
            (Some("filled"), Some("1.75"))
        );
        let trade = ended["fills"][0]["trade"].as_u64().unwrap();
        assert_eq!(trade, last + 1, "who waited first trades first");
        last = trade;
    }
    server.stop().await;
    // The journal leads to the same orders and prices, or the exchange would not start.
    let server = TestServer::start(folder.path()).await;
    assert_eq!(server.get("/v1/exchange").await.json()["fault"], Value::Null);
    let bids = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json()["bids"].clone();
    assert_eq!(bids[0]["amount"], "0.49");
    server.stop().await;
}

/// The book alone, with the same deposits.
fn book_alone(rules: MarketRules) -> Exchange {
    let mut book = Exchange::new(HashKey([1, 2]));
    let mut events = Vec::new();
    let deposit = |account, asset, amount| Command::Deposit { account, asset, amount: Units(amount) };
    let commands = [
        Command::OpenMarket(rules),
        deposit(AccountId(0), AssetId(0), 100 * LOT),
        deposit(AccountId(1), AssetId(1), 1_000 * DOLLAR),
    ];
    commands.iter().for_each(|command| book.apply(command, UnixMs(0), &mut events));
    assert!(!events.iter().any(|event| matches!(event, Event::Rejected { .. })), "{events:?}");
    book
}

fn market(order: &ExchangeOrder) -> Market {
    let rules = MarketRules {
        base: AssetId(0),
        quote: AssetId(1),
        base_units_per_lot: u64::try_from(LOT).unwrap(),
        quote_units_per_tick: 1,
        maker_fee: BasisPoints(10),
        taker_fee: BasisPoints(20),
        order_lots_max: Lots(1_000_000_000),
        notional_min: Units(10_000),
        orders_max: 1_000,
    };
    Market { number: 0, base: order.base, quote: order.quote, rules }
}

const SEED_VARIABLE: &str = "AITBC_TRIGGER_SEED";
const ORDERS: u64 = 60;

/// A random order around 2 dollars, every third one with a trigger.
fn random_order(random: &mut u64, plain: ExchangeOrder) -> ExchangeOrder {
    let mut draw = |below: u64| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) % below
    };
    let price = |step: u64| AssetUnits(u128::from(196 + step) * DOLLAR / 100);
    let side = if draw(2) == 0 { Side::Buy } else { Side::Sell };
    let amount = AssetUnits(u128::from(1 + draw(9)) * LOT);
    let limit_price = price(draw(9));
    let time_in_force =
        [TimeInForce::GoodTilTime, TimeInForce::GoodTilTime, TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill];
    let time_in_force = time_in_force[usize::try_from(draw(4)).unwrap()];
    let (trigger, trigger_price) = match draw(6) {
        0 => (Trigger::AtOrAbove, price(draw(9))),
        1 => (Trigger::AtOrBelow, price(draw(9))),
        _ => (Trigger::None, AssetUnits(0)),
    };
    ExchangeOrder { side, amount, limit_price, time_in_force, trigger, trigger_price, ..plain }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_says_of_orders_is_what_the_book_alone_computes() {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok());
    let mut random: u64 = given.unwrap_or_else(|| server::clock::now().0);
    println!("{SEED_VARIABLE}={random}");
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let traders = [Trader::with_ait(&server, 2, 100).await, Trader::with_dollars(&server, 3, 1_000).await];
    let plain = [0, 1].map(|number| &traders[number]);
    let plain = [plain[0].order(&server, Side::Buy, 1, 200).await, plain[1].order(&server, Side::Buy, 1, 200).await];
    let market = market(&plain[0]);
    let mut book = book_alone(market.rules);
    let (mut taken, mut seen) = (Vec::new(), Vec::new());
    for nonce in 1..=ORDERS {
        let number = usize::try_from(nonce % 2).unwrap();
        let order = random_order(&mut random, ExchangeOrder { nonce, ..plain[number].clone() });
        let answer = traders[number].post(&server, &order).await;
        let intake = Intake {
            market: &market,
            chain_id: order.chain_id,
            contract: order.contract,
            newest_epoch: 0,
            now: server::clock::now().seconds(),
        };
        let id = OrderId(book.last_order().0 + 1);
        let new = intake.new_order(&order, id, AccountId(u32::try_from(number).unwrap())).unwrap();
        let mut events = Vec::new();
        let mut after = book.clone();
        after.apply(&Command::Place { market: MarketId(0), order: new }, UnixMs(server::clock::now().0), &mut events);
        let is_taken = !events.iter().any(|event| matches!(event, Event::Rejected { .. }));
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status == 201, is_taken, "{order:?}: {said} against {events:?}");
        if is_taken {
            assert_eq!(answer.json()["order"]["id"], id.0);
            taken.push(id);
            seen.extend(events);
            book = after;
        }
    }
    assert!(seen.iter().any(|event| matches!(event, Event::Filled(_))), "nothing traded");
    for id in taken {
        let order = server.get(&format!("/v1/exchange/orders/{id}")).await.json()["order"].clone();
        let filled: u64 = seen.iter().filter_map(|event| lots_of(event, id)).sum();
        assert_eq!(order["filled_units"], (u128::from(filled) * LOT).to_string(), "{order}");
        assert_eq!(order["state"] == "open", book.open_lots(MarketId(0), id).is_some(), "{order}");
        let was_triggered = seen.contains(&Event::Triggered { order: id });
        assert_eq!(order["trigger"]["reached_at_unix_ms"].is_u64(), was_triggered, "{order}");
    }
    let view = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
    for (name, side) in [("bids", exchange::Side::Buy), ("asks", exchange::Side::Sell)] {
        let said: Vec<String> =
            view[name].as_array().unwrap().iter().map(|level| text_of(&level["amount_units"])).collect();
        let computed = book.depth(MarketId(0), side).map(|(_, lots)| (u128::from(lots.0) * LOT).to_string());
        assert_eq!(said, computed.collect::<Vec<_>>(), "{name}");
    }
    server.stop().await;
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What a fill gave an order.
fn lots_of(event: &Event, id: OrderId) -> Option<u64> {
    let Event::Filled(fill) = event else { return None };
    (fill.maker == id || fill.taker == id).then_some(fill.lots.0)
}
