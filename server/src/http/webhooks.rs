//! `/v1/webhooks`: where a client has the ends of its jobs told.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hub::quota;
use shared::Address;
use shared::api::problem::Problem;
use shared::api::webhooks::{
    CreateWebhook, CreatedWebhook, Deliveries, DeliveryState, WEBHOOKS_MAX, WebhookView, Webhooks,
};
use shared::id::{JobId, WebhookId};
use store::change::{self, MadeFrom, RemoveWebhook, SendAgain};
use store::record::webhooks::{WebhookRecord, WebhookSecret};

use super::extract::{ApiJson, ApiPath, ApiPaths};
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::webhooks::{SECRET_PREFIX, WebhookAccess};

/// Webhooks of all clients at this server, each a row of up to some thousand bytes.
const WEBHOOKS_OF_ALL_MAX: u64 = 100_000;

/// Webhooks of all wallets of one network address.
const WEBHOOKS_PER_NETWORK_MAX: u64 = 50;

/// The same of all network addresses of one IPv6 site.
const WEBHOOKS_PER_SITE_MAX: u64 = 200;

fn made_from(caller: &Caller) -> Option<MadeFrom> {
    let network = caller.network()?.to_owned();
    Some(MadeFrom {
        site: quota::site_prefix(&network).map(str::to_owned),
        network,
        most_of_network: WEBHOOKS_PER_NETWORK_MAX,
        most_of_site: WEBHOOKS_PER_SITE_MAX,
    })
}

fn missing(id: WebhookId) -> ApiError {
    ApiError::not_found("webhook of this client", id)
}

async fn find(access: &WebhookAccess, address: Address, id: WebhookId) -> Result<WebhookView, ApiError> {
    let own = access.store.list_webhooks(address).await?;
    own.into_iter().map(|webhook| webhook.view).find(|view| view.id == id).ok_or_else(|| missing(id))
}

/// Whose webhooks a caller means.
fn client(caller: &Caller) -> Result<Address, ApiError> {
    caller.may_create_jobs()?;
    let whose = "webhooks are a client's: ask with an API key (X-Api-Key), or signed in with a wallet";
    caller.address().ok_or(ApiError::Unauthorized(whose))
}

/// Has the ends of this client's jobs told to a web address. The secret that signs the messages is shown this once.
///
/// Each job that ends from now on is told by one `POST` with a `WebhookMessage`, signed as Standard Webhooks says. An
/// answer other than 200 to 299 within five seconds is a failure, and the message is sent again. A webhook that was made
/// with a key goes with the key, and that of a wallet which asks for no job for 60 days goes, too.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "webhooks", request_body = CreateWebhook,
    responses(
        (status = 201, body = CreatedWebhook),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The client has all webhooks that it may have, or its network address has", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "The address is not one that messages may go to", content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn create_webhook(
    State(access): State<WebhookAccess>,
    caller: Caller,
    body: ApiJson<CreateWebhook>,
) -> Result<(StatusCode, Json<CreatedWebhook>), ApiError> {
    let address = client(&caller)?;
    let url = access.reach.check(&body.value.url).map_err(|error| ApiError::OutOfBounds(vec![error]))?;
    let view = WebhookView {
        id: WebhookId::from_random(clock::random_u128()),
        url,
        created_at_unix_ms: clock::now(),
        stopped_at_unix_ms: None,
    };
    let secret = format!("{SECRET_PREFIX}{}", STANDARD.encode(clock::random_bytes::<32>()));
    let webhook =
        WebhookRecord { view: view.clone(), address, made_by: caller.key(), secret: WebhookSecret(secret.clone()) };
    let create = change::CreateWebhook {
        webhook,
        made_from: made_from(&caller),
        most: WEBHOOKS_MAX,
        most_in_total: WEBHOOKS_OF_ALL_MAX,
    };
    access.store.write(create).await?;
    Ok((StatusCode::CREATED, Json(CreatedWebhook { webhook: view, secret })))
}

/// The webhooks of this client.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks",
    responses((status = 200, body = Webhooks), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("api_key" = []), ("session" = []))
)]
pub async fn list_webhooks(State(access): State<WebhookAccess>, caller: Caller) -> Result<Json<Webhooks>, ApiError> {
    let webhooks = access.store.list_webhooks(client(&caller)?).await?;
    Ok(Json(Webhooks { webhooks: webhooks.into_iter().map(|webhook| webhook.view).collect() }))
}

/// Removes a webhook. Messages that wait are not sent any more.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = WebhookId, Path)),
    responses(
        (status = 200, body = WebhookView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn remove_webhook(
    State(access): State<WebhookAccess>,
    caller: Caller,
    ApiPath(id): ApiPath<WebhookId>,
) -> Result<Json<WebhookView>, ApiError> {
    let address = client(&caller)?;
    let view = find(&access, address, id).await?;
    if !access.store.write(RemoveWebhook { id, address }).await? {
        return Err(missing(id));
    }
    Ok(Json(view))
}

/// The newest messages of a webhook, and how sending each went. The newest thousand are kept, for 30 days.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", tag = "webhooks", params(("id" = WebhookId, Path)),
    responses(
        (status = 200, body = Deliveries),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn list_deliveries(
    State(access): State<WebhookAccess>,
    caller: Caller,
    ApiPath(id): ApiPath<WebhookId>,
) -> Result<Json<Deliveries>, ApiError> {
    find(&access, client(&caller)?, id).await?;
    Ok(Json(Deliveries { deliveries: access.store.list_deliveries(id).await? }))
}

/// Sends a message again that was delivered or given up. A webhook that stopped starts again with it.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/deliveries/{job_id}/again", tag = "webhooks",
    params(("id" = WebhookId, Path), ("job_id" = JobId, Path)),
    responses(
        (status = 202, body = WebhookView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The message waits already", content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn send_again(
    State(access): State<WebhookAccess>,
    caller: Caller,
    ApiPaths(id, job_id): ApiPaths<WebhookId, JobId>,
) -> Result<(StatusCode, Json<WebhookView>), ApiError> {
    let view = find(&access, client(&caller)?, id).await?;
    let message = access.store.find_delivery(id, job_id).await?;
    let message = message.ok_or_else(|| ApiError::not_found("message of this webhook", job_id))?;
    if message.state == DeliveryState::Waiting && view.stopped_at_unix_ms.is_none() {
        return Err(ApiError::Conflict(format!("the message of {job_id} waits already, and is sent by itself")));
    }
    access.store.write(SendAgain { webhook_id: id, job_id, at: clock::now() }).await?;
    Ok((StatusCode::ACCEPTED, Json(WebhookView { stopped_at_unix_ms: None, ..view })))
}
