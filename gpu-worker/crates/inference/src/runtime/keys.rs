//! Typed reading of a model's JSON files: a key that is absent or null takes its default, a key that makes no sense is
//! an error that names file, key and value.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::folder::ModelFolder;
use crate::error::{InferenceError, Result, quote};

#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// In the model's folder; for errors.
    file: String,
    values: Map<String, Value>,
}

impl Keys {
    pub(super) fn parse(file: &str, text: &str) -> Result<Self> {
        let values =
            serde_json::from_str(&without_infinities(text)).map_err(|error| InferenceError::format(file, error))?;
        Ok(Self { file: file.to_owned(), values })
    }

    /// A listed file.
    pub(super) fn read(folder: &ModelFolder, file: &str) -> Result<Self> {
        let bytes = folder.read(file)?;
        let text = str::from_utf8(&bytes).map_err(|error| InferenceError::format(folder.root().join(file), error))?;
        Self::parse(file, text)
    }

    /// A listed file; no keys where the folder has none.
    pub(super) fn read_if_listed(folder: &ModelFolder, file: &str) -> Result<Self> {
        match folder.has(file) {
            true => Self::read(folder, file),
            false => Ok(Self { file: file.to_owned(), values: Map::new() }),
        }
    }

    /// Those of these keys that are wanted.
    pub(super) fn only_those(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.values.retain(|key, _| is_wanted(key));
        self
    }

    /// Keys with their values, as far as they say anything.
    pub(super) fn said(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().filter(|(_, value)| !is_nothing(value)).map(|(key, value)| (key.as_str(), value))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.values.insert(key.into(), value.into());
        self
    }

    /// The value under another name too, where that name has none.
    pub(super) fn with_alias(self, alias: &str, key: &str) -> Self {
        match self.get(key).cloned() {
            Some(value) if !self.has(alias) => self.with(alias, value),
            _ => self,
        }
    }

    pub(super) fn without(mut self, keys: &[&str]) -> Self {
        keys.iter().for_each(|key| drop(self.values.remove(*key)));
        self
    }

    /// That `key` breaks a bound, which reads on from its name: "is …".
    pub(super) fn error(&self, key: &str, bound: impl std::fmt::Display) -> InferenceError {
        let value = self.values.get(key).map_or_else(|| "nothing".into(), |value| quote(&value.to_string()));
        InferenceError::model_key(&self.file, key, bound, value)
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.error(key, "is true or false")),
        }
    }

    pub(super) fn optional_number(&self, key: &str, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.error(key, format!("is a number from {} to {}", range.start(), range.end()))),
        }
    }

    pub(super) fn number(&self, key: &str, default: f64, range: RangeInclusive<f64>) -> Result<f64> {
        Ok(self.optional_number(key, range)?.unwrap_or(default))
    }

    pub(super) fn integer(&self, key: &str, default: usize, range: RangeInclusive<usize>) -> Result<usize> {
        let Some(value) = self.get(key) else { return Ok(default) };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| self.error(key, format!("is a whole number from {} to {}", range.start(), range.end())))
    }

    /// The value that one of the known words stands for.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], default: T) -> Result<T> {
        let Some(value) = self.get(key) else { return Ok(default) };
        let known = choices.iter().find(|(word, _)| value.as_str() == Some(*word));
        known.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.error(key, format!("is {} for {}", words.join(" or "), self.class_name()))
        })
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// A list of numbers, each in range.
    pub(super) fn numbers(&self, key: &str, range: RangeInclusive<f64>) -> Result<Option<Vec<f64>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let in_range = |value: &Value| value.as_f64().filter(|number| range.contains(number));
        let numbers = value.as_array().and_then(|list| list.iter().map(in_range).collect());
        match numbers {
            Some(numbers) => Ok(Some(numbers)),
            None => Err(self.error(key, format!("is a list of numbers from {} to {}", range.start(), range.end()))),
        }
    }

    /// What the one key stands for that is true, if one is.
    ///
    /// # Errors
    /// Two keys that exclude each other.
    pub(super) fn only<T: Copy>(&self, choices: &[(&str, T)]) -> Result<Option<T>> {
        let mut chosen: Option<(&str, T)> = None;
        for (key, choice) in choices {
            match chosen {
                _ if !self.flag(key, false)? => {}
                None => chosen = Some((key, *choice)),
                Some((other, _)) => return Err(self.error(key, format!("is false where {other} is true"))),
            }
        }
        Ok(chosen.map(|(_, choice)| choice))
    }

    /// One whole number below `end`, or a list of up to `most` of them.
    pub(super) fn ids(&self, key: &str, end: usize, most: usize) -> Result<Vec<u32>> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let id = |value: &Value| u32::try_from(value.as_u64()?).ok().filter(|id| (*id as usize) < end);
        let ids: Option<Vec<u32>> = match value {
            Value::Array(values) if values.len() <= most => values.iter().map(id).collect(),
            value => id(value).map(|id| vec![id]),
        };
        ids.ok_or_else(|| self.error(key, format!("is a token below {end}, or a list of up to {most} of them")))
    }

    /// Refuses options that are not built, unless they are switched off.
    pub(super) fn refuse(&self, keys: &[&str]) -> Result<()> {
        let is_set = |key: &&&str| self.get(key).is_some_and(|value| value != &Value::Bool(false));
        match keys.iter().find(is_set) {
            Some(key) => {
                Err(self.error(key, format!("is false or absent, since no such {} is built", self.class_name())))
            }
            None => Ok(()),
        }
    }

    pub(super) fn class_name(&self) -> &str {
        self.text("_class_name").unwrap_or("a scheduler")
    }
}

/// diffusers writes `[null, null]` for a part that was left out.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Array(values) => !values.is_empty() && values.iter().all(Value::is_null),
        value => value.is_null(),
    }
}

/// Python writes a bound that was never set as `-Infinity`, which is no JSON; a key without a bound is null here.
fn without_infinities(text: &str) -> String {
    const INFINITY: &str = "-Infinity";
    let mut rest = text;
    let mut result = String::with_capacity(text.len());
    while let Some(position) = rest.find(INFINITY) {
        let (before, after) = rest.split_at(position);
        let is_value = before.trim_end().ends_with(':');
        result.push_str(before);
        result.push_str(if is_value { "null" } else { INFINITY });
        rest = &after[INFINITY.len()..];
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN_FILE: &str = "scheduler/scheduler_config.json";

    #[test]
    fn python_s_infinity_is_no_bound_and_text_is_left_alone() {
        let keys = Keys::parse(OWN_FILE, r#"{"a": -Infinity, "b": "-Infinity", "c":-Infinity}"#).unwrap();
        assert!(!keys.has("a") && !keys.has("c"));
        assert_eq!(keys.text("b"), Some("-Infinity"));
    }

    #[test]
    fn errors_name_file_key_bound_and_value() {
        let keys = Keys::parse(OWN_FILE, r#"{"beta_end": "much", "kind": 7, "on": 1, "list": [0.5, 2]}"#).unwrap();
        let texts = [
            keys.number("beta_end", 0.02, 0.0..=1.0).unwrap_err(),
            keys.choice("kind", &[("a", 1), ("b", 2)], 1).unwrap_err(),
            keys.flag("on", false).unwrap_err(),
            keys.numbers("list", 0.0..=1.0).unwrap_err(),
            keys.integer("kind", 1, 1..=3).unwrap_err(),
        ]
        .map(|error| error.to_string());
        assert_eq!(texts[0], format!("{OWN_FILE}: beta_end is a number from 0 to 1, got \"much\""));
        assert!(texts[1].contains("kind is a or b") && texts[1].ends_with("got 7"), "{}", texts[1]);
        assert!(texts[2].contains("on is true or false, got 1"), "{}", texts[2]);
        assert!(texts[3].contains("list is a list of numbers") && texts[3].ends_with("[0.5,2]"), "{}", texts[3]);
        assert!(texts[4].contains("kind is a whole number from 1 to 3, got 7"), "{}", texts[4]);
    }
}
