//! What a text may name.

use serde::{Deserialize, Serialize};

/// Characters of a text that is looked for.
pub const SEARCH_MAX_CHARS: usize = 100;

/// Most hits of one answer.
pub const SEARCH_HITS_MAX: u32 = 20;

/// Hits of an answer whose request names no limit.
pub const SEARCH_HITS_DEFAULT: u32 = 8;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SearchKind {
    Block,
    Transaction,
    Receipt,
    Job,
    Miner,
    Address,
    Token,
    Model,
    Document,
}

/// One thing that the text may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchHit {
    pub kind: SearchKind,
    /// Its name: a height, a hash, an address, a model, a title.
    pub name: String,
    /// What it is, in a few words; may be empty.
    pub detail: String,
    /// Its page on this server.
    pub path: String,
}

/// Answer of `GET /v1/search`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchAnswer {
    /// What fits best first.
    pub items: Vec<SearchHit>,
}
