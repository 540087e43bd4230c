//! One inference process from its start to its end, and the pipes to it.

use std::io::Write;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use inference::error::{FailureKind, InferenceError, Result};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::death::{Remains, kernel_memory_kills};
use super::environment;
use super::{Event, FRAME_MAX_BYTES, Loaded, Request, Setup};

/// What sets how long loading may take.
const LOAD_LIMIT_SETTING: &str = "child.load_within_seconds in worker.toml sets the limit";

/// How long a killed process may take to leave, and its last words to be read.
const BURIAL_LIMIT: Duration = Duration::from_secs(1);

/// How long a process that was told to leave may take for it.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// Events that wait for the worker.
const EVENTS_MAX: usize = 64;

/// How much of the end of standard error is kept.
const LAST_WORDS_MAX_BYTES: usize = 4 << 10;

/// Longest line that is kept together on its way to the worker's own standard error.
const LINE_MAX_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    pub(super) events: mpsc::Receiver<Event>,
    last_words: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    memory_kills_before: u64,
    /// How long loading may take before the process counts as hung.
    load_limit: Duration,
}

impl Process {
    /// Starts the process and has it load what `setup` names.
    pub(super) async fn spawn(program: &Path, setup: &Setup) -> Result<(Self, Loaded)> {
        let memory_kills_before = kernel_memory_kills();
        let mut command = Command::new(program);
        command.arg("child").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        environment::clear(&mut command, setup);
        // CUDA would count the fastest GPU first; the driver's tools count by bus, and so does engine.device.
        command.env("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
        // A process that is out of memory cannot gather a backtrace: it would hang where it should end.
        command.env("RUST_BACKTRACE", "0");
        // A Ctrl-C in the terminal is for the worker, which lets the process finish its job.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(InferenceError::io(program))?;
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(InferenceError::crashed("it has no pipes"));
        };
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(read_events(output, sender));
        let last_words = Arc::new(Mutex::new(Vec::new()));
        let reader = tokio::spawn(pass_on(errors, last_words.clone()));
        let mut process = Self {
            child,
            input,
            events,
            last_words,
            reader,
            memory_kills_before,
            load_limit: setup.child.load_within(),
        };
        match process.load(&Request::Load(Box::new(setup.clone()))).await {
            Ok(loaded) => Ok((process, loaded)),
            Err(error) if error.kind == FailureKind::Crashed => Err(process.bury().await),
            Err(error) => {
                process.kill().await;
                Err(error)
            }
        }
    }

    /// Asks for a model and waits until it is loaded.
    pub(super) async fn load(&mut self, request: &Request) -> Result<Loaded> {
        let sent = self.send(request).await;
        sent.map_err(|error| InferenceError::crashed(error.to_string()))?;
        match timeout(self.load_limit, self.events.recv()).await {
            Ok(Some(Event::Loaded(loaded))) => Ok(loaded),
            Ok(Some(Event::NotLoaded(error))) => Err(error),
            Ok(_) => Err(InferenceError::crashed("its output ended")),
            Err(_) => Err(InferenceError::slow_to_load(self.load_limit, LOAD_LIMIT_SETTING)),
        }
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resolves when the process ends.
    pub(super) async fn ended(&mut self) {
        // An error means that nothing is left to wait for.
        let _ = self.child.wait().await;
    }

    pub(super) async fn send(&mut self, request: &Request) -> std::io::Result<()> {
        write_frame(&mut self.input, request).await
    }

    /// Lets other programs (Ollama) free what they hold for it, and ends it.
    pub(super) async fn dismiss(mut self) {
        let left = timeout(LEAVE_LIMIT, async {
            self.send(&Request::Leave).await?;
            self.child.wait().await
        });
        if !matches!(left.await, Ok(Ok(_))) {
            self.kill().await;
        }
    }

    pub(super) async fn kill(mut self) {
        let _ = timeout(BURIAL_LIMIT, self.child.kill()).await;
    }

    /// Waits for the end of the process and returns its cause.
    pub(super) async fn bury(mut self) -> InferenceError {
        // Its output ends a moment before it does, so it may still tell how it ended.
        let status = match timeout(BURIAL_LIMIT, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                let _ = self.child.start_kill();
                self.child.wait().await
            }
        };
        let _ = timeout(BURIAL_LIMIT, &mut self.reader).await;
        let last_words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let remains = Remains {
            status: &status.as_ref().map_or_else(ToString::to_string, ToString::to_string),
            signal: status.as_ref().ok().and_then(signal),
            last_words: &String::from_utf8_lossy(&last_words),
            kernel_took_memory: kernel_memory_kills() > self.memory_kills_before,
        };
        remains.cause()
    }
}

#[cfg(unix)]
fn signal(status: &ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(status)
}

#[cfg(not(unix))]
fn signal(_: &ExitStatus) -> Option<i32> {
    None
}

async fn read_events(mut output: ChildStdout, events: mpsc::Sender<Event>) {
    while let Ok(event) = read_frame(&mut output).await {
        if events.send(event).await.is_err() {
            break;
        }
    }
}

/// Passes the process's log on, whole lines at a time, and keeps its end.
async fn pass_on(mut errors: ChildStderr, last_words: Arc<Mutex<Vec<u8>>>) {
    let mut waiting = Vec::new();
    let mut is_open = true;
    while is_open {
        is_open = errors.read_buf(&mut waiting).await.is_ok_and(|length| length > 0);
        let whole = match waiting.iter().rposition(|byte| *byte == b'\n') {
            Some(end) if is_open && waiting.len() < LINE_MAX_BYTES => end + 1,
            None if is_open && waiting.len() < LINE_MAX_BYTES => continue,
            _ => waiting.len(),
        };
        let lines: Vec<u8> = waiting.drain(..whole).collect();
        // A failed write to standard error is ignored.
        let _ = std::io::stderr().write_all(&lines);
        let mut kept = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&lines);
        let surplus = kept.len().saturating_sub(LAST_WORDS_MAX_BYTES);
        kept.drain(..surplus);
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
