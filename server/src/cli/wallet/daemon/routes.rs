//! The daemon's paths and what each does.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use custody::event::LockReason;
use custody::refusal::Refusal;
use serde_json::{Value, json};
use shared::Address;
use tower_http::catch_panic::CatchPanicLayer;
use wallet::transaction_request::TransactionRequest;

use super::error::DaemonError;
use super::guard::{self, Guard};
use super::payments::PaymentView;
use super::plan::{self, Signing};
use super::requests::{
    Asked, Body, Cancel, Confirm, Create, Factor, Import, InQuery, Lock, OfWallet, Rows, Secret, SetPolicy, Unlock,
    What, idempotency,
};
use super::segments;
use super::signer::{Signer, blocking};
use super::tickets::{Prepared, Sheet};
use super::wallets::{Added, Balance, HISTORY_MAX, Listed};
use crate::cli::wallet::folder::WalletName;
use crate::clock;
use crate::middleware;

/// Rows of a history or of the audit log where a request names no other number.
const ROWS_DEFAULT: u32 = 100;

type Answer<T> = Result<Json<T>, DaemonError>;
type App = State<Arc<Signer>>;

pub(super) fn router(signer: Arc<Signer>, guard: Arc<Guard>) -> Router {
    let wallet = Router::new()
        .route("/create", post(create))
        .route("/import", post(import))
        .route("/list", get(list))
        .route("/unlock", post(unlock))
        .route("/lock", post(lock))
        .route("/balance", get(balance))
        .route("/history", get(history))
        .route("/prepare", post(prepare))
        .route("/send", post(send))
        .route("/sign", post(sign))
        .route("/cancel", post(cancel))
        .route("/policy", get(policy).put(set_policy))
        .route("/second-factor", post(enrol).delete(remove_factor))
        .route("/second-factor/confirm", post(confirm))
        .route("/audit", get(audit))
        .with_state(signer);
    let not_found = || async { DaemonError::NotFound("there is no such path".to_owned()) };
    Router::new()
        .nest("/v1/wallet", wallet)
        .fallback(not_found)
        .layer(from_fn_with_state(guard, guard::check))
        .layer(CatchPanicLayer::custom(middleware::answer_panic))
}

async fn create(State(signer): App, body: Body<Create>) -> Result<(StatusCode, Json<Added>), DaemonError> {
    Ok((StatusCode::CREATED, Json(signer.create(body.value).await?)))
}

async fn import(State(signer): App, body: Body<Import>) -> Result<(StatusCode, Json<Added>), DaemonError> {
    Ok((StatusCode::CREATED, Json(signer.import(body.value).await?)))
}

async fn list(State(signer): App) -> Answer<Vec<Listed>> {
    signer.list().await.map(Json)
}

async fn unlock(State(signer): App, body: Body<Unlock>) -> Answer<Value> {
    let Unlock { wallet, password } = body.value;
    let address = signer.unlock(&wallet, password.0).await?;
    Ok(Json(json!({ "wallet": wallet.to_string(), "address": address })))
}

async fn lock(State(signer): App, body: Body<Lock>) -> Result<StatusCode, DaemonError> {
    signer.lock(body.value.wallet.as_ref(), LockReason::Asked)?.wait().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn balance(State(signer): App, query: InQuery<OfWallet>) -> Answer<Balance> {
    signer.balance(&query.0.wallet).await.map(Json)
}

async fn history(State(signer): App, query: InQuery<OfWallet>) -> Answer<Value> {
    let OfWallet { wallet, limit } = query.0;
    signer.history(&wallet, rows(limit)?).await.map(Json)
}

async fn policy(State(signer): App, query: InQuery<OfWallet>) -> Answer<Value> {
    signer.policy(&query.0.wallet).map(Json)
}

async fn set_policy(State(signer): App, body: Body<SetPolicy>) -> Answer<Value> {
    Ok(Json(json!({ "policy": signer.set_policy(body.value).await? })))
}

async fn enrol(State(signer): App, body: Body<Factor>) -> Answer<Value> {
    let Factor { wallet, password, code } = body.value;
    let shown = signer.enrol(&wallet, password.0, text(code.as_ref())).await?;
    Ok(Json(json!({ "secret": shown.secret.as_str(), "uri": shown.uri.as_str() })))
}

async fn confirm(State(signer): App, body: Body<Confirm>) -> Answer<Value> {
    let codes = signer.confirm(&body.value.wallet, &body.value.code.0).await?;
    let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    Ok(Json(json!({ "recovery_codes": codes })))
}

async fn remove_factor(State(signer): App, body: Body<Factor>) -> Result<StatusCode, DaemonError> {
    let Factor { wallet, password, code } = body.value;
    signer.remove_factor(&wallet, password.0, text(code.as_ref())).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn prepare(State(signer): App, body: Body<Asked>) -> Answer<Sheet> {
    let (what, _) = body.value.what()?;
    let (name, address, prepared) = plan(&signer, what).await?;
    signer.show(&name, address, prepared).map(Json)
}

async fn send(State(signer): App, headers: HeaderMap, body: Body<Asked>) -> Answer<PaymentView> {
    let idempotency = idempotency(&headers, body.request)?;
    let (what, code) = body.value.what()?;
    if let Some(paid) = signer.paid(&idempotency).await? {
        return Ok(Json(paid));
    }
    if matches!(what, What::Message(..) | What::TypedData(..)) {
        return Err(DaemonError::Form("only transfers and transactions are sent: use /v1/wallet/sign".to_owned()));
    }
    let ticket = ticket_of(&what);
    let (name, prepared) = prepared(&signer, what).await?;
    signer.pay(&name, prepared, ticket.as_deref(), text(code.as_ref()), idempotency).await.map(Json)
}

async fn sign(State(signer): App, body: Body<Asked>) -> Answer<Value> {
    let (what, code) = body.value.what()?;
    let ticket = ticket_of(&what);
    let (name, prepared) = prepared(&signer, what).await?;
    signer.sign(&name, prepared, ticket.as_deref(), text(code.as_ref())).await.map(Json)
}

async fn cancel(State(signer): App, body: Body<Cancel>) -> Answer<PaymentView> {
    let Cancel { wallet, idempotency_key } = body.value;
    signer.cancel(&wallet, &idempotency_key).await.map(Json)
}

async fn audit(State(signer): App, query: InQuery<Rows>) -> Answer<Value> {
    let rows = rows(query.0.limit)?;
    signer.log.flush().wait().await?;
    let (folder, head) = (signer.log.folder().to_owned(), signer.head());
    let most = usize::try_from(rows).unwrap_or(usize::MAX);
    let entries = blocking(move || segments::tail(&folder, most)).await?;
    let entries = entries.map_err(|error| DaemonError::Internal(format!("{error:#}")))?;
    Ok(Json(json!({ "head": head, "entries": entries })))
}

fn text(secret: Option<&Secret>) -> Option<&str> {
    secret.map(|secret| secret.0.as_str())
}

fn rows(limit: Option<u32>) -> Result<u32, DaemonError> {
    let limit = limit.unwrap_or(ROWS_DEFAULT);
    if (1..=HISTORY_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(DaemonError::Form(format!("limit is 1 to {HISTORY_MAX}, got {limit}")))
}

fn ticket_of(what: &What) -> Option<String> {
    match what {
        What::Ticket(ticket) => Some(ticket.clone()),
        _ => None,
    }
}

/// What a ticket stands for, or what the request itself says.
async fn prepared(signer: &Arc<Signer>, what: What) -> Result<(WalletName, Prepared), DaemonError> {
    match what {
        What::Ticket(ticket) => signer.state().tickets.get(&ticket, clock::now()),
        what => plan(signer, what).await.map(|(name, _, prepared)| (name, prepared)),
    }
}

/// Reads what is asked for, and asks the node for what is missing. A refusal of it stands in the log.
async fn plan(signer: &Arc<Signer>, what: What) -> Result<(WalletName, Address, Prepared), DaemonError> {
    let name = match &what {
        What::Ticket(_) => return Err(DaemonError::Form("a ticket was prepared already".to_owned())),
        What::Transfer(name, _) | What::Transaction(name, _) | What::Message(name, _) | What::TypedData(name, _) => {
            name.clone()
        }
    };
    // Before a node is asked for a wallet that cannot sign.
    let address = signer.key(&mut signer.state(), &name, clock::now())?.0;
    let worker = Arc::clone(signer);
    let planned = match what {
        // Nothing of these waits for the node.
        What::Message(_, text) => read(&worker, address, |signing| signing.message(&text)),
        What::TypedData(_, json) => read(&worker, address, |signing| signing.typed_data(&json)),
        other => blocking(move || read(&worker, address, |signing| ask(&worker, signing, other))).await?,
    };
    match planned {
        Ok(prepared) => Ok((name, address, prepared)),
        Err(DaemonError::Refused(refusal)) => Err(log_refusal(signer, address, refusal)),
        Err(error) => Err(error),
    }
}

fn log_refusal(signer: &Signer, address: Address, refusal: Refusal) -> DaemonError {
    signer.refuse(&mut signer.state(), address, refusal)
}

fn read(
    signer: &Signer,
    account: Address,
    work: impl FnOnce(Signing<'_>) -> Result<Prepared, DaemonError>,
) -> Result<Prepared, DaemonError> {
    work(Signing { node: &signer.config.node, chain_id: signer.config.chain_id, account })
}

fn ask(signer: &Signer, signing: Signing<'_>, what: What) -> Result<Prepared, DaemonError> {
    match what {
        What::Transfer(_, transfer) => {
            let to = signer.config.folder.resolve(&transfer.to);
            let to = to.map_err(|error| DaemonError::Form(format!("`transfer.to`: {error:#}")))?;
            signing.transfer(plan::token(transfer.token), to, transfer.amount.0)
        }
        What::Transaction(_, text) => {
            let request = TransactionRequest::parse(&text);
            signing.transaction(request.map_err(|error| DaemonError::Form(format!("`transaction`: {error}")))?)
        }
        What::Message(..) | What::TypedData(..) | What::Ticket(_) => {
            Err(DaemonError::Internal("this needs no node".to_owned()))
        }
    }
}
