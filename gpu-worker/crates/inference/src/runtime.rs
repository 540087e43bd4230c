//! What serves jobs: one implementation of [`Runtime`] per kind of model.

mod added_tokens;
mod base64_bytes;
mod context;
pub mod embedding;
mod external_data;
pub mod folder;
pub mod folders;
pub mod graphs;
pub mod image;
mod keys;
pub mod kind;
pub mod manifests;
mod network_config;
pub mod ollama;
pub mod pin;
pub mod sample;
mod schema;
pub mod text;
mod tokenizer_classes;
mod tokenizer_config;
pub mod tokenizer_json;
mod written;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use shared::B256;
use shared::job::JobKind;
use shared::job::request::Work;
use shared::protocol::Metering;
use tokenizers::Tokenizer;

use self::folder::ModelFolder;
use self::kind::USUAL_FILES;
use self::tokenizer_config::Cut;
use crate::engine::Engine;
use crate::error::{InferenceError, Result};

/// A loaded model that serves jobs of its kind.
pub trait Runtime {
    /// Does the work. `observer` hears of each step and may end the work there.
    ///
    /// # Errors
    /// Work of another kind or beyond what the model draws, an engine that fails, numbers that are not finite, and
    /// [`FailureKind::Canceled`](crate::error::FailureKind::Canceled) where the observer broke off.
    fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output>;

    /// Precision of the network that does the work, `f32` or `f16`: part of the determinism class.
    fn precision(&self) -> &'static str {
        "f32"
    }

    /// Does several requests, those of equal [`batch_key`] together where the model gains by it. One outcome per request,
    /// in order, each what [`Self::run`] would have given for it alone: a request that fails or is canceled takes no
    /// other with it.
    fn run_batch(&mut self, requests: &mut [Request<'_>]) -> Vec<Result<Output>> {
        requests.iter_mut().map(|request| self.run(request.work, request.observer)).collect()
    }

    /// Pictures (or inputs) that one network call takes at most; 1 where batches bring nothing.
    fn batch_max(&self) -> usize {
        1
    }

    /// Lowers or raises [`Self::batch_max`], after the device ran out of memory for instance.
    fn set_batch_max(&mut self, _batch_max: usize) {}

    /// Has a program beside this one give back the memory that it holds for the model; this process's own goes when it
    /// ends.
    fn leave(&mut self) {}

    /// Who really does the work, where it is not this process's engine.
    fn outside(&self) -> Option<Outside> {
        None
    }
}

/// One piece of work among several, and who hears of it.
pub struct Request<'a> {
    pub work: &'a Work,
    pub observer: &'a mut dyn Observer,
}

/// Work of equal keys, for one model, may share network calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchKey(String);

/// What work must have in common with other work to be batched with it; None for work that never is.
pub fn batch_key(work: &Work) -> Option<BatchKey> {
    match work {
        Work::Image(input) => {
            let guided = image::is_guided(input.guidance);
            let (steps, walked) = (input.steps, input.steps_walked());
            let (scheduler, eta) = (input.scheduler, input.eta);
            Some(BatchKey(format!("{}x{} {walked}/{steps} {scheduler:?} {eta:?} {guided}", input.width, input.height)))
        }
        Work::Text(_) | Work::Embedding(_) => None,
    }
}

/// A program beside this one that does the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    pub engine: shared::device::Engine,
    pub determinism_class: String,
}

/// The runtime for a model's folder, with the model loaded.
///
/// # Errors
/// A kind of model that nothing here serves, and whatever keeps the runtime from loading it.
pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Box<dyn Runtime>> {
    if needs_network(folder) {
        return Ok(Box::new(ollama::OllamaModel::load(folder)?));
    }
    match folder.manifest().kind {
        JobKind::Image => Ok(Box::new(image::ImageModel::load(engine, folder)?)),
        JobKind::Text => Ok(Box::new(text::TextModel::load(engine, folder)?)),
        JobKind::Embedding => Ok(Box::new(embedding::EmbeddingModel::load(engine, folder)?)),
    }
}

/// Whether the model is served by a program that is reached over the network. Known before anything is loaded.
pub fn needs_network(folder: &ModelFolder) -> bool {
    folder.has(ollama::folder::FILE)
}

/// The graph of a language model: the one that its manifest names, or one of a usual name.
fn only_graph(folder: &ModelFolder) -> Result<&str> {
    let named = folder.manifest().graph.as_deref();
    let found = named.or_else(|| USUAL_FILES.into_iter().find(|file| folder.has(file)));
    found.ok_or_else(|| InferenceError::unsupported(format!("it has none of {}", USUAL_FILES.join(", "))))
}

/// The `tokenizer.json` of a language model's folder, with the tokens that were added to it.
fn read_tokenizer(folder: &ModelFolder, cut: Cut) -> Result<Tokenizer> {
    const FILE: &str = "tokenizer.json";
    let mut tokenizer = tokenizer_json::parse(&folder.root().join(FILE), &folder.read(FILE)?)?;
    added_tokens::complete(&mut tokenizer, folder, "")?;
    tokenizer_config::check(folder, &tokenizer, cut)?;
    Ok(tokenizer)
}

pub(crate) fn other_kind(kind: JobKind, work: &Work) -> InferenceError {
    let bound = format!("is work of the kind {} for this model", kind.as_str());
    InferenceError::input("kind", bound, work.kind().as_str())
}

/// Hears how far the work is.
pub trait Observer {
    /// Called after each step; `Break` ends the work.
    fn step(&mut self, step: StepReport) -> ControlFlow<()>;

    /// A preview costs a run of the decoder, so it is drawn only while somebody looks at the job.
    fn wants_previews(&self) -> bool;

    /// Hears of a picture's latents before its first step (`step` 0) and after each.
    fn latents(&mut self, _picture: u32, _step: u32, _latents: &[f32]) {}
}

/// Reports a step that brings nothing but the sign of life, and ends the work where the observer wants that.
fn report_step(observer: &mut dyn Observer, step: u32, steps: u32) -> Result<()> {
    match observer.step(StepReport { step, steps, ..StepReport::default() }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(InferenceError::canceled()),
    }
}

/// One finished step, or a piece of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// 1 to `steps`: over all pictures of the job, the tokens of a text, or the batches of texts of an embedding.
    pub step: u32,
    pub steps: u32,
    /// What the picture looks like so far.
    #[serde(default)]
    pub preview: Option<Encoded>,
    /// What was written since the report before, in whole characters.
    #[serde(default)]
    pub text: Option<String>,
}

/// A finished or preliminary artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoded {
    pub media_type: String,
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    pub artifacts: Vec<Encoded>,
    pub metering: Metering,
    /// Commitment to the latents of every step ([`shared::trace`]).
    #[serde(default)]
    pub trace_root: Option<B256>,
    /// Numbers of the pictures, from 0, that the model's safety checker flagged; their artifacts are black.
    #[serde(default)]
    pub flagged: Vec<u32>,
}

impl Output {
    /// Bytes of all artifacts.
    pub fn bytes(&self) -> usize {
        self.artifacts.iter().map(|artifact| artifact.bytes.len()).sum()
    }
}
