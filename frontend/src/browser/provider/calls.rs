//! Several calls that a page asks for at once (EIP-5792): one sheet after the other.

use std::cell::RefCell;

use js_sys::{Promise, Reflect};
use serde_json::{Value, json};
use shared::{Address, B256};
use wallet::call_batches::{Batch, Batches};
use wallet::calls::{self, SendCalls};
use wallet::protocol::SignKind;
use wallet::provider::{AskedFor, ProviderError};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::methods::{ask_node, chain, connected, js};
use super::{ask, ask_for_batch, js_error, random_digit};
use crate::browser::window;
use crate::format::now;

/// Where this tab remembers its batches.
const KEPT: &str = "aitbc-wallet-calls";

/// How often, and how many times, a block with a call is looked for before the next one's sheet.
const LOOK_MS: i32 = 500;
const LOOKS_MAX: u32 = 120;

/// Digits of a name that a page did not choose.
const ID_DIGITS: usize = 64;

thread_local! {
    /// The batches that this load of the page is sending.
    static SENDING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

pub(super) async fn capabilities(account: Address, chains: Option<&[String]>) -> Result<JsValue, JsValue> {
    if connected().await != Some(account) {
        return Err(js_error(ProviderError::Unauthorized));
    }
    Ok(js(&calls::capabilities(&chain().await?, chains)))
}

/// Asks the owner for each call, and answers the batch's name once the last one is sent.
pub(super) async fn send(asked: SendCalls) -> Result<JsValue, JsValue> {
    let own = connected().await.filter(|own| asked.from.is_none_or(|from| from == *own));
    let own = own.ok_or_else(|| js_error(ProviderError::Unauthorized))?;
    let chain_id = chain().await?;
    if !chain_id.eq_ignore_ascii_case(&asked.chain_id) {
        return Err(js_error(ProviderError::OtherChain));
    }
    let transactions = asked.transactions(own);
    let id = asked.id.unwrap_or_else(|| format!("0x{}", (0..ID_DIGITS).map(|_| random_digit()).collect::<String>()));
    // All pages of this tab are of one site. A batch is known to the account that asked.
    let (site, calls) = (own.to_string(), transactions.len());
    let mut batches = kept();
    let batch = Batch {
        id: id.clone(),
        site: site.clone(),
        chain_id,
        calls,
        hashes: Vec::new(),
        signed_at: None,
        is_over: false,
    };
    batches.add(batch, |kept| is_sending(&kept.id)).map_err(js_error)?;
    keep(&batches);
    SENDING.with_borrow_mut(|sending| sending.push(id.clone()));
    let sign = async |json: String| sign(own, &id, json).await;
    let noted = async |hashes: &[B256]| note(&site, &id, hashes, false);
    let sent = calls::send(transactions, sign, succeeds, noted).await;
    SENDING.with_borrow_mut(|sending| sending.retain(|sending| *sending != id));
    match sent {
        Ok(hashes) => {
            note(&site, &id, &hashes, true);
            Ok(js(&json!({ "id": id })))
        }
        Err(error) => {
            let mut batches = kept();
            batches.remove(&site, &id);
            keep(&batches);
            Err(error)
        }
    }
}

pub(super) async fn status(id: &str) -> Result<JsValue, JsValue> {
    let (batch, receipts) = look(id).await?;
    Ok(js(&batch.status(&receipts)))
}

/// Shows the owner what became of a batch, and answers once it was closed.
pub(super) async fn show(id: &str) -> Result<JsValue, JsValue> {
    let (batch, receipts) = look(id).await?;
    let calls = batch.lines(&receipts);
    match ask(AskedFor::Look { calls }).await {
        // Closing it is no refusal; another error has another code.
        Err(error) if code_of(&error) != Some(ProviderError::Refused.code()) => Err(error),
        _ => Ok(JsValue::NULL),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "every code of the standards is exact")]
fn code_of(error: &JsValue) -> Option<i64> {
    Reflect::get(error, &"code".into()).ok()?.as_f64().map(|code| code as i64)
}

/// A batch with the node's answers for its transactions. Only the account that asked may know.
async fn look(id: &str) -> Result<(Batch, Vec<Value>), JsValue> {
    let own = connected().await.ok_or_else(|| js_error(ProviderError::Unauthorized))?;
    let mut batch = kept().find(&own.to_string(), id).map_err(js_error)?.clone();
    // What an earlier load of the page was sending goes no further.
    batch.is_over |= !is_sending(id);
    let mut receipts = Vec::new();
    for hash in &batch.hashes {
        receipts.push(receipt(*hash).await?);
    }
    if let Some(hash) = batch.may_be_lost(&receipts, now())
        && ask_node("eth_getTransactionByHash", json!([hash])).await?.is_null()
    {
        batch.lost();
        receipts.pop();
    }
    Ok((batch, receipts))
}

fn is_sending(id: &str) -> bool {
    SENDING.with_borrow(|sending| sending.iter().any(|sending| sending == id))
}

async fn sign(from: Address, id: &str, json: String) -> Result<B256, JsValue> {
    // Between two calls the owner may have disconnected the account.
    if connected().await != Some(from) {
        return Err(js_error(ProviderError::Unauthorized));
    }
    let what = AskedFor::Sign { from, what: SignKind::Transaction { json } };
    let sent = ask_for_batch(what, id.to_owned()).await?;
    let hash = sent.as_string().and_then(|text| text.parse().ok());
    hash.ok_or_else(|| js_error(ProviderError::Internal))
}

/// Waits until a block contains the transaction.
async fn succeeds(hash: B256) -> bool {
    for _ in 0..LOOKS_MAX {
        if let Ok(receipt) = receipt(hash).await
            && receipt.is_object()
        {
            return receipt["status"] == "0x1";
        }
        pause().await;
    }
    false
}

async fn receipt(hash: B256) -> Result<Value, JsValue> {
    ask_node("eth_getTransactionReceipt", json!([hash])).await
}

async fn pause() {
    let waits = Promise::new(&mut |resolve, _| {
        // It fails only while the page is closed, when nothing waits for it.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, LOOK_MS);
    });
    // The promise is never rejected.
    let _ = JsFuture::from(waits).await;
}

/// A tab without storage remembers nothing beyond this call.
fn kept() -> Batches {
    let storage = window().session_storage().ok().flatten();
    let text = storage.and_then(|storage| storage.get_item(KEPT).ok().flatten());
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn keep(batches: &Batches) {
    if let (Ok(Some(storage)), Ok(text)) = (window().session_storage(), serde_json::to_string(batches)) {
        let _ = storage.set_item(KEPT, &text);
    }
}

/// Before a call is sent: a page that loads anew meanwhile still finds it.
pub(super) fn note_signed(account: Address, id: &str, hash: B256) {
    let mut batches = kept();
    // A tab without storage has none.
    if batches.signed(&account.to_string(), id, hash, now()).is_ok() {
        keep(&batches);
    }
}

fn note(site: &str, id: &str, hashes: &[B256], is_over: bool) {
    let mut batches = kept();
    batches.note(site, id, hashes, is_over);
    keep(&batches);
}
