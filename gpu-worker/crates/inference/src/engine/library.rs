//! Where ONNX Runtime's shared library is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Names a library like a configuration key does.
pub const ENVIRONMENT_VARIABLE: &str = "ORT_DYLIB_PATH";

pub const FILE_NAME: &str = if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else if cfg!(windows) {
    "onnxruntime.dll"
} else {
    "libonnxruntime.so"
};

/// Folder of compiled graphs in the worker's data folder.
const CACHE_FOLDER: &str = "engines";

const SYSTEM_FOLDERS: [&str; 4] = ["/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/opt/onnxruntime/lib"];

/// Where to look. Passed in, so that the rule does not read the environment.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Value of [`ENVIRONMENT_VARIABLE`].
    pub variable: Option<OsString>,
    /// Folders to look through, the most specific first.
    pub folders: Vec<PathBuf>,
    /// Where compiled graphs are kept unless the configuration says otherwise.
    pub cache: Option<PathBuf>,
}

impl Search {
    /// The data folder's `lib`, where `cargo xtask engine` puts it for this user, the folder of this program and its
    /// `lib`, then the system's.
    pub fn of_process(data: Option<&Path>) -> Self {
        let program = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
        let near = data.into_iter().flat_map(|data| [data.join("lib"), data.join("../lib")]);
        let beside = program.into_iter().flat_map(|folder| [folder.join("lib"), folder]);
        let folders = near.chain(user_folder()).chain(beside).chain(SYSTEM_FOLDERS.map(PathBuf::from)).collect();
        let variable = std::env::var_os(ENVIRONMENT_VARIABLE).filter(|value| !value.is_empty());
        Self { variable, folders, cache: data.map(|data| data.join(CACHE_FOLDER)) }
    }
}

/// The user's own folder of libraries, by the XDG base directory specification.
fn user_folder() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    data.or_else(home).map(|data| data.join("aitbc/lib"))
}

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The miner named it; if it does not load, that is an error.
    Named(PathBuf),
    /// It was there; if it does not load, another engine may serve.
    Discovered(PathBuf),
    Nothing,
}

/// The library to load: the configured one, the environment's, or the first found.
pub fn find(configured: Option<&Path>, search: &Search) -> Found {
    if let Some(path) = configured {
        return Found::Named(path.to_path_buf());
    }
    if let Some(path) = &search.variable {
        return Found::Named(PathBuf::from(path));
    }
    search.folders.iter().find_map(|folder| in_folder(folder)).map_or(Found::Nothing, Found::Discovered)
}

/// The plain name, else the highest versioned one (`libonnxruntime.so.1.31.1`).
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let plain = folder.join(FILE_NAME);
    if plain.is_file() {
        return Some(plain);
    }
    let prefix = format!("{FILE_NAME}.");
    let entries = std::fs::read_dir(folder).ok()?;
    let versioned = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let version = path.file_name()?.to_str()?.strip_prefix(&prefix)?;
        let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
        path.is_file().then_some((numbers, path.clone()))
    });
    versioned.max().map(|(_, path)| path)
}

/// The library's release, from its build information (`git-branch=rel-1.31.1, …`) or else from its file name.
pub fn version(build_info: &str, library: &Path) -> String {
    let is_version = |text: &&str| text.split('.').count() >= 2 && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    let of_branch = build_info.split("git-branch=rel-").nth(1).and_then(|rest| rest.split([',', ' ']).next());
    let real = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_path_buf());
    let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let of_name = name.split_once(".so.").map(|(_, version)| version);
    let known = of_branch.filter(is_version).or(of_name.filter(is_version)).map(str::to_owned);
    known.or_else(|| ort::util::probe(library).map(|minor| format!("1.{minor}"))).unwrap_or_else(|| "unknown".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_wins_over_what_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1", "libonnxruntime.so.old"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let mut search = Search { folders: vec!["/nowhere".into(), folder.path().into()], ..Search::default() };
        assert_eq!(find(None, &search), Found::Discovered(folder.path().join("libonnxruntime.so.1.31.1")));
        search.variable = Some("/from/environment.so".into());
        assert_eq!(find(None, &search), Found::Named("/from/environment.so".into()));
        assert_eq!(find(Some(Path::new("/configured.so")), &search), Found::Named("/configured.so".into()));
        assert_eq!(find(None, &Search::default()), Found::Nothing);
    }

    #[test]
    fn reads_the_release_from_the_build_information() {
        let info = "ORT Build Info: git-branch=rel-1.31.1, git-commit-id=1234567, build type=Release";
        assert_eq!(version(info, Path::new("/x/libonnxruntime.so")), "1.31.1");
        assert_eq!(version("ORT Build Info: git-branch=main", Path::new("/x/libonnxruntime.so.1.24.0")), "1.24.0");
    }
}
