//! Requests to one hub over connections that stay open.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Client {
    pub(crate) hub: SocketAddr,
    /// The last used one is taken first, so that those that nobody needs are closed by the hub.
    idle: Mutex<Vec<TcpStream>>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Client {
    pub(crate) fn new(hub: SocketAddr) -> Self {
        Self { hub, idle: Mutex::default() }
    }

    /// `headers` end with a line break each.
    pub(crate) async fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        let request = [
            format!(
                "POST {path} HTTP/1.1\r\nhost: {}\r\nx-forwarded-for: 127.0.0.1\r\ncontent-type: application/json\r\n\
                 {headers}content-length: {}\r\n\r\n",
                self.hub,
                body.len()
            )
            .as_bytes(),
            body,
        ]
        .concat();
        loop {
            let idle = self.idle.lock().unwrap().pop();
            let was_idle = idle.is_some();
            let mut stream = match idle {
                Some(stream) => stream,
                None => TcpStream::connect(self.hub).await.unwrap(),
            };
            match exchange(&mut stream, &request).await {
                Ok(answer) => {
                    self.idle.lock().unwrap().push(stream);
                    return answer;
                }
                // The hub closes connections over which nothing came for long.
                Err(_) if was_idle => {}
                Err(error) => panic!("the hub does not answer {path}: {error}"),
            }
        }
    }
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<Answer> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    let head_end = loop {
        read_more(stream, &mut answer).await?;
        if let Some(at) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&answer[..head_end]).to_lowercase();
    let broken = || io::Error::new(io::ErrorKind::InvalidData, head.clone());
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let length: usize = length.and_then(|length| length.parse().ok()).ok_or_else(broken)?;
    while answer.len() < head_end + length {
        read_more(stream, &mut answer).await?;
    }
    Ok(Answer { status, body: answer.split_off(head_end) })
}

async fn read_more(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(answer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
