//! What the inference process may not do. It reads models and prompts from unknown people. A fault in an engine's
//! parser must give no access to the key, to the worker that holds it, or to the network, and memory is bounded.
//!
//! On Linux two walls stand, and the kernel keeps both for every user, root among them. Landlock (`files`) leaves the
//! models and libraries to read and the cache to write, and no other process to signal or look into.
//! A filter (`system_calls`) leaves the system calls that engines need: no program is started, no socket is opened.
//! Elsewhere only the resource limits hold.

#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod system_calls;

use std::path::{Path, PathBuf};

use inference::engine::EngineChoice;
use inference::engine::library::{Found, Search, find};
use inference::engine::provider::ProviderChoice;
use inference::error::{InferenceError, Result};
use inference::runtime::manifests::Manifests;
use inference::runtime::needs_network;
use inference::runtime::ollama::folder::Settings;
use serde::{Deserialize, Serialize};

use super::Setup;

/// How much sooner than others the kernel ends this process where the machine runs out of memory; 1000 is the most.
#[cfg(target_os = "linux")]
const OUT_OF_MEMORY_SCORE: &str = "500";

/// How the files of ONNX Runtime begin: the library, and beside it those of its providers.
const LIBRARY_BEGINNING: &str = "libonnxruntime";

const LOADER_VARIABLE: &str = "LD_LIBRARY_PATH";

/// What the process needs of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    pub readable: Vec<PathBuf>,
    /// Folders whose names may be read, and nothing in them.
    pub listable: Vec<PathBuf>,
    pub writable: Vec<PathBuf>,
    /// Whether devices of GPUs are opened.
    pub gpu: bool,
    /// Ports of the programs that serve the models; without one, there is no network.
    pub ports: Vec<u16>,
}

impl Reach {
    /// What the models, the engine and its library need.
    pub fn of(setup: &Setup) -> Self {
        let search = Search::of_process(setup.data.as_deref());
        let manifests = setup.manifests();
        let ports: Vec<u16> = models(setup).filter_map(|model| ollama_port(model, &manifests)).collect();
        let apart = models(setup).filter_map(|model| manifests.apart_from(model)).filter(|path| path.is_file());
        let on_gpu = setup.engine.provider != ProviderChoice::Cpu && setup.engine.name != EngineChoice::Tract;
        let library = match find(setup.engine.onnxruntime_library.as_deref(), &search) {
            Found::Named(path) | Found::Discovered(path) => library_files(&path),
            Found::Nothing => Vec::new(),
        };
        let loader = std::env::var_os(LOADER_VARIABLE).unwrap_or_default();
        let loader = std::env::split_paths(&loader).filter(|path| path.is_absolute());
        let readable = models(setup).map(Path::to_path_buf).chain(apart).chain(library).chain(loader).collect();
        // What reads models has no network, and what has network reads no more than its settings.
        let gpu = on_gpu && ports.is_empty();
        let writable = setup.engine.cache.clone().or(search.cache).into_iter().filter(|_| gpu).collect();
        Self { readable, listable: search.folders, writable, gpu, ports }
    }

    pub fn is_online(&self) -> bool {
        !self.ports.is_empty()
    }
}

fn models(setup: &Setup) -> impl Iterator<Item = &Path> {
    std::iter::once(&setup.model).chain(&setup.other_models).map(PathBuf::as_path)
}

/// Where the model is served, if another program serves it.
fn ollama_port(model: &Path, manifests: &Manifests) -> Option<u16> {
    let folder = manifests.open(model).ok().filter(needs_network)?;
    let url = Settings::read(&folder).ok()?.url;
    let uri: ureq::http::Uri = url.parse().ok()?;
    uri.port_u16().or(Some(if uri.scheme_str() == Some("https") { 443 } else { 80 }))
}

/// The library and what lies beside it, as it is named and where the name leads.
fn library_files(library: &Path) -> Vec<PathBuf> {
    let real = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_path_buf());
    let folders = [library, &real].map(|path| path.parent().map(Path::to_path_buf));
    let entries = folders.into_iter().flatten().filter_map(|folder| std::fs::read_dir(folder).ok());
    let files = entries.flatten().flatten().map(|entry| entry.path());
    let is_library = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(LIBRARY_BEGINNING))
    };
    [library.to_path_buf(), real.clone()].into_iter().chain(files.filter(is_library)).collect()
}

/// How much of the file rules the kernel keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileWall {
    Whole,
    /// All that this kernel's Landlock knows; newer ones know more.
    OlderKernel,
    #[default]
    Absent,
}

/// What holds of the walls around the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    pub files: FileWall,
    /// Whether only listed system calls are answered.
    pub system_calls: bool,
}

/// Bounds this process and takes the rights away from this thread and all that it starts. Call it before any other
/// thread runs.
///
/// # Errors
/// A kernel that enforces no filter: a process that should have no network does not start with one.
pub fn enter(reach: &Reach, memory_max_bytes: Option<u64>) -> Result<Confinement> {
    limit_resources(memory_max_bytes).map_err(|error| refused("resource limits", &error.to_string()))?;
    confine(reach)
}

/// No core dump, which would hold prompts, and a bound on the private memory that the process may write.
#[cfg(unix)]
fn limit_resources(memory_max_bytes: Option<u64>) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    if let Some(bytes) = memory_max_bytes {
        // The address space is no measure: a GPU's driver reserves far more of it than there is memory.
        let most = getrlimit(Resource::Data).maximum.map_or(bytes, |most| most.min(bytes));
        setrlimit(Resource::Data, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", OUT_OF_MEMORY_SCORE) {
        tracing::debug!(%error, "the kernel is not told which process to end first when memory runs out");
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit_resources(_: Option<u64>) -> std::io::Result<()> {
    Ok(())
}

/// Leaves the calling thread, and the threads that it starts, with `reach`. A kernel without Landlock keeps the filter
/// alone, and the result says so.
///
/// # Errors
/// As [`enter`].
#[cfg(target_os = "linux")]
pub fn confine(reach: &Reach) -> Result<Confinement> {
    for folder in &reach.writable {
        std::fs::create_dir_all(folder).map_err(InferenceError::io(folder))?;
    }
    let files = files::confine(reach).map_err(|reason| refused("the rules for files", &reason))?;
    if files == FileWall::Absent {
        tracing::warn!("this kernel has no Landlock: the inference process may read this user's files");
    }
    let filter = |reason: String| refused("the filter of system calls", &reason);
    for program in system_calls::filters(reach).map_err(filter)? {
        seccompiler::apply_filter(&program).map_err(|error| filter(error.to_string()))?;
    }
    Ok(Confinement { files, system_calls: true })
}

#[cfg(not(target_os = "linux"))]
pub fn confine(_: &Reach) -> Result<Confinement> {
    Ok(Confinement::default())
}

/// Lets no other program of this user read this process's memory and environment, and has it leave no core dump.
pub fn hide_memory() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn refused(what: &str, reason: &str) -> InferenceError {
    InferenceError::unsupported(format!("this system does not enforce {what} for the inference process: {reason}"))
}
