//! ONNX Runtime's shared library, taken out of its Python package. No Python is needed to run it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command;
use crate::workspace::Workspace;

/// The release that the worker's `ort` binds.
const VERSION: &str = "1.31.1";

/// A build of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    Cpu,
    /// CUDA 13, and TensorRT 10 where it is installed.
    Cuda,
}

/// A file of the package registry, the same whichever Python asks for it.
pub(crate) struct Package {
    name: &'static str,
    /// Of the package, as Python names it.
    platform: &'static str,
    sha256: &'static str,
    pub(crate) bytes: u64,
    /// Of the libraries in it.
    pub(crate) unpacked_bytes: u64,
}

const LINUX_X86_64: Package = Package {
    name: "onnxruntime",
    platform: "manylinux_2_28_x86_64",
    sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
    bytes: 23_753_652,
    unpacked_bytes: 29_366_832,
};

const LINUX_AARCH64: Package = Package {
    name: "onnxruntime",
    platform: "manylinux_2_28_aarch64",
    sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
    bytes: 21_413_526,
    unpacked_bytes: 25_463_832,
};

const MACOS_ARM64: Package = Package {
    name: "onnxruntime",
    platform: "macosx_14_0_arm64",
    sha256: "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
    bytes: 20_871_676,
    unpacked_bytes: 33_037_336,
};

const LINUX_X86_64_CUDA: Package = Package {
    name: "onnxruntime-gpu",
    platform: "manylinux_2_28_x86_64",
    sha256: "e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6",
    bytes: 255_560_985,
    unpacked_bytes: 314_446_184,
};

impl Build {
    /// The package for the machine that this runs on.
    pub(crate) fn package(self) -> Result<&'static Package> {
        match (self, env::consts::OS, env::consts::ARCH) {
            (Self::Cpu, "linux", "x86_64") => Ok(&LINUX_X86_64),
            (Self::Cpu, "linux", "aarch64") => Ok(&LINUX_AARCH64),
            (Self::Cpu, "macos", "aarch64") => Ok(&MACOS_ARM64),
            (Self::Cuda, "linux", "x86_64") => Ok(&LINUX_X86_64_CUDA),
            (build, system, machine) => bail!("ONNX Runtime has no package of {build:?} for {system} on {machine}"),
        }
    }
}

/// The library: what `ORT_DYLIB_PATH` names, else what `cargo xtask engine` fetched, else the one that building needed.
pub(crate) fn library(workspace: &Workspace) -> Option<PathBuf> {
    let named = env::var_os("ORT_DYLIB_PATH").map(PathBuf::from).filter(|path| path.is_file());
    let fetched = || library_in(&worker_libraries().ok()?);
    named.or_else(fetched).or_else(|| library_in(&tool_folder(workspace)))
}

/// A folder that every worker of this user looks in, `library::Search` in `gpu-worker`.
pub(crate) fn worker_libraries() -> Result<PathBuf> {
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    Ok(data.or_else(home).context("neither XDG_DATA_HOME nor HOME is set")?.join("aitbc/lib"))
}

pub(super) fn find(workspace: &Workspace) -> Option<String> {
    library(workspace).map(|path| path.display().to_string())
}

fn tool_folder(workspace: &Workspace) -> PathBuf {
    workspace.tools().join(format!("onnxruntime-{VERSION}"))
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    files_in(folder).ok()?.into_iter().find(|path| name_of(path).is_some_and(is_library))
}

/// On Linux the name tells the release, which the worker reports; elsewhere workers look for the plain name.
fn library_name() -> String {
    if cfg!(target_os = "macos") { "libonnxruntime.dylib".into() } else { format!("libonnxruntime.so.{VERSION}") }
}

pub(super) fn install(workspace: &Workspace) -> Result<()> {
    fetch(workspace, Build::Cpu.package()?, &tool_folder(workspace)).map(drop)
}

/// Fetches a package, compares it with its pinned hash, and puts its libraries into `folder` in place of earlier ones;
/// returns the library's path.
///
/// # Errors
/// A registry that cannot be reached, and a package that is not the pinned one; `folder` is then as it was.
pub(crate) fn fetch(workspace: &Workspace, package: &Package, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let work = folder.join(format!("fetching-{}", std::process::id()));
    let result = fetch_through(workspace, package, &work, folder);
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    result
}

fn fetch_through(workspace: &Workspace, package: &Package, work: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir(work)?;
    let mut pip = workspace.command("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]);
    pip.args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--platform", package.platform]);
    command::read(pip.arg("--dest").arg(work).arg(format!("{}=={VERSION}", package.name)))?;
    let wheel = files_in(work)?.into_iter().find(|path| path.extension() == Some(OsStr::new("whl")));
    let wheel = wheel.context("pip left no package")?;
    check(&wheel, package.sha256)?;
    command::read(workspace.command("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(work))?;
    replace(&work.join("onnxruntime/capi"), folder)
}

fn check(file: &Path, pinned: &str) -> Result<()> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(file)?, &mut hasher).with_context(|| format!("cannot read {}", file.display()))?;
    let got = format!("{:x}", hasher.finalize());
    if got != pinned {
        bail!("{} has sha256 {got}, but {pinned} is pinned", file.display());
    }
    Ok(())
}

/// Moves the libraries of `from` into `to` in place of all that are there, since a library loads the providers beside it.
fn replace(from: &Path, to: &Path) -> Result<PathBuf> {
    let is_ours = |path: &PathBuf| name_of(path).is_some_and(|name| is_library(name) || is_provider(name));
    let new: Vec<PathBuf> = files_in(from)?.into_iter().filter(is_ours).collect();
    let (library, providers): (Vec<_>, Vec<_>) = new.iter().partition(|path| name_of(path).is_some_and(is_library));
    let library = library.first().context("the package holds no library")?;
    for old in files_in(to)?.iter().filter(|path| is_ours(path)) {
        fs::remove_file(old)?;
    }
    for provider in providers {
        fs::rename(provider, to.join(provider.file_name().unwrap_or_default()))?;
    }
    let destination = to.join(library_name());
    fs::rename(library, &destination)?;
    Ok(destination)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(OsStr::to_str)
}

fn is_library(name: &str) -> bool {
    name.starts_with("libonnxruntime.")
}

fn is_provider(name: &str) -> bool {
    name.starts_with("libonnxruntime_providers_")
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, files: &[&str]) -> PathBuf {
        let path = env::temp_dir().join(format!("aitbc-engine-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        files.iter().for_each(|file| fs::write(path.join(file), file).unwrap());
        path
    }

    #[test]
    fn libraries_replace_those_of_an_earlier_build() {
        let to = folder("to", &["libonnxruntime.so", "libonnxruntime_providers_cuda.so", "libother.so"]);
        let from = folder("from", &["libonnxruntime.so.1.31.1", "libonnxruntime_providers_shared.so", "__init__.py"]);
        let library = replace(&from, &to).unwrap();
        let mut names = files_in(&to).unwrap();
        names.sort();
        let ours = [library_name(), "libonnxruntime_providers_shared.so".into(), "libother.so".into()];
        let mut expected = ours.map(|name| to.join(name)).to_vec();
        expected.sort();
        assert_eq!(names, expected);
        assert_eq!(library_in(&to).as_ref(), Some(&library));
        assert_eq!(fs::read_to_string(&library).unwrap(), "libonnxruntime.so.1.31.1");
        let empty = folder("empty", &["readme"]);
        assert!(replace(&empty, &to).is_err());
        assert!(library.is_file(), "a package without a library took the old one");
        [to, from, empty].into_iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
    }

    #[test]
    fn a_package_that_is_not_the_pinned_one_is_refused() {
        let folder = folder("pinned", &["package.whl"]);
        let of_name = "b0d6d0a0f2f1e0d3";
        let error = check(&folder.join("package.whl"), of_name).unwrap_err().to_string();
        assert!(error.contains("package.whl") && error.contains("is pinned"), "{error}");
        // sha256 of nothing, as every description of the algorithm gives it.
        fs::write(folder.join("package.whl"), "").unwrap();
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        check(&folder.join("package.whl"), nothing).unwrap();
        fs::remove_dir_all(folder).unwrap();
    }
}
