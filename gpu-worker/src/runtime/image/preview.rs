//! When a preview is worth its cost: it runs the decoder, which on a processor takes as long as several steps.

use std::time::{Duration, Instant};

/// Previews of one picture, evenly spread over its steps.
const PREVIEWS_PER_PICTURE: u32 = 3;

/// Previews take at most one part in this many of the time that a job has run.
const SHARE_OF_TIME: u32 = 3;

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

    /// Whether to draw one after `step` of `steps`, of which the last took `step_time`.
    pub(super) fn allows(&self, step: u32, steps: u32, step_time: Duration) -> bool {
        let parts = PREVIEWS_PER_PICTURE + 1;
        let enters_part = step * parts / steps > (step - 1) * parts / steps;
        let cost = self.last_cost.unwrap_or(step_time);
        step < steps && enters_part && (self.spent + cost) * SHARE_OF_TIME <= self.began.elapsed() + cost
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
        let budget = PreviewBudget::new(Instant::now().checked_sub(Duration::from_secs(60)).unwrap());
        let drawn: Vec<u32> = (1..=8).filter(|step| budget.allows(*step, 8, Duration::from_millis(1))).collect();
        assert_eq!(drawn, [2, 4, 6]);
        assert!(!budget.allows(1, 1, Duration::ZERO));
    }

    #[test]
    fn a_costly_decoder_is_spared() {
        let mut budget = PreviewBudget::new(Instant::now());
        budget.spent(Duration::from_secs(3600));
        assert!(!budget.allows(4, 8, Duration::from_millis(1)));
    }
}
