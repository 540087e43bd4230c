//! Starts the inference process, talks to it, sees that it lives, and starts it anew when it ends.

use std::path::PathBuf;
use std::time::Duration;

use shared::job::request::Work;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::pace::{Beat, Pace};
use super::pipe::Process;
use super::{Event, Loaded, Request, Setup};
use crate::error::{Result, WorkerError};
use crate::runtime::{Output, StepReport};

/// How long a canceled run may go on before the process is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// How a run is ended early.
#[derive(Debug)]
pub struct Limits {
    /// Turns true when nobody wants the result any more.
    pub canceled: watch::Receiver<bool>,
    pub deadline: Instant,
    /// Whether somebody watches the steps.
    pub previews: bool,
}

/// The worker's side of the inference process.
#[derive(Debug)]
pub struct Supervisor {
    program: PathBuf,
    setup: Setup,
    running: Option<Running>,
    next_id: u64,
    pace: Pace,
}

#[derive(Debug)]
struct Running {
    process: Process,
    loaded: Loaded,
}

impl Running {
    fn if_alive(mut self) -> Option<Self> {
        self.process.is_alive().then_some(self)
    }
}

impl Supervisor {
    /// `program` is this worker's own executable.
    pub fn new(program: PathBuf, setup: Setup) -> Self {
        let pace = Pace::new(setup.child.hung_after());
        Self { program, setup, running: None, next_id: 1, pace }
    }

    /// Starts the process where it does not run, and says what it loaded.
    pub async fn start(&mut self) -> Result<&Loaded> {
        let alive = self.running.take().and_then(Running::if_alive);
        let running = match alive {
            Some(running) => running,
            None => {
                let (process, loaded) = Process::spawn(&self.program, &self.setup).await?;
                Running { process, loaded }
            }
        };
        Ok(&self.running.insert(running).loaded)
    }

    /// Resolves when the process ends by itself; never where none runs.
    pub async fn ended(&mut self) {
        match &mut self.running {
            Some(running) => running.process.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Runs `work`, telling `steps` of each step.
    ///
    /// # Errors
    /// What the process reports; [`WorkerError::Canceled`] and [`WorkerError::Deadline`] by the limits; one that
    /// [`WorkerError::ends_process`] when it crashed, ran out of memory or hung. The next call starts it again.
    pub async fn run(
        &mut self,
        work: &Work,
        limits: &mut Limits,
        steps: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<Output> {
        self.start().await?;
        let id = self.next_id;
        self.next_id += 1;
        let Some(Running { process, .. }) = self.running.as_mut() else {
            return Err(WorkerError::ChildCrashed("it did not start".into()));
        };
        let request = Request::Run { id, work: work.clone(), previews: limits.previews };
        let mut beat = Beat::begin(work.units(), Instant::now());
        // A process that does not read takes a large request for ever.
        let outcome = match timeout_at(self.pace.hung_at(&beat), process.send(&request)).await {
            Ok(Ok(())) => follow(process, id, limits, (&self.pace, &mut beat), steps).await,
            Ok(Err(error)) => Err(WorkerError::ChildCrashed(error.to_string())),
            Err(_) => Err(WorkerError::ChildHung { silence: beat.silence(Instant::now()) }),
        };
        if outcome.is_ok() {
            self.pace.learn(&beat);
        }
        match outcome {
            // What it ended of is known better once it is gone.
            Err(WorkerError::ChildCrashed(_)) => Err(self.bury().await),
            Err(hung @ WorkerError::ChildHung { .. }) => {
                self.kill().await;
                Err(hung)
            }
            Err(error) if error.is_out_of_memory() => {
                self.kill().await;
                Err(WorkerError::ChildOutOfMemory(error.to_string()))
            }
            outcome => outcome,
        }
    }

    /// Ends the process at once.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.process.kill().await;
        }
    }

    /// How the process ended.
    async fn bury(&mut self) -> WorkerError {
        match self.running.take() {
            Some(running) => running.process.bury().await,
            None => WorkerError::ChildCrashed("it did not run".into()),
        }
    }
}

/// Follows run `id` to its end.
async fn follow(
    process: &mut Process,
    id: u64,
    limits: &mut Limits,
    (pace, beat): (&Pace, &mut Beat),
    steps: &mut (dyn FnMut(StepReport) + Send),
) -> Result<Output> {
    let mut ended_by = None;
    let mut end_at = limits.deadline;
    loop {
        tokio::select! {
            event = process.events.recv() => match event {
                Some(Event::Step { id: of, report }) if of == id => {
                    beat.heard(Instant::now(), report.steps);
                    steps(report);
                }
                Some(Event::Done { id: of, output }) if of == id => {
                    beat.heard(Instant::now(), beat.steps());
                    return ended_by.map_or(Ok(output), Err);
                }
                Some(Event::Failed { id: of, failure }) if of == id => {
                    return Err(ended_by.unwrap_or_else(|| failure.into()));
                }
                Some(_) => {}
                None => return Err(WorkerError::ChildCrashed("its output ended".into())),
            },
            true = is_canceled(&mut limits.canceled), if ended_by.is_none() => {
                ended_by = Some(WorkerError::Canceled);
                end_at = Instant::now() + CANCEL_GRACE;
                let _ = timeout(CANCEL_GRACE, process.send(&Request::Cancel { id })).await;
            }
            () = sleep_until(pace.hung_at(beat)), if ended_by.is_none() => {
                return Err(WorkerError::ChildHung { silence: beat.silence(Instant::now()) });
            }
            () = sleep_until(end_at) => match ended_by {
                None => {
                    ended_by = Some(WorkerError::Deadline);
                    end_at = Instant::now() + CANCEL_GRACE;
                    let _ = timeout(CANCEL_GRACE, process.send(&Request::Cancel { id })).await;
                }
                Some(_) => return Err(WorkerError::ChildHung { silence: CANCEL_GRACE }),
            },
        }
    }
}

/// Resolves when the run is canceled; never where nobody can cancel it any more.
async fn is_canceled(canceled: &mut watch::Receiver<bool>) -> bool {
    let was_canceled = canceled.wait_for(|canceled| *canceled).await.is_ok();
    if was_canceled { true } else { std::future::pending().await }
}
