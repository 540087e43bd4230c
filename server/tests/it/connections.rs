//! What connections may cost: clients that send slowly or hold many, over plain sockets.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use server::config::{BodyPace, Config};
use shared::protocol::RESULT_MAX_BYTES;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{TestServer, config};
use super::worker::{TestWorker, key, result};

/// Long enough on a machine that is busy with other things, and far below what a test would wait for a lost deadline.
const PATIENCE: Duration = Duration::from_secs(40);

const SHORT: Duration = Duration::from_secs(1);

struct Socket(TcpStream);

impl Socket {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the server closes the connection.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset closes it, too.
        let _ =
            tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("the connection stays open");
        String::from_utf8(bytes).unwrap()
    }

    /// One answer of a connection that stays open; empty where it was closed.
    async fn answer(&mut self) -> String {
        let mut text = String::new();
        loop {
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.unwrap_or("0").parse().unwrap() {
                    return text;
                }
            }
            let mut bytes = [0; 4_096];
            let read = tokio::time::timeout(PATIENCE, self.0.read(&mut bytes)).await.expect("no answer comes");
            match read {
                Ok(0) | Err(_) => return String::new(),
                Ok(length) => text.push_str(std::str::from_utf8(&bytes[..length]).unwrap()),
            }
        }
    }

    async fn get(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: hub\r\n\r\n");
        // Where the server closed the connection, the answer is missing.
        let _ = self.0.write_all(request.as_bytes()).await;
        self.answer().await
    }
}

fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200")
}

async fn start(adjust: impl FnOnce(&mut Config)) -> (tempfile::TempDir, TestServer) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    adjust(&mut config);
    let server = TestServer::start_with(config).await;
    (folder, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_closes_the_connection() {
    let (_folder, server) = start(|config| config.connections.head_deadline = SHORT).await;
    let begins = ["", "G", "GET /v1/health HTTP/1.1\r\nhost: h", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n"];
    join_all(begins.map(async |begin| {
        let mut socket = Socket::connect(server.address).await;
        socket.send(begin).await;
        assert!(!is_ok(&socket.rest().await), "{begin:?} was answered");
    }))
    .await;
    let mut idle = Socket::connect(server.address).await;
    assert!(is_ok(&idle.get("/v1/health").await));
    idle.send("GET /v1/hea").await;
    assert!(!is_ok(&idle.rest().await), "half of a second head holds the connection");
    let id = server.submit(&[], 1).await;
    let mut waiting = Socket::connect(server.address).await;
    let answer = waiting.get(&format!("/v1/jobs/{id}?wait=3")).await;
    assert!(is_ok(&answer), "a long answer was cut off: {answer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_keeps_its_connection_is_served_on_it() {
    let (_folder, server) = start(|_| {}).await;
    let mut socket = Socket::connect(server.address).await;
    for _ in 0..20 {
        assert!(is_ok(&socket.get("/v1/health").await));
    }
    server.stop().await;
    assert_eq!(socket.rest().await, "", "a stopped server leaves an idle connection open");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_no_more_connections_than_its_share_and_gets_them_back() {
    let (_folder, server) = start(|config| config.connections.per_address = 3).await;
    let worker = TestWorker::connect(server.address, key(1), 1).await;
    let (mut first, mut second) = (Socket::connect(server.address).await, Socket::connect(server.address).await);
    assert!(is_ok(&first.get("/v1/health").await) && is_ok(&second.get("/v1/health").await));
    let mut over = Socket::connect(server.address).await;
    assert_eq!(over.rest().await, "", "a WebSocket keeps its place, and one over the share is closed");
    assert!(is_ok(&second.get("/v1/health").await), "the connections within the share go on");
    drop((worker, first));
    let (mut third, mut fourth) = (freed(&server).await, freed(&server).await);
    for socket in [&mut second, &mut third, &mut fourth] {
        assert!(is_ok(&socket.get("/v1/health").await));
    }
    assert_eq!(Socket::connect(server.address).await.rest().await, "");
    drop((second, third, fourth));
    server.stop().await;
}

/// A connection as soon as the server has seen that another one ended.
async fn freed(server: &TestServer) -> Socket {
    let get = async {
        loop {
            let mut socket = Socket::connect(server.address).await;
            if is_ok(&socket.get("/v1/health").await) {
                return socket;
            }
        }
    };
    tokio::time::timeout(PATIENCE, get).await.expect("no place becomes free")
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_all_connections_share_the_total() {
    let adjust = |config: &mut Config| {
        config.behind_proxy = true;
        (config.connections.in_total, config.connections.per_address) = (2, 1);
    };
    let (_folder, server) = start(adjust).await;
    let (mut first, mut second) = (Socket::connect(server.address).await, Socket::connect(server.address).await);
    assert!(is_ok(&first.get("/v1/health").await) && is_ok(&second.get("/v1/health").await));
    assert_eq!(Socket::connect(server.address).await.rest().await, "");
    drop((first, second));
    freed(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_given_up_in_words() {
    let adjust = |config: &mut Config| config.connections.body = BodyPace { grace: SHORT, bytes_per_second: 1 << 20 };
    let (_folder, server) = start(adjust).await;
    let lengths = ["content-length: 1000\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"];
    let paths = ["/v1/jobs", "/rpc", "/v1/chat/completions"];
    join_all(paths.into_iter().flat_map(|path| lengths.map(|length| (path, length))).map(async |(path, length)| {
        let mut socket = Socket::connect(server.address).await;
        let head = format!("POST {path} HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n{length}");
        socket.send(&head).await;
        let answer = socket.rest().await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too slowly"), "{path}: {answer}");
    }))
    .await;
    server.submit(&[], 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_without_a_lease_is_refused_before_its_body_comes() {
    let (_folder, server) = start(|_| {}).await;
    let path = format!("/v1/miners/jobs/lease_{}/result", "0".repeat(32));
    let mut socket = Socket::connect(server.address).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\ncontent-length: {RESULT_MAX_BYTES}\r\n\r\n"
    );
    socket.send(&head).await;
    let answer = socket.answer().await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("no lease"), "{answer}");
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let honest = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &honest).await.status, 200);
    assert_eq!(server.post(&path, &honest).await.status, 200, "a repeated result is read again");
    server.stop().await;
}
