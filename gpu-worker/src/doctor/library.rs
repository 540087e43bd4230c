//! ONNX Runtime's shared library: whether it is there, whole, for this machine, and what its CUDA part needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use inference::engine::library::{ENVIRONMENT_VARIABLE, FILE_NAME, Found, Search, find};
use inference::engine::provider::ProviderChoice;
use inference::engine::{EngineChoice, EngineConfig};

use super::Finding;
use super::elf::{self, Elf, ElfError};

/// Beside the library, where its build computes on CUDA.
const CUDA_PART: &str = "libonnxruntime_providers_cuda.so";

/// Where the loader also looks, besides its cache.
const LOADER_VARIABLE: &str = "LD_LIBRARY_PATH";

/// How much the configuration needs the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// `engine.name` is tract.
    No,
    /// Where it is missing, tract serves.
    Preferred,
    /// By name, or because only it computes on a GPU.
    Named,
}

/// The library, as its files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub wanted: Wanted,
    /// Its file, where one was named or found.
    pub path: Option<PathBuf>,
    /// Nothing where there is no file, and on systems whose libraries are of another format.
    pub elf: Option<Result<Elf, ElfError>>,
    pub cuda: CudaPart,
}

/// The part of the library that computes on CUDA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CudaPart {
    /// A build for the processor.
    Absent,
    Broken(ElfError),
    Whole {
        /// CUDA's major version that it was linked with, where it says so.
        major: Option<u32>,
        /// Libraries that it needs and that the loader would not find.
        missing: Vec<String>,
    },
}

/// Looks for the library as the engine does.
pub fn observe(config: &EngineConfig, search: &Search, is_gpu_wanted: bool) -> Library {
    let wanted = wanted(config, is_gpu_wanted);
    let path = match find(config.onnxruntime_library.as_deref(), search) {
        _ if wanted == Wanted::No => None,
        Found::Named(path) | Found::Discovered(path) => Some(path),
        Found::Nothing => None,
    };
    let elf = path.as_deref().filter(|_| cfg!(target_os = "linux")).map(elf::read);
    let cuda = path.as_deref().map_or(CudaPart::Absent, cuda_part);
    Library { wanted, path, elf, cuda }
}

fn wanted(config: &EngineConfig, is_gpu_wanted: bool) -> Wanted {
    match config.name {
        EngineChoice::Tract => Wanted::No,
        EngineChoice::Onnxruntime => Wanted::Named,
        EngineChoice::Auto if is_gpu_wanted || config.onnxruntime_library.is_some() => Wanted::Named,
        EngineChoice::Auto if matches!(config.provider, ProviderChoice::Cuda | ProviderChoice::Tensorrt) => {
            Wanted::Named
        }
        EngineChoice::Auto => Wanted::Preferred,
    }
}

fn cuda_part(library: &Path) -> CudaPart {
    let real = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_path_buf());
    let Some(folder) = real.parent() else { return CudaPart::Absent };
    let path = folder.join(CUDA_PART);
    if !path.exists() {
        return CudaPart::Absent;
    }
    match elf::read(&path) {
        Err(error) => CudaPart::Broken(error),
        Ok(Elf { needed, .. }) => {
            let major = cuda_major(&needed);
            CudaPart::Whole { major, missing: missing(needed, folder) }
        }
    }
}

/// `libcudart.so.13` and `libcublas.so.13` end with CUDA's major version.
fn cuda_major(needed: &[String]) -> Option<u32> {
    let version = |name: &String| {
        let rest = ["libcudart.so.", "libcublas.so."].iter().find_map(|prefix| name.strip_prefix(prefix))?;
        rest.split('.').next()?.parse().ok()
    };
    needed.iter().find_map(version)
}

/// What neither lies beside the library, nor in a folder of [`LOADER_VARIABLE`], nor in the loader's cache. Nothing is
/// missing where the loader does not tell its cache.
fn missing(needed: Vec<String>, folder: &Path) -> Vec<String> {
    let Some(cache) = loader_cache() else { return Vec::new() };
    let variable = std::env::var_os(LOADER_VARIABLE).unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&variable).chain([folder.to_path_buf()]).collect();
    let is_found = |name: &String| folders.iter().any(|folder| folder.join(name).exists()) || in_cache(&cache, name);
    needed.into_iter().filter(|name| !is_found(name)).collect()
}

/// What `ldconfig -p` prints: a name, its kind, and where it lies, per line.
fn loader_cache() -> Option<String> {
    let ldconfig = ["/sbin/ldconfig", "/usr/sbin/ldconfig", "ldconfig"]
        .into_iter()
        .find_map(|program| Command::new(program).arg("-p").stdin(Stdio::null()).stderr(Stdio::null()).output().ok())?;
    ldconfig.status.success().then(|| String::from_utf8_lossy(&ldconfig.stdout).into_owned())
}

fn in_cache(cache: &str, name: &str) -> bool {
    cache.lines().any(|line| line.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with(" (")))
}

pub fn judge(library: &Library) -> Finding {
    let Library { wanted, path, elf, .. } = library;
    let Some(path) = path else {
        return match wanted {
            Wanted::No => Finding::ok("library", "not needed: engine.name is \"tract\""),
            Wanted::Preferred => {
                Finding::warn("library", "ONNX Runtime is not here, so tract computes, which is slower", [fetch("cpu")])
            }
            Wanted::Named => Finding::fault(
                "library",
                format!("{FILE_NAME} was not found, and the configuration wants ONNX Runtime"),
                [
                    fetch("cpu|cuda"),
                    format!("or name it: engine.onnxruntime_library in worker.toml, or {ENVIRONMENT_VARIABLE}"),
                    "or do without: engine.name = \"tract\"".to_owned(),
                ],
            ),
        };
    };
    let shown = path.display();
    let again = || [fetch("cpu|cuda"), "or do without: engine.name = \"tract\"".to_owned()];
    match elf {
        Some(Err(ElfError::Io(reason))) => {
            Finding::fault("library", format!("{shown} cannot be read: {reason}"), again())
        }
        Some(Err(error)) => Finding::fault("library", format!("{shown} is broken: {error}"), again()),
        Some(Ok(Elf { machine, .. })) if Some(*machine) != elf::own_machine() => Finding::fault(
            "library",
            format!("{shown} is for another processor than this program: ELF machine {machine}"),
            again(),
        ),
        Some(Ok(_)) => Finding::ok("library", format!("{shown}")),
        None if !path.exists() => Finding::fault("library", format!("{shown} does not exist"), again()),
        None => Finding::ok("library", format!("{shown}")),
    }
}

fn fetch(build: &str) -> String {
    format!("cargo xtask engine {build}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::doctor::elf::tests::library as library_file;

    fn named(path: &Path) -> Library {
        let config = EngineConfig { onnxruntime_library: Some(path.to_path_buf()), ..EngineConfig::default() };
        observe(&config, &Search::default(), false)
    }

    fn own_file(needed: &[&str]) -> Vec<u8> {
        library_file(elf::own_machine().unwrap_or(62), needed)
    }

    #[test]
    fn a_library_that_is_missing_is_as_bad_as_it_is_wanted() {
        let with = |name, provider| EngineConfig { name, provider, ..EngineConfig::default() };
        for (config, gpu, state) in [
            (with(EngineChoice::Tract, ProviderChoice::Auto), false, State::Ok),
            (with(EngineChoice::Auto, ProviderChoice::Auto), false, State::Warn),
            (with(EngineChoice::Auto, ProviderChoice::Auto), true, State::Fault),
            (with(EngineChoice::Auto, ProviderChoice::Cuda), false, State::Fault),
            (with(EngineChoice::Onnxruntime, ProviderChoice::Cpu), false, State::Fault),
        ] {
            let finding = judge(&observe(&config, &Search::default(), gpu));
            assert_eq!(finding.state, state, "{config:?}");
            assert_eq!(finding.mend.concat().contains("cargo xtask engine"), state != State::Ok);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_truncated_library_one_for_another_processor_and_rubbish_are_faults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        assert!(judge(&named(&path)).found.contains("cannot be read"));
        let whole = own_file(&["libc.so.6"]);
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(judge(&named(&path)).state, State::Ok);
        for (bytes, words) in [
            (whole[..whole.len() / 2].to_vec(), "cut off"),
            (b"rubbish".to_vec(), "no shared library"),
            (library_file(40, &[]), "another processor"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let finding = judge(&named(&path));
            assert_eq!(finding.state, State::Fault);
            assert!(finding.found.contains(words), "{finding:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_cuda_part_tells_which_cuda_it_wants_and_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, own_file(&[])).unwrap();
        assert_eq!(named(&path).cuda, CudaPart::Absent);
        let part = folder.path().join(CUDA_PART);
        let bytes = own_file(&["libcublas.so.13", "libaitbc-nowhere.so.9", "libbeside.so.1", "libc.so.6"]);
        std::fs::write(&part, &bytes).unwrap();
        std::fs::write(folder.path().join("libbeside.so.1"), b"").unwrap();
        std::fs::write(folder.path().join("libcublas.so.13"), b"").unwrap();
        let CudaPart::Whole { major, missing } = named(&path).cuda else { panic!("a whole part") };
        assert_eq!(major, Some(13));
        if loader_cache().is_some() {
            assert_eq!(missing, ["libaitbc-nowhere.so.9"]);
        }
        std::fs::write(&part, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(named(&path).cuda, CudaPart::Broken(ElfError::Truncated { .. })));
    }

    #[test]
    fn the_loaders_cache_is_searched_by_whole_names() {
        let cache = "2 libs found in cache\n\tlibcudnn.so.9 (libc6,x86-64) => /lib/libcudnn.so.9\n";
        assert!(in_cache(cache, "libcudnn.so.9"));
        assert!(!in_cache(cache, "libcudnn.so"));
        assert!(!in_cache(cache, "libcudnn.so.90"));
    }
}
