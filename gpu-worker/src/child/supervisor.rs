//! Starts the inference process, talks to it, and starts it anew when it ends.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use shared::job::request::Work;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Event, FRAME_MAX_BYTES, Loaded, Request, Setup};
use crate::error::{Result, WorkerError};
use crate::runtime::{Output, StepReport};

/// How long loading may take before the process counts as hung.
const LOAD_LIMIT: Duration = Duration::from_secs(120);

/// How long a canceled run may go on before the process is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// Events that wait for the worker.
const EVENTS_MAX: usize = 64;

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
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    events: mpsc::Receiver<Event>,
    loaded: Loaded,
}

impl Supervisor {
    /// `program` is this worker's own executable.
    pub fn new(program: PathBuf, setup: Setup) -> Self {
        Self { program, setup, running: None, next_id: 1 }
    }

    /// Starts the process where it does not run, and says what it loaded.
    pub async fn start(&mut self) -> Result<&Loaded> {
        let alive = self.running.take().and_then(Running::if_alive);
        let running = match alive {
            Some(running) => running,
            None => Running::spawn(&self.program, &self.setup).await?,
        };
        Ok(&self.running.insert(running).loaded)
    }

    /// Runs `work`, telling `steps` of each step.
    ///
    /// # Errors
    /// What the process reports; [`WorkerError::ChildCrashed`] when it ended, [`WorkerError::Canceled`] and
    /// [`WorkerError::Deadline`] by the limits. After a crash the next call starts it again.
    pub async fn run(
        &mut self,
        work: &Work,
        limits: &mut Limits,
        steps: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<Output> {
        self.start().await?;
        let id = self.next_id;
        self.next_id += 1;
        let Some(running) = self.running.as_mut() else { return Err(crashed("it did not start")) };
        let request = Request::Run { id, work: work.clone(), previews: limits.previews };
        let outcome = match running.send(&request).await {
            Ok(()) => running.follow(id, limits, steps).await,
            Err(error) => Err(crashed(&error.to_string())),
        };
        if let Err(WorkerError::ChildCrashed(_)) = &outcome {
            return Err(self.bury().await);
        }
        outcome
    }

    /// Ends the process at once.
    pub async fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill().await;
        }
    }

    /// How the process ended.
    async fn bury(&mut self) -> WorkerError {
        let Some(mut running) = self.running.take() else { return crashed("it did not run") };
        let _ = running.child.start_kill();
        match running.child.wait().await {
            Ok(status) => crashed(&status.to_string()),
            Err(error) => crashed(&error.to_string()),
        }
    }
}

impl Running {
    async fn spawn(program: &PathBuf, setup: &Setup) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("child").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        // A Ctrl-C in the terminal is for the worker, which lets the process finish its job.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(WorkerError::io(program))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(crashed("it has no pipes"));
        };
        let (sender, mut events) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(read_events(output, sender));
        let mut input = input;
        write_frame(&mut input, &Request::Load(setup.clone())).await.map_err(|error| crashed(&error.to_string()))?;
        match timeout(LOAD_LIMIT, events.recv()).await {
            Ok(Some(Event::Loaded(loaded))) => Ok(Self { child, input, events, loaded }),
            Ok(Some(Event::NotLoaded(failure))) => Err(failure.into()),
            Ok(_) => {
                Err(crashed(&child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string())))
            }
            Err(_) => Err(crashed(&format!("it loaded for more than {} s", LOAD_LIMIT.as_secs()))),
        }
    }

    fn if_alive(mut self) -> Option<Self> {
        matches!(self.child.try_wait(), Ok(None)).then_some(self)
    }

    async fn send(&mut self, request: &Request) -> std::io::Result<()> {
        write_frame(&mut self.input, request).await
    }

    /// Follows run `id` to its end.
    async fn follow(
        &mut self,
        id: u64,
        limits: &mut Limits,
        steps: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<Output> {
        let mut ended_by = None;
        let mut kill_at = limits.deadline;
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(Event::Step { id: of, report }) if of == id => steps(report),
                    Some(Event::Done { id: of, output }) if of == id => return ended_by.map_or(Ok(output), Err),
                    Some(Event::Failed { id: of, failure }) if of == id => {
                        return Err(ended_by.unwrap_or_else(|| failure.into()));
                    }
                    Some(_) => {}
                    None => return Err(crashed("its output ended")),
                },
                true = is_canceled(&mut limits.canceled), if ended_by.is_none() => {
                    ended_by = Some(WorkerError::Canceled);
                    kill_at = Instant::now() + CANCEL_GRACE;
                    let _ = self.send(&Request::Cancel { id }).await;
                }
                () = sleep_until(kill_at) => match ended_by {
                    None => {
                        ended_by = Some(WorkerError::Deadline);
                        kill_at = Instant::now() + CANCEL_GRACE;
                        let _ = self.send(&Request::Cancel { id }).await;
                    }
                    Some(_) => return Err(crashed("it hung")),
                },
            }
        }
    }
}

/// Resolves when the run is canceled; never where nobody can cancel it any more.
async fn is_canceled(canceled: &mut watch::Receiver<bool>) -> bool {
    let was_canceled = canceled.wait_for(|canceled| *canceled).await.is_ok();
    if was_canceled { true } else { std::future::pending().await }
}

async fn read_events(mut output: ChildStdout, events: mpsc::Sender<Event>) {
    while let Ok(event) = read_frame(&mut output).await {
        if events.send(event).await.is_err() {
            break;
        }
    }
}

async fn read_frame(output: &mut ChildStdout) -> std::io::Result<Event> {
    let length = output.read_u32_le().await? as usize;
    if length > FRAME_MAX_BYTES {
        return Err(std::io::Error::other("the frame is too long"));
    }
    let mut frame = vec![0; length];
    output.read_exact(&mut frame).await?;
    serde_json::from_slice(&frame).map_err(std::io::Error::other)
}

async fn write_frame(input: &mut ChildStdin, request: &impl Serialize) -> std::io::Result<()> {
    let frame = serde_json::to_vec(request).map_err(std::io::Error::other)?;
    let length = u32::try_from(frame.len()).map_err(std::io::Error::other)?;
    input.write_u32_le(length).await?;
    input.write_all(&frame).await?;
    input.flush().await
}

fn crashed(reason: &str) -> WorkerError {
    WorkerError::ChildCrashed(reason.into())
}
