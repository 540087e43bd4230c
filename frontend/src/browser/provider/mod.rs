//! The wallet as an EIP-1193 provider of this site's own pages, announced by EIP-6963.
//!
//! A page asks by `request`; whatever needs the owner waits as a sheet, which the island of signatures shows. A closed
//! sheet is refused with 4001.

mod calls;
mod events;
mod methods;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Error, Function, Object, Promise, Reflect};
use serde_json::json;
use shared::time::UnixMillis;
use shared::{Address, B256};
use wallet::provider::{AskedFor, ProviderError};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{CustomEvent, CustomEventInit};

use super::window;

const ANNOUNCE: &str = "eip6963:announceProvider";
const REQUEST: &str = "eip6963:requestProvider";

const NAME: &str = "AITBC";
const RDNS: &str = "network.aitbc.wallet";
/// The product's mark as a square; `#` is escaped, as a data address wants it.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath d='M4 16h24' stroke='%230f766e' stroke-width='2'/%3E%3Cg fill='%230f766e'%3E%3Ccircle cx='6' cy='16' r='4'/%3E%3Ccircle cx='16' cy='16' r='4'/%3E%3Ccircle cx='26' cy='16' r='4'/%3E%3C/g%3E%3C/svg%3E";

/// Most sheets that wait at once; who asks for more is refused.
const WAITING_MAX: usize = 8;

/// One question to the owner. Its number tells it from an equal one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub number: u32,
    pub what: AskedFor,
}

struct Waiting {
    asked: Asked,
    /// The batch whose call it is.
    batch: Option<String>,
    resolve: Function,
    reject: Function,
}

#[derive(Default)]
struct Sheets {
    next: u32,
    waiting: VecDeque<Waiting>,
    /// The number of the question that is shown.
    shown: Option<u32>,
    on_change: Option<Rc<dyn Fn(Option<Asked>)>>,
}

thread_local! {
    static SHEETS: RefCell<Sheets> = RefCell::new(Sheets::default());
}

/// Installs and announces the provider. `on_change` gets the question that is to be shown now, or none.
pub fn start(on_change: impl Fn(Option<Asked>) + 'static) {
    SHEETS.with_borrow_mut(|sheets| sheets.on_change = Some(Rc::new(on_change)));
    methods::follow_other_tabs();
    // Reflection fails only for objects that are frozen; these are new.
    let Ok(detail) = detail() else { return };
    announce(&detail);
    let again = Closure::<dyn FnMut()>::new(move || announce(&detail));
    if window().add_event_listener_with_callback(REQUEST, again.as_ref().unchecked_ref()).is_ok() {
        again.forget();
    }
}

/// An account that the site's pages may see and ask signatures of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    pub account: Address,
    pub since: UnixMillis,
}

/// What the node says of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub chain_id: u64,
    pub head: u64,
}

/// What the owner agreed to. It counts while the account is in the wallet.
pub fn connection() -> Option<Connection> {
    methods::kept()
}

/// Takes the owner's agreement back, as `wallet_revokePermissions` does.
pub fn disconnect() {
    methods::forget();
}

/// `None` where the node does not answer.
pub async fn network() -> Option<Network> {
    let chain_id = methods::chain().await.ok().and_then(|text| number(&text))?;
    let head = methods::ask_node("eth_blockNumber", json!([])).await.ok()?;
    Some(Network { chain_id, head: number(head.as_str()?)? })
}

/// A number as Ethereum's JSON-RPC writes it.
fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// The transaction of a question was signed, and is sent next: its batch learns the hash first.
pub fn signed(number: u32, hash: B256) {
    let batch = SHEETS.with_borrow(|sheets| {
        let waiting = sheets.waiting.iter().find(|waiting| waiting.asked.number == number)?;
        let AskedFor::Sign { from, .. } = waiting.asked.what else { return None };
        Some((from, waiting.batch.clone()?))
    });
    if let Some((account, id)) = batch {
        calls::note_signed(account, &id, hash);
    }
}

/// Answers the question that is shown.
pub fn finish(number: u32, answer: Result<JsValue, ProviderError>) {
    let done = SHEETS.with_borrow_mut(|sheets| {
        let at = sheets.waiting.iter().position(|waiting| waiting.asked.number == number)?;
        sheets.waiting.remove(at)
    });
    if let Some(Waiting { resolve, reject, batch, .. }) = done {
        let _ = match answer {
            // In a batch it counts as sent: the chain says what became of it.
            Err(ProviderError::SendUnclear { hash, .. }) if batch.is_some() => {
                resolve.call1(&JsValue::NULL, &JsValue::from_str(&hash.to_string()))
            }
            Ok(value) => resolve.call1(&JsValue::NULL, &value),
            Err(error) => reject.call1(&JsValue::NULL, &js_error(error)),
        };
    }
    show_front();
}

/// The error as an object with its code.
#[expect(clippy::cast_precision_loss, reason = "every code of the standards is exact")]
fn js_error(error: ProviderError) -> JsValue {
    let object = Error::new(&error.message());
    // A new object takes every property.
    let _ = Reflect::set(&object, &"code".into(), &(error.code() as f64).into());
    object.into()
}

/// Shows the question that waits longest. One that is shown already is not shown anew: it may be being signed, and would be
/// signed twice.
fn show_front() {
    let change = SHEETS.with_borrow_mut(|sheets| {
        let front = sheets.waiting.front().map(|waiting| waiting.asked.clone());
        let number = front.as_ref().map(|asked| asked.number);
        if sheets.shown == number {
            return None;
        }
        sheets.shown = number;
        sheets.on_change.clone().map(|on_change| (on_change, front))
    });
    // Nothing is borrowed: what cannot be shown is finished at once.
    if let Some((on_change, front)) = change {
        on_change(front);
    }
}

/// Waits for the owner.
async fn ask(what: AskedFor) -> Result<JsValue, JsValue> {
    wait(what, None).await
}

/// The same for a call of a batch.
async fn ask_for_batch(what: AskedFor, batch: String) -> Result<JsValue, JsValue> {
    wait(what, Some(batch)).await
}

async fn wait(what: AskedFor, batch: Option<String>) -> Result<JsValue, JsValue> {
    let mut settle = None;
    let promise = Promise::new(&mut |resolve, reject| settle = Some((resolve, reject)));
    let Some((resolve, reject)) = settle else { return Err(js_error(ProviderError::Internal)) };
    let is_taken = SHEETS.with_borrow_mut(|sheets| {
        if sheets.waiting.len() >= WAITING_MAX {
            return false;
        }
        sheets.next = sheets.next.wrapping_add(1);
        let asked = Asked { number: sheets.next, what };
        sheets.waiting.push_back(Waiting { asked, batch, resolve, reject });
        true
    });
    if !is_taken {
        return Err(js_error(ProviderError::TooMany));
    }
    show_front();
    JsFuture::from(promise).await
}

fn announce(detail: &JsValue) {
    let init = CustomEventInit::new();
    init.set_detail(detail);
    if let Ok(event) = CustomEvent::new_with_event_init_dict(ANNOUNCE, &init) {
        // It is false only where somebody cancels the event, which changes nothing.
        let _ = window().dispatch_event(&event);
    }
}

/// What EIP-6963 announces; nobody can change it afterwards.
fn detail() -> Result<JsValue, JsValue> {
    let info = Object::new();
    for (key, value) in [("uuid", uuid().as_str()), ("name", NAME), ("icon", ICON), ("rdns", RDNS)] {
        Reflect::set(&info, &key.into(), &value.into())?;
    }
    let detail = Object::new();
    Reflect::set(&detail, &"info".into(), &Object::freeze(&info))?;
    Reflect::set(&detail, &"provider".into(), &provider()?.into())?;
    Ok(Object::freeze(&detail).into())
}

fn provider() -> Result<Object, JsValue> {
    let provider = Object::new();
    let request = Closure::<dyn Fn(JsValue) -> Promise>::new(|given: JsValue| {
        future_to_promise(async move { methods::request(&given).await })
    });
    let on = Closure::<dyn Fn(String, Function) -> JsValue>::new(events::on);
    let off = Closure::<dyn Fn(String, Function) -> JsValue>::new(events::off);
    for (name, function) in
        [("request", request.into_js_value()), ("on", on.into_js_value()), ("removeListener", off.into_js_value())]
    {
        Reflect::set(&provider, &name.into(), &function)?;
    }
    Ok(Object::freeze(&provider))
}

/// Names this load of the page, as the standard wants it: a UUID of version 4.
fn uuid() -> String {
    let digits: String = (0..32).map(|_| random_digit()).collect();
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

/// Nothing depends on its being hard to guess.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number lies from 0 to 15")]
fn random_digit() -> char {
    char::from_digit((js_sys::Math::random() * 16.0) as u32, 16).unwrap_or('0')
}
