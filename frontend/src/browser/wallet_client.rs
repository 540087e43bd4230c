//! The page's end of the wallet: starts the worker, posts requests, takes replies.

use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::wallet::protocol::{Reply, Request};

/// The worker's own document: it loads the wallet's bundle under a policy of its own.
const LOADER: &str = "/wallet_worker_loader.js";

/// A running worker; it ends when dropped, and with it the unlocked key.
pub struct WalletClient {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut()>,
}

impl WalletClient {
    /// Starts the worker. Its first reply is [`Reply::Ready`]; what is posted before that is lost.
    pub fn start(mut take: impl FnMut(Reply) + 'static, on_error: impl FnMut() + 'static) -> Option<Self> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(LOADER, &options).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(text) = event.data().as_string() else { return };
            if let Ok(reply) = serde_json::from_str(&text) {
                take(reply);
            }
        });
        let on_error = Closure::<dyn FnMut()>::new(on_error);
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self { worker, _on_message: on_message, _on_error: on_error })
    }

    pub fn post(&self, request: &Request) {
        if let Ok(text) = serde_json::to_string(request) {
            // A text can always be cloned to the worker.
            let _ = self.worker.post_message(&JsValue::from_str(&text));
        }
    }
}

impl Drop for WalletClient {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}
