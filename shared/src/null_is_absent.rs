//! `null` in a request means the same as a field that is left out.
//!
//! Clients of many languages write every field that they know, and `null` for those that nobody set.

use serde_json::Value;

/// The value without the members of its objects that are `null`. Elements of arrays stay, since they have a place.
#[must_use]
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let given = members.into_iter().filter(|(_, member)| !member.is_null());
            Value::Object(given.map(|(name, member)| (name, without_nulls(member))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(without_nulls).collect()),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_go_at_every_depth_and_elements_stay() {
        let given = json!({"a": null, "b": {"c": null, "d": [null, {"e": null, "f": 0}]}, "g": ""});
        assert_eq!(without_nulls(given), json!({"b": {"d": [null, {"f": 0}]}, "g": ""}));
        assert_eq!(without_nulls(Value::Null), Value::Null);
    }
}
