//! What the two calls for texts share: the settings, and the answer, whole or as a stream.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::text::MAX_TOKENS_MAX;

use super::call::{Client, text_of};
use super::form::{Form, finish_reason, usage};
use super::values::{texts, whole};
use super::{Usage, answer, stream};
use crate::error::ApiError;

/// The settings of a text, as the client gave them.
pub(super) struct Settings<'a> {
    pub(super) max_tokens: Option<&'a Number>,
    pub(super) temperature: Option<f32>,
    pub(super) top_p: Option<f32>,
    pub(super) seed: Option<&'a Number>,
    pub(super) stop: Option<&'a Value>,
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

impl Settings<'_> {
    /// Writes them into a text job's input. Values that any client means harmlessly are moved into the job's bounds.
    ///
    /// # Errors
    /// Every setting of another form.
    pub(super) fn write_to(&self, input: &mut Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut read = |field: &str, value: Option<Result<Value, FieldError>>| match value {
            Some(Ok(value)) => input[field] = value,
            Some(Err(error)) => errors.push(error),
            None => {}
        };
        read("max_tokens", self.max_tokens.map(|given| whole("max_tokens", given).map(tokens_at_most)));
        read("seed", self.seed.map(|given| whole("seed", given).map(seed_of)));
        read("stop", self.stop.map(|given| texts("stop", given).map(stops_of)));
        // Of no probability at all, only the likeliest token is left, which is what a temperature of 0 means.
        let is_greedy = self.top_p == Some(0.0);
        let temperature = if is_greedy { Some(0.0) } else { self.temperature };
        read("temperature", temperature.map(|given| Ok(given.into())));
        read("top_p", self.top_p.filter(|_| !is_greedy).map(|given| Ok(given.into())));
        errors
    }
}

/// A negative number means as many as there may be.
fn tokens_at_most(given: i128) -> Value {
    let most = i128::from(MAX_TOKENS_MAX);
    let clamped = if given < 0 { most } else { given.min(most) };
    u32::try_from(clamped).unwrap_or(MAX_TOKENS_MAX).into()
}

fn seed_of(given: i128) -> Value {
    u64::try_from(given.unsigned_abs()).unwrap_or(u64::MAX).into()
}

/// An empty stop text stops nothing.
fn stops_of(given: Vec<String>) -> Value {
    given.into_iter().filter(|stop| !stop.is_empty()).collect()
}

/// An answer that comes whole.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TextAnswer {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    #[schema(value_type = Vec<Object>)]
    choices: [Value; 1],
    usage: Usage,
}

/// What a client asked for, read and checked.
pub(super) struct Asked {
    pub(super) form: Form,
    pub(super) model: String,
    /// Of a text job.
    pub(super) input: Value,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

/// Serves the text, whole or as a stream.
pub(super) async fn serve(client: Client, asked: Asked) -> Result<Response, ApiError> {
    let Asked { form, model, input, stream: is_stream, include_usage } = asked;
    let mut waiting = client.submit(JobKind::Text, Some(model.clone()), input).await?;
    if is_stream {
        waiting.begun(&client.caller).await?;
        return Ok(stream::respond(client, waiting, form, model, include_usage));
    }
    let served = waiting.served(&client.caller).await?;
    let text = text_of(&client.watch.views, &served).await?;
    let body = TextAnswer {
        id: form.id(served.job_id),
        object: form.object(),
        created: served.created_at_seconds,
        choices: [form.choice(&text, finish_reason(&served)?)],
        usage: usage(&served),
        model: served.model.clone(),
    };
    Ok(answer(&served, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(given: Value) -> Result<Value, Vec<FieldError>> {
        let number = |field: &str| serde_json::from_value::<Option<Number>>(given[field].clone()).unwrap();
        let float = |field: &str| given[field].as_f64().map(|number| number as f32);
        let (max_tokens, seed) = (number("max_tokens"), number("seed"));
        let settings = Settings {
            max_tokens: max_tokens.as_ref(),
            temperature: float("temperature"),
            top_p: float("top_p"),
            seed: seed.as_ref(),
            stop: given.get("stop"),
        };
        let mut input = json!({});
        let errors = settings.write_to(&mut input);
        if errors.is_empty() { Ok(input) } else { Err(errors) }
    }

    #[test]
    fn harmless_values_are_moved_into_the_bounds() {
        for (given, expected) in [
            (json!({"max_tokens": -1}), json!({"max_tokens": 4_096})),
            (json!({"max_tokens": 100_000}), json!({"max_tokens": 4_096})),
            (json!({"max_tokens": 5.0}), json!({"max_tokens": 5})),
            (json!({"max_tokens": 1e300}), json!({"max_tokens": 4_096})),
            // Nothing is asked for; the job says that it is out of its bounds.
            (json!({"max_tokens": 0}), json!({"max_tokens": 0})),
            (json!({"seed": -5}), json!({"seed": 5})),
            (json!({"seed": 7.0}), json!({"seed": 7})),
            (json!({"seed": u64::MAX}), json!({"seed": u64::MAX})),
            (json!({"stop": ""}), json!({"stop": []})),
            (json!({"stop": ["", "END"]}), json!({"stop": ["END"]})),
            (json!({"top_p": 0, "temperature": 1}), json!({"temperature": 0.0})),
            (json!({}), json!({})),
        ] {
            assert_eq!(written(given.clone()), Ok(expected), "{given}");
        }
        let errors = written(json!({"max_tokens": 5.5, "seed": 0.1, "stop": 5})).unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["max_tokens", "seed", "stop"]);
    }
}
