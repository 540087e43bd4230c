//! Graphics adapters: which there are, and how fast each computes and copies.

mod arithmetic;
mod copy;
mod device;

use std::path::Path;

use futures::executor::block_on;
use shared::device::{Device, DeviceKind, NAME_MAX_CHARS};
use shared::hardware::{Condition, MeasuredDevice, Rate};

use self::arithmetic::Precision;
use self::device::Gpu;
use super::adapters::{Adapter, Interface, distinct};
use super::amd;
use super::nvidia::{Cards, Energy};
use super::pci::PciId;

/// Finds the adapters and measures them; renderers on the processor are only named unless `software` asks for them.
/// Cards of NVIDIA that no graphics interface lists are named as well.
pub(super) fn measure_adapters(software: bool) -> Vec<MeasuredDevice> {
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    let instance = wgpu::Instance::new(descriptor);
    let found = block_on(instance.enumerate_adapters(wgpu::Backends::all()));
    let facts: Vec<Adapter> = found.iter().map(|adapter| describe(&adapter.get_info())).collect();
    let mut cards = Cards::open();
    let mut measured = Vec::new();
    for index in distinct(&facts) {
        measured.push(measure_adapter(&found[index], &facts[index], &mut cards, software));
    }
    measured.extend(cards.unmatched());
    measured
}

fn describe(info: &wgpu::AdapterInfo) -> Adapter {
    Adapter {
        name: info.name.clone(),
        vendor: info.vendor,
        device: info.device,
        pci: info.device_pci_bus_id.parse().ok(),
        interface: match info.backend {
            wgpu::Backend::Metal => Interface::Metal,
            wgpu::Backend::Dx12 => Interface::Direct3d12,
            wgpu::Backend::Gl => Interface::OpenGl,
            _ => Interface::Vulkan,
        },
        says_software: info.device_type == wgpu::DeviceType::Cpu,
    }
}

fn measure_adapter(adapter: &wgpu::Adapter, facts: &Adapter, cards: &mut Cards, software: bool) -> MeasuredDevice {
    let info = adapter.get_info();
    let mut measured = named(&info, facts);
    if facts.is_software() && !software {
        measured.notes.push("it computes on the processor, which is measured by itself".into());
        return measured;
    }
    let energy = facts.pci.and_then(|place| cards.energy(place));
    match Gpu::open(adapter) {
        Ok(gpu) => measure_open(&gpu, facts.is_software(), &mut measured),
        Err(error) => measured.notes.push(format!("it cannot be opened: {error}")),
    }
    add_memory_and_state(&mut measured, facts, cards, energy);
    measured
}

fn named(info: &wgpu::AdapterInfo, facts: &Adapter) -> MeasuredDevice {
    let clip = |text: &str| text.trim().chars().take(NAME_MAX_CHARS).collect::<String>();
    let driver = clip(&format!("{} {}", info.driver, info.driver_info));
    let device = Device { kind: DeviceKind::Gpu, name: clip(&info.name), cores: None, memory_bytes: 0 };
    MeasuredDevice {
        software: facts.is_software(),
        driver: (!driver.is_empty()).then_some(driver),
        pci_bus_id: facts.pci.map(|place| place.to_string()),
        ..MeasuredDevice::unmeasured(device, facts.interface.name())
    }
}

fn measure_open(gpu: &Gpu, is_software: bool, measured: &mut MeasuredDevice) {
    let mut noted = |what: &str, outcome: Result<Rate, String>| {
        outcome.map_err(|reason| measured.notes.push(super::note(&format!("{what} was not measured: {reason}")))).ok()
    };
    let single = noted("single precision", arithmetic::throughput(gpu, Precision::Single));
    let half = match gpu.has_half_precision {
        true => arithmetic::throughput(gpu, Precision::Half),
        false => Err("its shaders do not have it".into()),
    };
    let half = noted("half precision", half);
    let copy = noted("copying", copy::throughput(gpu, is_software));
    measured.fp32_mflop_per_second = single;
    measured.fp16_mflop_per_second = half;
    measured.copy_mb_per_second = copy;
}

/// What the card's maker tells beside the graphics interface, which does not know memory.
fn add_memory_and_state(measured: &mut MeasuredDevice, facts: &Adapter, cards: &mut Cards, energy: Option<Energy>) {
    if let Some(place) = facts.pci
        && cards.complete(place, measured, energy)
    {
        return;
    }
    match facts.pci.and_then(|place: PciId| amd::memory(Path::new(super::PCI_DEVICES), place)) {
        Some(memory) => {
            measured.device.memory_bytes = memory.total_bytes;
            let memory_free_bytes = Some(memory.free_bytes);
            measured.condition = Some(Condition { memory_free_bytes, ..Condition::default() });
        }
        None if facts.is_software() => measured.notes.push("it uses the processor's memory".into()),
        None => measured.notes.push("its memory is unknown: neither NVML nor amdgpu knows it".into()),
    }
}
