//! What a site gets: only what its owner allowed it, and a signature only by a sheet.

use std::cell::Cell;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::Address;
use wallet::protocol::Refusal;
use wallet::provider::{self, AskedFor, ProviderError, SiteRequest};
use wallet::sites::Origin;

use super::{asks, calls, settings};
use crate::node;

/// Longest question of a site.
const QUESTION_MAX_BYTES: usize = 512 << 10;

/// Most questions of all sites that are answered at once.
const IN_WORK_MAX: usize = 64;

/// Every site may ask the node for the chain's number, here and by `eth_chainId`: it says nothing of the owner.
const OF_EVERYBODY: &str = "net_version";

thread_local! {
    static IN_WORK: Cell<usize> = const { Cell::new(0) };
}

#[derive(Deserialize)]
struct Question {
    method: String,
    #[serde(default)]
    params: Value,
}

pub(super) async fn answer(origin: Origin, page: String, text: &str) -> Result<Value, ProviderError> {
    if text.len() > QUESTION_MAX_BYTES {
        let most = QUESTION_MAX_BYTES >> 10;
        return Err(ProviderError::Parameters(format!("a request has up to {most} KiB, got {} bytes", text.len())));
    }
    let unreadable = |_| ProviderError::Parameters("request takes an object with the text `method`".to_owned());
    let question: Question = serde_json::from_str(text).map_err(unreadable)?;
    if IN_WORK.get() >= IN_WORK_MAX {
        return Err(ProviderError::TooMany);
    }
    IN_WORK.set(IN_WORK.get() + 1);
    let answer = serve(origin, page, question).await;
    IN_WORK.set(IN_WORK.get() - 1);
    answer
}

async fn serve(origin: Origin, page: String, question: Question) -> Result<Value, ProviderError> {
    let sites = settings::sites().await.map_err(refused)?;
    let (known, since) = (sites.account_of(&origin), sites.since(&origin));
    match SiteRequest::parse(&question.method, question.params)? {
        SiteRequest::Connect => connect(known, origin, page).await.map(|account| provider::accounts(Some(account))),
        SiteRequest::ConnectForPermissions => {
            connect(known, origin.clone(), page).await?;
            Ok(provider::permissions(settings::sites().await.map_err(refused)?.since(&origin)))
        }
        SiteRequest::Accounts => Ok(provider::accounts(known)),
        SiteRequest::Permissions => Ok(provider::permissions(since)),
        SiteRequest::Revoke => settings::revoke(&origin).await.map(|()| Value::Null).map_err(refused),
        SiteRequest::ChainId => of_node("eth_chainId", json!([])).await,
        SiteRequest::SameChain { chain_id } => {
            let own = of_node("eth_chainId", json!([])).await?;
            let is_same = own.as_str().is_some_and(|own| own.eq_ignore_ascii_case(&chain_id));
            if is_same { Ok(Value::Null) } else { Err(ProviderError::UnknownChain) }
        }
        SiteRequest::Sign { from, .. } if known != Some(from) => Err(ProviderError::Unauthorized),
        SiteRequest::Sign { from, what } => asks::ask(origin, page, AskedFor::Sign { from, what }).await,
        SiteRequest::Capabilities { account, .. } if known != Some(account) => Err(ProviderError::Unauthorized),
        SiteRequest::Capabilities { chains, .. } => calls::capabilities(chains.as_deref()).await,
        SiteRequest::SendCalls(_) | SiteRequest::CallsStatus { .. } | SiteRequest::ShowCalls { .. }
            if known.is_none() =>
        {
            Err(ProviderError::Unauthorized)
        }
        SiteRequest::SendCalls(asked) => calls::send(origin, page, known.unwrap_or_default(), asked).await,
        SiteRequest::CallsStatus { id } => calls::status(&origin, &id).await,
        SiteRequest::ShowCalls { id } => calls::show(origin, page, &id).await,
        SiteRequest::Node { method, .. } if known.is_none() && method != OF_EVERYBODY => {
            Err(ProviderError::Unauthorized)
        }
        SiteRequest::Node { method, params } => of_node(&method, params).await,
    }
}

/// Asks the owner for an account, unless the site knows one already.
async fn connect(known: Option<Address>, origin: Origin, page: String) -> Result<Address, ProviderError> {
    if let Some(account) = known {
        return Ok(account);
    }
    let chosen = asks::ask(origin, page, AskedFor::Connect).await?;
    chosen.as_str().and_then(|text| text.parse().ok()).ok_or(ProviderError::Internal)
}

pub(super) async fn of_node(method: &str, params: Value) -> Result<Value, ProviderError> {
    let mut answer = node::exchange(method, params).await.map_err(|_| ProviderError::Disconnected)?;
    if answer["error"].is_object() {
        return Err(ProviderError::of_node(&answer["error"]));
    }
    Ok(answer["result"].take())
}

pub(super) fn refused(refusal: Refusal) -> ProviderError {
    let detail = frontend::text::wallet::refusal(&refusal);
    match refusal {
        Refusal::SendUnclear { hash, .. } => ProviderError::SendUnclear { hash, detail },
        _ => ProviderError::Wallet(detail),
    }
}
