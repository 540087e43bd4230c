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
use serde_json::Value;
use shared::api::page::{LIMIT_DEFAULT, LIMIT_MAX};
use shared::digest::Sha256Digest;
use shared::field_error::FieldError;
use shared::null_is_absent::without_nulls;

use crate::config::{BODY_MAX_BYTES, JOB_BODY_MAX_BYTES};
use crate::error::ApiError;
use crate::large_bodies::announced_bytes;
use crate::submit::IdempotencyKey;

/// Bytes of an oversized body that are read and thrown away, so that the client gets the answer and not a reset.
const DISCARDED_MAX_BYTES: usize = 16 << 20;

/// Largest body that is read as a tree of values first, which may take twenty times its bytes. What clients send is
/// smaller; results of miners, which this hub's own worker writes, are not.
const TREE_MAX_BYTES: usize = JOB_BODY_MAX_BYTES;

/// A JSON body of at most `LIMIT` bytes, with its bytes' hash for idempotency. A member that is `null` is absent.
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

/// Refuses a request whose body is not kept. A body that its client sends soon is still taken, so that the client gets
/// the answer and not a reset.
pub async fn refuse_unread(request: Request, error: ApiError) -> ApiError {
    if announced_bytes(request.headers()).is_none_or(|bytes| bytes <= DISCARDED_MAX_BYTES) {
        // Nothing of it counts, not even how it ended.
        let _ = read(request.into_body(), 0).await;
    }
    error
}

/// Text that is no JSON is malformed; JSON of another form names the field. Both are told apart by reading in two steps:
/// serde_json alone calls some values of a wrong type a fault of the text.
///
/// Every body must be an object. Serde would also read an array as the fields in their order.
fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.len() > TREE_MAX_BYTES {
        return parse_large(bytes);
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| unreadable(bytes, &error))?;
    if !value.is_object() {
        return Err(ApiError::Invalid(vec![FieldError::no_object("body", &value)]));
    }
    serde_path_to_error::deserialize(without_nulls(value)).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".to_owned() } else { path };
        ApiError::Invalid(vec![FieldError::form(field, &error.into_inner().to_string())])
    })
}

/// Reads a body without a tree of its values.
fn parse_large<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(ApiError::Invalid(vec![FieldError::new("body", "`body` is an object")]));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let reason = error.to_string();
        if error.is_data() {
            ApiError::Invalid(vec![FieldError::form("body", &reason)])
        } else {
            unreadable(bytes, &error)
        }
    })
}

/// What the parser says of a number that no float holds, though it is JSON.
const NO_FLOAT: &str = "number out of range";

/// Text that is no JSON, or JSON with a number that is too large, whose field is named.
fn unreadable(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    let reason = error.to_string();
    if !reason.starts_with(NO_FLOAT) {
        return ApiError::MalformedJson(reason);
    }
    let located: Result<Value, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(bytes));
    let path = located.err().map(|error| error.path().to_string()).filter(|path| path != ".");
    let field = path.unwrap_or_else(|| "body".to_owned());
    let detail = format!("`{field}` has a number beyond what is read here: at most about 1.8e308 either way");
    ApiError::Invalid(vec![FieldError::new(field, detail)])
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

/// Two parts of the path that name things.
pub struct ApiPaths<T, U>(pub T, pub U);

impl<S: Send + Sync, T: FromStr, U: FromStr> FromRequestParts<S> for ApiPaths<T, U> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path((first, second)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| not_found(""))?;
        let first = first.parse().map_err(|_| not_found(&first))?;
        Ok(Self(first, second.parse().map_err(|_| not_found(&second))?))
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
pub(crate) mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;
    use serde_json::json;
    use shared::api::jobs::GenerateImage;
    use shared::job::request::CreateJob;
    use shared::protocol::ResultSubmission;

    use super::*;

    /// Names of Rust and of serde that no client knows.
    const RUST_WORDS: [&str; 17] = [
        "untagged", "struct ", "enum", "variant", "newtype", "tuple", "Option", "u8", "u16", "u32", "u64", "usize",
        "i64", "i128", "f32", "f64", " unit",
    ];

    fn read<T: DeserializeOwned + Debug>(body: &Value) -> Result<T, ApiError> {
        parse_object(body.to_string().as_bytes())
    }

    /// Every member of an object in the value, by its JSON pointer.
    fn members(value: &Value, at: &str, found: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
            Value::Array(elements) => elements.iter().enumerate().map(|(at, one)| (at.to_string(), one)).collect(),
            _ => return,
        };
        for (name, child) in children {
            let path = format!("{at}/{name}");
            if value.is_object() {
                found.push(path.clone());
            }
            members(child, &path, found);
        }
    }

    fn remove(body: &mut Value, path: &str) {
        let Some((parent, name)) = path.rsplit_once('/') else { return };
        if let Some(Value::Object(members)) = body.pointer_mut(parent) {
            members.remove(name);
        }
    }

    /// For a type that reads `full`: `null` means what leaving out means, and a value of any type is read or refused in
    /// the words of JSON, never as text that is no JSON.
    pub(crate) fn assert_reads_as_clients_write<T: DeserializeOwned + Debug>(full: &Value) {
        read::<T>(full).unwrap_or_else(|error| panic!("{full}: {error:?}"));
        let mut paths = Vec::new();
        members(full, "", &mut paths);
        let told = |body: &Value| format!("{:?}", read::<T>(body));
        let chosen = prop::sample::subsequence(paths.clone(), 1..=paths.len());
        let strategy = ProptestConfig::with_cases(64);
        proptest!(strategy, |(chosen in chosen)| {
            let (mut null, mut absent) = (full.clone(), full.clone());
            for path in &chosen {
                if let Some(member) = null.pointer_mut(path) {
                    *member = Value::Null;
                }
                remove(&mut absent, path);
            }
            prop_assert_eq!(told(&null), told(&absent));
        });
        let odd = [
            json!(5),
            json!(-1),
            json!(1.5),
            json!(true),
            json!("x"),
            json!([1]),
            json!([]),
            json!({"a": 1}),
            json!({}),
        ];
        for path in &paths {
            for value in &odd {
                let mut body = full.clone();
                *body.pointer_mut(path).unwrap() = value.clone();
                match read::<T>(&body) {
                    Ok(_) => {}
                    Err(ApiError::Invalid(errors)) => {
                        let detail = &errors[0].detail;
                        let foreign = RUST_WORDS.iter().find(|word| detail.contains(**word));
                        assert!(foreign.is_none(), "{path} as {value} is told with `{foreign:?}`: {detail}");
                    }
                    Err(other) => panic!("{path} as {value}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn all_bodies_are_read_as_clients_write_them() {
        let constraints = json!({"max_price": "1000", "miners": ["0x00000000000000000000000000000000000000aa"]});
        assert_reads_as_clients_write::<CreateJob>(&json!({
            "kind": "image", "model": "scenes", "input": {"prompt": "a lake"}, "constraints": constraints,
            "payment": {"mode": "mint"}, "ttl_seconds": 60,
        }));
        assert_reads_as_clients_write::<GenerateImage>(&json!({
            "api_key": "k", "prompt": "a lake", "steps": 8, "guidance": 3, "width": 256, "height": 256, "seed": 1,
        }));
    }

    /// The inputs of jobs are read later, by their kind.
    #[test]
    fn null_is_absent_in_the_inputs_of_all_kinds() {
        for (kind, full) in [
            (
                "image",
                json!({
                    "prompt": "a lake", "negative_prompt": "rain", "steps": 8, "guidance": 3, "width": 64, "height": 64,
                    "seed": 1, "count": 2, "scheduler": "ddim", "eta": 0.5,
                }),
            ),
            ("text", json!({"prompt": "a", "max_tokens": 3, "temperature": 0, "top_p": 0.5, "seed": 1, "stop": ["b"]})),
            ("embedding", json!({"input": ["a"]})),
        ] {
            let valid = |input: &Value| {
                let body = json!({"kind": kind, "input": input});
                read::<CreateJob>(&body).unwrap().validate(
                    shared::job::request::Drawn { seed: 7, salt: shared::commitment::Salt(shared::B256::ZERO) },
                    Some("m".to_owned()),
                )
            };
            valid(&full).unwrap();
            for name in full.as_object().unwrap().keys() {
                let (mut null, mut absent) = (full.clone(), full.clone());
                null[name] = Value::Null;
                remove(&mut absent, &format!("/{name}"));
                assert_eq!(valid(&null), valid(&absent), "{kind}: {name}");
            }
        }
        let open = json!({"kind": "image", "input": {"prompt": "a", "steps": null, "guidance": 1}});
        assert!(read::<CreateJob>(&open).unwrap().leaves_defaults_open(), "the model's own steps are taken");
    }

    #[test]
    fn a_result_without_its_absent_fields_is_the_same_result() {
        let body = json!({"receipt": null, "miner_signature": "0x", "artifacts": [], "metering": null});
        let Err(ApiError::Invalid(errors)) = read::<ResultSubmission>(&body) else { panic!("half a result was taken") };
        assert_eq!(errors[0].detail, "`body`: missing field `receipt`");
    }

    #[test]
    fn distinguishes_no_json_from_json_of_another_form() {
        for text in ["{\"kind\": ", "{\"a\": 1} 2", "", "nothing"] {
            assert!(matches!(parse_object::<CreateJob>(text.as_bytes()), Err(ApiError::MalformedJson(_))), "{text}");
        }
        let body = br#"{"kind": "image", "input": {}, "constraints": {"vram": 1}}"#;
        let Err(ApiError::Invalid(errors)) = parse_object::<CreateJob>(body) else {
            panic!("an unknown field was taken")
        };
        assert_eq!(errors[0].field, "constraints.vram");
        assert!(errors[0].detail.contains("unknown field `vram`"), "{errors:?}");
    }

    #[test]
    fn a_number_that_no_float_holds_is_told_with_its_field() {
        for (body, field) in [
            (r#"{"max_tokens": 1e400}"#, "max_tokens"),
            (r#"{"kind": "image", "input": {"steps": -1e400}}"#, "input.steps"),
            (r#"{"messages": [{"role": "user", "content": 1e999}]}"#, "messages[0].content"),
        ] {
            let Err(ApiError::Invalid(errors)) = parse_object::<CreateJob>(body.as_bytes()) else {
                panic!("{body} is told as no JSON")
            };
            assert_eq!(errors[0].field, field);
            assert!(errors[0].detail.contains("1.8e308"), "{}", errors[0].detail);
        }
    }

    #[test]
    fn a_body_beyond_what_clients_send_is_read_without_a_tree() {
        let large = |begin: &str| format!("{begin}{}", " ".repeat(TREE_MAX_BYTES)).into_bytes();
        assert!(matches!(parse_object::<CreateJob>(&large("[0,0]")), Err(ApiError::Invalid(_))));
        assert!(matches!(parse_object::<CreateJob>(&large("{\"kind\": ")), Err(ApiError::MalformedJson(_))));
        let Err(ApiError::Invalid(errors)) = parse_object::<CreateJob>(&large("{\"kind\": \"song\"}")) else {
            panic!()
        };
        assert!(errors[0].detail.contains("unknown value `song`"), "{errors:?}");
        let job = parse_object::<CreateJob>(&large("{\"kind\": \"image\", \"model\": null, \"input\": {}}"));
        assert_eq!(job.unwrap().model, None);
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
