//! Which devices serve: what the configuration asks for, and what the hub is told. Pure; the caller asks the driver.

use std::collections::{BTreeMap, BTreeSet};

use gpu_probe::cards::{Driver, DriverError, list};
use gpu_probe::facts::{memory_bytes, processor_name};
use inference::engine::provider::ProviderChoice;
use inference::engine::{EngineChoice, EngineConfig};
use shared::device::{Device, DeviceKind, NAME_MAX_CHARS};

use crate::child::place::Place;
use crate::config::Config;
use crate::error::{Result, WorkerError};

/// The engine's configuration for each device: the GPUs that are listed, or the one device that the engine names. A
/// miner that lists GPUs wants them, so the worker never replaces a GPU by the processor silently.
///
/// # Errors
/// GPUs that are not there, with those that are; and a list beside an engine that computes on the processor.
pub fn engines(config: &Config, driver: &Result<Driver, DriverError>) -> Result<Vec<EngineConfig>> {
    let (engine, listed) = (&config.engine, &config.mining.gpu_devices);
    if listed.is_empty() {
        if engine.named_gpu().is_some()
            && let Ok(driver) = driver
        {
            check("engine.device", engine.device, driver)?;
        }
        return Ok(vec![engine.clone()]);
    }
    let on_processor = engine.name == EngineChoice::Tract || engine.provider == ProviderChoice::Cpu;
    if on_processor {
        return Err(WorkerError::config(format!(
            "mining.gpu_devices is {listed:?}, but section engine computes on the processor: remove one of them"
        )));
    }
    let driver = driver.as_ref().map_err(|error| {
        WorkerError::config(format!(
            "mining.gpu_devices is {listed:?}, but {error}; `gpu-worker doctor` says how to mend it"
        ))
    })?;
    let mut seen = BTreeSet::new();
    let provider = match engine.provider {
        ProviderChoice::Auto => ProviderChoice::Cuda,
        named => named,
    };
    let one = |device: &u32| {
        check("mining.gpu_devices", *device, driver)?;
        if !seen.insert(*device) {
            return Err(WorkerError::config(format!("mining.gpu_devices lists {device} twice")));
        }
        Ok(EngineConfig { device: *device, provider, ..engine.clone() })
    };
    listed.iter().map(one).collect()
}

fn check(key: &str, device: u32, driver: &Driver) -> Result<()> {
    if driver.card(device).is_some() {
        return Ok(());
    }
    Err(WorkerError::config(format!("{key} names GPU {device}; there are {}", list(&driver.cards))))
}

/// What the hub is told: each place once, GPUs by the driver's names.
pub fn used(places: &[Place], driver: &Result<Driver, DriverError>) -> BTreeMap<Place, Device> {
    places.iter().map(|place| (*place, device(*place, driver.as_ref().ok()))).collect()
}

/// What people call a place on this machine: a GPU by its index, too, since a machine may have two of a kind.
pub fn called(place: Place, device: &Device) -> String {
    match place {
        Place::Gpu { index } => format!("GPU {index} ({})", device.name),
        Place::Processor { .. } | Place::OtherGpu => device.name.clone(),
    }
}

fn device(place: Place, driver: Option<&Driver>) -> Device {
    let clip = |name: &str| name.chars().take(NAME_MAX_CHARS).collect::<String>();
    let card = match place {
        Place::Processor { threads } => {
            return Device {
                kind: DeviceKind::Cpu,
                name: clip(&processor_name()),
                cores: u32::try_from(threads).ok(),
                memory_bytes: memory_bytes(),
            };
        }
        Place::Gpu { index } => driver.and_then(|driver| driver.card(index)),
        // With one card there is no question which one.
        Place::OtherGpu => driver.and_then(|driver| driver.cards.first().filter(|_| driver.cards.len() == 1)),
    };
    let name = match (card, place) {
        (Some(card), _) => clip(&card.name),
        (None, Place::Gpu { index }) => format!("GPU {index}"),
        (None, _) => "GPU".to_owned(),
    };
    Device { kind: DeviceKind::Gpu, name, cores: None, memory_bytes: card.map_or(0, |card| card.memory_bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu_probe::cards::Card;

    fn driver(cards: u32) -> Result<Driver, DriverError> {
        let card = |index| Card {
            index,
            name: format!("Card {index}"),
            place: None,
            memory_bytes: 8_000_000_000,
            memory_free_bytes: 1,
        };
        Ok(Driver { version: "580.1".into(), cuda: Some((13, 0)), cards: (0..cards).map(card).collect() })
    }

    fn config(listed: &[u32], engine: EngineConfig) -> Config {
        let mut config = Config::new(vec![], "k".into(), engine, vec![]);
        config.mining.gpu_devices = listed.to_vec();
        config
    }

    fn refusal(listed: &[u32], engine: EngineConfig, driver: &Result<Driver, DriverError>) -> String {
        engines(&config(listed, engine), driver).unwrap_err().to_string()
    }

    #[test]
    fn each_listed_gpu_has_an_engine_of_its_own_and_none_falls_back() {
        let engine = EngineConfig::default();
        let absent = Err(DriverError::Absent);
        assert_eq!(engines(&config(&[], engine.clone()), &absent).unwrap(), std::slice::from_ref(&engine));
        let two = engines(&config(&[1, 0], engine.clone()), &driver(2)).unwrap();
        let devices: Vec<_> = two.iter().map(|engine| (engine.device, engine.provider)).collect();
        assert_eq!(devices, [(1, ProviderChoice::Cuda), (0, ProviderChoice::Cuda)]);
        let tensorrt = EngineConfig { provider: ProviderChoice::Tensorrt, ..engine };
        assert_eq!(engines(&config(&[0], tensorrt.clone()), &driver(1)).unwrap(), [tensorrt]);
    }

    #[test]
    fn a_gpu_that_is_not_there_is_an_error_that_lists_what_is() {
        let engine = EngineConfig::default();
        let there = "names GPU 2; there are 0: Card 0 (8.0 GB), 1: Card 1 (8.0 GB)";
        let error = refusal(&[0, 2], engine.clone(), &driver(2));
        assert!(error.contains("mining.gpu_devices") && error.contains(there), "{error}");
        let cuda = EngineConfig { provider: ProviderChoice::Cuda, device: 2, ..engine.clone() };
        let error = refusal(&[], cuda, &driver(2));
        assert!(error.contains("engine.device") && error.contains(there), "{error}");
        let error = refusal(&[0], engine.clone(), &Err(DriverError::NotLoaded));
        assert!(error.contains("kernel module is not loaded") && error.contains("doctor"), "{error}");
        assert!(refusal(&[0, 0], engine.clone(), &driver(1)).contains("twice"));
        for contradiction in [
            EngineConfig { name: EngineChoice::Tract, ..engine.clone() },
            EngineConfig { provider: ProviderChoice::Cpu, ..engine },
        ] {
            assert!(refusal(&[0], contradiction, &driver(1)).contains("remove one of them"));
        }
    }

    #[test]
    fn the_hub_is_told_of_what_computes_and_of_nothing_twice() {
        let processor = Place::Processor { threads: 2 };
        let told = |places: &[Place], cards| -> Vec<(DeviceKind, String, u64)> {
            let devices = used(places, &driver(cards)).into_values();
            devices.map(|device| (device.kind, device.name, device.memory_bytes)).collect()
        };
        let on_processor = used(&[processor, processor], &Err(DriverError::Absent));
        assert_eq!((on_processor.len(), on_processor[&processor].cores), (1, Some(2)));
        let gpu = |name: &str, bytes| (DeviceKind::Gpu, name.to_owned(), bytes);
        let two = told(&[Place::Gpu { index: 1 }, Place::Gpu { index: 0 }], 2);
        assert_eq!(two, [gpu("Card 0", 8_000_000_000), gpu("Card 1", 8_000_000_000)]);
        assert_eq!(told(&[Place::Gpu { index: 7 }], 0), [gpu("GPU 7", 0)]);
        assert_eq!(told(&[Place::OtherGpu], 1), [gpu("Card 0", 8_000_000_000)]);
        assert_eq!(told(&[Place::OtherGpu], 2), [gpu("GPU", 0)]);
        let both = used(&[processor, Place::Gpu { index: 0 }], &driver(1));
        let names: Vec<String> = both.iter().map(|(place, device)| called(*place, device)).collect();
        assert_eq!(names, [processor_name().as_str(), "GPU 0 (Card 0)"]);
    }
}
