//! `POST /v1/images/generations`.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::image::COUNT_MAX;

use super::call::Call;
use super::error::OpenAiError;
use super::values::whole;
use super::{answer, refuse};
use crate::error::ApiError;

/// A picture to draw, as OpenAI's clients send it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ImagesRequest {
    prompt: String,
    model: Option<String>,
    /// Pictures, 1 to 16.
    #[schema(value_type = Option<u32>)]
    n: Option<Number>,
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
        let mut input = json!({"prompt": self.prompt, "count": self.count()?});
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

    fn count(&self) -> Result<u32, ApiError> {
        let Some(number) = &self.n else { return Ok(1) };
        let given = whole("n", number).map_err(|error| ApiError::Invalid(vec![error]))?;
        let count = u32::try_from(given).ok().filter(|count| (1..=COUNT_MAX).contains(count));
        count.ok_or_else(|| {
            ApiError::OutOfBounds(vec![FieldError::bound("n", format!("1 to {COUNT_MAX}"), given.to_string())])
        })
    }
}

/// Draws pictures.
#[utoipa::path(
    post, path = "/v1/images/generations", tag = "openai", request_body = ImagesRequest,
    responses(
        (status = 200, body = Images, headers(("X-Receipt-Id" = String), ("X-Job-Id" = String))),
        (status = "4XX", body = OpenAiError, description = "An error in OpenAI's form"),
        (status = "5XX", body = OpenAiError, description = "No miner served it, or the server failed"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn create(Call { request, client }: Call<ImagesRequest>) -> Result<Response, ApiError> {
    let served = client.serve(JobKind::Image, request.model.clone(), request.input()?).await?;
    let mut data = Vec::with_capacity(served.artifacts.len());
    for artifact in &served.artifacts {
        let base64 = STANDARD.encode(client.watch.views.bytes_of(artifact).await?);
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
    fn requests_are_read_as_clients_write_them() {
        crate::http::extract::tests::assert_reads_as_clients_write::<ImagesRequest>(&json!({
            "prompt": "a lake", "model": "m", "n": 2, "size": "64x64", "response_format": "url", "stream": false,
            "quality": "high", "style": "vivid", "user": "u",
        }));
    }

    #[test]
    fn the_number_of_pictures_is_named_as_the_client_names_it() {
        let count = |n: Value| input(json!({"prompt": "a", "n": n})).map(|input| input["count"].clone());
        assert_eq!(count(json!(2.0)).unwrap(), 2);
        for n in [json!(0), json!(-1), json!(17), json!(1.5)] {
            let Err(ApiError::OutOfBounds(errors) | ApiError::Invalid(errors)) = count(n.clone()) else {
                panic!("{n}")
            };
            assert_eq!(errors[0].field, "n");
        }
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
