//! `worker.toml` in the worker's data folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared::amount::Amount;

use crate::engine::EngineConfig;
use crate::error::{Result, WorkerError};
use crate::files::write_atomically;

/// Name of the configuration in the data folder.
pub const CONFIG_FILE: &str = "worker.toml";

/// Configuration of one worker. Relative paths are relative to the data folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Base URL of the hub.
    pub hub: String,
    /// File of the account's private key.
    pub key: PathBuf,
    #[serde(default)]
    pub mining: Mining,
    #[serde(default)]
    pub engine: EngineConfig,
    pub model: ModelConfig,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mining {
    /// Whether `start` takes jobs.
    pub compute_enabled: bool,
}

impl Default for Mining {
    fn default() -> Self {
        Self { compute_enabled: true }
    }
}

/// The model that the worker serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub path: PathBuf,
    /// AIT per megapixel-step, as a decimal.
    #[serde(with = "decimal_ait")]
    pub unit_price_ait: Amount,
    /// What `init` measured.
    pub measured_micro_units_per_second: u64,
}

mod decimal_ait {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use shared::amount::Amount;

    pub(super) fn serialize<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Config {
    pub fn path(data: &Path) -> PathBuf {
        data.join(CONFIG_FILE)
    }

    pub fn read(data: &Path) -> Result<Self> {
        let path = Self::path(data);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => WorkerError::Config(format!(
                "{} does not exist; run `gpu-worker --data {} init --hub URL --model FOLDER` first",
                path.display(),
                data.display()
            )),
            _ => WorkerError::Io { path: path.clone(), source: error },
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| WorkerError::format(&path, error))?;
        config.key = data.join(&config.key);
        config.model.path = data.join(&config.model.path);
        config.engine.onnxruntime_library = config.engine.onnxruntime_library.map(|library| data.join(library));
        Ok(config)
    }

    pub fn write(&self, data: &Path) -> Result<()> {
        let path = Self::path(data);
        let text = toml::to_string(self).map_err(|error| WorkerError::format(&path, error))?;
        write_atomically(&path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_reads_back_and_unknown_keys_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let config = Config {
            hub: "http://127.0.0.1:8000".into(),
            key: "keys/miner.key".into(),
            mining: Mining::default(),
            engine: EngineConfig::default(),
            model: ModelConfig {
                path: "/models/scenes".into(),
                unit_price_ait: "0.25".parse().unwrap(),
                measured_micro_units_per_second: 5_000_000,
            },
        };
        config.write(data.path()).unwrap();
        let text = std::fs::read_to_string(Config::path(data.path())).unwrap();
        assert!(text.contains("unit_price_ait = \"0.25\""), "{text}");
        let read = Config::read(data.path()).unwrap();
        assert_eq!(read, Config { key: data.path().join("keys/miner.key"), ..config });
        std::fs::write(Config::path(data.path()), format!("colour = 1\n{text}")).unwrap();
        assert!(Config::read(data.path()).unwrap_err().to_string().contains("colour"));
    }

    #[test]
    fn a_missing_configuration_says_what_to_do() {
        let error = Config::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("gpu-worker --data /nowhere init"), "{error}");
    }
}
