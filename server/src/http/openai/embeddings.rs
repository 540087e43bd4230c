//! `POST /v1/embeddings`.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::job::JobKind;

use super::call::{Call, text_of};
use super::error::OpenAiError;
use super::values::texts;
use super::{Usage, answer, refuse};
use crate::error::ApiError;

/// Texts to embed, as OpenAI's clients send them.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct EmbeddingsRequest {
    model: String,
    /// One text or several.
    #[schema(value_type = Vec<String>)]
    input: Value,
    /// `float`, or `base64` of little-endian 32-bit floats.
    #[serde(default)]
    encoding_format: EncodingFormat,
    #[schema(value_type = Option<u32>)]
    dimensions: Option<Value>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum EncodingFormat {
    #[default]
    Float,
    Base64,
}

/// A vector for each text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Embeddings {
    object: &'static str,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    model: String,
    usage: Usage,
}

/// Turns texts into vectors.
#[utoipa::path(
    post, path = "/v1/embeddings", tag = "openai", request_body = EmbeddingsRequest,
    responses(
        (status = 200, body = Embeddings, headers(("X-Receipt-Id" = String), ("X-Job-Id" = String))),
        (status = "4XX", body = OpenAiError, description = "An error in OpenAI's form"),
        (status = "5XX", body = OpenAiError, description = "No miner served it, or the server failed"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn create(Call { request, client }: Call<EmbeddingsRequest>) -> Result<Response, ApiError> {
    let EmbeddingsRequest { model, input, encoding_format, dimensions } = request;
    if let Some(error) = refuse(dimensions.is_some(), "dimensions", "are the model's own here") {
        return Err(ApiError::Invalid(vec![error]));
    }
    let texts = texts("input", &input).map_err(|error| ApiError::Invalid(vec![error]))?;
    let served = client.serve(JobKind::Embedding, Some(model), json!({"input": texts})).await?;
    let vectors: Vec<Vec<f32>> = serde_json::from_str(&text_of(&client.watch.views, &served).await?)
        .map_err(|error| ApiError::Internal(format!("the vectors of {}: {error}", served.job_id)))?;
    let data = vectors.iter().enumerate().map(
        |(index, vector)| json!({"object": "embedding", "index": index, "embedding": encoded(vector, encoding_format)}),
    );
    let read = served.metering.tokens_read;
    let usage = Usage { prompt_tokens: read, completion_tokens: None, total_tokens: read };
    let embeddings = Embeddings { object: "list", data: data.collect(), model: served.model.clone(), usage };
    Ok(answer(&served, embeddings))
}

fn encoded(vector: &[f32], format: EncodingFormat) -> Value {
    match format {
        EncodingFormat::Float => json!(vector),
        EncodingFormat::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            STANDARD.encode(bytes).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_clients_write_them() {
        crate::http::extract::tests::assert_reads_as_clients_write::<EmbeddingsRequest>(&json!({
            "model": "m", "input": ["a"], "encoding_format": "base64", "dimensions": 3, "user": "u",
        }));
    }

    #[test]
    fn base64_is_of_little_endian_floats() {
        assert_eq!(encoded(&[1.0, -2.0], EncodingFormat::Base64), json!("AACAPwAAAMA="));
        assert_eq!(encoded(&[1.0, -2.0], EncodingFormat::Float), json!([1.0, -2.0]));
    }
}
