//! The JSON files of a diffusers folder, as far as the pipeline needs them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::LatentShape;
use crate::error::{Result, WorkerError};
use crate::runtime::folder::ModelFolder;

/// `AutoencoderKL`'s default where a config names none.
const DEFAULT_SCALING_FACTOR: f32 = 0.18215;
const DEFAULT_LATENT_CHANNELS: usize = 4;

const PARTS: [&str; 5] = ["tokenizer", "text_encoder", "unet", "vae_decoder", "scheduler"];

/// `model_index.json`: the class of the pipeline, and a library and class per part.
#[derive(Debug, Deserialize)]
struct ModelIndex {
    #[serde(rename = "_class_name")]
    class_name: String,
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
}

/// Checks that the folder is a text-to-image pipeline of the Stable Diffusion 1.5 interface.
pub fn check_index(folder: &ModelFolder) -> Result<()> {
    let index: ModelIndex = folder.read_json("model_index.json")?;
    let is_part = |name: &str| index.parts.get(name).is_some_and(|part| !is_absent(part));
    if let Some(second) = ["text_encoder_2", "tokenizer_2"].into_iter().find(|name| is_part(name)) {
        let class = &index.class_name;
        return Err(WorkerError::Unsupported(format!("{class} has a {second}; one text encoder is supported")));
    }
    match PARTS.into_iter().find(|name| !is_part(name)) {
        Some(missing) => Err(WorkerError::Unsupported(format!("model_index.json names no {missing}"))),
        None => Ok(()),
    }
}

/// diffusers writes `[null, null]` for a part that was left out.
fn is_absent(part: &Value) -> bool {
    part.as_array().is_none_or(|pair| pair.iter().all(Value::is_null))
}

pub fn latent_space(folder: &ModelFolder) -> Result<LatentSpace> {
    let file = "vae_decoder/config.json";
    let config: VaeConfig = folder.read_json(file)?;
    let halvings = u32::try_from(config.block_out_channels.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let cell_px = 2_usize.checked_pow(halvings).filter(|cell| *cell <= 64);
    let scaling_factor = config.scaling_factor.unwrap_or(DEFAULT_SCALING_FACTOR);
    let invalid = |reason: &str| WorkerError::format(folder.root().join(file), reason);
    let cell_px = cell_px.ok_or_else(|| invalid("block_out_channels has at most 7 entries"))?;
    if !scaling_factor.is_finite() || scaling_factor <= 0.0 {
        return Err(invalid("scaling_factor is a number above 0"));
    }
    Ok(LatentSpace {
        channels: config.latent_channels.unwrap_or(DEFAULT_LATENT_CHANNELS),
        cell_px,
        scaling_factor,
        shift_factor: config.shift_factor.unwrap_or(0.0),
    })
}
