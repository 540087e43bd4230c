//! Extractors whose every refusal is a problem document.

use std::error::Error;
use std::iter::successors;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use hub::idempotency;
use serde::de::DeserializeOwned;
use shared::api::page::{LIMIT_DEFAULT, LIMIT_MAX};
use shared::digest::Sha256Digest;
use shared::field_error::FieldError;

use crate::config::BODY_MAX_BYTES;
use crate::error::ApiError;
use crate::submit::IdempotencyKey;

/// Bytes of an oversized body that are read and thrown away, so that the client gets the answer and not a reset.
const DISCARDED_MAX_BYTES: usize = 16 << 20;

/// A JSON body of at most `LIMIT` bytes, with its bytes' hash for idempotency.
pub struct ApiJson<T, const LIMIT: usize = BODY_MAX_BYTES> {
    pub value: T,
    pub sha256: Sha256Digest,
}

impl<S: Send + Sync, T: DeserializeOwned, const LIMIT: usize> FromRequest<S> for ApiJson<T, LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        check_content_type(request.headers())?;
        let bytes = read(request.into_body(), LIMIT).await?;
        let value = parse_object(&bytes)?;
        Ok(Self { value, sha256: Sha256Digest::of(&bytes) })
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
    let media_type = given.split(';').next().unwrap_or_default().trim();
    let is_json = media_type.eq_ignore_ascii_case("application/json")
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    if is_json { Ok(()) } else { Err(ApiError::ContentType(given.chars().take(100).collect())) }
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let (mut chunks, mut bytes, mut length) = (body.into_data_stream(), Vec::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::MalformedJson("the body ended early".to_owned()))?;
        length = length.saturating_add(chunk.len());
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length > limit.saturating_add(DISCARDED_MAX_BYTES) {
            break;
        }
    }
    if length <= limit { Ok(bytes) } else { Err(ApiError::BodyTooLarge { limit }) }
}

/// Every body must be an object. Serde would also read an array as the fields in their order.
fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return parse(bytes);
    }
    let given = parse(bytes)?;
    Err(ApiError::Invalid(vec![FieldError::no_object("body", &given)]))
}

/// Text that is no JSON is malformed; JSON of another form names the field.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            let field = if path == "." { "body".to_owned() } else { path };
            ApiError::Invalid(vec![FieldError::form(field, &inner.to_string())])
        } else {
            ApiError::MalformedJson(inner.to_string())
        }
    })?;
    deserializer.end().map_err(|error| ApiError::MalformedJson(error.to_string()))?;
    Ok(value)
}

/// The query's parameters.
pub struct ApiQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|rejection| ApiError::Invalid(vec![query_error(&rejection)]))
    }
}

/// The parameter that does not hold, which only the source of the rejection names.
fn query_error(rejection: &QueryRejection) -> FieldError {
    type Located = serde_path_to_error::Error<serde::de::value::Error>;
    let first: &(dyn Error + 'static) = rejection;
    let located = successors(Some(first), |&error| error.source()).find_map(|error| error.downcast_ref::<Located>());
    match located.map(|located| (located.path().to_string(), located.inner().to_string())) {
        Some((path, reason)) if path != "." => FieldError::form(path, &reason),
        Some((_, reason)) => FieldError::form("query", &reason),
        None => FieldError::form("query", &rejection.body_text()),
    }
}

/// An identifier from the path. An invalid one is answered as not found.
pub struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found(""))?;
        text.parse().map(Self).map_err(|_| not_found(&text))
    }
}

pub fn not_found(name: &str) -> ApiError {
    ApiError::NotFound(format!("there is nothing named `{}` here", name.chars().take(100).collect::<String>()))
}

/// The `Idempotency-Key` of a request whose body has this hash. The path counts as well.
pub fn idempotency_key(
    headers: &HeaderMap,
    path: &str,
    body_sha256: Sha256Digest,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| idempotency::is_key(key)).ok_or_else(|| {
        let bound = format!("1 to {} visible ASCII characters", idempotency::KEY_MAX_CHARS);
        ApiError::OutOfBounds(vec![FieldError::bound("Idempotency-Key", bound, format!("{} bytes", value.len()))])
    })?;
    let body_sha256 = Sha256Digest::of(format!("{path}\n{body_sha256}").as_bytes());
    Ok(Some(IdempotencyKey { key: key.to_owned(), body_sha256 }))
}

/// The number of rows that a page may have.
pub fn page_limit(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        given => {
            let bound = format!("1 to {LIMIT_MAX}");
            Err(ApiError::OutOfBounds(vec![FieldError::bound("limit", bound, given.to_string())]))
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::job::request::CreateJob;

    use super::*;

    #[test]
    fn distinguishes_no_json_from_json_of_another_form() {
        let malformed = parse::<CreateJob>(b"{\"kind\": ").unwrap_err();
        assert!(matches!(malformed, ApiError::MalformedJson(_)));
        assert!(matches!(parse::<u32>(b"1 2"), Err(ApiError::MalformedJson(_))));
        let body = br#"{"kind": "image", "input": {}, "constraints": {"vram": 1}}"#;
        let Err(ApiError::Invalid(errors)) = parse::<CreateJob>(body) else { panic!("an unknown field was taken") };
        assert_eq!(errors[0].field, "constraints.vram");
        assert!(errors[0].detail.contains("unknown field `vram`"), "{errors:?}");
    }

    #[test]
    fn the_same_body_at_another_path_is_another_request() {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", "k".parse().unwrap());
        let body = Sha256Digest::of(b"{}");
        let key = |path| idempotency_key(&headers, path, body).unwrap().unwrap().body_sha256;
        assert_ne!(key("/v1/jobs"), key("/v1/generate-image"));
    }
}
