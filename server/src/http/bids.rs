//! `/v1/bids`, and the public book of them below a model.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hub::bids::BID_BODY_MAX_BYTES;
use shared::api::bids::{BidBooks, BidQuoteView, BidView, Bids, CreateBid};
use shared::api::problem::Problem;
use shared::id::BidId;

use super::extract::{ApiJson, ApiPath, idempotency_key};
use super::openai::models;
use crate::auth::Caller;
use crate::bids::Bids as Access;
use crate::clock;
use crate::error::ApiError;
use crate::hub::HubHandle;

/// What follows the name of a model in the path of its book.
const BOOK_SUFFIX: &str = "/bids";

/// Leaves a bid: the hub submits its job as soon as a miner's offer fits, at once where one does now.
///
/// The job counts against the client's limits when it is submitted, as if the client had sent it then. A bid sets no money
/// aside: where the deposit does not cover the job when an offer fits, the bid says so and is tried again.
#[utoipa::path(
    post, path = "/v1/bids", tag = "bids", request_body = CreateBid,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer")),
    responses(
        (status = 201, body = BidView, headers(("Location" = String))),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "The client has all open bids that it may have, or too little deposited, or sent the key with another body", content_type = "application/problem+json"),
        (status = 422, body = Problem, description = "Terms that no bid has, or a job that would be refused whatever is offered", content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn create_bid(
    State(bids): State<Access>,
    caller: Caller,
    headers: HeaderMap,
    body: ApiJson<CreateBid, BID_BODY_MAX_BYTES>,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers, "/v1/bids", body.sha256)?;
    let bid = bids.create(&caller, body.value, key).await?;
    let location = [("location", format!("/v1/bids/{}", bid.id))];
    Ok((StatusCode::CREATED, location, Json(bid)).into_response())
}

/// The order that pays the job of a bid, at the bid's own price and for as long as it stands. The same body goes to
/// `POST /v1/bids`, with `job.payment.quote` and the signed `job.payment.order`.
#[utoipa::path(
    post, path = "/v1/bids/quote", tag = "bids", request_body = CreateBid,
    responses(
        (status = 200, body = BidQuoteView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn quote_bid(
    State(bids): State<Access>,
    caller: Caller,
    body: ApiJson<CreateBid, BID_BODY_MAX_BYTES>,
) -> Result<Json<BidQuoteView>, ApiError> {
    Ok(Json(bids.quote(&caller, &body.value).await?))
}

/// The client's newest bids. One that ended is listed for a week.
#[utoipa::path(
    get, path = "/v1/bids", tag = "bids",
    responses((status = 200, body = Bids), (status = 401, body = Problem, content_type = "application/problem+json")),
    security(("api_key" = []), ("session" = []))
)]
pub async fn list_bids(State(bids): State<Access>, caller: Caller) -> Result<Json<Bids>, ApiError> {
    Ok(Json(Bids { bids: bids.list(&caller).await? }))
}

/// One bid of the client's.
#[utoipa::path(
    get, path = "/v1/bids/{id}", tag = "bids", params(("id" = BidId, Path)),
    responses(
        (status = 200, body = BidView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn get_bid(
    State(bids): State<Access>,
    caller: Caller,
    ApiPath(id): ApiPath<BidId>,
) -> Result<Json<BidView>, ApiError> {
    Ok(Json(bids.find(&caller, id).await?))
}

/// Takes a bid back that is open.
#[utoipa::path(
    delete, path = "/v1/bids/{id}", tag = "bids", params(("id" = BidId, Path)),
    responses(
        (status = 200, body = BidView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, description = "It is over; of one that is filled, the job can be canceled", content_type = "application/problem+json"),
    ),
    security(("api_key" = []), ("session" = []))
)]
pub async fn cancel_bid(
    State(bids): State<Access>,
    caller: Caller,
    ApiPath(id): ApiPath<BidId>,
) -> Result<Json<BidView>, ApiError> {
    Ok(Json(bids.cancel(&caller, id).await?))
}

/// What clients bid for a model, by price and without what they ask for. Names may have slashes and colons.
#[utoipa::path(
    get, path = "/v1/models/{model}/bids", tag = "bids", params(("model" = String, Path)),
    responses((status = 200, body = BidBooks, description = "No books where nobody bids"))
)]
pub async fn model_bids(State(bids): State<Access>, Path(model): Path<String>) -> Result<Json<BidBooks>, ApiError> {
    Ok(Json(BidBooks { books: bids.figures.bids(&model, clock::now()).await? }))
}

/// A model or its bids: no pattern of paths lets something follow a name with slashes. A model that is served counts first, so
/// that none is hidden by its name.
pub async fn model_or_bids(hub: State<HubHandle>, bids: State<Access>, Path(name): Path<String>) -> Response {
    match name.strip_suffix(BOOK_SUFFIX) {
        Some(model) if !models::is_served(&hub, &name) => {
            model_bids(bids, Path(model.to_owned())).await.into_response()
        }
        _ => models::get(hub, Path(name)).await.into_response(),
    }
}
