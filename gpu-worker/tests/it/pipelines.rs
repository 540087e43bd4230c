//! Every layout against Python diffusers: final latents and pictures from the same noise (`e2e/reference/pipelines`).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inference::engine::Engine;
use inference::runtime::folder::ModelFolder;
use inference::runtime::image::ImageModel;
use inference::runtime::{Observer, StepReport};
use serde::Deserialize;
use serde_json::Value;
use shared::job::image::{ImageInput, ValidImageInput};

use crate::graphs::engines;
use crate::support::{ModelCopy, pipelines, pixels};

/// Relative distance of the final latents from diffusers' own.
const LATENTS_TOLERANCE: f64 = 1e-4;

/// Relative distance where a network's inputs and outputs are rounded to half precision in every step.
const HALF_TOLERANCE: f64 = 1e-2;

/// Largest difference of a byte of the picture.
const PIXEL_TOLERANCE: u8 = 2;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    pipeline: String,
    steps: u32,
    guidance: f32,
    prompt: String,
    negative_prompt: String,
    width: u32,
    height: u32,
    seed: u64,
    strength: Option<f32>,
    /// Instead of the folder's.
    scheduler: Option<Value>,
    latents: String,
    picture: String,
}

impl Case {
    fn all() -> Vec<Self> {
        let text = std::fs::read_to_string(pipelines().join("cases.json")).unwrap();
        serde_json::from_str::<Cases>(&text).unwrap().cases
    }

    fn model(&self) -> ModelCopy {
        let model = ModelCopy::tiny(&self.pipeline);
        if let Some(scheduler) = &self.scheduler {
            model.edit("scheduler/scheduler_config.json", |config| *config = scheduler.clone());
        }
        model
    }

    fn name(&self) -> String {
        format!(
            "{} ({})",
            self.picture,
            self.scheduler.as_ref().map_or("the folder's scheduler".into(), Value::to_string)
        )
    }

    fn latents(&self) -> Vec<f32> {
        let bytes = STANDARD.decode(&self.latents).unwrap();
        bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
    }

    fn input(&self) -> ValidImageInput {
        let init = || STANDARD.encode(std::fs::read(pipelines().join("init.png")).unwrap());
        let input = ImageInput {
            prompt: self.prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            steps: self.steps,
            guidance: self.guidance,
            width: self.width,
            height: self.height,
            seed: Some(self.seed),
            count: 1,
            scheduler: None,
            eta: None,
            init_image: self.strength.map(|_| init()),
            strength: self.strength,
        };
        input.validate(0).unwrap()
    }
}

/// ‖one − other‖ ÷ ‖other‖.
pub(crate) fn relative_distance(one: &[f32], other: &[f32]) -> f64 {
    assert_eq!(one.len(), other.len());
    let norm = |values: Vec<f64>| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let apart = one.iter().zip(other).map(|(one, other)| f64::from(*one) - f64::from(*other)).collect();
    norm(apart) / norm(other.iter().map(|value| f64::from(*value)).collect())
}

/// Keeps every picture's latents, and wants no previews.
#[derive(Default)]
pub(crate) struct Latents(pub(crate) BTreeMap<(u32, u32), Vec<f32>>);

impl Observer for Latents {
    fn step(&mut self, _: StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants_previews(&self) -> bool {
        false
    }

    fn latents(&mut self, picture: u32, step: u32, latents: &[f32]) {
        self.0.insert((picture, step), latents.to_vec());
    }
}

fn check(engine: &Engine, case: &Case) {
    let name = format!("{} on {}", case.name(), engine.name());
    let folder = case.model();
    let mut model = ImageModel::load(engine, &ModelFolder::open(folder.path()).unwrap()).unwrap();
    let mut latents = Latents::default();
    let output = model.draw(&case.input(), &mut latents).unwrap_or_else(|error| panic!("{name}: {error}"));
    let drawn = latents.0.into_values().next_back().unwrap();
    let distance = relative_distance(&drawn, &case.latents());
    eprintln!("{name}: {distance:.1e}");
    assert!(distance <= LATENTS_TOLERANCE, "{name}: {distance:e}");
    let wanted = pixels(&std::fs::read(pipelines().join("pictures").join(&case.picture)).unwrap());
    let picture = pixels(&output.artifacts[0].bytes);
    assert_eq!((picture.0, picture.1), (wanted.0, wanted.1), "{name}");
    let furthest = picture.2.iter().zip(&wanted.2).map(|(one, other)| one.abs_diff(*other)).max().unwrap();
    assert!(furthest <= PIXEL_TOLERANCE, "{name}: {furthest}");
}

#[test]
fn latents_and_pictures_are_those_of_diffusers() {
    for engine in engines() {
        for case in Case::all() {
            check(engine, &case);
        }
    }
}

#[test]
fn a_network_of_half_precision_draws_nearly_the_same() {
    let case = Case::all().remove(0);
    for engine in engines() {
        let folder = ModelCopy::tiny("half");
        let mut model = ImageModel::load(engine, &ModelFolder::open(folder.path()).unwrap()).unwrap();
        let mut latents = Latents::default();
        model.draw(&case.input(), &mut latents).unwrap();
        let distance = relative_distance(&latents.0.into_values().next_back().unwrap(), &case.latents());
        assert!((1e-6..HALF_TOLERANCE).contains(&distance), "{distance:e} on {}", engine.name());
    }
}
