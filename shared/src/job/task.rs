//! Tasks: the parts of a job that are leased, delivered and receipted one by one.
//!
//! A job is what a client asked for and pays for. A task is what one miner works on. A plain job has one task, which
//! serves it; a job that is split has one per shard; a result that is checked by a second miner has an audit. Each shard
//! has an audit of its own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::id::JobId;

/// What a task does for its job. Its text is `serve`, `shard/3`, `audit`, `third-opinion`, `audit/3` or
/// `third-opinion/3`, the same in receipts, signatures and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskRole {
    /// The whole job.
    Serve,
    /// One part of a job that several miners share, counted from 0.
    Shard(u16),
    /// The same work again, by another miner, to compare.
    Audit,
    /// Once more, where the audit's result differs.
    ThirdOpinion,
    /// The work of this shard again.
    ShardAudit(u16),
    /// Once more, where the result of the shard's audit differs.
    ShardThirdOpinion(u16),
}

impl TaskRole {
    /// The task looks at a result that the client has already.
    pub const fn is_audit(self) -> bool {
        self.audited().is_some()
    }

    /// The task whose result it looks at; `None` for a task that works for the client.
    pub const fn audited(self) -> Option<Self> {
        match self {
            Self::Serve | Self::Shard(_) => None,
            Self::Audit | Self::ThirdOpinion => Some(Self::Serve),
            Self::ShardAudit(number) | Self::ShardThirdOpinion(number) => Some(Self::Shard(number)),
        }
    }

    /// Whether it decides between two results that differ.
    pub const fn is_third_opinion(self) -> bool {
        matches!(self, Self::ThirdOpinion | Self::ShardThirdOpinion(_))
    }

    /// The audit of this task's result, or of the result that this task looks at.
    #[must_use]
    pub const fn audit(self) -> Self {
        match self {
            Self::Serve | Self::Audit | Self::ThirdOpinion => Self::Audit,
            Self::Shard(number) | Self::ShardAudit(number) | Self::ShardThirdOpinion(number) => {
                Self::ShardAudit(number)
            }
        }
    }

    /// The third opinion on this task's result, or on the result that this task looks at.
    #[must_use]
    pub const fn third_opinion(self) -> Self {
        match self.audit() {
            Self::ShardAudit(number) => Self::ShardThirdOpinion(number),
            _ => Self::ThirdOpinion,
        }
    }
}

/// A run of a job's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Part {
    /// Counted from 0.
    pub first: u32,
    pub count: u32,
}

impl TaskRole {
    fn of_shard(kind: &str, number: u16) -> Option<Self> {
        match kind {
            "shard" => Some(Self::Shard(number)),
            "audit" => Some(Self::ShardAudit(number)),
            "third-opinion" => Some(Self::ShardThirdOpinion(number)),
            _ => None,
        }
    }
}

impl fmt::Display for TaskRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serve => formatter.write_str("serve"),
            Self::Shard(number) => write!(formatter, "shard/{number}"),
            Self::Audit => formatter.write_str("audit"),
            Self::ThirdOpinion => formatter.write_str("third-opinion"),
            Self::ShardAudit(number) => write!(formatter, "audit/{number}"),
            Self::ShardThirdOpinion(number) => write!(formatter, "third-opinion/{number}"),
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
#[error(
    "a task's role is `serve`, `audit`, `third-opinion`, or `shard/`, `audit/` or `third-opinion/` and a number from 0 to \
     65535, got `{0}`"
)]
pub struct ParseTaskRoleError(String);

impl FromStr for TaskRole {
    type Err = ParseTaskRoleError;

    fn from_str(text: &str) -> Result<Self, ParseTaskRoleError> {
        let role = match text {
            "serve" => Some(Self::Serve),
            "audit" => Some(Self::Audit),
            "third-opinion" => Some(Self::ThirdOpinion),
            _ => text.split_once('/').and_then(|(kind, number)| Self::of_shard(kind, number.parse().ok()?)),
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
crate::openapi::string_schema!(
    TaskRole,
    "`serve`, `audit`, `third-opinion`, or `shard/`, `audit/` or `third-opinion/` and a number",
    "^(serve|audit|third-opinion|(shard|audit|third-opinion)/[0-9]{1,5})$",
    "serve"
);

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [TaskRole; 8] = [
        TaskRole::Serve,
        TaskRole::Shard(0),
        TaskRole::Shard(u16::MAX),
        TaskRole::Audit,
        TaskRole::ThirdOpinion,
        TaskRole::ShardAudit(0),
        TaskRole::ShardAudit(3),
        TaskRole::ShardThirdOpinion(3),
    ];

    #[test]
    fn a_role_has_one_spelling() {
        for role in ROLES {
            assert_eq!(role.to_string().parse(), Ok(role));
            let json = serde_json::to_string(&role).unwrap();
            assert_eq!(serde_json::from_str::<TaskRole>(&json).unwrap(), role);
        }
        for text in [
            "",
            "Serve",
            "shard",
            "shard/",
            "shard/03",
            "shard/+3",
            "shard/65536",
            "audit ",
            "shard/-1",
            "audit/",
            "audit/03",
            "serve/1",
            "third-opinion/65536",
            "audit/1/2",
        ] {
            assert!(text.parse::<TaskRole>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn each_task_that_serves_has_an_audit_and_a_third_opinion_of_its_own() {
        for served in ROLES.into_iter().filter(|role| !role.is_audit()) {
            for looks in [served.audit(), served.third_opinion()] {
                assert_eq!((looks.audited(), looks.is_audit()), (Some(served), true));
                assert_eq!((looks.audit(), looks.third_opinion()), (served.audit(), served.third_opinion()));
            }
            assert!(served.third_opinion().is_third_opinion() && !served.audit().is_third_opinion());
            assert_eq!(served.audited(), None);
        }
        assert_eq!(TaskRole::Shard(3).audit(), TaskRole::ShardAudit(3));
    }
}
