//! What follows from the entries of a log: each miner's counts, and with what the chain has paid its sums.
//!
//! The hub counts the same while it writes. An auditor counts again and compares.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};

use super::entry::{EntryKind, LogEntry, LoggedAudit, LoggedReceipt, LoggedReview};
use super::faults::LiveFaults;
use crate::amount::Amount;
use crate::api::audits::AuditState;
use crate::id::JobId;
use crate::job::task::TaskRole;
use crate::review::{self, ReviewRefusal, ReviewTally};

/// What counts for and against one miner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinerCounts {
    pub jobs_completed: u64,
    pub faults: u64,
    pub audits_confirmed: u64,
    pub audits_refuted: u64,
    /// What clients said of its work.
    pub reviews: ReviewTally,
}

/// What one miner was paid, and what it waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinerSums {
    pub earned: Amount,
    pub pending: Amount,
}

/// An entry that contradicts the log before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("entry {index}: the receipt {receipt_hash} stands in the log twice")]
    Twice { index: u64, receipt_hash: B256 },
    #[error("entry {index}: the receipt {receipt_hash} is worth more than 2^128 attoAIT")]
    Overflow { index: u64, receipt_hash: B256 },
    #[error("entry {index}: the job {job_id} failed twice")]
    FailedTwice { index: u64, job_id: JobId },
    #[error("entry {index}: nothing in the log before it is what it says of the receipt {receipt_hash}")]
    OfNothing { index: u64, receipt_hash: B256 },
    #[error("entry {index}: the review of the receipt {receipt_hash} by {author} does not hold: {reason}")]
    Review { index: u64, receipt_hash: B256, author: Address, reason: ReviewRefusal },
}

/// What the ledger keeps of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptLine {
    pub index: u64,
    pub provider: Address,
    pub amount: Amount,
    pub client: Address,
    pub task_role: TaskRole,
    /// What the client pays for the work.
    pub paid: Amount,
}

/// How the chain paid a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// What the miner got.
    pub amount: Amount,
    pub transaction_hash: B256,
    pub block_number: u64,
    pub by: PaidThrough,
}

/// Which contract paid, and whether it still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaidThrough {
    Mint,
    /// Minted, and taken back while it was held.
    VoidedMint,
    Escrow,
}

/// Everything that follows from the entries so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    size: u64,
    kinds: BTreeMap<EntryKind, u64>,
    miners: BTreeMap<Address, MinerCounts>,
    receipts: BTreeMap<B256, ReceiptLine>,
    /// By the audited receipt.
    audits: BTreeMap<B256, (AuditState, Option<Address>)>,
    failed: BTreeSet<JobId>,
    /// By the reviewed receipt.
    reviews: BTreeMap<B256, LoggedReview>,
    faults: LiveFaults,
}

impl Ledger {
    /// Counts the next entry.
    pub fn count(&mut self, entry: &LogEntry) -> Result<(), LedgerError> {
        match entry {
            LogEntry::Receipt(receipt) => self.count_receipt(receipt)?,
            LogEntry::Failure(signed) => {
                let job_id = signed.failure.job_id;
                if !self.failed.insert(job_id) {
                    return Err(LedgerError::FailedTwice { index: self.size, job_id });
                }
            }
            LogEntry::Fault(fault) => self.miners.entry(fault.miner).or_default().faults += 1,
            LogEntry::Audit(audit) => self.count_audit(audit),
            LogEntry::Forgotten(forgotten) => drop(self.miners.remove(&forgotten.miner)),
            LogEntry::Review(review) => self.count_review(review)?,
            LogEntry::Hiding(hiding) => {
                if !self.reviews.contains_key(&hiding.receipt_hash) {
                    return Err(LedgerError::OfNothing { index: self.size, receipt_hash: hiding.receipt_hash });
                }
            }
            LogEntry::Amnesty(_) => {}
            // The chain has the first three, and a pause counts for nothing.
            LogEntry::Void(_) | LogEntry::Rejection(_) | LogEntry::Refund(_) | LogEntry::Pause(_) => {}
        }
        for (miner, struck) in self.faults.count(entry) {
            let counts = self.miners.entry(miner).or_default();
            counts.faults = counts.faults.saturating_sub(struck);
        }
        *self.kinds.entry(entry.kind()).or_default() += 1;
        self.size += 1;
        Ok(())
    }

    fn count_receipt(&mut self, receipt: &LoggedReceipt) -> Result<(), LedgerError> {
        let (index, receipt_hash, provider) = (self.size, receipt.receipt_hash, receipt.provider);
        let amount = receipt.amount().map_err(|_| LedgerError::Overflow { index, receipt_hash })?;
        let (client, task_role, paid) = (receipt.client, receipt.task_role, review::paid(receipt.contract, amount));
        let line = ReceiptLine { index, provider, amount, client, task_role, paid };
        if self.receipts.insert(receipt_hash, line).is_some() {
            return Err(LedgerError::Twice { index, receipt_hash });
        }
        self.miners.entry(provider).or_default().jobs_completed += 1;
        Ok(())
    }

    fn count_review(&mut self, review: &LoggedReview) -> Result<(), LedgerError> {
        let LoggedReview { receipt_hash, author, stars, .. } = *review;
        let index = self.size;
        let line = self.receipt(receipt_hash).ok_or(LedgerError::OfNothing { index, receipt_hash })?;
        review::check_author(author, line.client, line.provider, line.task_role)
            .map_err(|reason| LedgerError::Review { index, receipt_hash, author, reason })?;
        let tally = &mut self.miners.entry(line.provider).or_default().reviews;
        if let Some(before) = self.reviews.insert(receipt_hash, review.clone()) {
            tally.remove(before.stars, line.paid);
        }
        tally.add(stars, line.paid);
        Ok(())
    }

    fn count_audit(&mut self, audit: &LoggedAudit) {
        if audit.state.is_confirmed() {
            self.miners.entry(audit.provider).or_default().audits_confirmed += 1;
        }
        if let Some(refuted) = &audit.refuted {
            let counts = self.miners.entry(refuted.miner).or_default();
            counts.audits_refuted += 1;
            counts.faults = counts.faults.saturating_add(refuted.faults);
        }
        let refuted = audit.refuted.as_ref().map(|refuted| refuted.miner);
        self.audits.insert(audit.receipt_hash, (audit.state, refuted));
    }

    /// Entries counted.
    pub const fn size(&self) -> u64 {
        self.size
    }

    pub fn entries_of(&self, kind: EntryKind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }

    pub fn miners(&self) -> impl Iterator<Item = Address> {
        self.miners.keys().copied()
    }

    pub fn counts(&self, miner: Address) -> MinerCounts {
        self.miners.get(&miner).copied().unwrap_or_default()
    }

    /// Of all miners, as they are now.
    pub fn all_counts(&self) -> BTreeMap<Address, MinerCounts> {
        self.miners.clone()
    }

    pub fn receipt(&self, receipt_hash: B256) -> Option<ReceiptLine> {
        self.receipts.get(&receipt_hash).copied()
    }

    pub fn receipts(&self) -> impl Iterator<Item = (B256, ReceiptLine)> {
        self.receipts.iter().map(|(hash, line)| (*hash, *line))
    }

    /// The last review of a receipt.
    pub fn review(&self, receipt_hash: B256) -> Option<&LoggedReview> {
        self.reviews.get(&receipt_hash)
    }

    /// How the audit of a receipt ended, and who was refuted.
    pub fn audit(&self, receipt_hash: B256) -> Option<(AuditState, Option<Address>)> {
        self.audits.get(&receipt_hash).copied()
    }

    /// Each miner's sums, by what the chain has paid for the receipts among the first `size` entries. Sums above 2^128
    /// attoAIT, which no supply reaches, stay at that bound.
    pub fn sums(&self, paid: &BTreeMap<B256, Paid>, size: u64) -> BTreeMap<Address, MinerSums> {
        let plus = |sum: Amount, amount: Amount| sum.checked_add(amount).unwrap_or(Amount::from_atto(u128::MAX));
        let mut sums: BTreeMap<Address, MinerSums> = BTreeMap::new();
        for (hash, line) in self.receipts.iter().filter(|(_, line)| line.index < size) {
            let miner = sums.entry(line.provider).or_default();
            match paid.get(hash) {
                None => miner.pending = plus(miner.pending, line.amount),
                Some(Paid { by: PaidThrough::VoidedMint, .. }) => {}
                Some(paid) => miner.earned = plus(miner.earned, paid.amount),
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::ESCROW_ADDRESS;
    use crate::log::entry::{FaultCause, ForgottenMiner, LoggedFault, LoggedHiding, RefutedMiner};
    use crate::review::Stars;
    use crate::time::UnixSeconds;
    use crate::unit::UnitType;

    const MINER: Address = Address::repeat_byte(2);
    const AUDITOR: Address = Address::repeat_byte(3);

    fn receipt(number: u8, provider: Address) -> LogEntry {
        LogEntry::Receipt(LoggedReceipt {
            receipt_hash: B256::repeat_byte(number),
            job_id: JobId::from_random(u128::from(number)),
            task_role: TaskRole::Serve,
            provider,
            client: Address::repeat_byte(1),
            units: crate::amount::MicroUnits(2_000_000),
            unit_type: UnitType::MegapixelStep,
            unit_price: Amount::from_ait(3),
            expires_at: UnixSeconds(9),
            chain_id: 1,
            contract: Address::repeat_byte(9),
            miner_signature: vec![1; 65].into(),
            attestations: vec![],
            attested_at: UnixSeconds(8),
        })
    }

    fn fault(miner: Address) -> LogEntry {
        let (job_id, task_role) = (JobId::from_random(7), TaskRole::Serve);
        LogEntry::Fault(LoggedFault { miner, job_id, task_role, cause: FaultCause::Lease, at: UnixSeconds(7) })
    }

    fn audit(state: AuditState, refuted: Option<Address>) -> LogEntry {
        LogEntry::Audit(LoggedAudit {
            job_id: JobId::from_random(1),
            receipt_hash: B256::repeat_byte(1),
            provider: MINER,
            state,
            opinions: vec![],
            evidence_sha256: crate::digest::Sha256Digest::of(b""),
            bits: B256::ZERO,
            refuted: refuted.map(|miner| RefutedMiner { miner, faults: 10 }),
            ended_at: UnixSeconds(9),
        })
    }

    fn ledger(entries: &[LogEntry]) -> Ledger {
        let mut ledger = Ledger::default();
        entries.iter().try_for_each(|entry| ledger.count(entry)).unwrap();
        ledger
    }

    #[test]
    fn counts_are_of_the_entries_and_begin_anew_where_a_miner_is_forgotten() {
        let ledger = ledger(&[
            fault(MINER),
            LogEntry::Forgotten(ForgottenMiner { miner: MINER }),
            fault(MINER),
            receipt(1, MINER),
            receipt(2, AUDITOR),
            audit(AuditState::AuditorRefuted, Some(AUDITOR)),
        ]);
        let counts = MinerCounts { jobs_completed: 1, faults: 1, audits_confirmed: 1, ..MinerCounts::default() };
        assert_eq!(ledger.counts(MINER), counts);
        let counts = MinerCounts { jobs_completed: 1, faults: 10, audits_refuted: 1, ..MinerCounts::default() };
        assert_eq!(ledger.counts(AUDITOR), counts);
        assert_eq!(ledger.counts(Address::ZERO), MinerCounts::default());
        assert_eq!((ledger.size(), ledger.entries_of(EntryKind::Receipt)), (6, 2));
        assert_eq!(ledger.audit(B256::repeat_byte(1)), Some((AuditState::AuditorRefuted, Some(AUDITOR))));
    }

    #[test]
    fn an_amnesty_strikes_the_faults_of_its_span_and_not_those_of_a_refuted_result() {
        let amnesty = |from, to| {
            let (from, to, at) = (UnixSeconds(from), UnixSeconds(to), UnixSeconds(9));
            LogEntry::Amnesty(crate::log::entry::LoggedAmnesty { from, to, reason: "a broken disk".into(), at })
        };
        let entries = [fault(MINER), audit(AuditState::Refuted, Some(MINER)), fault(AUDITOR), amnesty(7, 7)];
        let ledger = ledger(&entries);
        assert_eq!((ledger.counts(MINER).faults, ledger.counts(AUDITOR).faults), (10, 0));
        assert_eq!(ledger.counts(MINER).audits_refuted, 1);
        assert_eq!(self::ledger(&[fault(MINER), amnesty(8, 9), amnesty(1, 6)]).counts(MINER).faults, 1);
    }

    #[test]
    fn a_receipt_is_pending_until_the_chain_paid_it_and_nothing_once_it_is_voided() {
        let ledger = ledger(&[receipt(1, MINER), receipt(2, MINER), receipt(3, MINER), receipt(4, MINER)]);
        let paid = |amount, by| Paid { amount, transaction_hash: B256::ZERO, block_number: 1, by };
        let of_chain = BTreeMap::from([
            (B256::repeat_byte(1), paid(Amount::from_ait(6), PaidThrough::Mint)),
            (B256::repeat_byte(2), paid(Amount::from_ait(5), PaidThrough::Escrow)),
            (B256::repeat_byte(3), paid(Amount::from_ait(6), PaidThrough::VoidedMint)),
            // Another hub's.
            (B256::repeat_byte(9), paid(Amount::from_ait(6), PaidThrough::Mint)),
        ]);
        let sums = ledger.sums(&of_chain, 4);
        let expected = MinerSums { earned: Amount::from_ait(11), pending: Amount::from_ait(6) };
        assert_eq!(sums, BTreeMap::from([(MINER, expected)]));
        let earlier = MinerSums { earned: Amount::from_ait(6), pending: Amount::ZERO };
        assert_eq!(ledger.sums(&of_chain, 1), BTreeMap::from([(MINER, earlier)]));
    }

    /// The same receipt, paid from the escrow.
    fn paid_receipt(number: u8, provider: Address) -> LogEntry {
        match receipt(number, provider) {
            LogEntry::Receipt(minted) => LogEntry::Receipt(LoggedReceipt { contract: ESCROW_ADDRESS, ..minted }),
            other => other,
        }
    }

    fn reviewed(number: u8, author: Address, stars: u8) -> LogEntry {
        let (receipt_hash, stars) = (B256::repeat_byte(number), Stars::try_from(stars).unwrap());
        LogEntry::Review(LoggedReview { receipt_hash, author, stars, text: None, at: UnixSeconds(9) })
    }

    #[test]
    fn the_last_review_of_a_paid_receipt_counts_and_one_of_minted_work_does_not() {
        let client = Address::repeat_byte(1);
        let ledger = ledger(&[
            paid_receipt(1, MINER),
            receipt(2, MINER),
            paid_receipt(3, MINER),
            reviewed(1, client, 5),
            reviewed(2, client, 1),
            reviewed(3, client, 4),
            reviewed(1, client, 2),
        ]);
        let reviews = ledger.counts(MINER).reviews;
        assert_eq!((reviews.paid, reviews.unpaid, reviews.mean_per_mille()), (2, 1, Some(3_000)));
        assert_eq!(ledger.entries_of(EntryKind::Review), 4);
        assert_eq!(ledger.counts(MINER).jobs_completed, 3);
    }

    #[test]
    fn a_review_that_nobody_may_have_left_contradicts_the_log() {
        let client = Address::repeat_byte(1);
        let refused = |receipt: LogEntry, author: Address| {
            let mut ledger = ledger(&[receipt]);
            ledger.count(&reviewed(1, author, 5)).unwrap_err()
        };
        let receipt_hash = B256::repeat_byte(1);
        let of_another = refused(paid_receipt(1, MINER), AUDITOR);
        let reason = ReviewRefusal::OfAnother { client };
        assert_eq!(of_another, LedgerError::Review { index: 1, receipt_hash, author: AUDITOR, reason });
        let own = refused(paid_receipt(1, client), client);
        assert!(matches!(own, LedgerError::Review { reason: ReviewRefusal::OwnWork, .. }), "{own}");
        assert_eq!(refused(paid_receipt(2, MINER), client), LedgerError::OfNothing { index: 1, receipt_hash });
        let (hidden, reason, at) = (true, "abuse".to_owned(), UnixSeconds(9));
        let hiding = LogEntry::Hiding(LoggedHiding { receipt_hash, hidden, reason, at });
        let mut ledger = ledger(&[paid_receipt(1, MINER)]);
        assert_eq!(ledger.count(&hiding).unwrap_err(), LedgerError::OfNothing { index: 1, receipt_hash });
        ledger.count(&reviewed(1, client, 1)).unwrap();
        let before = ledger.counts(MINER);
        ledger.count(&hiding).unwrap();
        assert_eq!(ledger.counts(MINER), before, "the stars of a hidden text count as before");
    }

    #[test]
    fn a_receipt_counts_once() {
        let mut ledger = ledger(&[receipt(1, MINER)]);
        let error = ledger.count(&receipt(1, AUDITOR)).unwrap_err();
        assert_eq!(error, LedgerError::Twice { index: 1, receipt_hash: B256::repeat_byte(1) });
    }
}
