//! `gpu-worker models add`: pins a folder and puts it on offer.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use shared::amount::Amount;
use shared::job::JobKind;
use shared::job::image::PictureDefaults;
use shared::model::{MANIFEST_FILE, ModelFile, ModelManifest};

use super::register::with_model;
use crate::child::supervisor::Supervisor;
use crate::commands::{block_on, print, program, setup};
use crate::config::{Config, ModelConfig};
use crate::error::{Result, WorkerError};
use crate::files::write_atomically;
use crate::runtime::folder::ModelFolder;
use crate::runtime::folders::check_names;
use crate::runtime::image::scheduler::FAST_FILE;
use crate::runtime::kind::told_by;
use crate::runtime::pin::pin;
use crate::{offer, timing};

/// Jobs that are measured after one to warm up.
const MEASURED_JOBS: u64 = 3;

/// Steps and guidance that most published models are shown with.
const DEFAULT_STEPS: u32 = 20;
const DEFAULT_GUIDANCE: f32 = 7.5;
const DEFAULT_SIZE_PX: u32 = 512;

/// The same for a setting of few steps, which distilled models are shown with.
const DEFAULT_FAST: PictureDefaults = PictureDefaults { steps: 4, guidance: 1.0 };

/// Where a picture model says its size, in cells of its latents.
const UNET_CONFIG: &str = "unet/config.json";
const DECODER_CONFIG: &str = "vae_decoder/config.json";

/// Writes the manifest of a model's folder, measures the model, and adds it to worker.toml.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Folder of the model.
    folder: PathBuf,
    /// Name on offer; the folder's where absent.
    #[arg(long)]
    name: Option<String>,
    #[arg(long, default_value = "1.0.0")]
    version: String,
    /// Licence as an SPDX expression.
    #[arg(long, default_value = "LicenseRef-unknown")]
    licence: String,
    /// Kind of work; told by the folder's files where absent.
    #[arg(long, value_parser = kind)]
    kind: Option<JobKind>,
    /// Denoising steps where a job names none.
    #[arg(long)]
    steps: Option<u32>,
    /// Guidance scale where a job names none.
    #[arg(long)]
    guidance: Option<f32>,
    /// Width and height that the model draws best, in pixels.
    #[arg(long)]
    size: Option<u32>,
    /// Pin the files as they are now, in place of the manifest that is there.
    #[arg(long)]
    repin: bool,
    /// AIT per unit, instead of the proposed price.
    #[arg(long)]
    unit_price: Option<Amount>,
}

fn kind(text: &str) -> std::result::Result<JobKind, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

impl Add {
    pub(super) fn run(&self, data: &Path) -> Result<()> {
        let root = std::fs::canonicalize(&self.folder).map_err(WorkerError::io(&self.folder))?;
        let folder = self.pinned(&root)?;
        let manifest = folder.manifest();
        print(format_args!(
            "model   {} {}: {} files are pinned",
            manifest.name,
            manifest.version,
            manifest.files.len()
        ))?;
        put_on_offer(data, &root, &folder, self.unit_price)
    }

    /// The folder with its manifest, which is written where there is none.
    fn pinned(&self, root: &Path) -> Result<ModelFolder> {
        let path = root.join(MANIFEST_FILE);
        if path.exists() && !self.repin {
            let folder = ModelFolder::open(root)?;
            folder.verify()?;
            return Ok(folder);
        }
        let files = pin(root)?;
        let manifest = match path.exists() {
            true => {
                let manifest = ModelFolder::open(root)?.manifest().clone();
                ModelManifest { fast: manifest.fast.or(fast(manifest.kind, &files)), files, ..manifest }
            }
            false => self.manifest(root, files)?,
        };
        let text = serde_json::to_string_pretty(&manifest).map_err(|error| WorkerError::format(&path, error))?;
        write_atomically(&path, format!("{text}\n").as_bytes())?;
        ModelFolder::open(root)
    }

    fn manifest(&self, root: &Path, files: Vec<ModelFile>) -> Result<ModelManifest> {
        let told = if self.kind.is_some() { self.kind } else { told_by(root, &files)? };
        let kind = told.ok_or_else(|| {
            let folder = root.display();
            let reason =
                format!("{folder} holds neither model_index.json nor a language model's graph; name its --kind");
            WorkerError::Unsupported(reason)
        })?;
        let of_pictures = |value: u32| if kind == JobKind::Image { value } else { 0 };
        let named = || root.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = self.name.clone().or_else(named).unwrap_or_default();
        Ok(ModelManifest {
            name,
            version: self.version.clone(),
            kind,
            licence: self.licence.clone(),
            fast: fast(kind, &files),
            files,
            draws: Vec::new(),
            does_not_draw: Vec::new(),
            suggestions: Vec::new(),
            subjects: Vec::new(),
            default_steps: of_pictures(self.steps.unwrap_or(DEFAULT_STEPS)),
            default_guidance: if kind == JobKind::Image { self.guidance.unwrap_or(DEFAULT_GUIDANCE) } else { 0.0 },
            native_size_px: of_pictures(self.size.or_else(|| native_size_px(root)).unwrap_or(DEFAULT_SIZE_PX)),
        })
    }
}

/// The setting for few steps of a picture model that brings a scheduler for it.
fn fast(kind: JobKind, files: &[ModelFile]) -> Option<PictureDefaults> {
    let has_scheduler = kind == JobKind::Image && files.iter().any(|file| file.path == FAST_FILE);
    has_scheduler.then_some(DEFAULT_FAST)
}

/// Measures a pinned model and adds it to worker.toml, where there is one. Without a price the proposed one is taken.
///
/// # Errors
/// A model that does not run here, and a configuration that cannot be read or written.
pub(super) fn put_on_offer(data: &Path, root: &Path, folder: &ModelFolder, unit_price: Option<Amount>) -> Result<()> {
    if !Config::path(data).exists() {
        return print(format_args!("        `gpu-worker init --model {}` puts it on offer", root.display()));
    }
    let config = Config::read(data)?;
    if let Some(known) = config.models.iter().find(|model| names_same(&model.path, root)) {
        return print(format_args!("        {} is in worker.toml already", known.path.display()));
    }
    let manifest = folder.manifest();
    check_names(on_offer(&config).iter().map(named).chain([named(folder)]))?;
    let supervisor = Supervisor::new(program()?, setup(data, root, &config.engine, &config.child));
    let timed = block_on(timing::time(supervisor, folder, MEASURED_JOBS))?;
    let speed = timed.timing.micro_units_per_second.median;
    let unit_price_ait = unit_price.unwrap_or_else(|| offer::proposed_price(manifest.kind.unit_type(), speed));
    let model =
        ModelConfig { path: root.to_owned(), unit_price_ait, measured_micro_units_per_second: speed, enabled: true };
    register(data, &model)?;
    print(format_args!("price   {unit_price_ait} AIT per unit"))?;
    print(format_args!("wrote   {}; `start` offers it", Config::path(data).display()))
}

/// Models of the configuration that can be read; the others are what `models verify` is about.
fn on_offer(config: &Config) -> Vec<ModelFolder> {
    let enabled = config.models.iter().filter(|model| model.enabled);
    enabled.filter_map(|model| ModelFolder::open(&model.path).ok()).collect()
}

fn named(folder: &ModelFolder) -> (&str, &Path) {
    (&folder.manifest().name, folder.root())
}

fn names_same(configured: &Path, root: &Path) -> bool {
    std::fs::canonicalize(configured).is_ok_and(|configured| configured == root)
}

fn register(data: &Path, model: &ModelConfig) -> Result<()> {
    let path = Config::path(data);
    let text = std::fs::read_to_string(&path).map_err(WorkerError::io(&path))?;
    let text = with_model(&text, model).map_err(|reason| WorkerError::format(&path, reason))?;
    write_atomically(&path, text.as_bytes())
}

/// The UNet's size in cells, times the pixels of a cell.
fn native_size_px(root: &Path) -> Option<u32> {
    #[derive(Deserialize)]
    struct Unet {
        sample_size: u32,
    }
    let read = |file: &str| serde_json::from_slice::<Value>(&std::fs::read(root.join(file)).ok()?).ok();
    let unet: Unet = serde_json::from_value(read(UNET_CONFIG)?).ok()?;
    let halvings = read(DECODER_CONFIG)?.get("block_out_channels")?.as_array()?.len().checked_sub(1)?;
    unet.sample_size.checked_mul(2_u32.checked_pow(u32::try_from(halvings).ok()?)?)
}
