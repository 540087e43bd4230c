//! `/openapi.json`: the API as OpenAPI 3.1, from the handlers themselves.

mod bounds;

use std::io::Write as _;
use std::sync::LazyLock;

use axum::Extension;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use shared::api::exchange_feeds::{AccountMessage, FeedMessage};
use shared::api::jobs::JobEventView;
use shared::api::problem::MEDIA_TYPE;
use shared::api::webhooks::WebhookMessage;
use shared::escrow::SignedPaymentOrder;
use shared::log::LogEntry;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::exchange::{self as trade, account_feed, accounts, feed, market, orders, short_forms};
use super::openai::{chat, completions, embeddings, images, is_theirs, models};
use super::{
    admin, bids, bounties, etherscan, generate_image, health, job_events, jobs, keys, log, miners, quotes, receipts,
    reviews, search, second_factor, sessions, webhooks,
};
use crate::auth::API_KEY_HEADER;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "AITBC",
        description = "Pictures, texts and embeddings served by miners, receipts for the work, and tokens for the receipts. \
                       Every path under `/v1` is also served under `/api`. Errors are RFC 9457 problems, those of OpenAI's calls have \
                       OpenAI's form."
    ),
    paths(
        quotes::quote, jobs::create_job, jobs::list_jobs, jobs::get_job, jobs::cancel_job, jobs::delete_job, jobs::get_result, jobs::get_artifact,
        jobs::get_receipt, jobs::explain_job, job_events::job_events, generate_image::generate_image,
        sessions::give_nonce, sessions::sign_in, sessions::list_sessions, sessions::end_session, sessions::end_sessions,
        second_factor::give_code, second_factor::view, second_factor::begin, second_factor::confirm, second_factor::remove,
        keys::create_key, keys::list_keys, keys::revoke_key,
        admin::health, admin::jobs, admin::miners, admin::pause_miner, admin::resume_miner, admin::declare_amnesty, admin::keys, admin::revoke_key,
        admin::limit_key, admin::limits, admin::changes, admin::hide_review, admin::show_review,
        bids::create_bid, bids::quote_bid, bids::list_bids, bids::get_bid, bids::cancel_bid, bids::model_bids,
        webhooks::create_webhook, webhooks::list_webhooks, webhooks::remove_webhook, webhooks::list_deliveries,
        webhooks::send_again,
        receipts::list_receipts, receipts::get_receipt, search::search,
        bounties::list_bounties, bounties::get_bounty, bounties::get_demand,
        log::checkpoint, log::entries, log::inclusion, log::consistency, log::failure,
        chat::create, completions::create, embeddings::create, images::create, models::list, models::get,
        miners::list_miners, miners::get_miner, miners::why_idle, reviews::write_review, reviews::list_reviews, miners::open_session, miners::post_result,
        health::stage1_health, health::network_status, etherscan::get, etherscan::post,
        trade::view, market::book, market::trades, market::candles, market::ticker,
        orders::place, orders::get, orders::cancel_one, orders::reduce_one, orders::cancel, orders::reduce,
        orders::withdraw,
        accounts::account, accounts::orders, accounts::fills, accounts::withdrawals, accounts::delegates, feed::follow,
        account_feed::follow,
        short_forms::recent_trades, short_forms::order_book, short_forms::open_orders,
    ),
    components(schemas(JobEventView, LogEntry, SignedPaymentOrder, FeedMessage, AccountMessage, WebhookMessage)),
    modifiers(&SecuritySchemes)
)]
struct Api;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(API_KEY_HEADER)));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("api_key", scheme);
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            "session",
            "Of `POST /v1/sessions`; over TLS its name is `__Host-session`",
        )));
        components.add_security_scheme("session", session);
    }
}

/// The document, with the bounds of everything that a client may send and of every list that it gets.
pub fn document() -> Value {
    let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
    bounds::write(&mut document);
    write_errors(&mut document);
    document
}

/// Every operation may be refused or fail, in the form of its path.
fn write_errors(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, operations) in paths.into_iter().flatten() {
        let (media_type, schema) =
            if is_theirs(path) { ("application/json", "OpenAiError") } else { (MEDIA_TYPE, "Problem") };
        let answer = json!({
            "description": "Refused, or failed; the body says why",
            "content": {media_type: {"schema": {"$ref": format!("#/components/schemas/{schema}")}}},
        });
        for operation in operations.as_object_mut().into_iter().flat_map(|operations| operations.values_mut()) {
            for statuses in ["4XX", "5XX"] {
                let responses = operation["responses"].as_object_mut();
                responses.map(|responses| responses.entry(statuses).or_insert_with(|| answer.clone()));
            }
        }
    }
}

/// It never changes while the server runs.
static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// Compressed once: for each request anew, it would take the processors of all others.
static COMPRESSED: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(TEXT.as_bytes()).ok()?;
    encoder.finish().ok()
});

/// Marks an answer that is compressed for nobody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsItIs;

pub async fn openapi(headers: HeaderMap) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json"), (header::VARY, "accept-encoding")];
    match COMPRESSED.as_deref().filter(|_| takes_gzip(&headers)) {
        Some(compressed) => (json, [(header::CONTENT_ENCODING, "gzip")], compressed).into_response(),
        None => (Extension(AsItIs), json, TEXT.as_str()).into_response(),
    }
}

/// RFC 9110, 12.5.3. A weight of 0 refuses a coding.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(";q=").unwrap_or((coding, "1"));
        matches!(name.trim(), "gzip" | "*") && weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client that is made from the document puts each parameter where it says.
    #[test]
    fn a_parameter_of_the_path_is_in_the_path_and_only_those_are() {
        let document = document();
        let (mut in_path, mut in_query) = (0, 0);
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let name = parameter["name"].as_str().unwrap();
                    let is_named = path.contains(&format!("{{{name}}}"));
                    assert_eq!(parameter["in"] == "path", is_named, "{path}: {parameter}");
                    in_path += u32::from(is_named);
                    in_query += u32::from(parameter["in"] == "query");
                }
            }
        }
        assert!(in_path > 10 && in_query > 10, "{in_path} {in_query}");
    }

    #[test]
    fn who_takes_gzip_is_read_from_the_header() {
        for (accepted, takes) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("*", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip;q=nonsense", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepted.parse().unwrap())]);
            assert_eq!(takes_gzip(&headers), takes, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
