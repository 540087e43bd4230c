//! How fast a model is served here, from request to encoded answer, by serving it.

use std::time::{Duration, Instant};

use shared::hardware::ModelTiming;
use shared::job::JobKind;
use shared::job::request::Work;

use crate::child::Loaded;
use crate::child::supervisor::{Limits, Supervisor};
use crate::error::Result;
use crate::probe::measure::rate_of;
use crate::runtime::folder::ModelFolder;
use crate::runtime::{Output, sample};

/// Longer than any job on any machine that is worth measuring.
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

/// Starts the process, serves one job to warm up and up to `jobs` that count, at least one, and ends the process. Pictures
/// are drawn in `steps`.
pub async fn time(mut supervisor: Supervisor, folder: &ModelFolder, steps: u32, jobs: u64) -> Result<Timed> {
    let began = Instant::now();
    let loaded = supervisor.start().await?.clone();
    let cold_start = began.elapsed();
    serve(&mut supervisor, &sample(folder, steps, 0)?).await?;
    let mut latencies = Vec::new();
    let mut rates = Vec::new();
    let jobs_began = Instant::now();
    for seed in (1..=jobs).take_while(|seed| *seed == 1 || jobs_began.elapsed() < JOBS_LIMIT) {
        let work = sample(folder, steps, seed)?;
        let (output, took) = serve(&mut supervisor, &work).await?;
        let micro_units = work.units_claimed(output.metering.tokens(), output.bytes()).0;
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
        unit_type: manifest.kind.unit_type(),
        micro_units_per_second: rate_of(rates),
    };
    Ok(Timed { loaded, cold_start, latencies, timing })
}

fn per_second(micro_units: u64, took: Duration) -> u64 {
    let rate = u128::from(micro_units) * 1_000_000_000 / took.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// A job that the model does well; a picture in so many steps.
fn sample(folder: &ModelFolder, steps: u32, seed: u64) -> Result<Work> {
    match folder.manifest().kind {
        JobKind::Image => sample::picture(folder.manifest(), steps, seed),
        JobKind::Text | JobKind::Embedding => sample::work(folder.manifest(), seed),
    }
}

/// The answer, and the time from request to answer.
async fn serve(supervisor: &mut Supervisor, work: &Work) -> Result<(Output, Duration)> {
    let cancel = tokio::sync::watch::Sender::new(false);
    let began = Instant::now();
    let deadline = tokio::time::Instant::now() + JOB_LIMIT;
    let mut limits = Limits { canceled: cancel.subscribe(), deadline, previews: false };
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
