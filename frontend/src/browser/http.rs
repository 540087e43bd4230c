//! JSON over `fetch`, with the API's problems as errors.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::api::problem::Problem;
use shared::field_error::FieldError;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use super::window;
use crate::text;

/// Why there is no answer: what to show, and which fields it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub title: String,
    pub detail: String,
    pub errors: Vec<FieldError>,
}

impl Failure {
    fn offline() -> Self {
        let (title, detail) = (text::common::UNAVAILABLE_TITLE.to_owned(), text::common::OFFLINE.to_owned());
        Self { title, detail, errors: Vec::new() }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { title: problem.title, detail: problem.detail, errors: problem.errors }
    }
}

pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, Failure> {
    send("GET", path, None).await
}

pub async fn post<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Result<T, Failure> {
    let body = serde_json::to_string(body).map_err(|_| Failure::offline())?;
    send("POST", path, Some(&body)).await
}

async fn send<T: DeserializeOwned>(method: &str, path: &str, body: Option<&str>) -> Result<T, Failure> {
    let (status_is_ok, text) = exchange(method, path, body).await.map_err(|_| Failure::offline())?;
    if status_is_ok {
        return serde_json::from_str(&text).map_err(|_| Failure::offline());
    }
    Err(serde_json::from_str::<Problem>(&text).map_or_else(|_| Failure::offline(), Failure::from))
}

async fn exchange(method: &str, path: &str, body: Option<&str>) -> Result<(bool, String), JsValue> {
    let init = RequestInit::new();
    init.set_method(method);
    let headers = Headers::new()?;
    headers.set("accept", "application/json")?;
    if let Some(body) = body {
        headers.set("content-type", "application/json")?;
        init.set_body(&JsValue::from_str(body));
    }
    init.set_headers(&headers);
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    Ok((response.ok(), text))
}
