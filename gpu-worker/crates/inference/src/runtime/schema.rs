//! Which keys the JSON files of a model may have. A key that changes results and that nothing here does would be left
//! out in silence, and its result signed: so each key is done, says nothing that a result depends on, asks for nothing at
//! the value that it has, or is refused by name.

use serde_json::Value;

use super::keys::Keys;
use crate::error::Result;

/// A value at which a key asks for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Neutral {
    /// No value at all.
    Absent,
    False,
    True,
    Number(f64),
    /// An empty list, map or text.
    Empty,
    Words(&'static [&'static str]),
}

/// The keys of one kind of file.
#[derive(Debug)]
pub(super) struct Schema {
    /// Read where they are done.
    pub(super) done: &'static [&'static str],
    /// What no result depends on: versions and names, what a graph or a `tokenizer.json` holds itself, what only makes other
    /// programs faster, and what each job says itself.
    pub(super) descriptive: &'static [&'static str],
    /// The same, by the beginnings of their names.
    pub(super) descriptive_beginnings: &'static [&'static str],
    /// The same, by the ends of their names.
    pub(super) descriptive_ends: &'static [&'static str],
    /// Done at one value, which is that of most files, and refused at any other.
    pub(super) neutral: &'static [(&'static str, Neutral)],
}

impl Neutral {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Absent => false,
            Self::False => value == &Value::Bool(false),
            Self::True => value == &Value::Bool(true),
            Self::Number(number) => value.as_f64() == Some(number),
            Self::Empty => match value {
                Value::Array(values) => values.is_empty(),
                Value::Object(values) => values.is_empty(),
                value => value.as_str() == Some(""),
            },
            Self::Words(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Absent => "absent".into(),
            Self::False => "false or absent".into(),
            Self::True => "true or absent".into(),
            Self::Number(number) => format!("{number} or absent"),
            Self::Empty => "empty or absent".into(),
            Self::Words(words) => format!("{} or absent", words.join(" or ")),
        }
    }
}

impl Schema {
    pub(super) fn knows(&self, key: &str) -> bool {
        self.done.contains(&key) || self.describes(key) || self.neutral(key).is_some()
    }

    /// # Errors
    /// A key that is not known, and one that asks for what is not done.
    pub(super) fn check(&self, keys: &Keys) -> Result<()> {
        keys.said().try_for_each(|(key, value)| match self.neutral(key) {
            Some(neutral) if neutral.is(value) => Ok(()),
            Some(neutral) => Err(keys.error(key, format!("is {}, since nothing else is done here", neutral.name()))),
            None if self.knows(key) => Ok(()),
            None => Err(keys.error(key, "is no key that is known here, and what it asks for would be left out")),
        })
    }

    fn neutral(&self, key: &str) -> Option<Neutral> {
        self.neutral.iter().find(|(known, _)| *known == key).map(|(_, neutral)| *neutral)
    }

    fn describes(&self, key: &str) -> bool {
        self.descriptive.contains(&key)
            || self.descriptive_beginnings.iter().any(|beginning| key.starts_with(beginning))
            || self.descriptive_ends.iter().any(|end| key.ends_with(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema {
        done: &["size"],
        descriptive: &["version"],
        descriptive_beginnings: &["old_"],
        descriptive_ends: &["_token"],
        neutral: &[
            ("beams", Neutral::Number(1.0)),
            ("map", Neutral::Empty),
            ("on", Neutral::True),
            ("off", Neutral::False),
            ("mode", Neutral::Words(&["plain"])),
            ("code", Neutral::Absent),
        ],
    };

    fn check(text: &str) -> Result<()> {
        SCHEMA.check(&Keys::parse("config.json", text).unwrap())
    }

    #[test]
    fn what_is_done_describes_or_asks_for_nothing_passes() {
        check(r#"{"size": 7, "version": [1], "old_x": true, "pad_token": "p", "beams": 1, "map": {}, "on": true}"#)
            .unwrap();
        check(r#"{"off": false, "mode": "plain", "code": null, "wizard": null, "part": [null, null]}"#).unwrap();
        check(r#"{"beams": 1.0, "map": [], "off": null}"#).unwrap();
    }

    #[test]
    fn the_rest_is_refused_with_file_key_and_value() {
        for (text, words) in [
            (r#"{"beams": 4}"#, "config.json: beams is 1 or absent, since nothing else is done here, got 4"),
            (r#"{"map": {"a": 1}}"#, "config.json: map is empty or absent"),
            (r#"{"on": false}"#, "config.json: on is true or absent"),
            (r#"{"off": 1}"#, "config.json: off is false or absent"),
            (r#"{"mode": "odd"}"#, "mode is plain or absent, since nothing else is done here, got \"odd\""),
            (r#"{"code": {}}"#, "config.json: code is absent"),
            (r#"{"wizard": false}"#, "config.json: wizard is no key that is known here"),
        ] {
            let error = check(text).unwrap_err();
            assert_eq!(error.kind.name(), "model");
            assert!(error.to_string().contains(words), "{error} lacks {words}");
        }
    }
}
