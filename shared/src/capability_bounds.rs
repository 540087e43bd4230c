//! How much a miner may state about itself. The hub keeps it in memory, in its database and in public lists, and a key
//! that states it costs nothing: so texts, lists and the whole are bounded.

use crate::capability::{Capability, ModelOffer};
use crate::device::{DEVICES_MAX, NAME_MAX_CHARS, OFFERS_MAX};
use crate::field_error::FieldError;
use crate::job::request::MODEL_NAME_MAX_CHARS;

/// Jobs that one worker may run at once.
pub const SLOTS_MAX: u32 = 256;

/// The whole statement as JSON, with the hardware report.
pub const CAPABILITY_MAX_BYTES: usize = 128 << 10;

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
        let bytes = serde_json::to_vec(self).map_or(usize::MAX, |json| json.len());
        at_most("capability", CAPABILITY_MAX_BYTES, bytes, "bytes")
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
    use super::*;
    use crate::amount::Amount;
    use crate::device::Engine;
    use crate::digest::Sha256Digest;
    use crate::job::JobKind;
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
        assert!(said.starts_with("`capability` is up to 131072 bytes, got "), "{said}");
    }
}
