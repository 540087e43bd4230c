//! Whether somebody else uses a GPU that serves. Pure: a rule over samples, with hysteresis, so that neither a moment's
//! use nor a moment's rest changes anything.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gpu_probe::cards::{Sample, Use};
use serde::{Deserialize, Serialize};

/// Section `[gpu_sharing]` of the worker's configuration: the worker leaves its GPUs to programs of the machine's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GpuSharing {
    /// Whether another process on a GPU that serves pauses the worker.
    pub pause_when_used: bool,
    /// Share of the time in which a process keeps the GPU busy, from which on it counts.
    pub used_percent: u32,
    /// How long it must last before the worker pauses.
    pub pause_after_seconds: u64,
    /// How long the GPU must be free before the worker serves again.
    pub resume_after_seconds: u64,
    /// File names of programs that never count, such as `Xorg`.
    pub ignore: Vec<String>,
}

impl Default for GpuSharing {
    fn default() -> Self {
        Self {
            pause_when_used: true,
            used_percent: 20,
            pause_after_seconds: 5,
            resume_after_seconds: 60,
            ignore: Vec::new(),
        }
    }
}

/// Processes that are the worker's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    pub pids: Vec<u32>,
    /// Programs that serve this worker's jobs, such as Ollama.
    pub programs: Vec<String>,
    /// Cards on which the worker was seen before: while it rests, it is on none.
    pub cards: BTreeSet<u32>,
}

/// The process that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    pub name: String,
    pub pid: u32,
    pub busy_percent: Option<u32>,
    pub card: String,
    pub index: u32,
}

impl std::fmt::Display for Other {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, pid, busy_percent, card, index } = self;
        let name = if name.is_empty() { "a process" } else { name };
        write!(formatter, "{name} (pid {pid}) uses GPU {index}, {card}")?;
        busy_percent.map_or(Ok(()), |percent| write!(formatter, ", at {percent} %"))
    }
}

/// Other processes that use one of these cards, the busiest first. A card on which the worker itself was never seen is
/// left out: in a container the driver tells process ids of the machine, and nobody could say which are the worker's.
pub fn other(samples: &[Sample], own: &Own, config: &GpuSharing) -> Option<Other> {
    let cards: BTreeSet<u32> = own.cards.iter().copied().chain(own.on(samples)).collect();
    let ours = samples.iter().filter(|sample| cards.contains(&sample.index));
    let on_card = |sample: &Sample| -> Vec<Other> {
        let counted = sample.uses.iter().filter(|used| counts(used, own, config));
        counted.map(|used| named(used, sample)).collect()
    };
    ours.flat_map(on_card).max_by_key(|other| other.busy_percent)
}

fn named(used: &Use, sample: &Sample) -> Other {
    Other {
        name: used.name.clone(),
        pid: used.pid,
        busy_percent: used.busy_percent,
        card: sample.card.clone(),
        index: sample.index,
    }
}

fn counts(used: &Use, own: &Own, config: &GpuSharing) -> bool {
    if own.is(used) || begins_with_any(&used.name, &config.ignore) {
        return false;
    }
    // Where the driver tells of no process, who opens a card to compute means to use it; a desktop always draws.
    used.busy_percent.map_or(used.computes, |percent| percent >= config.used_percent)
}

impl Own {
    /// The cards on which the worker is seen.
    pub fn on(&self, samples: &[Sample]) -> impl Iterator<Item = u32> {
        samples.iter().filter(|sample| sample.uses.iter().any(|used| self.is(used))).map(|sample| sample.index)
    }

    fn is(&self, used: &Use) -> bool {
        self.pids.contains(&used.pid) || begins_with_any(&used.name, &self.programs)
    }
}

fn begins_with_any(name: &str, beginnings: &[String]) -> bool {
    beginnings.iter().any(|beginning| !beginning.is_empty() && name.starts_with(beginning.as_str()))
}

/// Remembers since when the GPU is used, or free.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Watch {
    #[default]
    Free,
    /// In use, but not for long enough.
    UsedSince(Instant),
    Paused {
        other: Other,
        /// Since when nobody else uses it.
        free_since: Option<Instant>,
    },
}

impl Watch {
    /// The state after one look.
    pub fn next(self, seen: Option<Other>, now: Instant, config: &GpuSharing) -> Self {
        let pause_after = Duration::from_secs(config.pause_after_seconds);
        let resume_after = Duration::from_secs(config.resume_after_seconds);
        let lasted = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        match (self, seen) {
            // Its share changes with every look; the reason is not told anew for that.
            (Self::Paused { other, .. }, Some(seen)) if other.pid == seen.pid => {
                Self::Paused { other, free_since: None }
            }
            (Self::Paused { .. }, Some(other)) => Self::Paused { other, free_since: None },
            (Self::Paused { other, free_since }, None) => {
                let since = free_since.unwrap_or(now);
                if lasted(since, resume_after) { Self::Free } else { Self::Paused { other, free_since: Some(since) } }
            }
            (_, None) => Self::Free,
            (Self::Free, Some(other)) if pause_after.is_zero() => Self::Paused { other, free_since: None },
            (Self::Free, Some(_)) => Self::UsedSince(now),
            (Self::UsedSince(since), Some(other)) if lasted(since, pause_after) => {
                Self::Paused { other, free_since: None }
            }
            (Self::UsedSince(since), Some(_)) => Self::UsedSince(since),
        }
    }

    /// Why the worker pauses, where it does.
    pub fn reason(&self, config: &GpuSharing) -> Option<String> {
        let Self::Paused { other, free_since } = self else { return None };
        let wait = config.resume_after_seconds;
        Some(match free_since {
            None => format!("{other}; the worker serves again {wait} s after it ends"),
            Some(_) => format!("the GPU is free again; the worker waits {wait} s in case {} comes back", called(other)),
        })
    }
}

fn called(other: &Other) -> &str {
    if other.name.is_empty() { "the other process" } else { &other.name }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: u32 = 10;

    fn used(pid: u32, name: &str, computes: bool, busy_percent: Option<u32>) -> Use {
        Use { pid, name: name.into(), computes, busy_percent }
    }

    fn sample(uses: Vec<Use>) -> Sample {
        Sample { index: 0, card: "A card".into(), uses }
    }

    fn own() -> Own {
        Own { pids: vec![OURS], programs: vec!["ollama".into()], cards: BTreeSet::new() }
    }

    fn seen(samples: &[Sample]) -> Option<u32> {
        other(samples, &own(), &GpuSharing { ignore: vec!["Xorg".into()], ..GpuSharing::default() })
            .map(|other| other.pid)
    }

    #[test]
    fn who_keeps_the_card_busy_counts_and_the_worker_itself_does_not() {
        let ours = || used(OURS, "gpu-worker", true, Some(99));
        let beside = |used| sample(vec![ours(), used]);
        assert_eq!(seen(&[sample(vec![ours()])]), None);
        assert_eq!(seen(&[beside(used(7, "blender", true, Some(60)))]), Some(7));
        assert_eq!(seen(&[beside(used(7, "blender", true, Some(19)))]), None);
        assert_eq!(seen(&[beside(used(7, "game", false, Some(20)))]), Some(7));
        assert_eq!(seen(&[beside(used(7, "Xorg", false, Some(50)))]), None);
        assert_eq!(seen(&[beside(used(7, "ollama_llama_se", true, Some(90)))]), None);
        let two = [beside(used(7, "a", true, Some(30))), beside(used(8, "b", true, Some(70)))];
        assert_eq!(seen(&two), Some(8));
        assert_eq!(seen(&[]), None);
    }

    #[test]
    fn where_the_driver_tells_of_no_process_who_computes_counts_and_who_draws_does_not() {
        let beside = |used_by| sample(vec![used(OURS, "gpu-worker", true, None), used_by]);
        assert_eq!(seen(&[beside(used(7, "compositor", false, None))]), None);
        assert_eq!(seen(&[beside(used(8, "blender", true, None))]), Some(8));
    }

    #[test]
    fn a_card_on_which_the_worker_is_not_seen_is_left_out() {
        assert_eq!(seen(&[sample(vec![used(31_337, "", true, Some(100))])]), None);
    }

    #[test]
    fn a_worker_that_rests_still_sees_who_uses_its_card() {
        let game = sample(vec![used(7, "game", false, Some(90))]);
        let resting = Own { pids: Vec::new(), cards: BTreeSet::from([0]), ..own() };
        assert_eq!(other(&[game], &resting, &GpuSharing::default()).map(|other| other.pid), Some(7));
        let both = [sample(vec![used(OURS, "gpu-worker", true, Some(99))]), Sample { index: 1, ..sample(vec![]) }];
        assert_eq!(own().on(&both).collect::<Vec<_>>(), [0]);
    }

    fn blender() -> Option<Other> {
        let card = "A card".into();
        Some(Other { name: "blender".into(), pid: 7, busy_percent: Some(87), card, index: 0 })
    }

    #[test]
    fn it_pauses_after_five_seconds_and_serves_again_after_a_minute_of_rest() {
        let (config, start) = (GpuSharing::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = Watch::default();
        // Seconds, whether somebody uses the card, and whether the worker pauses then.
        for (seconds, used, pauses) in [
            (0, false, false),
            (1, true, false),
            (4, true, false),
            (5, false, false),
            (6, true, false),
            (10, true, false),
            (11, true, true),
            (12, false, true),
            (60, false, true),
            (61, true, true),
            (62, false, true),
            (121, false, true),
            (122, false, false),
            (123, true, false),
        ] {
            watch = watch.next(blender().filter(|_| used), at(seconds), &config);
            assert_eq!(watch.reason(&config).is_some(), pauses, "after {seconds} s: {watch:?}");
        }
    }

    #[test]
    fn the_reason_names_the_process_and_the_card() {
        let config = GpuSharing { pause_after_seconds: 0, ..GpuSharing::default() };
        let now = Instant::now();
        let watch = Watch::default().next(blender(), now, &config);
        let reason = watch.reason(&config).unwrap();
        assert!(reason.contains("blender (pid 7) uses GPU 0, A card, at 87 %"), "{reason}");
        let reason = watch.next(None, now, &config).reason(&config).unwrap();
        assert!(reason.contains("60 s in case blender comes back"), "{reason}");
    }

    proptest! {
        #[test]
        fn no_change_comes_sooner_than_it_may(looks in prop::collection::vec((any::<bool>(), 0_u64..40), 1..60)) {
            let (config, start) = (GpuSharing::default(), Instant::now());
            let (mut watch, mut now, mut changed_at, mut paused) = (Watch::default(), start, start, false);
            for (used, seconds) in looks {
                now += Duration::from_secs(seconds);
                watch = watch.next(blender().filter(|_| used), now, &config);
                let pauses = watch.reason(&config).is_some();
                if pauses != paused {
                    let least = if pauses { config.pause_after_seconds } else { config.resume_after_seconds };
                    prop_assert!(now - changed_at >= Duration::from_secs(least));
                    prop_assert_eq!(pauses, used);
                    (paused, changed_at) = (pauses, now);
                }
            }
        }
    }
}
