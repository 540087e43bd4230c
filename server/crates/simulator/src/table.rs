//! Runs of several seeds as one table for people.

use std::fmt::Write;

use hub::board::BoardError;
use shared::amount::ATTO_PER_AIT;

use crate::assumptions::Parameters;
use crate::figures::Outcome;
use crate::strategy::Strategy;
use crate::world::{simulate, simulate_honest_instead};

/// A strategy, and what its machines would have earned by honest work, for each seed.
#[derive(Debug, Clone)]
pub struct Row {
    pub strategy: Strategy,
    pub runs: Vec<(Outcome, Outcome)>,
}

impl Row {
    /// # Errors
    /// The board refused an input: the simulation has a fault.
    pub fn of(parameters: &Parameters, strategy: Strategy, seeds: &[u64]) -> Result<Self, BoardError> {
        let run = |seed: &u64| {
            let cheat = simulate(parameters, strategy, *seed)?;
            Ok((cheat, simulate_honest_instead(parameters, strategy, *seed)?))
        };
        Ok(Self { strategy, runs: seeds.iter().map(run).collect::<Result<_, BoardError>>()? })
    }

    fn sum(&self, of: impl Fn(&Outcome) -> u128) -> u128 {
        self.runs.iter().map(|(cheat, _)| of(cheat)).sum()
    }

    /// Profit of one machine in a day, in attoAIT: of the strategy, and of honest work instead.
    pub fn profits_per_day(&self) -> (i128, i128) {
        let count = (self.runs.len() as i128).max(1);
        let sum = |of: fn(&(Outcome, Outcome)) -> i128| self.runs.iter().map(of).sum::<i128>() / count;
        (sum(|(cheat, _)| cheat.cheat_per_day()), sum(|(_, honest)| honest.cheat_per_day()))
    }

    /// It earned more than honest work.
    pub fn wins(&self) -> bool {
        let (cheat, honest) = self.profits_per_day();
        self.strategy != Strategy::Honest && cheat >= honest
    }

    fn cells(&self) -> [String; COLUMNS.len()] {
        let (cheat, honest) = self.profits_per_day();
        let days = self.sum(|outcome| u128::from(outcome.days)).max(1);
        let told = self.sum(|outcome| u128::from(outcome.lies.told));
        let share = |count: u128, of: u128| {
            if of == 0 { "–".to_owned() } else { format!("{} %", (count * 1_000).div_ceil(of) as f64 / 10.0) }
        };
        let (lies, hours) = self.medians_until_caught();
        let per_day = |atto: u128| decimal(i128::try_from(atto / days).unwrap_or(i128::MAX));
        [
            self.strategy.name().to_owned(),
            told.to_string(),
            share(self.sum(|outcome| u128::from(outcome.lies.drawn)), told),
            share(self.sum(|outcome| u128::from(outcome.lies.caught)), told),
            lies,
            hours,
            per_day(self.sum(|outcome| outcome.cheat.voided)),
            per_day(self.sum(|outcome| outcome.honest.voided)),
            share(
                self.sum(|outcome| u128::from(outcome.buyers.deceived)),
                self.sum(|outcome| u128::from(outcome.buyers.jobs)),
            ),
            decimal(cheat),
            decimal(honest),
        ]
    }

    /// Of the keys that were caught: lies and hours from the first lie on.
    fn medians_until_caught(&self) -> (String, String) {
        let all = || self.runs.iter().flat_map(|(cheat, _)| &cheat.lies.until_caught);
        let median = |mut values: Vec<u64>| {
            values.sort_unstable();
            values.get(values.len() / 2).copied()
        };
        let lies = median(all().map(|(lies, _)| *lies).collect());
        let tenths_of_hours = median(all().map(|(_, ms)| ms / 360_000).collect());
        let absent = || "–".to_owned();
        (
            lies.map_or_else(absent, |lies| lies.to_string()),
            tenths_of_hours.map_or_else(absent, |tenths| format!("{}.{}", tenths / 10, tenths % 10)),
        )
    }
}

const COLUMNS: [&str; 11] = [
    "strategy",
    "lies",
    "audited",
    "refuted",
    "lies until refuted",
    "hours until refuted",
    "voided, AIT a day",
    "honest lost, AIT a day",
    "jobs deceived",
    "profit, AIT a day",
    "honest instead",
];

/// A Markdown table with columns of one width each.
pub fn render(rows: &[Row]) -> String {
    let cells: Vec<_> = std::iter::once(COLUMNS.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    let mut table = String::new();
    for (number, row) in cells.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(table, "| {cell:<width$} ");
        }
        table.push_str("|\n");
        if number == 0 {
            widths.iter().for_each(|width| table.extend(["|", &"-".repeat(width + 2)]));
            table.push_str("|\n");
        }
    }
    table
}

/// AttoAIT as AIT with one digit behind the point.
fn decimal(atto: i128) -> String {
    let tenths = atto / (ATTO_PER_AIT as i128 / 10);
    let sign = if tenths < 0 { "−" } else { "" };
    format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn amounts_are_shown_with_one_digit() {
        let ait = 10_i128.pow(18);
        assert_eq!(decimal(ait * 5 / 2), "2.5");
        assert_eq!(decimal(-ait / 4), "−0.2");
        assert_eq!(decimal(0), "0.0");
    }
}
