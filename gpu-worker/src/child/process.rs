//! `gpu-worker child`: the process that holds the model. It has no key, and no network unless
//! another program serves the model; it reads requests from standard
//! input, answers on standard output, and ends when its input ends.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use shared::job::request::Work;

use super::{Event, FRAME_MAX_BYTES, Failure, Loaded, Request, Setup, sandbox};
use crate::engine::{Engine, cpu, library};
use crate::error::Result;
use crate::runtime::folder::ModelFolder;
use crate::runtime::image::millis;
use crate::runtime::{self, Observer, Outside, Runtime, StepReport};

/// No run has this id.
const NO_RUN: u64 = 0;

/// Serves until standard input ends.
pub fn serve() -> ExitCode {
    let Ok(Request::Load(setup)) = read_frame(&mut io::stdin().lock()) else { return ExitCode::FAILURE };
    let output = Output(Mutex::new(io::stdout()));
    // Before the first thread, so that no thread is without the filter.
    let entered = sandbox::enter(needs_network(&setup), memory_max_bytes(&setup));
    let canceled = Arc::new(AtomicU64::new(NO_RUN));
    let requests = read_requests(canceled.clone());
    let mut runtime = match entered.and_then(|()| load(&setup)) {
        Ok((loaded, runtime)) => {
            output.send(&Event::Loaded(loaded));
            runtime
        }
        Err(error) => {
            output.send(&Event::NotLoaded(Failure::from(&error)));
            return ExitCode::FAILURE;
        }
    };
    while let Ok(request) = requests.recv() {
        if let Request::Run { id, work, previews } = request {
            output.send(&run(runtime.as_mut(), id, &work, previews, &canceled, &output));
        }
    }
    ExitCode::SUCCESS
}

/// Only a model that another program serves is reached over the network; where its folder cannot be read, none is.
fn needs_network(setup: &Setup) -> bool {
    ModelFolder::open(&setup.model).is_ok_and(|folder| runtime::needs_network(&folder))
}

/// Without a bound of its own, the process may use what the machine has.
fn memory_max_bytes(setup: &Setup) -> Option<u64> {
    let machine = cpu::memory_bytes();
    setup.child.memory_max_bytes.or((machine > 0).then_some(machine))
}

fn load(setup: &Setup) -> Result<(Loaded, Box<dyn Runtime>)> {
    let began = Instant::now();
    let engine = Engine::start(&setup.engine, &library::Search::of_process(setup.data.as_deref()))?;
    let folder = ModelFolder::open(&setup.model)?;
    let model = runtime::load(engine, &folder)?;
    let own = || {
        let class = engine.determinism_class(model.precision());
        let determinism_class = format!("{}@{}/{class}", folder.manifest().name, folder.manifest_sha256());
        Outside { engine: engine.report(), determinism_class }
    };
    let outside = model.outside();
    let note = engine.note().filter(|_| outside.is_none()).map(str::to_owned);
    let Outside { engine: report, determinism_class } = outside.unwrap_or_else(own);
    let load_ms = millis(began.elapsed());
    let loaded = Loaded { engine: report, threads: engine.threads(), note, determinism_class, load_ms };
    Ok((loaded, model))
}

fn run(
    runtime: &mut dyn Runtime,
    id: u64,
    work: &Work,
    previews: bool,
    canceled: &AtomicU64,
    output: &Output,
) -> Event {
    let mut observer = PipeObserver { id, previews, canceled, output };
    match runtime.run(work, &mut observer) {
        Ok(output) => Event::Done { id, output },
        Err(error) => Event::Failed { id, failure: Failure::from(&error) },
    }
}

/// Sends each step through the pipe and watches for a cancel.
struct PipeObserver<'a> {
    id: u64,
    previews: bool,
    canceled: &'a AtomicU64,
    output: &'a Output,
}

impl Observer for PipeObserver<'_> {
    fn step(&mut self, report: StepReport) -> ControlFlow<()> {
        self.output.send(&Event::Step { id: self.id, report });
        if self.canceled.load(Ordering::Relaxed) == self.id {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn wants_previews(&self) -> bool {
        self.previews
    }
}

/// A cancel must be seen while a run goes on, so another thread reads.
fn read_requests(canceled: Arc<AtomicU64>) -> mpsc::Receiver<Request> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(request) = read_frame(&mut input) {
            match request {
                Request::Cancel { id } => canceled.store(id, Ordering::Relaxed),
                request => {
                    if sender.send(request).is_err() {
                        break;
                    }
                }
            }
        }
        // The worker is gone: whatever still runs here is for nobody.
        std::process::exit(0);
    });
    receiver
}

fn read_frame(input: &mut impl Read) -> io::Result<Request> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_MAX_BYTES {
        return Err(io::Error::other("the frame is too long"));
    }
    let mut frame = vec![0; length];
    input.read_exact(&mut frame)?;
    serde_json::from_slice(&frame).map_err(io::Error::other)
}

struct Output(Mutex<io::Stdout>);

impl Output {
    /// A worker that does not read any more has ended; the input thread notices that.
    fn send(&self, event: &Event) {
        let Ok(frame) = serde_json::to_vec(event) else { return };
        let Ok(length) = u32::try_from(frame.len()) else { return };
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = output.write_all(&length.to_le_bytes()).and_then(|()| output.write_all(&frame));
        let _ = output.flush();
    }
}
