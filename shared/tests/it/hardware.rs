//! A miner's report about its machine: only as it was signed, only by whom it is about, only within bounds.

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::Address;
use shared::device::{Device, DeviceKind, Engine};
use shared::hardware::{
    CLOCK_AHEAD_MAX_MS, Condition, HardwareReport, METHOD, MeasuredDevice, ModelTiming, QUANTITY_MAX, Rate,
    ReportError, SignedHardwareReport,
};
use shared::signing::PrivateKey;
use shared::time::UnixMillis;
use shared::unit::UnitType;

const MEASURED_AT: UnixMillis = UnixMillis(1_795_225_999_000);

fn key() -> PrivateKey {
    PrivateKey::from_bytes(&[0x11; 32]).unwrap()
}

fn rate(median: u64) -> Rate {
    Rate { median, min: median / 2, max: median * 2, samples: 7, median_by_device_clock: Some(median + 1) }
}

fn report() -> HardwareReport {
    let gpu = Device { kind: DeviceKind::Gpu, name: "A card".into(), cores: None, memory_bytes: 8 << 30 };
    HardwareReport {
        miner: key().address(),
        worker_version: "0.1.0".into(),
        method: METHOD.into(),
        measured_at_unix_ms: MEASURED_AT,
        devices: vec![MeasuredDevice {
            device: gpu,
            software: false,
            interface: "Vulkan".into(),
            driver: Some("NVIDIA 580.1".into()),
            pci_bus_id: Some("0000:01:00.0".into()),
            compute_capability: Some("8.9".into()),
            fp32_mflop_per_second: Some(rate(30_000_000)),
            fp16_mflop_per_second: Some(rate(60_000_000)),
            fp32_peak_mflop_per_second: Some(82_000_000),
            copy_mb_per_second: Some(rate(800_000)),
            condition: Some(Condition {
                memory_free_bytes: Some(7 << 30),
                temperature_celsius: Some(61),
                energy_millijoules: Some(90_000),
                throttled_by: vec!["SW_POWER_CAP".into()],
            }),
            notes: vec!["an instrument's remark".into()],
        }],
        models: vec![ModelTiming {
            model: "scenes".into(),
            manifest_sha256: shared::digest::Sha256Digest::of(b"manifest"),
            engine: Engine { name: "tract".into(), version: "0.23".into(), provider: "CPU".into() },
            threads: 2,
            unit_type: UnitType::MegapixelStep,
            micro_units_per_second: rate(4_000_000),
        }],
    }
}

fn signed() -> SignedHardwareReport {
    SignedHardwareReport::sign(report(), &key()).unwrap()
}

/// Every value in the document, each replaced by another of its type.
fn alterations(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, inner)| alterations(inner).into_iter().map(|altered| (name.clone(), altered)))
            .map(|(name, altered)| {
                let mut whole = value.clone();
                whole[name] = altered;
                whole
            })
            .collect(),
        Value::Array(entries) => {
            let inside = entries.iter().enumerate().flat_map(|(index, inner)| {
                alterations(inner).into_iter().map(move |altered| {
                    let mut whole = value.clone();
                    whole[index] = altered;
                    whole
                })
            });
            inside.chain([json!([])]).collect()
        }
        Value::String(text) => {
            let other = text.chars().rev().collect::<String>();
            vec![json!(format!("{text}x")), json!(text.replace('1', "2")), json!(other)]
        }
        Value::Number(number) => vec![json!(number.as_u64().unwrap_or(0) + 1)],
        Value::Bool(truth) => vec![json!(!truth)],
        Value::Null => vec![json!(1)],
    }
}

#[test]
fn no_value_of_a_signed_report_can_be_altered() {
    let original = signed();
    original.check(original.report.miner, MEASURED_AT).unwrap();
    let document = serde_json::to_value(&original.report).unwrap();
    let mut refused = 0;
    for altered in alterations(&document) {
        let Ok(report) = serde_json::from_value::<HardwareReport>(altered.clone()) else { continue };
        if report == original.report {
            continue;
        }
        let forged = SignedHardwareReport { report, signature: original.signature.clone() };
        assert!(forged.check(original.report.miner, MEASURED_AT).is_err(), "this passed: {altered}");
        refused += 1;
    }
    assert!(refused >= 30, "too few values were altered: {refused}");
}

#[test]
fn an_altered_report_is_told_from_a_borrowed_one() {
    let mut faster = signed();
    faster.report.devices[0].fp32_mflop_per_second = Some(rate(31_000_000));
    let error = faster.check(faster.report.miner, MEASURED_AT).unwrap_err();
    assert!(matches!(error, ReportError::NotTheMiner { .. }), "{error}");
    assert!(error.to_string().contains("altered"), "{error}");
    let stranger = Address::repeat_byte(9);
    let error = signed().check(stranger, MEASURED_AT).unwrap_err();
    assert!(matches!(error, ReportError::OtherMiner { registrant, .. } if registrant == stranger), "{error}");
    let other = PrivateKey::from_bytes(&[0x22; 32]).unwrap();
    assert!(matches!(SignedHardwareReport::sign(report(), &other), Err(ReportError::NotTheMiner { .. })));
}

#[test]
fn a_report_of_the_future_is_refused_and_an_old_one_holds() {
    let signed = signed();
    let check = |now| signed.check(signed.report.miner, now);
    check(UnixMillis(MEASURED_AT.0 - CLOCK_AHEAD_MAX_MS)).unwrap();
    let error = check(UnixMillis(MEASURED_AT.0 - CLOCK_AHEAD_MAX_MS - 1)).unwrap_err();
    assert!(matches!(error, ReportError::Future { ahead_ms } if ahead_ms == CLOCK_AHEAD_MAX_MS + 1), "{error}");
    check(UnixMillis(MEASURED_AT.0 + 365 * 86_400_000)).unwrap();
}

#[test]
fn bounds_name_field_bound_and_value() {
    let refusal = |change: &dyn Fn(&mut HardwareReport)| {
        let mut changed = report();
        change(&mut changed);
        SignedHardwareReport::sign(changed, &key()).unwrap_err().to_string()
    };
    let twisted = Rate { median: 9, min: 10, max: 11, samples: 7, median_by_device_clock: None };
    let text = refusal(&|report| report.devices[0].copy_mb_per_second = Some(twisted));
    assert_eq!(text, "devices.copy_mb_per_second has its median between min and max, got 10, 9, 11");
    let text = refusal(&|report| report.devices = vec![report.devices[0].clone(); 65]);
    assert_eq!(text, "devices has up to 32 entries, got 65");
    let text = refusal(&|report| report.devices[0].device.memory_bytes = QUANTITY_MAX + 1);
    assert!(text.starts_with("devices.device.memory_bytes is up to 1000000000000000"), "{text}");
    let text = refusal(&|report| report.models[0].micro_units_per_second.samples = 0);
    assert_eq!(text, "models.micro_units_per_second has 1 to 1000 samples, got 0");
    let text = refusal(&|report| report.devices[0].notes = vec!["n".repeat(201)]);
    assert_eq!(text, "devices.notes has up to 200 characters, got 201");
}

#[test]
fn a_capability_without_a_report_still_reads() {
    let engine = json!({"name": "tract", "version": "0.23", "provider": "CPU"});
    let old = json!({"worker_version": "0.1.0", "engine": engine, "devices": [], "offers": [], "slots": 1});
    let capability: shared::capability::Capability = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(capability.hardware, None);
    assert_eq!(serde_json::to_value(&capability).unwrap(), old);
}

proptest! {
    #[test]
    fn a_report_keeps_its_signature_through_json(median in 0..QUANTITY_MAX / 2, name in "\\PC{0,40}", note in "\\PC{0,99}") {
        let mut report = report();
        report.devices[0].copy_mb_per_second = Some(rate(median));
        report.devices[0].device.name = name;
        report.devices[0].notes = vec![note];
        let signed = SignedHardwareReport::sign(report, &key()).unwrap();
        let read: SignedHardwareReport = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
        prop_assert_eq!(&read, &signed);
        prop_assert!(read.check(signed.report.miner, MEASURED_AT).is_ok());
    }
}
