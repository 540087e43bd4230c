//! Results of language models: texts and vectors as artifacts, with the tokens that may be claimed for them.

use shared::job::embedding::{self, ValidEmbeddingInput};
use shared::job::text::{self, FinishReason, ValidTextInput};
use shared::job::token::Tokens;
use shared::protocol::Metering;

use super::{Encoded, Output};
use crate::error::{InferenceError, Result};

/// A finished text. Of the tokens that were `counted`, the hub pays what the text can hold.
pub(crate) fn text(
    input: &ValidTextInput,
    text: String,
    counted: Tokens,
    finish_reason: FinishReason,
    metering: Metering,
) -> Output {
    let payable = input.payable(counted, text.len());
    let metering = Metering {
        tokens_read: payable.read,
        tokens_written: payable.written,
        finish_reason: Some(finish_reason),
        ..metering
    };
    Output {
        artifacts: vec![Encoded { media_type: text::MEDIA_TYPE.into(), bytes: text.into_bytes() }],
        metering,
        ..Output::default()
    }
}

/// A vector for each text.
///
/// # Errors
/// Another number of vectors, vectors of unequal or too great length, and numbers that are not finite.
pub(crate) fn vectors(
    input: &ValidEmbeddingInput,
    vectors: &[Vec<f32>],
    counted: Tokens,
    metering: Metering,
) -> Result<Output> {
    let dimensions = vectors.first().map_or(0, Vec::len);
    let even = vectors.iter().all(|vector| vector.len() == dimensions);
    if vectors.len() != input.input.len() || !even || !(1..=embedding::DIMENSIONS_MAX).contains(&dimensions) {
        let reason =
            format!("it gave {} vectors of {dimensions} numbers for {} texts", vectors.len(), input.input.len());
        return Err(InferenceError::run("the model", reason));
    }
    if !vectors.iter().flatten().all(|number| number.is_finite()) {
        return Err(InferenceError::not_finite("the model", 1));
    }
    let bytes = serde_json::to_vec(vectors).map_err(|error| InferenceError::run("the model", error.to_string()))?;
    let payable = input.payable(counted);
    let metering = Metering { tokens_read: payable.read, tokens_written: 0, ..metering };
    Ok(Output {
        artifacts: vec![Encoded { media_type: embedding::MEDIA_TYPE.into(), bytes }],
        metering,
        ..Output::default()
    })
}
