//! `POST /v1/completions`: a prompt to go on from, as older clients ask.

use axum::response::Response;
use serde::Deserialize;
use serde_json::{Number, Value, json};
use shared::field_error::FieldError;

use super::call::Call;
use super::error::OpenAiError;
use super::form::Form;
use super::refuse;
use super::text::{Asked, Settings, StreamOptions, TextAnswer, serve};
use super::values::{only_one, texts};
use crate::error::ApiError;

/// A prompt to go on from, as OpenAI's clients send it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct CompletionRequest {
    model: String,
    /// One text, alone or in a list.
    #[schema(value_type = String)]
    prompt: Value,
    /// Tokens to write at most; negative and large numbers mean as many as there may be.
    #[schema(value_type = Option<i64>)]
    max_tokens: Option<Number>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    #[schema(value_type = Option<i64>)]
    seed: Option<Number>,
    #[schema(value_type = Option<Vec<String>>)]
    stop: Option<Value>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    #[schema(value_type = Option<u32>)]
    n: Option<Number>,
    #[schema(value_type = Option<u32>)]
    best_of: Option<Number>,
    #[schema(value_type = Option<u32>)]
    logprobs: Option<Number>,
    #[serde(default)]
    echo: bool,
    suffix: Option<String>,
}

impl CompletionRequest {
    /// The input of a text job.
    fn input(&self) -> Result<Value, ApiError> {
        let refused = [
            only_one("n", self.n.as_ref()),
            only_one("best_of", self.best_of.as_ref()),
            refuse(self.logprobs.is_some(), "logprobs", "are not given here"),
            refuse(self.echo, "echo", "is false here"),
            refuse(self.suffix.as_ref().is_some_and(|suffix| !suffix.is_empty()), "suffix", "is not read here"),
        ];
        let mut errors: Vec<FieldError> = refused.into_iter().flatten().collect();
        let mut input = json!({});
        match texts("prompt", &self.prompt).as_deref() {
            Ok([prompt]) => input["prompt"] = prompt.as_str().into(),
            Ok(prompts) => {
                errors.push(FieldError::bound("prompt", "one text here", format!("{} texts", prompts.len())))
            }
            Err(error) => errors.push(error.clone()),
        }
        let settings = Settings {
            max_tokens: self.max_tokens.as_ref(),
            temperature: self.temperature,
            top_p: self.top_p,
            seed: self.seed.as_ref(),
            stop: self.stop.as_ref(),
        };
        errors.extend(settings.write_to(&mut input));
        if errors.is_empty() { Ok(input) } else { Err(ApiError::Invalid(errors)) }
    }
}

/// Goes on from a prompt. With `stream`, the text comes as server-sent events, and the last chunk names the receipt.
#[utoipa::path(
    post, path = "/v1/completions", tag = "openai", request_body = CompletionRequest,
    responses(
        (status = 200, body = TextAnswer, headers(("X-Receipt-Id" = String), ("X-Job-Id" = String))),
        (status = "4XX", body = OpenAiError, description = "An error in OpenAI's form"),
        (status = "5XX", body = OpenAiError, description = "No miner served it, or the server failed"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn create(Call { request, client }: Call<CompletionRequest>) -> Result<Response, ApiError> {
    let asked = Asked {
        form: Form::Completion,
        input: request.input()?,
        model: request.model,
        stream: request.stream,
        include_usage: request.stream_options.is_some_and(|options| options.include_usage),
    };
    serve(client, asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(more: Value) -> Result<Value, ApiError> {
        let mut body = json!({"model": "m", "prompt": "a lake"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value::<CompletionRequest>(body).unwrap().input()
    }

    #[test]
    fn requests_are_read_as_clients_write_them() {
        crate::http::extract::tests::assert_reads_as_clients_write::<CompletionRequest>(&json!({
            "model": "m", "prompt": "a lake", "max_tokens": 5, "temperature": 1, "top_p": 1, "seed": 1, "stop": "a",
            "stream": true, "stream_options": {"include_usage": true}, "n": 1, "best_of": 1, "logprobs": 1, "echo": true,
            "suffix": "b", "user": "u",
        }));
    }

    #[test]
    fn one_prompt_is_gone_on_from_and_the_rest_is_refused_by_name() {
        let given = json!({"prompt": ["a lake"], "max_tokens": 5, "n": 1, "best_of": 1, "echo": false, "suffix": ""});
        assert_eq!(input(given).unwrap(), json!({"prompt": "a lake", "max_tokens": 5}));
        for (more, field) in [
            (json!({"prompt": ["a", "b"]}), "prompt"),
            (json!({"prompt": []}), "prompt"),
            (json!({"prompt": [1, 2]}), "prompt"),
            (json!({"n": 2}), "n"),
            (json!({"best_of": 2}), "best_of"),
            (json!({"logprobs": 5}), "logprobs"),
            (json!({"echo": true}), "echo"),
            (json!({"suffix": "."}), "suffix"),
        ] {
            let Err(ApiError::Invalid(errors)) = input(more.clone()) else { panic!("{more} was taken") };
            assert_eq!(errors[0].field, field);
        }
    }
}
