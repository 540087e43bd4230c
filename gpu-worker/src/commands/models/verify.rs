//! `gpu-worker models verify`: are the files the pinned ones, and what runs each graph.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use inference::clock::millis;
use inference::engine::{Engine, EngineConfig, Graph, GraphFile, library};
use inference::error::{InferenceError, Result as InferenceResult};
use inference::runtime::folder::ModelFolder;
use inference::runtime::folders::models_at;
use inference::runtime::manifests::Manifests;
use serde::Serialize;
use shared::digest::Sha256Digest;

use super::folders;
use crate::commands::generate::EngineArguments;
use crate::commands::print;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::manifests;

/// Checks every file of the models against its hash, loads each graph, and shows what runs it and why.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// Folders of models, or of several in folders of their own; those of worker.toml, with its engine, where none is
    /// given.
    folders: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print a JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Verified {
    engine: shared::device::Engine,
    threads: usize,
    /// Why it is this engine, and this provider.
    why: String,
    models: Vec<VerifiedModel>,
}

#[derive(Debug, Serialize)]
struct VerifiedModel {
    folder: PathBuf,
    name: Option<String>,
    version: Option<String>,
    manifest_sha256: Option<Sha256Digest>,
    /// Files that have the length and hash of the manifest.
    files: usize,
    error: Option<Fault>,
    graphs: Vec<VerifiedGraph>,
}

#[derive(Debug, Serialize)]
struct VerifiedGraph {
    file: String,
    /// `f16` where inputs or outputs are.
    precision: Option<&'static str>,
    operator_set: Option<u64>,
    nodes: Option<usize>,
    /// The file and the weights beside it.
    bytes: u64,
    load_ms: u64,
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// Whether every operator runs on the GPU; absent on the processor.
    whole: Option<bool>,
    error: Option<Fault>,
}

#[derive(Debug, Serialize)]
struct Fault {
    class: String,
    message: String,
}

impl From<&InferenceError> for Fault {
    fn from(error: &InferenceError) -> Self {
        Self { class: error.kind.name().into(), message: error.to_string() }
    }
}

impl Verify {
    pub(super) fn run(&self, data: &Path) -> Result<ExitCode> {
        let (folders, engine) = self.subject(data)?;
        let engine = Engine::start(&engine, &library::Search::of_process(Some(data)))?;
        let manifests = manifests::of_worker(data);
        let verified = Verified {
            engine: engine.report(),
            threads: engine.threads(),
            why: engine.why().to_owned(),
            models: folders.into_iter().map(|folder| verify(engine, folder, &manifests)).collect(),
        };
        match self.json {
            true => print(serde_json::to_string(&verified).map_err(|error| WorkerError::format("report", error))?)?,
            false => verified.print()?,
        }
        Ok(if verified.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn subject(&self, data: &Path) -> Result<(Vec<PathBuf>, EngineConfig)> {
        if !self.folders.is_empty() {
            return Ok((
                self.folders.iter().flat_map(|folder| expanded(folder, &manifests::of_worker(data))).collect(),
                self.engine.config(),
            ));
        }
        let config = Config::read(data)?;
        Ok((folders(&config), config.engine))
    }
}

/// The folders of all models at `path`; itself where none can be read there, so that its fault is told.
fn expanded(path: &Path, manifests: &Manifests) -> Vec<PathBuf> {
    match models_at(path, manifests) {
        Ok(models) => models.iter().map(|model| model.root().to_path_buf()).collect(),
        Err(_) => vec![path.to_path_buf()],
    }
}

fn verify(engine: &Engine, folder: PathBuf, manifests: &Manifests) -> VerifiedModel {
    let blank = VerifiedModel {
        folder,
        name: None,
        version: None,
        manifest_sha256: None,
        files: 0,
        error: None,
        graphs: Vec::new(),
    };
    let opened = match manifests.open(&blank.folder) {
        Ok(opened) => opened,
        Err(error) => return VerifiedModel { error: Some(Fault::from(&error)), ..blank },
    };
    let manifest = opened.manifest();
    let model = VerifiedModel {
        name: Some(manifest.name.clone()),
        version: Some(manifest.version.clone()),
        manifest_sha256: Some(opened.manifest_sha256()),
        ..blank
    };
    if let Err(error) = opened.verify() {
        return VerifiedModel { error: Some(Fault::from(&error)), ..model };
    }
    let graphs = manifest.files.iter().filter(|file| file.path.ends_with(".onnx"));
    let graphs = graphs.map(|file| verify_graph(engine, &opened, &file.path, file.bytes)).collect();
    VerifiedModel { files: manifest.files.len(), graphs, ..model }
}

fn verify_graph(engine: &Engine, folder: &ModelFolder, file: &str, bytes: u64) -> VerifiedGraph {
    let mut seen = VerifiedGraph {
        file: file.to_owned(),
        precision: None,
        operator_set: None,
        nodes: None,
        bytes,
        load_ms: 0,
        inputs: Vec::new(),
        outputs: Vec::new(),
        whole: None,
        error: None,
    };
    if let Err(error) = load(engine, folder, &mut seen) {
        seen.error = Some(Fault::from(&error));
    }
    seen
}

/// Loads the graph and notes what it is; what was noted stays where loading fails.
fn load(engine: &Engine, folder: &ModelFolder, seen: &mut VerifiedGraph) -> InferenceResult<()> {
    let file: GraphFile = folder.graph(&seen.file)?;
    let onnx = file.onnx();
    seen.operator_set = onnx.operator_sets.get("").copied();
    seen.nodes = Some(onnx.nodes);
    seen.bytes += onnx.external.iter().filter_map(|tensor| tensor.length).sum::<u64>();
    let began = Instant::now();
    let graph = Graph::load(engine, &file)?;
    seen.load_ms = millis(began.elapsed());
    seen.precision = Some(graph.precision());
    seen.inputs = graph.inputs.iter().map(ToString::to_string).collect();
    seen.outputs = graph.outputs.iter().map(ToString::to_string).collect();
    drop(graph);
    seen.whole = Graph::runs_whole(engine, &file);
    Ok(())
}

impl Verified {
    fn is_well(&self) -> bool {
        let graphs = || self.models.iter().flat_map(|model| &model.graphs);
        self.models.iter().all(|model| model.error.is_none()) && graphs().all(|graph| graph.error.is_none())
    }

    fn print(&self) -> Result<()> {
        let shared::device::Engine { name, version, provider } = &self.engine;
        print(format_args!("engine  {name} {version} on {provider}, {} threads", self.threads))?;
        print(format_args!("        because {}", self.why))?;
        self.models.iter().try_for_each(|model| self.print_model(model))
    }

    fn print_model(&self, model: &VerifiedModel) -> Result<()> {
        let folder = model.folder.display();
        match (&model.error, model.name.as_deref().zip(model.version.as_deref())) {
            (Some(fault), _) => print(format_args!("FAULT   {folder}: {}", fault.message))?,
            (None, Some((name, version))) => {
                let files = model.files;
                print(format_args!("model   {name} {version} in {folder}: {files} files match the manifest"))?;
            }
            (None, None) => {}
        }
        if model.graphs.is_empty() {
            return Ok(());
        }
        print(format_args!(
            "  {:<28} {:<12} {:<9} {:<5} {:>4} {:>6} {:>8} {:>8}",
            "graph", "engine", "provider", "type", "set", "nodes", "MB", "load ms"
        ))?;
        model.graphs.iter().try_for_each(|graph| self.print_graph(graph))
    }

    fn print_graph(&self, graph: &VerifiedGraph) -> Result<()> {
        if let Some(fault) = &graph.error {
            return print(format_args!("  {:<28} FAULT {}", graph.file, fault.message));
        }
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let provider = match graph.whole {
            Some(false) => format!("{}+CPU", self.engine.provider),
            _ => self.engine.provider.clone(),
        };
        print(format_args!(
            "  {:<28} {:<12} {:<9} {:<5} {:>4} {:>6} {:>8.1} {:>8}",
            graph.file,
            self.engine.name,
            provider,
            graph.precision.unwrap_or("-"),
            number(graph.operator_set),
            number(graph.nodes.map(|nodes| nodes as u64)),
            graph.bytes as f64 / 1e6,
            graph.load_ms
        ))
    }
}
