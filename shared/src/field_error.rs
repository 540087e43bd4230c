//! An invalid field of a request, said in words that a client understands.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a given value, or of a reason, that an error repeats.
const QUOTED_MAX_CHARS: usize = 300;

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

/// What serde, or the parser of a query's number, says, in the words of JSON.
pub fn in_words(reason: &str) -> String {
    match reason {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            return "expected a whole number, 0 or more".to_owned();
        }
        "number too large to fit in target type" => return "the number is too large".to_owned(),
        _ if reason.contains("data did not match any variant") => {
            return "the value has none of the forms that are taken here".to_owned();
        }
        _ => {}
    }
    // Serde's own words come last; a value that is quoted before them may hold any.
    match reason.rsplit_once(", expected ") {
        Some((given, expected)) => format!("{}, expected {}", given_in_words(given), expected_in_words(expected)),
        None => cut(reason),
    }
}

fn given_in_words(given: &str) -> String {
    const NAMES: [(&str, &str); 5] = [
        ("invalid type: floating point ", "invalid type: number "),
        ("invalid type: sequence", "invalid type: array"),
        ("invalid type: map", "invalid type: object"),
        ("invalid type: unit value", "invalid type: null"),
        ("unknown variant ", "unknown value "),
    ];
    let named = NAMES.iter().find_map(|(rust, json)| given.strip_prefix(rust).map(|rest| format!("{json}{rest}")));
    cut(&named.unwrap_or_else(|| given.to_owned()))
}

fn expected_in_words(expected: &str) -> String {
    let (expected, place) = expected.split_at(expected.find(" at line ").unwrap_or(expected.len()));
    let whole = |max: u64| format!("a whole number, 0 to {max}");
    let words = match expected {
        "u8" => whole(u8::MAX.into()),
        "u16" => whole(u16::MAX.into()),
        "u32" => whole(u32::MAX.into()),
        "u64" | "usize" => whole(u64::MAX),
        "i8" | "i16" | "i32" | "i64" | "i128" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        "unit" => "null".to_owned(),
        "string or map" | "variant identifier" => "a string".to_owned(),
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        _ if expected.starts_with("enum ") => "a string".to_owned(),
        _ if expected.starts_with("a tuple") || expected.starts_with("tuple") => "an array".to_owned(),
        // Addresses and hashes; their other forms are for machines.
        _ => expected.split(", an array of u8").next().unwrap_or(expected).to_owned(),
    };
    format!("{words}{place}")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
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
                "invalid type: object, expected a number at line 1 column 9",
            ),
            (
                "invalid type: null, expected struct A with 2 elements at line 1",
                "invalid type: null, expected an object at line 1",
            ),
            ("invalid type: null, expected struct A", "invalid type: null, expected an object"),
            ("invalid type: sequence, expected a string", "invalid type: array, expected a string"),
            ("invalid type: floating point `5.5`, expected i64", "invalid type: number `5.5`, expected a whole number"),
            ("invalid type: integer `5`, expected string or map", "invalid type: integer `5`, expected a string"),
            ("invalid type: boolean `true`, expected a sequence", "invalid type: boolean `true`, expected an array"),
            (
                "invalid type: string \", expected struct A\", expected u8",
                "invalid type: string \", expected struct A\", expected a whole number, 0 to 255",
            ),
            (
                "invalid type: integer `1`, expected 20 bytes, represented as a hex string of length 40, an array of u8, or raw bytes",
                "invalid type: integer `1`, expected 20 bytes, represented as a hex string of length 40",
            ),
            ("unknown variant `a`, expected `b` or `c`", "unknown value `a`, expected `b` or `c`"),
            (
                "data did not match any variant of untagged enum Content",
                "the value has none of the forms that are taken here",
            ),
            ("missing field `prompt`", "missing field `prompt`"),
            ("expected ", "expected "),
            ("invalid digit found in string", "expected a whole number, 0 or more"),
            ("number too large to fit in target type", "the number is too large"),
        ] {
            assert_eq!(in_words(reason), words);
        }
    }

    #[test]
    fn a_long_value_is_not_repeated_whole() {
        let reason = format!("invalid type: string \"{}\", expected a boolean", "ø".repeat(1 << 20));
        let detail = FieldError::form("stream", &reason).detail;
        assert!(detail.chars().count() < 400 && detail.ends_with("…, expected a boolean"), "{}", detail.len());
    }
}
