//! `gpu-worker generate`: draws a picture here and now, without a hub.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::builder::{PossibleValuesParser, RangedI64ValueParser, RangedU64ValueParser, TypedValueParser};
use clap::value_parser;
use inference::clock::millis;
use inference::engine::THREADS_MAX;
use inference::engine::provider::ProviderChoice;
use inference::engine::{Engine, EngineChoice, EngineConfig, library};
use inference::runtime::folder::ModelFolder;
use inference::runtime::image::ImageModel;
use inference::runtime::{Observer, StepReport};
use shared::job::JobKind;
use shared::job::image::{
    COUNT_MAX, ImageInput, PictureDefaults, SIZE_DEFAULT_PX, SIZE_MAX_PX, SIZE_MIN_PX, STEPS_MAX, STEPS_MIN,
    SchedulerName,
};
use shared::job::init_image::INIT_IMAGE_MAX_BYTES;
use shared::model::ModelManifest;
use shared::protocol::Metering;

use super::print;
use crate::error::{Result, WorkerError};
use crate::manifests;

/// Draws a picture here, without a hub.
#[derive(Debug, clap::Args)]
#[command(allow_negative_numbers = true)]
pub struct Generate {
    /// What the picture shows.
    pub prompt: String,
    /// Where the PNG goes; several pictures get a number before the extension.
    #[arg(long, default_value = "picture.png")]
    pub out: PathBuf,
    /// Folder of the model.
    #[arg(long, env = "AITBC_MODEL", default_value = "gpu-worker/model/picture")]
    pub model: PathBuf,
    #[arg(long, default_value = "")]
    pub negative_prompt: String,
    /// Denoising steps; the default of the model's setting where absent.
    #[arg(long, value_parser = value_parser!(u32).range(i64::from(STEPS_MIN)..=i64::from(STEPS_MAX)))]
    pub steps: Option<u32>,
    /// Guidance scale; the default of the model's setting where absent.
    #[arg(long)]
    pub guidance: Option<f32>,
    #[arg(long, default_value_t = SIZE_DEFAULT_PX, value_parser = size())]
    pub width: u32,
    #[arg(long, default_value_t = SIZE_DEFAULT_PX, value_parser = size())]
    pub height: u32,
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=i64::from(COUNT_MAX)))]
    pub count: u32,
    /// How to walk from noise to picture; the model's own scheduler where absent, and `fast` for its setting of few steps.
    #[arg(long, value_parser = scheduler_parser())]
    pub scheduler: Option<SchedulerName>,
    /// How much fresh noise each step of `ddim` adds, 0 to 1.
    #[arg(long, requires = "scheduler")]
    pub eta: Option<f32>,
    /// A PNG or JPEG file to start from instead of noise.
    #[arg(long)]
    pub init_image: Option<PathBuf>,
    /// How much of the init image is drawn anew, above 0 to 1.
    #[arg(long, requires = "init_image")]
    pub strength: Option<f32>,
    #[command(flatten)]
    pub engine: EngineArguments,
}

/// Which engine a command uses.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct EngineArguments {
    #[arg(long, value_enum, default_value_t)]
    pub engine: EngineChoice,
    /// Path of ONNX Runtime's library.
    #[arg(long)]
    pub onnxruntime_library: Option<PathBuf>,
    /// Threads of the engine; the physical cores where absent.
    #[arg(long, value_parser = threads_parser())]
    pub threads: Option<usize>,
    /// What ONNX Runtime computes on.
    #[arg(long, value_enum, default_value_t)]
    pub provider: ProviderChoice,
    /// Index of the GPU.
    #[arg(long, default_value_t = 0)]
    pub device: u32,
}

impl EngineArguments {
    pub fn config(&self) -> EngineConfig {
        EngineConfig {
            name: self.engine,
            onnxruntime_library: self.onnxruntime_library.clone(),
            threads: self.threads,
            provider: self.provider,
            device: self.device,
            ..EngineConfig::default()
        }
    }
}

fn size() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(i64::from(SIZE_MIN_PX)..=i64::from(SIZE_MAX_PX))
}

/// Threads within [`THREADS_MAX`].
pub(super) fn threads_parser() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=THREADS_MAX as u64)
}

/// A folder of a model that draws.
///
/// # Errors
/// A folder without a manifest, and a model of another kind.
pub(super) fn picture_model(path: &Path, data: &Path) -> Result<ModelFolder> {
    let folder = manifests::of_worker(data).open(path)?;
    let ModelManifest { name, kind, .. } = folder.manifest();
    if *kind == JobKind::Image {
        return Ok(folder);
    }
    let (path, kind) = (path.display(), kind.as_str());
    Err(WorkerError::config(format!(
        "--model {path}: {name} is a model of the kind {kind}, and only image models draw"
    )))
}

fn scheduler_parser() -> impl TypedValueParser<Value = SchedulerName> {
    let named = |name: String| SchedulerName::ALL.into_iter().find(|scheduler| scheduler.name() == name);
    PossibleValuesParser::new(SchedulerName::ALL.map(SchedulerName::name))
        .try_map(move |name| named(name).ok_or("no scheduler has this name"))
}

/// Lets the work run to its end, unseen.
pub struct Unobserved;

impl Observer for Unobserved {
    fn step(&mut self, _: StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

/// How long drawing took, and how much of it the engine on its device.
fn drawn(metering: &Metering) -> String {
    format!("drawn in {} ms ({} ms of it in the engine)", metering.duration_ms, metering.device_ms())
}

impl Generate {
    pub fn run(&self, data: &Path) -> Result<()> {
        let began = Instant::now();
        let folder = picture_model(&self.model, data)?;
        let engine = Engine::start(&self.engine.config(), &library::Search::of_process(None))?;
        let mut model = ImageModel::load(engine, &folder)?;
        let load_ms = millis(began.elapsed());
        let defaults = self.defaults(folder.manifest());
        let input = ImageInput {
            prompt: self.prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            steps: self.steps.unwrap_or(defaults.steps),
            guidance: self.guidance.unwrap_or(defaults.guidance),
            width: self.width,
            height: self.height,
            seed: Some(self.seed),
            count: self.count,
            scheduler: self.scheduler,
            eta: self.eta,
            init_image: self.init_image()?,
            strength: self.strength,
        };
        let input = input.validate(self.seed).map_err(|errors| {
            WorkerError::config(errors.into_iter().map(|error| error.detail).collect::<Vec<_>>().join("; "))
        })?;
        let output = model.draw(&input, &mut Unobserved)?;
        for (index, artifact) in output.artifacts.iter().enumerate() {
            let path = self.path(index, output.artifacts.len());
            std::fs::write(&path, &artifact.bytes).map_err(WorkerError::io(&path))?;
            print(format_args!(
                "{}: {} bytes, seed {}",
                path.display(),
                artifact.bytes.len(),
                self.seed + index as u64
            ))?;
        }
        if let Some(note) = engine.note() {
            print(format_args!("engine: {note}"))?;
        }
        print(format_args!(
            "{} {} on {}, {} threads: loaded in {load_ms} ms, {}",
            engine.name(),
            engine.version(),
            engine.provider().name(),
            engine.threads(),
            drawn(&output.metering)
        ))
    }

    /// Of the setting that is drawn with. A model without one for few steps is refused when it draws.
    fn defaults(&self, manifest: &ModelManifest) -> PictureDefaults {
        let own = PictureDefaults { steps: manifest.default_steps, guidance: manifest.default_guidance };
        manifest.fast.filter(|_| self.scheduler == Some(SchedulerName::Fast)).unwrap_or(own)
    }

    fn init_image(&self) -> Result<Option<String>> {
        let Some(path) = &self.init_image else { return Ok(None) };
        let length = std::fs::metadata(path).map_err(WorkerError::io(path))?.len();
        if length > INIT_IMAGE_MAX_BYTES as u64 {
            let reason = format!("it has {length} bytes, more than {INIT_IMAGE_MAX_BYTES}");
            return Err(WorkerError::format(path, reason));
        }
        Ok(Some(STANDARD.encode(std::fs::read(path).map_err(WorkerError::io(path))?)))
    }

    fn path(&self, index: usize, count: usize) -> PathBuf {
        if count == 1 {
            return self.out.clone();
        }
        let extension = self.out.extension().and_then(|text| text.to_str()).unwrap_or("png").to_owned();
        self.out.with_extension(format!("{}.{extension}", index + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_time_is_told_on_a_gpu_as_on_the_processor() {
        for is_gpu in [true, false] {
            let metering = Metering::on_device(120, 90, is_gpu);
            assert_eq!((metering.gpu_ms, metering.cpu_ms), if is_gpu { (90, 0) } else { (0, 90) });
            assert_eq!(drawn(&metering), "drawn in 120 ms (90 ms of it in the engine)");
        }
    }
}
