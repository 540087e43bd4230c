//! A measured device in a few lines of text.

use shared::hardware::{MeasuredDevice, Rate};

/// What a command prints about a device.
pub fn lines(measured: &MeasuredDevice) -> Vec<String> {
    let device = &measured.device;
    let cores = device.cores.map(|cores| format!("{cores} threads"));
    let memory = (device.memory_bytes > 0).then(|| format!("{:.1} GB", device.memory_bytes as f64 / 1e9));
    let software = measured.software.then(|| "software, no device of its own".to_owned());
    let driver = measured.driver.as_ref().map(|driver| format!("{} {driver}", measured.interface));
    let facts = [Some(device.name.clone()), cores, memory, driver, software];
    let mut lines = vec![format!("device    {}", facts.into_iter().flatten().collect::<Vec<_>>().join(", "))];
    let rates = [
        rate("FP32", measured.fp32_mflop_per_second, "GFLOP/s"),
        rate("FP16", measured.fp16_mflop_per_second, "GFLOP/s"),
        rate("copy", measured.copy_mb_per_second, "GB/s"),
    ];
    lines.extend(rates.into_iter().flatten());
    lines.extend(measured.notes.iter().map(|note| format!("          {note}")));
    lines
}

/// The median in thousands of what the report has millions of.
fn rate(name: &str, rate: Option<Rate>, unit: &str) -> Option<String> {
    let Rate { median, min, max, samples, .. } = rate?;
    let thousands = |millions: u64| millions as f64 / 1_000.0;
    let (median, min, max) = (thousands(median), thousands(min), thousands(max));
    Some(format!("          {name} {median:.1} {unit} ({min:.1} to {max:.1}, {samples} samples)"))
}

#[cfg(test)]
mod tests {
    use shared::device::{Device, DeviceKind};

    use super::*;

    #[test]
    fn says_what_is_known_and_leaves_out_what_is_not() {
        let device = Device { kind: DeviceKind::Gpu, name: "A card".into(), cores: None, memory_bytes: 0 };
        let mut measured = MeasuredDevice::unmeasured(device, "Vulkan");
        assert_eq!(lines(&measured), ["device    A card"]);
        measured.device.memory_bytes = 8_589_934_592;
        let rate =
            Rate { median: 12_345_600, min: 12_000_000, max: 13_000_000, samples: 7, median_by_device_clock: None };
        measured.fp32_mflop_per_second = Some(rate);
        measured.notes.push("half precision was not measured: its shaders do not have it".into());
        let expected = [
            "device    A card, 8.6 GB",
            "          FP32 12345.6 GFLOP/s (12000.0 to 13000.0, 7 samples)",
            "          half precision was not measured: its shaders do not have it",
        ];
        assert_eq!(lines(&measured), expected);
    }
}
