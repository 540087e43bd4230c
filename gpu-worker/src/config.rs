//! `worker.toml` in the worker's data folder.

pub mod bounds;

use std::path::{Path, PathBuf};

use inference::engine::EngineConfig;
use inference::files::FileError;
use inference::files::write_atomically;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use shared::amount::Amount;

use crate::child::ChildConfig;
use crate::error::{ConfigError, FormatError};
use crate::hub::HubUrl;
use crate::worker::DrainConfig;
use crate::worker::pool::BatchingConfig;
use crate::worker::schedule::Schedule;
use crate::worker::sharing::GpuSharing;
use crate::worker::status_server::StatusConfig;

/// Name of the configuration in the data folder.
pub const CONFIG_FILE: &str = "worker.toml";

/// Configuration of one worker. Relative paths are relative to the data folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// File of the account's private key.
    pub key: PathBuf,
    /// Sections `[[hubs]]`, one or more. They share the devices.
    pub hubs: Vec<HubConfig>,
    #[serde(default)]
    pub mining: Mining,
    #[serde(default)]
    pub engine: EngineConfig,
    #[serde(default)]
    pub child: ChildConfig,
    #[serde(default)]
    pub batching: BatchingConfig,
    #[serde(default)]
    pub drain: DrainConfig,
    #[serde(default)]
    pub schedule: Schedule,
    #[serde(default)]
    pub gpu_sharing: GpuSharing,
    #[serde(default)]
    pub status: StatusConfig,
    /// Sections `[[models]]`; a single `[model]` is read as one.
    #[serde(alias = "model", deserialize_with = "one_or_many")]
    pub models: Vec<ModelConfig>,
}

/// A hub that the worker serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubConfig {
    /// Its base URL.
    pub url: String,
    /// Whether it is served without TLS although it is on another machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure_http: bool,
    /// Certificates in PEM that its own may be signed by, instead of the public authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl HubConfig {
    /// Defaults for everything else.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), insecure_http: false, ca_file: None }
    }

    /// Whether it is this one, however its URL is written.
    pub fn is_at(&self, url: &str) -> bool {
        HubUrl::parse(url).is_ok_and(|url| HubUrl::parse(&self.url).is_ok_and(|own| own == url))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mining {
    /// Whether `start` takes jobs.
    pub compute_enabled: bool,
    /// GPUs by their index in the driver's order, each with an inference process of its own; the engine's one device
    /// where the list is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpu_devices: Vec<u32>,
}

impl Default for Mining {
    fn default() -> Self {
        Self { compute_enabled: true, gpu_devices: Vec::new() }
    }
}

/// A model that the worker serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub path: PathBuf,
    /// AIT per megapixel-step, as a decimal.
    #[serde(with = "decimal_ait")]
    pub unit_price_ait: Amount,
    /// What `init` measured.
    pub measured_micro_units_per_second: u64,
    /// Whether it is on offer.
    #[serde(default = "enabled")]
    pub enabled: bool,
}

fn enabled() -> bool {
    true
}

/// A table is a list of one: earlier versions wrote `[model]`.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ModelConfig>, D::Error> {
    struct OneOrMany;

    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<ModelConfig>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("sections [[models]]")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            ModelConfig::deserialize(MapAccessDeserializer::new(map)).map(|model| vec![model])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    deserializer.deserialize_any(OneOrMany)
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
    /// Defaults for everything else.
    pub fn new(hubs: Vec<HubConfig>, key: PathBuf, engine: EngineConfig, models: Vec<ModelConfig>) -> Self {
        Self {
            key,
            hubs,
            mining: Mining::default(),
            engine,
            child: ChildConfig::default(),
            batching: BatchingConfig::default(),
            drain: DrainConfig::default(),
            schedule: Schedule::default(),
            gpu_sharing: GpuSharing::default(),
            status: StatusConfig::default(),
            models,
        }
    }

    pub fn path(data: &Path) -> PathBuf {
        data.join(CONFIG_FILE)
    }

    /// # Errors
    /// A configuration that is missing, cannot be read, or is not valid.
    pub fn read(data: &Path) -> Result<Self, ConfigError> {
        Self::read_if_any(data)?.ok_or_else(|| {
            ConfigError::Refused(format!(
                "{} does not exist; `gpu-worker --data {} start --hub URL` makes it, or name another folder by --data",
                Self::path(data).display(),
                data.display()
            ))
        })
    }

    /// Nothing where there is no configuration yet.
    ///
    /// # Errors
    /// What is no configuration, and a number that is out of its bounds.
    pub fn read_if_any(data: &Path) -> Result<Option<Self>, ConfigError> {
        let path = Self::path(data);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::at(&path)(error).into()),
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| FormatError::new(&path, error))?;
        bounds::check(&config).map_err(|error| FormatError::new(&path, error))?;
        config.key = data.join(&config.key);
        for hub in &mut config.hubs {
            hub.ca_file = hub.ca_file.take().map(|file| data.join(file));
        }
        for model in &mut config.models {
            model.path = data.join(&model.path);
        }
        config.engine.onnxruntime_library = config.engine.onnxruntime_library.map(|library| data.join(library));
        config.engine.cache = config.engine.cache.map(|cache| data.join(cache));
        Ok(Some(config))
    }

    /// The models on offer, at least one.
    pub fn enabled_models(&self) -> Result<Vec<&ModelConfig>, ConfigError> {
        let models: Vec<_> = self.models.iter().filter(|model| model.enabled).collect();
        if models.is_empty() {
            return Err(ConfigError::Refused(format!("models has {}, but none is enabled", self.models.len())));
        }
        Ok(models)
    }

    pub fn write(&self, data: &Path) -> Result<(), ConfigError> {
        let path = Self::path(data);
        let text = toml::to_string(self).map_err(|error| FormatError::new(&path, error))?;
        Ok(write_atomically(&path, text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(path: &str) -> ModelConfig {
        ModelConfig {
            path: path.into(),
            unit_price_ait: "0.25".parse().unwrap(),
            measured_micro_units_per_second: 5_000_000,
            enabled: true,
        }
    }

    fn read(text: &str) -> Result<Config, ConfigError> {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(Config::path(data.path()), text).unwrap();
        Config::read(data.path())
    }

    #[test]
    fn one_model_of_an_earlier_version_is_a_list_of_one() {
        let body = "path = \"/models/scenes\"\nunit_price_ait = \"0.25\"\nmeasured_micro_units_per_second = 5000000\n";
        let head = "key = \"k\"\n[[hubs]]\nurl = \"http://h\"\n";
        assert_eq!(read(&format!("{head}[model]\n{body}")).unwrap().models, [model("/models/scenes")]);
        let two = format!("{head}[[models]]\n{body}[[models]]\nenabled = false\n{body}");
        let two = read(&two.replacen("/models/scenes", "/models/first", 1)).unwrap();
        let names: Vec<_> = two.enabled_models().unwrap().iter().map(|model| model.path.clone()).collect();
        assert_eq!((two.models.len(), names), (2, vec![PathBuf::from("/models/first")]));
        for (wrong, word) in [
            (format!("{head}[model]\n{body}[[models]]\n{body}"), "duplicate"),
            (format!("{head}[model]\ncolour = 1\n{body}"), "colour"),
            (head.to_owned(), "models"),
        ] {
            let error = read(&wrong).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        let none = read(&format!("{head}[model]\nenabled = false\n{body}")).unwrap();
        assert!(none.enabled_models().unwrap_err().to_string().contains("none is enabled"));
    }

    #[test]
    fn a_configuration_reads_back_and_unknown_keys_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let hubs = vec![
            HubConfig::new("http://127.0.0.1:8000"),
            HubConfig {
                insecure_http: true,
                ca_file: Some(data.path().join("ca.pem")),
                ..HubConfig::new("http://h.example")
            },
        ];
        let models = vec![model("/models/scenes")];
        let config = Config::new(hubs, "keys/miner.key".into(), EngineConfig::default(), models);
        config.write(data.path()).unwrap();
        let text = std::fs::read_to_string(Config::path(data.path())).unwrap();
        assert!(text.contains("unit_price_ait = \"0.25\""), "{text}");
        let read = Config::read(data.path()).unwrap();
        assert_eq!(read, Config { key: data.path().join("keys/miner.key"), ..config });
        assert_eq!(text.matches("[[hubs]]").count(), 2, "{text}");
        std::fs::write(Config::path(data.path()), format!("colour = 1\n{text}")).unwrap();
        assert!(Config::read(data.path()).unwrap_err().to_string().contains("colour"));
    }

    #[test]
    fn a_missing_configuration_says_what_to_do() {
        let error = Config::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("gpu-worker --data /nowhere start"), "{error}");
    }
}
