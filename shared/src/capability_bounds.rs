//! How much a miner may state about itself. The hub keeps it in memory, in its database and in public lists, and a key
//! that states it costs nothing: so texts, lists and the whole are bounded.

use crate::capability::{Capability, ModelOffer};
use crate::device::{DEVICES_MAX, NAME_MAX_CHARS, OFFERS_MAX};
use crate::field_error::FieldError;
use crate::hardware::REPORT_MAX_BYTES;
use crate::job::request::MODEL_NAME_MAX_CHARS;

/// Jobs that one worker may run at once.
pub const SLOTS_MAX: u32 = 256;

/// The statement as JSON, without the hardware report.
pub const STATEMENT_MAX_BYTES: usize = 64 << 10;

/// The whole as JSON. Each of its two parts may be as large as its own bound allows.
pub const CAPABILITY_MAX_BYTES: usize = STATEMENT_MAX_BYTES + REPORT_MAX_BYTES;

pub const SUGGESTIONS_MAX: usize = 32;
pub const SUGGESTION_MAX_CHARS: usize = 300;
pub const SUBJECTS_MAX: usize = 256;
pub const SUBJECT_MAX_CHARS: usize = 40;

impl Capability {
    /// Refuses a statement that is too large, in any of its parts or as a whole.
    pub fn check_bounds(&self) -> Result<(), FieldError> {
        let Self { worker_version, engine, devices, offers, slots, hardware: _ } = self;
        if *slots > SLOTS_MAX {
            return Err(FieldError::bound("capability.slots", format!("0 to {SLOTS_MAX}"), slots.to_string()));
        }
        at_most("capability.devices", DEVICES_MAX, devices.len(), "entries")?;
        at_most("capability.offers", OFFERS_MAX, offers.len(), "entries")?;
        let names = [
            ("capability.worker_version", worker_version),
            ("capability.engine.name", &engine.name),
            ("capability.engine.version", &engine.version),
            ("capability.engine.provider", &engine.provider),
        ];
        names.into_iter().try_for_each(|(field, name)| text(field, 0, NAME_MAX_CHARS, name))?;
        offers.iter().try_for_each(ModelOffer::check_bounds)?;
        let statement = Self { hardware: None, ..self.clone() };
        let bytes = serde_json::to_vec(&statement).map_or(usize::MAX, |json| json.len());
        at_most("capability", STATEMENT_MAX_BYTES, bytes, "bytes without its hardware report")
    }
}

impl ModelOffer {
    fn check_bounds(&self) -> Result<(), FieldError> {
        text("capability.offers.model", 1, MODEL_NAME_MAX_CHARS, &self.model)?;
        let lists = [
            ("capability.offers.suggestions", &self.suggestions, SUGGESTIONS_MAX, SUGGESTION_MAX_CHARS),
            ("capability.offers.subjects", &self.subjects, SUBJECTS_MAX, SUBJECT_MAX_CHARS),
        ];
        for (field, texts, count_max, chars_max) in lists {
            at_most(field, count_max, texts.len(), "entries")?;
            texts.iter().try_for_each(|entry| text(field, 1, chars_max, entry))?;
        }
        Ok(())
    }
}

fn at_most(field: &str, max: usize, got: usize, unit: &str) -> Result<(), FieldError> {
    if got <= max { Ok(()) } else { Err(FieldError::bound(field, format!("up to {max} {unit}"), got.to_string())) }
}

fn text(field: &str, min: usize, max: usize, text: &str) -> Result<(), FieldError> {
    let chars = text.chars().count();
    if (min..=max).contains(&chars) {
        return Ok(());
    }
    Err(FieldError::bound(field, format!("{min} to {max} characters"), chars.to_string()))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};

    use super::*;
    use crate::amount::Amount;
    use crate::device::{Device, DeviceKind, Engine};
    use crate::digest::Sha256Digest;
    use crate::hardware::{
        Condition, HardwareReport, MeasuredDevice, ModelTiming, NOTE_MAX_CHARS, NOTES_MAX, QUANTITY_MAX, Rate,
        SAMPLES_MAX, SignedHardwareReport, THROTTLES_MAX,
    };
    use crate::job::JobKind;
    use crate::time::UnixMillis;
    use crate::unit::UnitType;

    fn offer() -> ModelOffer {
        ModelOffer {
            model: "scenes".into(),
            kind: JobKind::Image,
            manifest_sha256: Sha256Digest::of(b""),
            unit_type: UnitType::MegapixelStep,
            unit_price: Amount::from_ait(1),
            measured_micro_units_per_second: 1,
            suggestions: vec!["a lake".into(); SUGGESTIONS_MAX],
            subjects: vec!["lake".into(); SUBJECTS_MAX],
            default_steps: 8,
            default_guidance: 3.0,
            fast: None,
            image_to_image: false,
        }
    }

    fn capability(offers: Vec<ModelOffer>) -> Capability {
        let engine = Engine { name: "tract".into(), version: "1".into(), provider: "CPU".into() };
        Capability { worker_version: "1".into(), engine, devices: vec![], offers, slots: 1, hardware: None }
    }

    fn refused(offers: Vec<ModelOffer>) -> String {
        capability(offers).check_bounds().unwrap_err().detail
    }

    #[test]
    fn empty_entries_count_too() {
        assert_eq!(capability(vec![offer()]).check_bounds(), Ok(()));
        let many = ModelOffer { suggestions: vec![String::new(); 250_000], ..offer() };
        assert_eq!(refused(vec![many]), "`capability.offers.suggestions` is up to 32 entries, got 250000");
        let many = ModelOffer { subjects: vec![String::new(); 250_000], ..offer() };
        assert_eq!(refused(vec![many]), "`capability.offers.subjects` is up to 256 entries, got 250000");
        let empty = ModelOffer { suggestions: vec![String::new()], ..offer() };
        assert_eq!(refused(vec![empty]), "`capability.offers.suggestions` is 1 to 300 characters, got 0");
        let long = ModelOffer { subjects: vec!["s".repeat(SUBJECT_MAX_CHARS + 1)], ..offer() };
        assert_eq!(refused(vec![long]), "`capability.offers.subjects` is 1 to 40 characters, got 41");
        let offers = (0..=OFFERS_MAX).map(|_| offer()).collect();
        assert_eq!(refused(offers), "`capability.offers` is up to 64 entries, got 65");
    }

    #[test]
    fn the_whole_is_bounded_where_every_part_is_within_its_bound() {
        let large = ModelOffer {
            suggestions: vec!["s".repeat(SUGGESTION_MAX_CHARS); SUGGESTIONS_MAX],
            subjects: vec!["s".repeat(SUBJECT_MAX_CHARS); SUBJECTS_MAX],
            ..offer()
        };
        assert_eq!(capability(vec![large.clone()]).check_bounds(), Ok(()));
        let said = refused(vec![large; OFFERS_MAX]);
        assert!(said.starts_with("`capability` is up to 65536 bytes without its hardware report, got "), "{said}");
    }

    /// The largest report of which no part is over its bound.
    fn report_at_its_limits() -> SignedHardwareReport {
        let name = "n".repeat(NAME_MAX_CHARS);
        let some_name = Some(name.clone());
        let most = QUANTITY_MAX;
        let rate =
            Rate { median: most, min: most, max: most, samples: SAMPLES_MAX, median_by_device_clock: Some(most) };
        let condition = Condition {
            memory_free_bytes: Some(most),
            temperature_celsius: Some(u32::MAX),
            energy_millijoules: Some(most),
            throttled_by: vec![name.clone(); THROTTLES_MAX],
        };
        let device = MeasuredDevice {
            device: Device { kind: DeviceKind::Cpu, name: name.clone(), cores: Some(u32::MAX), memory_bytes: most },
            software: false,
            interface: name.clone(),
            driver: some_name.clone(),
            pci_bus_id: some_name.clone(),
            compute_capability: some_name,
            fp32_mflop_per_second: Some(rate),
            fp16_mflop_per_second: Some(rate),
            fp32_peak_mflop_per_second: Some(most),
            copy_mb_per_second: Some(rate),
            condition: Some(condition),
            notes: vec!["n".repeat(NOTE_MAX_CHARS); NOTES_MAX],
        };
        let engine = Engine { name: name.clone(), version: name.clone(), provider: name.clone() };
        let timing = ModelTiming {
            model: "m".repeat(MODEL_NAME_MAX_CHARS),
            manifest_sha256: Sha256Digest::of(b""),
            engine,
            threads: u32::MAX,
            unit_type: UnitType::MegapixelStep,
            micro_units_per_second: rate,
        };
        let report = HardwareReport {
            miner: Address::repeat_byte(0xff),
            worker_version: name.clone(),
            method: name,
            measured_at_unix_ms: UnixMillis(u64::MAX),
            devices: vec![device; DEVICES_MAX],
            models: vec![timing; OFFERS_MAX],
        };
        SignedHardwareReport { report, signature: Bytes::from(vec![0xff; 65]) }
    }

    #[test]
    fn a_report_at_all_its_limits_fits_into_its_own_bound_and_the_message() {
        let signed = report_at_its_limits();
        signed.report.check_bounds().unwrap();
        let bytes = serde_json::to_vec(&signed).unwrap().len();
        assert!(bytes <= REPORT_MAX_BYTES, "{bytes}");
        let large = Capability { hardware: Some(signed.clone()), ..capability(vec![offer()]) };
        assert_eq!(large.check_bounds(), Ok(()));
        const { assert!(2 * CAPABILITY_MAX_BYTES < crate::protocol::FRAME_MAX_BYTES) };

        let mut long = signed;
        for device in &mut long.report.devices {
            device.notes = vec!["🦭".repeat(NOTE_MAX_CHARS); NOTES_MAX];
        }
        let error = long.report.check_bounds().unwrap_err().to_string();
        assert!(error.starts_with("the whole has up to 196608 bytes, got "), "{error}");
    }
}
