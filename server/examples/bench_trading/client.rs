//! One connection that stays, as a trading program keeps it.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http;

pub(crate) struct Client {
    stream: TcpStream,
    address: SocketAddr,
    answer: Vec<u8>,
}

/// A whole request.
pub(crate) fn post(address: SocketAddr, path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

impl Client {
    pub(crate) async fn open(from: IpAddr, address: SocketAddr) -> Self {
        let stream = http::connect(from, address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, address, answer: Vec::with_capacity(8 << 10) }
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value, status: u16) -> Value {
        let request = post(self.address, path, body);
        self.send(&request, status).await;
        self.body()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Value {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        self.send(request.as_bytes(), 200).await;
        self.body()
    }

    /// Sends a request and waits for the whole answer, which must have this status.
    pub(crate) async fn send(&mut self, request: &[u8], status: u16) {
        self.stream.write_all(request).await.unwrap();
        self.answer.clear();
        while !is_whole(&self.answer) {
            let read = self.stream.read_buf(&mut self.answer).await.unwrap();
            assert!(read > 0, "the server closed the connection");
        }
        let expected = format!("HTTP/1.1 {status} ");
        assert!(self.answer.starts_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&self.answer));
    }

    fn body(&self) -> Value {
        let end = head_end(&self.answer).unwrap();
        serde_json::from_slice(&self.answer[end..]).unwrap()
    }
}

/// Where the body begins.
fn head_end(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|end| end + 4)
}

/// Whether an answer with its length is there.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = head_end(answer) else { return false };
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("an answer without a length").trim().parse().unwrap();
    answer.len() >= end + length
}
