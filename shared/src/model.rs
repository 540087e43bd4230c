//! A model's manifest: which files it is made of, pinned by hash, and what it can do.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::job::JobKind;

/// Name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// `manifest.json` of a model's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelManifest {
    pub name: String,
    pub version: String,
    pub kind: JobKind,
    /// SPDX expression.
    pub licence: String,
    pub files: Vec<ModelFile>,
    /// What it draws well, as a person would say it.
    #[serde(default)]
    pub draws: Vec<String>,
    #[serde(default)]
    pub does_not_draw: Vec<String>,
    /// Prompts that show it at its best.
    #[serde(default)]
    pub suggestions: Vec<String>,
    /// Of picture models, 0 for others.
    #[serde(default)]
    pub default_steps: u32,
    /// Of picture models, 0 for others.
    #[serde(default)]
    pub default_guidance: f32,
    /// Width and height at which a picture model was trained, in pixels; 0 for others.
    #[serde(default)]
    pub native_size_px: u32,
}

/// One file, relative to the folder, with forward slashes and without `..`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFile {
    pub path: String,
    pub sha256: Sha256Digest,
    pub bytes: u64,
}
