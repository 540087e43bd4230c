//! Asks NVIDIA's management library (NVML) for driver, cards and who uses them. It comes with the driver.

use std::collections::BTreeMap;
use std::path::Path;

use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};

use super::cards::{Card, Driver, DriverError, Sample, Use};

/// The driver and its cards.
///
/// # Errors
/// Why it does not tell.
pub fn driver() -> Result<Driver, DriverError> {
    let nvml = Nvml::init().map_err(fault)?;
    let version = nvml.sys_driver_version().map_err(fault)?;
    let cuda = nvml.sys_cuda_driver_version().ok().and_then(|version| {
        let part = |number: i32| u32::try_from(number).ok();
        Some((part(cuda_driver_version_major(version))?, part(cuda_driver_version_minor(version))?))
    });
    let count = nvml.device_count().map_err(fault)?;
    let cards = (0..count).filter_map(|index| card(&nvml.device_by_index(index).ok()?, index)).collect();
    Ok(Driver { version, cuda, cards })
}

fn card(device: &Device<'_>, index: u32) -> Option<Card> {
    let memory = device.memory_info().ok();
    Some(Card {
        index,
        name: device.name().ok()?,
        place: device.pci_info().ok().and_then(|info| info.bus_id.parse().ok()),
        memory_bytes: memory.as_ref().map_or(0, |memory| memory.total),
        memory_free_bytes: memory.map_or(0, |memory| memory.free),
    })
}

fn fault(error: NvmlError) -> DriverError {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => DriverError::Absent,
        NvmlError::DriverNotLoaded => DriverError::NotLoaded,
        NvmlError::LibRmVersionMismatch => DriverError::Mismatch,
        NvmlError::NoPermission => DriverError::NotAllowed,
        error => DriverError::Other(error.to_string()),
    }
}

/// Looks at some cards again and again.
pub struct Watcher {
    nvml: Nvml,
    indices: Vec<u32>,
    /// Time of the latest usage record of each card, in microseconds of the driver's clock.
    seen: BTreeMap<u32, u64>,
}

impl Watcher {
    pub fn open(indices: Vec<u32>) -> Result<Self, DriverError> {
        Ok(Self { nvml: Nvml::init().map_err(fault)?, indices, seen: BTreeMap::new() })
    }

    /// Each card now. A card that does not answer is left out.
    pub fn samples(&mut self) -> Vec<Sample> {
        let Self { nvml, indices, seen } = self;
        indices.iter().filter_map(|index| sample(nvml, *index, seen.entry(*index).or_default())).collect()
    }
}

fn sample(nvml: &Nvml, index: u32, seen: &mut u64) -> Option<Sample> {
    let device = nvml.device_by_index(index).ok()?;
    let records = device.process_utilization_stats(*seen);
    // The driver answers "not found" where no process did anything since then.
    let tells = records.is_ok() || matches!(records, Err(NvmlError::NotFound));
    let mut busy: BTreeMap<u32, u32> = BTreeMap::new();
    for record in records.unwrap_or_default() {
        *seen = (*seen).max(record.timestamp);
        let most = busy.entry(record.pid).or_default();
        *most = (*most).max(record.sm_util);
    }
    let listed = |processes: Result<Vec<_>, NvmlError>, computes| {
        processes
            .unwrap_or_default()
            .into_iter()
            .map(move |process: nvml_wrapper::struct_wrappers::device::ProcessInfo| (process.pid, computes))
    };
    let drawing = listed(device.running_graphics_processes(), false);
    let computing = listed(device.running_compute_processes(), true);
    // A process that does both computes.
    let all: BTreeMap<u32, bool> = drawing.chain(computing).collect();
    let of = |pid: u32, computes: bool| Use {
        pid,
        name: program_name(pid),
        computes,
        busy_percent: tells.then(|| busy.get(&pid).copied().unwrap_or(0)),
    };
    let uses = all.into_iter().map(|(pid, computes)| of(pid, computes)).collect();
    Some(Sample { index, card: device.name().ok()?, uses })
}

/// As Linux tells it; empty for a process of another namespace.
fn program_name(pid: u32) -> String {
    let path = Path::new("/proc").join(pid.to_string()).join("comm");
    std::fs::read_to_string(path).map(|name| name.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_the_driver_says_so_and_one_with_it_has_cards_in_order() {
        match driver() {
            Ok(driver) => {
                let indices: Vec<u32> = driver.cards.iter().map(|card| card.index).collect();
                assert!(indices.is_sorted() && !driver.version.is_empty(), "{driver:?}");
                let mut watcher = Watcher::open(indices.clone()).unwrap();
                assert_eq!(watcher.samples().len(), indices.len());
            }
            Err(error) => assert!(error.to_string().contains("NVIDIA"), "{error}"),
        }
    }
}
