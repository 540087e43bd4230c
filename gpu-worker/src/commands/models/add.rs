//! `gpu-worker models add`: pins a folder and puts it on offer.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::value_parser;
use inference::error::InferenceError;
use inference::files::{FileError, write_atomically};
use inference::runtime::folder::ModelFolder;
use inference::runtime::folders::check_names;
use inference::runtime::graphs;
use inference::runtime::image::scheduler::FAST_FILE;
use inference::runtime::kind::{PIPELINE_FILE, may_tell, told_by};
use inference::runtime::manifests::Manifests;
use inference::runtime::pin::pin;
use serde::Deserialize;
use serde_json::Value;
use shared::amount::Amount;
use shared::job::JobKind;
use shared::job::image::{GUIDANCE_MAX, PictureDefaults, SIZE_MAX_PX, SIZE_MIN_PX, STEPS_MAX, STEPS_MIN};
use shared::model::{MANIFEST_FILE, ModelFile, ModelManifest};

use super::register::{with_model, with_price};
use crate::child::supervisor::Supervisor;
use crate::commands::{block_on, print, program, setup};
use crate::config::bounds::price_argument;
use crate::config::{Config, ModelConfig};
use crate::error::{Result, WorkerError};
use crate::{manifests, offer, timing};

/// Jobs that are measured after one to warm up.
const MEASURED_JOBS: u64 = 3;

const DEFAULT_VERSION: &str = "1.0.0";
const DEFAULT_LICENCE: &str = "LicenseRef-unknown";

/// Arguments that say something of pictures alone.
const OF_PICTURES: [&str; 3] = ["--steps", "--guidance", "--size"];

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
#[command(allow_negative_numbers = true)]
pub struct Add {
    /// Folder of the model.
    folder: PathBuf,
    /// Name on offer; the folder's where absent.
    #[arg(long)]
    name: Option<String>,
    /// Version on offer [default: 1.0.0].
    #[arg(long)]
    version: Option<String>,
    /// Licence as an SPDX expression [default: LicenseRef-unknown].
    #[arg(long)]
    licence: Option<String>,
    /// Kind of work; told by the folder's files where absent.
    #[arg(long, value_parser = kind)]
    kind: Option<JobKind>,
    /// Denoising steps where a job names none.
    #[arg(long, value_parser = value_parser!(u32).range(i64::from(STEPS_MIN)..=i64::from(STEPS_MAX)))]
    steps: Option<u32>,
    /// Guidance scale where a job names none.
    #[arg(long, value_parser = guidance)]
    guidance: Option<f32>,
    /// Width and height that the model draws best, in pixels.
    #[arg(long, value_parser = value_parser!(u32).range(i64::from(SIZE_MIN_PX)..=i64::from(SIZE_MAX_PX)))]
    size: Option<u32>,
    /// Graph of a language model that is served, such as onnx/model_fp16.onnx, where the folder holds several.
    #[arg(long, value_name = "FILE")]
    graph: Option<String>,
    /// Keep the manifest in the worker's folder, not in the model's. A model's folder that cannot be written to is always
    /// left as it is.
    #[arg(long)]
    manifest_apart: bool,
    /// Pin the files as they are now, in place of the manifest that is there, and change in it, and in worker.toml, what
    /// the other arguments name.
    #[arg(long)]
    repin: bool,
    /// AIT per unit, instead of the proposed price.
    #[arg(long, value_parser = price_argument)]
    unit_price: Option<Amount>,
}

/// Its files do not tell what kind of model the folder holds.
fn untold(root: &Path) -> WorkerError {
    let folder = root.display();
    let reason = format!("{folder} holds neither model_index.json nor a language model's graph; name its --kind");
    InferenceError::unsupported(reason).into()
}

fn kind(text: &str) -> std::result::Result<JobKind, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

fn guidance(text: &str) -> std::result::Result<f32, String> {
    let guidance: f32 = text.parse().map_err(|error| format!("{error}"))?;
    let bound = || format!("{guidance} is not in 0..={GUIDANCE_MAX}");
    (0.0..=GUIDANCE_MAX).contains(&guidance).then_some(guidance).ok_or_else(bound)
}

impl Add {
    pub(super) fn run(&self, data: &Path) -> Result<()> {
        let root = std::fs::canonicalize(&self.folder).map_err(WorkerError::io(&self.folder))?;
        let folder = self.pinned(&root, &manifests::of_worker(data))?;
        let manifest = folder.manifest();
        print(format_args!(
            "model   {} {}: {} files are pinned",
            manifest.name,
            manifest.version,
            manifest.files.len()
        ))?;
        put_on_offer(data, &root, &folder, Price { unit_price: self.unit_price, replaces: self.repin })
    }

    /// The folder with its manifest, which is written where there is none.
    fn pinned(&self, root: &Path, manifests: &Manifests) -> Result<ModelFolder> {
        let path = manifests.path(root);
        let earlier = if path.exists() { Some(manifests.open(root)?) } else { None };
        if let Some(folder) = earlier.as_ref().filter(|_| !self.repin) {
            self.refuse_changes(&path)?;
            folder.verify()?;
            return Ok(folder.clone());
        }
        let manifest = self.manifest(root, earlier.as_ref().map(ModelFolder::manifest))?;
        let text = serde_json::to_string_pretty(&manifest).map_err(|error| WorkerError::format(&path, error))?;
        self.write(root, manifests, &format!("{text}\n"))?;
        Ok(manifests.open(root)?)
    }

    /// Writes the manifest beside the files, or into the worker's folder where it is to be apart, was before, or cannot be
    /// elsewhere.
    fn write(&self, root: &Path, manifests: &Manifests, manifest: &str) -> Result<()> {
        let apart = manifests.apart_from(root);
        let is_apart = self.manifest_apart || apart.as_ref().is_some_and(|path| path.is_file());
        if !is_apart || apart.is_none() {
            match write_atomically(&root.join(MANIFEST_FILE), manifest.as_bytes()) {
                Err(error) if apart.is_some() && is_closed_to_writing(&error) => {}
                written => return Ok(written?),
            }
        }
        let path = apart.unwrap_or_else(|| root.join(MANIFEST_FILE));
        write_atomically(&path, manifest.as_bytes())?;
        print(format_args!("pinned  in {}", path.display()))
    }

    /// The arguments that a manifest holds.
    fn named(&self) -> Vec<&'static str> {
        let all = [
            ("--name", self.name.is_some()),
            ("--version", self.version.is_some()),
            ("--licence", self.licence.is_some()),
            ("--kind", self.kind.is_some()),
            ("--steps", self.steps.is_some()),
            ("--guidance", self.guidance.is_some()),
            ("--size", self.size.is_some()),
            ("--graph", self.graph.is_some()),
            ("--manifest-apart", self.manifest_apart),
        ];
        all.into_iter().filter(|(_, is_named)| *is_named).map(|(argument, _)| argument).collect()
    }

    fn refuse_changes(&self, path: &Path) -> Result<()> {
        let named = self.named();
        if named.is_empty() {
            return Ok(());
        }
        let (path, named) = (path.display(), named.join(", "));
        Err(WorkerError::config(format!("{path} says that already; --repin writes it again with {named}")))
    }

    /// What the files and the arguments say, and, for the rest, what the manifest before said.
    fn manifest(&self, root: &Path, earlier: Option<&ModelManifest>) -> Result<ModelManifest> {
        let graph = self.graph_of(root, earlier)?;
        if self.kind.is_none() && earlier.is_none() && !may_tell(root, graph.as_deref()) {
            // Before all files of a folder that is no model are read.
            return Err(untold(root));
        }
        let files = pin(root, graph.as_deref())?;
        let kind = self.kind_of(root, &files, graph.as_deref(), earlier)?;
        let before = match earlier {
            Some(earlier) if earlier.kind == kind => earlier.clone(),
            Some(ModelManifest { name, version, licence, .. }) => {
                let (name, version, licence) = (name.clone(), version.clone(), licence.clone());
                ModelManifest { name, version, licence, ..first_manifest(root, kind) }
            }
            None => first_manifest(root, kind),
        };
        Ok(ModelManifest {
            name: self.name.clone().unwrap_or(before.name),
            version: self.version.clone().unwrap_or(before.version),
            licence: self.licence.clone().unwrap_or(before.licence),
            fast: before.fast.or(fast(kind, &files)),
            files,
            graph,
            default_steps: self.steps.unwrap_or(before.default_steps),
            default_guidance: self.guidance.unwrap_or(before.default_guidance),
            native_size_px: self.size.unwrap_or(before.native_size_px),
            ..before
        })
    }

    /// The graph of a language model; none of a picture model, which has one for each of its networks.
    fn graph_of(&self, root: &Path, earlier: Option<&ModelManifest>) -> Result<Option<String>> {
        let is_pictures = self.kind.or(earlier.map(|earlier| earlier.kind)) == Some(JobKind::Image);
        if is_pictures || root.join(PIPELINE_FILE).is_file() {
            let refused = self.graph.as_ref().map(|graph| {
                let folder = root.display();
                WorkerError::config(format!("--graph {graph}: for models of words, and {folder} is of the kind image"))
            });
            return refused.map_or(Ok(None), Err);
        }
        let named = self.graph.as_deref().or_else(|| earlier?.graph.as_deref());
        Ok(graphs::choose(root, named)?)
    }

    /// Named, or told by the files. A name that the files contradict is refused, and so are arguments about pictures for
    /// a model of words.
    fn kind_of(
        &self,
        root: &Path,
        files: &[ModelFile],
        graph: Option<&str>,
        earlier: Option<&ModelManifest>,
    ) -> Result<JobKind> {
        let folder = root.display();
        let told = match (self.kind, earlier) {
            // A kind that the miner names is taken where the files do not show one.
            (Some(_), _) => told_by(root, files, graph).ok().flatten(),
            (None, Some(earlier)) => Some(earlier.kind),
            (None, None) => told_by(root, files, graph)?,
        };
        let kind = match (self.kind, told) {
            (Some(named), Some(told)) if named != told => {
                let (named, told) = (named.as_str(), told.as_str());
                return Err(WorkerError::config(format!(
                    "--kind {named}: the files of {folder} are of the kind {told}"
                )));
            }
            (named, told) => named.or(told).ok_or_else(|| untold(root))?,
        };
        let of_pictures: Vec<_> = self.named().into_iter().filter(|argument| OF_PICTURES.contains(argument)).collect();
        if kind != JobKind::Image && !of_pictures.is_empty() {
            let (named, kind) = (of_pictures.join(", "), kind.as_str());
            return Err(WorkerError::config(format!(
                "{named}: for picture models, and {folder} is of the kind {kind}"
            )));
        }
        Ok(kind)
    }
}

/// The manifest of a folder of which nothing is known but its kind.
fn first_manifest(root: &Path, kind: JobKind) -> ModelManifest {
    let draws = kind == JobKind::Image;
    let of_pictures = |value: u32| if draws { value } else { 0 };
    ModelManifest {
        name: root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        version: DEFAULT_VERSION.to_owned(),
        kind,
        licence: DEFAULT_LICENCE.to_owned(),
        fast: None,
        files: Vec::new(),
        graph: None,
        draws: Vec::new(),
        does_not_draw: Vec::new(),
        suggestions: Vec::new(),
        subjects: Vec::new(),
        default_steps: of_pictures(DEFAULT_STEPS),
        default_guidance: if draws { DEFAULT_GUIDANCE } else { 0.0 },
        native_size_px: of_pictures(native_size_px(root).unwrap_or(DEFAULT_SIZE_PX)),
    }
}

/// The setting for few steps of a picture model that brings a scheduler for it.
fn fast(kind: JobKind, files: &[ModelFile]) -> Option<PictureDefaults> {
    let has_scheduler = kind == JobKind::Image && files.iter().any(|file| file.path == FAST_FILE);
    has_scheduler.then_some(DEFAULT_FAST)
}

/// Whether nobody, or not this user, may write there.
fn is_closed_to_writing(error: &FileError) -> bool {
    matches!(error.source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// What is asked for a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Price {
    /// The proposed one where absent.
    pub(super) unit_price: Option<Amount>,
    /// It takes the place of the one that worker.toml has for the model.
    pub(super) replaces: bool,
}

/// Measures a pinned model and adds it to worker.toml, where there is one.
///
/// # Errors
/// A model that does not run here, one whose name another one has, a price for one that has a price already, and a
/// configuration that cannot be read or written.
pub(super) fn put_on_offer(data: &Path, root: &Path, folder: &ModelFolder, price: Price) -> Result<()> {
    if !Config::path(data).exists() {
        return print(format_args!("        `gpu-worker init --model {}` puts it on offer", root.display()));
    }
    let config = Config::read(data)?;
    if let Some(place) = config.models.iter().position(|model| names_same(&model.path, root)) {
        return offer_again(data, &config, place, price);
    }
    let manifest = folder.manifest();
    check_names(on_offer(&config, &manifests::of_worker(data)).iter().map(named).chain([named(folder)]))?;
    let supervisor = Supervisor::new(program()?, setup(data, root, &config.engine, &config.child));
    let timed = block_on(async { Ok(timing::time(supervisor, folder, MEASURED_JOBS).await?) })?;
    let speed = timed.timing.micro_units_per_second.median;
    let unit_price_ait = price.unit_price.unwrap_or_else(|| offer::proposed_price(manifest.kind.unit_type(), speed));
    let model =
        ModelConfig { path: root.to_owned(), unit_price_ait, measured_micro_units_per_second: speed, enabled: true };
    edit(data, |text| with_model(text, &model))?;
    print(format_args!("price   {unit_price_ait} AIT per unit"))?;
    print(format_args!("wrote   {}; `start` offers it", Config::path(data).display()))
}

/// Models of the configuration that can be read; the others are what `models verify` is about.
fn on_offer(config: &Config, manifests: &Manifests) -> Vec<ModelFolder> {
    let enabled = config.models.iter().filter(|model| model.enabled);
    enabled.filter_map(|model| manifests.open(&model.path).ok()).collect()
}

fn named(folder: &ModelFolder) -> (&str, &Path) {
    (&folder.manifest().name, folder.root())
}

fn names_same(configured: &Path, root: &Path) -> bool {
    std::fs::canonicalize(configured).is_ok_and(|configured| configured == root)
}

/// A model that is already in worker.toml: its price changes only if `--price` says so.
fn offer_again(data: &Path, config: &Config, place: usize, price: Price) -> Result<()> {
    let Some(known) = config.models.get(place) else { return Ok(()) };
    let (shown, before) = (known.path.display(), known.unit_price_ait);
    match price.unit_price {
        Some(asked) if asked == before => {
            print(format_args!("        {shown} is in worker.toml already, at that price"))
        }
        Some(asked) if price.replaces => {
            edit(data, |text| with_price(text, place, asked))?;
            print(format_args!("price   {asked} AIT per unit, {before} before"))
        }
        Some(asked) => Err(WorkerError::config(format!(
            "{shown} is in worker.toml already, for {before} AIT per unit; --repin with --unit-price {asked} changes it"
        ))),
        None => print(format_args!("        {shown} is in worker.toml already")),
    }
}

fn edit(data: &Path, change: impl FnOnce(&str) -> std::result::Result<String, String>) -> Result<()> {
    let path = Config::path(data);
    let text = std::fs::read_to_string(&path).map_err(WorkerError::io(&path))?;
    let text = change(&text).map_err(|reason| WorkerError::format(&path, reason))?;
    Ok(write_atomically(&path, text.as_bytes())?)
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
