//! What should have moved on by itself and did not: the hub's own work moves each of these on, so one that has waited for
//! longer than that work takes is a fault to look at, not something to wait for.
//!
//! Counting changes nothing. It takes what store and chain say at one moment, apart from the code that moves things, so
//! that a mistake there is seen here.

use shared::api::payments::PaymentState;
use shared::api::stuck::{STUCK_NAMES_MAX, StuckCount, StuckKind, StuckView};
use shared::time::{UnixMillis, UnixSeconds};

/// Something that waits, as store and chain tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A job that is not over.
    Job { deadline: UnixMillis },
    /// A lease that has not ended.
    Lease { deadline: UnixMillis },
    /// Money that the chain has set aside since a moment, and what the store has of its job.
    Reserved { since: UnixMillis, job: ReservedJob },
    /// A payment that is not over and has been in its state since a moment, and when its job ended.
    Payment { state: PaymentState, since: UnixMillis, job_over: Option<UnixMillis> },
    /// A receipt that is neither paid nor refused.
    Receipt { attested_at: UnixMillis, expires_at: UnixSeconds },
    /// A minted amount that is still held, or of which nobody has looked up whether it is.
    Hold { due: UnixMillis },
    /// A signed transaction that no block is known to have.
    Transaction { signed_at: UnixMillis },
}

/// What the store has of a job for which the chain has set money aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservedJob {
    /// Nothing: neither the job nor its payment.
    Unknown,
    /// It is not over, or its payment is on its way: [`Waiting::Payment`] tells of that.
    Moving,
    /// The store says that nothing is reserved for it any more, since this moment.
    Settled(UnixMillis),
}

impl Waiting {
    pub const fn kind(self) -> StuckKind {
        match self {
            Self::Job { .. } => StuckKind::Job,
            Self::Lease { .. } => StuckKind::Lease,
            Self::Reserved { .. } | Self::Payment { .. } => StuckKind::Reservation,
            Self::Receipt { .. } => StuckKind::Receipt,
            Self::Hold { .. } => StuckKind::Hold,
            Self::Transaction { .. } => StuckKind::Transaction,
        }
    }

    /// Since when it should have moved on; `None` where it need not.
    fn due(self, now: UnixMillis) -> Option<UnixMillis> {
        match self {
            Self::Job { deadline } | Self::Lease { deadline } => Some(deadline),
            Self::Reserved { since, job: ReservedJob::Unknown } => Some(since),
            Self::Reserved { job: ReservedJob::Moving, .. } => None,
            Self::Reserved { since, job: ReservedJob::Settled(at) } => Some(since.max(at)),
            Self::Payment { state, since, job_over } => match state {
                PaymentState::Awaiting | PaymentState::Reserving => Some(since),
                PaymentState::Reserved | PaymentState::Closing => job_over.map(|over| since.max(over)),
                _ => None,
            },
            // No block can take an expired one.
            Self::Receipt { expires_at, .. } if expires_at.millis() <= now => None,
            Self::Receipt { attested_at, .. } => Some(attested_at),
            Self::Hold { due } => Some(due),
            Self::Transaction { signed_at } => Some(signed_at),
        }
    }

    /// Since when it should have moved on, where that is longer ago than the hub's own work takes.
    pub fn stuck_since(self, now: UnixMillis) -> Option<UnixMillis> {
        self.due(now).filter(|due| now.since_ms(*due) > self.kind().limit_ms())
    }
}

/// Counts what is stuck of everything that was looked at. `more` names the kinds of which not all was looked at.
pub fn count(waiting: &[(String, Waiting)], more: &[StuckKind], now: UnixMillis) -> StuckView {
    let of_kind = |kind: StuckKind| {
        let is_of = |(name, waiting): &(String, Waiting)| {
            let since = waiting.stuck_since(now).filter(|_| waiting.kind() == kind)?;
            Some((since, name.clone()))
        };
        let mut found: Vec<(UnixMillis, String)> = waiting.iter().filter_map(is_of).collect();
        found.sort_unstable();
        // One job may be told of by the chain and by the store.
        let mut names = std::collections::BTreeSet::new();
        found.retain(|(_, name)| kind != StuckKind::Reservation || names.insert(name.clone()));
        StuckCount {
            kind,
            count: u64::try_from(found.len()).unwrap_or(u64::MAX),
            is_more: more.contains(&kind),
            oldest_unix_ms: found.first().map(|(since, _)| *since),
            names: found.into_iter().take(STUCK_NAMES_MAX).map(|(_, name)| name).collect(),
            meaning: kind.meaning().to_owned(),
            ask: kind.ask().to_owned(),
        }
    };
    let counts = StuckKind::ALL.map(of_kind).to_vec();
    StuckView {
        total: counts.iter().map(|count| count.count).sum(),
        counted_at_unix_ms: Some(now),
        chain_read_to: None,
        counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(10_000_000);

    fn before(ms: u64) -> UnixMillis {
        UnixMillis(NOW.0 - ms)
    }

    /// One of each kind, waiting since `since`.
    fn each(since: UnixMillis) -> Vec<Waiting> {
        let expires_at = UnixSeconds(NOW.0 / 1_000 + 3_600);
        let payment = |state, job_over| Waiting::Payment { state, since, job_over };
        vec![
            Waiting::Job { deadline: since },
            Waiting::Lease { deadline: since },
            Waiting::Reserved { since, job: ReservedJob::Unknown },
            Waiting::Reserved { since, job: ReservedJob::Settled(since) },
            payment(PaymentState::Awaiting, None),
            payment(PaymentState::Reserving, None),
            payment(PaymentState::Reserved, Some(since)),
            payment(PaymentState::Closing, Some(since)),
            Waiting::Receipt { attested_at: since, expires_at },
            Waiting::Hold { due: since },
            Waiting::Transaction { signed_at: since },
        ]
    }

    #[test]
    fn everything_is_stuck_after_its_time_and_nothing_before() {
        for kind in StuckKind::ALL {
            let of_kind = |since| each(since).into_iter().filter(move |waiting| waiting.kind() == kind);
            for waiting in of_kind(before(kind.limit_ms())) {
                assert_eq!(waiting.stuck_since(NOW), None, "{waiting:?}");
            }
            let since = before(kind.limit_ms() + 1);
            assert!(of_kind(since).count() > 0, "{kind:?}");
            for waiting in of_kind(since) {
                assert_eq!(waiting.stuck_since(NOW), Some(since), "{waiting:?}");
            }
        }
        assert!(each(NOW.plus_ms(60_000)).into_iter().all(|waiting| waiting.stuck_since(NOW).is_none()), "the future");
    }

    #[test]
    fn what_need_not_move_is_never_stuck() {
        let since = UnixMillis(0);
        let fine = [
            Waiting::Reserved { since, job: ReservedJob::Moving },
            Waiting::Payment { state: PaymentState::Reserved, since, job_over: None },
            Waiting::Payment { state: PaymentState::Settled, since, job_over: Some(since) },
            Waiting::Payment { state: PaymentState::Refunded, since, job_over: Some(since) },
            Waiting::Receipt { attested_at: since, expires_at: UnixSeconds(NOW.0 / 1_000) },
        ];
        for waiting in fine {
            assert_eq!(waiting.stuck_since(NOW), None, "{waiting:?}");
        }
        let just_over = Waiting::Reserved { since, job: ReservedJob::Settled(NOW) };
        assert_eq!(just_over.stuck_since(NOW), None, "the chain may be a block behind the store");
    }

    #[test]
    fn each_kind_has_its_count_its_oldest_and_its_names() {
        let old = before(9_000_000);
        let mut waiting: Vec<(String, Waiting)> =
            each(old).into_iter().enumerate().map(|(index, waiting)| (format!("{index}"), waiting)).collect();
        let lease = |index: u64| (format!("lease {index}"), Waiting::Lease { deadline: old.plus_ms(index + 1) });
        waiting.extend((0..20).map(lease));
        // The chain and the store tell of one job.
        waiting.push(("2".to_owned(), Waiting::Payment { state: PaymentState::Awaiting, since: old, job_over: None }));
        let view = count(&waiting, &[StuckKind::Lease], NOW);
        let counts: Vec<_> = view.counts.iter().map(|count| (count.kind, count.count, count.is_more)).collect();
        let expected = StuckKind::ALL.map(|kind| match kind {
            StuckKind::Lease => (kind, 21, true),
            StuckKind::Reservation => (kind, 6, false),
            kind => (kind, 1, false),
        });
        assert_eq!(counts, expected);
        assert_eq!((view.total, view.counted_at_unix_ms), (31, Some(NOW)));
        let leases = &view.counts[1];
        assert_eq!((leases.names.len(), leases.names[0].as_str(), leases.oldest_unix_ms), (10, "1", Some(old)));
        let empty = count(&[], &[], NOW);
        assert_eq!((empty.total, empty.counts.len()), (0, StuckKind::ALL.len()));
        assert!(empty.counts.iter().all(|count| !count.meaning.is_empty() && !count.ask.is_empty()));
    }
}
