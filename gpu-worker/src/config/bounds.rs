//! Bounds of the numbers in `worker.toml`: a value that makes no sense is refused when the file is read.

use inference::engine::THREADS_MAX;
use shared::amount::Amount;

use super::Config;
use crate::hub::HUBS_MAX;
use crate::worker::batch::DELAY_MAX;

/// Jobs that share a run. No hub leases more than 256 jobs to one worker.
const JOBS_MAX: usize = 256;

/// A day: the longest time limit that makes sense.
const SECONDS_MAX: u64 = 86_400;

/// A number that is not within its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    #[error("{field} is {least} to {most}, got {value}")]
    Range { field: &'static str, least: u64, most: u64, value: u64 },
    #[error("unit_price_ait is above 0, got {0}")]
    Price(Amount),
}

/// Refuses the first number of a configuration that is out of its bounds.
pub(super) fn check(config: &Config) -> Result<(), BoundError> {
    let Config { hubs, engine, child, batching, drain, gpu_sharing, models, .. } = config;
    let threads_max = THREADS_MAX as u64;
    range("hubs", hubs.len() as u64, 1, HUBS_MAX as u64)?;
    engine.threads.map_or(Ok(()), |threads| range("engine.threads", threads as u64, 1, threads_max))?;
    range("batching.jobs_max", batching.jobs_max as u64, 1, JOBS_MAX as u64)?;
    range("batching.delay_ms", batching.delay_ms, 0, DELAY_MAX.as_millis() as u64)?;
    range("child.hung_after_seconds", child.hung_after_seconds, 1, SECONDS_MAX)?;
    range("child.load_within_seconds", child.load_within_seconds, 1, SECONDS_MAX)?;
    range("drain.grace_seconds", drain.grace_seconds, 0, SECONDS_MAX)?;
    range("gpu_sharing.used_percent", gpu_sharing.used_percent.into(), 1, 100)?;
    range("gpu_sharing.pause_after_seconds", gpu_sharing.pause_after_seconds, 0, SECONDS_MAX)?;
    range("gpu_sharing.resume_after_seconds", gpu_sharing.resume_after_seconds, 0, SECONDS_MAX)?;
    models.iter().try_for_each(|model| check_price(model.unit_price_ait))
}

fn check_price(price: Amount) -> Result<(), BoundError> {
    if price == Amount::ZERO { Err(BoundError::Price(price)) } else { Ok(()) }
}

/// A price per unit as an argument.
pub fn price_argument(text: &str) -> Result<Amount, String> {
    let price: Amount = text.parse().map_err(|error| format!("{error}"))?;
    if price == Amount::ZERO { Err("it is above 0".into()) } else { Ok(price) }
}

fn range(field: &'static str, value: u64, least: u64, most: u64) -> Result<(), BoundError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(BoundError::Range { field, least, most, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "key = \"k\"\n[[hubs]]\nurl = \"http://h\"\n";
    const MODEL: &str = "[[models]]\npath = \"m\"\nunit_price_ait = \"0.25\"\nmeasured_micro_units_per_second = 1\n";

    fn read(text: &str) -> Result<Config, crate::error::ConfigError> {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(Config::path(data.path()), text).unwrap();
        Config::read(data.path())
    }

    #[test]
    fn a_number_out_of_bounds_is_named_with_its_bounds() {
        for (section, words) in [
            ("[engine]\nthreads = 0", "engine.threads is 1 to 1024, got 0"),
            ("[engine]\nthreads = 99999", "engine.threads is 1 to 1024, got 99999"),
            ("[batching]\njobs_max = 0", "batching.jobs_max is 1 to 256, got 0"),
            ("[batching]\ndelay_ms = 51", "batching.delay_ms is 0 to 50, got 51"),
            ("[child]\nhung_after_seconds = 0", "child.hung_after_seconds is 1 to 86400, got 0"),
            ("[child]\nload_within_seconds = 0", "child.load_within_seconds is 1 to 86400, got 0"),
            ("[drain]\ngrace_seconds = 86401", "drain.grace_seconds is 0 to 86400, got 86401"),
            ("[gpu_sharing]\nused_percent = 900", "gpu_sharing.used_percent is 1 to 100, got 900"),
            ("[gpu_sharing]\nused_percent = 0", "gpu_sharing.used_percent is 1 to 100, got 0"),
        ] {
            let error = read(&format!("{HEAD}{section}\n{MODEL}")).unwrap_err().to_string();
            assert!(error.contains("worker.toml is not valid: ") && error.ends_with(words), "{error}");
        }
        let hubs = "[[hubs]]\nurl = \"http://h\"\n".repeat(HUBS_MAX);
        let error = read(&format!("{HEAD}{hubs}{MODEL}")).unwrap_err().to_string();
        assert!(error.ends_with("hubs is 1 to 8, got 9"), "{error}");
        let free = read(&format!("{HEAD}{}", MODEL.replace("0.25", "0"))).unwrap_err().to_string();
        assert!(free.ends_with("unit_price_ait is above 0, got 0"), "{free}");
    }

    #[test]
    fn what_a_machine_may_have_is_taken() {
        for section in
            ["", "[engine]\nthreads = 1024", "[batching]\njobs_max = 1\ndelay_ms = 0", "[drain]\ngrace_seconds = 0"]
        {
            read(&format!("{HEAD}{section}\n{MODEL}")).unwrap();
        }
        assert_eq!(price_argument("0"), Err("it is above 0".to_owned()));
        assert_eq!(price_argument("0.5").unwrap().to_string(), "0.5");
    }
}
