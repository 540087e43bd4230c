//! Findings as a person reads them.

use super::{Finding, State};
use crate::wrap::wrapped;

/// Columns of the word that is looked for first.
const STATE_COLUMNS: usize = 5;

/// Columns of the thing's name.
const WHAT_COLUMNS: usize = 11;

/// Widest text beside both; what is longer goes on in the next line.
const TEXT_COLUMNS: usize = 80;

/// One line per finding, then what to do about it, and the sum at the end.
pub fn lines(findings: &[Finding]) -> Vec<String> {
    let mut lines: Vec<String> = findings.iter().flat_map(finding_lines).collect();
    lines.push(String::new());
    lines.push(sum(findings));
    lines
}

fn finding_lines(finding: &Finding) -> Vec<String> {
    let state = match finding.state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Fault => "FAULT",
    };
    let head = format!("{state:<STATE_COLUMNS$}  {:<WHAT_COLUMNS$}", finding.what);
    let indent = " ".repeat(head.chars().count());
    let mut lines = Vec::new();
    for piece in wrapped(&finding.found, TEXT_COLUMNS) {
        let head = if lines.is_empty() { &head } else { &indent };
        lines.push(format!("{head}{piece}"));
    }
    for mend in &finding.mend {
        let pieces = wrapped(mend, TEXT_COLUMNS - 2);
        let line = |(number, piece): (usize, &String)| {
            let arrow = if number == 0 { "→ " } else { "  " };
            format!("{indent}{arrow}{piece}")
        };
        lines.extend(pieces.iter().enumerate().map(line));
    }
    lines
}

fn sum(findings: &[Finding]) -> String {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let counted = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    match (count(State::Fault), count(State::Warn)) {
        (0, 0) => "all is well".into(),
        (0, warnings) => format!("no fault, {}", counted(warnings, "warning")),
        (faults, 0) => counted(faults, "fault"),
        (faults, warnings) => format!("{}, {}", counted(faults, "fault"), counted(warnings, "warning")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_below_what_is_wrong() {
        let findings = [
            Finding::ok("disk", "25 GB free"),
            Finding::fault("key", "others can read it", ["chmod 600 miner.key", "make another"]),
            Finding::warn("clock", "9 s off", ["set it"]),
        ];
        let expected = [
            "ok     disk       25 GB free",
            "FAULT  key        others can read it",
            "                  → chmod 600 miner.key",
            "                  → make another",
            "warn   clock      9 s off",
            "                  → set it",
            "",
            "1 fault, 1 warning",
        ];
        assert_eq!(lines(&findings), expected);
        assert_eq!(lines(&findings[..1]), ["ok     disk       25 GB free", "", "all is well"]);
    }
}
