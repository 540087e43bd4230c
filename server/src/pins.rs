//! Which models this hub pins, and where their manifests come from: the product's own are built in, others lie in a
//! folder of the operator.

use std::path::{Path, PathBuf};

use hub::pinned::{PinError, PinnedModel, PinnedModels};
use shared::digest::Sha256Digest;
use shared::model::MANIFEST_MAX_BYTES;

/// The manifests of the product's own models, as a fresh worker serves them.
const BUILT_IN: [&[u8]; 3] = [
    include_bytes!("../../gpu-worker/model/picture/manifest.json"),
    include_bytes!("../../gpu-worker/model/words/manifest.json"),
    include_bytes!("../../gpu-worker/model/embedding/manifest.json"),
];

/// What the operator pins.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    /// By the SHA-256 of their manifests; the built-in ones where empty.
    pub models: Vec<Sha256Digest>,
    /// Folder with the manifests of further models, as `*.json`.
    pub manifests: Option<PathBuf>,
}

/// Why the pinned models are not known.
#[derive(Debug, thiserror::Error)]
pub enum PinsError {
    #[error("{path}: it cannot be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: a manifest has up to {MANIFEST_MAX_BYTES} bytes, this file has {got}")]
    TooLarge { path: PathBuf, got: u64 },
    #[error(
        "no manifest has the pinned SHA-256 {0}: name the folder with its file by --manifests; the built-in ones are \
         {built_in}", built_in = names_of_built_in()
    )]
    Unknown(Sha256Digest),
    #[error(transparent)]
    Pin(#[from] PinError),
}

fn names_of_built_in() -> String {
    BUILT_IN.map(|json| Sha256Digest::of(json).to_string()).join(", ")
}

impl Pins {
    /// Finds the manifest of each pinned hash. A file whose hash is not pinned is not looked into.
    pub fn load(&self) -> Result<PinnedModels, PinsError> {
        let mut manifests: Vec<Vec<u8>> = BUILT_IN.map(<[u8]>::to_vec).into();
        if let Some(folder) = &self.manifests {
            manifests.extend(read_folder(folder)?);
        }
        let built_in = || BUILT_IN.map(Sha256Digest::of).into();
        let pinned = if self.models.is_empty() { built_in() } else { self.models.clone() };
        let find = |sha256: Sha256Digest| {
            let manifest = manifests.iter().find(|json| Sha256Digest::of(json) == sha256);
            Ok(PinnedModel::read(manifest.ok_or(PinsError::Unknown(sha256))?)?)
        };
        let models = pinned.into_iter().map(find).collect::<Result<Vec<_>, PinsError>>()?;
        Ok(PinnedModels::new(models)?)
    }
}

fn read_folder(folder: &Path) -> Result<Vec<Vec<u8>>, PinsError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| PinsError::Read { path, source }
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let got = std::fs::metadata(&path).map_err(failed(&path))?.len();
        if got > MANIFEST_MAX_BYTES {
            return Err(PinsError::TooLarge { path, got });
        }
        found.push(std::fs::read(&path).map_err(failed(&path))?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use shared::job::JobKind;
    use shared::model::own_model;

    use super::*;

    #[test]
    fn the_products_own_models_are_pinned_where_nothing_else_is() {
        let pinned = Pins::default().load().unwrap();
        for kind in JobKind::ALL {
            assert_eq!(pinned.default_of(kind).unwrap().manifest.name, own_model(kind));
        }
    }

    #[test]
    fn a_pinned_hash_needs_its_very_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = String::from_utf8(BUILT_IN[0].to_vec()).unwrap().replace("aitbc-scenes-1", "faces");
        let sha256 = Sha256Digest::of(manifest.as_bytes());
        let pins = Pins { models: vec![sha256], manifests: Some(folder.path().to_owned()) };
        std::fs::write(folder.path().join("faces.json"), manifest.replace("MIT", "CC0-1.0")).unwrap();
        let refused = pins.load().unwrap_err();
        assert!(matches!(refused, PinsError::Unknown(missing) if missing == sha256), "{refused}");
        std::fs::write(folder.path().join("faces.json"), manifest).unwrap();
        let pinned = pins.load().unwrap();
        assert_eq!(pinned.default_of(JobKind::Image).unwrap().manifest.name, "faces");
        assert!(pinned.default_of(JobKind::Text).is_none(), "what the operator pins replaces the built-in ones");
    }
}
