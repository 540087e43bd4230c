//! Whether following goes on, and how far behind it is.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long a node may be behind what others gave before its health check is red. To catch up takes its time.
const BEHIND_MAX: Duration = Duration::from_secs(60);

/// What a round of asking the others showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// What keeps blocks away, or shows that somebody has another chain.
    pub(super) fault: Option<String>,
    /// Blocks that nodes claim beyond the head here. Only such nodes count as have given what they were asked for.
    pub(super) behind_blocks: u64,
    /// Whether blocks were taken.
    pub(super) has_advanced: bool,
}

#[derive(Debug, Default)]
struct Known {
    fault: Option<String>,
    behind: Option<Behind>,
}

#[derive(Debug, Clone, Copy)]
struct Behind {
    since: Instant,
    blocks: u64,
}

/// How following goes, for health checks.
#[derive(Debug, Clone, Default)]
pub(crate) struct FollowState(Arc<RwLock<Known>>);

impl FollowState {
    /// Why a health check is red, where it is.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault_at(Instant::now())
    }

    /// Blocks that the other nodes have and this one has not.
    pub(crate) fn behind_blocks(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).behind.map_or(0, |behind| behind.blocks)
    }

    fn fault_at(&self, now: Instant) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.fault.clone().or_else(|| {
            let Behind { since, blocks } = known.behind?;
            let seconds = now.saturating_duration_since(since).as_secs();
            (seconds > BEHIND_MAX.as_secs())
                .then(|| format!("it is {blocks} blocks behind, and has been behind for {seconds} s"))
        })
    }

    /// Takes what a round showed, and logs what is new.
    pub(super) fn set(&self, round: &Round, now: Instant) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let since = known.behind.map_or(now, |behind| behind.since);
        known.behind = (round.behind_blocks > 0).then_some(Behind { since, blocks: round.behind_blocks });
        if known.fault == round.fault {
            return;
        }
        match &round.fault {
            Some(fault) => tracing::error!(fault, "not followed"),
            None => tracing::info!("followed again"),
        }
        known.fault.clone_from(&round.fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(behind_blocks: u64) -> Round {
        Round { behind_blocks, ..Round::default() }
    }

    #[test]
    fn to_be_behind_for_long_is_a_fault_and_to_catch_up_ends_it() {
        let (state, start) = (FollowState::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        state.set(&behind(900), at(0));
        state.set(&behind(400), at(50));
        assert_eq!((state.fault_at(at(60)), state.behind_blocks()), (None, 400));
        let fault = state.fault_at(at(61)).unwrap();
        assert_eq!(fault, "it is 400 blocks behind, and has been behind for 61 s");

        state.set(&behind(0), at(70));
        assert_eq!((state.fault_at(at(500)), state.behind_blocks()), (None, 0));
        state.set(&behind(1), at(500));
        assert_eq!(state.fault_at(at(560)), None, "the time counts anew");
    }

    #[test]
    fn what_keeps_blocks_away_is_told_before_the_lag() {
        let (state, now) = (FollowState::default(), Instant::now());
        state.set(&Round { fault: Some("nobody answers".to_owned()), ..behind(5) }, now);
        assert_eq!(state.fault_at(now + 2 * BEHIND_MAX).as_deref(), Some("nobody answers"));
    }
}
