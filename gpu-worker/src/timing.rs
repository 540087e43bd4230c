//! How fast a model is served here, from request to encoded answer, by serving it.

use std::time::{Duration, Instant};

use shared::hardware::ModelTiming;
use shared::job::image::{ImageInput, ValidImageInput};
use shared::job::request::Work;

use crate::child::Loaded;
use crate::child::supervisor::{Limits, Supervisor};
use crate::error::{Result, WorkerError};
use crate::probe::measure::rate_of;
use crate::runtime::folder::ModelFolder;

/// Longer than any picture on any machine that is worth measuring.
const PICTURE_LIMIT: Duration = Duration::from_secs(600);

/// A model as it was served several times.
#[derive(Debug)]
pub struct Timed {
    pub loaded: Loaded,
    /// From the start of the process until it takes a job.
    pub cold_start: Duration,
    /// From request to encoded answer, shortest first.
    pub latencies: Vec<Duration>,
    pub timing: ModelTiming,
}

impl Timed {
    pub fn median(&self) -> Duration {
        self.latencies.get(self.latencies.len() / 2).copied().unwrap_or_default()
    }
}

/// Starts the process, draws one picture to warm up and `pictures` that count, and ends the process.
pub async fn time(mut supervisor: Supervisor, folder: &ModelFolder, steps: u32, pictures: u64) -> Result<Timed> {
    let began = Instant::now();
    let loaded = supervisor.start().await?.clone();
    let cold_start = began.elapsed();
    draw(&mut supervisor, sample(folder, steps, 0)?).await?;
    let mut latencies = Vec::new();
    let mut rates = Vec::new();
    for seed in 1..=pictures {
        let input = sample(folder, steps, seed)?;
        let micro_units = input.units().0;
        let took = draw(&mut supervisor, input).await?;
        latencies.push(took);
        rates.push(per_second(micro_units, took));
    }
    supervisor.kill().await;
    latencies.sort_unstable();
    let manifest = folder.manifest();
    let timing = ModelTiming {
        model: manifest.name.clone(),
        manifest_sha256: folder.manifest_sha256(),
        engine: loaded.engine.clone(),
        threads: u32::try_from(loaded.threads).unwrap_or(u32::MAX),
        unit_type: ValidImageInput::UNIT_TYPE,
        micro_units_per_second: rate_of(rates),
    };
    Ok(Timed { loaded, cold_start, latencies, timing })
}

fn per_second(micro_units: u64, took: Duration) -> u64 {
    let rate = u128::from(micro_units) * 1_000_000_000 / took.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A picture that the model draws well.
fn sample(folder: &ModelFolder, steps: u32, seed: u64) -> Result<ValidImageInput> {
    let manifest = folder.manifest();
    let prompt = manifest.suggestions.first().cloned().unwrap_or_else(|| "a city skyline at night".into());
    let input = ImageInput {
        prompt,
        negative_prompt: String::new(),
        steps,
        guidance: manifest.default_guidance,
        width: manifest.native_size_px,
        height: manifest.native_size_px,
        seed: Some(seed),
        count: 1,
        scheduler: None,
        init_image: None,
        strength: None,
    };
    input.validate(seed).map_err(|errors| {
        let details = errors.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; ");
        WorkerError::format(folder.root().join(shared::model::MANIFEST_FILE), details)
    })
}

/// Time from request to decoded answer.
async fn draw(supervisor: &mut Supervisor, input: ValidImageInput) -> Result<Duration> {
    let cancel = tokio::sync::watch::Sender::new(false);
    let began = Instant::now();
    let deadline = tokio::time::Instant::now() + PICTURE_LIMIT;
    let mut limits = Limits { canceled: cancel.subscribe(), deadline, previews: false };
    supervisor.run(&Work::Image(input), &mut limits, &mut |_| {}).await?;
    Ok(began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_units_by_time() {
        assert_eq!(per_second(2_097_152, Duration::from_millis(500)), 4_194_304);
        assert_eq!(per_second(u64::MAX, Duration::ZERO), u64::MAX);
    }
}
