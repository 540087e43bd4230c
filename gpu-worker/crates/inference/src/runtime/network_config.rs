//! `config.json` of a network. Its graph holds what the file says of layers and sizes, so those keys are free; what
//! says more than a graph can hold is done or refused.

use serde_json::{Map, Value};

use super::folder::ModelFolder;
use super::keys::Keys;
use crate::error::Result;

const FILE: &str = "config.json";

/// How weights are rounded. A graph has operators for it, and a graph without them has other weights than these keys say.
const QUANTIZATION: [&str; 2] = ["quantization_config", "compression_config"];

/// Where older and newer files say how rotary positions are stretched.
const ROTARY: [&str; 2] = ["rope_scaling", "rope_parameters"];

/// Ways that give each position one angle, which the graph holds.
const STATIC_ROTARY: [&str; 5] = ["default", "linear", "yarn", "llama3", "proportional"];

/// Ways whose angles depend on the length of the text. Up to the length of its training a model reads the same either
/// way, and that is what a graph holds.
const GROWING_ROTARY: [&str; 3] = ["dynamic", "longrope", "su"];

/// The length of the training of a model that was stretched.
const TRAINED_LENGTH: &str = "original_max_position_embeddings";
const WHOLE_LENGTH: &str = "max_position_embeddings";

/// The file of a language model's network.
///
/// # Errors
/// Weights that are rounded in a way that the graph does not show, a network that reads with one half and writes with
/// another, and rotary positions of an unknown kind.
pub(super) fn read(folder: &ModelFolder) -> Result<Keys> {
    let keys = Keys::read(folder, FILE)?;
    check_weights(&keys)?;
    if keys.flag("is_encoder_decoder", false)? {
        return Err(keys.error("is_encoder_decoder", "is false or absent, since one network does it all here"));
    }
    rotary_limit(&keys)?;
    Ok(keys)
}

/// Checks the file in the folder `part` of a picture model, where there is one.
pub(super) fn check_part(folder: &ModelFolder, part: &str) -> Result<()> {
    check_weights(&Keys::read_if_listed(folder, &format!("{part}/{FILE}"))?)
}

/// Most tokens up to which the angles of rotary positions are those that the graph holds, where they end somewhere.
pub(super) fn rotary_limit(keys: &Keys) -> Result<Option<usize>> {
    let mut limits = Vec::new();
    for key in ROTARY {
        let Some(value) = keys.get(key) else { continue };
        let kinds = kinds(value).ok_or_else(|| keys.error(key, "is a map"))?;
        for kind in kinds {
            limits.extend(limit(keys, key, kind)?);
        }
    }
    Ok(limits.into_iter().min())
}

/// The map itself, or the one of each kind of layer that it holds.
fn kinds(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    let map = value.as_object()?;
    let of_layers: Vec<_> = map.values().filter_map(Value::as_object).collect();
    Some(if of_layers.is_empty() { vec![map] } else { of_layers })
}

fn limit(keys: &Keys, key: &str, kind: &Map<String, Value>) -> Result<Option<usize>> {
    let name = kind.get("rope_type").or_else(|| kind.get("type")).map_or(Some("default"), Value::as_str);
    match name {
        Some(name) if STATIC_ROTARY.contains(&name) => Ok(None),
        Some(name) if GROWING_ROTARY.contains(&name) => {
            let trained = kind.get(TRAINED_LENGTH).or_else(|| keys.get(TRAINED_LENGTH));
            // Of a dynamic stretch, the whole length is that of the training.
            let whole = keys.get(WHOLE_LENGTH).filter(|_| name == "dynamic");
            let length = trained.or(whole).and_then(Value::as_f64).filter(|length| *length >= 1.0);
            let bound = format!("comes with {TRAINED_LENGTH}, up to which it changes nothing");
            // The conversion saturates.
            length.map(|length| Some(length as usize)).ok_or_else(|| keys.error(key, bound))
        }
        _ => {
            let known = [&STATIC_ROTARY[..], &GROWING_ROTARY].concat().join(", ");
            Err(keys.error(key, format!("has a rope_type of {known}")))
        }
    }
}

fn check_weights(keys: &Keys) -> Result<()> {
    match QUANTIZATION.into_iter().find(|key| keys.has(key)) {
        Some(key) => Err(keys.error(key, "is absent, since a graph says itself how its weights are rounded")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(text: &str) -> Result<Option<usize>> {
        rotary_limit(&Keys::parse(FILE, text).unwrap())
    }

    #[test]
    fn positions_whose_angles_grow_end_at_the_length_of_the_training() {
        for text in [
            "{}",
            r#"{"rope_scaling": null, "rope_theta": 10000}"#,
            r#"{"rope_scaling": {"type": "linear", "factor": 2}}"#,
            r#"{"rope_scaling": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 32768}}"#,
            r#"{"rope_parameters": {"rope_theta": 10000, "rope_type": "default"}}"#,
            r#"{"rope_parameters": {"full_attention": {"rope_type": "llama3"}, "sliding_attention": {}}}"#,
        ] {
            assert_eq!(limit_of(text).unwrap(), None, "{text}");
        }
        let long = r#"{"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 4096}"#;
        assert_eq!(limit_of(long).unwrap(), Some(4096));
        let inside =
            r#"{"rope_parameters": {"a": {"rope_type": "su", "original_max_position_embeddings": 9}, "b": {}}}"#;
        assert_eq!(limit_of(inside).unwrap(), Some(9));
        let dynamic = r#"{"rope_scaling": {"type": "dynamic", "factor": 2}, "max_position_embeddings": 2048}"#;
        assert_eq!(limit_of(dynamic).unwrap(), Some(2048));
    }

    #[test]
    fn unknown_positions_are_refused_by_name() {
        for (text, word) in [
            (r#"{"rope_scaling": {"type": "spiral"}}"#, "spiral"),
            (r#"{"rope_scaling": {"type": 7}}"#, "rope_type of default"),
            (r#"{"rope_scaling": 4}"#, "is a map"),
            (r#"{"rope_parameters": {"a": {"rope_type": "spiral"}}}"#, "rope_parameters"),
            (r#"{"rope_scaling": {"type": "longrope"}, "max_position_embeddings": 9}"#, TRAINED_LENGTH),
            (r#"{"rope_scaling": {"type": "su"}, "original_max_position_embeddings": 0}"#, TRAINED_LENGTH),
        ] {
            let error = limit_of(text).unwrap_err().to_string();
            assert!(error.starts_with("config.json: rope_") && error.contains(word), "{error} lacks {word}");
        }
    }
}
