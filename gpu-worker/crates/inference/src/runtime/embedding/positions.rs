//! Which positions a sentence model gives its tokens, and how many tokens it reads at most.

use serde::Deserialize;

use crate::error::{InferenceError, Result};
use crate::runtime::context::{CONTEXT_MAX_TOKENS, ContextLengths, TokenizerLength};
use crate::runtime::folder::ModelFolder;
use crate::runtime::keys::Keys;
use crate::runtime::network_config;

use super::read_or_default;

/// Longest text where the folder names no limit.
const CONTEXT_DEFAULT_TOKENS: usize = 512;

/// Kinds of models whose positions begin after the padding token's id: RoBERTa and what was made from it.
const COUNTED_FROM_PADDING: [&str; 11] = [
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "roberta-prelayernorm",
    "mpnet",
    "longformer",
    "xmod",
    "data2vec-text",
    "ibert",
    "luke",
];

/// The padding token of RoBERTa's own vocabulary.
const ROBERTA_PAD_TOKEN: u32 = 1;

/// What a sentence model's files say of the places of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Positions {
    /// Most tokens of a text.
    pub(super) context_tokens: usize,
    /// What stands where a text has no more tokens.
    pub(super) pad_token: i64,
    /// The position of the first token.
    first: usize,
    /// The position of padding.
    padding: usize,
}

#[derive(Debug, Default, Deserialize)]
struct ModelConfig {
    #[serde(default)]
    model_type: Option<String>,
    #[serde(default)]
    pad_token_id: Option<i64>,
}

impl Positions {
    /// `fixed_tokens` is the length that the graph fixes, where it fixes one.
    ///
    /// # Errors
    /// A model that has no room for a token.
    pub(super) fn read(
        folder: &ModelFolder,
        config_keys: &Keys,
        max_seq_length: Option<f64>,
        fixed_tokens: Option<usize>,
    ) -> Result<Self> {
        let lengths: ContextLengths = folder.read_json("config.json")?;
        let config: ModelConfig = folder.read_json("config.json")?;
        let tokenizer: TokenizerLength = read_or_default(folder, "tokenizer_config.json")?;
        let rotary = network_config::rotary_limit(config_keys)?;
        let limits = [max_seq_length.map(|length| length as usize), tokenizer.limit(), fixed_tokens, rotary];
        Self::of(&config, lengths.smallest(), limits)
            .map_err(|reason| InferenceError::format(folder.root().join("config.json"), reason))
    }

    /// `rows` is how many positions the model learned. Limits of 0 are taken for none, as exporters write them.
    fn of(config: &ModelConfig, rows: Option<usize>, limits: [Option<usize>; 4]) -> std::result::Result<Self, String> {
        let pad_token = config.pad_token_id.and_then(|id| u32::try_from(id).ok());
        let is_counted = config.model_type.as_deref().is_some_and(|kind| COUNTED_FROM_PADDING.contains(&kind));
        let padding = is_counted.then(|| pad_token.unwrap_or(ROBERTA_PAD_TOKEN));
        let first = padding.map_or(0, |padding| padding as usize + 1);
        let rows = rows.filter(|rows| *rows > 0);
        if let Some(rows) = rows.filter(|rows| *rows <= first) {
            return Err(format!("its {rows} positions leave none after the first {first}, which are for padding"));
        }
        let limits = limits.into_iter().chain([rows.map(|rows| rows - first)]).flatten();
        let smallest = limits.filter(|limit| *limit > 0).min().unwrap_or(CONTEXT_DEFAULT_TOKENS);
        Ok(Self {
            context_tokens: smallest.min(CONTEXT_MAX_TOKENS),
            pad_token: i64::from(padding.or(pad_token).unwrap_or(0)),
            first,
            padding: padding.unwrap_or(0) as usize,
        })
    }

    /// The positions of a text of `tokens` tokens in a row of `length`.
    pub(super) fn of_row(&self, tokens: usize, length: usize) -> impl Iterator<Item = i64> {
        let Self { first, padding, .. } = *self;
        (0..length).map(move |place| if place < tokens { (first + place) as i64 } else { padding as i64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str, rows: Option<usize>, [a, b, c]: [Option<usize>; 3]) -> std::result::Result<Positions, String> {
        Positions::of(&serde_json::from_str(config).unwrap(), rows, [a, b, c, None])
    }

    fn context(config: &str, rows: Option<usize>, limits: [Option<usize>; 3]) -> usize {
        of(config, rows, limits).unwrap().context_tokens
    }

    #[test]
    fn the_smallest_limit_that_holds_is_taken() {
        let bert = r#"{"model_type": "bert", "pad_token_id": 0}"#;
        assert_eq!(context(bert, Some(512), [None, None, None]), 512);
        assert_eq!(context(bert, Some(512), [Some(384), Some(256), None]), 256);
        assert_eq!(context(bert, Some(512), [Some(384), None, Some(128)]), 128);
        assert_eq!(context(bert, None, [None, None, None]), CONTEXT_DEFAULT_TOKENS);
        assert_eq!(context(bert, Some(0), [Some(0), None, None]), CONTEXT_DEFAULT_TOKENS);
        assert_eq!(context(bert, Some(131_072), [None, None, None]), CONTEXT_MAX_TOKENS);
    }

    #[test]
    fn roberta_counts_from_its_padding() {
        for kind in ["roberta", "xlm-roberta", "camembert", "mpnet"] {
            let config = format!(r#"{{"model_type": "{kind}", "pad_token_id": 1}}"#);
            let positions = of(&config, Some(514), [Some(514), None, None]).unwrap();
            assert_eq!((positions.context_tokens, positions.pad_token), (512, 1), "{kind}");
            assert_eq!(positions.of_row(3, 5).collect::<Vec<_>>(), [2, 3, 4, 1, 1], "{kind}");
        }
        assert_eq!(context(r#"{"model_type": "roberta"}"#, Some(514), [None; 3]), 512, "its own padding token");
        let bert = of(r#"{"model_type": "bert", "pad_token_id": 2}"#, Some(32), [None; 3]).unwrap();
        assert_eq!((bert.context_tokens, bert.pad_token), (32, 2));
        assert_eq!(bert.of_row(2, 3).collect::<Vec<_>>(), [0, 1, 0]);
    }

    #[test]
    fn a_model_without_room_for_a_token_is_refused() {
        let roberta = r#"{"model_type": "roberta", "pad_token_id": 4294967295}"#;
        for rows in [1, 514] {
            assert!(of(roberta, Some(rows), [None; 3]).unwrap_err().contains("leave none"), "{rows}");
        }
        assert_eq!(of(r#"{"pad_token_id": -1}"#, None, [None; 3]).unwrap().pad_token, 0);
    }
}
