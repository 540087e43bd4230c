//! `gpu-worker models list`.

use std::path::{Path, PathBuf};

use inference::runtime::folder::ModelFolder;
use inference::runtime::manifests::Manifests;
use inference::runtime::ollama::folder::model_digest;
use serde::Serialize;
use shared::digest::Sha256Digest;
use shared::job::JobKind;

use crate::commands::print;
use crate::config::{Config, ModelConfig};
use crate::error::{Result, WorkerError};
use crate::manifests;

/// Lists the configured models.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Print a JSON array instead of lines.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Listed {
    folder: PathBuf,
    enabled: bool,
    unit_price_ait: String,
    measured_micro_units_per_second: u64,
    model: Option<Model>,
    /// Why the folder is no model.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Model {
    name: String,
    version: String,
    kind: JobKind,
    licence: String,
    /// What receipts and bounties name: of a model that Ollama serves, the digest that Ollama states.
    manifest_sha256: Sha256Digest,
    files: usize,
    bytes: u64,
}

impl List {
    pub(super) fn run(&self, data: &Path) -> Result<()> {
        let manifests = manifests::of_worker(data);
        let listed: Vec<Listed> = Config::read(data)?.models.iter().map(|model| look(model, &manifests)).collect();
        if self.json {
            return print(serde_json::to_string(&listed).map_err(|error| WorkerError::format("list", error))?);
        }
        listed.iter().try_for_each(|listed| match &listed.model {
            Some(Model { name, version, files, bytes, .. }) => {
                let (megabytes, price, folder) =
                    (bytes.div_ceil(1_000_000), &listed.unit_price_ait, listed.folder.display());
                let offered = if listed.enabled { "offered" } else { "off" };
                print(format_args!(
                    "{name:<24} {version:<8} {files:>4} files {megabytes:>6} MB  {price:>6} AIT  {offered:<7}  {folder}"
                ))
            }
            None => print(format_args!("FAULT  {}", listed.error.as_deref().unwrap_or_default())),
        })
    }
}

fn look(configured: &ModelConfig, manifests: &Manifests) -> Listed {
    let (model, error) = match manifests.open(&configured.path).and_then(|opened| describe(&opened)) {
        Ok(model) => (Some(model), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Listed {
        folder: configured.path.clone(),
        enabled: configured.enabled,
        unit_price_ait: configured.unit_price_ait.to_string(),
        measured_micro_units_per_second: configured.measured_micro_units_per_second,
        model,
        error,
    }
}

fn describe(folder: &ModelFolder) -> inference::error::Result<Model> {
    let manifest = folder.manifest();
    Ok(Model {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        kind: manifest.kind,
        licence: manifest.licence.clone(),
        manifest_sha256: model_digest(folder)?,
        files: manifest.files.len(),
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
    })
}

#[cfg(test)]
mod tests {
    use inference::runtime::ollama::folder::{DEFAULT_URL, Settings, write};

    use super::*;

    #[test]
    fn a_model_of_ollama_is_listed_by_the_digest_that_earns() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            url: DEFAULT_URL.into(),
            model: "llama3.2:1b".into(),
            digest: Sha256Digest::of(b"weights"),
            keep_alive_seconds: 60,
            context_tokens: 2_048,
            silence_seconds: 1,
            load_within_seconds: 2,
        };
        write(&settings, JobKind::Text, folder.path()).unwrap();
        let opened = ModelFolder::open(folder.path()).unwrap();
        let listed = describe(&opened).unwrap().manifest_sha256;
        assert_eq!(listed, settings.digest, "as it is offered, and stands in receipts");
        assert_ne!(listed, opened.manifest_sha256());
    }
}
