//! The JSON files of a diffusers folder, as far as the pipeline needs them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::LatentShape;
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;

/// `AutoencoderKL`'s default where a config names none.
const DEFAULT_SCALING_FACTOR: f32 = 0.18215;
const DEFAULT_LATENT_CHANNELS: usize = 4;

/// The graph without which pictures cannot start from pictures.
pub const VAE_ENCODER: &str = "vae_encoder/model.onnx";

const SAFETY_CHECKER: &str = "safety_checker/model.onnx";
const INDEX: &str = "model_index.json";
const DECODER_CONFIG: &str = "vae_decoder/config.json";

/// Parts that every pipeline has. optimum's index says `vae` for the decoder, the diffusers script `vae_decoder`.
const PARTS: [&[&str]; 5] = [&["tokenizer"], &["text_encoder"], &["unet"], &["vae_decoder", "vae"], &["scheduler"]];

/// `model_index.json`: the class of the pipeline, and a library and class per part.
#[derive(Debug, Deserialize)]
struct ModelIndex {
    /// SDXL: an empty negative prompt is encoded as zeros.
    #[serde(default)]
    force_zeros_for_empty_prompt: bool,
    #[serde(flatten)]
    parts: BTreeMap<String, Value>,
}

/// `vae_decoder/config.json`.
#[derive(Debug, Deserialize)]
struct VaeConfig {
    #[serde(default)]
    scaling_factor: Option<f32>,
    #[serde(default)]
    shift_factor: Option<f32>,
    #[serde(default)]
    latent_channels: Option<usize>,
    #[serde(default)]
    block_out_channels: Vec<usize>,
}

/// Which parts a pipeline has beyond those of Stable Diffusion 1.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    pub space: LatentSpace,
    /// SDXL: a second tokenizer and text encoder.
    pub has_second_text_encoder: bool,
    /// Pictures can be started from pictures.
    pub has_vae_encoder: bool,
    pub has_safety_checker: bool,
    pub zeroes_empty_negative_prompt: bool,
}

/// How latents relate to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentSpace {
    pub channels: usize,
    /// Pixels along one edge of a latent cell.
    pub cell_px: usize,
    pub scaling_factor: f32,
    pub shift_factor: f32,
}

impl LatentSpace {
    /// The latents of a square picture of `edge_px`.
    pub fn shape_of(&self, edge_px: usize) -> LatentShape {
        let cells = (edge_px / self.cell_px).max(1);
        LatentShape { channels: self.channels, height: cells, width: cells }
    }

    fn read(folder: &ModelFolder) -> Result<Self> {
        let config: VaeConfig = folder.read_json(DECODER_CONFIG)?;
        let halvings = u32::try_from(config.block_out_channels.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let cell_px = 2_usize.checked_pow(halvings).filter(|cell| *cell <= 64);
        let scaling_factor = config.scaling_factor.unwrap_or(DEFAULT_SCALING_FACTOR);
        let invalid = |reason: &str| InferenceError::format(folder.root().join(DECODER_CONFIG), reason);
        let cell_px = cell_px.ok_or_else(|| invalid("block_out_channels has at most 7 entries"))?;
        if !scaling_factor.is_finite() || scaling_factor <= 0.0 {
            return Err(invalid("scaling_factor is a number above 0"));
        }
        Ok(Self {
            channels: config.latent_channels.unwrap_or(DEFAULT_LATENT_CHANNELS),
            cell_px,
            scaling_factor,
            shift_factor: config.shift_factor.unwrap_or(0.0),
        })
    }
}

impl Layout {
    /// Reads the index and the autoencoder's sizes.
    ///
    /// # Errors
    /// A folder without one of the parts, with only one half of SDXL's second pair, or with sizes that make no sense.
    pub fn read(folder: &ModelFolder) -> Result<Self> {
        let index: ModelIndex = folder.read_json(INDEX)?;
        let is_part = |name: &str| index.parts.get(name).is_some_and(|part| !is_absent(part));
        if let Some(missing) = PARTS.iter().find(|names| !names.iter().any(|name| is_part(name))) {
            return Err(InferenceError::unsupported(format!("{INDEX} names no {}", missing.join(" or "))));
        }
        let has_second_text_encoder = match (is_part("tokenizer_2"), is_part("text_encoder_2")) {
            (true, true) => true,
            (false, false) => false,
            (true, false) => return Err(unpaired("tokenizer_2", "text_encoder_2")),
            (false, true) => return Err(unpaired("text_encoder_2", "tokenizer_2")),
        };
        Ok(Self {
            space: LatentSpace::read(folder)?,
            has_second_text_encoder,
            has_vae_encoder: folder.has(VAE_ENCODER),
            has_safety_checker: is_part("safety_checker") && folder.has(SAFETY_CHECKER),
            zeroes_empty_negative_prompt: index.force_zeros_for_empty_prompt,
        })
    }
}

fn unpaired(has: &str, lacks: &str) -> InferenceError {
    InferenceError::unsupported(format!("{INDEX} names a {has}, but no {lacks}"))
}

/// diffusers writes `[null, null]` for a part that was left out.
fn is_absent(part: &Value) -> bool {
    part.as_array().is_none_or(|pair| pair.iter().all(Value::is_null))
}
