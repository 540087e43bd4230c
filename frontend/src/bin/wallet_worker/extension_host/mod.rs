//! What surrounds the wallet in a browser extension: the browser's storage, the sites that ask, the extension's own pages.
//!
//! JavaScript passes on texts and says who sent them, as the browser says it. Every decision is made here.
#![expect(unreachable_pub, reason = "what JavaScript calls is public")]

mod asks;
mod calls;
pub(crate) mod channel;
pub(crate) mod kept;
mod own;
mod settings;
mod site;
pub(crate) mod storage;

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Math, Promise};
use serde_json::{Value, json};
use wallet::protocol::Refusal;
use wallet::provider::ProviderError;
use wallet::sites::Origin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

pub(crate) use settings::rpc_url;

use crate::vault;

#[wasm_bindgen]
extern "C" {
    /// What only JavaScript of the extension can do; `extension/host.js` has it.
    #[derive(Clone)]
    pub type Host;

    #[wasm_bindgen(method, catch)]
    async fn read(this: &Host, area: &str, key: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn write(this: &Host, area: &str, key: &str, text: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn remove(this: &Host, area: &str, key: &str) -> Result<JsValue, JsValue>;

    /// Shows the window of questions, or brings it to the front.
    #[wasm_bindgen(method)]
    fn show(this: &Host);

    /// Tells every page of the extension and every site to look again. It says nothing about what changed.
    #[wasm_bindgen(method)]
    fn changed(this: &Host);

    /// Starts this program at that time, if it does not run then.
    #[wasm_bindgen(method, js_name = wakeAt)]
    fn wake_at(this: &Host, unix_ms: f64);
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Called once, before everything else.
#[wasm_bindgen]
pub fn start(host: Host) {
    HOST.set(Some(host));
}

/// What a page of the extension itself asks.
#[wasm_bindgen]
pub fn own(text: String) -> Promise {
    future_to_promise(async move { Ok(JsValue::from_str(&own::answer(&text).await.to_string())) })
}

/// What a site asks. `origin` is its name by the browser, and `page` names one load of the page.
#[wasm_bindgen]
pub fn site(origin: String, page: String, text: String) -> Promise {
    future_to_promise(async move {
        let answer = match Origin::parse(&origin) {
            Ok(origin) => site::answer(origin, page, &text).await,
            Err(error) => Err(ProviderError::Wallet(error.to_string())),
        };
        Ok(JsValue::from_str(&in_json_rpc(answer).to_string()))
    })
}

/// Pages are gone: nobody waits for what they asked. `page` is the beginning of their names.
#[wasm_bindgen]
pub fn left(page: &str) {
    calls::page_left(page);
    asks::refuse_where(|ask| ask.page.starts_with(page));
}

/// The window of questions was closed: that refuses all of them.
#[wasm_bindgen]
pub fn closed() {
    asks::refuse_where(|_| true);
}

/// The window of questions closed itself, since nothing waited: what came meanwhile is asked in a new one.
#[wasm_bindgen]
pub fn ask_again() {
    if let (Some(_), Ok(host)) = (asks::front(), host()) {
        host.show();
    }
}

/// The time of the lock has come, or the browser thinks so.
#[wasm_bindgen]
pub fn woken() -> Promise {
    future_to_promise(async {
        vault::expire();
        // Reading what was kept removes it where its time is over.
        let _ = vault::load().await;
        Ok(JsValue::UNDEFINED)
    })
}

/// By chance: a sheet that outlived an earlier run of this program signs nothing of this one.
pub(crate) fn first_ticket() -> u32 {
    chance()
}

/// The host of who asks; empty for the extension's own pages.
pub(crate) fn site_host(origin: &str) -> String {
    Origin::parse(origin).map(|origin| origin.host().to_owned()).unwrap_or_default()
}

/// The wallets changed without being asked to.
pub(crate) fn tell_changed() {
    channel::tell_changed();
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number lies from 0 to 2^32 - 1")]
fn chance() -> u32 {
    (Math::random() * f64::from(u32::MAX)) as u32
}

fn host() -> Result<Host, Refusal> {
    HOST.with_borrow(Clone::clone).ok_or_else(|| Refusal::Storage { detail: "the extension is starting".to_owned() })
}

/// A value that comes later: what takes it, and what waits for it. Nothing comes where it could not be set up.
fn later<T: 'static>() -> (impl FnOnce(T) + 'static, impl Future<Output = Option<T>>) {
    let (given, mut wake) = (Rc::new(RefCell::new(None)), None::<Function>);
    let promise = Promise::new(&mut |resolve, _| wake = Some(resolve));
    let taken = given.clone();
    let take = move |value| {
        given.replace(Some(value));
        if let Some(wake) = wake {
            let _ = wake.call0(&JsValue::NULL);
        }
    };
    let wait = async move {
        // The promise is never rejected.
        let _ = JsFuture::from(promise).await;
        taken.take()
    };
    (take, wait)
}

fn in_json_rpc(answer: Result<Value, ProviderError>) -> Value {
    match answer {
        Ok(result) => json!({"result": result}),
        Err(error) => json!({"error": {"code": error.code(), "message": error.message()}}),
    }
}
