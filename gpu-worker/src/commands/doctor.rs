//! `gpu-worker doctor`: finds what keeps a worker from serving, and says how to mend it.

use std::path::Path;
use std::process::ExitCode;

use super::{block_on, print, program, setup};
use crate::child::Setup;
use crate::child::supervisor::Supervisor;
use crate::config::Config;
use crate::error::{Result, WorkerError};
use crate::hub::trust::Trust;
use crate::hub::{HubUrl, results};
use crate::runtime::folder::ModelFolder;
use crate::worker::CLOCK_SKEW_MAX_MS;
use crate::{clock, keys};

/// The outbox needs room for results while the hub is away.
const DISK_MIN_BYTES: u64 = 512 << 20;

/// Checks key, model, engine, hub, clock and disk.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Base URL of the hub, instead of the configured one.
    #[arg(long, env = "AITBC_HUB")]
    pub hub: Option<String>,
}

/// One finding.
struct Check {
    name: &'static str,
    /// What is well, or what is wrong and how to mend it.
    outcome: std::result::Result<String, String>,
}

impl Check {
    fn of(name: &'static str, outcome: Result<String>, mend: &str) -> Self {
        Self { name, outcome: outcome.map_err(|error| format!("{error}\n          → {mend}")) }
    }
}

impl Doctor {
    pub fn run(&self, data: &Path) -> Result<ExitCode> {
        let config = match Config::read(data) {
            Ok(config) => config,
            Err(error) => {
                report(&[Check { name: "config", outcome: Err(error.to_string()) }])?;
                return Ok(ExitCode::FAILURE);
            }
        };
        let hub = self.hub.as_deref().unwrap_or(&config.hub).to_owned();
        let mut checks = vec![
            Check { name: "config", outcome: Ok(Config::path(data).display().to_string()) },
            Check::of(
                "key",
                keys::load(&config.key).map(|key| key.address().to_string()),
                "restore the key file from your backup, or run init in a new data folder",
            ),
            Check::of("model", model(&config), "fetch the model again, or point models.path at its folder"),
            Check::of(
                "engine",
                engine(data, &config),
                "correct engine.onnxruntime_library, or set engine.name = \"tract\", which needs no library",
            ),
            Check { name: "disk", outcome: disk(data) },
        ];
        checks.extend(hub_and_clock(&hub, &config));
        report(&checks)?;
        let is_well = checks.iter().all(|check| check.outcome.is_ok());
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn report(checks: &[Check]) -> Result<()> {
    checks.iter().try_for_each(|check| match &check.outcome {
        Ok(found) => print(format_args!("ok    {:<8}{found}", check.name)),
        Err(wrong) => print(format_args!("FAULT {:<8}{wrong}", check.name)),
    })
}

fn model(config: &Config) -> Result<String> {
    let found: Vec<String> = config
        .enabled_models()?
        .into_iter()
        .map(|model| {
            let folder = ModelFolder::open(&model.path)?;
            folder.verify()?;
            let manifest = folder.manifest();
            Ok(format!("{} {}, {} files match the manifest", manifest.name, manifest.version, manifest.files.len()))
        })
        .collect::<Result<_>>()?;
    Ok(found.join("; "))
}

/// Loads engine and model as `start` would.
fn engine(data: &Path, config: &Config) -> Result<String> {
    let models = config.enabled_models()?;
    let Some(model) = models.first() else { return Err(WorkerError::Config("models is empty".into())) };
    let setup = Setup { child: config.child.clone(), ..setup(Some(data), &model.path, &config.engine) };
    let mut supervisor = Supervisor::new(program()?, setup);
    block_on(async {
        let loaded = supervisor.start().await?.clone();
        supervisor.kill().await;
        let note = loaded.note.map(|note| format!(" ({note})")).unwrap_or_default();
        let engine = loaded.engine;
        Ok(format!(
            "{} {} on {} threads, loaded in {} ms{note}",
            engine.name, engine.version, loaded.threads, loaded.load_ms
        ))
    })
}

fn disk(data: &Path) -> std::result::Result<String, String> {
    let stat = rustix::fs::statvfs(data).map_err(|error| format!("{}: {error}", data.display()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let text = format!("{} MB free", free / 1_000_000);
    if free >= DISK_MIN_BYTES {
        return Ok(text);
    }
    Err(format!("{text}, fewer than {}\n          → make room beside {}", DISK_MIN_BYTES / 1_000_000, data.display()))
}

/// The hub's health also carries its clock, in the `Date` header.
fn hub_and_clock(hub: &str, config: &Config) -> Vec<Check> {
    const MEND: &str = "check hub in worker.toml and that the hub runs; outbound connections must be allowed";
    let hub = match HubUrl::parse(hub) {
        Ok(hub) => hub,
        Err(error) => return vec![Check::of("hub", Err(error), MEND)],
    };
    let trust = match Trust::load(config.ca_file.as_deref()) {
        Ok(trust) => trust,
        Err(error) => return vec![Check::of("hub", Err(error), "correct ca_file in worker.toml")],
    };
    let response = match results::agent(&trust).get(&hub.path("/v1/health")).call() {
        Ok(response) if response.status().is_success() => response,
        Ok(response) => {
            let error = hub.unreachable(format_args!("it answered {}", response.status()));
            return vec![Check::of("hub", Err(error), MEND)];
        }
        Err(error) => return vec![Check::of("hub", Err(hub.unreachable(error)), MEND)],
    };
    let date = response.headers().get("date").and_then(|date| date.to_str().ok()).and_then(http_date_unix_seconds);
    let mut checks = vec![Check::of("hub", Ok(format!("{} answers", hub.as_str())), MEND)];
    checks.extend(date.map(|seconds| Check { name: "clock", outcome: clock_check(seconds, clock::now().seconds().0) }));
    checks
}

fn clock_check(hub_seconds: u64, here_seconds: u64) -> std::result::Result<String, String> {
    let apart = hub_seconds.abs_diff(here_seconds);
    if apart * 1000 <= CLOCK_SKEW_MAX_MS {
        return Ok(format!("{apart} s from the hub's"));
    }
    Err(format!("{apart} s from the hub's\n          → set the clock, for example by NTP; receipts need it"))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7) as seconds since 1970.
fn http_date_unix_seconds(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = text.split_once(", ")?.1.split([' ', ':']);
    let day: u64 = parts.next()?.parse().ok()?;
    let month_name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == month_name)? as u64 + 1;
    let year: u64 = parts.next()?.parse().ok()?;
    let mut number = || parts.next()?.parse::<u64>().ok();
    let (hour, minute, second) = (number()?, number()?, number()?);
    // Days since 0000-03-01 in the proleptic Gregorian calendar, whose years begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day.checked_sub(1)?;
    let since_1970 = days.checked_sub(719_468)?;
    Some(since_1970 * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_date_of_rfc_9110() {
        assert_eq!(http_date_unix_seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date_unix_seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date_unix_seconds("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        for text in ["", "yesterday", "Sun, 06 Nov", "Sun, 00 Jan 1970 00:00:00 GMT"] {
            assert_eq!(http_date_unix_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_two_minutes_off_is_a_fault() {
        assert!(clock_check(1_000, 1_120).is_ok());
        assert!(clock_check(1_121, 1_000).unwrap_err().contains("NTP"));
    }
}
