//! How far a flow's levels are moved towards noise: by one factor, or by one that grows with the picture.

use crate::error::{InferenceError, Result};
use crate::runtime::keys::Keys;

/// Largest factor that a schedule is shifted by; the smallest is its inverse.
const FACTOR_MAX: f64 = 1_000.0;

/// Largest exponent that a file may name.
const EXPONENT_MAX: f64 = 100.0;

/// Most tokens that a file may name.
const TOKENS_MAX: usize = 1 << 24;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shift {
    Fixed(f64),
    Dynamic(Growth),
}

/// `use_dynamic_shifting`: a straight line through two sizes of pictures (Esser et al. 2024, section 5.3.2, as the
/// pipelines of diffusers compute it).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Growth {
    /// Tokens of a picture, and its shift.
    base: (usize, f64),
    largest: (usize, f64),
    /// The line gives the factor's logarithm.
    is_exponential: bool,
}

impl Shift {
    /// The fixed factor is under `key`.
    pub(super) fn read(keys: &Keys, key: &str) -> Result<Self> {
        let fixed = keys.number(key, 1.0, 1.0 / FACTOR_MAX..=FACTOR_MAX)?;
        Ok(if keys.flag("use_dynamic_shifting", false)? {
            Self::Dynamic(Growth::read(keys)?)
        } else {
            Self::Fixed(fixed)
        })
    }

    pub(super) fn is_linear(self) -> bool {
        matches!(self, Self::Dynamic(Growth { is_exponential: false, .. }))
    }

    /// The factor for a picture of so many tokens.
    pub(super) fn factor(self, tokens: usize) -> Result<f64> {
        match self {
            Self::Fixed(factor) => Ok(factor),
            Self::Dynamic(growth) => growth.factor(tokens),
        }
    }
}

impl Growth {
    fn read(keys: &Keys) -> Result<Self> {
        let tokens = |key, default| keys.integer(key, default, 1..=TOKENS_MAX);
        let shift = |key, default| keys.number(key, default, -EXPONENT_MAX..=EXPONENT_MAX);
        let base = (tokens("base_image_seq_len", 256)?, shift("base_shift", 0.5)?);
        let largest = (tokens("max_image_seq_len", 4096)?, shift("max_shift", 1.15)?);
        if base.0 >= largest.0 {
            return Err(keys.error("max_image_seq_len", format!("is above base_image_seq_len = {}", base.0)));
        }
        let is_exponential = keys.choice("time_shift_type", &[("exponential", true), ("linear", false)], true)?;
        Ok(Self { base, largest, is_exponential })
    }

    fn factor(self, tokens: usize) -> Result<f64> {
        let ((base, low), (largest, high)) = (self.base, self.largest);
        let slope = (high - low) / (largest - base) as f64;
        let shift = tokens as f64 * slope + (low - slope * base as f64);
        let factor = if self.is_exponential { shift.exp() } else { shift };
        if (1.0 / FACTOR_MAX..=FACTOR_MAX).contains(&factor) {
            return Ok(factor);
        }
        Err(InferenceError::input(
            "width",
            format!("is a size that this model's scheduler shifts by {} to {FACTOR_MAX}", 1.0 / FACTOR_MAX),
            format!("{tokens} tokens, which it shifts by {factor}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureKind;
    use crate::runtime::image::scheduler::settings::OWN_FILE;

    fn shift(text: &str) -> Result<Shift> {
        Shift::read(&Keys::parse(OWN_FILE, text)?, "shift")
    }

    #[test]
    fn a_dynamic_shift_grows_from_its_base_to_its_largest_picture() {
        let dynamic = shift(r#"{"use_dynamic_shifting": true, "shift": 9}"#).unwrap();
        assert!((dynamic.factor(256).unwrap() - 0.5_f64.exp()).abs() < 1e-12);
        assert!((dynamic.factor(4096).unwrap() - 1.15_f64.exp()).abs() < 1e-12);
        assert!(dynamic.factor(1024).unwrap() > dynamic.factor(256).unwrap());
        let linear =
            shift(r#"{"use_dynamic_shifting": true, "time_shift_type": "linear", "base_shift": -0.1}"#).unwrap();
        assert!((linear.factor(4096).unwrap() - 1.15).abs() < 1e-12);
        let error = linear.factor(256).unwrap_err();
        assert_eq!(error.kind, FailureKind::Input);
        assert!(error.text.starts_with("input.width "), "{error}");
        assert_eq!(shift(r#"{"shift": 3.0}"#).unwrap().factor(7).unwrap(), 3.0);
    }

    #[test]
    fn a_growth_that_makes_no_sense_is_refused() {
        for (more, key) in [
            (r#""base_image_seq_len": 4096"#, "max_image_seq_len"),
            (r#""base_image_seq_len": 0"#, "base_image_seq_len"),
            (r#""max_shift": 101"#, "max_shift"),
            (r#""base_shift": "much""#, "base_shift"),
            (r#""time_shift_type": "quadratic""#, "time_shift_type"),
        ] {
            let error = shift(&format!(r#"{{"use_dynamic_shifting": true, {more}}}"#)).unwrap_err();
            assert_eq!(error.kind, FailureKind::Model);
            assert!(error.text.contains(&format!(": {key} ")), "{error}");
        }
    }
}
