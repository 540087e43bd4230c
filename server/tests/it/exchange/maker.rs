//! `aitbc exchange make` from outside: it deposits what its wallet has, quotes both sides, follows a trade, and leaves nothing
//! behind. Then the same wallet orders, reduces and cancels by hand.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shared::exchange::Side;

use super::trader::{MARKET, Trader};
use crate::command_line::{aitbc, json};
use crate::payments::buyer::Buyer;
use crate::server::TestServer;
use crate::worker::key;

/// A file that only its owner reads.
pub(super) fn private(place: &Path, name: &str, text: &str) -> PathBuf {
    let path = place.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// A market maker that runs, and what it says.
struct Running {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aitbc"));
        let mut child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said }
    }

    /// Reads on until a line has `part`.
    async fn says(mut self, part: &'static str) -> Self {
        let read = move || {
            let mut all = String::new();
            loop {
                let mut line = String::new();
                assert_ne!(self.said.read_line(&mut line).unwrap(), 0, "it ended before it said {part}:\n{all}");
                if line.contains(part) {
                    return self;
                }
                all.push_str(&line);
            }
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    fn interrupt(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }

    async fn ended(mut self) -> bool {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().success()).await.unwrap()
    }
}

async fn book(server: &TestServer) -> (Vec<String>, Vec<String>) {
    let book = server.get(&format!("/v1/exchange/{MARKET}/book")).await.json();
    let prices = |side: &str| {
        let levels: &Vec<Value> = book[side].as_array().unwrap();
        levels.iter().map(|level| level["price"].as_str().unwrap().to_owned()).collect()
    };
    (prices("bids"), prices("asks"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_market_maker_quotes_both_sides_follows_a_trade_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("server")).await;
    let url = format!("http://{}", server.address);
    Buyer::with_earnings(&server, 2).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;
    let seller = Trader::with_ait(&server, 4, 1).await;
    let secret = private(place.path(), "secret", &hex::encode(key(2).to_bytes()));
    let password = private(place.path(), "password", "correct horse");
    let wallets = place.path().join("wallets");
    let [secret, password, wallets] = [&secret, &password, &wallets].map(|path| path.to_str().unwrap());
    let unlocked = ["--folder", wallets, "--password-file", password];
    json(&aitbc(&[&["wallet", "import", "maker", "--file", secret, "--json"][..], &unlocked].concat()).await);
    let signing = [&unlocked[..], &["--url", &url, "--yes"]].concat();

    let make =
        [&["exchange", "make", "maker", MARKET, "--amount", "0.05", "--levels", "2", "--every", "1"][..], &signing];
    let maker = Running::start(&make.concat()).says("deposited").await.says("deposited").await;
    let maker = maker.says("4 orders around 0.25 tUSD").await;
    let quoted = |prices: [&str; 2]| prices.map(str::to_owned).to_vec();
    // Half of 2 % away from the price, and 1 % further.
    assert_eq!(book(&server).await, (quoted(["0.2475", "0.245"]), quoted(["0.2525", "0.255"])));
    let taken = buyer.place(&server, Side::Buy, 5, 26).await;
    assert_eq!(
        (taken["order"]["state"].as_str(), taken["fills"][0]["price"].as_str()),
        (Some("filled"), Some("0.2525"))
    );
    let maker = maker.says("4 orders around 0.2525 tUSD").await;
    let around = (quoted(["0.2499", "0.2474"]), quoted(["0.2551", "0.2576"]));
    assert_eq!(book(&server).await, around);
    // Both of its sell orders, and then a fifth of one of them at a price far away: that moves it by a fifth of 1 %.
    seller.place(&server, Side::Sell, 1, 500).await;
    let taken = buyer.place(&server, Side::Buy, 11, 500).await;
    assert_eq!(taken["fills"][2]["price"], "5");
    let maker = maker.says("4 orders around 0.25809 tUSD").await;
    maker.interrupt();
    assert!(maker.says("4 orders left the book").await.ended().await);
    assert_eq!(book(&server).await, (vec![], vec![]));

    // By hand: what waits for a price, smaller, and everything cancelled.
    let order = |more: &[&str]| {
        let words = ["exchange", "order", "maker", MARKET, "sell", "0.1", "0.2", "--json"];
        [&words[..], more, &signing].concat().iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };
    let run = async |words: Vec<String>| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        aitbc(&words).await
    };
    let placed = json(&run(order(&["--kind", "ioc", "--when-below", "0.22"])).await);
    assert_eq!(placed["order"]["trigger"]["price"], "0.22");
    let reached = run(order(&["--when-above", "0.22"])).await;
    let told = String::from_utf8_lossy(&reached.stderr);
    assert!(!reached.status.success() && told.contains("when      the first trade at 0.22 tUSD or above"), "{told}");
    assert!(told.contains("a trade was at 5"), "{told}");
    let id = placed["order"]["id"].to_string();
    let reduce = [&["exchange", "reduce", "maker", &id, "0.06", "--json"][..], &signing].concat();
    assert_eq!(json(&aitbc(&reduce).await)["amount"], "0.06");
    let list = ["exchange", "orders", "maker", "--folder", wallets, "--url", &url];
    let listed = String::from_utf8(aitbc(&list).await.stdout).unwrap();
    assert!(listed.contains("waits for 0.22 or below") && listed.contains("0.06"), "{listed}");
    let cancel = [&["exchange", "cancel", "maker", "--all", "--json"][..], &signing].concat();
    assert_eq!(json(&aitbc(&cancel).await)["order_ids"][0].to_string(), id);
    server.stop().await;
}
