//! Which parts a diffusers folder has, by `model_index.json`.

use super::latent_space::LatentSpace;
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;
use crate::runtime::keys::{Keys, is_nothing};
use crate::runtime::network_config;
use crate::runtime::schema::{Neutral, Schema};

/// The graph without which pictures cannot start from pictures.
pub const VAE_ENCODER: &str = "vae_encoder/model.onnx";

const SAFETY_CHECKER: &str = "safety_checker/model.onnx";
const INDEX: &str = "model_index.json";

/// Parts that every pipeline has. optimum's index says `vae` for the decoder, the diffusers script `vae_decoder`.
const PARTS: [&[&str]; 5] = [&["tokenizer"], &["text_encoder"], &["unet"], &["vae_decoder", "vae"], &["scheduler"]];

/// Folders of networks, each of which may have a file that describes it.
const NETWORKS: [&str; 6] = ["text_encoder", "text_encoder_2", "unet", "vae_decoder", "vae_encoder", "safety_checker"];

/// Pipelines that are drawn as here, from texts and from pictures. Those that fill in a part of a picture, or are told
/// what to change in it, walk in other ways.
const PIPELINES: [&str; 14] = [
    "StableDiffusionPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionXLPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "LatentConsistencyModelPipeline",
    "LatentConsistencyModelImg2ImgPipeline",
    "OnnxStableDiffusionPipeline",
    "OnnxStableDiffusionImg2ImgPipeline",
    "ORTStableDiffusionPipeline",
    "ORTStableDiffusionImg2ImgPipeline",
    "ORTStableDiffusionXLPipeline",
    "ORTStableDiffusionXLImg2ImgPipeline",
    "ORTLatentConsistencyModelPipeline",
    "ORTLatentConsistencyModelImg2ImgPipeline",
];

/// The class of the pipeline, and a library and class for each part.
const SCHEMA: Schema = Schema {
    done: &[
        "tokenizer",
        "tokenizer_2",
        "text_encoder",
        "text_encoder_2",
        "unet",
        "vae",
        "vae_decoder",
        "vae_encoder",
        "scheduler",
        "safety_checker",
        // What the safety checker looks through.
        "feature_extractor",
        // SDXL: an empty negative prompt is encoded as zeros.
        "force_zeros_for_empty_prompt",
    ],
    descriptive: &[
        "_diffusers_version",
        "_name_or_path",
        "_commit_hash",
        // Asks people to keep the checker that the index names, or not.
        "requires_safety_checker",
    ],
    descriptive_beginnings: &[],
    descriptive_ends: &[],
    neutral: &[
        ("_class_name", Neutral::Words(&PIPELINES)),
        ("requires_aesthetics_score", Neutral::False),
        ("add_watermarker", Neutral::False),
        ("is_cosxl_edit", Neutral::False),
    ],
};

/// Which parts a pipeline has beyond those of Stable Diffusion 1.5.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub space: LatentSpace,
    /// SDXL: a second tokenizer and text encoder.
    pub has_second_text_encoder: bool,
    /// Pictures can be started from pictures.
    pub has_vae_encoder: bool,
    pub has_safety_checker: bool,
    pub zeroes_empty_negative_prompt: bool,
}

impl Layout {
    /// Reads the index and the autoencoder's sizes.
    ///
    /// # Errors
    /// A folder without one of the parts, with only one half of SDXL's second pair, with sizes that make no sense, or with
    /// what is not drawn here.
    pub fn read(folder: &ModelFolder) -> Result<Self> {
        let index = Keys::read(folder, INDEX)?;
        let is_part = |name: &str| index.get(name).is_some_and(|part| part.is_array() && !is_nothing(part));
        if let Some(missing) = PARTS.iter().find(|names| !names.iter().any(|name| is_part(name))) {
            return Err(InferenceError::unsupported(format!("{INDEX} names no {}", missing.join(" or "))));
        }
        let has_second_text_encoder = match (is_part("tokenizer_2"), is_part("text_encoder_2")) {
            (true, true) => true,
            (false, false) => false,
            (true, false) => return Err(unpaired("tokenizer_2", "text_encoder_2")),
            (false, true) => return Err(unpaired("text_encoder_2", "tokenizer_2")),
        };
        SCHEMA.check(&index)?;
        if is_part("safety_checker") && !folder.has(SAFETY_CHECKER) {
            let bound = format!("comes with {SAFETY_CHECKER}, or is [null, null] for pictures that nobody checks");
            return Err(index.error("safety_checker", bound));
        }
        NETWORKS.into_iter().try_for_each(|part| network_config::check_part(folder, part))?;
        Ok(Self {
            space: LatentSpace::read(folder)?,
            has_second_text_encoder,
            has_vae_encoder: folder.has(VAE_ENCODER),
            has_safety_checker: is_part("safety_checker"),
            zeroes_empty_negative_prompt: index.flag("force_zeros_for_empty_prompt", false)?,
        })
    }
}

fn unpaired(has: &str, lacks: &str) -> InferenceError {
    InferenceError::unsupported(format!("{INDEX} names a {has}, but no {lacks}"))
}
