//! How many tokens a language model reads at most, and which ones, by what its files say.

use serde::Deserialize;

use crate::error::{InferenceError, Result};

/// Most tokens that any model here reads: more than any prompt has bytes. Files that claim more are taken to mean this.
pub(super) const CONTEXT_MAX_TOKENS: usize = 65_536;

/// The names under which `config.json` gives the length. Exporters differ, and some write several of them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ContextLengths {
    #[serde(default)]
    max_position_embeddings: Option<f64>,
    #[serde(default)]
    n_positions: Option<f64>,
    #[serde(default)]
    n_ctx: Option<f64>,
    #[serde(default)]
    max_sequence_length: Option<f64>,
}

/// How many tokens `config.json` says that the network knows.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct KnownTokens {
    #[serde(default)]
    vocab_size: Option<f64>,
}

impl KnownTokens {
    pub(super) fn count(self) -> Option<usize> {
        self.vocab_size.map(whole)
    }

    /// Tokenizers may know more tokens than their networks, and a client may name those.
    ///
    /// # Errors
    /// A token that the network has no row for; `field` holds it.
    pub(super) fn check(self, field: &'static str, tokens: &[u32]) -> Result<()> {
        let Some(known) = self.vocab_size else { return Ok(()) };
        match tokens.iter().find(|token| f64::from(**token) >= known) {
            Some(token) => {
                Err(InferenceError::input(field, format!("holds tokens below {known} for this model"), token))
            }
            None => Ok(()),
        }
    }
}

/// `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct TokenizerLength {
    /// A float, since transformers writes 1e30 for "unlimited".
    #[serde(default)]
    model_max_length: Option<f64>,
}

impl ContextLengths {
    /// The smallest of them; 0 for a negative one.
    pub(super) fn smallest(&self) -> Option<usize> {
        let Self { max_position_embeddings, n_positions, n_ctx, max_sequence_length } = *self;
        let lengths = [max_position_embeddings, n_positions, n_ctx, max_sequence_length];
        lengths.into_iter().flatten().map(whole).min()
    }
}

impl TokenizerLength {
    /// `None` where the file means "unlimited".
    pub(super) fn limit(&self) -> Option<usize> {
        self.model_max_length.map(whole).filter(|length| *length <= CONTEXT_MAX_TOKENS)
    }
}

/// The conversion saturates.
fn whole(length: f64) -> usize {
    length as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smallest(json: &str) -> Option<usize> {
        serde_json::from_str::<ContextLengths>(json).unwrap().smallest()
    }

    #[test]
    fn a_file_with_several_names_means_the_smallest_length() {
        assert_eq!(smallest(r#"{"n_positions": 1024, "n_ctx": 512, "model_type": "gpt2"}"#), Some(512));
        assert_eq!(smallest(r#"{"n_positions": 1024, "max_position_embeddings": 2048, "n_ctx": null}"#), Some(1024));
        assert_eq!(smallest(r#"{"max_sequence_length": 300}"#), Some(300));
        assert_eq!((smallest("{}"), smallest(r#"{"n_ctx": -1}"#)), (None, Some(0)));
        assert_eq!(smallest(r#"{"n_ctx": 1e30}"#), Some(usize::MAX));
    }

    #[test]
    fn a_tokenizer_without_a_limit_of_its_own_names_none() {
        let limit = |json| serde_json::from_str::<TokenizerLength>(json).unwrap().limit();
        assert_eq!(limit(r#"{"model_max_length": 512}"#), Some(512));
        for json in [
            "{}",
            r#"{"model_max_length": null}"#,
            r#"{"model_max_length": 1e30}"#,
            r#"{"model_max_length": 1000000000000000019884624838656}"#,
        ] {
            assert_eq!(limit(json), None, "{json}");
        }
    }
}
