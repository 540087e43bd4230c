//! What `bench` found, as lines and as JSON.

use std::path::Path;
use std::time::Duration;

use gpu_probe::summary;
use inference::engine::EngineChoice;
use serde::Serialize;
use shared::amount::{Amount, MICRO_PER_UNIT};
use shared::hardware::{MeasuredDevice, ModelTiming, SignedHardwareReport};
use shared::job::JobKind;
use shared::unit::UnitType;

use crate::commands::print;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::hardware;
use crate::timing::Timed;

/// Seconds from the start of the process until it takes a job.
const COLD_START_BAR_SECONDS: f64 = 2.0;

/// Tokens that are read and written in a second.
const WORDS_BAR_TOKENS_PER_SECOND: f64 = 200.0;

/// Everything that `bench` found.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    pub(super) devices: Vec<MeasuredDevice>,
    pub(super) models: Vec<ModelTiming>,
    pub(super) unmeasured: Vec<Unmeasured>,
    pub(super) prices: Vec<ProposedPrice>,
    pub(super) figures: Vec<Figure>,
    /// Absent where no `worker.toml` names a key, and where nothing could be measured.
    pub(super) signed: Option<SignedHardwareReport>,
}

/// A model that could not be measured, and why.
#[derive(Debug, Serialize)]
pub(super) struct Unmeasured {
    /// Its name; its folder where that cannot be opened.
    model: String,
    /// Absent where it did not come to that.
    engine: Option<EngineChoice>,
    #[serde(flatten)]
    failure: Failure,
}

#[derive(Debug, Serialize)]
pub(super) struct ProposedPrice {
    pub(super) model: String,
    pub(super) engine: String,
    pub(super) unit_type: UnitType,
    pub(super) unit_price: Amount,
}

#[derive(Debug, Serialize)]
pub(super) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    bar: f64,
    holds: bool,
}

#[derive(Debug, Serialize)]
struct Failure {
    class: &'static str,
    message: String,
    retryable: bool,
}

impl From<&WorkerError> for Failure {
    fn from(error: &WorkerError) -> Self {
        Self { class: error.name(), message: error.to_string(), retryable: error.is_retryable() }
    }
}

impl Unmeasured {
    pub(super) fn new(model: String, engine: Option<EngineChoice>, error: &WorkerError) -> Self {
        Self { model, engine, failure: Failure::from(error) }
    }
}

impl Figure {
    fn seconds(name: String, value: f64, bar: f64) -> Self {
        Self { name, value, unit: "s", bar, holds: value < bar }
    }

    fn tokens_per_second(name: String, value: f64, bar: f64) -> Self {
        Self { name, value, unit: "tokens/s", bar, holds: value >= bar }
    }
}

/// What the default models have bars for; `bar` is that of a picture in seconds. An embedding has none.
pub(super) fn figures(kind: JobKind, timed: &Timed, bar: f64) -> Vec<Figure> {
    let name = &timed.loaded.engine.name;
    let (median, cold_start) = (timed.median().as_secs_f64(), timed.cold_start.as_secs_f64());
    let speed = timed.timing.micro_units_per_second.median as f64 / MICRO_PER_UNIT as f64;
    match kind {
        JobKind::Image => vec![
            Figure::seconds(format!("default-model/prompt-to-png/{name}"), median, bar),
            Figure::seconds(format!("default-model/cold-start/{name}"), cold_start, COLD_START_BAR_SECONDS),
        ],
        JobKind::Text => {
            let name = format!("default-model/words/{name}");
            vec![Figure::tokens_per_second(name, speed, WORDS_BAR_TOKENS_PER_SECOND)]
        }
        JobKind::Embedding => Vec::new(),
    }
}

/// The same picture by the model's setting of few steps.
pub(super) fn fast_figure(timed: &Timed, median: Duration, bar: f64) -> Figure {
    let name = format!("default-model/prompt-to-png-fast/{}", timed.loaded.engine.name);
    Figure::seconds(name, median.as_secs_f64(), bar)
}

impl Findings {
    pub(super) fn print(&self, data: &Path) -> Result<()> {
        self.devices.iter().flat_map(summary::lines).try_for_each(print)?;
        for timing in &self.models {
            let ModelTiming { model, engine, unit_type, micro_units_per_second, .. } = timing;
            let speed = micro_units_per_second.median as f64 / MICRO_PER_UNIT as f64;
            print(format_args!("speed     {speed:.2} {unit_type}/s of {model} on {}", engine.name))?;
        }
        for Unmeasured { model, engine, failure } in &self.unmeasured {
            let on = engine.map(|engine| format!(" on {}", engine.name())).unwrap_or_default();
            print(format_args!("FAILED    {model}{on}: {}", failure.message))?;
        }
        for price in &self.prices {
            let ProposedPrice { model, engine, unit_type, unit_price } = price;
            print(format_args!("price     {unit_price} AIT per {unit_type} of {model} on {engine}, proposed"))?;
        }
        self.figures.iter().try_for_each(|figure| {
            let verdict = if figure.holds { "holds" } else { "MISSED" };
            let Figure { name, value, unit, bar, .. } = figure;
            print(format_args!("{name:<50} {value:>8.3} {unit}   bar {bar} {unit}: {verdict}"))
        })?;
        let config = Config::path(data);
        match self.signed {
            Some(_) => print(format_args!("signed    {}", hardware::path(data).display())),
            None if self.models.is_empty() => print("unsigned  nothing could be measured; the earlier report is kept"),
            None => print(format_args!("unsigned  {} does not exist, so no key signs this", config.display())),
        }
    }
}
