//! What a decoder model's folder says of it.

use serde::Deserialize;

use crate::error::{InferenceError, Result};
use crate::runtime::context::{CONTEXT_MAX_TOKENS, ContextLengths};
use crate::runtime::folder::ModelFolder;

/// Longest context of a model whose folder names none.
const CONTEXT_DEFAULT_TOKENS: usize = 1_024;

/// One token that the model reads and one that it writes.
const CONTEXT_MIN_TOKENS: usize = 2;

/// Ends of a text, and how long it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextSettings {
    pub(super) context_tokens: usize,
    pub(super) end_tokens: Vec<u32>,
}

/// `config.json`, beside the context's length.
#[derive(Debug, Default, Deserialize)]
struct ModelConfig {
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
        let lengths: ContextLengths = folder.read_json("config.json")?;
        let context_tokens = lengths.smallest().unwrap_or(CONTEXT_DEFAULT_TOKENS).min(CONTEXT_MAX_TOKENS);
        if context_tokens < CONTEXT_MIN_TOKENS {
            let reason = format!("its context is at least {CONTEXT_MIN_TOKENS} tokens, got {context_tokens}");
            return Err(InferenceError::format(folder.root().join("config.json"), reason));
        }
        Ok(Self { context_tokens, end_tokens })
    }
}
