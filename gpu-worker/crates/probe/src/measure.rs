//! How a rate is measured, as rules over durations that the caller measures: warm up, find how many iterations fill a
//! lap, take several laps, report the median with its range.
//!
//! The laps are short enough for drivers that end work which runs for seconds, and long enough that starting one costs
//! nothing beside it.

use std::time::Duration;

use shared::hardware::Rate;

/// Runs that are thrown away: drivers compile, caches and clocks warm up.
pub const WARM_UPS: u32 = 2;

/// Laps that count, an odd number.
pub const LAPS: u32 = 7;

/// What a lap takes; the middle is aimed at.
pub const LAP_LEAST: Duration = Duration::from_millis(50);
pub const LAP_AIM: Duration = Duration::from_millis(100);
pub const LAP_MOST: Duration = Duration::from_millis(450);

/// Runs that calibration may take before the device counts as too unsteady.
const CALIBRATION_RUNS_MAX: u32 = 24;

/// Calibration goes up by at most this factor at once, so that one odd run does not make the next a long one.
const GROWTH_MAX: u128 = 8;

/// Whole lap by the wall's clock and, where it has one, by the device's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lap {
    pub wall: Duration,
    pub device: Option<Duration>,
}

/// Laps of equal length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    pub iterations: u32,
    pub laps: Vec<Lap>,
}

/// Measures by `run`, which does so many iterations, checks their result and says how long they took.
///
/// # Errors
/// The first error of `run`; a device of which one iteration outlasts [`LAP_MOST`]; one whose speed does not settle.
pub fn measure(mut run: impl FnMut(u32) -> Result<Lap, String>) -> Result<Series, String> {
    for _ in 0..WARM_UPS {
        run(1)?;
    }
    let mut iterations = 1;
    for _ in 0..CALIBRATION_RUNS_MAX {
        let wall = run(iterations)?.wall;
        if (LAP_LEAST..=LAP_MOST).contains(&wall) {
            let laps = (0..LAPS).map(|_| run(iterations)).collect::<Result<_, _>>()?;
            return Ok(Series { iterations, laps });
        }
        if iterations == 1 && wall > LAP_MOST {
            return Err(format!("one iteration takes {} ms, more than {}", wall.as_millis(), LAP_MOST.as_millis()));
        }
        iterations = next_iterations(iterations, wall);
    }
    Err(format!("its speed did not settle in {CALIBRATION_RUNS_MAX} runs"))
}

/// How many iterations should take [`LAP_AIM`], where so many took `wall`.
fn next_iterations(iterations: u32, wall: Duration) -> u32 {
    let wanted = u128::from(iterations) * LAP_AIM.as_nanos() / wall.as_nanos().max(1);
    let most = u128::from(iterations) * GROWTH_MAX;
    u32::try_from(wanted.clamp(1, most)).unwrap_or(u32::MAX)
}

impl Series {
    /// The rate in millions of what an iteration does `per_iteration` of, per second.
    pub fn rate_in_millions(&self, per_iteration: u64) -> Rate {
        let rate = |time: Duration| {
            let work = u128::from(per_iteration) * u128::from(self.iterations);
            u64::try_from(work * 1_000 / time.as_nanos().max(1)).unwrap_or(u64::MAX)
        };
        let by_wall = self.laps.iter().map(|lap| rate(lap.wall)).collect();
        let by_device: Option<Vec<u64>> = self.laps.iter().map(|lap| lap.device.map(rate)).collect();
        Rate { median_by_device_clock: by_device.and_then(median), ..rate_of(by_wall) }
    }
}

/// Median and range of rates, all 0 where there are none.
pub fn rate_of(rates: Vec<u64>) -> Rate {
    Rate {
        min: rates.iter().min().copied().unwrap_or(0),
        max: rates.iter().max().copied().unwrap_or(0),
        samples: u32::try_from(rates.len()).unwrap_or(u32::MAX),
        median: median(rates).unwrap_or(0),
        median_by_device_clock: None,
    }
}

/// The middle one, the upper of two middle ones; `None` of nothing.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A device on which an iteration takes so long, and starting a run so long.
    fn device(iteration_ns: u64, start_ns: u64) -> impl FnMut(u32) -> Result<Lap, String> {
        move |iterations| {
            let wall = Duration::from_nanos(start_ns + iteration_ns * u64::from(iterations));
            Ok(Lap { wall, device: None })
        }
    }

    #[test]
    fn a_device_that_is_too_slow_and_a_failing_one_say_so() {
        let error = measure(device(600_000_000, 0)).unwrap_err();
        assert_eq!(error, "one iteration takes 600 ms, more than 450");
        assert_eq!(measure(|_| Err("lost".to_owned())), Err("lost".to_owned()));
        let mut odd = [30, 700].map(Duration::from_millis).into_iter().cycle();
        let unsteady = measure(|_| Ok(Lap { wall: odd.next().unwrap(), device: None })).unwrap_err();
        assert!(unsteady.contains("did not settle"), "{unsteady}");
    }

    #[test]
    fn a_rate_is_work_by_time_on_both_clocks() {
        let lap = |wall, device| Lap { wall: Duration::from_millis(wall), device: Some(Duration::from_millis(device)) };
        let series = Series { iterations: 10, laps: vec![lap(100, 50), lap(200, 100), lap(400, 200)] };
        let rate = series.rate_in_millions(1_000_000);
        assert_eq!((rate.min, rate.median, rate.max, rate.samples), (25, 50, 100, 3));
        assert_eq!(rate.median_by_device_clock, Some(100));
        assert_eq!(rate_of(vec![]).samples, 0);
    }

    #[test]
    fn a_clock_that_misses_one_lap_counts_for_none() {
        let lap = |device| Lap { wall: Duration::from_millis(100), device };
        let series = Series { iterations: 1, laps: vec![lap(None), lap(Some(Duration::from_millis(1)))] };
        assert_eq!(series.rate_in_millions(1).median_by_device_clock, None);
    }

    proptest! {
        #[test]
        fn every_steady_device_is_measured_in_bounded_time(iteration_ns in 1_u64..400_000_000, start_ns in 0_u64..20_000_000) {
            let mut total = Duration::ZERO;
            let mut device = device(iteration_ns, start_ns);
            let series = measure(|iterations| {
                let lap = device(iterations)?;
                total += lap.wall;
                Ok(lap)
            });
            let series = series.unwrap();
            prop_assert_eq!(series.laps.len(), LAPS as usize);
            prop_assert!(series.laps.iter().all(|lap| (LAP_LEAST..=LAP_MOST).contains(&lap.wall)));
            prop_assert!(total < Duration::from_secs(6), "it took {total:?}");
        }

        #[test]
        fn a_median_lies_in_its_range_and_order_does_not_matter(mut rates in prop::collection::vec(any::<u64>(), 1..20)) {
            let rate = rate_of(rates.clone());
            prop_assert!(rate.min <= rate.median && rate.median <= rate.max);
            let below = rates.iter().filter(|one| **one < rate.median).count();
            let above = rates.iter().filter(|one| **one > rate.median).count();
            prop_assert!(below <= rates.len() / 2 && above <= rates.len() / 2);
            rates.reverse();
            prop_assert_eq!(rate_of(rates), rate);
        }

        #[test]
        fn calibration_never_jumps_or_vanishes(iterations in 1_u32.., wall_ns: u64) {
            let next = next_iterations(iterations, Duration::from_nanos(wall_ns));
            prop_assert!(next >= 1);
            prop_assert!(u64::from(next) <= u64::from(iterations) * 8);
        }
    }
}
