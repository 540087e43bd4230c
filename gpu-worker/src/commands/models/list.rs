//! `gpu-worker models list`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use shared::digest::Sha256Digest;
use shared::job::JobKind;

use super::folders;
use crate::commands::print;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::runtime::folder::ModelFolder;

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
    manifest_sha256: Sha256Digest,
    files: usize,
    bytes: u64,
}

impl List {
    pub(super) fn run(&self, data: &Path) -> Result<()> {
        let listed: Vec<Listed> = folders(&Config::read(data)?).into_iter().map(look).collect();
        if self.json {
            return print(serde_json::to_string(&listed).map_err(|error| WorkerError::format("list", error))?);
        }
        listed.iter().try_for_each(|Listed { folder, model, error }| match model {
            Some(Model { name, version, files, bytes, .. }) => {
                let megabytes = bytes.div_ceil(1_000_000);
                print(format_args!("{name:<24} {version:<8} {files:>4} files {megabytes:>6} MB  {}", folder.display()))
            }
            None => print(format_args!("FAULT  {}", error.as_deref().unwrap_or_default())),
        })
    }
}

fn look(folder: PathBuf) -> Listed {
    match ModelFolder::open(&folder) {
        Ok(opened) => {
            let manifest = opened.manifest();
            let model = Model {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                kind: manifest.kind,
                licence: manifest.licence.clone(),
                manifest_sha256: opened.manifest_sha256(),
                files: manifest.files.len(),
                bytes: manifest.files.iter().map(|file| file.bytes).sum(),
            };
            Listed { folder, model: Some(model), error: None }
        }
        Err(error) => Listed { folder, model: None, error: Some(error.to_string()) },
    }
}
