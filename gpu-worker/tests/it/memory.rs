//! A lack of memory in the inference process halves what one network call holds, and the process is back.
#![cfg(target_os = "linux")]

use std::time::Duration;

use gpu_worker::child::supervisor::{Limits, Supervisor};
use gpu_worker::child::{ChildConfig, Setup};
use inference::engine::{EngineChoice, EngineConfig};
use inference::error::{FailureKind, Result};
use inference::runtime::Output;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use shared::job::image::ImageInput;
use shared::job::request::Work;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::support::{ModelCopy, PROGRAM, onnxruntime_library};

/// Longer than any run here on any machine.
const JOB_LIMIT: Duration = Duration::from_secs(300);

/// What a starved process may still take: threads, but no large pictures.
const MORE_BYTES: u64 = 24 << 20;

fn pictures(count: u32, size_px: u32) -> Work {
    let input = ImageInput {
        prompt: "a red sun over the sea".into(),
        negative_prompt: String::new(),
        steps: 1,
        guidance: 1.0,
        width: size_px,
        height: size_px,
        seed: Some(1),
        count,
        scheduler: None,
        eta: None,
        init_image: None,
        strength: None,
    };
    Work::Image(input.validate(1).unwrap())
}

async fn run(supervisor: &mut Supervisor, works: &[Work]) -> Vec<Result<Output>> {
    let cancel = watch::Sender::new(false);
    let limits = || Limits {
        canceled: cancel.subscribe(),
        deadline: Instant::now() + JOB_LIMIT,
        watched: watch::channel(false).1,
    };
    let batch = works.iter().map(|work| (work, limits())).collect();
    supervisor.run_batch(batch, &mut |_, _| {}).await
}

/// Leaves the process little more memory than it has.
fn starve(process: u32) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let has = status.lines().find_map(|line| line.strip_prefix("VmData:")?.split_whitespace().next()).unwrap();
    let most = has.parse::<u64>().unwrap() * 1024 + MORE_BYTES;
    let bound = Rlimit { current: Some(most), maximum: Some(most) };
    prlimit(Pid::from_raw(process.try_into().unwrap()), Resource::Data, bound).unwrap();
}

#[tokio::test]
async fn each_lack_of_memory_halves_the_batch_and_the_next_process_keeps_to_it() {
    let Some(library) = onnxruntime_library() else { return };
    let model = ModelCopy::new();
    let engine = EngineConfig {
        name: EngineChoice::Onnxruntime,
        onnxruntime_library: Some(library),
        threads: Some(1),
        ..EngineConfig::default()
    };
    let setup = Setup {
        model: model.path().to_path_buf(),
        engine,
        other_models: Vec::new(),
        data: None,
        child: ChildConfig::default(),
    };
    let mut supervisor = Supervisor::new(PROGRAM.into(), setup);
    assert_eq!(supervisor.start().await.unwrap().batch_max, 4);
    // Four of one job, then two jobs of one: the size of a call counts, not the number of jobs.
    for (works, halved) in [(vec![pictures(4, 1024)], 2), (vec![pictures(1, 1024); 2], 1), (vec![pictures(1, 1024)], 1)]
    {
        let starved = supervisor.process_id().unwrap();
        starve(starved);
        let outcomes: Vec<_> =
            run(&mut supervisor, &works).await.into_iter().map(|outcome| outcome.map(|_| "drawn")).collect();
        let is_told = |outcome: &inference::error::Result<_>| matches!(outcome, Err(error) if error.kind == FailureKind::OutOfMemory);
        // One of several may be done before another finds no memory.
        assert!(outcomes.iter().any(is_told), "{outcomes:?} before {halved}");
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_told(outcome)), "{outcomes:?} before {halved}");
        assert_eq!(supervisor.process_id(), None, "the process was kept");
        assert_eq!(supervisor.start().await.unwrap().batch_max, halved);
        assert_eq!(supervisor.batch_max(), halved);
        assert_ne!(supervisor.process_id(), Some(starved));
    }
    // What was too much at once comes out in smaller calls.
    let outcome = run(&mut supervisor, &[pictures(4, 512)]).await.pop().unwrap();
    assert_eq!(outcome.unwrap().artifacts.len(), 4);
}

#[tokio::test]
async fn a_crash_halves_nothing() {
    let model = ModelCopy::new();
    let engine = EngineConfig { name: EngineChoice::Tract, threads: Some(1), ..EngineConfig::default() };
    let setup = Setup {
        model: model.path().to_path_buf(),
        engine,
        other_models: Vec::new(),
        data: None,
        child: ChildConfig::default(),
    };
    let mut supervisor = Supervisor::new(PROGRAM.into(), setup);
    let before = supervisor.start().await.unwrap().batch_max;
    let process = Pid::from_raw(supervisor.process_id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    supervisor.ended().await;
    assert_eq!(supervisor.start().await.unwrap().batch_max, before);
}
