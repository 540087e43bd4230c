//! Jobs: what may be asked for, and the life of what was asked.
//!
//! A kind of work is a module with its request type, its `Valid…` type and its unit of work; [`request`] turns a
//! [`request::CreateJob`] into a [`request::ValidJob`] once, and everything behind the door takes only that.

pub mod image;
pub mod init_image;
pub mod lifecycle;
pub mod request;

use serde::{Deserialize, Serialize};

/// What sort of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Text, and maybe a picture to start from, to picture.
    Image,
}
