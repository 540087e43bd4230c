//! The session here over what the browser stores.

use std::cell::{Cell, RefCell};

use wallet::protocol::{Answer, Refusal, Reply, VaultState};
use wallet::session::{Change, Session};
use wallet::vault::StoredVault;
use wasm_bindgen::JsValue;

use super::browser::{describe, now};
use super::host::{self, channel, kept, storage};

thread_local! {
    static SESSION: RefCell<Session> = RefCell::new(Session::with_first_ticket(host::first_ticket()));
    /// Counts the locks, so that what was read before one unlocks nothing after it.
    static LOCKS: Cell<u32> = const { Cell::new(0) };
}

pub(crate) fn with_session<T>(act: impl FnOnce(&mut Session) -> T) -> T {
    SESSION.with_borrow_mut(act)
}

/// What is stored, in its exact text and read.
pub(crate) struct Loaded {
    text: Option<String>,
    vault: Option<StoredVault>,
}

impl Loaded {
    pub(crate) fn vault(&self) -> Option<&StoredVault> {
        self.vault.as_ref()
    }
}

/// Loads what is stored, and takes over what another tab changed.
pub(crate) async fn load() -> Result<Loaded, Refusal> {
    let text = storage::read().await.map_err(|error| from_storage(&error))?;
    let vault = text.as_deref().map(parse).transpose()?;
    with_session(|session| session.refresh(vault.as_ref()));
    if let Some(stored) = &vault {
        resume(stored).await?;
    }
    Ok(Loaded { text, vault })
}

/// Takes over the unlocked state that an earlier run of this program kept, unless its time is over.
async fn resume(stored: &StoredVault) -> Result<(), Refusal> {
    expire();
    if with_session(|session| session.is_unlocked()) {
        return Ok(());
    }
    let locks = LOCKS.get();
    let Some(unlock) = kept::read().await? else { return Ok(()) };
    if LOCKS.get() == locks && !with_session(|session| session.resume(stored, &unlock, now())) {
        kept::write(None).await?;
    }
    Ok(())
}

pub(crate) async fn state() -> Answer {
    let loaded = load().await?;
    with_session(|session| session.state(loaded.vault())).map(Reply::State)
}

/// Makes a change, stores it, and only then lets it count.
pub(crate) async fn change(make: impl FnOnce(&Session, Option<&StoredVault>) -> Result<Change, Refusal>) -> Answer {
    let loaded = load().await?;
    let change = with_session(|session| make(session, loaded.vault()))?;
    let text = change.stored().map(serde_json::to_string).transpose();
    let text = text.map_err(|error| Refusal::Storage { detail: error.to_string() })?;
    let swapped = storage::swap(loaded.text.as_deref(), text.as_deref()).await;
    if !swapped.map_err(|error| from_storage(&error))? {
        return Err(Refusal::ChangedElsewhere);
    }
    with_session(|session| {
        session.commit(change);
        session.used(now());
    });
    keep().await?;
    channel::tell_changed();
    state().await
}

/// Unlocks what is stored, by `open`.
pub(crate) async fn unlock(open: impl FnOnce(&mut Session, &StoredVault) -> Result<(), Refusal>) -> Answer {
    let loaded = load().await?;
    if let Some(stored) = loaded.vault() {
        with_session(|session| open(session, stored))?;
        used().await?;
    }
    state().await
}

pub(crate) async fn lock() -> Answer {
    lock_now().await?;
    channel::tell_lock();
    state().await
}

/// Deletes everything, if it is still of the revision that the page showed.
pub(crate) async fn forget(revision: u64) -> Answer {
    let text = storage::read().await.map_err(|error| from_storage(&error))?;
    // What cannot be read has no revision; who forgets it has seen that.
    let stored = text.as_deref().and_then(|text| parse(text).ok()?.contents().ok());
    if stored.is_some_and(|contents| contents.revision != revision) {
        return Err(Refusal::ChangedElsewhere);
    }
    let swapped = storage::swap(text.as_deref(), None).await;
    if !swapped.map_err(|error| from_storage(&error))? {
        return Err(Refusal::ChangedElsewhere);
    }
    lock_now().await?;
    channel::tell_changed();
    Ok(Reply::State(VaultState::default()))
}

/// The wallet is used here: nothing locks itself for a while.
pub(crate) async fn used() -> Result<(), Refusal> {
    with_session(|session| session.used(now()));
    channel::tell_used();
    keep().await
}

/// Keeps the unlocked state for the next run of this program, or sees to it that nothing is kept where this is locked.
async fn keep() -> Result<(), Refusal> {
    kept::write(with_session(|session| session.kept())).await
}

async fn lock_now() -> Result<(), Refusal> {
    LOCKS.set(LOCKS.get().wrapping_add(1));
    with_session(Session::lock);
    kept::write(None).await
}

/// Locks where the time is over.
pub(crate) fn expire() {
    if with_session(|session| session.expire(now())) {
        host::tell_changed();
    }
}

fn parse(text: &str) -> Result<StoredVault, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::UnreadableWallet { detail: error.to_string() })
}

fn from_storage(error: &JsValue) -> Refusal {
    Refusal::Storage { detail: describe(error) }
}
