//! The one form of a JSON document that is hashed or signed: RFC 8785 (JCS), of whole numbers that it can carry.

#[cfg(feature = "signing")]
use serde::Serialize;
#[cfg(feature = "signing")]
use serde_json::Value;

/// The largest whole number that JSON carries without loss between implementations: 2^53 − 1 (RFC 8785 §3.2.2.3,
/// RFC 7493 §2.2).
pub const WHOLE_NUMBER_MAX: u64 = (1 << 53) - 1;

/// Why a document has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// RFC 8785 writes larger numbers rounded, so that two documents would have one hash, and what is read back would
    /// be another document.
    #[error("{field} is at most {WHOLE_NUMBER_MAX} in size, got {got}")]
    Number { field: String, got: String },
}

/// The canonical text.
///
/// # Errors
/// [`CanonicalError::Number`] for a whole number beyond ±[`WHOLE_NUMBER_MAX`], with its place, such as
/// `tries.0.ended_at`.
#[cfg(feature = "signing")]
pub fn canonical_json(document: &impl Serialize) -> Result<String, CanonicalError> {
    let value = serde_json::to_value(document)?;
    check_numbers(&value, "")?;
    Ok(serde_jcs::to_string(&value)?)
}

#[cfg(feature = "signing")]
fn check_numbers(value: &Value, place: &str) -> Result<(), CanonicalError> {
    let within = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
            if size.is_some_and(|size| size > WHOLE_NUMBER_MAX) {
                return Err(CanonicalError::Number { field: place.to_owned(), got: number.to_string() });
            }
            Ok(())
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| check_numbers(item, &within(&index.to_string())))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(key, field)| check_numbers(field, &within(key))),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_fractions_are_those_of_javascript() {
        let document = json!({"b": [1.0, 1e300, -0.5], "a": {"\u{e9}": null, "z": "\n"}});
        assert_eq!(canonical_json(&document).unwrap(), r#"{"a":{"z":"\n","é":null},"b":[1,1e+300,-0.5]}"#);
    }

    #[test]
    fn a_whole_number_that_would_be_rounded_is_refused_with_its_place() {
        let largest = WHOLE_NUMBER_MAX as i64;
        assert!(canonical_json(&json!([largest, -largest])).is_ok());
        for (number, got) in [(json!(largest + 1), "9007199254740992"), (json!(-largest - 1), "-9007199254740992")] {
            let error = canonical_json(&json!({"tries": [{}, {"ended_at": number}]})).unwrap_err().to_string();
            assert_eq!(error, format!("tries.1.ended_at is at most {WHOLE_NUMBER_MAX} in size, got {got}"));
        }
        assert!(canonical_json(&json!(u64::MAX)).is_err());
    }
}
