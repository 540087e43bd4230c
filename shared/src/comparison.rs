//! How far two results of the same work are apart, and what that says.
//!
//! Two honest miners do not always deliver equal bytes: engines and processors add in another order. So there are two
//! limits. Up to the first, two results are the same. From the second on, they are two different results. Between the
//! two nobody is blamed. [`docs/AUDITS.md`](../../docs/AUDITS.md) has the honest and dishonest distances that were
//! measured, and a test of the worker measures them again.

use serde::{Deserialize, Serialize};

use crate::job::JobKind;

/// Pictures up to this far apart are the same: the mean difference of their bytes, in thousandths of a level of 255.
pub const PICTURE_SAME_MAX: u64 = 1_000;

/// Pictures at least this far apart are two pictures.
pub const PICTURE_OTHER_MIN: u64 = 6_000;

/// Vectors up to this far apart are the same: one minus the cosine of their angle, in millionths.
pub const VECTOR_SAME_MAX: u64 = 1_000;

/// Vectors at least this far apart are those of two texts or two models.
pub const VECTOR_OTHER_MIN: u64 = 50_000;

/// The farthest two vectors can be: they point to opposite sides.
pub const VECTOR_DISTANCE_MAX: u64 = 2_000_000;

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// The same bytes.
    Equal,
    /// Other bytes, as close as those of honest miners.
    WithinTolerance,
    /// Too far for the first limit, and too close for the second: it says nothing.
    Unclear,
    /// Two different results: one of the two miners did not do the work.
    Differs,
}

impl Agreement {
    /// The two results confirm each other.
    pub const fn agrees(self) -> bool {
        matches!(self, Self::Equal | Self::WithinTolerance)
    }
}

/// Two results beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    pub agreement: Agreement,
    /// Of pictures the mean difference of their bytes, in thousandths of a level of 255; of vectors one minus the cosine,
    /// in millionths; the largest of all files or rows. Absent for texts, and where the forms differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<u64>,
}

impl Comparison {
    pub const EQUAL: Self = Self { agreement: Agreement::Equal, distance: Some(0) };
    pub const UNCLEAR: Self = Self { agreement: Agreement::Unclear, distance: None };
    pub const DIFFERS: Self = Self { agreement: Agreement::Differs, distance: None };

    /// Judges the distance of two results whose bytes differ.
    pub const fn of_distance(kind: JobKind, distance: u64) -> Self {
        let (same_max, other_min) = match kind {
            JobKind::Image => (PICTURE_SAME_MAX, PICTURE_OTHER_MIN),
            JobKind::Embedding => (VECTOR_SAME_MAX, VECTOR_OTHER_MIN),
            // A text is equal or it is not.
            JobKind::Text => (0, 1),
        };
        let agreement = if distance <= same_max {
            Agreement::WithinTolerance
        } else if distance < other_min {
            Agreement::Unclear
        } else {
            Agreement::Differs
        };
        Self { agreement, distance: Some(distance) }
    }
}

/// The mean difference of the bytes of two pictures of one form, in thousandths. `None` where their lengths differ.
pub fn picture_distance(one: &[u8], other: &[u8]) -> Option<u64> {
    if one.len() != other.len() || one.is_empty() {
        return None;
    }
    let sum: u64 = one.iter().zip(other).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    // Rounded up: a picture that differs at all is never at distance 0.
    Some(sum.saturating_mul(1_000).div_ceil(one.len() as u64))
}

/// One minus the cosine of the angle between two vectors, in millionths. `None` where their lengths differ or one of
/// them has no direction.
pub fn vector_distance(one: &[f32], other: &[f32]) -> Option<u64> {
    if one.len() != other.len() {
        return None;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    let distance = 1.0 - dot(one, other) / lengths;
    if !distance.is_finite() {
        return None;
    }
    let millionths = (distance.clamp(0.0, 2.0) * 1e6).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2 000 000")]
    Some((millionths as u64).min(VECTOR_DISTANCE_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distances_that_can_be_done_by_hand() {
        assert_eq!(picture_distance(&[0, 0, 0, 0], &[0, 0, 0, 4]), Some(1_000));
        assert_eq!(picture_distance(&[0], &[255]), Some(255_000));
        assert_eq!(picture_distance(&[0], &[]), None);
        assert_eq!(vector_distance(&[1.0, 0.0], &[0.0, 1.0]), Some(1_000_000));
        assert_eq!(vector_distance(&[1.0, 0.0], &[-2.0, 0.0]), Some(VECTOR_DISTANCE_MAX));
        assert_eq!(vector_distance(&[1.0, 0.0], &[3.0, 0.0]), Some(0));
        assert_eq!(vector_distance(&[1.0], &[0.0]), None);
    }

    #[test]
    fn between_the_two_limits_nobody_is_blamed() {
        let said = |kind, distance| Comparison::of_distance(kind, distance).agreement;
        for (kind, same, other) in [
            (JobKind::Image, PICTURE_SAME_MAX, PICTURE_OTHER_MIN),
            (JobKind::Embedding, VECTOR_SAME_MAX, VECTOR_OTHER_MIN),
        ] {
            assert_eq!(said(kind, same), Agreement::WithinTolerance);
            assert_eq!((said(kind, same + 1), said(kind, other - 1)), (Agreement::Unclear, Agreement::Unclear));
            assert_eq!(said(kind, other), Agreement::Differs);
        }
        assert!(!Comparison::UNCLEAR.agreement.agrees() && !Comparison::DIFFERS.agreement.agrees());
    }

    proptest! {
        #[test]
        fn a_distance_has_no_order_and_only_the_same_is_at_zero(one: Vec<u8>, flips: Vec<u8>) {
            let other: Vec<u8> = one.iter().zip(flips.iter().chain(std::iter::repeat(&0))).map(|(a, b)| a ^ b).collect();
            prop_assert_eq!(picture_distance(&one, &other), picture_distance(&other, &one));
            if !one.is_empty() {
                prop_assert_eq!(picture_distance(&one, &other) == Some(0), one == other);
            }
        }
    }
}
