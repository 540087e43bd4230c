//! Dates with times after RFC 3339.

use std::fmt;

use shared::time::{SECONDS_PER_DAY, UnixMillis, civil_date};

const MS_PER_SECOND: u64 = 1_000;

/// Why a text is no date with a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a date with a time is `2026-11-29T08:45:43.000Z` or has an offset as `+01:00`, from 1970 to 9999, got `{0}`")]
pub struct DateTimeError(pub String);

/// Shown in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime(pub(super) UnixMillis);

impl fmt::Display for DateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.0.0 / MS_PER_SECOND, self.0.0 % MS_PER_SECOND);
        let (year, month, day) = civil_date(seconds / SECONDS_PER_DAY);
        let of_day = seconds % SECONDS_PER_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

impl DateTime {
    /// Fractions of a second below a millisecond are dropped.
    pub(super) fn parse(text: &str) -> Result<Self, DateTimeError> {
        Self::read(text).ok_or_else(|| DateTimeError(text.chars().take(64).collect()))
    }

    fn read(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let time = rest.strip_prefix(['T', 't'])?;
        let offset_at = time.find(['Z', 'z', '+', '-'])?;
        let (clock, offset) = time.split_at(offset_at);
        let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let days = days_since_1970(fields(date, '-', [4, 2, 2])?)?;
        let [hour, minute, second] = fields(whole, ':', [2, 2, 2])?;
        // A leap second counts as the second after it.
        if hour > 23 || minute > 59 || second > 60 || !is_digits(fraction) {
            return None;
        }
        let local = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
        let seconds = match offset.split_at_checked(1)? {
            ("Z" | "z", "") => local,
            ("+", ahead) => local.checked_sub(offset_seconds(ahead)?)?,
            ("-", behind) => local + offset_seconds(behind)?,
            _ => return None,
        };
        let ms: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        Some(Self(UnixMillis(seconds * MS_PER_SECOND + ms)))
    }
}

fn offset_seconds(text: &str) -> Option<u64> {
    let [hours, minutes] = fields(text, ':', [2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)
}

/// Numbers of so many digits each, with `separator` between them.
fn fields<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && is_digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// `None` for a day that no month has, and before 1970.
fn days_since_1970([year, month, day]: [u64; 3]) -> Option<u64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    if year < 1970 || day < 1 || day > *lengths.get(before)? {
        return None;
    }
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    Some(years + lengths[..before].iter().sum::<u64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(ms in 0_u64..253_402_300_800_000) {
            let shown = DateTime(UnixMillis(ms));
            prop_assert_eq!(DateTime::parse(&shown.to_string()), Ok(shown));
        }
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        let at = |text: &str| DateTime::parse(text).map(|read| read.0.0);
        assert_eq!(at("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(at("2000-02-29T12:00:00.5Z"), Ok(951_825_600_500));
        assert_eq!(at("2000-02-29T13:30:00.500999+01:30"), Ok(951_825_600_500));
        assert_eq!(at("2000-02-28t23:00:00-13:00"), Ok(951_825_600_000));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "now",
            "2000-02-30T00:00:00Z",
            "1900-01-01T00:00:00Z",
            "2001-02-29T00:00:00Z",
            "2000-13-01T00:00:00Z",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:00:00",
            "2000-01-01 00:00:00Z",
            "2000-01-01T00:00:00.Z",
            "2000-1-1T00:00:00Z",
            "2000-01-01T00:00:00+1:00",
            "1970-01-01T00:00:00+00:01",
            "2000-01-01T00:00:00Zjunk",
            "２000-01-01T00:00:00Z",
        ] {
            assert_eq!(DateTime::parse(text), Err(DateTimeError(text.to_owned())), "{text}");
        }
    }
}
