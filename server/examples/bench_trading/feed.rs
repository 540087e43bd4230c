//! A thousand readers of one market while a thousand orders a second change it. Each order has a price of its own, so that the
//! message that tells of it is known. A time is from the moment at which an order is sent until a reader has the message.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::Value;
use shared::exchange::{Side, TimeInForce};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, post};
use crate::trader::Trader;
use crate::{http, percentile};

const READERS: usize = 1_000;

/// Of one network address.
const READERS_EACH: usize = 25;

const UPDATES_PER_SECOND: usize = 1_000;
const SECONDS: usize = 6;

/// Updates before the measurement: readers and server have found their pace then.
const WARM_UP: usize = 1_000;

/// The lowest price and the step between prices, in units of the test dollar for one AIT.
const FIRST_PRICE: u128 = 500_000;
const PRICE_STEP: u128 = 100;

pub(crate) struct Feed {
    /// In milliseconds, sorted.
    times: Vec<f64>,
    messages: usize,
    late: Duration,
}

impl std::fmt::Display for Feed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99, most] = [50, 99, 100].map(|percent| self.percentile_ms(percent));
        let late = self.late.as_secs_f64() * 1_000.0;
        write!(
            out,
            "{} messages to each reader, p50 {p50:.1}, p99 {p99:.1}, at most {most:.1} ms; orders were sent up to {late:.1} ms late",
            self.messages
        )
    }
}

impl Feed {
    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        percentile(&self.times, percent)
    }
}

pub(crate) async fn measure(server: SocketAddr, traders: &[Trader]) -> Feed {
    let orders = WARM_UP + UPDATES_PER_SECOND * SECONDS;
    // Orders on other connections may overtake the last one, so one more is sent when all are there.
    let last_price = price_of(orders);
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..READERS {
        let address = Ipv4Addr::new(127, 0, 3, (number / READERS_EACH + 1) as u8);
        let socket = follow(address.into(), server).await;
        let last = format!("\"{last_price}\"");
        readers.spawn(async move { read(socket, number == 0, &last).await });
    }
    let (sent, late) = send(server, traders, orders).await;
    let end = traders[0].order(Side::Buy, 2, last_price, TimeInForce::GoodTilTime);
    Client::open(traders[0].from, server).await.send(&post(server, "/v1/exchange/orders", &end), 201).await;
    let mut arrivals = HashMap::<u64, Vec<Instant>>::new();
    let mut told = Vec::new();
    while let Some(reader) = readers.join_next().await {
        let Read { messages, texts } = reader.unwrap();
        for (sequence, at) in messages {
            arrivals.entry(sequence).or_default().push(at);
        }
        told.extend(texts);
    }
    let mut times = Vec::new();
    for text in &told {
        let message: Value = serde_json::from_str(text).unwrap();
        let Some(sequence) = message["sequence"].as_u64() else { continue };
        let reached = &arrivals[&sequence];
        assert_eq!(reached.len(), READERS, "a reader missed a message");
        for level in message["bids"].as_array().unwrap() {
            let price: u128 = level["limit_price"].as_str().unwrap().parse().unwrap();
            let order = ((price - FIRST_PRICE) / PRICE_STEP) as usize;
            if (WARM_UP..orders).contains(&order) {
                times.extend(reached.iter().map(|at| at.duration_since(sent[order]).as_secs_f64() * 1_000.0));
            }
        }
    }
    assert_eq!(times.len(), UPDATES_PER_SECOND * SECONDS * READERS, "an update is missing");
    times.sort_by(f64::total_cmp);
    Feed { times, messages: told.len(), late }
}

fn price_of(order: usize) -> u128 {
    FIRST_PRICE + PRICE_STEP * order as u128
}

/// Opens a reader and takes its first message.
async fn follow(from: IpAddr, server: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = http::connect(from, server).await.unwrap();
    let url = format!("ws://{server}/ws/exchange/AIT-tUSD");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let snapshot = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(snapshot.starts_with(r#"{"type":"snapshot""#), "{snapshot}");
    socket
}

struct Read {
    /// Sequences of deltas, and when they came.
    messages: Vec<(u64, Instant)>,
    /// The messages themselves, of one reader.
    texts: Vec<String>,
}

/// Reads until a message tells of the last price.
async fn read(mut socket: WebSocketStream<TcpStream>, keeps_texts: bool, last: &str) -> Read {
    let mut read = Read { messages: Vec::new(), texts: Vec::new() };
    loop {
        let message = socket.next().await.expect("the feed goes on").unwrap();
        let at = Instant::now();
        let Message::Text(text) = message else { continue };
        read.messages.push((sequence_of(&text), at));
        let is_last = text.contains(last);
        if keeps_texts {
            read.texts.push(text.to_string());
        }
        if is_last {
            return read;
        }
    }
}

/// The number that a delta has, without reading all of it.
fn sequence_of(text: &str) -> u64 {
    let (_, rest) = text.split_once(r#""sequence":"#).unwrap_or_else(|| panic!("no delta: {text}"));
    let digits = rest.split(|character: char| !character.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}

/// Sends one order after the other at its time, each trader's on a connection of its own. When each was sent, and how much later
/// than it should have been at most.
async fn send(server: SocketAddr, traders: &[Trader], orders: usize) -> (Vec<Instant>, Duration) {
    let mut of_traders: Vec<Vec<(usize, Vec<u8>)>> = vec![Vec::new(); traders.len()];
    for number in 0..orders {
        let place = number % traders.len();
        let order = traders[place].order(Side::Buy, 2, price_of(number), TimeInForce::GoodTilTime);
        of_traders[place].push((number, post(server, "/v1/exchange/orders", &order)));
    }
    let began = Instant::now() + Duration::from_millis(200);
    let due = Arc::new(move |number: usize| began + Duration::from_secs(1) * number as u32 / UPDATES_PER_SECOND as u32);
    let mut senders = tokio::task::JoinSet::new();
    for (trader, requests) in traders.iter().zip(of_traders) {
        let (from, due) = (trader.from, Arc::clone(&due));
        senders.spawn(async move {
            let mut client = Client::open(from, server).await;
            let mut sent = Vec::with_capacity(requests.len());
            for (number, request) in requests {
                tokio::time::sleep_until(due(number).into()).await;
                sent.push((number, Instant::now()));
                client.send(&request, 201).await;
            }
            sent
        });
    }
    let mut sent: Vec<(usize, Instant)> = senders.join_all().await.into_iter().flatten().collect();
    sent.sort_by_key(|(number, _)| *number);
    let late = sent.iter().map(|(number, at)| at.duration_since(due(*number))).max().unwrap_or_default();
    (sent.into_iter().map(|(_, at)| at).collect(), late)
}
