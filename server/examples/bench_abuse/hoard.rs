//! WebSockets that ask for much and read nothing.

use std::net::{IpAddr, SocketAddr};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::http;

/// Requests of one socket; it waits with them until the server closes it.
const REQUESTS: usize = 5_000;

/// Whether the server took all requests, for how many of them, and until it closed the socket.
pub(crate) async fn ask_and_read_nothing(from: IpAddr, server: SocketAddr) -> bool {
    let Ok(stream) = http::connect(from, server).await else { return false };
    let opened = tokio_tungstenite::client_async(format!("ws://{server}/rpc"), stream).await;
    let Ok((socket, _)) = opened else { return false };
    let (mut asks, _reads) = socket.split();
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["latest", true]});
    for _ in 0..REQUESTS {
        if asks.send(Message::text(request.to_string())).await.is_err() {
            return false;
        }
    }
    true
}
