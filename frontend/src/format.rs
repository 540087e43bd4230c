//! Numbers, times and long names as people read them.

use shared::amount::Amount;
use shared::time::{UnixMillis, UnixSeconds, civil_date};

/// Narrow no-break space between groups of three digits.
const GROUP: char = '\u{202f}';

/// Fraction digits shown of an amount; the rest is in its title.
const FRACTION_DIGITS: usize = 6;

/// `1234567` as `1 234 567`.
pub fn grouped(number: impl Into<u128>) -> String {
    grouped_digits(&number.into().to_string())
}

fn grouped_digits(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(GROUP);
        }
        text.push(digit);
    }
    text
}

/// The integer part, grouped, and the visible fraction with its point, empty where there is none. An amount below the
/// visible digits keeps its first significant one.
pub fn amount_parts(amount: Amount) -> (String, String) {
    let (whole, fraction) = amount.parts();
    let significant = fraction.find(|digit| digit != '0').unwrap_or(0);
    let digits = if whole == 0 { FRACTION_DIGITS.max(significant + 2) } else { FRACTION_DIGITS };
    let shown = fraction[..digits.min(fraction.len())].trim_end_matches('0');
    let fraction = if shown.is_empty() { String::new() } else { format!(".{shown}") };
    (grouped(whole), fraction)
}

/// A whole number of a token's smallest unit with its decimal point: `1 234.5`. The second part has every digit.
pub fn token_amount(smallest: &str, decimals: Option<u8>) -> (String, String) {
    let decimals = usize::from(decimals.unwrap_or(0));
    let padded = format!("{smallest:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    let exact = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    let significant = fraction.find(|digit| digit != '0').unwrap_or(0);
    let digits = if whole == "0" { FRACTION_DIGITS.max(significant + 2) } else { FRACTION_DIGITS };
    let shown = fraction[..digits.min(fraction.len())].trim_end_matches('0');
    let grouped = grouped_digits(whole);
    (if shown.is_empty() { grouped } else { format!("{grouped}.{shown}") }, exact)
}

/// `12.5 %` of millionths.
pub fn percent(per_million: u32) -> String {
    match per_million {
        0..100 => "< 0.01 %".to_owned(),
        _ => format!("{}.{:02} %", per_million / 10_000, per_million % 10_000 / 100),
    }
}

/// `0x12ab…89ef`.
pub fn shortened(hex: &str) -> String {
    match hex.len() {
        0..=12 => hex.to_owned(),
        length => format!("{}…{}", &hex[..6], &hex[length - 4..]),
    }
}

/// The first characters of a text, with an ellipsis where some are left off.
pub fn clipped(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let head: String = text.chars().take(max_chars.saturating_sub(1)).collect();
    format!("{}…", head.trim_end())
}

/// Text for `<title>` and `<textarea>`: the renderer writes the content of these two as it is, and a browser reads
/// character references in them.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `application/x-www-form-urlencoded` without the plus sign for blanks.
pub fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// `12 s ago`; a moment that the reader's clock has not reached yet is `now`.
pub fn age(at: UnixMillis, now: UnixMillis) -> String {
    let seconds = now.since_ms(at) / 1000;
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// `840 ms`, `2.4 s`, `3 min 05 s`.
pub fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => format!("{} min {:02} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}

/// `1.4 kB`, `3.0 MB`; powers of 1000.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", count / 1_000_000_000, count % 1_000_000_000 / 100_000_000),
    }
}

/// `0.87`, `−0.12`: two digits, a minus sign, and no negative zero.
pub fn signed(number: f64) -> String {
    let text = format!("{number:.2}");
    if text == "-0.00" { text[1..].to_owned() } else { text.replace('-', "\u{2212}") }
}

/// `2026-11-21 01:53:22 UTC`.
pub fn exact_time(at: UnixSeconds) -> String {
    format!("{} {} UTC", day(at), clock(at))
}

/// `2026-11-21`, in UTC.
pub fn day(at: UnixSeconds) -> String {
    let (year, month, day) = civil_date(at.0 / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// `01:53:22`, in UTC.
pub fn clock(at: UnixSeconds) -> String {
    let second = at.0 % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// RFC 3339, for `<time datetime>`.
pub fn machine_time(at: UnixSeconds) -> String {
    exact_time(at).replacen(' ', "T", 1).replace(" UTC", "Z")
}

/// The reader's clock: the server's while it renders, the browser's afterwards.
pub fn now() -> UnixMillis {
    #[cfg(feature = "hydrate")]
    {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "milliseconds since 1970 fit u64"
        )]
        return UnixMillis(js_sys::Date::now() as u64);
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_digits_by_three() {
        assert_eq!(grouped(999_u64), "999");
        assert_eq!(grouped(1_234_567_u64), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn an_amount_never_reads_as_nothing() {
        let parts = |atto| amount_parts(Amount::from_atto(atto));
        assert_eq!(parts(400_000_000_000_000_000), ("0".into(), ".4".into()));
        assert_eq!(parts(1_234_567_891_000_000_000_000), ("1\u{202f}234".into(), ".567891".into()));
        assert_eq!(parts(1), ("0".into(), ".000000000000000001".into()));
        assert_eq!(parts(0), ("0".into(), String::new()));
    }

    #[test]
    fn a_token_counts_with_its_own_decimals() {
        let shown = |smallest, decimals| token_amount(smallest, decimals).0;
        assert_eq!(shown("1234500000", Some(6)), "1\u{202f}234.5");
        assert_eq!(shown("7", Some(18)), "0.000000000000000007");
        assert_eq!(shown("0", Some(18)), "0");
        assert_eq!(shown("1234", None), "1\u{202f}234");
        assert_eq!(token_amount("1234567891", Some(9)), ("1.234567".to_owned(), "1.234567891".to_owned()));
        assert_eq!(shown("5", Some(255)).len(), "0.".len() + 255);
        assert_eq!([percent(1), percent(125_000), percent(1_000_000)], ["< 0.01 %", "12.50 %", "100.00 %"]);
    }

    #[test]
    fn dates_are_gregorian() {
        assert_eq!(exact_time(UnixSeconds(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(exact_time(UnixSeconds(951_782_400)), "2000-02-29 00:00:00 UTC");
        assert_eq!(machine_time(UnixSeconds(1_795_225_999)), "2026-11-21T01:53:19Z");
    }

    #[test]
    fn ages_round_down_and_never_lie_in_the_future() {
        let age_of = |ms| age(UnixMillis(10_000), UnixMillis(ms));
        assert_eq!(
            [age_of(0), age_of(10_999), age_of(71_000), age_of(9_000_000)],
            ["now", "now", "1 min ago", "2 h ago"]
        );
    }

    #[test]
    fn signs_only_what_is_not_nothing() {
        assert_eq!([signed(0.874), signed(-0.126), signed(-0.004)], ["0.87", "\u{2212}0.13", "0.00"]);
    }

    #[test]
    fn clips_at_characters_not_bytes() {
        assert_eq!(clipped("éééé", 3), "éé…");
        assert_eq!(clipped("abc", 3), "abc");
    }
}
