//! `POST /v1/chat/completions`: a conversation to answer.

use axum::response::Response;
use serde::Deserialize;
use serde_json::{Number, Value, json};
use shared::field_error::FieldError;

use super::call::Call;
use super::error::OpenAiError;
use super::form::Form;
use super::refuse;
use super::text::{Asked, Settings, StreamOptions, TextAnswer, serve};
use super::values::only_one;
use crate::error::ApiError;

/// A conversation to answer, as OpenAI's clients send it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ChatRequest {
    model: String,
    messages: Vec<RequestMessage>,
    /// The older name of `max_completion_tokens`.
    #[schema(value_type = Option<i64>)]
    max_tokens: Option<Number>,
    /// Tokens to write at most; negative and large numbers mean as many as there may be.
    #[schema(value_type = Option<i64>)]
    max_completion_tokens: Option<Number>,
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
    #[schema(value_type = Option<Vec<Object>>)]
    tools: Option<Vec<Value>>,
    logprobs: Option<bool>,
    #[schema(value_type = Option<Object>)]
    response_format: Option<Value>,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct RequestMessage {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    role: String,
    /// A text, or a list of parts that are text. An assistant that only called tools has none.
    #[schema(value_type = Option<String>)]
    content: Option<Value>,
    /// What an assistant called before. The model reads it as text, one call a line.
    #[schema(value_type = Option<Vec<Object>>)]
    tool_calls: Option<Vec<Value>>,
}

impl ChatRequest {
    /// The input of a text job.
    fn input(&self) -> Result<Value, ApiError> {
        let plain = |format: &Value| format["type"] == "text";
        let refused = [
            only_one("n", self.n.as_ref()),
            refuse(self.tools.as_ref().is_some_and(|tools| !tools.is_empty()), "tools", "are not called here"),
            refuse(self.logprobs == Some(true), "logprobs", "are not given here"),
            refuse(
                self.response_format.as_ref().is_some_and(|format| !plain(format)),
                "response_format",
                "is `text` here",
            ),
        ];
        let mut errors: Vec<FieldError> = refused.into_iter().flatten().collect();
        let mut messages = Vec::with_capacity(self.messages.len());
        for (index, message) in self.messages.iter().enumerate() {
            match message.plain() {
                Ok((role, content)) => messages.push(json!({"role": role, "content": content})),
                Err((member, wanted)) => {
                    let field = format!("messages[{index}].{member}");
                    let detail = format!("`{field}` {wanted}");
                    errors.push(FieldError::new(field, detail));
                }
            }
        }
        let mut input = json!({"messages": messages});
        let settings = Settings {
            max_tokens: self.max_completion_tokens.as_ref().or(self.max_tokens.as_ref()),
            temperature: self.temperature,
            top_p: self.top_p,
            seed: self.seed.as_ref(),
            stop: self.stop.as_ref(),
        };
        errors.extend(settings.write_to(&mut input));
        if errors.is_empty() { Ok(input) } else { Err(ApiError::Invalid(errors)) }
    }
}

impl RequestMessage {
    /// Role and text, where it is nothing but text; else which member is not, and what it should be.
    fn plain(&self) -> Result<(&str, String), (&'static str, &'static str)> {
        let role = match self.role.as_str() {
            "developer" => "system",
            "function" => "tool",
            role @ ("system" | "user" | "assistant" | "tool") => role,
            _ => return Err(("role", "is system, developer, user, assistant or tool")),
        };
        let no_text = ("content", "is a text, or a list of parts of the type `text`");
        let content = match &self.content {
            None if role == "assistant" => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => {
                parts.iter().map(text_of_part).collect::<Option<Vec<&str>>>().ok_or(no_text)?.concat()
            }
            None | Some(_) => return Err(no_text),
        };
        let calls = self.tool_calls.iter().flatten().map(text_of_call).collect::<Option<Vec<String>>>();
        let calls = calls.ok_or(("tool_calls", "are calls of functions, each with a name"))?;
        let content = Some(content).filter(|content| !content.is_empty());
        Ok((role, content.into_iter().chain(calls).collect::<Vec<_>>().join("\n")))
    }
}

/// `{"name": …, "arguments": …}`, the form in which most models write a call. Arguments are JSON in a text, as OpenAI has
/// them; a call without any has its name alone.
fn text_of_call(call: &Value) -> Option<String> {
    let function = call.get("function")?;
    let mut told = json!({"name": function.get("name")?.as_str()?});
    match function.get("arguments") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if text.is_empty() => {}
        Some(Value::String(text)) => {
            told["arguments"] = serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into());
        }
        Some(other) => told["arguments"] = other.clone(),
    }
    Some(told.to_string())
}

/// Only text is read here.
fn text_of_part(part: &Value) -> Option<&str> {
    if part["type"] == "text" { part["text"].as_str() } else { None }
}

/// Answers a conversation. With `stream`, the answer comes as server-sent events, and the last chunk names the receipt.
#[utoipa::path(
    post, path = "/v1/chat/completions", tag = "openai", request_body = ChatRequest,
    responses(
        (status = 200, body = TextAnswer, headers(("X-Receipt-Id" = String), ("X-Job-Id" = String))),
        (status = "4XX", body = OpenAiError, description = "An error in OpenAI's form"),
        (status = "5XX", body = OpenAiError, description = "No miner served it, or the server failed"),
    ),
    security((), ("api_key" = []), ("session" = []))
)]
pub async fn create(Call { request, client }: Call<ChatRequest>) -> Result<Response, ApiError> {
    let asked = Asked {
        form: Form::Chat,
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

    #[test]
    fn requests_are_read_as_clients_write_them() {
        crate::http::extract::tests::assert_reads_as_clients_write::<ChatRequest>(&json!({
            "model": "m",
            "messages": [
                {"role": "assistant", "content": "a", "refusal": "no", "tool_calls": []},
                {"role": "user", "content": [{"type": "text", "text": "b"}], "name": "n"},
            ],
            "max_tokens": 5, "max_completion_tokens": 5, "temperature": 1, "top_p": 1, "seed": 1, "stop": ["a"],
            "stream": true, "stream_options": {"include_usage": true, "include_obfuscation": false}, "n": 1,
            "tools": [], "tool_choice": "none", "logprobs": false, "response_format": {"type": "text"}, "user": "u",
        }));
    }

    #[test]
    fn harmless_messages_are_taken() {
        let request: ChatRequest = serde_json::from_value(json!({"model": "m", "messages": [
            {"role": "system", "content": ""},
            {"role": "user", "content": [{"type": "text", "text": "How warm"}, {"type": "text", "text": " is it?"}]},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "warmth"}}]},
            {"role": "assistant", "content": "I ask again.", "tool_calls": [
                {"id": "2", "type": "function", "function": {"name": "warmth", "arguments": "{\"at\": \"noon\"}"}},
            ]},
            {"role": "tool", "tool_call_id": "1", "content": "17 °C"},
            {"role": "function", "name": "warmth", "content": "17 °C"},
        ]}))
        .unwrap();
        let messages = request.input().unwrap()["messages"].clone();
        let told: Vec<(&str, &str)> = messages
            .as_array()
            .unwrap()
            .iter()
            .map(|message| (message["role"].as_str().unwrap(), message["content"].as_str().unwrap()))
            .collect();
        let again = "I ask again.\n{\"arguments\":{\"at\":\"noon\"},\"name\":\"warmth\"}";
        let expected = [
            ("system", ""),
            ("user", "How warm is it?"),
            ("assistant", "{\"name\":\"warmth\"}"),
            ("assistant", again),
            ("tool", "17 °C"),
            ("tool", "17 °C"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_no_text_is_refused_at_its_place() {
        for (message, member) in [
            (json!({"role": "user"}), "content"),
            (json!({"role": "wizard", "content": "a"}), "role"),
            (json!({"role": "user", "content": 5}), "content"),
            (json!({"role": "user", "content": {"type": "text", "text": "a"}}), "content"),
            (json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}), "content"),
            (json!({"role": "user", "content": [{"type": "text"}]}), "content"),
            (json!({"role": "user", "content": ["a"]}), "content"),
            (
                json!({"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "a"}}]}),
                "tool_calls",
            ),
        ] {
            let body = json!({"model": "m", "messages": [{"role": "system", "content": "a"}, message]});
            let request: ChatRequest = serde_json::from_value(body).unwrap();
            let Err(ApiError::Invalid(errors)) = request.input() else { panic!("{message} was taken") };
            let field = format!("messages[1].{member}");
            assert_eq!(errors[0].field, field);
            assert!(errors[0].detail.starts_with(&format!("`{field}` ")), "{}", errors[0].detail);
        }
    }
}
