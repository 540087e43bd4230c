//! The attacker: from several addresses of this machine, all at once, until its input ends. Then it tells how often it did
//! what.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shared::capability::Capability;
use shared::job::JobKind;
use shared::signing::PrivateKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{hoard, http, spam, worker};

const CALLERS: usize = 32;
const BATCHERS: usize = 4;
const BATCH: usize = 100;
const READERS: usize = 8;
const HOARDERS: usize = 128;
const REGISTRANTS: usize = 8;
const SPAMMERS: usize = 4;
const FLOODERS: usize = 64;
const FLOODERS_PER_ADDRESS: usize = 16;
const HOLDERS: usize = 256;
const HOLDERS_PER_ADDRESS: usize = 128;
const HALF_OPEN_ADDRESSES: u8 = 4;
const HALF_OPEN_PER_ADDRESS: usize = 250;

/// After a refusal, so that the attacker does not only measure its own sockets.
const PAUSE: Duration = Duration::from_millis(5);

/// Counts what was answered, refused or broken off.
#[derive(Default)]
struct Count {
    answered: AtomicU64,
    refused: AtomicU64,
}

impl Count {
    fn add(&self, was_answered: bool) {
        let counter = if was_answered { &self.answered } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn told(&self) -> Value {
        json!({"answered": self.answered.load(Ordering::Relaxed), "refused": self.refused.load(Ordering::Relaxed)})
    }
}

pub(crate) async fn run(server: SocketAddr) {
    let [calls, batches, reads, registrations, spams, half_open, hoards, pages, holds]: [Arc<Count>; 9] =
        Default::default();
    for number in 0..CALLERS {
        tokio::spawn(repeat(address_of(1, number), server, heavy_call(number).to_string(), Arc::clone(&calls)));
    }
    for number in 0..BATCHERS {
        let batch = Value::Array((0..BATCH).map(|_| heavy_call(number)).collect());
        tokio::spawn(repeat(address_of(2, number), server, batch.to_string(), Arc::clone(&batches)));
    }
    for number in 0..READERS {
        tokio::spawn(repeat(address_of(3, number), server, large_read(number).to_string(), Arc::clone(&reads)));
    }
    for number in 0..HOARDERS {
        let count = Arc::clone(&hoards);
        tokio::spawn(async move {
            loop {
                count.add(hoard::ask_and_read_nothing(address_of(4, number / 32), server).await);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
    }
    for number in 0..FLOODERS {
        tokio::spawn(flood(address_of(6, number / FLOODERS_PER_ADDRESS), server, number, Arc::clone(&pages)));
    }
    for number in 0..HOLDERS {
        tokio::spawn(hold_answers(address_of(7, number / HOLDERS_PER_ADDRESS), server, Arc::clone(&holds)));
    }
    for _ in 0..REGISTRANTS {
        tokio::spawn(register(server, Arc::clone(&registrations)));
    }
    for _ in 0..SPAMMERS {
        let count = Arc::clone(&spams);
        tokio::spawn(async move {
            let mut spammer = spam::Spammer::start(address(5), server).await;
            loop {
                let taken = spammer.send_one().await;
                count.add(taken);
                if !taken {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
    }
    for number in 0..HALF_OPEN_ADDRESSES {
        for _ in 0..HALF_OPEN_PER_ADDRESS {
            tokio::spawn(hold_half_a_head(address(10 + number), server, Arc::clone(&half_open)));
        }
    }
    let _ = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await;
    println!(
        "{}",
        json!({
            "calls": calls.told(), "batches": batches.told(), "reads": reads.told(),
            "registrations": registrations.told(), "spam": spams.told(), "half_open": half_open.told(),
            "hoards": hoards.told(), "pages": pages.told(), "holds": holds.told(),
        })
    );
    std::process::exit(0);
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))
}

/// Each has an address of its own, since the server counts by address.
fn address_of(network: u8, number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, network, u8::try_from(number + 1).unwrap()))
}

/// Runs until its gas is used up.
fn heavy_call(number: usize) -> Value {
    let to = "0x00000000000000000000000000000000000000aa";
    let method = if number.is_multiple_of(2) { "eth_call" } else { "eth_estimateGas" };
    let call = json!([{ "to": to, "gas": "0x1c9c380" }, "latest", { to: { "code": "0x5b5f56" } }]);
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": call})
}

/// As much as the node gives.
fn large_read(number: usize) -> Value {
    let (method, params) = match number % 4 {
        0 => ("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "latest" }])),
        1 => ("txpool_content", json!([])),
        2 => ("eth_getBlockReceipts", json!(["latest"])),
        _ => ("eth_getBlockByNumber", json!(["latest", true])),
    };
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

async fn repeat(from: IpAddr, server: SocketAddr, body: String, count: Arc<Count>) {
    loop {
        let answer = http::send(from, server, "POST", "/rpc", body.as_bytes()).await;
        let was_answered = matches!(&answer, Ok(answer) if answer.status == 200);
        count.add(was_answered);
        if !was_answered {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Pages and lists, one after the other, as fast as they come.
async fn flood(from: IpAddr, server: SocketAddr, number: usize, count: Arc<Count>) {
    let path = ["/explorer", "/v1/miners?limit=100", "/", "/v1/receipts?limit=100"][number % 4];
    loop {
        let answer = http::send(from, server, "GET", path, b"").await;
        let was_answered = matches!(&answer, Ok(answer) if answer.status == 200);
        count.add(was_answered);
        if !was_answered {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Asks for the largest document again and again over one connection, and reads its first bytes alone.
async fn hold_answers(from: IpAddr, server: SocketAddr, count: Arc<Count>) {
    let asked = "GET /openapi.json HTTP/1.1\r\nhost: hold\r\naccept-encoding: gzip\r\n\r\n".repeat(100);
    loop {
        if let Ok(mut stream) = http::connect(from, server).await
            && stream.write_all(asked.as_bytes()).await.is_ok()
        {
            let mut begin = [0; 12];
            let was_answered = stream.read_exact(&mut begin).await.is_ok() && &begin == b"HTTP/1.1 200";
            count.add(was_answered);
            // Longer than the server waits for a reader.
            tokio::time::sleep(Duration::from_secs(40)).await;
        } else {
            count.add(false);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A miner with a fresh key and a model that nobody asks for; it leaves when it is welcome.
async fn register(server: SocketAddr, count: Arc<Count>) {
    loop {
        let key = PrivateKey::from_bytes(&server::clock::random_bytes::<32>()).unwrap();
        let mut capability: Capability = worker::capability(1);
        capability.offers.retain(|offer| offer.kind == JobKind::Embedding);
        for offer in &mut capability.offers {
            offer.model = format!("junk-{}", key.address()).as_str().into();
            offer.suggestions = vec!["x".repeat(64); 8];
        }
        let asked = tokio::spawn(worker::TestWorker::ask(server, key, capability, vec![]));
        count.add(asked.await.is_ok());
    }
}

async fn hold_half_a_head(from: IpAddr, server: SocketAddr, count: Arc<Count>) {
    loop {
        if let Ok(mut stream) = http::connect(from, server).await
            && stream.write_all(b"GET / HTTP/1.1\r\nhost: half").await.is_ok()
        {
            count.add(true);
            let _ = stream.read(&mut [0; 64]).await;
        } else {
            count.add(false);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
