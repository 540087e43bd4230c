//! What the worker does with each request: the rules are [`wallet::session`]'s, storage and chain are the browser's.

use std::cell::RefCell;

use shared::Address;
use shared::receipt::SignedReceipt;
use wallet::protocol::{Answer, Check, CheckName, Refusal, Reply, Request, Secret};
use wallet::rand_core::OsRng;
use wallet::receipt_check;
use wallet::session::{Session, may_store};
use wallet::vault::SealedWallet;
use wasm_bindgen::JsValue;

use super::{describe, node, storage};

thread_local! {
    static SESSION: RefCell<Session> = const { RefCell::new(Session::new()) };
}

pub(crate) async fn answer(request: Request) -> Answer {
    match request {
        Request::State => state().await,
        Request::Create { password } => {
            let stored = load().await?;
            SESSION.with_borrow_mut(|session| session.create(stored.as_ref(), &password, &mut OsRng))
        }
        Request::Confirm { words } => confirm(&words).await,
        Request::Unlock { password } => unlock(&password).await,
        Request::Lock => {
            SESSION.with_borrow_mut(Session::lock);
            state().await
        }
        Request::Remove { address } => remove(address).await,
        Request::CheckReceipt { receipt_json } => match serde_json::from_str(&receipt_json) {
            Ok(receipt) => Ok(Reply::ReceiptChecked { checks: check(&receipt).await }),
            Err(error) => Err(Refusal::NotAReceipt { detail: error.to_string() }),
        },
    }
}

async fn state() -> Answer {
    let stored = load().await?;
    Ok(Reply::State { wallet: SESSION.with_borrow(|session| session.state(stored.as_ref())) })
}

async fn confirm(words: &[(usize, Secret)]) -> Answer {
    if let Some(new) = SESSION.with_borrow_mut(|session| session.confirm(words))? {
        let outcome = save(new.sealed()).await;
        SESSION.with_borrow_mut(|session| match &outcome {
            Ok(()) => session.stored(new),
            Err(_) => session.not_stored(new),
        });
        outcome?;
    }
    state().await
}

async fn unlock(password: &Secret) -> Answer {
    if let Some(sealed) = load().await? {
        SESSION.with_borrow_mut(|session| session.unlock(&sealed, password))?;
    }
    state().await
}

async fn remove(address: Address) -> Answer {
    if let Some(text) = storage::read().await.map_err(from_storage)? {
        Session::may_remove(Some(&parse(&text)?), address)?;
        storage::remove(&text).await.map_err(from_storage)?;
    }
    SESSION.set(Session::new());
    state().await
}

async fn load() -> Result<Option<SealedWallet>, Refusal> {
    let text = storage::read().await.map_err(from_storage)?;
    text.map(|text| parse(&text)).transpose()
}

fn parse(text: &str) -> Result<SealedWallet, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::UnreadableWallet { detail: error.to_string() })
}

async fn save(sealed: &SealedWallet) -> Result<(), Refusal> {
    let text = serde_json::to_string(sealed).map_err(|error| Refusal::Storage { detail: error.to_string() })?;
    may_store(load().await?.as_ref())?;
    storage::add(&text).await.map_err(from_storage)
}

async fn check(signed: &SignedReceipt) -> Vec<Check> {
    let mut checks = receipt_check::check(signed);
    let (holds, detail) = match node::has_used(signed.receipt.contract, signed.receipt_hash).await {
        Ok(true) => (Some(true), signed.receipt.contract.to_string()),
        Ok(false) => (None, signed.receipt.contract.to_string()),
        Err(error) => (Some(false), describe(&error)),
    };
    checks.push(Check { name: CheckName::Minted, holds, detail });
    checks
}

fn from_storage(error: JsValue) -> Refusal {
    Refusal::Storage { detail: describe(&error) }
}
