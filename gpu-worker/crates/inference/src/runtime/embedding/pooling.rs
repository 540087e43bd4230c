//! How the states of a text's tokens become one vector: the modes of sentence-transformers.

use serde::Deserialize;

use crate::error::{InferenceError, Result, quote};

/// A way to make one vector of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The first token, which the model was trained to sum the text up in.
    First,
    /// The largest of each number.
    Largest,
    Mean,
    /// The sum, divided by the root of the number of tokens.
    MeanByRoot,
    /// The mean in which the n-th token counts n times.
    WeightedMean,
    /// The last token, for models in which a token sees only those before it.
    Last,
}

/// What sentence-transformers calls the modes, and the older key of each, in the order in which these are put together.
const MODES: [(&str, &str, Mode); 6] = [
    ("cls", "pooling_mode_cls_token", Mode::First),
    ("max", "pooling_mode_max_tokens", Mode::Largest),
    ("mean", "pooling_mode_mean_tokens", Mode::Mean),
    ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Mode::MeanByRoot),
    ("weightedmean", "pooling_mode_weightedmean_tokens", Mode::WeightedMean),
    ("lasttoken", "pooling_mode_lasttoken", Mode::Last),
];

/// Beginning of the older keys, one of which may be of a mode that nothing here knows.
const OLDER_KEY: &str = "pooling_mode_";

/// The vectors of several modes are joined one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pooling(Vec<Mode>);

/// The configuration of the pooling module.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PoolingConfig {
    #[serde(default)]
    pooling_mode: Option<Names>,
    #[serde(default)]
    include_prompt: Option<bool>,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl PoolingConfig {
    /// Whether the tokens of a prompt count as well.
    pub(super) fn includes_prompt(&self) -> bool {
        self.include_prompt.unwrap_or(true)
    }

    /// # Errors
    /// A mode that nothing here knows.
    pub(super) fn pooling(&self) -> Result<Pooling> {
        let modes = match &self.pooling_mode {
            Some(Names::One(name)) => vec![named(name)?],
            Some(Names::Several(names)) => names.iter().map(|name| named(name)).collect::<Result<_>>()?,
            None => self.older()?,
        };
        if modes.len() > MODES.len() {
            return Err(InferenceError::unsupported(format!("it pools in {} ways at once", modes.len())));
        }
        Ok(Pooling(if modes.is_empty() { vec![Mode::Mean] } else { modes }))
    }

    fn older(&self) -> Result<Vec<Mode>> {
        let is_set = |key: &str| self.more.get(key) == Some(&true.into());
        let is_known = |key: &str| MODES.iter().any(|(_, older, _)| *older == key);
        let mut keys = self.more.keys().filter(|key| key.starts_with(OLDER_KEY) && is_set(key));
        match keys.find(|key| !is_known(key)) {
            Some(key) => Err(unknown(key)),
            None => Ok(MODES.iter().filter(|(_, key, _)| is_set(key)).map(|(_, _, mode)| *mode).collect()),
        }
    }
}

fn named(name: &str) -> Result<Mode> {
    let found = MODES.iter().find(|(known, _, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, _, mode)| *mode).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> InferenceError {
    let known = MODES.map(|(name, _, _)| name).join(", ");
    InferenceError::unsupported(format!("it pools by {:?}; known are {known}", quote(name)))
}

impl Pooling {
    /// The vector of a text with these states, each `width` long, one after another.
    pub(super) fn pooled(&self, states: &[f32], width: usize) -> Vec<f64> {
        self.0.iter().flat_map(|mode| mode.pooled(states, width)).collect()
    }
}

impl Mode {
    fn pooled(self, states: &[f32], width: usize) -> Vec<f64> {
        let tokens = (states.len() / width.max(1)) as f64;
        let divided = |sum: Vec<f64>, by: f64| sum.into_iter().map(|value| value / by).collect();
        let wide = |state: &[f32]| state.iter().map(|value| f64::from(*value)).collect();
        match self {
            Self::First => states.chunks(width).next().map_or_else(Vec::new, wide),
            Self::Last => states.chunks(width).last().map_or_else(Vec::new, wide),
            Self::Largest => folded(states, width, f64::NEG_INFINITY, |largest, value, _| larger(largest, value)),
            Self::Mean => divided(folded(states, width, 0.0, |sum, value, _| sum + value), tokens),
            Self::MeanByRoot => divided(folded(states, width, 0.0, |sum, value, _| sum + value), libm::sqrt(tokens)),
            Self::WeightedMean => {
                let sum = folded(states, width, 0.0, |sum, value, place| sum + value * place);
                divided(sum, tokens * (tokens + 1.0) / 2.0)
            }
        }
    }
}

/// What is not a number stays, so that a network that fails is not hidden behind the tokens that it got right.
fn larger(one: f64, other: f64) -> f64 {
    if other.is_nan() || other > one { other } else { one }
}

/// Goes through the tokens with each number of a state; `step` hears the number so far, the token's, and its place
/// from 1.
fn folded(states: &[f32], width: usize, begin: f64, step: impl Fn(f64, f64, f64) -> f64) -> Vec<f64> {
    let mut folded = vec![begin; width];
    for (place, state) in (1_u32..).zip(states.chunks(width)) {
        for (number, value) in folded.iter_mut().zip(state) {
            *number = step(*number, f64::from(*value), f64::from(place));
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooling(json: &str) -> Result<Pooling> {
        serde_json::from_str::<PoolingConfig>(json).unwrap().pooling()
    }

    #[test]
    fn a_folder_names_its_modes_by_either_key_and_means_the_mean_where_it_names_none() {
        for (name, older, mode) in MODES {
            assert_eq!(pooling(&format!(r#"{{"pooling_mode": "{name}"}}"#)).unwrap(), Pooling(vec![mode]));
            let others = r#""pooling_mode_of_tomorrow": false, "word_embedding_dimension": 4"#;
            assert_eq!(pooling(&format!(r#"{{"{older}": true, {others}}}"#)).unwrap(), Pooling(vec![mode]));
        }
        for json in ["{}", r#"{"pooling_mode_cls_token": false}"#, r#"{"pooling_mode": []}"#] {
            assert_eq!(pooling(json).unwrap(), Pooling(vec![Mode::Mean]), "{json}");
        }
        let newer_wins = r#"{"pooling_mode": "lasttoken", "pooling_mode_mean_tokens": true}"#;
        assert_eq!(pooling(newer_wins).unwrap(), Pooling(vec![Mode::Last]));
    }

    #[test]
    fn several_modes_are_joined_in_their_order() {
        let listed = pooling(r#"{"pooling_mode": ["mean", "cls"]}"#).unwrap();
        assert_eq!(listed.pooled(&[1.0, 2.0, 3.0, 6.0], 2), [2.0, 4.0, 1.0, 2.0]);
        let older = pooling(r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#).unwrap();
        assert_eq!(older.pooled(&[1.0, 2.0, 3.0, 6.0], 2), [1.0, 2.0, 2.0, 4.0]);
    }

    #[test]
    fn an_unknown_mode_is_refused_by_its_name() {
        for (json, name) in [
            (r#"{"pooling_mode": "median"}"#, "median"),
            (r#"{"pooling_mode": ["mean", "median"]}"#, "median"),
            (r#"{"pooling_mode_of_tomorrow": true, "pooling_mode_mean_tokens": true}"#, "pooling_mode_of_tomorrow"),
        ] {
            let error = pooling(json).unwrap_err();
            assert_eq!(error.kind.name(), "model");
            assert!(error.to_string().contains(name), "{error}");
        }
        assert!(pooling(&format!(r#"{{"pooling_mode": [{}]}}"#, ["\"mean\""; 7].join(","))).is_err());
    }

    #[test]
    fn each_mode_makes_its_vector() {
        let states = [1.0, -2.0, 3.0, -4.0, 2.0, -9.0, 6.0, 3.0];
        let pooled = |mode: Mode| Pooling(vec![mode]).pooled(&states, 2);
        assert_eq!(pooled(Mode::First), [1.0, -2.0]);
        assert_eq!(pooled(Mode::Last), [6.0, 3.0]);
        assert_eq!(pooled(Mode::Largest), [6.0, 3.0]);
        assert_eq!(pooled(Mode::Mean), [3.0, -3.0]);
        assert_eq!(pooled(Mode::MeanByRoot), [6.0, -6.0]);
        assert_eq!(pooled(Mode::WeightedMean), [3.7, -2.5]);
        assert_eq!(Pooling(vec![Mode::Largest]).pooled(&[-3.0, -1.0], 1), [-1.0], "no padding is looked at");
        for states in [[1.0, f32::NAN, 2.0], [f32::NAN, 1.0, 2.0], [1.0, 2.0, f32::NAN]] {
            assert!(Pooling(vec![Mode::Largest]).pooled(&states, 1)[0].is_nan(), "{states:?}");
        }
    }
}
