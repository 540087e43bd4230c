//! Values as OpenAI's clients write them, in all the forms that mean the same.

use serde_json::{Number, Value};
use shared::field_error::FieldError;

/// A whole number, also where a client writes it as `5.0`.
pub(super) fn whole(field: &str, number: &Number) -> Result<i128, FieldError> {
    let float = || number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i128);
    let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    exact.or_else(float).ok_or_else(|| FieldError::bound(field, "a whole number", number.to_string()))
}

/// One text, or several.
pub(super) fn texts(field: &str, value: &Value) -> Result<Vec<String>, FieldError> {
    let refuse = |detail: &str| FieldError::new(field, format!("`{field}` {detail}"));
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        // Some clients send the tokens of a model that is not served here.
        Value::Number(_) | Value::Array(_) => {
            Err(refuse("is token ids, which belong to the tokenizer of one model; send the text itself"))
        }
        _ => Err(refuse("is a text or a list of texts")),
    };
    match value {
        Value::String(_) => Ok(vec![text(value)?]),
        Value::Array(values) => values.iter().map(text).collect(),
        _ => Err(refuse("is a text or a list of texts")),
    }
}

/// A number that only says how many, and must be one here.
pub(super) fn only_one(field: &str, number: Option<&Number>) -> Option<FieldError> {
    match whole(field, number?) {
        Ok(1) => None,
        Ok(other) => Some(FieldError::bound(field, "1 here", other.to_string())),
        Err(error) => Some(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_number_may_have_a_point_and_no_part_behind_it() {
        let read = |text: &str| whole("n", &serde_json::from_str(text).unwrap()).ok();
        for (text, number) in [("5", 5), ("5.0", 5), ("-1", -1), ("1e5", 100_000), ("-0.0", 0)] {
            assert_eq!(read(text), Some(number), "{text}");
        }
        assert_eq!(read("18446744073709551615"), Some(i128::from(u64::MAX)));
        assert!(read("1e300").is_some_and(|number| number > i128::from(u64::MAX)));
        assert_eq!(
            whole("n", &serde_json::from_str("5.5").unwrap()).unwrap_err().detail,
            "`n` is a whole number, got 5.5"
        );
    }

    #[test]
    fn texts_are_one_or_several_and_token_ids_are_refused_in_words() {
        assert_eq!(texts("input", &json!("a")), Ok(vec!["a".to_owned()]));
        assert_eq!(texts("input", &json!(["a", "b"])), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(texts("input", &json!([])), Ok(vec![]));
        for tokens in [json!([1, 2]), json!([[1, 2], [3]]), json!(["a", 1])] {
            let error = texts("input", &tokens).unwrap_err();
            assert!(error.detail.starts_with("`input` is token ids"), "{}", error.detail);
        }
        for other in [json!(5), json!({}), json!(true), json!([true]), json!([null])] {
            assert_eq!(texts("input", &other).unwrap_err().detail, "`input` is a text or a list of texts", "{other}");
        }
    }
}
