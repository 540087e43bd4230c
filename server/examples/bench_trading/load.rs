//! Orders as fast as the server answers them, each on the disk before its answer. Half of them wait in the book, half take what
//! is there, which is nothing; all of it is cancelled now and then, within what one trader may have open.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use shared::exchange::{Side, TimeInForce};

use crate::client::{Client, post};
use crate::percentile;
use crate::trader::Trader;

/// Measured orders.
pub(crate) const ORDERS: usize = 40_000;

/// Orders of each trader before that.
const WARM_UP_EACH: usize = 20;

/// Connections at once, each of a trader of its own.
const CONNECTIONS: usize = 40;

/// Orders of a trader after which it cancels all that wait.
const CANCELLED_AFTER: usize = 200;

pub(crate) struct Load {
    /// In milliseconds, sorted.
    times: Vec<f64>,
    elapsed: Duration,
}

impl std::fmt::Display for Load {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99, most] = [50, 99, 100].map(|percent| self.percentile_ms(percent));
        write!(
            out,
            "{} in {:.1} s, p50 {p50:.1}, p99 {p99:.1}, at most {most:.1} ms",
            self.times.len(),
            self.elapsed.as_secs_f64()
        )
    }
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn percentile_ms(&self, percent: usize) -> f64 {
        percentile(&self.times, percent)
    }
}

/// A request, and whether it is a measured order.
type Requests = Vec<(Vec<u8>, u16, bool)>;

pub(crate) async fn measure(server: SocketAddr, traders: &[Trader], orders: usize) -> Load {
    let traders = &traders[..CONNECTIONS];
    let signed = |each: usize| traders.iter().map(|trader| requests(server, trader, each)).collect::<Vec<_>>();
    send_all(server, traders, signed(WARM_UP_EACH)).await;
    let signed = signed(orders.div_ceil(CONNECTIONS));
    let began = Instant::now();
    let mut times = send_all(server, traders, signed).await;
    let elapsed = began.elapsed();
    times.sort_by(f64::total_cmp);
    Load { times, elapsed }
}

fn requests(server: SocketAddr, trader: &Trader, orders: usize) -> Requests {
    let mut requests = Vec::with_capacity(orders + orders / CANCELLED_AFTER + 1);
    for number in 1..=orders {
        let time_in_force = if number % 2 == 0 { TimeInForce::GoodTilTime } else { TimeInForce::ImmediateOrCancel };
        // 200 prices below a dollar.
        let order = trader.order(Side::Buy, 2, 800_000 + 1_000 * (number as u128 % 200), time_in_force);
        requests.push((post(server, "/v1/exchange/orders", &order), 201, true));
        if number % CANCELLED_AFTER == 0 || number == orders {
            requests.push((post(server, "/v1/exchange/cancels", &trader.cancel_all()), 200, false));
        }
    }
    requests
}

/// Each trader one after the other on a connection of its own. The times of measured orders in milliseconds.
async fn send_all(server: SocketAddr, traders: &[Trader], requests: Vec<Requests>) -> Vec<f64> {
    let mut senders = tokio::task::JoinSet::new();
    for (trader, requests) in traders.iter().zip(requests) {
        let from = trader.from;
        senders.spawn(async move {
            let mut client = Client::open(from, server).await;
            let mut times = Vec::with_capacity(requests.len());
            for (request, status, is_measured) in requests {
                let sent = Instant::now();
                client.send(&request, status).await;
                if is_measured {
                    times.push(sent.elapsed().as_secs_f64() * 1_000.0);
                }
            }
            times
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}
