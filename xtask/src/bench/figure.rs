//! One measured figure.

use std::fmt;

use anyhow::{Context, Result};
use serde_json::{Value, json};

pub(super) struct Figure {
    name: String,
    value: f64,
    unit: String,
    /// Absent where the figure is told without a promise.
    bar: Option<f64>,
    pub(super) holds: Option<bool>,
}

impl Figure {
    pub(super) fn at_most(bar: f64, name: &str, value: f64, unit: &str) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned(), bar: Some(bar), holds: Some(value <= bar) }
    }

    pub(super) fn at_least(bar: f64, name: &str, value: f64, unit: &str) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned(), bar: Some(bar), holds: Some(value >= bar) }
    }

    pub(super) fn without_bar(name: &str, value: f64, unit: &str) -> Self {
        Self { name: name.to_owned(), value, unit: unit.to_owned(), bar: None, holds: None }
    }

    #[cfg(test)]
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "unit": self.unit, "bar": self.bar, "holds": self.holds })
    }

    pub(super) fn from_json(value: &Value) -> Result<Self> {
        let text = |field: &str| {
            let text = value[field].as_str().map(str::to_owned);
            text.with_context(|| format!("a figure has no {field}: {value}"))
        };
        Ok(Self {
            name: text("name")?,
            value: value["value"].as_f64().with_context(|| format!("a figure has no value: {value}"))?,
            unit: text("unit")?,
            bar: value["bar"].as_f64(),
            holds: value["holds"].as_bool(),
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<56} {:>12.3} {:<8}", self.name, self.value, self.unit)?;
        match (self.bar, self.holds) {
            (Some(bar), Some(true)) => write!(formatter, " bar {bar}: holds"),
            (Some(bar), _) => write!(formatter, " bar {bar}: MISSED"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn a_figure_holds_up_to_its_bar() {
        assert_eq!(Figure::at_most(5.0, "time", 5.0, "ms").holds, Some(true));
        assert_eq!(Figure::at_most(5.0, "time", 5.1, "ms").holds, Some(false));
        assert_eq!(Figure::at_least(1.0, "speed", 1.0, "×").holds, Some(true));
        assert_eq!(Figure::at_least(1.0, "speed", 0.9, "×").holds, Some(false));
    }

    #[test]
    fn a_figure_survives_json() {
        let figure = Figure::at_most(2.0, "latency p50", 1.25, "ms");
        assert_eq!(Figure::from_json(&figure.to_json()).unwrap().to_json(), figure.to_json());
        assert!(Figure::from_json(&serde_json::json!({ "name": "latency" })).is_err());
    }
}
