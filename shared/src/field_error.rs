//! An invalid field of a request, said in words that a client understands.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One invalid field of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Path of the field: `input.steps`.
    pub field: String,
    pub detail: String,
    /// What would have been accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// What was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl FieldError {
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into(), bound: None, value: None }
    }

    /// A value of another form than the field's. `reason` is serde's, which calls types by their names in Rust.
    pub fn form(field: impl Into<String>, reason: &str) -> Self {
        let field = field.into();
        let detail = format!("`{field}`: {}", in_words(reason));
        Self::new(field, detail)
    }

    /// A value where an object is expected.
    pub fn no_object(field: impl Into<String>, given: &Value) -> Self {
        let (field, given) = (field.into(), name_of_type(given));
        let detail = format!("`{field}` is an object, got {given}");
        Self::new(field, detail)
    }

    /// A value outside its bound.
    pub fn bound(field: impl Into<String>, bound: impl Into<String>, value: impl Into<String>) -> Self {
        let (field, bound, value) = (field.into(), bound.into(), value.into());
        let detail = format!("`{field}` is {bound}, got {value}");
        Self { field, detail, bound: Some(bound), value: Some(value) }
    }
}

const fn name_of_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// What serde, or the parser of a query's number, expected, as clients call it.
fn in_words(reason: &str) -> String {
    const EXPECTED: &str = "expected ";
    match reason {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            return "expected a whole number, 0 or more".to_owned();
        }
        "number too large to fit in target type" => return "the number is too large".to_owned(),
        _ => {}
    }
    let Some((given, expected)) = reason.split_once(EXPECTED) else { return reason.to_owned() };
    let (name, rest) = expected.split_at(expected.find(' ').unwrap_or(expected.len()));
    let whole = |max: u64| format!("a whole number, 0 to {max}");
    let (words, rest) = match name {
        "u8" => (whole(u8::MAX.into()), rest),
        "u16" => (whole(u16::MAX.into()), rest),
        "u32" => (whole(u32::MAX.into()), rest),
        "u64" => (whole(u64::MAX), rest),
        "i64" => ("a whole number".to_owned(), rest),
        "f32" | "f64" => ("a number".to_owned(), rest),
        "struct" => ("an object".to_owned(), rest.find(" at line").map_or("", |at| &rest[at..])),
        _ => return reason.to_owned(),
    };
    format!("{given}{EXPECTED}{words}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_called_what_json_calls_them() {
        for (reason, words) in [
            (
                "invalid value: integer `-8`, expected u32",
                "invalid value: integer `-8`, expected a whole number, 0 to 4294967295",
            ),
            (
                "invalid type: map, expected f32 at line 1 column 9",
                "invalid type: map, expected a number at line 1 column 9",
            ),
            (
                "invalid type: null, expected struct A with 2 elements at line 1",
                "invalid type: null, expected an object at line 1",
            ),
            ("invalid type: null, expected struct A", "invalid type: null, expected an object"),
            ("invalid type: sequence, expected a string", "invalid type: sequence, expected a string"),
            ("missing field `prompt`", "missing field `prompt`"),
            ("expected ", "expected "),
            ("invalid digit found in string", "expected a whole number, 0 or more"),
            ("number too large to fit in target type", "the number is too large"),
        ] {
            assert_eq!(in_words(reason), words);
        }
    }
}
