//! `POST /v1/images/generations`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::field_error::FieldError;
use shared::job::JobKind;

use super::run::Call;
use super::{answer, refuse};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::http::extract::ApiJson;
use crate::submit::Submission;
use crate::watch::JobWatch;

/// A picture to draw, as OpenAI's clients send it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ImagesRequest {
    prompt: String,
    model: Option<String>,
    /// Pictures.
    n: Option<u32>,
    /// `WIDTHxHEIGHT` in pixels, or `auto`.
    size: Option<String>,
    /// `b64_json`, or `url` for a `data:` URL.
    #[serde(default)]
    response_format: ResponseFormat,
    #[serde(default)]
    stream: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum ResponseFormat {
    #[default]
    B64Json,
    Url,
}

/// The pictures.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Images {
    created: u64,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
}

impl ImagesRequest {
    /// The input of an image job. OpenAI's calls know neither steps nor guidance, so both are left to the model.
    fn input(&self) -> Result<Value, ApiError> {
        if let Some(error) = refuse(self.stream, "stream", "is false here; the job's events have previews") {
            return Err(ApiError::Invalid(vec![error]));
        }
        let mut input = json!({"prompt": self.prompt, "count": self.n.unwrap_or(1)});
        if let Some(size) = self.size.as_deref().filter(|size| *size != "auto") {
            let sides =
                size.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
            let (width, height): (u32, u32) = sides.ok_or_else(|| {
                let size = size.chars().take(40).collect::<String>();
                ApiError::OutOfBounds(vec![FieldError::bound("size", "WIDTHxHEIGHT or auto", size)])
            })?;
            input["width"] = width.into();
            input["height"] = height.into();
        }
        Ok(input)
    }
}

/// Draws pictures.
#[utoipa::path(
    post, path = "/v1/images/generations", tag = "openai", request_body = ImagesRequest,
    responses(
        (status = 200, body = Images, headers(("X-Receipt-Id" = String), ("X-Job-Id" = String))),
        (status = "4XX", description = "An error in OpenAI's form"),
    ),
    security((), ("api_key" = []))
)]
pub async fn create(
    State(submission): State<Submission>,
    State(watch): State<JobWatch>,
    caller: Caller,
    headers: HeaderMap,
    body: ApiJson<ImagesRequest>,
) -> Result<Response, ApiError> {
    let request = body.value;
    let path = "/v1/images/generations";
    let call = Call {
        submission: &submission,
        watch: &watch,
        caller: &caller,
        headers: &headers,
        path,
        body_sha256: body.sha256,
    };
    let mut waiting = call.submit(JobKind::Image, request.model.clone(), request.input()?).await?;
    let served = waiting.served(&caller).await?;
    let mut data = Vec::with_capacity(served.artifacts.len());
    for artifact in &served.artifacts {
        let folder = watch.views.store.artifacts();
        let sha256 = artifact.sha256;
        let read = tokio::task::spawn_blocking(move || folder.get(sha256)).await;
        let bytes = read.map_err(|error| ApiError::Internal(error.to_string()))??;
        let bytes = bytes.ok_or_else(|| ApiError::Internal(format!("the bytes of {sha256} are gone")))?;
        let base64 = STANDARD.encode(bytes);
        data.push(match request.response_format {
            ResponseFormat::B64Json => json!({"b64_json": base64}),
            ResponseFormat::Url => json!({"url": format!("data:{};base64,{base64}", artifact.media_type)}),
        });
    }
    Ok(answer(&served, Images { created: served.created_at_seconds, data }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(value: Value) -> Result<Value, ApiError> {
        serde_json::from_value::<ImagesRequest>(value).unwrap().input()
    }

    #[test]
    fn sizes_are_read_and_what_openai_does_not_know_is_left_open() {
        let asked = input(json!({"prompt": "a lake", "n": 2, "size": "512x256", "quality": "high"})).unwrap();
        assert_eq!(asked, json!({"prompt": "a lake", "count": 2, "width": 512, "height": 256}));
        assert!(input(json!({"prompt": "a lake", "size": "auto"})).unwrap().get("width").is_none());
        for size in ["", "big", "512", "512x", "-1x5"] {
            assert!(input(json!({"prompt": "a lake", "size": size})).is_err(), "{size}");
        }
    }
}
