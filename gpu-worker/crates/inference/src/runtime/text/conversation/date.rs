//! Dates as templates ask for them, in UTC and in English: the model that reads them was trained on those.

use shared::time::{SECONDS_PER_DAY, UnixSeconds, civil_date};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From the weekday of 1970-01-01.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// `at` as C's `strftime` writes it, for the directives that templates use.
///
/// # Errors
/// Another directive.
pub(super) fn format(format: &str, at: UnixSeconds) -> Result<String, String> {
    let mut text = String::with_capacity(format.len());
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let directive = letters.next();
        let directive = directive.and_then(|directive| part(directive, at)).ok_or_else(|| {
            let directive = directive.map_or(String::new(), String::from);
            format!("strftime_now knows no %{directive}")
        })?;
        text.push_str(&directive);
    }
    Ok(text)
}

fn part(directive: char, at: UnixSeconds) -> Option<String> {
    let (days, second) = (at.0 / SECONDS_PER_DAY, at.0 % SECONDS_PER_DAY);
    let (year, month, day) = civil_date(days);
    let month_name = MONTHS[(month as usize - 1) % MONTHS.len()];
    let weekday = WEEKDAYS[days as usize % WEEKDAYS.len()];
    Some(match directive {
        'Y' => year.to_string(),
        'y' => format!("{:02}", year % 100),
        'm' => format!("{month:02}"),
        'd' => format!("{day:02}"),
        'e' => format!("{day:2}"),
        'B' => month_name.to_owned(),
        'b' => month_name[..3].to_owned(),
        'A' => weekday.to_owned(),
        'a' => weekday[..3].to_owned(),
        'F' => format!("{year}-{month:02}-{day:02}"),
        'H' => format!("{:02}", second / 3_600),
        'M' => format!("{:02}", second / 60 % 60),
        'S' => format!("{:02}", second % 60),
        '%' => "%".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_strftime() {
        // GNU date -u -d @SECONDS +FORMAT.
        for (seconds, expected) in [
            (0, "Thursday 01 January 1970, Thu  1 Jan 70, 1970-01-01 00:00:00 %"),
            (951_825_599, "Tuesday 29 February 2000, Tue 29 Feb 00, 2000-02-29 11:59:59 %"),
            (1_795_219_200, "Saturday 21 November 2026, Sat 21 Nov 26, 2026-11-21 00:00:00 %"),
        ] {
            let text = format("%A %d %B %Y, %a %e %b %y, %F %H:%M:%S %%", UnixSeconds(seconds)).unwrap();
            assert_eq!(text, expected);
        }
        assert_eq!(format("%d %Q", UnixSeconds(0)).unwrap_err(), "strftime_now knows no %Q");
        assert!(format("%", UnixSeconds(0)).is_err());
    }
}
