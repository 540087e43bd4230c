//! Trades from the first match to the block that makes the last one final, and the gas of full batches. Four traders sell to
//! four others, and then buy as much.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use contracts::MAX_BATCH_FILLS;
use serde_json::json;
use shared::exchange::{Side, TimeInForce};

use crate::client::{Client, post};
use crate::http;
use crate::trader::{OWN, TWO_SIDED, Trader, rpc};

/// Trades. A trader may have 200 open orders.
const TRADES: usize = 1_280;

/// Units of the test dollar for one AIT.
const PRICE: u128 = 2_000_000;

/// Trades that one answer lists.
const LISTED_MAX: usize = 100;

const POLL: Duration = Duration::from_millis(5);

pub(crate) struct Settled {
    elapsed: Duration,
    /// Gas of each full batch.
    full_batches: Vec<u64>,
    batches: usize,
}

impl std::fmt::Display for Settled {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (batches, full) = (self.batches, self.full_batches.len());
        write!(out, "{TRADES} trades in {:.2} s, {batches} batches, {full} of them full", self.elapsed.as_secs_f64())
    }
}

impl Settled {
    pub(crate) fn per_second(&self) -> f64 {
        TRADES as f64 / self.elapsed.as_secs_f64()
    }

    /// Of the dearest full batch.
    pub(crate) fn gas_per_fill(&self) -> f64 {
        let most = self.full_batches.iter().max().expect("one batch is full");
        *most as f64 / MAX_BATCH_FILLS as f64
    }
}

pub(crate) async fn measure(server: SocketAddr, traders: &[Trader]) -> Settled {
    let before = last_settled(server).await;
    let (one, other) = traders.split_at(traders.len() / 2);
    let mut took = Duration::ZERO;
    for (makers, takers, wanted) in [(one, other, TRADES / 2), (other, one, TRADES)] {
        place(server, makers, Side::Sell, TimeInForce::GoodTilTime).await;
        let began = Instant::now();
        place(server, takers, Side::Buy, TimeInForce::ImmediateOrCancel).await;
        while last_settled(server).await < before + wanted as u64 {
            tokio::time::sleep(POLL).await;
        }
        took += began.elapsed();
    }
    let batches = gas_of_batches(server, traders).await;
    let full = batches.values().filter(|(trades, _)| *trades == MAX_BATCH_FILLS).map(|(_, gas)| *gas).collect();
    Settled { elapsed: took, full_batches: full, batches: batches.len() }
}

/// Orders of one lot by each of these traders, all at once and each trader's in turn.
async fn place(server: SocketAddr, traders: &[Trader], side: Side, time_in_force: TimeInForce) {
    let each = TRADES / usize::from(TWO_SIDED);
    let placed = traders.iter().map(|trader| async move {
        let mut client = Client::open(trader.from, server).await;
        for _ in 0..each {
            let order = trader.order(side, 1, PRICE, time_in_force);
            client.send(&post(server, "/v1/exchange/orders", &order), 201).await;
        }
    });
    futures::future::join_all(placed).await;
}

async fn last_settled(server: SocketAddr) -> u64 {
    let view = http::send(OWN, server, "GET", "/v1/exchange", b"").await.unwrap().json();
    view["markets"][0]["last_settled_trade"].as_u64().unwrap()
}

/// Trades and gas of each transaction that settled some.
async fn gas_of_batches(server: SocketAddr, traders: &[Trader]) -> BTreeMap<String, (usize, u64)> {
    let mut trades = BTreeMap::<u64, String>::new();
    for trader in traders {
        let mut client = Client::open(trader.from, server).await;
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/exchange/accounts/{}/fills?limit={LISTED_MAX}{cursor}", trader.address());
            let page = client.get(&path).await;
            for fill in page["items"].as_array().unwrap() {
                let hash = fill["settled_in"]["transaction_hash"].as_str().expect("a trade is final");
                trades.insert(fill["trade"].as_u64().unwrap(), hash.to_owned());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
    let mut batches = BTreeMap::<String, (usize, u64)>::new();
    for hash in trades.into_values() {
        batches.entry(hash).or_default().0 += 1;
    }
    for (hash, (_, gas)) in &mut batches {
        let receipt = rpc(OWN, server, "eth_getTransactionReceipt", &json!([hash])).await;
        let used = receipt["result"]["gasUsed"].as_str().unwrap().trim_start_matches("0x");
        *gas = u64::from_str_radix(used, 16).unwrap();
    }
    batches
}
