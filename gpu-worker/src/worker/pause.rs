//! Why the worker takes no jobs for a while: by hand, by the schedule, or because another process uses the GPU.

use std::path::{Path, PathBuf};
use std::time::Duration;

use inference::clock;
use inference::error::quote;
use inference::files::write_atomically;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::schedule::Schedule;
use crate::error::{Result, WorkerError};

/// In the data folder; the worker pauses while it exists, and its text is the reason.
pub const PAUSE_FILE: &str = "paused";

/// How soon a change is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Largest reason that is read.
const REASON_MAX_BYTES: u64 = 4 << 10;

/// Who pauses the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    Hand,
    Schedule,
    /// Another process uses a GPU that serves.
    GpuUse,
}

/// A pause and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub by: PausedBy,
    pub reason: String,
}

/// Pauses the worker of this data folder, whether it runs or starts later.
pub fn pause(data: &Path, reason: &str) -> Result<()> {
    Ok(write_atomically(&data.join(PAUSE_FILE), reason.as_bytes())?)
}

/// Ends a pause by hand. Tells whether there was one.
pub fn resume(data: &Path) -> Result<bool> {
    let path = data.join(PAUSE_FILE);
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(WorkerError::io(path)(error)),
    }
}

/// The pause that applies now. A pause by hand has priority over the schedule, and the schedule over use of the GPU
/// (`gpu_use`).
pub fn wanted(data: &Path, schedule: &Schedule, gpu_use: Option<String>) -> Option<Pause> {
    let by_hand = || {
        let path = data.join(PAUSE_FILE);
        std::fs::metadata(&path).is_ok().then(|| Pause { by: PausedBy::Hand, reason: reason(&path) })
    };
    let by_clock = || {
        let window = schedule.pausing(clock::now())?;
        let reason = format!("the schedule pauses from {window}, UTC{}", schedule.utc_offset);
        Some(Pause { by: PausedBy::Schedule, reason })
    };
    let by_gpu = || gpu_use.map(|reason| Pause { by: PausedBy::GpuUse, reason });
    by_hand().or_else(by_clock).or_else(by_gpu)
}

fn reason(path: &Path) -> String {
    let is_short = std::fs::metadata(path).is_ok_and(|file| file.len() <= REASON_MAX_BYTES);
    let text = if is_short { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
    let text = quote(&String::from_utf8_lossy(&text));
    if text.is_empty() { "paused by hand".into() } else { text }
}

/// Watches for pauses until nobody listens.
pub async fn watch(
    data: PathBuf,
    schedule: Schedule,
    gpu_use: watch::Receiver<Option<String>>,
    pauses: watch::Sender<Option<Pause>>,
) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !pauses.is_closed() {
        ticks.tick().await;
        let now = wanted(&data, &schedule, gpu_use.borrow().clone());
        pauses.send_if_modified(|before| {
            let is_new = *before != now;
            *before = now;
            is_new
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_goes_before_the_clock_and_the_clock_before_the_gpu() {
        let data = tempfile::tempdir().unwrap();
        let never = Schedule::default();
        let always = Schedule { pause: vec!["00:00-24:00".parse().unwrap()], ..Schedule::default() };
        let in_use = || Some("a game uses GPU 0".to_owned());
        assert_eq!(wanted(data.path(), &never, None), None);
        let by_gpu = Pause { by: PausedBy::GpuUse, reason: "a game uses GPU 0".into() };
        assert_eq!(wanted(data.path(), &never, in_use()), Some(by_gpu));
        let by_clock = wanted(data.path(), &always, in_use()).unwrap();
        assert_eq!((by_clock.by, by_clock.reason.contains("00:00-24:00, UTC+00:00")), (PausedBy::Schedule, true));
        pause(data.path(), "a game\nruns").unwrap();
        let by_hand = Pause { by: PausedBy::Hand, reason: "a game runs".into() };
        assert_eq!(wanted(data.path(), &always, in_use()), Some(by_hand));
        assert!(resume(data.path()).unwrap());
        assert!(!resume(data.path()).unwrap());
        assert_eq!(wanted(data.path(), &never, None), None);
    }
}
