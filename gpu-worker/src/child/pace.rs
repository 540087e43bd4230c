//! How long an inference process may say nothing before it counts as hung: many times as long as its slowest step so
//! far took, for work of that size. Pure; the caller reads the clock.

use std::time::Duration;

use shared::amount::MicroUnits;
use tokio::time::Instant;

/// A step may take this many times as long as the slowest one so far.
const SLACK: f64 = 20.0;

/// What the process's finished runs tell about its speed.
#[derive(Debug, Clone)]
pub struct Pace {
    floor: Duration,
    slowest_seconds_per_micro_unit: f64,
}

/// One run, from one sign of life to the next.
#[derive(Debug, Clone)]
pub struct Beat {
    units: MicroUnits,
    /// Reports that the run will make, once it has made one.
    steps: u32,
    heard_at: Instant,
    longest_silence: Duration,
}

impl Pace {
    /// No silence shorter than `floor` counts.
    pub fn new(floor: Duration) -> Self {
        Self { floor, slowest_seconds_per_micro_unit: 0.0 }
    }

    /// The time at which the silence since `beat` counts as a hang.
    pub fn hung_at(&self, beat: &Beat) -> Instant {
        let measured = self.slowest_seconds_per_micro_unit * beat.units_per_step() * SLACK;
        let patience = Duration::try_from_secs_f64(measured).unwrap_or(Duration::ZERO).max(self.floor);
        beat.heard_at + patience
    }

    /// Learns from a run that ended well.
    pub fn learn(&mut self, beat: &Beat) {
        let units = beat.units_per_step().max(1.0);
        let seconds = beat.longest_silence.as_secs_f64() / units;
        self.slowest_seconds_per_micro_unit = self.slowest_seconds_per_micro_unit.max(seconds);
    }
}

impl Beat {
    pub fn begin(units: MicroUnits, now: Instant) -> Self {
        Self { units, steps: 1, heard_at: now, longest_silence: Duration::ZERO }
    }

    /// A step of `steps` was reported; the end of a run counts as its last.
    pub fn heard(&mut self, now: Instant, steps: u32) {
        self.longest_silence = self.longest_silence.max(now.saturating_duration_since(self.heard_at));
        self.heard_at = now;
        self.steps = steps.max(1);
    }

    /// How long nothing has been heard.
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard_at)
    }

    /// How many reports the run makes, as far as it is known.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    fn units_per_step(&self) -> f64 {
        self.units.0 as f64 / f64::from(self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: Duration = Duration::from_secs(10);

    fn seconds(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn an_unknown_pace_waits_for_the_floor() {
        let start = Instant::now();
        let beat = Beat::begin(MicroUnits(5_000_000), start);
        assert_eq!(Pace::new(FLOOR).hung_at(&beat), start + FLOOR);
    }

    #[test]
    fn patience_grows_with_the_slowest_step_and_with_the_size() {
        let (start, mut pace) = (Instant::now(), Pace::new(FLOOR));
        let mut run = Beat::begin(MicroUnits(2_000_000), start);
        run.heard(seconds(start, 1), 2);
        run.heard(seconds(start, 3), 2);
        pace.learn(&run);
        // Two seconds for a step of 1 000 000 units, so a step of twice the size may take 20 × 4 s.
        let mut larger = Beat::begin(MicroUnits(4_000_000), start);
        larger.heard(start, 2);
        assert_eq!(pace.hung_at(&larger), seconds(start, 80));
        // Small work still has the floor.
        assert_eq!(pace.hung_at(&Beat::begin(MicroUnits(10), start)), start + FLOOR);
    }

    #[test]
    fn a_run_that_did_not_end_teaches_nothing() {
        let (start, pace) = (Instant::now(), Pace::new(FLOOR));
        let mut hung = Beat::begin(MicroUnits(1), start);
        hung.heard(seconds(start, 9_999), 1);
        assert_eq!(pace.hung_at(&Beat::begin(MicroUnits(1), start)), start + FLOOR);
    }
}
