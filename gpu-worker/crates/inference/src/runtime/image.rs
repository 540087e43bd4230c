//! Text and pictures to pictures, on the diffusers folder layouts of Stable Diffusion 1.5, 2.x and XL.
//!
//! ```text
//! prompt ─ tokenizer ─ text encoder ─┐
//! seed ── Philox noise ── latents ── UNet × steps ── scheduler ── decoder ── safety checker ── PNG
//! init image ── encoder ──┘
//! ```

mod audit;
mod conditioning;
mod init_image;
mod job;
mod latent_colors;
pub mod latent_space;
pub mod layout;
pub mod networks;
pub mod picture;
mod png_data;
mod preview;
mod resample;
pub mod scheduler;
pub mod tokenizer;
mod trace;
mod walk;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::job::image::ValidImageInput;
use shared::job::request::Work;

use self::conditioning::PromptEncoder;
use self::job::{Job, Spent, validated};
use self::latent_colors::LatentColors;
use self::layout::Layout;
use self::networks::autoencoder::{Decoder, Encoder};
use self::networks::safety_checker::SafetyChecker;
use self::networks::unet::Unet;
use self::scheduler::{Extent, Scheduler, Settings};
use self::walk::Course;
use super::folder::ModelFolder;
use super::{BatchKey, Observer, Output, Request, Runtime, batch_key, other_kind};
use crate::engine::Engine;
use crate::engine::provider::Provider;
use crate::error::{InferenceError, Result};

pub use self::job::is_guided;

/// Pictures of one network call where nobody says otherwise.
const BATCH_DEFAULT: usize = 4;

/// Pixels of one network call at most: larger pictures come in smaller batches.
const BATCH_MAX_PIXELS: usize = BATCH_DEFAULT * 512 * 512;

/// A loaded text-to-image model.
#[derive(Debug)]
pub struct ImageModel {
    prompts: PromptEncoder,
    unet: Unet,
    decoder: Decoder,
    /// Where the model has one, for pictures to start from.
    encoder: Option<Encoder>,
    safety_checker: Option<SafetyChecker>,
    /// Learned from the first finished picture.
    colors: Option<LatentColors>,
    settings: Settings,
    layout: Layout,
    manifest_sha256: Sha256Digest,
    batch_max: usize,
    /// False where each size of batch would be planned and computed in its own way.
    batches: bool,
    on_gpu: bool,
}

/// Size of the latents of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatentShape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl LatentShape {
    pub fn count(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Squares of 2 × 2 cells.
    pub fn tokens(self) -> usize {
        (self.height / 2) * (self.width / 2)
    }

    pub fn dims(self, batch: usize) -> [usize; 4] {
        [batch, self.channels, self.height, self.width]
    }
}

impl ImageModel {
    /// Loads the graphs, at once where there are cores for it.
    pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        let layout = Layout::read(folder)?;
        let native = layout.space.shape_of(folder.manifest().native_size_px as usize);
        let settings = Settings::load(folder, native.tokens())?;
        let (prompts, unet, decoder, encoder) = std::thread::scope(|scope| {
            let unet = scope.spawn(|| load_unet(engine, folder, native));
            let decoder = scope.spawn(|| load_decoder(engine, folder, native));
            let encoder = scope.spawn(|| layout.has_vae_encoder.then(|| Encoder::load(engine, folder)).transpose());
            (PromptEncoder::load(engine, folder, &layout), join(unet), join(decoder), join(encoder))
        });
        let (prompts, unet, decoder, encoder) = (prompts?, unet?, decoder?, encoder?);
        prompts.check_fits(&unet)?;
        let safety_checker = layout.has_safety_checker.then(|| SafetyChecker::load(engine, folder)).transpose()?;
        let batches = unet.fixed_batch().is_none() && !engine.plans_per_shape();
        Ok(Self {
            prompts,
            unet,
            decoder,
            encoder,
            safety_checker,
            colors: None,
            settings,
            layout,
            manifest_sha256: folder.manifest_sha256(),
            batch_max: if batches { BATCH_DEFAULT } else { 1 },
            batches,
            on_gpu: engine.provider() != Provider::Cpu,
        })
    }

    /// The manifest's digest: which model this is, to the last byte.
    pub fn manifest_sha256(&self) -> Sha256Digest {
        self.manifest_sha256
    }

    /// Time that the denoising network's calls took since the model was loaded.
    pub fn network_time(&self) -> Duration {
        self.unet.network_time()
    }

    /// Draws all pictures of a request.
    ///
    /// # Errors
    /// Work beyond what the model draws, an engine that fails, numbers that are not finite, and
    /// [`FailureKind::Canceled`](crate::error::FailureKind::Canceled) where the observer broke off.
    pub fn draw(&mut self, input: &ValidImageInput, observer: &mut dyn Observer) -> Result<Output> {
        let job = self.prepare(input, observer)?;
        self.draw_alike(vec![job]).pop().unwrap_or(Err(InferenceError::canceled()))
    }

    /// Draws the pictures of jobs of one [`batch_key`].
    fn draw_alike(&mut self, mut jobs: Vec<Job<'_>>) -> Vec<Result<Output>> {
        if let Some(Job { shape, size_px, scheduler, first_index, .. }) = jobs.first() {
            let (shape, size_px, scheduler, first_index) = (*shape, *size_px, scheduler.clone(), *first_index);
            let at_once = self.batch_max.min(BATCH_MAX_PIXELS / (size_px.0 * size_px.1)).max(1);
            let course = Course { scheduler: &scheduler, first_index, shape, size_px };
            self.draw_pictures(&mut jobs, course, at_once);
        }
        jobs.into_iter().map(|job| job.outcome(self.on_gpu)).collect()
    }

    /// Checks a request and does what its pictures share.
    fn prepare<'o>(&mut self, input: &ValidImageInput, observer: &'o mut dyn Observer) -> Result<Job<'o>> {
        let mut spent = Spent::new();
        let input = validated(input)?;
        let shape = self.latent_shape(&input)?;
        let extent = Extent { steps: input.steps as usize, tokens: shape.tokens() };
        let eta = f64::from(input.eta.unwrap_or_default());
        let scheduler = self.settings.scheduler(input.scheduler, extent)?.with_eta(eta)?;
        let first_index = first_index(&scheduler, &input)?;
        let is_guided = is_guided(input.guidance) && !self.unet.embeds_guidance();
        let negative = is_guided.then_some(input.negative_prompt.as_str());
        let conditioning = spent.time(|| self.prompts.encode(&input.prompt, negative))?;
        let start = spent.time(|| self.start(&input, shape))?;
        Ok(Job::new(input, observer, shape, (Rc::new(scheduler), first_index), conditioning, start, spent))
    }

    /// Image to image: the clean latents of the picture to start from.
    fn start(&mut self, input: &ValidImageInput, shape: LatentShape) -> Result<Option<Vec<f32>>> {
        let Some(image) = &input.init_image else { return Ok(None) };
        let size_px = (input.height as usize, input.width as usize);
        let Some(encoder) = &mut self.encoder else {
            let bound = "is for models with a vae_encoder, which this one lacks";
            return Err(InferenceError::input("init_image", bound, "a picture"));
        };
        check_size(encoder.fixed_size_px(), size_px)?;
        let pixels = init_image::pixels(image, size_px.1, size_px.0)?;
        encoder.encode(&pixels, shape, &self.layout.space).map(Some)
    }

    fn latent_shape(&self, input: &ValidImageInput) -> Result<LatentShape> {
        let (height, width) = (input.height as usize, input.width as usize);
        let cell = self.layout.space.cell_px;
        let fixed = self.unet.fixed_size().or_else(|| self.decoder.fixed_size());
        check_size(fixed.map(|(height, width)| (height * cell, width * cell)), (height, width))?;
        if height.is_multiple_of(cell) && width.is_multiple_of(cell) {
            return Ok(LatentShape {
                channels: self.layout.space.channels,
                height: height / cell,
                width: width / cell,
            });
        }
        let bound = format!("is in multiples of {cell} pixels for this model");
        Err(InferenceError::input("width", bound, format!("{width}×{height}")))
    }
}

impl Runtime for ImageModel {
    fn precision(&self) -> &'static str {
        self.unet.precision()
    }

    fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output> {
        match work {
            Work::Image(input) => self.draw(input, observer),
            _ => Err(other_kind(JobKind::Image, work)),
        }
    }

    fn run_batch(&mut self, requests: &mut [Request<'_>]) -> Vec<Result<Output>> {
        let mut outcomes: Vec<Option<Result<Output>>> = requests.iter().map(|_| None).collect();
        let mut groups: BTreeMap<BatchKey, Vec<(usize, Job<'_>)>> = BTreeMap::new();
        for (place, request) in requests.iter_mut().enumerate() {
            let Work::Image(input) = request.work else {
                outcomes[place] = Some(Err(other_kind(JobKind::Image, request.work)));
                continue;
            };
            match (batch_key(request.work), self.prepare(input, request.observer)) {
                (Some(key), Ok(job)) => groups.entry(key).or_default().push((place, job)),
                (None, Ok(job)) => outcomes[place] = self.draw_alike(vec![job]).pop(),
                (_, Err(error)) => outcomes[place] = Some(Err(error)),
            }
        }
        for group in groups.into_values() {
            let (places, jobs): (Vec<usize>, Vec<Job<'_>>) = group.into_iter().unzip();
            for (place, outcome) in places.into_iter().zip(self.draw_alike(jobs)) {
                outcomes[place] = Some(outcome);
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(InferenceError::canceled()))).collect()
    }

    fn batch_max(&self) -> usize {
        self.batch_max
    }

    fn set_batch_max(&mut self, batch_max: usize) {
        self.batch_max = if self.batches { batch_max.max(1) } else { 1 };
    }
}

/// The UNet, ready for a guided picture of the model's own size.
fn load_unet(engine: &Engine, folder: &ModelFolder, native: LatentShape) -> Result<Unet> {
    let mut unet = Unet::load(engine, folder, native.channels)?;
    unet.prepare(native, 2)?;
    Ok(unet)
}

fn load_decoder(engine: &Engine, folder: &ModelFolder, native: LatentShape) -> Result<Decoder> {
    let mut decoder = Decoder::load(engine, folder, native.channels)?;
    decoder.prepare(native)?;
    Ok(decoder)
}

/// `fixed` and `wanted` are height and width in pixels.
fn check_size(fixed: Option<(usize, usize)>, wanted: (usize, usize)) -> Result<()> {
    match fixed {
        Some((height, width)) if (height, width) != wanted => {
            let bound = format!("is {width}×{height} pixels for this model");
            Err(InferenceError::input("width", bound, format!("{}×{}", wanted.1, wanted.0)))
        }
        _ => Ok(()),
    }
}

/// The first call of a walk that skips what the strength leaves out.
fn first_index(scheduler: &Scheduler, input: &ValidImageInput) -> Result<usize> {
    match input.strength {
        Some(_) => scheduler.first_index(f64::from(input.steps_walked()) / f64::from(input.steps)),
        None => Ok(0),
    }
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(InferenceError::graph("a graph", "the engine panicked while it loaded it")))
}
