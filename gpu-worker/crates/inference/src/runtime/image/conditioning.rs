//! From prompts to what the network is conditioned on: one tokenizer and text encoder, or SDXL's two side by side.

use super::layout::Layout;
use super::networks::text_encoder::{Encoded, Reading, TextEncoder};
use super::networks::unet::Unet;
use super::tokenizer::ClipTokenizer;
use crate::engine::Engine;
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;

/// A prompt and what to draw away from.
#[derive(Debug, Clone)]
pub(super) struct Conditioning {
    /// None where the picture is drawn unguided.
    pub(super) negative: Option<Encoded>,
    pub(super) positive: Encoded,
}

/// Text to hidden states.
#[derive(Debug)]
pub(super) struct PromptEncoder {
    first: TextPart,
    second: Option<TextPart>,
    zeroes_empty_negative: bool,
}

#[derive(Debug)]
struct TextPart {
    tokenizer: ClipTokenizer,
    encoder: TextEncoder,
}

impl PromptEncoder {
    pub(super) fn load(engine: &Engine, folder: &ModelFolder, layout: &Layout) -> Result<Self> {
        let reading = if layout.has_second_text_encoder { Reading::Penultimate } else { Reading::Last };
        let first = TextPart::load(engine, folder, ("tokenizer", "text_encoder"), reading)?;
        let second = layout.has_second_text_encoder.then(|| {
            TextPart::load(engine, folder, ("tokenizer_2", "text_encoder_2"), Reading::PenultimateAndProjection)
        });
        Ok(Self { first, second: second.transpose()?, zeroes_empty_negative: layout.zeroes_empty_negative_prompt })
    }

    /// Checks that the network takes what these encoders give.
    pub(super) fn check_fits(&self, unet: &Unet) -> Result<()> {
        match (unet.wants_projection(), self.second.is_some()) {
            (true, false) => {
                Err(InferenceError::unsupported("its unet takes text_embeds, but it has no text_encoder_2"))
            }
            (false, true) => {
                Err(InferenceError::unsupported("its text_encoder_2 has no use: its unet takes no text_embeds"))
            }
            _ => Ok(()),
        }
    }

    /// `negative` is None where the picture is drawn unguided.
    pub(super) fn encode(&mut self, prompt: &str, negative: Option<&str>) -> Result<Conditioning> {
        let positive = self.encode_one(prompt)?;
        let negative = match negative {
            Some("") if self.zeroes_empty_negative => Some(positive.zeroed()),
            Some(negative) => Some(self.encode_one(negative)?),
            None => None,
        };
        Ok(Conditioning { negative, positive })
    }

    fn encode_one(&mut self, prompt: &str) -> Result<Encoded> {
        let first = self.first.encode(prompt)?;
        match &mut self.second {
            None => Ok(first),
            Some(second) => beside(&first, &second.encode(prompt)?),
        }
    }
}

impl TextPart {
    fn load(engine: &Engine, folder: &ModelFolder, parts: (&str, &str), reading: Reading) -> Result<Self> {
        let encoder = TextEncoder::load(engine, folder, parts.1, reading)?;
        let tokenizer = ClipTokenizer::load(folder, parts.0, encoder.context_tokens())?;
        Ok(Self { tokenizer, encoder })
    }

    fn encode(&mut self, prompt: &str) -> Result<Encoded> {
        self.encoder.encode(&self.tokenizer.encode(prompt)?)
    }
}

impl Encoded {
    /// Zeros of the same sizes.
    fn zeroed(&self) -> Self {
        let zeros = |values: &[f32]| vec![0.0; values.len()];
        Self { states: zeros(&self.states), projection: zeros(&self.projection), ..*self }
    }
}

/// Both encoders' states of each token, one after the other, and the second's projection.
fn beside(first: &Encoded, second: &Encoded) -> Result<Encoded> {
    if first.tokens != second.tokens {
        let message = format!("its text encoders read {} and {} tokens", first.tokens, second.tokens);
        return Err(InferenceError::unsupported(message));
    }
    let pairs = first.states.chunks_exact(first.width).zip(second.states.chunks_exact(second.width));
    Ok(Encoded {
        tokens: first.tokens,
        width: first.width + second.width,
        states: pairs.flat_map(|(first, second)| first.iter().chain(second)).copied().collect(),
        projection: second.projection.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(width: usize, from: f32) -> Encoded {
        let states = (0..2 * width).map(|index| from + index as f32).collect();
        Encoded { tokens: 2, width, states, projection: vec![from; 3] }
    }

    #[test]
    fn each_token_has_the_states_of_both_encoders() {
        let both = beside(&encoded(1, 0.0), &encoded(2, 10.0)).unwrap();
        assert_eq!((both.tokens, both.width), (2, 3));
        assert_eq!(both.states, [0.0, 10.0, 11.0, 1.0, 12.0, 13.0]);
        assert_eq!(both.projection, [10.0; 3]);
        assert!(beside(&Encoded { tokens: 1, ..encoded(2, 0.0) }, &encoded(2, 0.0)).is_err());
    }
}
