//! Text to picture on the diffusers folder layout with the interface of Stable Diffusion 1.5.
//!
//! ```text
//! prompt ─ tokenizer ─ text encoder ─┐
//! seed ── Philox noise ── latents ── UNet × steps ── scheduler ── decoder ── PNG
//! ```

pub mod layout;
pub mod networks;
pub mod picture;
mod preview;
pub mod scheduler;
pub mod tokenizer;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use shared::digest::Sha256Digest;
use shared::job::image::{ImageInput, ValidImageInput};
use shared::job::request::Work;
use shared::protocol::Metering;

use self::layout::LatentSpace;
use self::networks::{Decoder, Prompts, TextEncoder, Unet};
use self::preview::PreviewBudget;
use self::scheduler::{Scheduler, SchedulerConfig};
use self::tokenizer::ClipTokenizer;
use super::folder::ModelFolder;
use super::{Encoded, Observer, Output, Runtime, StepReport};
use crate::engine::Engine;
use crate::error::{Result, WorkerError};
use crate::philox;

/// A loaded text-to-image model.
#[derive(Debug)]
pub struct ImageModel {
    tokenizer: ClipTokenizer,
    text_encoder: TextEncoder,
    unet: Unet,
    decoder: Decoder,
    scheduler: SchedulerConfig,
    space: LatentSpace,
    manifest_sha256: Sha256Digest,
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

    pub fn dims(self, batch: usize) -> [usize; 4] {
        [batch, self.channels, self.height, self.width]
    }
}

impl ImageModel {
    /// Loads the three graphs, at once where there are cores for it.
    pub fn load(engine: &Engine, folder: &ModelFolder) -> Result<Self> {
        layout::check_index(folder)?;
        let space = layout::latent_space(folder)?;
        let scheduler = SchedulerConfig::load(folder)?;
        let native = space.shape_of(folder.manifest().native_size_px as usize);
        let (text_encoder, unet, decoder) = std::thread::scope(|scope| {
            let unet = scope.spawn(|| load_unet(engine, folder, native));
            let decoder = scope.spawn(|| load_decoder(engine, folder, native));
            (TextEncoder::load(engine, folder), join(unet), join(decoder))
        });
        let text_encoder = text_encoder?;
        let tokenizer = ClipTokenizer::load(folder, text_encoder.context_tokens())?;
        let manifest_sha256 = folder.manifest_sha256();
        Ok(Self { tokenizer, text_encoder, unet: unet?, decoder: decoder?, scheduler, space, manifest_sha256 })
    }

    /// The manifest's digest: which model this is, to the last byte.
    pub fn manifest_sha256(&self) -> Sha256Digest {
        self.manifest_sha256
    }

    /// Draws all pictures of a request.
    pub fn draw(&mut self, input: &ValidImageInput, observer: &mut dyn Observer) -> Result<Output> {
        let input = validated(input)?;
        let began = Instant::now();
        let shape = self.latent_shape(&input)?;
        let scheduler = Scheduler::new(&self.scheduler, input.scheduler, input.steps as usize)?;
        let mut walk = Walk { engine_time: Duration::ZERO, previews: PreviewBudget::new(began) };
        let prompts = self.encode(&input, &mut walk)?;
        let mut artifacts = Vec::with_capacity(input.count as usize);
        for picture in 0..input.count {
            let latents = self.denoise(&input, picture, shape, &scheduler, &prompts, &mut walk, observer)?;
            let decoded = walk.time(|| self.decoder.decode(&latents, shape, &self.space, input.steps))?;
            artifacts.push(Encoded { media_type: "image/png".into(), bytes: picture::png(&decoded)? });
        }
        let metering =
            Metering { duration_ms: millis(began.elapsed()), cpu_ms: millis(walk.engine_time), ..Metering::default() };
        Ok(Output { artifacts, metering })
    }

    fn encode(&mut self, input: &ValidImageInput, walk: &mut Walk) -> Result<Prompts> {
        let positive = self.tokenizer.encode(&input.prompt)?;
        let negative =
            if is_guided(input.guidance) { Some(self.tokenizer.encode(&input.negative_prompt)?) } else { None };
        walk.time(|| self.text_encoder.encode(negative.as_deref(), &positive))
    }

    /// From noise to finished latents.
    #[expect(clippy::too_many_arguments, reason = "one picture of a request, with what its pictures share")]
    fn denoise(
        &mut self,
        input: &ValidImageInput,
        picture: u32,
        shape: LatentShape,
        scheduler: &Scheduler,
        prompts: &Prompts,
        walk: &mut Walk,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        let seed = input.seed.wrapping_add(u64::from(picture));
        let mut latents = noise(seed, 0, shape);
        latents.iter_mut().for_each(|value| *value *= scheduler.init_noise_sigma());
        let calls = u32::try_from(scheduler.calls()).unwrap_or(u32::MAX);
        let mut path = scheduler.walk(0);
        while path.index() < scheduler.calls() {
            let (began, index) = (Instant::now(), path.index());
            let step = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let scale = scheduler.input_scale(index);
            let timestep = scheduler.timestep(index);
            let mut prediction =
                walk.time(|| self.unet.predict(&latents, scale, shape, timestep, prompts, input.guidance))?;
            if !prediction.iter().all(|value| value.is_finite()) {
                return Err(WorkerError::NotFinite { graph: self.unet.name().into(), step });
            }
            // The initial noise is the seed's tensor 0, so each call has one of its own.
            path.step(&mut latents, &mut prediction, || noise(seed, step, shape));
            let wants = observer.wants_previews() && walk.previews.allows(step, calls, began.elapsed());
            let preview = if wants { Some(self.preview(&prediction, shape, walk, step)?) } else { None };
            let report = StepReport { step: picture * calls + step, steps: input.count * calls, preview };
            if observer.step(report) == ControlFlow::Break(()) {
                return Err(WorkerError::Canceled);
            }
        }
        Ok(latents)
    }

    /// A small picture of what the latents will become, as the scheduler estimates it now.
    fn preview(&mut self, estimate: &[f32], shape: LatentShape, walk: &mut Walk, step: u32) -> Result<Encoded> {
        let began = Instant::now();
        let decoded = walk.time(|| self.decoder.decode(estimate, shape, &self.space, step))?;
        let preview = picture::preview(&decoded)?;
        walk.previews.spent(began.elapsed());
        Ok(preview)
    }

    fn latent_shape(&self, input: &ValidImageInput) -> Result<LatentShape> {
        let (width, height) = (input.width as usize, input.height as usize);
        let cell = self.space.cell_px;
        let shape = LatentShape { channels: self.space.channels, height: height / cell, width: width / cell };
        let fixed = self.unet.fixed_size().or_else(|| self.decoder.fixed_size());
        let fits = width.is_multiple_of(cell)
            && height.is_multiple_of(cell)
            && fixed.is_none_or(|size| size == (shape.height, shape.width));
        if fits {
            return Ok(shape);
        }
        let bound = match fixed {
            Some((height, width)) => format!("is {}×{} pixels for this model", width * cell, height * cell),
            None => format!("is in multiples of {cell} pixels for this model"),
        };
        Err(WorkerError::Input { field: "width", bound, value: format!("{width}×{height}") })
    }
}

impl Runtime for ImageModel {
    fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output> {
        match work {
            Work::Image(input) => self.draw(input, observer),
        }
    }
}

/// The UNet, ready for a guided picture of the model's own size.
fn load_unet(engine: &Engine, folder: &ModelFolder, native: LatentShape) -> Result<Unet> {
    let mut unet = Unet::load(engine, folder, native.channels)?;
    if let Some(states) = unet.states_size() {
        unet.prepare(native, 2, states)?;
    }
    Ok(unet)
}

fn load_decoder(engine: &Engine, folder: &ModelFolder, native: LatentShape) -> Result<Decoder> {
    let mut decoder = Decoder::load(engine, folder, native.channels)?;
    decoder.prepare(native)?;
    Ok(decoder)
}

/// What one request spends.
struct Walk {
    engine_time: Duration,
    previews: PreviewBudget,
}

impl Walk {
    fn time<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = run();
        self.engine_time += began.elapsed();
        result
    }
}

/// Guidance of 1 and below leaves the unguided prediction, so its half of the batch is not computed.
pub fn is_guided(guidance: f32) -> bool {
    guidance > 1.0
}

/// Checks the bounds again: a hub is not believed.
fn validated(input: &ValidImageInput) -> Result<ValidImageInput> {
    let input = input.clone();
    let unchecked = ImageInput {
        prompt: input.prompt,
        negative_prompt: input.negative_prompt,
        steps: input.steps,
        guidance: input.guidance,
        width: input.width,
        height: input.height,
        seed: Some(input.seed),
        count: input.count,
        scheduler: input.scheduler,
    };
    unchecked.validate(0).map_err(|errors| {
        let (bound, value) = errors
            .into_iter()
            .next()
            .map_or_else(Default::default, |error| (format!("{}: {}", error.field, error.detail), error.value));
        WorkerError::Input { field: "image", bound, value: value.unwrap_or_default() }
    })
}

/// Tensor `number` of a picture's seed.
fn noise(seed: u64, number: u32, shape: LatentShape) -> Vec<f32> {
    philox::gaussian(seed, number, u32::try_from(shape.count()).unwrap_or(u32::MAX))
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| {
        Err(WorkerError::Graph { graph: "a graph".into(), reason: "the engine panicked while it loaded it".into() })
    })
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
