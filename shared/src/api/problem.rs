//! Errors on the wire: RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

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
    /// The HTTP status, repeated for who has only the body.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One field of the request that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Path of the field: `input.steps`.
    pub field: String,
    pub detail: String,
    /// What would have been taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// What was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl FieldError {
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into(), bound: None, value: None }
    }

    /// A value outside its bound.
    pub fn bound(field: impl Into<String>, bound: impl Into<String>, value: impl Into<String>) -> Self {
        let (field, bound, value) = (field.into(), bound.into(), value.into());
        let detail = format!("`{field}` is {bound}, got {value}");
        Self { field, detail, bound: Some(bound), value: Some(value) }
    }
}
