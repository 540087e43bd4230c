//! Reviews of miners: what a client writes, and what everybody reads.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::commitment::Salt;
use crate::field_error::FieldError;
use crate::id::JobId;
use crate::review::{STARS_MAX, STARS_MIN, Stars, checked_text};
use crate::time::UnixMillis;

/// Body of `POST /v1/miners/{address}/reviews`. For a receipt that its author has reviewed it takes the place of what was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WriteReview {
    /// Of work that the miner did for the author.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 5))]
    pub stars: u8,
    /// Up to 500 characters. Line breaks become blanks. It is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl WriteReview {
    /// Stars and text as they are kept.
    ///
    /// # Errors
    /// Every field that does not hold.
    pub fn checked(&self) -> Result<(Stars, Option<String>), Vec<FieldError>> {
        let bound = format!("{STARS_MIN} to {STARS_MAX}");
        let stars = Stars::try_from(self.stars).map_err(|_| FieldError::bound("stars", bound, self.stars.to_string()));
        match (stars, checked_text(self.text.as_deref().unwrap_or_default())) {
            (Ok(stars), Ok(text)) => Ok((stars, text)),
            (stars, text) => Err([stars.err(), text.err()].into_iter().flatten().collect()),
        }
    }
}

/// A review as everybody may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewView {
    /// The receipt of the work.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub receipt_hash: B256,
    pub job_id: JobId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub miner: Address,
    /// The client that asked for the work.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub author: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = u8, minimum = 1, maximum = 5))]
    pub stars: Stars,
    /// What the work cost its author, and the weight of the review in the miner's mean. 0 where the work was minted for: the
    /// review counts for nothing.
    pub paid: Amount,
    /// Absent where the author wrote none, or an operator hid it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// With this salt the text leads to what the hub's log has of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// Why an operator hid the text. The stars stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_reason: Option<String>,
    pub created_at_unix_ms: UnixMillis,
    /// When the author changed it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at_unix_ms: Option<UnixMillis>,
    /// Until when the author may change it.
    pub editable_until_unix_ms: UnixMillis,
}

/// What clients said of a miner, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MinerReviews {
    /// Reviews of work that its client paid.
    pub paid: u64,
    /// Reviews of work that was minted for. They are in no mean: anybody can ask for such work.
    pub unpaid: u64,
    /// Thousandths of a star, `⌊1000 × Σ (stars × paid) / Σ paid⌋` over the paid ones; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_per_mille: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_does_not_hold_is_named() {
        let written = |stars: u8, text: &str| {
            let review = WriteReview { receipt_hash: B256::ZERO, stars, text: Some(text.to_owned()) };
            review.checked().map_err(|errors| errors.into_iter().map(|error| error.field).collect::<Vec<_>>())
        };
        assert_eq!(written(5, " good ").unwrap(), (Stars::try_from(5).unwrap(), Some("good".to_owned())));
        assert_eq!(written(1, "").unwrap().1, None);
        assert_eq!(written(0, "good").unwrap_err(), ["stars"]);
        assert_eq!(written(6, &"x".repeat(501)).unwrap_err(), ["stars", "text"]);
    }
}
