//! Keyset pages: each answer names where the next one begins.

use serde::{Deserialize, Serialize};

pub const LIMIT_DEFAULT: u32 = 25;
pub const LIMIT_MAX: u32 = 100;

/// Some rows, and the cursor for the next page; absent on the last page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next_cursor: self.next_cursor }
    }
}
