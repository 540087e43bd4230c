//! Numbers that are written as they were read: JSON has no word for infinity, which a large number becomes in single
//! precision.

use serde::{Deserialize, Deserializer, de};

/// For `#[serde(deserialize_with)]`.
///
/// # Errors
/// A number beyond single precision.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    let number = f32::deserialize(deserializer)?;
    let bound = format_args!("a number here is up to {:e}", f32::MAX);
    if number.is_finite() { Ok(number) } else { Err(de::Error::custom(bound)) }
}
