//! How latents relate to pixels, by `config.json` of the autoencoder.

use super::LatentShape;
use crate::error::Result;
use crate::runtime::folder::ModelFolder;
use crate::runtime::keys::Keys;
use crate::runtime::schema::{Neutral, Schema};

/// `AutoencoderKL`'s default where a config names none.
const DEFAULT_SCALING_FACTOR: f64 = 0.18215;
const DEFAULT_LATENT_CHANNELS: usize = 4;

const CHANNELS_MAX: usize = 256;

const DECODER_CONFIG: &str = "vae_decoder/config.json";
const ENCODER_CONFIG: &str = "vae_encoder/config.json";

const MEANS: &str = "latents_mean";
const DEVIATIONS: &str = "latents_std";

/// The autoencoder's class, and those under which exporters keep its halves.
const CLASSES: [&str; 7] = [
    "AutoencoderKL",
    "OnnxRuntimeModel",
    "ORTVae",
    "ORTVaeDecoder",
    "ORTVaeEncoder",
    "ORTModelVaeDecoder",
    "ORTModelVaeEncoder",
];

const SCHEMA: Schema = Schema {
    done: &["scaling_factor", "shift_factor", MEANS, DEVIATIONS, "latent_channels", "block_out_channels"],
    descriptive: &[
        "_diffusers_version",
        "_name_or_path",
        "_commit_hash",
        "_use_default_values",
        "transformers_version",
        "torch_dtype",
        "dtype",
        "sample_size",
        // What the graphs hold.
        "act_fn",
        "down_block_types",
        "up_block_types",
        "layers_per_block",
        "norm_num_groups",
        "use_quant_conv",
        "use_post_quant_conv",
        "mid_block_add_attention",
        "force_upcast",
    ],
    descriptive_beginnings: &[],
    descriptive_ends: &[],
    neutral: &[
        ("_class_name", Neutral::Words(&CLASSES)),
        ("in_channels", Neutral::Number(3.0)),
        ("out_channels", Neutral::Number(3.0)),
    ],
};

#[derive(Debug, Clone, PartialEq)]
pub struct LatentSpace {
    pub channels: usize,
    /// Pixels along one edge of a latent cell.
    pub cell_px: usize,
    scaling_factor: f32,
    shift_factor: f32,
    /// Mean and deviation of each channel, where the model was trained with them.
    spread: Vec<(f32, f32)>,
}

impl LatentSpace {
    /// # Errors
    /// Sizes and factors that make no sense, keys that are not known, and an encoder with factors of its own.
    pub(super) fn read(folder: &ModelFolder) -> Result<Self> {
        let keys = Keys::read(folder, DECODER_CONFIG)?;
        let space = Self::of(&keys)?;
        if folder.has(ENCODER_CONFIG) {
            space.check_encoder(&Keys::read(folder, ENCODER_CONFIG)?)?;
        }
        Ok(space)
    }

    /// The latents of a square picture of `edge_px`.
    pub fn shape_of(&self, edge_px: usize) -> LatentShape {
        let cells = (edge_px / self.cell_px).max(1);
        LatentShape { channels: self.channels, height: cells, width: cells }
    }

    /// What the decoder takes for the latents of one picture.
    pub fn decoder_values(&self, latents: &[f32]) -> Vec<f32> {
        self.each(latents, |value, (mean, deviation)| value * deviation / self.scaling_factor + mean)
    }

    /// The latents of one picture by what the encoder gives.
    pub fn encoded_latents(&self, values: &[f32]) -> Vec<f32> {
        self.each(values, |value, (mean, deviation)| (value - mean) * self.scaling_factor / deviation)
    }

    /// Without means and deviations of their own, all channels are shifted alike.
    fn each(&self, values: &[f32], change: impl Fn(f32, (f32, f32)) -> f32) -> Vec<f32> {
        let whole = [(self.shift_factor, 1.0)];
        let spread = if self.spread.is_empty() { &whole[..] } else { &self.spread };
        let length = (values.len() / spread.len()).max(1);
        let channels = values.chunks(length).zip(spread);
        channels.flat_map(|(values, of_channel)| values.iter().map(|value| change(*value, *of_channel))).collect()
    }

    fn of(keys: &Keys) -> Result<Self> {
        SCHEMA.check(keys)?;
        let halvings = match keys.get("block_out_channels").map(|blocks| blocks.as_array().map(Vec::len)) {
            None => 0,
            Some(Some(blocks)) => blocks.saturating_sub(1),
            Some(None) => return Err(keys.error("block_out_channels", "is a list")),
        };
        let cell_px = u32::try_from(halvings).ok().and_then(|halvings| 2_usize.checked_pow(halvings));
        let cell_px = cell_px.filter(|cell| *cell <= 64);
        let channels = keys.integer("latent_channels", DEFAULT_LATENT_CHANNELS, 1..=CHANNELS_MAX)?;
        let largest = f64::from(f32::MAX);
        let scaling_factor = keys.number("scaling_factor", DEFAULT_SCALING_FACTOR, -largest..=largest)? as f32;
        if scaling_factor <= 0.0 {
            return Err(keys.error("scaling_factor", "is a number above 0"));
        }
        Ok(Self {
            channels,
            cell_px: cell_px.ok_or_else(|| keys.error("block_out_channels", "has at most 7 entries"))?,
            scaling_factor,
            shift_factor: keys.number("shift_factor", 0.0, -largest..=largest)? as f32,
            spread: spread(keys, channels, largest)?,
        })
    }

    /// One autoencoder has one space, whose two halves exporters describe in two files.
    fn check_encoder(&self, keys: &Keys) -> Result<()> {
        let other = Self::of(keys)?;
        let keys_that_agree = [
            ("scaling_factor", self.scaling_factor == other.scaling_factor),
            ("shift_factor", self.shift_factor == other.shift_factor),
            (MEANS, self.spread == other.spread),
        ];
        match keys_that_agree.into_iter().find(|(_, agrees)| !agrees) {
            Some((key, _)) => Err(keys.error(key, format!("is that of {DECODER_CONFIG}"))),
            None => Ok(()),
        }
    }
}

/// A mean and a deviation for each channel; none where the file has none.
fn spread(keys: &Keys, channels: usize, largest: f64) -> Result<Vec<(f32, f32)>> {
    let (means, deviations) = (keys.numbers(MEANS, -largest..=largest)?, keys.numbers(DEVIATIONS, 0.0..=largest)?);
    let (means, deviations) = match (means, deviations) {
        (None, None) => return Ok(Vec::new()),
        (Some(_), None) => return Err(keys.error(MEANS, format!("comes with {DEVIATIONS}"))),
        (None, Some(_)) => return Err(keys.error(DEVIATIONS, format!("comes with {MEANS}"))),
        (Some(means), Some(deviations)) => (means, deviations),
    };
    for (key, numbers) in [(MEANS, &means), (DEVIATIONS, &deviations)] {
        if numbers.len() != channels {
            return Err(keys.error(key, format!("has a number for each of {channels} channels")));
        }
    }
    if keys.number("shift_factor", 0.0, -largest..=largest)? != 0.0 {
        return Err(keys.error("shift_factor", format!("is 0 or absent where {MEANS} shift each channel")));
    }
    let deviations: Vec<f32> = deviations.into_iter().map(|deviation| deviation as f32).collect();
    if deviations.iter().any(|deviation| *deviation <= 0.0) {
        return Err(keys.error(DEVIATIONS, "are numbers above 0"));
    }
    Ok(means.into_iter().map(|mean| mean as f32).zip(deviations).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(text: &str) -> Result<LatentSpace> {
        LatentSpace::of(&Keys::parse(DECODER_CONFIG, text).unwrap())
    }

    #[test]
    fn means_and_deviations_are_of_each_channel() {
        let text = r#"{"scaling_factor": 0.5, "latent_channels": 2, "latents_mean": [1, -1], "latents_std": [2, 4]}"#;
        let space = space(text).unwrap();
        let decoded = space.decoder_values(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(decoded, [5.0, 9.0, 23.0, 31.0]);
        assert_eq!(space.encoded_latents(&decoded), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn without_them_all_channels_are_scaled_and_shifted_alike() {
        let space = space(r#"{"scaling_factor": 2.0, "shift_factor": 0.5, "latents_mean": null}"#).unwrap();
        assert_eq!(space.decoder_values(&[4.0, -2.0]), [2.5, -0.5]);
        assert_eq!(space.encoded_latents(&[2.5, -0.5]), [4.0, -2.0]);
    }

    #[test]
    fn what_an_exporter_writes_passes() {
        space(
            r#"{"_class_name": "AutoencoderKL", "_diffusers_version": "0.42.1", "act_fn": "silu",
            "block_out_channels": [128, 256, 512, 512], "down_block_types": ["DownEncoderBlock2D"],
            "force_upcast": true, "in_channels": 3, "latent_channels": 4, "latents_mean": null, "latents_std": null,
            "layers_per_block": 2, "mid_block_add_attention": true, "norm_num_groups": 32, "out_channels": 3,
            "sample_size": 1024, "scaling_factor": 0.13025, "shift_factor": null, "use_post_quant_conv": true,
            "use_quant_conv": true, "up_block_types": ["UpDecoderBlock2D"]}"#,
        )
        .unwrap();
    }

    #[test]
    fn what_makes_no_sense_and_what_is_not_done_are_refused_by_name() {
        for (text, words) in [
            (r#"{"latents_mean": [1, 2, 3, 4]}"#, "latents_mean comes with latents_std"),
            (r#"{"latents_std": [1, 2, 3, 4]}"#, "latents_std comes with latents_mean"),
            (r#"{"latents_mean": [1], "latents_std": [1]}"#, "latents_mean has a number for each of 4 channels"),
            (r#"{"latents_mean": [1, 1, 1, 1], "latents_std": [1, 1, 0, 1]}"#, "latents_std are numbers above 0"),
            (
                r#"{"latents_mean": [1, 1, 1, 1], "latents_std": [1, 1, 1, 1], "shift_factor": 1}"#,
                "shift_factor is 0 or absent",
            ),
            (r#"{"scaling_factor": "much"}"#, "scaling_factor is a number"),
            (r#"{"latent_channels": 0}"#, "latent_channels is a whole number from 1 to 256, got 0"),
            (r#"{"block_out_channels": [1, 1, 1, 1, 1, 1, 1, 1]}"#, "block_out_channels has at most 7 entries"),
            (r#"{"block_out_channels": 4}"#, "block_out_channels is a list"),
            (r#"{"_class_name": "AutoencoderTiny"}"#, "_class_name is AutoencoderKL or"),
            (r#"{"latent_magnitude": 3}"#, "latent_magnitude is no key that is known here"),
            (r#"{"out_channels": 1}"#, "out_channels is 3 or absent"),
        ] {
            let error = space(text).unwrap_err().to_string();
            assert!(error.starts_with(DECODER_CONFIG) && error.contains(words), "{error} lacks {words}");
        }
    }

    #[test]
    fn an_encoder_of_another_space_is_refused() {
        let decoder = space(r#"{"scaling_factor": 0.5}"#).unwrap();
        let encoder = |text| decoder.check_encoder(&Keys::parse(ENCODER_CONFIG, text).unwrap());
        encoder(r#"{"scaling_factor": 0.5, "shift_factor": 0}"#).unwrap();
        for (text, key) in [("{}", "scaling_factor"), (r#"{"scaling_factor": 0.5, "shift_factor": 1}"#, "shift_factor")]
        {
            let error = encoder(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{ENCODER_CONFIG}: {key} is that of {DECODER_CONFIG}")), "{error}");
        }
    }
}
