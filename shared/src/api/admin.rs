//! What operators of a hub see and change, `/v1/admin`.

use std::str::FromStr;

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::keys::ApiKeyView;
use super::stuck::StuckView;
use crate::amount::Amount;
use crate::field_error::FieldError;
use crate::id::{ApiKeyId, JobId};
use crate::job::JobKind;
use crate::job::lifecycle::JobState;
use crate::time::{SECONDS_PER_DAY, UnixMillis, UnixSeconds};

pub use super::miners::OPERATOR_REASON_MAX_CHARS;

/// Transactions that one answer names, the oldest.
pub const OUTBOX_SHOWN_MAX: usize = 50;

/// Miners that one hub may have paused at once.
pub const PAUSED_MINERS_MAX: usize = 1_000;

/// States of a job that is not over.
pub const OPEN_STATES: [JobState; 3] = [JobState::Queued, JobState::Running, JobState::Verifying];

/// Characters of a text that names nothing which an error repeats.
const GIVEN_MAX_CHARS: usize = 80;

/// Limits that one answer names.
pub const LIMITS_MAX: usize = 20;

/// Body of every change: why it is made. The reason of a pause, an amnesty or a hidden text is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OperatorReason {
    /// One line of 1 to 200 characters.
    pub reason: String,
}

impl OperatorReason {
    /// The reason without blanks around it.
    ///
    /// # Errors
    /// None, more than one line, or more than [`OPERATOR_REASON_MAX_CHARS`] characters.
    pub fn checked(&self) -> Result<&str, FieldError> {
        let reason = self.reason.trim();
        let chars = reason.chars().count();
        if (1..=OPERATOR_REASON_MAX_CHARS).contains(&chars) && !reason.contains(char::is_control) {
            return Ok(reason);
        }
        let bound = format!("1 to {OPERATOR_REASON_MAX_CHARS} characters in one line");
        Err(FieldError::bound("reason", bound, format!("{chars} characters")))
    }
}

/// Answer of `GET /v1/admin/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminHealth {
    /// Jobs of this hub that are not over, by state.
    pub queue: Vec<QueueState>,
    /// Tasks that wait for a miner, in the hub's memory.
    pub waiting_tasks: u64,
    pub miners_online: u32,
    pub miners_paused: u32,
    pub stuck: StuckView,
    pub outbox: Outbox,
    pub audits: WaitingAudits,
    pub disk: DiskHealth,
    pub database: DatabaseHealth,
    pub chain: ChainHealth,
    pub version: String,
    pub hub_id: String,
    /// Since when this process runs.
    pub started_at_unix_ms: UnixMillis,
}

/// Jobs in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueState {
    pub state: JobState,
    pub jobs: u64,
    /// When the oldest of them was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_unix_ms: Option<UnixMillis>,
}

/// Transactions of this hub that no block is known to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Outbox {
    pub waiting: u64,
    /// The oldest of them, up to 50.
    pub transactions: Vec<OutboxTransaction>,
}

/// A signed transaction on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutboxTransaction {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub transaction_hash: B256,
    /// What it is for: `mint`, `release`, `reserve`, `settle`, `close`, `void`, `reject`, `settle_trades` or `withdraw`.
    pub purpose: String,
    pub nonce: u64,
    pub signed_at_unix_ms: UnixMillis,
    /// How often it was sent without a block having it in time.
    pub attempts: u64,
    /// What the node said to the last of them; absent where it took the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Audits of this hub that are not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WaitingAudits {
    /// Those that wait for their auditor.
    pub open: u64,
    /// Those that wait for a third miner.
    pub disputed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_unix_ms: Option<UnixMillis>,
}

/// The disk under the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiskHealth {
    /// Absent where the file system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Below it only mints of receipts are taken.
    pub floor_bytes: u64,
    pub is_low: bool,
}

/// The hub's database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatabaseHealth {
    /// `sqlite` or `postgresql`.
    pub kind: String,
    pub size_bytes: u64,
}

/// The chain as this node has it, and the index beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChainHealth {
    pub chain_id: u64,
    pub head_number: u64,
    pub head_timestamp: UnixSeconds,
    /// Blocks that the index lacks.
    pub index_behind: u64,
    /// Why the node makes no blocks; absent where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Who asked for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientClass {
    /// Somebody without an account; the job is sponsored.
    Visitor,
    /// A wallet or an API key.
    Account,
    /// A client that pays from the escrow.
    Paying,
}

impl FromStr for ClientClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or(UnknownClass)
    }
}

/// A word that names no class of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a client is visitor, account or paying")]
pub struct UnknownClass;

impl ClientClass {
    pub const ALL: [Self; 3] = [Self::Visitor, Self::Account, Self::Paying];

    /// The text in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Account => "account",
            Self::Paying => "paying",
        }
    }
}

/// Which jobs an operator looks for; every part that is absent fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdminJobFilter {
    pub id: Option<JobId>,
    pub state: Option<JobState>,
    pub class: Option<ClientClass>,
    pub client: Option<Address>,
    /// Who works on a part of it, served or audited one.
    pub miner: Option<Address>,
}

impl AdminJobFilter {
    /// Reads a filter from the parts of an address.
    ///
    /// # Errors
    /// The first part that names nothing.
    pub fn read(part: impl Fn(&str) -> Option<String>) -> Result<Self, FieldError> {
        Ok(Self {
            id: parsed(&part, "id", "job_ and 32 hexadecimal digits")?,
            state: parsed(&part, "state", "the word of a state, as RUNNING")?,
            class: parsed(&part, "class", "visitor, account or paying")?,
            client: parsed(&part, "client", "an address")?,
            miner: parsed(&part, "miner", "an address")?,
        })
    }

    /// Each part that is there, with its text.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let parts = [
            ("id", self.id.map(|id| id.to_string())),
            ("state", self.state.map(|state| state.as_str().to_owned())),
            ("class", self.class.map(|class| class.as_str().to_owned())),
            ("client", self.client.map(|client| client.to_string())),
            ("miner", self.miner.map(|miner| miner.to_string())),
        ];
        parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn parsed<T: FromStr>(
    part: &impl Fn(&str) -> Option<String>,
    name: &str,
    bound: &str,
) -> Result<Option<T>, FieldError> {
    let Some(text) = part(name) else { return Ok(None) };
    let read = text.trim().parse();
    read.map(Some).map_err(|_| FieldError::bound(name, bound, text.chars().take(GIVEN_MAX_CHARS).collect::<String>()))
}

/// A job as operators see it: how it goes, and nothing of what was asked or given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminJob {
    pub id: JobId,
    pub state: JobState,
    pub class: ClientClass,
    pub kind: JobKind,
    pub model: String,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    /// Who works on it or served it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub miner: Option<Address>,
    pub created_at_unix_ms: UnixMillis,
    pub deadline_unix_ms: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at_unix_ms: Option<UnixMillis>,
    pub faults: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
}

/// An API key with its limits. Its secret is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminKey {
    #[serde(flatten)]
    pub key: ApiKeyView,
    /// Made by a wallet for itself; else by an operator.
    pub by_wallet: bool,
    /// Its own limits; the server's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_per_minute: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mint_per_day: Option<Amount>,
}

/// Body of `POST /v1/admin/keys/{id}/limits`. A limit that is absent is the server's from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub images_per_minute: Option<u32>,
    /// What its jobs may mint a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mint_per_day: Option<Amount>,
    /// One line of 1 to 200 characters.
    pub reason: String,
}

impl KeyLimits {
    /// The reason as every change has it.
    pub fn why(&self) -> OperatorReason {
        OperatorReason { reason: self.reason.clone() }
    }
}

/// Longest span of one amnesty.
pub const AMNESTY_MAX_SECONDS: u64 = 7 * SECONDS_PER_DAY;

/// Body of `POST /v1/admin/amnesties`: a time in which the platform was at fault, both ends included. The reason is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Amnesty {
    pub from_unix_s: UnixSeconds,
    pub to_unix_s: UnixSeconds,
    /// One line of 1 to 200 characters.
    pub reason: String,
}

impl Amnesty {
    /// The reason as every change has it.
    pub fn why(&self) -> OperatorReason {
        OperatorReason { reason: self.reason.clone() }
    }

    /// # Errors
    /// A span that ends before it begins or after now, or that is longer than [`AMNESTY_MAX_SECONDS`].
    pub fn check_span(&self, now: UnixSeconds) -> Result<(), FieldError> {
        let (from, to) = (self.from_unix_s.0, self.to_unix_s.0);
        if !(from..=now.0).contains(&to) {
            return Err(FieldError::bound(
                "to_unix_s",
                format!("from `from_unix_s`, {from}, to now, {}", now.0),
                to.to_string(),
            ));
        }
        if to - from > AMNESTY_MAX_SECONDS {
            let bound = format!("at most {AMNESTY_MAX_SECONDS} seconds before `to_unix_s`, {to}");
            return Err(FieldError::bound("from_unix_s", bound, from.to_string()));
        }
        Ok(())
    }
}

/// Answer of an amnesty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StruckFaults {
    /// Whose faults were struck.
    pub miners: u64,
    pub faults: u64,
}

/// Answer of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokedKey {
    pub revoked: ApiKeyId,
}

/// Answer of `GET /v1/admin/limits`: what the server was started with. Another value takes effect with its next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminLimits {
    pub limits: Vec<LimitView>,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LimitView {
    /// The flag that sets it.
    pub flag: String,
    /// With its unit.
    pub value: String,
    pub meaning: String,
}

/// What an operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperatorAction {
    PauseMiner,
    ResumeMiner,
    LimitKey,
    RevokeKey,
    DeclareAmnesty,
    HideReview,
    ShowReview,
}

impl OperatorAction {
    /// The text in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PauseMiner => "pause_miner",
            Self::ResumeMiner => "resume_miner",
            Self::LimitKey => "limit_key",
            Self::RevokeKey => "revoke_key",
            Self::DeclareAmnesty => "declare_amnesty",
            Self::HideReview => "hide_review",
            Self::ShowReview => "show_review",
        }
    }
}

/// One change that an operator made. None is ever altered or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperatorChange {
    pub at_unix_ms: UnixMillis,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub operator: Address,
    pub action: OperatorAction,
    /// A miner's address, the name of a key, a span in Unix seconds, or the receipt of a review.
    pub subject: String,
    pub reason: String,
    pub before: String,
    pub after: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_bounded_length() {
        let checked = |text: &str| OperatorReason { reason: text.to_owned() }.checked().map(str::to_owned);
        assert_eq!(checked("  a broken card ").unwrap(), "a broken card");
        assert!(checked(&"ü".repeat(OPERATOR_REASON_MAX_CHARS)).is_ok());
        for refused in ["", "  ", "two\nlines", "\u{7}", &"x".repeat(OPERATOR_REASON_MAX_CHARS + 1)] {
            assert_eq!(checked(refused).unwrap_err().field, "reason", "{refused:?}");
        }
    }

    #[test]
    fn a_filter_is_read_from_its_own_parts() {
        let filter = AdminJobFilter {
            id: Some(JobId::from_random(1)),
            state: Some(JobState::Running),
            class: Some(ClientClass::Paying),
            client: Some(Address::repeat_byte(1)),
            miner: None,
        };
        let parts = filter.parts();
        let part = |name: &str| parts.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone());
        assert_eq!(AdminJobFilter::read(part).unwrap(), filter);
        assert_eq!(AdminJobFilter::read(|_| None).unwrap(), AdminJobFilter::default());
        for name in ["id", "state", "class", "client", "miner"] {
            let refused = AdminJobFilter::read(|part| (part == name).then(|| "<nothing>".to_owned())).unwrap_err();
            assert_eq!(refused.field, name);
        }
    }

    #[test]
    fn an_amnesty_is_of_the_past_and_of_a_week_at_most() {
        let now = UnixSeconds(10 * SECONDS_PER_DAY);
        let check = |from: u64, to: u64| {
            let (from_unix_s, to_unix_s) = (UnixSeconds(from), UnixSeconds(to));
            let amnesty = Amnesty { from_unix_s, to_unix_s, reason: "a broken disk".to_owned() };
            amnesty.check_span(now).map_err(|error| error.field)
        };
        assert_eq!((check(5, 5), check(now.0 - AMNESTY_MAX_SECONDS, now.0)), (Ok(()), Ok(())));
        for (from, to, field) in [(5, 4, "to_unix_s"), (5, now.0 + 1, "to_unix_s"), (0, now.0, "from_unix_s")] {
            assert_eq!(check(from, to).unwrap_err(), field, "{from} to {to}");
        }
        assert_eq!(check(u64::MAX, u64::MAX).unwrap_err(), "to_unix_s");
    }

    #[test]
    fn words_are_those_of_json() {
        for class in ClientClass::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
        use OperatorAction::{DeclareAmnesty, HideReview, LimitKey, PauseMiner, ResumeMiner, RevokeKey, ShowReview};
        for action in [PauseMiner, ResumeMiner, LimitKey, RevokeKey, DeclareAmnesty, HideReview, ShowReview] {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
    }
}
