//! The output of a measured process: `ready` once it is loaded, and a line of JSON with its figures last.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command;

/// What one process told of itself.
pub(super) struct Told {
    pub(super) cold_start: Duration,
    figures: Value,
}

/// Runs a side: the time until it says `ready`, and what it says last.
pub(super) fn run(command: &mut Command) -> Result<Told> {
    let described = command::describe(command);
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| described.clone())?;
    let mut cold_start = None;
    let mut last = String::new();
    for line in BufReader::new(child.stdout.take().context("it has no output")?).lines() {
        let line = line?;
        if line == "ready" {
            cold_start = Some(began.elapsed());
        }
        last = line;
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{described}` ended with {status}");
    let cold_start = cold_start.with_context(|| format!("`{described}` never got ready"))?;
    let figures = serde_json::from_str(&last).with_context(|| format!("`{described}` printed no figures"))?;
    Ok(Told { cold_start, figures })
}

impl Told {
    pub(super) fn number(&self, name: &str) -> Result<f64> {
        self.figures[name].as_f64().with_context(|| format!("there is no number {name} in {}", self.figures))
    }

    pub(super) fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        let values = self.figures[name].as_array();
        let values = values.with_context(|| format!("there are no {name} in {}", self.figures))?;
        Ok(values.iter().filter_map(Value::as_f64).collect())
    }
}

/// The middle one, the upper of two; not a number of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_not_moved_by_one_slow_run() {
        assert_eq!(median(&[3.0, 1.0, 90.0]), 3.0);
        assert!(median(&[]).is_nan());
    }
}
