//! The worker's status for its miner. Pure; the caller reads the clocks.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use inference::error::quote;
use serde::{Deserialize, Serialize};
use shared::Address;
use shared::amount::Amount;
use shared::time::UnixMillis;

use super::pause::Pause;
use crate::hub::HubNumber;
use crate::hub::session::HubIdentity;

/// Ended jobs of a hub that are remembered one by one.
const RECENT_MAX: usize = 10_000;

/// Most notices of a hub that are kept.
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
    /// No session with any hub.
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

/// How it stands with one hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubStatus {
    pub url: String,
    /// What it says of itself; absent before the first session.
    pub hub_id: Option<String>,
    pub chain_id: Option<u64>,
    /// Why there is no session, where there is none.
    pub reason: Option<String>,
    /// How far its clock is before this machine's, while a session is up.
    pub ahead_ms: Option<i64>,
    /// Of the worker's slots, those that it may fill now, with those that it has.
    pub slots: usize,
    pub jobs: JobCounts,
    /// Results that it has not taken yet.
    pub results_waiting: usize,
    pub notices: Vec<Notice>,
}

/// A sentence of a hub.
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
    /// Of all hubs together.
    pub jobs: JobCounts,
    pub hubs: Vec<HubStatus>,
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
    pause: Option<Pause>,
    draining: bool,
    hubs: Vec<Hub>,
}

/// What is collected of one hub.
#[derive(Debug)]
struct Hub {
    url: String,
    identity: Option<HubIdentity>,
    session: Result<i64, String>,
    holds: Holds,
    counts: JobCounts,
    completed_at: VecDeque<Instant>,
    notices: VecDeque<Notice>,
}

/// What the worker has of a hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holds {
    /// Slots that the hub may fill, with those that it has.
    pub slots: usize,
    pub running: usize,
    pub results_waiting: usize,
}

impl Hub {
    fn new(url: String) -> Self {
        Self {
            url,
            identity: None,
            session: Err("it connects".into()),
            holds: Holds::default(),
            counts: JobCounts::default(),
            completed_at: VecDeque::new(),
            notices: VecDeque::new(),
        }
    }

    fn ended(&mut self, ending: Ending, now: Instant) {
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

    fn status(&self, now: Instant) -> HubStatus {
        let last_hour = self.completed_at.iter().filter(|at| now.saturating_duration_since(**at) < HOUR).count();
        HubStatus {
            url: self.url.clone(),
            hub_id: self.identity.as_ref().map(|identity| quote(&identity.hub_id)),
            chain_id: self.identity.as_ref().map(|identity| identity.chain_id),
            reason: self.session.as_ref().err().cloned(),
            ahead_ms: self.session.as_ref().ok().copied(),
            slots: self.holds.slots,
            jobs: JobCounts { last_hour, running: self.holds.running, ..self.counts },
            results_waiting: self.holds.results_waiting,
            notices: self.notices.iter().cloned().collect(),
        }
    }
}

impl JobCounts {
    fn and(self, other: Self) -> Self {
        Self {
            last_hour: self.last_hour + other.last_hour,
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            canceled: self.canceled + other.canceled,
            running: self.running + other.running,
        }
    }
}

impl Monitor {
    /// `hubs` are their URLs, in their order.
    pub fn new(facts: Facts, models: Vec<ModelStatus>, hubs: Vec<String>) -> Self {
        Self {
            facts,
            models,
            warm: BTreeMap::new(),
            lost: Vec::new(),
            is_without_device: false,
            pause: None,
            draining: false,
            hubs: hubs.into_iter().map(Hub::new).collect(),
        }
    }

    pub fn connected(&mut self, hub: HubNumber, identity: HubIdentity, hub_ahead_ms: i64) {
        if let Some(hub) = self.hubs.get_mut(hub.0) {
            (hub.identity, hub.session) = (Some(identity), Ok(hub_ahead_ms));
        }
    }

    pub fn disconnected(&mut self, hub: HubNumber, reason: &str) {
        if let Some(hub) = self.hubs.get_mut(hub.0) {
            hub.session = Err(quote(reason));
        }
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

    /// What the worker has of a hub now.
    pub fn holds(&mut self, hub: HubNumber, holds: Holds) {
        if let Some(hub) = self.hubs.get_mut(hub.0) {
            hub.holds = holds;
        }
    }

    /// A device has these models loaded, and no others.
    pub fn warm(&mut self, device_number: usize, models: &[String]) {
        self.warm.insert(device_number, models.to_vec());
        for model in &mut self.models {
            model.warm = self.warm.values().flatten().any(|name| *name == model.name);
        }
    }

    pub fn ended(&mut self, hub: HubNumber, ending: Ending, now: Instant) {
        if let Some(hub) = self.hubs.get_mut(hub.0) {
            hub.ended(ending, now);
        }
    }

    pub fn notice(&mut self, hub: HubNumber, text: &str, at_unix_ms: UnixMillis) {
        let Some(hub) = self.hubs.get_mut(hub.0) else { return };
        hub.notices.push_back(Notice { at_unix_ms, text: quote(text) });
        if hub.notices.len() > NOTICES_MAX {
            hub.notices.pop_front();
        }
    }

    pub fn report(&self, now: Instant) -> StatusReport {
        let (state, reason) = self.state();
        let hubs: Vec<HubStatus> = self.hubs.iter().map(|hub| hub.status(now)).collect();
        StatusReport {
            facts: self.facts.clone(),
            state,
            reason,
            models: self.models.clone(),
            lost: self.lost.clone(),
            jobs: hubs.iter().fold(JobCounts::default(), |sum, hub| sum.and(hub.jobs)),
            hubs,
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
        if self.hubs.iter().all(|hub| hub.session.is_err()) {
            return (State::Disconnected, Some(self.why_disconnected()));
        }
        let idle = self.hubs.iter().all(|hub| hub.holds.running == 0);
        (State::Serving, idle.then(|| "there is no job for these models at these prices".into()))
    }

    fn why_disconnected(&self) -> String {
        match &self.hubs[..] {
            [hub] => hub.session.clone().err().unwrap_or_default(),
            hubs => format!("none of {} hubs has a session", hubs.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::pause::PausedBy;

    const FIRST: HubNumber = HubNumber(0);
    const SECOND: HubNumber = HubNumber(1);

    fn monitor() -> Monitor {
        let facts = Facts {
            version: "1".into(),
            address: Address::ZERO,
            engine: "tract".into(),
            devices: Vec::new(),
            slots: 1,
            started_at_unix_ms: UnixMillis(0),
        };
        let model = ModelStatus { name: "m".into(), unit_price: Amount::from_ait(1), warm: false };
        Monitor::new(facts, vec![model], vec!["http://one".into(), "http://two".into()])
    }

    fn identity() -> HubIdentity {
        HubIdentity { hub_id: "hub".into(), chain_id: 7, minter: Address::ZERO, escrow: Address::ZERO }
    }

    #[test]
    fn the_state_is_the_strongest_reason_for_no_jobs() {
        let (mut monitor, now) = (monitor(), Instant::now());
        assert_eq!(monitor.report(now).state, State::Disconnected);
        monitor.disconnected(FIRST, "refused by\nthe firewall");
        let none = monitor.report(now);
        assert_eq!(none.hubs[0].reason.as_deref(), Some("refused by the firewall"));
        assert_eq!(none.reason.as_deref(), Some("none of 2 hubs has a session"));
        monitor.connected(SECOND, identity(), -3);
        let idle = monitor.report(now);
        assert!(idle.state == State::Serving && idle.reason.is_some(), "one hub is enough");
        let second = &idle.hubs[1];
        assert_eq!((second.ahead_ms, second.reason.clone(), second.chain_id), (Some(-3), None, Some(7)));
        monitor.holds(SECOND, Holds { slots: 1, running: 1, results_waiting: 0 });
        assert_eq!((monitor.report(now).reason, monitor.report(now).jobs.running), (None, 1));
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
            monitor.ended(HubNumber(minute as usize % 2), Ending::Completed, start + Duration::from_secs(60 * minute));
        }
        monitor.ended(FIRST, Ending::Failed, start);
        let of_hubs = monitor.report(start).hubs;
        assert_eq!((of_hubs[0].jobs.completed, of_hubs[1].jobs.completed), (2, 1));
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
            monitor.notice(FIRST, &format!("word {number}"), UnixMillis(number));
        }
        let hubs = monitor.report(Instant::now()).hubs;
        assert!(hubs[1].notices.is_empty(), "one hub fills the room of another");
        let notices = &hubs[0].notices;
        assert_eq!((notices.len(), notices[0].text.as_str()), (NOTICES_MAX, "word 5"));
    }
}
