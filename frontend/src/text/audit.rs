//! Words about results that other miners compute again.

use shared::api::audits::{AuditState, AuditView, Opinion, Unaudited};
use shared::comparison::{Agreement, Comparison};

pub const AUDIT: &str = "Computed again";
pub const AUDIT_HELP: &str = "After a result is committed to, chance decides whether another miner computes it again. Where the two differ, a third one is asked, and now and then where they agree, so that third ones are honest. Who stands alone against two is refuted and loses what the minter holds of it.";
pub const EVIDENCE: &str = "Evidence";
pub const EVIDENCE_HELP: &str =
    "SHA-256 of who computed what and how it compares. A receipt that is taken back names it on the chain.";
pub const VOID: &str = "Taken back because";
pub const VOID_HELP: &str = "Its miner was refuted. What the minter still holds of its receipts is burnt.";
pub const NOT_DRAWN: &str = "not drawn";
pub const CONFIRMED: &str = "Results confirmed by other miners";
pub const REFUTED: &str = "Refuted";
pub const SHARE: &str = "Next result audited";

/// How an opinion stands to the result.
fn agreement(comparison: Option<Comparison>) -> &'static str {
    match comparison.map(|comparison| comparison.agreement) {
        Some(Agreement::Equal) => "equal",
        Some(Agreement::WithinTolerance) => "within tolerance",
        Some(Agreement::Unclear) => "too near to differ and too far to agree",
        Some(Agreement::Differs) => "another result",
        None => "nothing left to compare with",
    }
}

fn opinion(opinion: &Opinion) -> String {
    let what = agreement(opinion.with_served);
    match opinion.role.is_third_opinion() {
        true => {
            let audit = agreement(opinion.with_audit);
            format!("a third time by {}: {what}; beside the second: {audit}", opinion.miner)
        }
        false => format!("by {}: {what}", opinion.miner),
    }
}

/// Why no other miner is asked.
pub const fn unaudited(why: Unaudited) -> &'static str {
    match why {
        Unaudited::HubAuditsNothing => "not audited: this hub audits nothing",
        Unaudited::MinersNamed => {
            "not audited: the client pays and names the miners that may see the job, so no other one is asked"
        }
        Unaudited::ModelNotPinned => {
            "not audited: an auditor is paid by a mint, and this hub mints only for models that it pins"
        }
        Unaudited::DayUsedUp => {
            "not audited: what may be minted for this client's jobs in a day, their audits included, was used up"
        }
    }
}

/// What became of a receipt's audit, in one sentence.
pub fn sentence(audit: Option<&AuditView>, why_not: Option<Unaudited>) -> String {
    let Some(audit) = audit else { return why_not.map_or(NOT_DRAWN, unaudited).to_owned() };
    let mut said: Vec<String> = audit.opinions.iter().map(opinion).collect();
    let end = match (audit.state, audit.refuted) {
        (AuditState::Waiting, _) => Some("drawn, and told when it has ended".to_owned()),
        (AuditState::Unanswered, _) => Some("drawn, and no other miner answered".to_owned()),
        (AuditState::Disputed, _) => Some("disputed, and nobody decided it".to_owned()),
        (AuditState::Refuted | AuditState::AuditorRefuted | AuditState::ThirdRefuted, Some(miner)) => {
            Some(format!("{miner} is refuted"))
        }
        _ => None,
    };
    said.extend(end);
    said.join("; ")
}

/// A chance in thousandths.
pub fn share(per_mille: u64) -> String {
    format!("{}.{} in 100", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use shared::digest::Sha256Digest;
    use shared::time::UnixMillis;
    use shared::{Address, B256};

    use shared::job::task::TaskRole;

    use super::*;

    fn opinion_of(role: TaskRole, number: u8, with_served: Comparison) -> Opinion {
        Opinion {
            role,
            miner: Address::repeat_byte(number),
            receipt_hash: B256::repeat_byte(number),
            determinism_class: "class".into(),
            with_served: Some(with_served),
            with_audit: Some(Comparison::EQUAL),
        }
    }

    fn audit(state: AuditState, opinions: Vec<Opinion>, refuted: Option<u8>) -> AuditView {
        AuditView {
            receipt_hash: B256::ZERO,
            provider: Address::repeat_byte(1),
            state,
            opened_at_unix_ms: UnixMillis(1),
            ended_at_unix_ms: (state != AuditState::Waiting).then_some(UnixMillis(2)),
            opinions,
            refuted: refuted.map(Address::repeat_byte),
            evidence_sha256: Sha256Digest::of(b""),
        }
    }

    #[test]
    fn every_audit_says_who_computed_again_and_what_came_of_it() {
        assert_eq!(sentence(None, None), "not drawn");
        let why =
            [Unaudited::HubAuditsNothing, Unaudited::MinersNamed, Unaudited::ModelNotPinned, Unaudited::DayUsedUp]
                .map(|why| sentence(None, Some(why)));
        assert!(why.iter().all(|said| said.starts_with("not audited: ")), "{why:?}");
        assert_eq!(
            sentence(Some(&audit(AuditState::Waiting, vec![], None)), None),
            "drawn, and told when it has ended"
        );
        let confirmed = audit(AuditState::Confirmed, vec![opinion_of(TaskRole::Audit, 2, Comparison::EQUAL)], None);
        assert_eq!(sentence(Some(&confirmed), None), format!("by {}: equal", Address::repeat_byte(2)));
        let opinions = vec![
            opinion_of(TaskRole::Audit, 2, Comparison::DIFFERS),
            opinion_of(TaskRole::ThirdOpinion, 3, Comparison::DIFFERS),
        ];
        let refuted = sentence(Some(&audit(AuditState::Refuted, opinions.clone(), Some(1))), None);
        assert!(refuted.ends_with(&format!("{} is refuted", Address::repeat_byte(1))), "{refuted}");
        assert!(refuted.contains("another result") && refuted.contains("a third time by"), "{refuted}");
        let disputed = sentence(Some(&audit(AuditState::Disputed, opinions, None)), None);
        assert!(disputed.ends_with("nobody decided it"), "{disputed}");
    }
}
