//! Where the candles of a chart stand, and what its axes say. Prices stay whole numbers until they are drawn.

use shared::time::{UnixSeconds, civil_date};

/// Slots of time that a chart shows, its newest candle in the last one.
pub const SLOTS: u16 = 80;

/// Labels of the axis of time: one at the beginning of each quarter.
pub(super) const TIME_LABELS: u64 = 4;

/// Most lines of the axis of prices.
const LINES_MAX: u128 = 6;

/// The part of a single price that is free above and below it.
const FLAT_ROOM_PART: u128 = 100;

/// Round prices from below the lowest candle to above the highest, each a step from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PriceAxis {
    pub(super) bottom: u128,
    pub(super) step: u128,
    /// Lines above the bottom one.
    pub(super) steps: u128,
}

impl PriceAxis {
    /// `tick` is the smallest step that prices can have. A single price stands between two lines, not on the lowest.
    pub(super) fn around(lowest: u128, highest: u128, tick: u128) -> Self {
        let room = if lowest == highest { (lowest / FLAT_ROOM_PART).max(tick.max(1)) } else { 0 };
        let (lowest, highest) = (lowest.saturating_sub(room), highest.saturating_add(room));
        let mut scale = tick.max(1);
        loop {
            for factor in [1, 2, 5] {
                let step = scale.saturating_mul(factor);
                let bottom = lowest / step * step;
                let steps = highest.saturating_sub(bottom).div_ceil(step).max(1);
                if steps < LINES_MAX {
                    return Self { bottom, step, steps };
                }
            }
            scale = scale.saturating_mul(10);
        }
    }

    /// From the highest down, as they are written.
    pub(super) fn lines(self) -> impl Iterator<Item = u128> {
        (0..=self.steps).rev().map(move |line| self.bottom + self.step * line)
    }

    /// Parts of the height from the top: 0 is the highest line, 1 the lowest.
    pub(super) fn place(self, price: u128) -> f64 {
        1.0 - ratio(price.saturating_sub(self.bottom), self.step * self.steps)
    }
}

/// For drawing only.
#[expect(clippy::cast_precision_loss, reason = "a drawing has fewer pixels than a double has digits")]
pub(super) fn ratio(part: u128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Slots of one length, the last of which is that of `newest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeAxis {
    pub(super) first: UnixSeconds,
    pub(super) slot_seconds: u64,
}

impl TimeAxis {
    pub(super) fn up_to(newest: UnixSeconds, slot_seconds: u64) -> Self {
        let slot_seconds = slot_seconds.max(1);
        let last = newest.0 / slot_seconds;
        Self { first: UnixSeconds((last + 1).saturating_sub(u64::from(SLOTS)) * slot_seconds), slot_seconds }
    }

    /// Nothing for what began before the first slot.
    pub(super) fn slot(self, start: UnixSeconds) -> Option<u64> {
        let slot = start.0.checked_sub(self.first.0)? / self.slot_seconds;
        (slot < u64::from(SLOTS)).then_some(slot)
    }

    pub(super) fn labels(self) -> impl Iterator<Item = String> {
        let quarter = u64::from(SLOTS) / TIME_LABELS * self.slot_seconds;
        (0..TIME_LABELS).map(move |label| label_of(UnixSeconds(self.first.0 + label * quarter), quarter))
    }
}

const DAY: u64 = 86_400;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time alone where labels are less than six hours apart, the day alone where they are days apart.
fn label_of(at: UnixSeconds, apart_seconds: u64) -> String {
    let (_, month, day) = civil_date(at.0 / DAY);
    let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"");
    let second = at.0 % DAY;
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    match apart_seconds {
        0..21_600 => format!("{hour:02}:{minute:02}"),
        21_600..259_200 => format!("{day} {month} {hour:02}:{minute:02}"),
        _ => format!("{day} {month}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_round_and_hold_every_price() {
        let axis = PriceAxis::around(19_873, 21_460, 10);
        assert_eq!(axis.lines().collect::<Vec<_>>(), [21_500, 21_000, 20_500, 20_000, 19_500]);
        assert!((axis.place(21_500) - 0.0).abs() < 1e-9 && (axis.place(19_500) - 1.0).abs() < 1e-9);
        let single = PriceAxis::around(2_475, 2_475, 1);
        assert!((0.2..0.8).contains(&single.place(2_475)), "a single price is in the middle: {single:?}");
        for (lowest, highest, tick) in [(0, 0, 1), (5, 5, 1), (1, 1_000_000, 3), (7, 8, 10), (0, u128::MAX / 100, 1)] {
            let axis = PriceAxis::around(lowest, highest, tick);
            let lines: Vec<_> = axis.lines().collect();
            assert!((2..=6).contains(&lines.len()), "{lowest} to {highest}: {} lines", lines.len());
            assert!(lines[0] >= highest && lines[lines.len() - 1] <= lowest, "{lowest} to {highest}: {lines:?}");
            assert!(axis.step.is_multiple_of(tick));
        }
    }

    #[test]
    fn the_newest_candle_is_in_the_last_slot() {
        let axis = TimeAxis::up_to(UnixSeconds(1_795_226_030), 60);
        assert_eq!(axis.slot(UnixSeconds(1_795_226_030)), Some(u64::from(SLOTS) - 1));
        assert_eq!(axis.slot(axis.first), Some(0));
        assert_eq!(axis.slot(UnixSeconds(axis.first.0 - 60)), None);
        assert_eq!(axis.slot(UnixSeconds(1_795_226_030 + 60)), None);
        assert_eq!(TimeAxis::up_to(UnixSeconds(30), 60).first, UnixSeconds(0));
    }

    #[test]
    fn labels_say_what_tells_them_apart() {
        let at = UnixSeconds(1_795_226_000);
        assert_eq!(
            [label_of(at, 1_200), label_of(at, 86_400), label_of(at, 864_000)],
            ["01:53", "21 Nov 01:53", "21 Nov"]
        );
    }
}
