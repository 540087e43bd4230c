//! `gpu-worker trace`: opens one step of a job that was drawn here, or checks a step that somebody else opened.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::value_parser;
use inference::engine::{Engine, library};
use inference::runtime::image::ImageModel;
use inference::runtime::{Observer, StepReport};
use serde::Deserialize;
use shared::B256;
use shared::commitment::{Commitment, Salt};
use shared::job::image::{STEPS_MAX, ValidImageInput};
use shared::job::request::Work;
use shared::trace::{Opening, TraceShape, leaf, root};

use super::generate::{EngineArguments, Unobserved, picture_model};
use super::print;
use crate::error::{Result, WorkerError};

/// Largest file of a job or an opening.
const FILE_MAX_BYTES: u64 = 16 << 20;

/// Relative distance up to which two engines' latents after one step count as the same.
const STEP_TOLERANCE: f64 = 1e-4;

/// Opens one step of a job that was drawn here, or checks an opened step by one network call.
///
/// Opening draws the job again, since only hashes of its steps are kept. On the machine, model and engine that drew it,
/// the root is the one that the receipt commits to in `trace_commitment`.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Trace {
    /// JSON file of the job, as the hub's API gives it, or of its work alone.
    pub job: PathBuf,
    /// Folder of the model.
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model/picture")]
    pub model: PathBuf,
    /// Step to open, from 1.
    #[arg(long, required_unless_present = "check", value_parser = value_parser!(u32).range(1..=i64::from(STEPS_MAX)))]
    pub step: Option<u32>,
    /// Picture whose step is opened, from 0.
    #[arg(long, default_value_t = 0)]
    pub picture: u32,
    /// JSON file of an opening to check instead.
    #[arg(long, requires = "commitment", conflicts_with = "step")]
    pub check: Option<PathBuf>,
    /// The receipt's `trace_commitment`, which the opening must lead to.
    #[arg(long, requires = "salt")]
    pub commitment: Option<B256>,
    /// The job's salt, as the hub's API gives it with the job.
    #[arg(long)]
    pub salt: Option<Salt>,
    #[command(flatten)]
    pub engine: EngineArguments,
}

/// A job or its work: other fields are not looked at.
#[derive(Deserialize)]
struct JobFile {
    #[serde(flatten)]
    work: Work,
}

/// What a miner hands to an auditor.
#[derive(Debug, serde::Serialize, Deserialize)]
struct Opened {
    trace_root: B256,
    opening: Opening,
}

impl Trace {
    pub fn run(&self, data: &Path) -> Result<()> {
        let JobFile { work } = read(&self.job)?;
        let Work::Image(input) = work else {
            return Err(WorkerError::Trace(format!("a job of the kind {} has no steps", work.kind().as_str())));
        };
        let folder = picture_model(&self.model, data)?;
        self.check_place(&input)?;
        let engine = Engine::start(&self.engine.config(), &library::Search::of_process(None))?;
        let mut model = ImageModel::load(engine, &folder)?;
        match (&self.check, self.step) {
            (Some(opening), _) => self.check(&mut model, &input, read::<Opened>(opening)?),
            (None, step) => self.open(&mut model, &input, step.unwrap_or_default()),
        }
    }

    /// Drawing takes long, and only then would a step that the job has not be missed.
    fn check_place(&self, input: &ValidImageInput) -> Result<()> {
        let (steps, last) = (input.steps_walked(), input.count.saturating_sub(1));
        match self.step {
            Some(step) if !(1..=steps).contains(&step) => {
                Err(WorkerError::config(format!("--step is 1 to {steps} for this job, got {step}")))
            }
            Some(_) if self.picture > last => {
                Err(WorkerError::config(format!("--picture is 0 to {last} for this job, got {}", self.picture)))
            }
            _ => Ok(()),
        }
    }

    fn open(&self, model: &mut ImageModel, input: &ValidImageInput, step: u32) -> Result<()> {
        let mut recorder = Recorder { at: (self.picture, step), ..Recorder::default() };
        model.draw(input, &mut recorder)?;
        let opened = recorder
            .opened()
            .ok_or_else(|| WorkerError::Trace(format!("it has no step {step} of picture {}", self.picture)))?;
        if let (Some(stated), Some(salt)) = (self.commitment, self.salt) {
            let drawn = salt.commit_trace(opened.trace_root);
            if drawn != Commitment(stated) {
                return Err(WorkerError::Trace(format!("its commitment is {drawn} here, but {stated} was stated")));
            }
        }
        print(serde_json::to_string(&opened).map_err(|error| WorkerError::Trace(error.to_string()))?)
    }

    fn check(&self, model: &mut ImageModel, input: &ValidImageInput, opened: Opened) -> Result<()> {
        let Opened { trace_root, opening } = opened;
        let stated = self.commitment.unwrap_or_default();
        let is_committed = self.salt.is_some_and(|salt| salt.commit_trace(trace_root) == Commitment(stated));
        if opening.shape.pictures != input.count || !is_committed || !opening.is_of(trace_root) {
            return Err(WorkerError::Trace(format!("the opened step does not lead to the commitment {stated}")));
        }
        let at = (opening.picture, opening.step);
        let after = model.recompute_step(input, at, &opening.before, &mut Unobserved)?;
        let distance = relative_distance(&after, &opening.after);
        if distance.is_nan() || distance > STEP_TOLERANCE {
            let message =
                format!("step {} was not walked as stated: it is {distance:e} off, of {STEP_TOLERANCE:e}", at.1);
            return Err(WorkerError::Trace(message));
        }
        print(format_args!("picture {}, step {}: as committed, {distance:e} off", at.0, at.1))
    }
}

/// Gathers the leaves of all steps, and the latents around one.
#[derive(Default)]
struct Recorder {
    /// Picture and step.
    at: (u32, u32),
    leaves: Vec<(u32, u32, B256)>,
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Recorder {
    fn opened(mut self) -> Option<Opened> {
        // Pictures that are drawn together report in turn.
        self.leaves.sort_by_key(|(picture, step, _)| (*picture, *step));
        let (last, steps, _) = self.leaves.last()?;
        let shape = TraceShape { pictures: last + 1, steps: *steps };
        let leaves: Vec<B256> = self.leaves.into_iter().map(|(.., leaf)| leaf).collect();
        let trace_root = root(shape, &leaves)?;
        Opening::new(shape, &leaves, self.at, self.before, self.after).map(|opening| Opened { trace_root, opening })
    }
}

impl Observer for Recorder {
    fn step(&mut self, _: StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants_previews(&self) -> bool {
        false
    }

    fn latents(&mut self, picture: u32, step: u32, latents: &[f32]) {
        self.leaves.push((picture, step, leaf(picture, step, latents)));
        if (picture, step + 1) == self.at {
            self.before = latents.to_vec();
        }
        if (picture, step) == self.at {
            self.after = latents.to_vec();
        }
    }
}

/// ‖one − other‖ ÷ ‖other‖.
fn relative_distance(one: &[f32], other: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let apart = norm(&mut one.iter().zip(other).map(|(one, other)| f64::from(*one) - f64::from(*other)));
    apart / norm(&mut other.iter().map(|value| f64::from(*value))).max(f64::MIN_POSITIVE)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let length = std::fs::metadata(path).map_err(WorkerError::io(path))?.len();
    if length > FILE_MAX_BYTES {
        return Err(WorkerError::format(path, format!("it has {length} bytes, more than {FILE_MAX_BYTES}")));
    }
    let bytes = std::fs::read(path).map_err(WorkerError::io(path))?;
    serde_json::from_slice(&bytes).map_err(|error| WorkerError::format(path, error))
}
