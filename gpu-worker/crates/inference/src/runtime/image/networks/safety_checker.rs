//! The optional classifier of Stable Diffusion 1.5's folders: it says of a finished picture whether it should be shown.

use serde::Deserialize;

use super::{expect_finite, input, load, mismatch, names, only};
use crate::engine::port::{Input, Port, Values, Wanted};
use crate::engine::{Engine, Graph};
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;
use crate::runtime::image::picture::Rgb;
use crate::runtime::image::resample::{Filter, Region, resample};
use crate::runtime::keys::Keys;
use crate::runtime::schema::{Neutral, Schema};

const PREPROCESSOR: &str = "feature_extractor/preprocessor_config.json";
const FLAGS: &str = "has_nsfw_concepts";

/// Largest edge of what the classifier looks at.
const EDGE_MAX_PX: usize = 1_024;

/// Means and deviations of CLIP's training pictures, which a config may leave out.
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// What is done to a picture before the classifier sees it is the same in all published models.
const SCHEMA: Schema = Schema {
    done: &["crop_size", "size", "image_mean", "image_std"],
    descriptive: &[
        "feature_extractor_type",
        "image_processor_type",
        "processor_class",
        "_valid_processor_keys",
        "data_format",
        "default_to_square",
    ],
    descriptive_beginnings: &[],
    descriptive_ends: &[],
    neutral: &[
        ("do_resize", Neutral::True),
        ("do_center_crop", Neutral::True),
        ("do_normalize", Neutral::True),
        ("do_rescale", Neutral::True),
        ("do_convert_rgb", Neutral::True),
        ("resample", Neutral::Number(BICUBIC)),
        ("rescale_factor", Neutral::Number(1.0 / 255.0)),
        ("use_square_size", Neutral::False),
    ],
};

/// Pillow's number of the filter.
const BICUBIC: f64 = 3.0;

#[derive(Debug)]
pub struct SafetyChecker {
    graph: Graph,
    clip_input: Port,
    images: Port,
    edge_px: usize,
    mean: [f32; 3],
    std: [f32; 3],
}

/// `preprocessor_config.json` of a `CLIPImageProcessor`. Its shortest edge is the crop's in every published model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Preprocessor {
    crop_size: Option<Size>,
    size: Option<Size>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Size {
    Edge(usize),
    Shortest { shortest_edge: usize },
    Sides { height: usize, width: usize },
}

impl Size {
    fn edge_px(self) -> Option<usize> {
        match self {
            Self::Edge(edge) | Self::Shortest { shortest_edge: edge } => Some(edge),
            Self::Sides { height, width } => (height == width).then_some(height),
        }
    }
}

impl SafetyChecker {
    pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        let graph = load(engine, folder, "safety_checker")?;
        let picture = |name: &str| input(&graph, name, |port| port.name == name && port.is_float() && port.rank() == 4);
        let (clip_input, images) = (picture("clip_input")?, picture("images")?);
        only(&graph, 2)?;
        if !graph.outputs.iter().any(|port| port.name == FLAGS) {
            return Err(mismatch(&graph, &format!("it should give {FLAGS}, but it gives {}", names(&graph.outputs))));
        }
        SCHEMA.check(&Keys::read_if_listed(folder, PREPROCESSOR)?)?;
        let config: Preprocessor =
            if folder.has(PREPROCESSOR) { folder.read_json(PREPROCESSOR)? } else { Preprocessor::default() };
        let wanted = clip_input.fixed(2).or_else(|| config.crop_size.or(config.size)?.edge_px());
        let edge_px = wanted.filter(|edge| (1..=EDGE_MAX_PX).contains(edge)).ok_or_else(|| {
            InferenceError::format(
                folder.root().join(PREPROCESSOR),
                format!("crop_size is 1 to {EDGE_MAX_PX}, a square"),
            )
        })?;
        let (mean, std) = (config.image_mean.unwrap_or(CLIP_MEAN), config.image_std.unwrap_or(CLIP_STD));
        if std.iter().any(|deviation| !deviation.is_finite() || *deviation <= 0.0) {
            return Err(InferenceError::format(folder.root().join(PREPROCESSOR), "image_std are numbers above 0"));
        }
        Ok(Self { graph, clip_input, images, edge_px, mean, std })
    }

    /// Whether the picture should not be shown.
    pub fn flags(&mut self, picture: &Rgb) -> Result<bool> {
        let clip = self.clip_values(picture);
        let rows: Vec<f32> = picture.bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect();
        let (clip_shape, rows_shape) = ([1, 3, self.edge_px, self.edge_px], [1, picture.height, picture.width, 3]);
        let inputs = [
            Input { port: &self.clip_input, shape: &clip_shape, values: Values::Floats(&clip) },
            Input { port: &self.images, shape: &rows_shape, values: Values::Floats(&rows) },
        ];
        let outputs = self.graph.run_all(&inputs, &Wanted { read: &[FLAGS], keep: &[] })?;
        let flags: Vec<f32> = outputs.read.into_iter().flat_map(|tensor| tensor.values).collect();
        expect_finite(&self.graph, &flags, 0)?;
        match flags[..] {
            [flag] => Ok(flag != 0.0),
            _ => Err(mismatch(&self.graph, &format!("{FLAGS} should be one value, but it is {}", flags.len()))),
        }
    }

    /// CLIP's view: the middle square, scaled, normalised, in planes.
    fn clip_values(&self, picture: &Rgb) -> Vec<f32> {
        let edge = self.edge_px;
        let rows = resample(picture, Region::covering(picture, edge, edge), (edge, edge), Filter::CatmullRom);
        let plane = |channel: usize| {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            rows.iter()
                .skip(channel)
                .step_by(3)
                .map(move |value| (value.clamp(0.0, 255.0).round() / 255.0 - mean) / std)
        };
        (0..3).flat_map(plane).collect()
    }
}
