//! What the worker does with each request, and what it remembers between them.

use std::cell::RefCell;

use alloy_primitives::keccak256;
use frontend::wallet::audit;
use frontend::wallet::keys::{KeyError, Phrase};
use frontend::wallet::protocol::{Check, CheckName, PASSWORD_MIN_CHARS, Refusal, Reply, Request, Secret, WalletState};
use frontend::wallet::vault::{self, SealedWallet, VaultError};
use k256::elliptic_curve::rand_core::{OsRng, RngCore};
use shared::receipt::SignedReceipt;
use shared::{Address, B256};
use wasm_bindgen::JsValue;

use super::database;

/// Words that are asked for before a key is stored.
const CONFIRMED_WORDS: usize = 3;

/// A key that was made but not confirmed.
struct Draft {
    phrase: Phrase,
    sealed: SealedWallet,
    ask: Vec<usize>,
}

#[derive(Default)]
struct Session {
    draft: Option<Draft>,
    /// The opened wallet; its words are wiped when this is dropped.
    unlocked: Option<(Address, Phrase)>,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
}

pub(crate) async fn answer(request: Request) -> Reply {
    let outcome = match request {
        Request::State => state().await,
        Request::Create { password } => create(&password),
        Request::Confirm { words } => confirm(&words).await,
        Request::Unlock { password } => unlock(&password).await,
        Request::Lock => {
            SESSION.with_borrow_mut(|session| session.unlocked = None);
            state().await
        }
        Request::Remove => remove().await,
        Request::Verify { receipt_json } => match serde_json::from_str(&receipt_json) {
            Ok(receipt) => Ok(Reply::Verified { checks: verify(&receipt).await }),
            Err(error) => Err(Refusal::NoReceipt { detail: error.to_string() }),
        },
    };
    outcome.unwrap_or_else(|reason| Reply::Refused { reason })
}

async fn state() -> Result<Reply, Refusal> {
    let unlocked = SESSION.with_borrow(|session| session.unlocked.as_ref().map(|(address, _)| *address));
    let wallet = match (unlocked, stored().await?) {
        (Some(address), _) => WalletState::Unlocked { address },
        (None, Some(sealed)) => WalletState::Locked { address: sealed.address },
        (None, None) => WalletState::Empty,
    };
    Ok(Reply::State { wallet })
}

fn create(password: &Secret) -> Result<Reply, Refusal> {
    if password.0.chars().count() < PASSWORD_MIN_CHARS {
        return Err(Refusal::ShortPassword);
    }
    let phrase = Phrase::draw(&mut OsRng).map_err(from_keys)?;
    let address = phrase.first_account().map_err(from_keys)?.address();
    let (mut salt, mut nonce) = ([0; vault::SALT_BYTES], [0; vault::NONCE_BYTES]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut nonce);
    let sealed = vault::seal(&phrase, address, &password.0, salt, nonce).map_err(from_vault)?;
    let words: Vec<Secret> = phrase.words().map(|word| Secret(word.to_owned())).collect();
    let ask = positions(words.len());
    let reply = Reply::Words { words, ask: ask.clone() };
    SESSION.with_borrow_mut(|session| session.draft = Some(Draft { phrase, sealed, ask }));
    Ok(reply)
}

/// Distinct positions from 1 to `count`, in order.
fn positions(count: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (1..=count).collect();
    while left.len() > CONFIRMED_WORDS {
        let drop = usize::try_from(OsRng.next_u32()).unwrap_or_default() % left.len();
        left.remove(drop);
    }
    left
}

async fn confirm(words: &[(usize, Secret)]) -> Result<Reply, Refusal> {
    let checked = SESSION.with_borrow(|session| {
        let draft = session.draft.as_ref()?;
        Some((draft.sealed.clone(), first_wrong(draft, words)))
    });
    let Some((sealed, wrong)) = checked else { return state().await };
    if let Some(position) = wrong {
        return Err(Refusal::WrongWord { position });
    }
    let text = serde_json::to_string(&sealed).map_err(|error| Refusal::Browser { detail: error.to_string() })?;
    database::write(&text).await.map_err(from_browser)?;
    SESSION.with_borrow_mut(|session| {
        session.unlocked = session.draft.take().map(|draft| (draft.sealed.address, draft.phrase));
    });
    state().await
}

/// The first asked position at which `words` do not hold the draft's word.
fn first_wrong(draft: &Draft, words: &[(usize, Secret)]) -> Option<usize> {
    let known: Vec<&str> = draft.phrase.words().collect();
    let given = |position| words.iter().find(|(at, _)| *at == position).map(|(_, word)| word.0.trim().to_lowercase());
    let is_wrong = |position: &usize| given(*position).as_deref() != known.get(position - 1).copied();
    draft.ask.iter().copied().find(is_wrong)
}

async fn unlock(password: &Secret) -> Result<Reply, Refusal> {
    let Some(sealed) = stored().await? else { return state().await };
    let phrase = vault::open(&sealed, &password.0).map_err(from_vault)?;
    SESSION.with_borrow_mut(|session| session.unlocked = Some((sealed.address, phrase)));
    state().await
}

async fn remove() -> Result<Reply, Refusal> {
    database::remove().await.map_err(from_browser)?;
    SESSION.with_borrow_mut(|session| *session = Session::default());
    state().await
}

async fn stored() -> Result<Option<SealedWallet>, Refusal> {
    match database::read().await.map_err(from_browser)? {
        Some(text) => {
            serde_json::from_str(&text).map(Some).map_err(|error| Refusal::Browser { detail: error.to_string() })
        }
        None => Ok(None),
    }
}

async fn verify(signed: &SignedReceipt) -> Vec<Check> {
    let mut checks = audit::check(signed);
    let contract = signed.receipt.contract;
    checks.push(match used_on_chain(contract, signed.receipt_hash).await {
        Ok(true) => Check { name: CheckName::Minted, holds: Some(true), detail: contract.to_string() },
        Ok(false) => Check { name: CheckName::Minted, holds: None, detail: contract.to_string() },
        Err(error) => Check { name: CheckName::Minted, holds: Some(false), detail: database::describe(&error) },
    });
    checks
}

/// Asks `usedReceipt(bytes32)` of the contract that pays through the node's JSON-RPC.
async fn used_on_chain(contract: Address, receipt_hash: B256) -> Result<bool, JsValue> {
    let selector = keccak256(b"usedReceipt(bytes32)");
    let data = shared::Bytes::from([&selector[..4], receipt_hash.as_slice()].concat());
    let call = serde_json::json!({"to": contract, "data": data});
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]});
    let answer = database::post_json("/rpc", &body.to_string()).await?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer).map_err(|error| JsValue::from_str(&error.to_string()))?;
    match answer["result"].as_str().and_then(|word| word.parse::<B256>().ok()) {
        Some(word) => Ok(word != B256::ZERO),
        None => Err(JsValue::from_str(&format!("the node answered {}", answer["error"]["message"]))),
    }
}

fn from_vault(error: VaultError) -> Refusal {
    match error {
        VaultError::WrongPassword => Refusal::WrongPassword,
        other => Refusal::Browser { detail: other.to_string() },
    }
}

fn from_keys(error: KeyError) -> Refusal {
    Refusal::Browser { detail: error.to_string() }
}

fn from_browser(error: JsValue) -> Refusal {
    Refusal::Browser { detail: database::describe(&error) }
}
