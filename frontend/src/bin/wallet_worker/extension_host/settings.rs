//! What the owner chose: the node, and the sites that may ask. No key is in it.

use async_lock::Mutex;
use shared::Address;
use wallet::protocol::{Refusal, Reply, VaultState};
use wallet::sites::{Origin, Sites, is_loopback};
use wasm_bindgen::JsValue;
use web_sys::Url;

use super::{asks, calls, channel, host};
use crate::browser::{describe, now};
use crate::vault;

const AREA: &str = "local";
const NODE_KEY: &str = "node";
const SITES_KEY: &str = "sites";

/// The node that `aitbc up` starts on this machine.
const DEFAULT_NODE: &str = "http://127.0.0.1:8000/rpc";

/// Longest address of a node.
const NODE_MAX_CHARS: usize = 2_048;

pub(crate) async fn rpc_url() -> Result<String, Refusal> {
    Ok(stored(NODE_KEY).await?.unwrap_or_else(|| DEFAULT_NODE.to_owned()))
}

/// Takes another node. Its answers decide what is shown, so it is reached over `https` or on this machine.
pub(super) async fn set_node(url: &str) -> Result<(), Refusal> {
    let refused = |detail: &str| Refusal::Node { detail: detail.to_owned() };
    let read = Url::new(url.trim()).map_err(|_| refused("this is no address: https://host/rpc"))?;
    let is_safe = match read.protocol().as_str() {
        "https:" => true,
        "http:" => is_loopback(&read.hostname()),
        _ => false,
    };
    if !is_safe {
        return Err(refused("a node is reached over https, or over http on this machine"));
    }
    if !read.username().is_empty() || !read.password().is_empty() || !read.hash().is_empty() {
        return Err(refused("an address of a node has no name, password or fragment"));
    }
    let url = read.href();
    if url.len() > NODE_MAX_CHARS {
        return Err(refused("an address of a node has up to 2048 characters"));
    }
    store(NODE_KEY, &url).await?;
    channel::tell_changed();
    Ok(())
}

/// The connected sites whose accounts are in the wallet.
pub(super) async fn sites() -> Result<Sites, Refusal> {
    let text = stored(SITES_KEY).await?;
    // A list that cannot be read allows nothing.
    let mut sites: Sites = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let vault = vault_state().await?;
    sites.retain_accounts(|address| vault.accounts().any(|(_, account)| account.address == address));
    Ok(sites)
}

/// One change of the list after the other: each reads all of it, and writes all of it later.
static CHANGING: Mutex<()> = Mutex::new(());

pub(super) async fn connect(origin: Origin, account: Address) -> Result<(), Refusal> {
    let _turn = CHANGING.lock().await;
    let mut sites = sites().await?;
    if !vault_state().await?.accounts().any(|(_, known)| known.address == account) {
        return Err(Refusal::NotHere);
    }
    sites.connect(origin, account, now());
    store_sites(&sites).await
}

/// Takes a permission back, and with it what the site waits for.
pub(super) async fn revoke(origin: &Origin) -> Result<(), Refusal> {
    let _turn = CHANGING.lock().await;
    let mut sites = sites().await?;
    calls::revoked(origin);
    asks::refuse_where(|ask| ask.origin == *origin);
    if sites.revoke(origin) { store_sites(&sites).await } else { Ok(()) }
}

pub(super) async fn vault_state() -> Result<VaultState, Refusal> {
    match vault::state().await? {
        Reply::State(state) => Ok(state),
        _ => Err(Refusal::UnknownRequest),
    }
}

async fn store_sites(sites: &Sites) -> Result<(), Refusal> {
    let text = serde_json::to_string(sites).map_err(|error| Refusal::Storage { detail: error.to_string() })?;
    store(SITES_KEY, &text).await?;
    channel::tell_changed();
    Ok(())
}

pub(super) async fn stored(key: &str) -> Result<Option<String>, Refusal> {
    Ok(host()?.read(AREA, key).await.map_err(failed)?.as_string())
}

pub(super) async fn store(key: &str, text: &str) -> Result<(), Refusal> {
    host()?.write(AREA, key, text).await.map(drop).map_err(failed)
}

fn failed(error: JsValue) -> Refusal {
    Refusal::Storage { detail: describe(&error) }
}
