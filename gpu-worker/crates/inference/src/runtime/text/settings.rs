//! What a decoder model's folder says of it.

use serde::Deserialize;

use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;

/// Longest context of a model whose folder names none.
const CONTEXT_DEFAULT_TOKENS: usize = 1_024;

/// Limits of what a model may claim: more tokens than any prompt here has bytes.
const CONTEXT_MAX_TOKENS: usize = 65_536;

/// Ends of a text, and how long it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextSettings {
    pub(super) context_tokens: usize,
    pub(super) end_tokens: Vec<u32>,
}

/// `config.json`; exporters differ in the name of the context's length.
#[derive(Debug, Default, Deserialize)]
struct ModelConfig {
    #[serde(default, alias = "n_positions", alias = "n_ctx", alias = "max_sequence_length")]
    max_position_embeddings: Option<usize>,
    #[serde(default)]
    eos_token_id: Option<TokenIds>,
}

/// `generation_config.json`.
#[derive(Debug, Default, Deserialize)]
struct GenerationConfig {
    #[serde(default)]
    eos_token_id: Option<TokenIds>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum TokenIds {
    One(u32),
    Several(Vec<u32>),
}

impl TextSettings {
    pub(super) fn read(folder: &ModelFolder) -> Result<Self> {
        let config: ModelConfig = folder.read_json("config.json")?;
        let generation = match folder.has("generation_config.json") {
            true => folder.read_json("generation_config.json")?,
            false => GenerationConfig::default(),
        };
        let end_tokens = match generation.eos_token_id.or(config.eos_token_id) {
            Some(TokenIds::One(token)) => vec![token],
            Some(TokenIds::Several(tokens)) => tokens,
            None => Vec::new(),
        };
        let context_tokens = config.max_position_embeddings.unwrap_or(CONTEXT_DEFAULT_TOKENS);
        if !(2..=CONTEXT_MAX_TOKENS).contains(&context_tokens) {
            let reason = format!("its context is 2 to {CONTEXT_MAX_TOKENS} tokens, got {context_tokens}");
            return Err(InferenceError::format(folder.root().join("config.json"), reason));
        }
        Ok(Self { context_tokens, end_tokens })
    }
}
