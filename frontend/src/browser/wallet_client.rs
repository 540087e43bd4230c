//! The page's end of the wallet. One worker serves every island of the page; the first question starts it. The wallet's own page
//! asks everything, and all others only have receipts checked.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer};
use wallet::pending::PendingRequests;
#[cfg(not(feature = "wallet-page"))]
use wallet::protocol::{ReceiptRefusal as Refusal, ReceiptReply as Reply, ReceiptRequest as Request};
#[cfg(feature = "wallet-page")]
use wallet::protocol::{Refusal, Reply, Request};
use wallet::protocol::{RequestEnvelope, RequestId, WalletMessage};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

use super::after;
use crate::text::wallet as words;
#[cfg(not(feature = "wallet-page"))]
use crate::text::wallet::receipt_refusal as refusal;
#[cfg(feature = "wallet-page")]
use crate::text::wallet::refusal;

/// The worker's own document: it loads the wallet's bundle under its own content security policy.
const LOADER: &str = "/wallet_worker_loader.js";

/// How long an answer may take. The slowest one derives a key from a password, on a slow phone.
const ANSWER_TIMEOUT_MS: i32 = 60_000;

/// Why a question has no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskError {
    Refused(Refusal),
    /// The worker did not start, or it stopped. The next question starts another one.
    WorkerFailed,
    /// No answer came in time, or too many questions wait already.
    NoAnswer,
}

impl AskError {
    pub fn text(&self) -> String {
        match self {
            Self::Refused(reason) => refusal(reason),
            Self::WorkerFailed => words::ERROR_WORKER.to_owned(),
            Self::NoAnswer => words::ERROR_NO_ANSWER.to_owned(),
        }
    }
}

type OnAnswer = Box<dyn FnOnce(Result<Reply, AskError>)>;

struct Client {
    pending: PendingRequests<OnAnswer>,
    worker: Option<RunningWorker>,
}

thread_local! {
    static CLIENT: RefCell<Client> =
        const { RefCell::new(Client { pending: PendingRequests::new(), worker: None }) };
    /// Who wants to know that the wallets changed.
    static WATCHERS: RefCell<Vec<Rc<dyn Fn()>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `on_change` whenever the wallets changed, in this tab or another one, for as long as the page lives.
pub fn watch(on_change: impl Fn() + 'static) {
    WATCHERS.with_borrow_mut(|watchers| watchers.push(Rc::new(on_change)));
}

/// Tells every part of this page that the wallets changed.
pub fn changed() {
    // A watcher may ask the wallet, so nothing is borrowed while it runs.
    for watcher in WATCHERS.with_borrow(Vec::clone) {
        watcher();
    }
}

/// Asks the wallet. `on_answer` is called once: with the reply, or with why there is none.
pub fn ask(request: Request, on_answer: impl FnOnce(Result<Reply, AskError>) + 'static) {
    ask_with(request, None, on_answer);
}

/// The same, handing over a buffer with the request. This page has it no more then, and the worker wipes it.
pub fn ask_with(
    request: Request,
    handed_over: Option<ArrayBuffer>,
    on_answer: impl FnOnce(Result<Reply, AskError>) + 'static,
) {
    let asked = CLIENT.with_borrow_mut(|client| client.ask(request, handed_over, Box::new(on_answer)));
    match asked {
        Ok(id) => after(ANSWER_TIMEOUT_MS, move || finish(id, Err(AskError::NoAnswer))),
        Err((on_answer, error)) => on_answer(Err(error)),
    }
}

/// Gives the answer to the question it belongs to. An answer to no question, or one that comes too late, is dropped.
fn finish(id: RequestId, answer: Result<Reply, AskError>) {
    let on_answer = CLIENT.with_borrow_mut(|client| client.pending.take(id));
    if let Some(on_answer) = on_answer {
        on_answer(answer);
    }
}

fn on_message(event: MessageEvent) {
    let Some(text) = event.data().as_string() else { return };
    match serde_json::from_str::<WalletMessage<Reply, Refusal>>(&text) {
        Ok(WalletMessage::Ready) => CLIENT.with_borrow_mut(|client| {
            if let Some(worker) = &mut client.worker {
                worker.post_held_back();
            }
        }),
        Ok(WalletMessage::Changed) => changed(),
        Ok(WalletMessage::Answer { id, answer }) => finish(id, answer.map_err(AskError::Refused)),
        Err(_) => {}
    }
}

fn on_error() {
    let (worker, waiting) = CLIENT.with_borrow_mut(|client| (client.worker.take(), client.pending.take_all()));
    // This function runs in a closure of the worker, which must not be dropped before it returns.
    after(0, move || drop(worker));
    for on_answer in waiting {
        on_answer(Err(AskError::WorkerFailed));
    }
}

impl Client {
    fn ask(
        &mut self,
        request: Request,
        handed_over: Option<ArrayBuffer>,
        on_answer: OnAnswer,
    ) -> Result<RequestId, (OnAnswer, AskError)> {
        if self.worker.is_none() {
            self.worker = RunningWorker::start();
        }
        let Some(worker) = &mut self.worker else { return Err((on_answer, AskError::WorkerFailed)) };
        let id = self.pending.add(on_answer).map_err(|on_answer| (on_answer, AskError::NoAnswer))?;
        if let Ok(text) = serde_json::to_string(&RequestEnvelope::new(id, request)) {
            worker.post(text, handed_over);
        }
        Ok(id)
    }
}

/// A running worker. It ends when dropped, and with it the unlocked key.
struct RunningWorker {
    worker: Worker,
    /// What was posted before the worker listened. `None` once it does.
    held_back: Option<Vec<(String, Option<ArrayBuffer>)>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut()>,
}

impl RunningWorker {
    fn start() -> Option<Self> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(LOADER, &options).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(on_message);
        let on_error = Closure::<dyn FnMut()>::new(on_error);
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self { worker, held_back: Some(Vec::new()), _on_message: on_message, _on_error: on_error })
    }

    fn post(&mut self, text: String, handed_over: Option<ArrayBuffer>) {
        match (&mut self.held_back, handed_over) {
            (Some(held_back), handed_over) => held_back.push((text, handed_over)),
            // A text can always be cloned to the worker.
            (None, None) => drop(self.worker.post_message(&JsValue::from_str(&text))),
            // It fails only for a buffer that was handed over before; the question then has no answer.
            (None, Some(buffer)) => {
                let message = Array::of2(&JsValue::from_str(&text), &buffer);
                let _ = self.worker.post_message_with_transfer(&message, &Array::of1(&buffer));
            }
        }
    }

    fn post_held_back(&mut self) {
        for (text, handed_over) in self.held_back.take().unwrap_or_default() {
            self.post(text, handed_over);
        }
    }
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
