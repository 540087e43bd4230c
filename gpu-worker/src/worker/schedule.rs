//! Hours in which the worker rests. Pure; the caller reads the clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared::time::UnixMillis;

const MINUTES_PER_DAY: u16 = 24 * 60;

/// Widest offset from UTC that is in use.
const OFFSET_MAX_MINUTES: i32 = 14 * 60;

/// Section `[schedule]` of the worker's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Daily windows in which no jobs are taken, such as `08:00-18:00`; one that ends before it begins goes past
    /// midnight.
    pub pause: Vec<Window>,
    /// What the windows' hours are ahead of UTC, such as `+02:00`. There is no daylight saving in it.
    pub utc_offset: UtcOffset,
}

/// From a minute of the day to another, which is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    from: u16,
    to: u16,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcOffset {
    minutes: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("a window is HH:MM-HH:MM, got `{0}`")]
    Window(String),
    #[error("an offset is +HH:MM or -HH:MM, up to 14:00, got `{0}`")]
    Offset(String),
}

impl Schedule {
    /// The window that `now` is in.
    pub fn pausing(&self, now: UnixMillis) -> Option<Window> {
        let minutes = i64::try_from(now.seconds().0 / 60).unwrap_or(0) + i64::from(self.utc_offset.minutes);
        let minute = u16::try_from(minutes.rem_euclid(i64::from(MINUTES_PER_DAY))).unwrap_or(0);
        self.pause.iter().copied().find(|window| window.holds(minute))
    }
}

impl Window {
    fn holds(self, minute: u16) -> bool {
        if self.from <= self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

impl FromStr for Window {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ends = text.split_once('-').and_then(|(from, to)| Some((minutes(from)?, minutes(to)?)));
        match ends {
            Some((from, to)) if from < MINUTES_PER_DAY && to <= MINUTES_PER_DAY && from != to => Ok(Self { from, to }),
            _ => Err(ScheduleError::Window(text.into())),
        }
    }
}

impl FromStr for UtcOffset {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ScheduleError::Offset(text.into());
        let (sign, hours) = match text.split_at_checked(1) {
            Some(("+", hours)) => (1, hours),
            Some(("-", hours)) => (-1, hours),
            _ => return Err(wrong()),
        };
        let minutes = sign * i32::from(minutes(hours).ok_or_else(wrong)?);
        if minutes.abs() <= OFFSET_MAX_MINUTES { Ok(Self { minutes }) } else { Err(wrong()) }
    }
}

/// `HH:MM` as minutes.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits =
        |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse());
    let (hours, minutes): (u16, u16) = (two_digits(hours)?.ok()?, two_digits(minutes)?.ok()?);
    (minutes < 60 && hours <= 24).then_some(hours * 60 + minutes)
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(formatter, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minutes) = (if self.minutes < 0 { '-' } else { '+' }, self.minutes.abs());
        write!(formatter, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl TryFrom<String> for Window {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}

impl TryFrom<String> for UtcOffset {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UtcOffset> for String {
    fn from(offset: UtcOffset) -> Self {
        offset.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64, minutes: u64) -> UnixMillis {
        UnixMillis((86_400 * 20_000 + hours * 3_600 + minutes * 60) * 1_000)
    }

    fn schedule(windows: &[&str], offset: &str) -> Schedule {
        let pause = windows.iter().map(|window| window.parse().unwrap()).collect();
        Schedule { pause, utc_offset: offset.parse().unwrap() }
    }

    #[test]
    fn windows_hold_in_their_own_offset_and_past_midnight() {
        let day = schedule(&["08:00-18:00"], "+02:00");
        for (hours, minutes, pauses) in [(5, 59, false), (6, 0, true), (15, 59, true), (16, 0, false)] {
            assert_eq!(day.pausing(at(hours, minutes)).is_some(), pauses, "{hours}:{minutes} UTC");
        }
        let night = schedule(&["22:30-06:00", "12:00-13:00"], "+00:00");
        for (hours, minutes, pauses) in [(22, 29, false), (22, 30, true), (0, 0, true), (5, 59, true), (6, 0, false)] {
            assert_eq!(night.pausing(at(hours, minutes)).is_some(), pauses, "{hours}:{minutes} UTC");
        }
        assert_eq!(night.pausing(at(12, 30)).unwrap().to_string(), "12:00-13:00");
        assert!(schedule(&["00:00-24:00"], "-03:30").pausing(at(3, 0)).is_some());
        assert_eq!(Schedule::default().pausing(at(3, 0)), None);
    }

    #[test]
    fn what_is_no_time_is_named() {
        for text in ["", "8-18", "08:00", "08:00-08:00", "24:00-25:00", "08:60-09:00", "8:00-18:00", "+8:00-18:00"] {
            assert!(text.parse::<Window>().is_err(), "{text} was taken");
        }
        for text in ["", "02:00", "+2", "+15:00", "+02:60", "é02:00"] {
            assert!(text.parse::<UtcOffset>().is_err(), "{text} was taken");
        }
        assert_eq!("-03:30".parse::<UtcOffset>().unwrap().to_string(), "-03:30");
    }
}
