//! New blocks, by `eth_subscribe` over the node's WebSocket.

use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, WebSocket};

use super::{after, window};

const SUBSCRIBE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#;

/// How long to wait before a broken connection is tried again.
const RETRY_MS: i32 = 3_000;

/// Calls `on_head` for every new block, for as long as the page lives. After a broken connection it is called once
/// more, since blocks may have been missed.
pub fn watch(on_head: impl Fn() + Clone + 'static) {
    let location = window().location();
    let (Ok(protocol), Ok(host)) = (location.protocol(), location.host()) else { return };
    let scheme = if protocol == "https:" { "wss" } else { "ws" };
    connect(format!("{scheme}://{host}/rpc"), on_head);
}

fn connect(url: String, on_head: impl Fn() + Clone + 'static) {
    let Ok(socket) = WebSocket::new(&url) else { return };
    let opened = socket.clone();
    let on_open = Closure::<dyn FnMut()>::new(move || {
        // A socket that just closed again reports that through `onclose`.
        let _ = opened.send_with_str(SUBSCRIBE);
    });
    let notify = on_head.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if event.data().as_string().is_some_and(|text| text.contains("eth_subscription")) {
            notify();
        }
    });
    let on_close = Closure::once_into_js(move || {
        after(RETRY_MS, move || {
            on_head();
            connect(url, on_head);
        });
    });
    socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    socket.set_onclose(Some(on_close.unchecked_ref()));
    on_open.forget();
    on_message.forget();
}
