//! Whether a device serves. If its GPU fails repeatedly, or its process does not start because the GPU is missing, the
//! device is out of service until a process starts again. The worker tries that after a delay that doubles each time.
//! Pure; the caller reads the clock.

use std::time::{Duration, Instant};

/// A GPU counts as lost after this many failed batches in a row. One failure may be the fault of the work.
const FAILURES_MAX: u32 = 2;

const FIRST_LOOK_AFTER: Duration = Duration::from_secs(2);
const LONGEST_LOOK_AFTER: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Present,
    /// Out of service; the next attempt is due at this time.
    Lost { look_at: Instant },
    /// An attempt is under way: its process starts.
    Returning,
}

/// The service of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Service {
    state: State,
    /// Failures and failed attempts since it last did a job.
    setbacks: u32,
}

impl Service {
    pub fn state(&self) -> State {
        self.state
    }

    pub fn is_present(&self) -> bool {
        self.state == State::Present
    }

    /// When to look at it.
    pub fn look_at(&self) -> Option<Instant> {
        match self.state {
            State::Lost { look_at } => Some(look_at),
            State::Present | State::Returning => None,
        }
    }

    /// It did a job.
    pub fn served(&mut self) {
        if self.is_present() {
            self.setbacks = 0;
        }
    }

    /// It failed under a batch of jobs.
    pub fn failed(&mut self, now: Instant) {
        if !self.is_present() {
            return;
        }
        self.setbacks = self.setbacks.saturating_add(1);
        if self.setbacks >= FAILURES_MAX {
            self.lose(now);
        }
    }

    /// Its process did not start.
    pub fn missing(&mut self, now: Instant) {
        self.setbacks = self.setbacks.saturating_add(1);
        self.lose(now);
    }

    /// Somebody looks at it.
    pub fn look(&mut self) {
        if matches!(self.state, State::Lost { .. }) {
            self.state = State::Returning;
        }
    }

    /// Its process runs. Only a job shows that the GPU is well, so its setbacks still count.
    pub fn found(&mut self) {
        if self.state == State::Returning {
            self.state = State::Present;
        }
    }

    fn lose(&mut self, now: Instant) {
        let doublings = self.setbacks.saturating_sub(1).min(16);
        let wait = FIRST_LOOK_AFTER.saturating_mul(1 << doublings).min(LONGEST_LOOK_AFTER);
        self.state = State::Lost { look_at: now + wait };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gpu_that_is_missing_is_looked_at_less_and_less_often_and_serves_when_it_is_back() {
        let start = Instant::now();
        let mut service = Service::default();
        let mut waits = Vec::new();
        for _ in 0..10 {
            service.missing(start);
            waits.push((service.look_at().unwrap() - start).as_secs());
            service.look();
            assert_eq!((service.state(), service.look_at()), (State::Returning, None));
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        service.found();
        assert!(service.is_present());
        service.served();
        service.missing(start);
        assert_eq!(service.look_at(), Some(start + FIRST_LOOK_AFTER));
    }

    #[test]
    fn one_failure_is_forgiven_and_a_second_one_without_a_job_between_is_not() {
        let start = Instant::now();
        let mut service = Service::default();
        for _ in 0..5 {
            service.failed(start);
            assert!(service.is_present());
            service.served();
        }
        service.failed(start);
        service.failed(start);
        assert!(service.look_at().is_some());
        service.look();
        service.found();
        service.failed(start);
        let wait = service.look_at().unwrap() - start;
        assert_eq!(wait, 4 * FIRST_LOOK_AFTER, "a GPU that comes back and fails again waits for longer");
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Served,
        Failed,
        Missing,
        Look,
        Found,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop::sample::select(vec![Event::Served, Event::Failed, Event::Missing, Event::Look, Event::Found])
    }

    proptest! {
        #[test]
        fn it_comes_back_only_by_a_look_and_is_looked_at_within_bounds(
            events in prop::collection::vec((event(), 0..10_000_u64), 0..200),
        ) {
            let start = Instant::now();
            let mut service = Service::default();
            for (event, at_ms) in events {
                let (before, now) = (service, start + Duration::from_millis(at_ms));
                match event {
                    Event::Served => service.served(),
                    Event::Failed => service.failed(now),
                    Event::Missing => service.missing(now),
                    Event::Look => service.look(),
                    Event::Found => service.found(),
                }
                match (before.state, service.state) {
                    (State::Lost { .. }, State::Present) => prop_assert!(false, "it is back without a look"),
                    (State::Returning, State::Present) => prop_assert!(matches!(event, Event::Found)),
                    (State::Present, State::Lost { .. }) => {
                        prop_assert!(matches!(event, Event::Missing | Event::Failed));
                    }
                    (State::Present | State::Returning, State::Returning) => {
                        prop_assert!(before.state == State::Returning);
                    }
                    _ => {}
                }
                if before != service && let Some(look_at) = service.look_at() {
                    prop_assert!((now + FIRST_LOOK_AFTER..=now + LONGEST_LOOK_AFTER).contains(&look_at));
                }
                // Whatever happened before, a successful attempt ends the loss.
                let mut found = service;
                found.look();
                found.found();
                prop_assert!(found.is_present());
            }
        }
    }
}
