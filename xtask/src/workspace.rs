//! Paths: the checkout, the cache shared between checkouts, and build results.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow};

pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    cache: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout that `cargo xtask` was called in.
    pub(crate) fn locate() -> Result<Self> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().context("the manifest of xtask has no parent folder")?.to_path_buf();
        let cache = cache_home()?.join("aitbc");
        // One target folder for all checkouts: crates of the registry are then built once.
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), PathBuf::from);
        let target = if target.is_absolute() { target } else { root.join(target) };
        Ok(Self { root, cache, target })
    }

    /// Tools installed by xtask; outlives `cargo clean` and the checkout.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// Browser bundles and static files, where `Trunk.toml` puts them.
    pub(crate) fn site(&self) -> PathBuf {
        self.root.join("target/site")
    }

    /// The browser extension: a folder and an archive for each browser.
    pub(crate) fn extension(&self) -> PathBuf {
        self.root.join("target/extension")
    }

    /// A program for the browser, as cargo leaves it.
    pub(crate) fn wasm(&self, profile: Profile, program: &str) -> PathBuf {
        self.target.join("wasm32-unknown-unknown").join(profile.of_bundles()).join(format!("{program}.wasm"))
    }

    /// The folders of the models that a worker offers where nobody names others.
    pub(crate) fn default_models(&self) -> PathBuf {
        self.root.join("gpu-worker/model")
    }

    pub(crate) fn picture_model(&self) -> PathBuf {
        self.default_models().join("picture")
    }

    pub(crate) fn skipped_tests(&self) -> PathBuf {
        self.target.join(format!("skipped-tests-{}.txt", std::process::id()))
    }

    pub(crate) fn binaries(&self, profile: Profile) -> PathBuf {
        self.target.join(profile.folder())
    }

    /// A command in the checkout that finds the tools of xtask first and reads nothing from the terminal.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", self.search_path()).stdin(Stdio::null());
        // What `cargo run` tells xtask about itself would otherwise look like a change to the build scripts of others.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                command.env_remove(name);
            }
        }
        command
    }

    pub(crate) fn cargo(&self) -> Command {
        self.cargo_tool("cargo")
    }

    /// A program that calls cargo itself.
    pub(crate) fn cargo_tool(&self, program: &str) -> Command {
        let mut command = self.command(program);
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// The version of `package` in Cargo.lock.
    pub(crate) fn locked_version(&self, package: &str) -> Result<String> {
        let path = self.root.join("Cargo.lock");
        let lock = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        version_in_lock(&lock, package).ok_or_else(|| anyhow!("{} has no package {package}", path.display()))
    }

    pub(crate) fn search_path(&self) -> OsString {
        let tools = self.tools();
        let first = [tools.join("bin"), tools.join("npm/node_modules/.bin")];
        let rest = env::var_os("PATH").unwrap_or_default();
        env::join_paths(first.into_iter().chain(env::split_paths(&rest))).unwrap_or(rest)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    /// What the bundles of the browser are compiled with, in `frontend/index.html` too.
    pub(crate) fn of_bundles(self) -> &'static str {
        match self {
            Self::Dev => "wasm-dev",
            Self::Release => "wasm-release",
        }
    }

    pub(crate) fn cargo_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Dev => &[],
            Self::Release => &["--release"],
        }
    }
}

fn cache_home() -> Result<PathBuf> {
    if let Some(path) = env::var_os("XDG_CACHE_HOME").filter(|path| Path::new(path).is_absolute()) {
        return Ok(path.into());
    }
    let home = env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?;
    Ok(Path::new(&home).join(".cache"))
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.next()?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::version_in_lock;

    #[test]
    fn the_locked_version_is_read_by_the_exact_name() {
        let lock = "[[package]]\nname = \"bindgen-cli\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(version_in_lock(lock, "bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(version_in_lock(lock, "bind"), None);
    }
}
