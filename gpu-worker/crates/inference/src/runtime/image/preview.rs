//! When a preview is worth its cost: it runs the decoder, which on a processor takes as long as several steps.

use std::time::{Duration, Instant};

/// Previews of one picture, evenly spread over its steps.
const PREVIEWS_PER_PICTURE: u32 = 3;

/// Previews take at most one part in this many of the time that a job has run.
const SHARE_OF_TIME: u32 = 3;

/// Whether a preview is due after `step` of `steps`.
pub(super) fn is_due(step: u32, steps: u32) -> bool {
    let parts = PREVIEWS_PER_PICTURE + 1;
    step < steps && step * parts / steps > (step - 1) * parts / steps
}

#[derive(Debug)]
pub(super) struct PreviewBudget {
    began: Instant,
    spent: Duration,
    last_cost: Option<Duration>,
}

impl PreviewBudget {
    pub(super) fn new(began: Instant) -> Self {
        Self { began, spent: Duration::ZERO, last_cost: None }
    }

    /// Whether the decoder may draw one now that a step took `step_time`.
    pub(super) fn affords(&self, step_time: Duration) -> bool {
        let cost = self.last_cost.unwrap_or(step_time);
        (self.spent + cost) * SHARE_OF_TIME <= self.began.elapsed() + cost
    }

    pub(super) fn spent(&mut self, cost: Duration) {
        self.spent += cost;
        self.last_cost = Some(cost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_come_at_the_quarters_and_never_last() {
        let drawn: Vec<u32> = (1..=8).filter(|step| is_due(*step, 8)).collect();
        assert_eq!(drawn, [2, 4, 6]);
        assert!(!is_due(1, 1));
    }

    #[test]
    fn a_costly_decoder_is_spared() {
        let mut budget = PreviewBudget::new(Instant::now().checked_sub(Duration::from_secs(60)).unwrap());
        assert!(budget.affords(Duration::from_millis(1)));
        budget.spent(Duration::from_secs(3600));
        assert!(!budget.affords(Duration::from_millis(1)));
    }
}
