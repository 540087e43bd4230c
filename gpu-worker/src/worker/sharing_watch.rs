//! Looks at the GPUs that serve, once a second, in a thread of its own: a driver that hangs must not hold up the worker.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use gpu_probe::cards::Sample;
use gpu_probe::nvml::Watcher;
use tokio::sync::watch;

use super::sharing::{GpuSharing, Own, Watch, other};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Which GPUs serve, and which programs beside this one serve on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServingGpus {
    pub gpus: Vec<u32>,
    pub programs: Vec<String>,
}

/// The reason why the worker should pause for other programs, while it should. There is none where no GPU serves, or
/// where the miner switched this off.
pub fn watch(config: GpuSharing, serving: ServingGpus) -> watch::Receiver<Option<String>> {
    let (sender, receiver) = watch::channel(None);
    if config.pause_when_used && !serving.gpus.is_empty() {
        let began =
            std::thread::Builder::new().name("gpu-sharing".into()).spawn(move || look(&config, serving, &sender));
        if let Err(error) = began {
            tracing::warn!(%error, "nobody looks whether others use the GPU");
        }
    }
    receiver
}

fn look(config: &GpuSharing, serving: ServingGpus, reasons: &watch::Sender<Option<String>>) {
    let mut watcher = match Watcher::open(serving.gpus) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "nobody looks whether others use the GPU");
            return;
        }
    };
    let mut state = Watch::default();
    let mut cards = BTreeSet::new();
    while !reasons.is_closed() {
        let samples = watcher.samples();
        let own = Own { pids: own_pids(&samples), programs: serving.programs.clone(), cards: cards.clone() };
        cards.extend(own.on(&samples));
        state = state.next(other(&samples, &own, config), Instant::now(), config);
        let reason = state.reason(config);
        reasons.send_if_modified(|before| {
            let is_new = *before != reason;
            *before = reason;
            is_new
        });
        std::thread::sleep(LOOK_EVERY);
    }
}

/// This process and those that it started, among the processes that use the cards.
fn own_pids(samples: &[Sample]) -> Vec<u32> {
    let us = std::process::id();
    let pids = samples.iter().flat_map(|sample| &sample.uses).map(|used| used.pid);
    pids.filter(|pid| *pid == us || parent(*pid) == Some(us)).collect()
}

/// Field 4 of `/proc/PID/stat`; the program's name before it is in brackets and may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpu_probe::cards::Use;

    #[tokio::test]
    async fn without_a_gpu_or_with_sharing_off_nobody_looks() {
        let sleepless = GpuSharing { pause_when_used: false, ..GpuSharing::default() };
        for (config, gpus) in [(GpuSharing::default(), vec![]), (sleepless, vec![0])] {
            let mut reasons = watch(config, ServingGpus { gpus, programs: vec![] });
            assert!(reasons.changed().await.is_err(), "the sender is gone");
            assert_eq!(*reasons.borrow(), None);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_and_its_children_are_its_own() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let using = |pid| Use { pid, name: String::new(), computes: true, busy_percent: None };
        let uses = [std::process::id(), child.id(), 1].map(using).to_vec();
        let own = own_pids(&[Sample { index: 0, card: "A card".into(), uses }]);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(own, [std::process::id(), child.id()]);
    }
}
