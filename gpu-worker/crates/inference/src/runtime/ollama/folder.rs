//! The folder of a model that Ollama serves: a manifest and `ollama.json`.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::model::{MANIFEST_FILE, ModelFile, ModelManifest};

use super::Client;
use crate::error::{FailureKind, InferenceError, Result};
use crate::files::write_atomically;
use crate::runtime::folder::ModelFolder;

/// The one file beside the manifest.
pub const FILE: &str = "ollama.json";

/// Where Ollama listens unless it was told otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:11434";

/// Seconds that Ollama keeps the model between jobs: longer than its own five minutes, since loading takes some.
const KEEP_ALIVE_SECONDS: i64 = 1_800;

/// Context that the model is loaded with, unless it was trained with a shorter one. Memory grows with it.
const CONTEXT_TOKENS: u32 = 8_192;

/// Silence after which an answer has stalled: long enough for a CPU to read a long prompt with a small model, and less than
/// the worker waits before it takes the process for hung.
const SILENCE_SECONDS: u64 = 45;
const SILENCE_MAX_SECONDS: u64 = 3_600;

/// How long Ollama may take to load the model, by default less than the worker gives its process for it.
const LOAD_WITHIN_SECONDS: u64 = 600;
const LOAD_WITHIN_MAX_SECONDS: u64 = 86_400;

/// `ollama.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Base URL; on this machine by default.
    pub url: String,
    /// Name in Ollama, with its tag.
    pub model: String,
    /// What Ollama states for the model; another one is refused.
    pub digest: Sha256Digest,
    #[serde(default = "keep_alive")]
    pub keep_alive_seconds: i64,
    #[serde(default = "context")]
    pub context_tokens: u32,
    #[serde(default = "silence")]
    pub silence_seconds: u64,
    /// Within `child.load_within_seconds` of the worker's configuration, which ends the process that asks.
    #[serde(default = "load_within")]
    pub load_within_seconds: u64,
}

fn load_within() -> u64 {
    LOAD_WITHIN_SECONDS
}

fn keep_alive() -> i64 {
    KEEP_ALIVE_SECONDS
}

fn context() -> u32 {
    CONTEXT_TOKENS
}

fn silence() -> u64 {
    SILENCE_SECONDS
}

impl Settings {
    pub fn read(folder: &ModelFolder) -> Result<Self> {
        let settings: Self = folder.read_json(FILE)?;
        for (key, seconds, max) in [
            ("silence_seconds", settings.silence_seconds, SILENCE_MAX_SECONDS),
            ("load_within_seconds", settings.load_within_seconds, LOAD_WITHIN_MAX_SECONDS),
        ] {
            if !(1..=max).contains(&seconds) {
                let reason = format!("{key} is 1 to {max}, got {seconds}");
                return Err(InferenceError::format(folder.root().join(FILE), reason));
            }
        }
        Ok(settings)
    }

    pub fn load_limit(&self) -> Duration {
        Duration::from_secs(self.load_within_seconds)
    }

    pub fn silence_limit(&self) -> Duration {
        Duration::from_secs(self.silence_seconds)
    }
}

/// What names the model of a folder everywhere: the digest that Ollama states, or else that of the manifest, which pins all
/// files.
///
/// # Errors
/// An `ollama.json` that cannot be read.
pub fn model_digest(folder: &ModelFolder) -> Result<Sha256Digest> {
    if folder.has(FILE) { Ok(Settings::read(folder)?.digest) } else { Ok(folder.manifest_sha256()) }
}

/// Asks the Ollama at `url` for `model`, has it pulled where `pull` and it is missing, and writes the folder that serves
/// it. The name under which jobs ask for it is the one in Ollama.
///
/// # Errors
/// An Ollama that does not answer, a model that it lacks, and a folder that cannot be written.
pub fn create(url: &str, model: &str, pull: bool, target: &Path, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let client = Client::new(url, Duration::from_secs(SILENCE_SECONDS))?;
    let installed = match client.find(model) {
        Err(InferenceError { kind: FailureKind::OllamaModel, .. }) if pull => {
            client.pull(model, progress)?;
            client.find(model)?
        }
        found => found?,
    };
    let (kind, trained_context) = client.kind(&installed.name)?;
    let settings = Settings {
        url: client.url().to_owned(),
        model: installed.name,
        digest: installed.digest,
        keep_alive_seconds: KEEP_ALIVE_SECONDS,
        context_tokens: trained_context.unwrap_or(CONTEXT_TOKENS).min(CONTEXT_TOKENS),
        silence_seconds: SILENCE_SECONDS,
        load_within_seconds: LOAD_WITHIN_SECONDS,
    };
    write(&settings, kind, target)
}

/// Writes the folder of a model whose settings are known.
pub fn write(settings: &Settings, kind: JobKind, target: &Path) -> Result<()> {
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|error| InferenceError::format(target, error));
    let file = json(serde_json::to_vec_pretty(settings))?;
    let manifest = ModelManifest {
        name: settings.model.clone(),
        version: settings.digest.to_string()[..12].to_owned(),
        kind,
        licence: "LicenseRef-of-the-model".into(),
        files: vec![ModelFile { path: FILE.into(), sha256: Sha256Digest::of(&file), bytes: file.len() as u64 }],
        graph: None,
        draws: Vec::new(),
        does_not_draw: Vec::new(),
        suggestions: Vec::new(),
        subjects: Vec::new(),
        default_steps: 0,
        default_guidance: 0.0,
        fast: None,
        native_size_px: 0,
    };
    let manifest = json(serde_json::to_vec_pretty(&manifest))?;
    std::fs::create_dir_all(target).map_err(InferenceError::io(target))?;
    write_atomically(&target.join(FILE), &file)?;
    Ok(write_atomically(&target.join(MANIFEST_FILE), &manifest)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_folder_reads_back_and_is_pinned() {
        let target = tempfile::tempdir().unwrap();
        let settings = Settings {
            url: DEFAULT_URL.into(),
            model: "llama3.2:1b".into(),
            digest: Sha256Digest::of(b"weights"),
            keep_alive_seconds: -1,
            context_tokens: 2_048,
            silence_seconds: 5,
            load_within_seconds: LOAD_WITHIN_SECONDS,
        };
        write(&settings, JobKind::Text, target.path()).unwrap();
        let folder = ModelFolder::open(target.path()).unwrap();
        assert_eq!((folder.manifest().name.as_str(), folder.manifest().kind), ("llama3.2:1b", JobKind::Text));
        assert_eq!(Settings::read(&folder).unwrap(), settings);
        std::fs::write(target.path().join(FILE), "{}").unwrap();
        assert_eq!(Settings::read(&folder).unwrap_err().kind, FailureKind::Integrity);
    }
}
