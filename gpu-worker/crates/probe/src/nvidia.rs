//! What NVIDIA's management library (NVML) knows of a card. It comes with the driver; without it nothing is known.

use nvml_wrapper::Nvml;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use shared::device::{Device, DeviceKind, NAME_MAX_CHARS};
use shared::hardware::{Condition, MeasuredDevice};

use super::pci::PciId;

/// Energy in millijoules that a card has drawn since its driver was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Energy(u64);

/// NVIDIA's cards, none where there is no driver.
pub(super) struct Cards {
    nvml: Option<Nvml>,
    /// Place of each card, and whether an adapter stood for it.
    places: Vec<(PciId, bool)>,
}

impl Cards {
    pub(super) fn open() -> Self {
        let Ok(nvml) = Nvml::init() else { return Self { nvml: None, places: Vec::new() } };
        let count = nvml.device_count().unwrap_or(0);
        let place = |index| nvml.device_by_index(index).ok()?.pci_info().ok()?.bus_id.parse().ok();
        let places = (0..count).filter_map(place).map(|place| (place, false)).collect();
        Self { nvml: Some(nvml), places }
    }

    /// The meter's reading now, which [`Self::complete`] wants after the measurement.
    pub(super) fn energy(&self, place: PciId) -> Option<Energy> {
        self.card(place)?.total_energy_consumption().ok().map(Energy)
    }

    /// Adds what NVML knows of the card at a place; `false` where it knows no card there.
    pub(super) fn complete(&mut self, place: PciId, measured: &mut MeasuredDevice, before: Option<Energy>) -> bool {
        let Some(card) = self.card(place) else { return false };
        describe(&card, measured, before);
        for (known, is_matched) in &mut self.places {
            *is_matched |= *known == place;
        }
        true
    }

    /// Cards that stand behind no adapter, as in servers without a graphics driver. They cannot be measured by shaders.
    pub(super) fn unmatched(&self) -> Vec<MeasuredDevice> {
        let unmatched = self.places.iter().filter(|(_, is_matched)| !is_matched).map(|(place, _)| *place);
        unmatched.filter_map(|place| Some(without_adapter(place, &self.card(place)?))).collect()
    }

    fn card(&self, place: PciId) -> Option<nvml_wrapper::Device<'_>> {
        let nvml = self.nvml.as_ref()?;
        let is_there =
            |card: &nvml_wrapper::Device<'_>| card.pci_info().is_ok_and(|info| info.bus_id.parse() == Ok(place));
        let count = nvml.device_count().ok()?;
        (0..count).filter_map(|index| nvml.device_by_index(index).ok()).find(is_there)
    }
}

fn without_adapter(place: PciId, card: &nvml_wrapper::Device<'_>) -> MeasuredDevice {
    let name = card.name().unwrap_or_else(|_| "NVIDIA".into()).chars().take(NAME_MAX_CHARS).collect();
    let device = Device { kind: DeviceKind::Gpu, name, cores: None, memory_bytes: 0 };
    let mut measured = MeasuredDevice::unmeasured(device, "NVML");
    measured.pci_bus_id = Some(place.to_string());
    measured.notes.push("no Vulkan driver lists it, so its shaders were not measured".into());
    describe(card, &mut measured, None);
    measured
}

fn describe(card: &nvml_wrapper::Device<'_>, measured: &mut MeasuredDevice, before: Option<Energy>) {
    let memory = card.memory_info().ok();
    // The capability names devices by NVML; one name for both lets the hub compare them.
    if let Ok(name) = card.name() {
        measured.device.name = name.chars().take(NAME_MAX_CHARS).collect();
    }
    if let Some(memory) = &memory {
        measured.device.memory_bytes = memory.total;
    }
    if let Ok(version) = card.nvml().sys_driver_version() {
        measured.driver = Some(format!("NVIDIA {version}").chars().take(NAME_MAX_CHARS).collect());
    }
    measured.compute_capability =
        card.cuda_compute_capability().ok().map(|version| format!("{}.{}", version.major, version.minor));
    let peak = card.num_cores().ok().zip(card.max_clock_info(Clock::SM).ok());
    measured.fp32_peak_mflop_per_second = peak.map(|(cores, megahertz)| peak_mflop_per_second(cores, megahertz));
    let now = card.total_energy_consumption().ok().map(Energy);
    measured.condition = Some(Condition {
        memory_free_bytes: memory.map(|memory| memory.free),
        temperature_celsius: card.temperature(TemperatureSensor::Gpu).ok(),
        energy_millijoules: before.zip(now).map(|(before, now)| now.0.saturating_sub(before.0)),
        throttled_by: card.current_throttle_reasons().map(throttled_by).unwrap_or_default(),
    });
}

/// Each core does one fused multiply-add, two operations, per cycle.
fn peak_mflop_per_second(cores: u32, megahertz: u32) -> u64 {
    2 * u64::from(cores) * u64::from(megahertz)
}

/// The names of the reasons that hold a card back. That it has nothing to do is none.
fn throttled_by(reasons: ThrottleReasons) -> Vec<String> {
    let reasons = reasons - (ThrottleReasons::GPU_IDLE | ThrottleReasons::NONE);
    reasons.iter_names().map(|(name, _)| name.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_card_is_not_held_back() {
        assert_eq!(throttled_by(ThrottleReasons::GPU_IDLE), Vec::<String>::new());
        let hot = ThrottleReasons::GPU_IDLE | ThrottleReasons::SW_POWER_CAP | ThrottleReasons::HW_SLOWDOWN;
        assert_eq!(throttled_by(hot), ["sw_power_cap", "hw_slowdown"]);
    }

    #[test]
    fn a_peak_is_two_operations_per_core_and_cycle() {
        // An RTX 4090: 16 384 cores at 2.52 GHz are 82.6 TFLOP/s.
        assert_eq!(peak_mflop_per_second(16_384, 2_520), 82_575_360);
    }

    #[test]
    fn a_machine_without_the_driver_has_no_cards() {
        let place = PciId { domain: 0, bus: 0xff, device: 31, function: 7 };
        assert_eq!(Cards::open().energy(place), None);
    }
}
