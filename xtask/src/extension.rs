//! `cargo xtask extension`: the wallet as an extension of Chromium and Firefox, each as a folder and as an archive.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::build;
use crate::command;
use crate::tools::{self, NODE, Tool, WASM_BINDGEN, WASM_OPT, WASM_TARGET};
use crate::workspace::Workspace;

/// What building it needs.
pub(crate) const TOOLS: &[Tool] = &[NODE, WASM_TARGET, WASM_BINDGEN, WASM_OPT];

/// Of the site's style sheets, in the order that the site joins them; `extension.css` comes last.
const STYLES: [&str; 4] = ["tokens.css", "base.css", "components/form.css", "wallet.css"];

#[derive(Clone, Copy)]
struct Browser {
    name: &'static str,
    /// What other browsers read and this one does not know: members of the manifest, the outer one first.
    without: &'static [&'static [&'static str]],
}

const BROWSERS: [Browser; 2] = [
    Browser { name: "chromium", without: &[&["background", "scripts"], &["browser_specific_settings"]] },
    // Its background page runs scripts instead of a service worker, and is ended in the same way.
    Browser { name: "firefox", without: &[&["background", "service_worker"], &["minimum_chrome_version"]] },
];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace, TOOLS)?;
    for folder in build(workspace)? {
        println!("{}", folder.display());
    }
    Ok(())
}

/// Builds `target/extension/BROWSER` and its archive for each browser, and returns the folders.
pub(crate) fn build(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let wasm = build::extension_wasm(workspace)?;
    let target = workspace.extension();
    if target.exists() {
        fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    BROWSERS.iter().map(|browser| package(workspace, *browser, &wasm, &target)).collect()
}

fn package(workspace: &Workspace, browser: Browser, wasm: &Path, target: &Path) -> Result<PathBuf> {
    let folder = target.join(browser.name);
    bind(workspace, wasm, &folder.join("pkg"))?;
    copy_files(workspace, &folder)?;
    let written = fs::read_to_string(workspace.root.join("extension/manifest.json"))?;
    let manifest = manifest(&written, browser, env!("CARGO_PKG_VERSION"))?;
    fs::write(folder.join("manifest.json"), manifest)?;
    archive(&folder, &target.join(format!("{}.zip", browser.name)))?;
    Ok(folder)
}

/// Makes the JavaScript around the WASM, and the WASM small.
fn bind(workspace: &Workspace, wasm: &Path, folder: &Path) -> Result<()> {
    let mut bindgen = workspace.command("wasm-bindgen");
    bindgen.args(["--target", "web", "--no-typescript", "--out-name", build::EXTENSION_PROGRAM, "--out-dir"]);
    command::run(bindgen.arg(folder).arg(wasm))?;
    let bound = folder.join(format!("{}_bg.wasm", build::EXTENSION_PROGRAM));
    command::run(workspace.command("wasm-opt").args(["-Oz", "-o"]).arg(&bound).arg(&bound))
}

/// The extension's own files, the site's style sheets as one, its fonts and its symbol.
fn copy_files(workspace: &Workspace, folder: &Path) -> Result<()> {
    let own = workspace.root.join("extension");
    let (mut styles, public) = (String::new(), workspace.root.join("public"));
    for name in STYLES {
        styles += &read(&workspace.root.join("frontend/style").join(name))?;
    }
    for entry in fs::read_dir(&own).with_context(|| format!("cannot read {}", own.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("css") => styles += &read(&path)?,
            Some("html" | "js") => copy(&path, &folder.join(name))?,
            Some("json") => {}
            _ => bail!("{} is no part of the extension", path.display()),
        }
    }
    fs::write(folder.join("app.css"), styles)?;
    copy(&public.join("apple-touch-icon.png"), &folder.join("icon.png"))?;
    fs::create_dir_all(folder.join("fonts"))?;
    for font in fs::read_dir(public.join("fonts"))? {
        let font = font?;
        if font.path().extension().is_some_and(|ending| ending == "woff2" || ending == "txt") {
            copy(&font.path(), &folder.join("fonts").join(font.file_name()))?;
        }
    }
    Ok(())
}

/// The manifest of one browser: the written one without what only others know, with the product's version.
fn manifest(written: &str, browser: Browser, version: &str) -> Result<String> {
    let mut manifest: Map<String, Value> = serde_json::from_str(written).context("extension/manifest.json")?;
    manifest.insert("version".to_owned(), version.into());
    for path in browser.without {
        let removed = match path {
            [member] => manifest.remove(*member),
            [outer, member] => {
                manifest.get_mut(*outer).and_then(Value::as_object_mut).and_then(|map| map.remove(*member))
            }
            _ => None,
        };
        removed.with_context(|| format!("the manifest has no {}", path.join(".")))?;
    }
    Ok(serde_json::to_string_pretty(&manifest)?)
}

/// All files of `folder` in one archive, in the order of their names and without times, so that equal files make equal
/// archives.
fn archive(folder: &Path, path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut archive = ZipWriter::new(file);
    for name in files_below(folder, "")? {
        archive.start_file(&name, SimpleFileOptions::default())?;
        std::io::copy(&mut File::open(folder.join(&name))?, &mut archive)?;
    }
    archive.finish()?;
    Ok(())
}

/// Names relative to `folder`, with forward slashes, in order.
fn files_below(folder: &Path, prefix: &str) -> Result<Vec<String>> {
    let mut entries = fs::read_dir(folder.join(prefix))?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut names = Vec::new();
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            names.extend(files_below(folder, &format!("{name}/"))?);
        } else {
            names.push(name);
        }
    }
    Ok(names)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {}", from.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = include_str!("../../extension/manifest.json");

    fn of(browser: Browser) -> Value {
        serde_json::from_str(&manifest(WRITTEN, browser, "1.2.3").unwrap()).unwrap()
    }

    #[test]
    fn each_browser_gets_the_background_that_it_knows() {
        let [chromium, firefox] = BROWSERS.map(of);
        assert_eq!(chromium["background"]["service_worker"], "service_worker.js");
        assert!(chromium["background"].get("scripts").is_none() && chromium.get("browser_specific_settings").is_none());
        assert_eq!(firefox["background"]["scripts"][0], "service_worker.js");
        assert!(firefox["background"].get("service_worker").is_none());
        assert_eq!((&chromium["version"], &firefox["version"]), (&"1.2.3".into(), &"1.2.3".into()));
        assert!(manifest("{}", BROWSERS[0], "1.2.3").is_err(), "what is to be removed must be there");
    }

    #[test]
    fn no_code_comes_from_elsewhere_and_no_more_is_asked_for_than_is_used() {
        for browser in BROWSERS {
            let manifest = of(browser);
            let policy = manifest["content_security_policy"]["extension_pages"].as_str().unwrap();
            assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
            assert!(policy.contains("default-src 'none';") && policy.contains("frame-ancestors 'none';"), "{policy}");
            assert_eq!(manifest["permissions"], serde_json::json!(["alarms", "storage"]));
            assert_eq!(manifest["incognito"], "not_allowed");
            for scripts in manifest["content_scripts"].as_array().unwrap() {
                assert!(scripts.get("all_frames").is_none(), "a frame is not served");
            }
            assert!(manifest.get("web_accessible_resources").is_none(), "no page opens the wallet's pages");
        }
    }
}
