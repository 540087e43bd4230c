//! The standard library for WASM: by rustup, else built from its source where rustup's server cannot be reached.
//!
//! The source is, in this order: the component `rust-src`, the archive named by `RUST_LIBRARY_ARCHIVE`, Debian's package
//! `rust-src` of the compiler's own version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);
/// Finds, downloads and unpacks Debian's source of the standard library; needs no root.
const DEBIAN_SCRIPT: &str = include_str!("rust_src_from_debian.sh");

pub(super) fn find(workspace: &Workspace) -> Option<String> {
    let libraries = libraries(&sysroot(workspace).ok()?);
    let has_std = fs::read_dir(&libraries).ok()?.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".rlib"))
    });
    has_std.then(|| libraries.display().to_string())
}

pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let mut rustup = workspace.command("rustup");
    let by_rustup = command::run_quietly_within(RUSTUP_LIMIT, rustup.args(["target", "add", TARGET]));
    if by_rustup.is_ok() && find(workspace).is_some() {
        return Ok(());
    }
    println!("  rustup cannot provide it, so it is built from source");
    let work = workspace.tools().join("wasm-target-build");
    fs::create_dir_all(&work)?;
    let result = build_from_source(workspace, &work);
    fs::remove_dir_all(&work)?;
    result
}

fn build_from_source(workspace: &Workspace, work: &Path) -> Result<()> {
    let sysroot = sysroot(workspace)?;
    provide_source(workspace, &sysroot.join("lib/rustlib/src/rust"), work)?;
    let crate_folder = work.join("empty");
    fs::create_dir_all(crate_folder.join("src"))?;
    fs::write(crate_folder.join("src/lib.rs"), "")?;
    fs::write(
        crate_folder.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
    )?;
    let mut cargo = workspace.command("cargo");
    cargo.current_dir(&crate_folder).env("CARGO_TARGET_DIR", work.join("target"));
    // With bitcode, as rustup's own build has it: link-time optimisation needs it.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Cembed-bitcode=yes");
    cargo.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,proc_macro,test"]);
    command::run(&mut cargo)?;
    copy_libraries(&work.join("target").join(TARGET).join("release/deps"), &libraries(&sysroot))
}

fn provide_source(workspace: &Workspace, rust: &Path, work: &Path) -> Result<()> {
    if rust.join("library/std/Cargo.toml").is_file() {
        return Ok(());
    }
    fs::create_dir_all(rust)?;
    if let Some(archive) = env::var_os("RUST_LIBRARY_ARCHIVE") {
        return command::run(workspace.command("tar").arg("-xJf").arg(archive).arg("-C").arg(rust));
    }
    let version = compiler_version(workspace)?;
    let mut shell = workspace.command("sh");
    shell.args(["-c", DEBIAN_SCRIPT, "sh"]).arg(&version).arg(work).arg(rust);
    command::read(&mut shell).map(drop).with_context(|| {
        format!("no source of the standard library of Rust {version}; try: rustup target add {TARGET}")
    })
}

fn copy_libraries(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.ends_with(".rlib") && !name.starts_with("libempty") {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

fn sysroot(workspace: &Workspace) -> Result<PathBuf> {
    command::read(workspace.command("rustc").args(["--print", "sysroot"])).map(PathBuf::from)
}

fn libraries(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

fn compiler_version(workspace: &Workspace) -> Result<String> {
    let line = command::read(workspace.command("rustc").arg("--version"))?;
    match line.split_whitespace().nth(1) {
        Some(version) => Ok(version.to_owned()),
        None => bail!("rustc gives its version as {line:?}"),
    }
}
