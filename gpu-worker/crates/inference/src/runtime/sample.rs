//! Work that shows how fast a model is.

use shared::field_error::FieldError;
use shared::job::JobKind;
use shared::job::embedding::{EmbeddingInput, ValidEmbeddingInput};
use shared::job::image::{ImageInput, PictureDefaults, SchedulerName, ValidImageInput};
use shared::job::request::Work;
use shared::job::text::{TextInput, ValidTextInput};
use shared::model::ModelManifest;

use crate::error::{InferenceError, Result};

/// Long enough that reading the prompt does not outweigh the writing.
const SAMPLE_TOKENS: u32 = 64;

/// Steps of the smallest picture; schedulers that look back have a step before.
const SMALLEST_STEPS: u32 = 2;

/// Texts of one embedding job.
const SAMPLE_TEXTS: usize = 8;

const SAMPLE_TEXT: &str = "A city skyline at night, its lights doubled in the still water of the harbour.";

/// A picture that the model draws well by its setting of few steps, at its own size; nothing where it has none.
///
/// # Errors
/// A manifest whose defaults are out of bounds.
pub fn fast_picture(manifest: &ModelManifest, seed: u64) -> Result<Option<Work>> {
    manifest.fast.map(|fast| picture(manifest, fast, Some(SchedulerName::Fast), seed)).transpose()
}

/// A picture that the model draws well, at its own size.
///
/// # Errors
/// Values that are out of bounds.
pub fn picture(
    manifest: &ModelManifest,
    PictureDefaults { steps, guidance }: PictureDefaults,
    scheduler: Option<SchedulerName>,
    seed: u64,
) -> Result<Work> {
    let prompt = manifest.suggestions.first().cloned().unwrap_or_else(|| "a city skyline at night".into());
    let input = ImageInput {
        prompt,
        negative_prompt: String::new(),
        steps,
        guidance,
        width: manifest.native_size_px,
        height: manifest.native_size_px,
        seed: Some(seed),
        count: 1,
        scheduler,
        eta: None,
        init_image: None,
        strength: None,
    };
    input.validate(seed).map(Work::Image).map_err(out_of_bounds)
}

/// A job that the model does well, as small as one can be: it shows that the model works, and not how fast.
///
/// # Errors
/// A manifest whose defaults are out of bounds.
pub fn smallest(manifest: &ModelManifest) -> Result<Work> {
    Ok(match work(manifest, 0)? {
        Work::Image(input) => Work::Image(ValidImageInput { steps: input.steps.min(SMALLEST_STEPS), ..input }),
        Work::Text(input) => Work::Text(ValidTextInput { max_tokens: 1, ..input }),
        Work::Embedding(input) => {
            Work::Embedding(ValidEmbeddingInput { input: input.input.into_iter().take(1).collect() })
        }
    })
}

/// A job that the model does well.
///
/// # Errors
/// A manifest whose defaults are out of bounds.
pub fn work(manifest: &ModelManifest, seed: u64) -> Result<Work> {
    let made = match manifest.kind {
        JobKind::Image => {
            let own = PictureDefaults { steps: manifest.default_steps, guidance: manifest.default_guidance };
            return picture(manifest, own, None, seed);
        }
        JobKind::Text => {
            let prompt = manifest.suggestions.first().cloned();
            let input = TextInput {
                prompt: Some(prompt.unwrap_or_else(|| "Tell of a harbour at night in a few sentences.".into())),
                messages: None,
                max_tokens: SAMPLE_TOKENS,
                temperature: 0.0,
                top_p: 1.0,
                seed: Some(seed),
                stop: Vec::new(),
            };
            input.validate(seed).map(Work::Text)
        }
        JobKind::Embedding => {
            let texts = (0..SAMPLE_TEXTS).map(|index| format!("{index}: {SAMPLE_TEXT}"));
            EmbeddingInput { input: texts.collect() }.validate().map(Work::Embedding)
        }
    };
    made.map_err(out_of_bounds)
}

fn out_of_bounds(errors: Vec<FieldError>) -> InferenceError {
    let details = errors.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; ");
    InferenceError::unsupported(format!("its manifest: {details}"))
}
