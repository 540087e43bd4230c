//! Graphics adapters, measured by the shipped program. A machine without one says so; Debian's `mesa-vulkan-drivers` is
//! enough to have one.

use std::path::Path;
use std::process::Command;

use shared::hardware::{MeasuredDevice, Rate};
use test_support::{Requirement, require_or_skip};

use super::support::{PROGRAM, stderr};

fn adapters(arguments: &[&str]) -> Vec<MeasuredDevice> {
    let output = Command::new(PROGRAM).arg("probe").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

fn check(rate: Rate) {
    assert!(0 < rate.min && rate.min <= rate.median && rate.median <= rate.max, "{rate:?}");
    assert_eq!(rate.samples, 7);
    if let Some(by_device) = rate.median_by_device_clock {
        let ratio = by_device as f64 / rate.median as f64;
        assert!((0.8..20.0).contains(&ratio), "the clocks disagree: {rate:?}");
    }
}

#[test]
fn every_adapter_is_measured_and_its_results_are_checked() {
    let measured = adapters(&["--software"]);
    let found =
        measured.first().ok_or("no graphics adapter; `apt-get install mesa-vulkan-drivers` gives a software one");
    if require_or_skip(Requirement::GraphicsAdapter, found).is_none() {
        return;
    }
    for device in &measured {
        println!("{device:?}");
        check(device.fp32_mflop_per_second.unwrap());
        check(device.copy_mb_per_second.unwrap());
        device.fp16_mflop_per_second.into_iter().for_each(check);
    }
    let places: Vec<_> = measured.iter().filter_map(|device| device.pci_bus_id.clone()).collect();
    let mut distinct = places.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), places.len(), "a card was measured twice: {places:?}");
}

#[test]
fn a_renderer_on_the_processor_is_named_and_flagged_but_not_measured_unasked() {
    let renderer = Path::new("/usr/share/vulkan/icd.d/lvp_icd.x86_64.json");
    let found = renderer.exists().then_some(()).ok_or("Mesa's software renderer is not installed");
    if require_or_skip(Requirement::Llvmpipe, found).is_none() {
        return;
    }
    let measured = adapters(&[]);
    let software: Vec<_> = measured.iter().filter(|device| device.software).collect();
    assert_eq!(software.len(), 1, "{measured:?}");
    assert!(software[0].device.name.contains("llvmpipe"), "{software:?}");
    assert_eq!(software[0].fp32_mflop_per_second, None);
    assert!(software[0].notes[0].contains("measured by itself"), "{software:?}");
}
