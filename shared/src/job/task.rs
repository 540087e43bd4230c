//! Tasks: the parts of a job that are leased, delivered and receipted one by one.
//!
//! A job is what a client asked for and pays for. A task is what one miner works on. A plain job has one task, which
//! serves it; a job that is split has one per shard; a result that is checked by a second miner has an audit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::JobId;

/// What a task does for its job. Its text is `serve`, `shard/3` or `audit`, the same in receipts, signatures and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskRole {
    /// The whole job.
    Serve,
    /// One part of a job that several miners share, counted from 0.
    Shard(u16),
    /// The same work again, by another miner, to compare.
    Audit,
}

impl fmt::Display for TaskRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serve => formatter.write_str("serve"),
            Self::Shard(number) => write!(formatter, "shard/{number}"),
            Self::Audit => formatter.write_str("audit"),
        }
    }
}

/// One part of a job: what a miner leases, delivers and signs a receipt for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Task {
    pub job_id: JobId,
    pub role: TaskRole,
}

impl fmt::Display for Task {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.job_id, self.role)
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a task's role is `serve`, `shard/` and a number from 0 to 65535, or `audit`, got `{0}`")]
pub struct ParseTaskRoleError(String);

impl FromStr for TaskRole {
    type Err = ParseTaskRoleError;

    fn from_str(text: &str) -> Result<Self, ParseTaskRoleError> {
        let role = match text {
            "serve" => Some(Self::Serve),
            "audit" => Some(Self::Audit),
            _ => text.strip_prefix("shard/").and_then(|number| number.parse().ok()).map(Self::Shard),
        };
        // Only the canonical spelling: `shard/+3` and `shard/03` would sign another text.
        role.filter(|role| role.to_string() == text).ok_or_else(|| ParseTaskRoleError(text.chars().take(32).collect()))
    }
}

impl Serialize for TaskRole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
crate::openapi::string_schema!(TaskRole, "`serve`, `shard/` and a number, or `audit`", "serve");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_one_spelling() {
        for role in [TaskRole::Serve, TaskRole::Shard(0), TaskRole::Shard(u16::MAX), TaskRole::Audit] {
            assert_eq!(role.to_string().parse(), Ok(role));
            let json = serde_json::to_string(&role).unwrap();
            assert_eq!(serde_json::from_str::<TaskRole>(&json).unwrap(), role);
        }
        for text in ["", "Serve", "shard", "shard/", "shard/03", "shard/+3", "shard/65536", "audit ", "shard/-1"] {
            assert!(text.parse::<TaskRole>().is_err(), "{text} was taken");
        }
    }
}
