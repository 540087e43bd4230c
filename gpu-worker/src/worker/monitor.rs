//! The worker's status for its miner. Pure; the caller reads the clocks.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use inference::error::quote;
use serde::{Deserialize, Serialize};
use shared::Address;
use shared::amount::Amount;
use shared::time::UnixMillis;

use super::pause::Pause;

/// Ended jobs that are remembered one by one.
const RECENT_MAX: usize = 10_000;

/// Most notices of the hub that are kept.
const NOTICES_MAX: usize = 20;

const HOUR: Duration = Duration::from_secs(3_600);

/// What the worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Serving,
    Paused,
    Draining,
    /// Each device is lost.
    WithoutDevice,
    /// No session with the hub.
    Disconnected,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::WithoutDevice => "without_device",
            Self::Disconnected => "disconnected",
        }
    }
}

/// What does not change while the worker runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub version: String,
    pub address: Address,
    pub hub: String,
    pub engine: String,
    pub devices: Vec<String>,
    pub slots: usize,
    pub started_at_unix_ms: UnixMillis,
}

/// A model on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelStatus {
    pub name: String,
    pub unit_price: Amount,
    /// Loaded on at least one device.
    pub warm: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCounts {
    pub last_hour: usize,
    pub completed: u64,
    pub failed: u64,
    pub canceled: u64,
    pub running: usize,
}

/// A device that is out of service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostDevice {
    pub device: String,
    pub reason: String,
}

/// A sentence of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub at_unix_ms: UnixMillis,
    pub text: String,
}

/// The whole report, as `/status` gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    #[serde(flatten)]
    pub facts: Facts,
    pub state: State,
    /// Why it does not serve, or why no job comes.
    pub reason: Option<String>,
    pub models: Vec<ModelStatus>,
    /// Devices that are out of service until their GPU is back.
    pub lost: Vec<LostDevice>,
    pub jobs: JobCounts,
    /// Results that the hub has not taken yet.
    pub results_waiting: usize,
    /// How far the hub's clock is before this machine's.
    pub hub_ahead_ms: Option<i64>,
    pub notices: Vec<Notice>,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Completed,
    Failed,
    Canceled,
}

/// Collects the status.
#[derive(Debug)]
pub struct Monitor {
    facts: Facts,
    models: Vec<ModelStatus>,
    /// Names of the models that each device has loaded.
    warm: BTreeMap<usize, Vec<String>>,
    lost: Vec<LostDevice>,
    is_without_device: bool,
    session: Result<i64, String>,
    pause: Option<Pause>,
    draining: bool,
    running: usize,
    results_waiting: usize,
    counts: JobCounts,
    completed_at: VecDeque<Instant>,
    notices: VecDeque<Notice>,
}

impl Monitor {
    pub fn new(facts: Facts, models: Vec<ModelStatus>) -> Self {
        Self {
            facts,
            models,
            warm: BTreeMap::new(),
            lost: Vec::new(),
            is_without_device: false,
            session: Err("it connects".into()),
            pause: None,
            draining: false,
            running: 0,
            results_waiting: 0,
            counts: JobCounts::default(),
            completed_at: VecDeque::new(),
            notices: VecDeque::new(),
        }
    }

    pub fn connected(&mut self, hub_ahead_ms: i64) {
        self.session = Ok(hub_ahead_ms);
    }

    pub fn disconnected(&mut self, reason: &str) {
        self.session = Err(quote(reason));
    }

    pub fn paused(&mut self, pause: Option<Pause>) {
        self.pause = pause;
    }

    /// The pause is over, but not all devices are ready.
    pub fn waking(&mut self) {
        if let Some(pause) = &mut self.pause {
            pause.reason = "the pause is over, and the models load again".into();
        }
    }

    pub fn draining(&mut self) {
        self.draining = true;
    }

    /// These devices are out of service; `is_without_device` if no other is left.
    pub fn lost(&mut self, lost: Vec<LostDevice>, is_without_device: bool) {
        (self.lost, self.is_without_device) = (lost, is_without_device);
    }

    /// How many jobs run now.
    pub fn holds(&mut self, running: usize, results_waiting: usize) {
        (self.running, self.results_waiting) = (running, results_waiting);
    }

    /// A device has these models loaded, and no others.
    pub fn warm(&mut self, device_number: usize, models: &[String]) {
        self.warm.insert(device_number, models.to_vec());
        for model in &mut self.models {
            model.warm = self.warm.values().flatten().any(|name| *name == model.name);
        }
    }

    pub fn ended(&mut self, ending: Ending, now: Instant) {
        match ending {
            Ending::Completed => {
                self.counts.completed += 1;
                self.completed_at.push_back(now);
                if self.completed_at.len() > RECENT_MAX {
                    self.completed_at.pop_front();
                }
            }
            Ending::Failed => self.counts.failed += 1,
            Ending::Canceled => self.counts.canceled += 1,
        }
    }

    pub fn notice(&mut self, text: &str, at_unix_ms: UnixMillis) {
        self.notices.push_back(Notice { at_unix_ms, text: quote(text) });
        if self.notices.len() > NOTICES_MAX {
            self.notices.pop_front();
        }
    }

    pub fn report(&self, now: Instant) -> StatusReport {
        let (state, reason) = self.state();
        let last_hour = self.completed_at.iter().filter(|at| now.saturating_duration_since(**at) < HOUR).count();
        StatusReport {
            facts: self.facts.clone(),
            state,
            reason,
            models: self.models.clone(),
            lost: self.lost.clone(),
            jobs: JobCounts { last_hour, running: self.running, ..self.counts },
            results_waiting: self.results_waiting,
            hub_ahead_ms: self.session.as_ref().ok().copied(),
            notices: self.notices.iter().cloned().collect(),
        }
    }

    fn state(&self) -> (State, Option<String>) {
        if self.draining {
            return (State::Draining, Some("it was told to stop and finishes what it has".into()));
        }
        if let Some(pause) = &self.pause {
            return (State::Paused, Some(pause.reason.clone()));
        }
        if self.is_without_device {
            return (
                State::WithoutDevice,
                Some("each device is out of service, so the worker left the hub until one is back".into()),
            );
        }
        if let Err(reason) = &self.session {
            return (State::Disconnected, Some(reason.clone()));
        }
        let idle = self.running == 0;
        (State::Serving, idle.then(|| "the hub has no job for these models at these prices".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::pause::PausedBy;

    fn monitor() -> Monitor {
        let facts = Facts {
            version: "1".into(),
            address: Address::ZERO,
            hub: "http://h".into(),
            engine: "tract".into(),
            devices: Vec::new(),
            slots: 1,
            started_at_unix_ms: UnixMillis(0),
        };
        let model = ModelStatus { name: "m".into(), unit_price: Amount::from_ait(1), warm: false };
        Monitor::new(facts, vec![model])
    }

    #[test]
    fn the_state_is_the_strongest_reason_for_no_jobs() {
        let (mut monitor, now) = (monitor(), Instant::now());
        assert_eq!(monitor.report(now).state, State::Disconnected);
        monitor.disconnected("refused by\nthe firewall");
        assert_eq!(monitor.report(now).reason.unwrap(), "refused by the firewall");
        monitor.connected(-3);
        let idle = monitor.report(now);
        assert!(idle.state == State::Serving && idle.reason.is_some() && idle.hub_ahead_ms == Some(-3));
        monitor.holds(1, 0);
        assert_eq!(monitor.report(now).reason, None);
        monitor.paused(Some(Pause { by: PausedBy::Hand, reason: "a game".into() }));
        assert_eq!((monitor.report(now).state, monitor.report(now).reason), (State::Paused, Some("a game".into())));
        monitor.paused(None);
        let lost = LostDevice { device: "GPU 0".into(), reason: "it is gone".into() };
        monitor.lost(vec![lost.clone()], false);
        assert_eq!((monitor.report(now).state, monitor.report(now).lost), (State::Serving, vec![lost]));
        monitor.lost(Vec::new(), true);
        assert_eq!(monitor.report(now).state, State::WithoutDevice);
        monitor.draining();
        assert_eq!(monitor.report(now).state, State::Draining);
    }

    #[test]
    fn the_last_hour_forgets_and_the_total_does_not() {
        let (mut monitor, start) = (monitor(), Instant::now());
        for minute in [0, 30, 59] {
            monitor.ended(Ending::Completed, start + Duration::from_secs(60 * minute));
        }
        monitor.ended(Ending::Failed, start);
        let jobs = monitor.report(start + Duration::from_secs(3_600)).jobs;
        assert_eq!((jobs.last_hour, jobs.completed, jobs.failed), (2, 3, 1));
    }

    #[test]
    fn a_model_is_warm_while_any_device_has_it() {
        let mut monitor = monitor();
        let mut warm = |device_number, models: &[String]| {
            monitor.warm(device_number, models);
            monitor.report(Instant::now()).models[0].warm
        };
        assert!(warm(0, &["m".into()]));
        assert!(warm(1, &["m".into(), "other".into()]));
        assert!(warm(0, &[]));
        assert!(!warm(1, &["other".into()]));
    }

    #[test]
    fn notices_are_bounded() {
        let mut monitor = monitor();
        for number in 0..NOTICES_MAX as u64 + 5 {
            monitor.notice(&format!("word {number}"), UnixMillis(number));
        }
        let notices = monitor.report(Instant::now()).notices;
        assert_eq!((notices.len(), notices[0].text.as_str()), (NOTICES_MAX, "word 5"));
    }
}
