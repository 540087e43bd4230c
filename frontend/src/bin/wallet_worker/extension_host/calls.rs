//! Several calls that a site asks for at once (EIP-5792): one question in the extension's window after the other.

use std::cell::{Cell, RefCell};

use async_lock::Mutex;
use js_sys::{Function, Promise};
use serde_json::{Value, json};
use shared::{Address, B256};
use wallet::call_batches::{Batch, Batches};
use wallet::calls::{self, SendCalls};
use wallet::protocol::{Refusal, SignKind};
use wallet::provider::{AskedFor, ProviderError};
use wallet::sites::{Origin, Sending};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::site::{of_node, refused};
use super::{asks, settings};
use crate::browser::now;

const KEPT: &str = "calls";

#[wasm_bindgen]
extern "C" {
    /// A service worker and a background page both have it.
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(act: &Function, milliseconds: i32) -> JsValue;
}

/// How often, and how many times, a block with a call is looked for before the next one's question.
const LOOK_MS: i32 = 500;
const LOOKS_MAX: u32 = 120;

/// One change of the list after the other: each reads all of it, and writes all of it later.
static CHANGING: Mutex<()> = Mutex::new(());

thread_local! {
    static SENDING: RefCell<Sending> = const { RefCell::new(Sending::new()) };
}

pub(super) async fn capabilities(chains: Option<&[String]>) -> Result<Value, ProviderError> {
    Ok(calls::capabilities(&chain().await?, chains))
}

/// Asks the owner for each call, and answers the batch's name once the last one is sent. `known` is the site's account.
pub(super) async fn send(
    origin: Origin,
    page: String,
    known: Address,
    asked: SendCalls,
) -> Result<Value, ProviderError> {
    if asked.from.is_some_and(|from| from != known) {
        return Err(ProviderError::Unauthorized);
    }
    let chain_id = chain().await?;
    if !chain_id.eq_ignore_ascii_case(&asked.chain_id) {
        return Err(ProviderError::OtherChain);
    }
    let transactions = asked.transactions(known);
    let id = asked.id.unwrap_or_else(|| format!("0x{:016x}{:016x}", chance(), chance()));
    let (site, count) = (origin.to_string(), transactions.len());
    let (calls, hashes) = (count, Vec::new());
    let batch = Batch { id: id.clone(), site: site.clone(), chain_id, calls, hashes, signed_at: None, is_over: false };
    change(|batches| batches.add(batch, |kept| is_sending(&kept.site, &kept.id))).await.map_err(refused)??;
    SENDING.with_borrow_mut(|sending| sending.begin(origin.clone(), page.clone(), id.clone()));
    let is_begun = Cell::new(false);
    let sign = async |json: String| {
        let hash = sign(&origin, &page, known, &id, json, is_begun.get()).await?;
        is_begun.set(true);
        Ok::<_, ProviderError>(hash)
    };
    let note = async |hashes: &[B256]| note_sent(&site, &id, hashes, false).await;
    let sent = calls::send(transactions, sign, succeeds, note).await;
    SENDING.with_borrow_mut(|sending| sending.end(&origin, &id));
    match sent {
        Ok(hashes) => {
            note_sent(&site, &id, &hashes, true).await;
            Ok(json!({ "id": id }))
        }
        Err(error) => {
            change(|batches| batches.remove(&site, &id)).await.map_err(refused)?;
            Err(error)
        }
    }
}

pub(super) async fn status(origin: &Origin, id: &str) -> Result<Value, ProviderError> {
    let (batch, receipts) = look(origin, id).await?;
    Ok(batch.status(&receipts))
}

/// Shows the owner what became of a batch. Closing that is no refusal.
pub(super) async fn show(origin: Origin, page: String, id: &str) -> Result<Value, ProviderError> {
    let (batch, receipts) = look(&origin, id).await?;
    match asks::ask(origin, page, AskedFor::Look { calls: batch.lines(&receipts) }).await {
        Ok(_) | Err(ProviderError::Refused) => Ok(Value::Null),
        Err(error) => Err(error),
    }
}

/// A batch of a site with the node's answers for its transactions.
async fn look(origin: &Origin, id: &str) -> Result<(Batch, Vec<Value>), ProviderError> {
    let site = origin.to_string();
    let mut batch = kept().await.map_err(refused)?.find(&site, id)?.clone();
    // What an earlier run of the program was sending goes no further.
    batch.is_over |= !is_sending(&site, id);
    let mut receipts = Vec::new();
    for hash in &batch.hashes {
        receipts.push(receipt(*hash).await?);
    }
    if let Some(hash) = batch.may_be_lost(&receipts, now())
        && of_node("eth_getTransactionByHash", json!([hash])).await?.is_null()
    {
        batch.lost();
        receipts.pop();
    }
    Ok((batch, receipts))
}

fn is_sending(site: &str, id: &str) -> bool {
    SENDING.with_borrow(|sending| sending.goes_on(site, id))
}

/// Pages are gone: nobody is asked for the rest of their batches.
pub(super) fn page_left(page: &str) {
    SENDING.with_borrow_mut(|sending| sending.page_left(page));
}

/// A site lost its permission, and with it the rest of its batches.
pub(super) fn revoked(origin: &Origin) {
    SENDING.with_borrow_mut(|sending| sending.revoked(origin));
}

async fn sign(
    origin: &Origin,
    page: &str,
    from: Address,
    id: &str,
    json: String,
    is_begun: bool,
) -> Result<B256, ProviderError> {
    // Between two calls the owner may have taken the permission back, or the page may have gone. Nothing comes between the
    // second look and the question.
    let may_use = settings::sites().await.map_err(refused)?.may_use(origin, from);
    if !may_use || !is_sending(&origin.to_string(), id) {
        return Err(ProviderError::Unauthorized);
    }
    let what = AskedFor::Sign { from, what: SignKind::Transaction { json } };
    match asks::ask_for_batch(origin.clone(), page.to_owned(), what, id.to_owned(), is_begun).await {
        // It counts as sent: the chain says what became of it.
        Err(ProviderError::SendUnclear { hash, .. }) => Ok(hash),
        sent => sent?.as_str().and_then(|text| text.parse().ok()).ok_or(ProviderError::Internal),
    }
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

async fn pause() {
    let waits = Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, LOOK_MS);
    });
    // The promise is never rejected.
    let _ = JsFuture::from(waits).await;
}

async fn receipt(hash: B256) -> Result<Value, ProviderError> {
    of_node("eth_getTransactionReceipt", json!([hash])).await
}

async fn chain() -> Result<String, ProviderError> {
    let chain = of_node("eth_chainId", json!([])).await?;
    chain.as_str().map(str::to_owned).ok_or(ProviderError::Disconnected)
}

async fn kept() -> Result<Batches, Refusal> {
    let text = settings::stored(KEPT).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

async fn change<T>(act: impl FnOnce(&mut Batches) -> T) -> Result<T, Refusal> {
    let _turn = CHANGING.lock().await;
    let mut batches = kept().await?;
    let done = act(&mut batches);
    let text = serde_json::to_string(&batches).map_err(|error| Refusal::Storage { detail: error.to_string() })?;
    settings::store(KEPT, &text).await?;
    Ok(done)
}

/// Before a call is sent. One whose hash cannot be kept is not sent.
pub(super) async fn note_signed(site: &str, id: &str, hash: B256) -> Result<(), Refusal> {
    let noted = change(|batches| batches.signed(site, id, hash, now())).await?;
    noted.map_err(|error| Refusal::Storage { detail: error.message() })
}

/// A browser whose storage fails shows less of the batch; what was sent is sent.
async fn note_sent(site: &str, id: &str, hashes: &[B256], is_over: bool) {
    let _ = change(|batches| batches.note(site, id, hashes, is_over)).await;
}

/// Nothing depends on its being hard to guess.
fn chance() -> u64 {
    u64::from(super::chance()) << 32 | u64::from(super::chance())
}
