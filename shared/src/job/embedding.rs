//! Embeddings: texts to vectors, their bounds and their unit of work.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::token::{self, Tokens};
use crate::amount::MicroUnits;
use crate::digest::PromptHash;
use crate::field_error::FieldError;
use crate::unit::UnitType;

pub const INPUTS_MAX: usize = 128;
/// Bytes of UTF-8 of one text.
pub const INPUT_MAX_BYTES: usize = 8 << 10;
/// Bytes of UTF-8 of all texts together.
pub const INPUTS_MAX_BYTES: usize = 64 << 10;
/// Numbers of one vector.
pub const DIMENSIONS_MAX: usize = 8_192;
/// Media type of the one artifact: a JSON array with an array of numbers for each text.
pub const MEDIA_TYPE: &str = "application/json";

/// Tokens that a model may put around each text: its beginning and its end, or a short instruction.
const TEMPLATE_TOKENS_PER_INPUT: u64 = 8;

/// What a client sends as `input` of an `embedding` job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EmbeddingInput {
    /// 1 to 128 texts of 1 to 8192 bytes of UTF-8, 65536 bytes in all.
    pub input: Vec<String>,
}

/// An embedding input within all bounds. Only [`EmbeddingInput::validate`] makes one from outside data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidEmbeddingInput {
    pub input: Vec<String>,
}

impl EmbeddingInput {
    /// Checks every bound and reports all that fail.
    pub fn validate(self) -> Result<ValidEmbeddingInput, Vec<FieldError>> {
        let mut errors = Vec::new();
        if !(1..=INPUTS_MAX).contains(&self.input.len()) {
            let bound = format!("1 to {INPUTS_MAX} texts");
            errors.push(FieldError::bound("input.input", bound, self.input.len().to_string()));
        }
        for (index, text) in self.input.iter().enumerate().take(INPUTS_MAX) {
            if text.trim().is_empty() || text.len() > INPUT_MAX_BYTES {
                let value = if text.trim().is_empty() { "blank".to_owned() } else { format!("{} bytes", text.len()) };
                let bound = format!("1 to {INPUT_MAX_BYTES} bytes of UTF-8");
                errors.push(FieldError::bound(format!("input.input[{index}]"), bound, value));
            }
        }
        let bytes: usize = self.input.iter().map(String::len).sum();
        if bytes > INPUTS_MAX_BYTES {
            let bound = format!("up to {INPUTS_MAX_BYTES} bytes of UTF-8 in all");
            errors.push(FieldError::bound("input.input", bound, format!("{bytes} bytes")));
        }
        if errors.is_empty() { Ok(ValidEmbeddingInput { input: self.input }) } else { Err(errors) }
    }
}

impl ValidEmbeddingInput {
    /// Embeddings are metered in the tokens that the model reads.
    pub const UNIT_TYPE: UnitType = UnitType::Token;

    /// The most that a receipt may claim.
    pub fn units_max(&self) -> MicroUnits {
        token::units(Tokens { read: self.read_max(), written: 0 })
    }

    /// What a miner may claim for `counted` tokens: at most one for each byte, and the model's marks around each text.
    pub fn payable(&self, counted: Tokens) -> Tokens {
        Tokens { read: counted.read.min(self.read_max()), written: 0 }
    }

    fn read_max(&self) -> u64 {
        self.input.iter().map(|text| text.len() as u64 + TEMPLATE_TOKENS_PER_INPUT).sum()
    }

    /// The hash of the texts as an RFC 8785 JSON array.
    pub fn prompt_hash(&self) -> PromptHash {
        PromptHash::of(&Value::from(self.input.clone()).to_string())
    }

    /// A short name of the job for people.
    pub fn words(&self) -> &str {
        self.input.first().map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(input: Vec<String>) -> Result<ValidEmbeddingInput, Vec<FieldError>> {
        EmbeddingInput { input }.validate()
    }

    #[test]
    fn names_every_text_that_is_out_of_bounds() {
        let errors = validate(vec!["a".into(), " ".into(), "x".repeat(8_193)]).unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["input.input[1]", "input.input[2]"]);
        assert!(validate(vec![]).is_err());
        assert!(validate(vec!["a".into(); 129]).is_err());
        let errors = validate(vec!["x".repeat(8_192); 9]).unwrap_err();
        assert_eq!(errors[0].value.as_deref(), Some("73728 bytes"));
    }

    #[test]
    fn pays_tokens_up_to_the_bytes_and_nothing_for_writing() {
        let valid = validate(vec!["ab".into(), "c".into()]).unwrap();
        let payable = valid.payable(Tokens { read: 1_000, written: 1_000 });
        assert_eq!(payable, Tokens { read: 19, written: 0 });
        assert_eq!(token::units(payable), valid.units_max());
        assert_eq!(valid.payable(Tokens { read: 3, written: 0 }).read, 3);
        assert_eq!(valid.prompt_hash(), PromptHash::of("[\"ab\",\"c\"]"));
    }
}
