//! A miner's machine as it was measured: each device, each model, and the signed report itself.

use leptos::prelude::*;
use shared::device::Device;
use shared::hardware::{Condition, MeasuredDevice, ModelTiming, Rate, SignedHardwareReport};

use crate::components::facts::{Fold, InfoRow, Raw};
use crate::components::value::{AddressValue, DeviceChip, Moment};
use crate::format;
use crate::text::miner as words;

/// The report in parts, then as it was signed; `used` are the devices that serve jobs.
#[component]
pub fn Hardware(signed: SignedHardwareReport, used: Vec<Device>) -> impl IntoView {
    let text = serde_json::to_string_pretty(&signed).unwrap_or_default();
    let report = signed.report;
    let serves = |device: &Device| used.iter().any(|used| (used.kind, &used.name) == (device.kind, &device.name));
    let devices = report.devices.into_iter().map(|measured| {
        let serves = serves(&measured.device);
        view! { <Measured measured serves /> }
    });
    let devices = devices.collect_view();
    let models = report.models.into_iter().map(|timing| view! { <Timing timing /> }).collect_view();
    view! {
        <div class="stack" data-testid="hardware">
            <dl class="info">
                <InfoRow name=words::MEASURED_AT>
                    <Moment at=report.measured_at_unix_ms.seconds() />
                </InfoRow>
                <InfoRow name=words::METHOD help=words::METHOD_HELP>{report.method}</InfoRow>
                <InfoRow name=words::SIGNED_BY help=words::SIGNED_HELP>
                    <AddressValue address=report.miner />
                </InfoRow>
            </dl>
            {devices}
            <dl class="info">{models}</dl>
            <Fold title=words::SIGNED_REPORT>
                <Raw text />
            </Fold>
        </div>
    }
}

#[component]
fn Measured(measured: MeasuredDevice, serves: bool) -> impl IntoView {
    let MeasuredDevice { device, software, interface, driver, pci_bus_id, compute_capability, .. } = measured;
    // What it has of its own is the processor's.
    let memory = match device.memory_bytes {
        _ if software => words::SOFTWARE.to_owned(),
        0 => words::MEMORY_UNKNOWN.to_owned(),
        bytes => format::bytes(bytes),
    };
    let reached = [Some(interface), driver].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let place = [pci_bus_id.map(words::pci), compute_capability.map(words::cuda)];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let peak = measured.fp32_peak_mflop_per_second.map(words::peak);
    let condition = measured.condition.map(condition).unwrap_or_default();
    view! {
        <dl class="info">
            <InfoRow name=words::DEVICE help=words::serves(serves)>
                <DeviceChip name=device.name memory />
            </InfoRow>
            {rate_row(words::FP32, measured.fp32_mflop_per_second, words::FLOPS, peak)}
            {rate_row(words::FP16, measured.fp16_mflop_per_second, words::FLOPS, None)}
            {rate_row(words::COPY, measured.copy_mb_per_second, words::BYTES_PER_SECOND, None)}
            {(!condition.is_empty()).then(|| view! { <InfoRow name=words::CONDITION>{condition}</InfoRow> })}
            <InfoRow name=words::DRIVER>{reached}</InfoRow>
            {(!place.is_empty()).then(|| view! { <InfoRow name=words::PLACE>{place}</InfoRow> })}
            {measured.notes.into_iter().map(|note| view! { <InfoRow name=words::NOTE>{note}</InfoRow> }).collect_view()}
        </dl>
    }
}

fn rate_row(name: &'static str, rate: Option<Rate>, unit: &'static str, help: Option<String>) -> Option<AnyView> {
    let Rate { median, min, max, .. } = rate?;
    let range = words::range(&scaled(min, unit), &scaled(max, unit));
    let value = view! {
        {scaled(median, unit)}
        " "
        <span class="quiet">{range}</span>
    };
    Some(match help {
        Some(help) => view! { <InfoRow name help>{value}</InfoRow> }.into_any(),
        None => view! { <InfoRow name>{value}</InfoRow> }.into_any(),
    })
}

#[component]
fn Timing(timing: ModelTiming) -> impl IntoView {
    let Rate { median, min, max, .. } = timing.micro_units_per_second;
    let speed = move |rate| words::speed(rate, timing.unit_type);
    let range = words::range(&speed(min), &speed(max));
    let engine = format!("{} {} on {}", timing.engine.name, timing.engine.version, timing.engine.provider);
    view! {
        <InfoRow name=timing.model help=words::engine(&engine, timing.threads)>
            {speed(median)}
            " "
            <span class="quiet">{range}</span>
        </InfoRow>
    }
}

fn condition(condition: Condition) -> String {
    let Condition { memory_free_bytes, temperature_celsius, energy_millijoules, throttled_by } = condition;
    let facts = [
        memory_free_bytes.map(|bytes| words::free(&format::bytes(bytes))),
        temperature_celsius.map(words::temperature),
        energy_millijoules.map(words::energy),
        (!throttled_by.is_empty()).then(|| words::throttled(&throttled_by.join(", "))),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Millions of a unit with three significant digits: `12.3 GFLOP/s`.
fn scaled(millions: u64, unit: &str) -> String {
    let (prefix, thousandths) = match millions {
        0..1_000 => ("M", millions.saturating_mul(1_000)),
        1_000..1_000_000 => ("G", millions),
        1_000_000..1_000_000_000 => ("T", millions / 1_000),
        _ => ("P", millions / 1_000_000),
    };
    let (whole, fraction) = (thousandths / 1_000, thousandths % 1_000);
    match whole {
        0..10 => format!("{whole}.{:02} {prefix}{unit}", fraction / 10),
        10..100 => format!("{whole}.{} {prefix}{unit}", fraction / 100),
        _ => format!("{} {prefix}{unit}", format::grouped(whole)),
    }
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn a_rate_has_three_digits_and_a_prefix() {
        let flops = |millions| scaled(millions, "FLOP/s");
        assert_eq!([flops(0), flops(7), flops(999)], ["0.00 MFLOP/s", "7.00 MFLOP/s", "999 MFLOP/s"]);
        assert_eq!([flops(1_234), flops(82_575_360)], ["1.23 GFLOP/s", "82.5 TFLOP/s"]);
        assert_eq!(flops(30_000_000), "30.0 TFLOP/s");
        assert_eq!(flops(1_000_000_000_000_000), "1\u{202f}000\u{202f}000 PFLOP/s");
    }
}
