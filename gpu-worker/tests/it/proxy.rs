//! A proxy on the way to the hub: session and results take the same way, or both go directly.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::hub_double::{HubDouble, assignment};
use crate::miner::Miner;
use crate::session::{check_result, expect_drawn};
use crate::support::PROGRAM;

/// A name that only the proxy knows.
const HUB_NAME: &str = "hub.invalid";

/// Passes whatever it is asked for on to `hub`, and remembers what that was.
struct ProxyDouble {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ProxyDouble {
    async fn start(hub: &HubDouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (hub, requests) = (hub.url.trim_start_matches("http://").to_owned(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass(stream, hub.clone(), requests.clone()));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn pass(mut stream: TcpStream, hub: String, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().to_owned();
    let is_connect = line.starts_with("CONNECT ");
    asked.lock().unwrap().push(line);
    if !is_connect {
        let _ = stream.write_all(b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n").await;
        return;
    }
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let mut inside = TcpStream::connect(hub).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut inside).await;
}

fn start(miner: &Miner, more: &[&str], proxy: &str) -> Child {
    let mut start = Command::new(PROGRAM);
    start.arg("--data").arg(miner.data.path()).arg("start").args(more).env("HTTP_PROXY", proxy);
    start.env("RUST_LOG", "info").stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

async fn serves_one_job(hub: &mut HubDouble) {
    let (mut session, registration) = hub.worker().await;
    let job = assignment(31, 1);
    session.assign(&job).await;
    expect_drawn(&mut session, &job, 1).await;
    check_result(&job, &hub.result().await.1, registration.address);
}

#[tokio::test]
async fn a_hub_on_this_machine_is_reached_without_the_proxy_by_session_and_results() {
    let mut hub = HubDouble::start().await;
    let (miner, proxy) = (Miner::new(&hub), ProxyDouble::start(&hub).await);
    let worker = start(&miner, &[], &proxy.url);
    serves_one_job(&mut hub).await;
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
    drop(worker);
}

#[tokio::test]
async fn a_hub_that_only_the_proxy_knows_is_reached_through_it_by_session_and_results() {
    let mut hub = HubDouble::start().await;
    let (miner, proxy) = (Miner::new(&hub), ProxyDouble::start(&hub).await);
    let port = hub.url.rsplit(':').next().unwrap().to_owned();
    let url = format!("http://{HUB_NAME}:{port}");
    let worker = start(&miner, &["--hub", &url, "--insecure-http"], &proxy.url);
    serves_one_job(&mut hub).await;
    let wanted = format!("CONNECT {HUB_NAME}:{port} HTTP/1.1");
    assert!(proxy.asked().len() >= 2 && proxy.asked().iter().all(|asked| *asked == wanted), "{:?}", proxy.asked());
    drop(worker);
}
