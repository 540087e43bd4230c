//! What a decoder model's folder says of it.

use tokenizers::Tokenizer;

use super::generation::Generation;
use crate::error::{InferenceError, Result};
use crate::runtime::context::{CONTEXT_MAX_TOKENS, ContextLengths, KnownTokens};
use crate::runtime::folder::ModelFolder;
use crate::runtime::network_config;

/// Longest context of a model whose folder names none.
const CONTEXT_DEFAULT_TOKENS: usize = 1_024;

/// One token that the model reads and one that it writes.
const CONTEXT_MIN_TOKENS: usize = 2;

/// How texts are written, and how long they may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TextSettings {
    pub(super) context_tokens: usize,
    pub(super) generation: Generation,
}

impl TextSettings {
    /// # Errors
    /// Files that ask for what is not done, and a context without room for a token.
    pub(super) fn read(folder: &ModelFolder, tokenizer: &Tokenizer) -> Result<Self> {
        let config = network_config::read(folder)?;
        let lengths: ContextLengths = folder.read_json("config.json")?;
        let known: KnownTokens = folder.read_json("config.json")?;
        let vocabulary = known.count().unwrap_or_else(|| tokenizer.get_vocab_size(true));
        let generation = Generation::read(folder, &config, vocabulary)?;
        let limits = [lengths.smallest(), network_config::rotary_limit(&config)?];
        let smallest = limits.into_iter().flatten().min();
        let context_tokens = smallest.unwrap_or(CONTEXT_DEFAULT_TOKENS).min(CONTEXT_MAX_TOKENS);
        if context_tokens < CONTEXT_MIN_TOKENS {
            let reason = format!("its context is at least {CONTEXT_MIN_TOKENS} tokens, got {context_tokens}");
            return Err(InferenceError::format(folder.root().join("config.json"), reason));
        }
        Ok(Self { context_tokens, generation })
    }
}
