//! Every byte of every model, against the hashes of its manifest.

use std::path::{Path, PathBuf};

use inference::error::Result;
use inference::runtime::folders::check_names;
use inference::runtime::manifests::Manifests;

use super::Finding;
use crate::config::ModelConfig;

/// A model that `worker.toml` has on offer, and what its files say.
#[derive(Debug)]
pub struct Model {
    pub path: PathBuf,
    pub checked: Result<Checked>,
}

/// A model whose files are those that its manifest pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub name: String,
    pub version: String,
    pub files: usize,
    /// Of all its files.
    pub bytes: u64,
}

/// Hashes the files of all models that are on offer.
pub fn observe(models: &[ModelConfig], manifests: &Manifests) -> Vec<Model> {
    let enabled = models.iter().filter(|model| model.enabled);
    enabled.map(|model| Model { path: model.path.clone(), checked: check(&model.path, manifests) }).collect()
}

fn check(path: &Path, manifests: &Manifests) -> Result<Checked> {
    let folder = manifests.open(path)?;
    folder.verify()?;
    let manifest = folder.manifest();
    Ok(Checked {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        files: manifest.files.len(),
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
    })
}

/// One finding per model, and one where two have one name; a worker without any has nothing to serve.
pub fn judge(models: &[Model]) -> Vec<Finding> {
    if models.is_empty() {
        let mend = ["gpu-worker models add FOLDER", "or set enabled = true for one of [[models]]"];
        return vec![Finding::fault("model", "worker.toml has no model that is enabled", mend)];
    }
    let known =
        models.iter().filter_map(|model| Some((model.checked.as_ref().ok()?.name.as_str(), model.path.as_path())));
    let twice = check_names(known).err().map(|error| {
        let mend = ["set enabled = false for one of them in worker.toml", "or give one another name in its manifest"];
        Finding::fault("model", error.to_string(), mend)
    });
    models.iter().map(judge_one).chain(twice).collect()
}

fn judge_one(model: &Model) -> Finding {
    let shown = model.path.display();
    let error = match &model.checked {
        Ok(Checked { name, version, files, .. }) => {
            return Finding::ok("model", format!("{name} {version}: all {files} files match the manifest"));
        }
        Err(error) => error,
    };
    let fetch = format!("fetch the model again into {shown}");
    let leave = "or set enabled = false for it in worker.toml".to_owned();
    Finding::fault("model", error.to_string(), [fetch, leave])
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::digest::Sha256Digest;

    use super::*;
    use crate::doctor::State;

    /// A folder with one file, pinned as it is.
    fn model() -> (tempfile::TempDir, ModelConfig) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("weights.onnx"), b"weights").unwrap();
        let file = json!({"path": "weights.onnx", "sha256": Sha256Digest::of(b"weights"), "bytes": 7});
        let manifest = json!({
            "name": "scenes", "version": "2", "kind": "image", "licence": "MIT", "files": [file], "draws": [],
            "does_not_draw": [], "suggestions": [], "default_steps": 8, "default_guidance": 3.0, "native_size_px": 512,
        });
        std::fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
        let config = ModelConfig {
            path: folder.path().to_path_buf(),
            unit_price_ait: "1".parse().unwrap(),
            measured_micro_units_per_second: 1,
            enabled: true,
        };
        (folder, config)
    }

    fn only(models: &[ModelConfig]) -> Finding {
        let findings = judge(&observe(models, &Manifests::default()));
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings[0].clone()
    }

    #[test]
    fn files_that_differ_from_their_manifest_are_faults_and_whole_ones_are_not() {
        let (folder, config) = model();
        let whole = only(std::slice::from_ref(&config));
        assert_eq!((whole.state, whole.found.as_str()), (State::Ok, "scenes 2: all 1 files match the manifest"));
        let file = folder.path().join("weights.onnx");
        for (bytes, words) in [(&b"Weights"[..], "changed or is damaged"), (b"wei", "3 bytes, but its manifest pins 7")]
        {
            std::fs::write(&file, bytes).unwrap();
            let finding = only(std::slice::from_ref(&config));
            assert_eq!(finding.state, State::Fault);
            assert!(finding.found.contains(words) && finding.mend[0].contains("again"), "{finding:?}");
        }
        std::fs::remove_file(file).unwrap();
        assert!(only(std::slice::from_ref(&config)).found.contains("weights.onnx"));
    }

    #[test]
    fn two_prices_for_one_model_are_a_fault() {
        let (_folder, config) = model();
        let dearer = ModelConfig { unit_price_ait: "2".parse().unwrap(), ..config.clone() };
        let states: Vec<_> = judge(&observe(&[config.clone(), dearer.clone()], &Manifests::default()))
            .into_iter()
            .map(|finding| finding.state)
            .collect();
        assert_eq!(states, [State::Ok, State::Ok, State::Fault]);
        assert_eq!(
            judge(&observe(&[config, ModelConfig { enabled: false, ..dearer }], &Manifests::default())).len(),
            1
        );
    }

    #[test]
    fn a_worker_without_models_has_nothing_to_serve() {
        let (_folder, config) = model();
        let finding = only(&[ModelConfig { enabled: false, ..config }]);
        assert_eq!(finding.state, State::Fault);
        assert!(finding.mend[0].contains("models add"), "{finding:?}");
    }
}
