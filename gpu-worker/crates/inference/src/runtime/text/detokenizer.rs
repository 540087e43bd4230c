//! Tokens back to text, in whole characters.

use tokenizers::Tokenizer;

use crate::error::{InferenceError, Result, quote};

/// What a decoder puts where bytes are no character, or not yet.
const INCOMPLETE: char = '\u{FFFD}';

/// Turns tokens into text as they come. A character may need several tokens, and a token's text may depend on the one
/// before it, so each piece is what the text grows by.
#[derive(Debug)]
pub(super) struct Detokenizer<'a> {
    tokenizer: &'a Tokenizer,
    tokens: Vec<u32>,
    /// Tokens before this are of no influence any more.
    settled: usize,
    /// Tokens before this have been given as text.
    given: usize,
}

impl<'a> Detokenizer<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, tokens: Vec::new(), settled: 0, given: 0 }
    }

    /// The text that is whole with this token; empty while a character is not.
    pub(super) fn push(&mut self, token: u32) -> Result<String> {
        self.tokens.push(token);
        let text = self.decode(self.settled, self.tokens.len())?;
        if text.ends_with(INCOMPLETE) {
            return Ok(String::new());
        }
        self.give(&text)
    }

    /// What is left, with marks in place of characters that never became whole.
    pub(super) fn finish(&mut self) -> Result<String> {
        let text = self.decode(self.settled, self.tokens.len())?;
        self.give(&text)
    }

    fn give(&mut self, text: &str) -> Result<String> {
        let before = self.decode(self.settled, self.given)?;
        let piece = text.strip_prefix(before.as_str()).unwrap_or_default().to_owned();
        if !piece.is_empty() {
            self.settled = self.given;
            self.given = self.tokens.len();
        }
        Ok(piece)
    }

    fn decode(&self, from: usize, to: usize) -> Result<String> {
        self.tokenizer
            .decode(&self.tokens[from..to], true)
            .map_err(|error| InferenceError::run("the tokenizer", quote(&error.to_string())))
    }
}
