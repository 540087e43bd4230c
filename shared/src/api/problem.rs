//! Errors on the wire: RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

use crate::api::unservable::Unservable;
use crate::field_error::FieldError;

pub const MEDIA_TYPE: &str = "application/problem+json";

/// The body of every error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A stable path that names the sort of problem: `/problems/out-of-bounds`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of the type.
    pub title: String,
    /// The HTTP status, repeated for clients that keep only the body.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Of a job that no connected miner can serve: why, counted, and what would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unservable: Option<Box<Unservable>>,
}
