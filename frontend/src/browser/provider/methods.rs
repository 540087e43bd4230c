//! What each method does.

use std::cell::{Cell, RefCell};

use js_sys::{JSON, Object, Promise, Reflect};
use serde_json::{Value, json};
use shared::Address;
use shared::time::UnixMillis;
use wallet::protocol::{Reply, Request, SignKind};
use wallet::provider::{self, AskedFor, ProviderError, SiteRequest};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::{Connection, ask, calls, events, js_error};
use crate::browser::{http, wallet_client, window};
use crate::format::now;

/// Where this browser remembers which account the site's pages may know: its address, a blank, and since when.
const CONNECTED: &str = "aitbc-wallet-connected";

thread_local! {
    static IS_CONNECTED: Cell<bool> = const { Cell::new(false) };
    static CHAIN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// `request({method, params})` of EIP-1193.
pub(super) async fn request(given: &JsValue) -> Result<JsValue, JsValue> {
    let method = Reflect::get(given, &"method".into()).ok().and_then(|method| method.as_string());
    let method = method.ok_or_else(|| parameters("request takes an object with the text `method`"))?;
    let params = Reflect::get(given, &"params".into()).unwrap_or(JsValue::UNDEFINED);
    let params: Value = if params.is_undefined() {
        json!([])
    } else {
        let text = JSON::stringify(&params).ok().and_then(|text| text.as_string());
        let read = text.and_then(|text| serde_json::from_str(&text).ok());
        read.ok_or_else(|| parameters("params are JSON"))?
    };
    match SiteRequest::parse(&method, params).map_err(js_error)? {
        SiteRequest::Connect => connect().await.map(|address| js(&provider::accounts(Some(address)))),
        SiteRequest::ConnectForPermissions => {
            connect().await?;
            Ok(js(&permissions().await))
        }
        SiteRequest::Accounts => Ok(js(&provider::accounts(connected().await))),
        SiteRequest::Permissions => Ok(js(&permissions().await)),
        SiteRequest::Revoke => {
            forget();
            Ok(JsValue::NULL)
        }
        SiteRequest::ChainId => chain().await.map(JsValue::from),
        SiteRequest::SameChain { chain_id } => same_chain(&chain_id).await,
        SiteRequest::Sign { from, what } => sign(from, what).await,
        SiteRequest::Capabilities { account, chains } => calls::capabilities(account, chains.as_deref()).await,
        SiteRequest::SendCalls(asked) => calls::send(asked).await,
        SiteRequest::CallsStatus { id } => calls::status(&id).await,
        SiteRequest::ShowCalls { id } => calls::show(&id).await,
        SiteRequest::Node { method, params } => node(&method, params).await,
    }
}

fn parameters(detail: &str) -> JsValue {
    js_error(ProviderError::Parameters(detail.to_owned()))
}

/// JSON as the page's own values.
pub(super) fn js(value: &Value) -> JsValue {
    JSON::parse(&value.to_string()).unwrap_or(JsValue::NULL)
}

/// Asks the owner for an account, unless the site knows one already.
async fn connect() -> Result<Address, JsValue> {
    if let Some(address) = connected().await {
        return Ok(address);
    }
    let chosen = ask(AskedFor::Connect).await?;
    let address: Address =
        chosen.as_string().and_then(|text| text.parse().ok()).ok_or_else(|| js_error(ProviderError::Refused))?;
    if let Ok(Some(storage)) = window().local_storage() {
        // A browser without storage asks again on the next page.
        let _ = storage.set_item(CONNECTED, &format!("{address} {}", now().0));
    }
    events::emit("accountsChanged", &js(&provider::accounts(Some(address))));
    Ok(address)
}

/// The account that the site may know, while it is in the wallet.
pub(super) async fn connected() -> Option<Address> {
    let known = kept()?.account;
    let Ok(Reply::State(vault)) = wallet(Request::State).await else { return None };
    if vault.accounts().any(|(_, account)| account.address == known) {
        return Some(known);
    }
    forget();
    None
}

/// Which account was connected, and when.
pub(super) fn kept() -> Option<Connection> {
    let text = window().local_storage().ok()??.get_item(CONNECTED).ok()??;
    let (address, since) = text.split_once(' ')?;
    Some(Connection { account: address.parse().ok()?, since: UnixMillis(since.parse().ok()?) })
}

/// A connection that another tab makes or ends is one of this page, too.
pub(super) fn follow_other_tabs() {
    let tell = Closure::<dyn FnMut(JsValue)>::new(|event: JsValue| {
        let key = Reflect::get(&event, &"key".into()).ok().and_then(|key| key.as_string());
        if key.as_deref() == Some(CONNECTED) {
            events::emit("accountsChanged", &js(&provider::accounts(kept().map(|kept| kept.account))));
        }
    });
    if window().add_event_listener_with_callback("storage", tell.as_ref().unchecked_ref()).is_ok() {
        tell.forget();
    }
}

async fn permissions() -> Value {
    let account = connected().await;
    provider::permissions(account.and_then(|_| kept()).map(|kept| kept.since))
}

pub(super) fn forget() {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(CONNECTED);
    }
    events::emit("accountsChanged", &js(&provider::accounts(None)));
}

async fn sign(from: Address, what: SignKind) -> Result<JsValue, JsValue> {
    if connected().await != Some(from) {
        return Err(js_error(ProviderError::Unauthorized));
    }
    ask(AskedFor::Sign { from, what }).await
}

pub(super) async fn chain() -> Result<String, JsValue> {
    if let Some(chain) = CHAIN.with_borrow(Clone::clone) {
        return Ok(chain);
    }
    let chain = node("eth_chainId", json!([])).await?.as_string().unwrap_or_default();
    CHAIN.set(Some(chain.clone()));
    Ok(chain)
}

async fn same_chain(wanted: &str) -> Result<JsValue, JsValue> {
    if chain().await?.eq_ignore_ascii_case(wanted) {
        Ok(JsValue::NULL)
    } else {
        Err(js_error(ProviderError::UnknownChain))
    }
}

/// Passes a question on to the node.
async fn node(method: &str, params: Value) -> Result<JsValue, JsValue> {
    JSON::parse(&ask_node(method, params).await?.to_string())
}

/// The same, read.
pub(super) async fn ask_node(method: &str, params: Value) -> Result<Value, JsValue> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let Ok(mut answer) = http::post::<Value>("/rpc", &body).await else {
        let error = js_error(ProviderError::Disconnected);
        if IS_CONNECTED.replace(false) {
            events::emit("disconnect", &error);
        }
        return Err(error);
    };
    if !IS_CONNECTED.replace(true) {
        tell_connected(&answer, method);
    }
    if answer["error"].is_object() {
        return Err(js_error(ProviderError::of_node(&answer["error"])));
    }
    Ok(answer["result"].take())
}

/// The event `connect` names the chain, so it waits for the first answer that says it.
fn tell_connected(answer: &Value, method: &str) {
    let chain = CHAIN.with_borrow(Clone::clone);
    let chain = chain.or_else(|| answer["result"].as_str().filter(|_| method == "eth_chainId").map(str::to_owned));
    let Some(chain) = chain else { return IS_CONNECTED.set(false) };
    let info = Object::new();
    // A new object takes every property.
    let _ = Reflect::set(&info, &"chainId".into(), &chain.into());
    events::emit("connect", &info);
}

/// Asks the wallet and waits. The error is in words.
async fn wallet(request: Request) -> Result<Reply, String> {
    let answered = std::rc::Rc::new(RefCell::new(None));
    let promise = Promise::new(&mut |resolve, _| {
        let answered = answered.clone();
        wallet_client::ask(request.clone(), move |answer| {
            answered.replace(Some(answer.map_err(|error| error.text())));
            let _ = resolve.call0(&JsValue::NULL);
        });
    });
    // The promise is never rejected.
    let _ = JsFuture::from(promise).await;
    answered.take().unwrap_or_else(|| Err(ProviderError::Internal.message()))
}
