//! Numbers as pages write them: `0x` and hex digits.

use shared::U256;

/// `None` where it is no such number, or does not fit.
pub(crate) fn parse<T: TryFrom<U256>>(text: &str) -> Option<T> {
    let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty())?;
    U256::from_str_radix(digits, 16).ok()?.try_into().ok()
}
