//! How fast a model is served here, from request to encoded answer, by serving it.

use std::time::{Duration, Instant};

use gpu_probe::measure::rate_of;
use inference::error::{InferenceError, Result};
use inference::runtime::folder::ModelFolder;
use inference::runtime::ollama::folder::model_digest;
use inference::runtime::{Output, sample};
use shared::hardware::ModelTiming;
use shared::job::request::Work;

use crate::child::Loaded;
use crate::child::supervisor::{Limits, Supervisor};

/// Longer than any job on any machine that is worth measuring, but for one that waits for what it compiles.
const JOB_LIMIT: Duration = Duration::from_secs(600);

/// No further job is begun after so long.
const JOBS_LIMIT: Duration = Duration::from_secs(60);

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

/// Starts the process, serves one job to warm up and up to `jobs` that count, at least one, and ends the process.
pub async fn time(mut supervisor: Supervisor, folder: &ModelFolder, jobs: u64) -> Result<Timed> {
    let manifest = folder.manifest();
    let began = Instant::now();
    let loaded = supervisor.start().await?.clone();
    let cold_start = began.elapsed();
    let served = serve_several(supervisor, jobs, |seed| sample::work(manifest, seed)).await?;
    let (mut latencies, rates): (Vec<_>, Vec<_>) = served.into_iter().unzip();
    latencies.sort_unstable();
    let timing = ModelTiming {
        model: manifest.name.clone(),
        manifest_sha256: model_digest(folder)?,
        engine: loaded.engine.clone(),
        threads: u32::try_from(loaded.threads).unwrap_or(u32::MAX),
        unit_type: manifest.kind.unit_type(),
        micro_units_per_second: rate_of(rates),
    };
    Ok(Timed { loaded, cold_start, latencies, timing })
}

/// From request to picture by the model's setting of few steps, the median of `jobs`; nothing where it has no such setting.
pub async fn time_fast(supervisor: Supervisor, folder: &ModelFolder, jobs: u64) -> Result<Option<Duration>> {
    let manifest = folder.manifest();
    if manifest.fast.is_none() {
        return Ok(None);
    }
    let no_setting = || InferenceError::unsupported("it has no setting for few steps".to_owned());
    let served =
        serve_several(supervisor, jobs, |seed| sample::fast_picture(manifest, seed)?.ok_or_else(no_setting)).await?;
    let mut latencies: Vec<_> = served.into_iter().map(|(took, _)| took).collect();
    latencies.sort_unstable();
    Ok(latencies.get(latencies.len() / 2).copied())
}

/// What each job took and its rate in micro-units per second, after one job that only warms up.
async fn serve_several(
    mut supervisor: Supervisor,
    jobs: u64,
    work: impl Fn(u64) -> Result<Work>,
) -> Result<Vec<(Duration, u64)>> {
    serve(&mut supervisor, &work(0)?).await?;
    let mut served = Vec::new();
    let began = Instant::now();
    for seed in (1..=jobs).take_while(|seed| *seed == 1 || began.elapsed() < JOBS_LIMIT) {
        let work = work(seed)?;
        let (output, took) = serve(&mut supervisor, &work).await?;
        let micro_units = work.units_claimed(output.metering.tokens(), output.bytes()).0;
        served.push((took, per_second(micro_units, took)));
    }
    supervisor.kill().await;
    Ok(served)
}

fn per_second(micro_units: u64, took: Duration) -> u64 {
    let rate = u128::from(micro_units) * 1_000_000_000 / took.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The answer, and the time from request to answer.
async fn serve(supervisor: &mut Supervisor, work: &Work) -> Result<(Output, Duration)> {
    let cancel = tokio::sync::watch::Sender::new(false);
    let began = Instant::now();
    let deadline = tokio::time::Instant::now() + JOB_LIMIT.max(supervisor.patience());
    let watched = tokio::sync::watch::channel(false).1;
    let mut limits = Limits { canceled: cancel.subscribe(), deadline, watched };
    let output = supervisor.run(work, &mut limits, &mut |_| {}).await?;
    Ok((output, began.elapsed()))
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
