//! Whether an audit ended as the answers to it say.

use hub::audit::{Compared, Verdict, verdict_of};
use shared::Address;
use shared::api::audits::{AuditState, Opinion};
use shared::log::entry::LoggedAudit;

/// What follows from the answers, by the rules of the hub.
fn follows(audit: &LoggedAudit) -> Option<(AuditState, Option<Address>)> {
    if audit.opinions.is_empty() {
        return Some((AuditState::Unanswered, None));
    }
    let compared = |opinion: &Opinion| {
        opinion.with_served.map(|with_served| Compared { with_served, with_audit: opinion.with_audit })
    };
    let answers: Vec<Option<Compared>> = audit.opinions.iter().map(compared).collect();
    let (verdict, refuted) = verdict_of(&answers)?;
    let state = match verdict {
        Verdict::Confirmed => AuditState::Confirmed,
        Verdict::Unclear => AuditState::Unclear,
        Verdict::Disputed => AuditState::Disputed,
        Verdict::Refuted => AuditState::Refuted,
        Verdict::AuditorRefuted => AuditState::AuditorRefuted,
        Verdict::ThirdRefuted => AuditState::ThirdRefuted,
    };
    let miner = |answer: usize| match answer.checked_sub(1) {
        None => Some(audit.provider),
        Some(opinion) => audit.opinions.get(opinion).map(|opinion| opinion.miner),
    };
    Some((state, refuted.and_then(miner)))
}

/// # Errors
/// In words, where the audit ended otherwise.
pub(super) fn check(audit: &LoggedAudit) -> Result<(), String> {
    let said = (audit.state, audit.refuted.as_ref().map(|refuted| refuted.miner));
    match follows(audit) {
        Some(follows) if follows == said => Ok(()),
        Some((state, refuted)) => {
            Err(format!("the audit's answers lead to {state:?} {refuted:?}, and it ended {:?} {:?}", said.0, said.1))
        }
        None => Err(format!("nothing called for the last of the audit's {} answers", audit.opinions.len())),
    }
}

#[cfg(test)]
mod tests {
    use shared::B256;
    use shared::comparison::{Agreement, Comparison};
    use shared::digest::Sha256Digest;
    use shared::id::JobId;
    use shared::job::task::TaskRole;
    use shared::log::entry::RefutedMiner;
    use shared::time::UnixSeconds;

    use super::*;

    const PROVIDER: Address = Address::repeat_byte(1);

    fn opinion(number: u8, role: TaskRole, with_served: Comparison, with_audit: Option<Comparison>) -> Opinion {
        let (miner, receipt_hash) = (Address::repeat_byte(number), B256::repeat_byte(number));
        Opinion {
            role,
            miner,
            receipt_hash,
            determinism_class: "class".into(),
            with_served: Some(with_served),
            with_audit,
        }
    }

    fn audit(state: AuditState, opinions: Vec<Opinion>, refuted: Option<u8>) -> LoggedAudit {
        LoggedAudit {
            job_id: JobId::from_random(1),
            receipt_hash: B256::ZERO,
            provider: PROVIDER,
            state,
            opinions,
            evidence_sha256: Sha256Digest::of(b""),
            bits: B256::ZERO,
            refuted: refuted.map(|number| RefutedMiner { miner: Address::repeat_byte(number), faults: 10 }),
            ended_at: UnixSeconds(1),
        }
    }

    #[test]
    fn an_audit_ends_as_its_answers_say_and_no_one_else_is_refuted() {
        let first = |comparison| opinion(2, TaskRole::Audit, comparison, None);
        let third = |served, audit| opinion(3, TaskRole::ThirdOpinion, served, Some(audit));
        let (equal, differs) = (Comparison::EQUAL, Comparison::DIFFERS);
        let unclear = Comparison { agreement: Agreement::Unclear, distance: None };
        let ends = [
            (vec![], AuditState::Unanswered, None),
            (vec![first(equal)], AuditState::Confirmed, None),
            (vec![first(unclear)], AuditState::Unclear, None),
            (vec![first(differs)], AuditState::Disputed, None),
            (vec![first(differs), third(differs, equal)], AuditState::Refuted, Some(1)),
            (vec![first(differs), third(equal, differs)], AuditState::AuditorRefuted, Some(2)),
            (vec![first(equal), third(equal, equal)], AuditState::Confirmed, None),
            (vec![first(equal), third(differs, differs)], AuditState::ThirdRefuted, Some(3)),
        ];
        for (opinions, state, refuted) in &ends {
            assert_eq!(check(&audit(*state, opinions.clone(), *refuted)), Ok(()), "{state:?}");
            for (_, other, someone) in &ends {
                let is_same = (other, someone) == (state, refuted);
                assert_eq!(check(&audit(*other, opinions.clone(), *someone)).is_ok(), is_same, "{state:?} {other:?}");
            }
            let nobody_else = check(&audit(*state, opinions.clone(), Some(9)));
            assert!(nobody_else.unwrap_err().contains("answers lead to"));
        }
        let uncalled = vec![first(unclear), third(equal, equal)];
        assert!(check(&audit(AuditState::Confirmed, uncalled, None)).unwrap_err().contains("nothing called for"));
    }
}
