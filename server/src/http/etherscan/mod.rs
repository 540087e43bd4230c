//! `/api?module=…&action=…`: the form of Etherscan's and Blockscout's API, as far as the chain and its index answer it.
//! Tools that know explorers by this form need nothing else.
//!
//! An answer is `{status, message, result}`: status `1` with a result, or `0` with a reason and HTTP 200. A module or
//! action that is not here is 400. `proxy` answers as JSON-RPC does.

mod accounts;
mod blocks;
mod contracts;
mod logs;
mod parameters;
mod proxy;
mod tokens;
mod verification;

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Form, FromRef, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use node::{Lane, NodeError, NodeHandle};
use serde_json::{Value, json};
use store::{Store, StoreError};

use self::parameters::{Fields, Parameters};
use crate::app::App;
use crate::auth::{Callers, Visitor};
use crate::clock;
use crate::error::{ApiError, LoggedError};
use crate::verification::Verifications;

/// What one request counts for beside those of `/rpc`: a long read.
const UNITS: u32 = 10;

/// What sources count for that are to be compiled.
const VERIFICATION_UNITS: u32 = 400;

/// Largest form: the largest sources of a contract, of which a form writes many characters in three.
const FORM_MAX_BYTES: usize = 1 << 20;

/// Rows of one answer, and the rows up to which pages reach. A list goes further by `startblock` and `endblock`.
const ROWS_MAX: u64 = 1_000;
const DEPTH_MAX: u64 = 10_000;
const ROWS_DEFAULT: u64 = 100;

/// Where the answers come from.
struct Source {
    store: Store,
    /// Whose reads count as strangers'.
    node: NodeHandle,
    verifications: Verifications,
    /// The network address of who asks.
    caller: String,
}

/// The two parameters that every call has.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "it only describes the form")]
pub struct EtherscanCall {
    module: String,
    action: String,
}

/// `status` is `1` with a result, or `0` with a reason in `result` or in `message`.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct EtherscanAnswer {
    status: &'static str,
    message: String,
    /// A text, an object or a list, as the action has it.
    result: Value,
}

impl EtherscanAnswer {
    fn refused(told: String) -> Json<Self> {
        Json(Self { status: "0", message: "NOTOK".to_owned(), result: told.into() })
    }
}

/// What an action gives.
enum Outcome {
    Found(Value),
    /// A list without rows, and what there is none of.
    Nothing(&'static str),
}

/// Why an action gives nothing.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Parameter(String),
    #[error("{0}")]
    Absent(&'static str),
    #[error("{0}")]
    Told(String),
    #[error("Unknown module")]
    Module,
    #[error("Unknown action")]
    Action,
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Answer = Result<Outcome, Refused>;

/// What a call needs.
#[derive(Clone)]
pub struct Etherscan {
    app: Arc<App>,
    /// The node's own routes, for `proxy`.
    rpc: Router,
}

impl FromRef<Etherscan> for Callers {
    fn from_ref(etherscan: &Etherscan) -> Self {
        Self::from_ref(&etherscan.app)
    }
}

/// `/api` itself. `rpc` are the node's routes.
pub(crate) fn router(app: Arc<App>, rpc: Router) -> Router {
    Router::new()
        .route("/api", routing::get(get).post(post))
        .layer(DefaultBodyLimit::max(FORM_MAX_BYTES))
        .with_state(Etherscan { app, rpc })
}

/// Explorer calls in Etherscan's form: `account`, `block`, `contract`, `logs`, `stats`, `token`, `transaction`, and
/// `proxy`, which answers as JSON-RPC does. Each action takes further parameters by Etherscan's names.
#[utoipa::path(
    get, path = "/api", tag = "explorer",
    params(("module" = String, Query, description = "such as `account`"), ("action" = String, Query, description = "such as `txlist`")),
    responses(
        (status = 200, body = EtherscanAnswer), (status = "4XX", body = EtherscanAnswer), (status = "5XX", body = EtherscanAnswer),
    )
)]
pub async fn get(
    State(etherscan): State<Etherscan>,
    visitor: Visitor,
    query: Result<Query<Fields>, QueryRejection>,
) -> Response {
    match query {
        Ok(Query(fields)) => answer(&etherscan, &visitor, Parameters(fields)).await,
        Err(rejection) => refusal(&Refused::Parameter(rejection.body_text())),
    }
}

/// The same by a form; what stands in the address counts too.
#[utoipa::path(
    post, path = "/api", tag = "explorer",
    request_body(content = EtherscanCall, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = EtherscanAnswer), (status = "4XX", body = EtherscanAnswer), (status = "5XX", body = EtherscanAnswer),
    )
)]
pub async fn post(
    State(etherscan): State<Etherscan>,
    visitor: Visitor,
    query: Result<Query<Fields>, QueryRejection>,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    match (query, form) {
        (Ok(Query(mut fields)), Ok(Form(more))) => {
            fields.extend(more);
            answer(&etherscan, &visitor, Parameters(fields)).await
        }
        (Err(rejection), _) => refusal(&Refused::Parameter(rejection.body_text())),
        (_, Err(rejection)) => refusal(&Refused::Parameter(rejection.body_text())),
    }
}

async fn answer(etherscan: &Etherscan, visitor: &Visitor, parameters: Parameters) -> Response {
    let app = &etherscan.app;
    let module = parameters.word("module").to_ascii_lowercase();
    if module == "proxy" {
        return proxy::forward(etherscan, visitor, &parameters).await;
    }
    let action = parameters.word("action").to_ascii_lowercase();
    let units = if action == verification::SUBMIT { VERIFICATION_UNITS } else { UNITS };
    if let Err(refused) = app.rpc_units.take(&visitor.address, units, clock::now()) {
        return too_many(refused.per_minute, refused.wait_seconds);
    }
    let source = Source {
        store: app.store.clone(),
        node: app.node.clone().in_lane(Lane::Stranger),
        verifications: app.verifications.clone(),
        caller: visitor.address.clone(),
    };
    let answer = match module.as_str() {
        "account" => accounts::answer(&source, &action, &parameters).await,
        "block" => blocks::answer(&source, &action, &parameters).await,
        "contract" => contracts::answer(&source, &action, &parameters).await,
        "logs" => logs::answer(&source, &action, &parameters).await,
        "stats" | "token" => tokens::answer(&source, &action, &parameters).await,
        "transaction" => blocks::transaction(&source, &action, &parameters).await,
        _ => Err(Refused::Module),
    };
    match answer {
        Ok(Outcome::Found(result)) => {
            Json(EtherscanAnswer { status: "1", message: "OK".to_owned(), result }).into_response()
        }
        Ok(Outcome::Nothing(what)) => {
            let message = format!("No {what} found");
            Json(EtherscanAnswer { status: "0", message, result: json!([]) }).into_response()
        }
        Err(refused) => refusal(&refused),
    }
}

fn refusal(refused: &Refused) -> Response {
    let (status, told) = match refused {
        Refused::Module | Refused::Action => (StatusCode::BAD_REQUEST, refused.to_string()),
        Refused::Parameter(_) | Refused::Absent(_) | Refused::Told(_) => (StatusCode::OK, refused.to_string()),
        Refused::Node(error) if error.is_callers_fault() => (StatusCode::OK, error.to_string()),
        Refused::Node(error) if error.is_retryable() => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        Refused::Node(_) | Refused::Store(_) => {
            let told = "the server could not answer; try again later".to_owned();
            let mut response = (StatusCode::SERVICE_UNAVAILABLE, EtherscanAnswer::refused(told)).into_response();
            response.extensions_mut().insert(LoggedError(Arc::new(ApiError::Internal(refused.to_string()))));
            return response;
        }
    };
    (status, EtherscanAnswer::refused(told)).into_response()
}

fn too_many(per_minute: u32, wait_seconds: u64) -> Response {
    let told = format!("Max rate limit reached: {per_minute} units a minute, try again in {wait_seconds} s");
    let mut response = (StatusCode::TOO_MANY_REQUESTS, EtherscanAnswer::refused(told)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_seconds));
    response
}

/// Rows, or that there are none.
fn listed(what: &'static str, rows: Vec<Value>) -> Answer {
    Ok(if rows.is_empty() { Outcome::Nothing(what) } else { Outcome::Found(Value::Array(rows)) })
}

fn found(result: impl Into<Value>) -> Answer {
    Ok(Outcome::Found(result.into()))
}
