//! `gpu-worker child`: the process that holds the models. It has no key, reaches nothing that [`sandbox`] does not allow,
//! reads requests from standard input, answers on standard output, and ends when its input ends.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gpu_probe::facts::memory_bytes;
use inference::clock::millis;
use inference::engine::{Engine, library};
use inference::error::{FailureKind, InferenceError, Result};
use inference::runtime::folder::ModelFolder;
use inference::runtime::ollama::folder::Settings;
use inference::runtime::sample;
use inference::runtime::{self, Observer, Outside, Runtime, StepReport};
use shared::job::request::Work;

use super::doubt;
use super::sandbox::{Confinement, Reach};
use super::warm::Warm;
use crate::ollama;

use super::{Event, FRAME_MAX_BYTES, Job, Loaded, Request, Setup, sandbox};

/// Requests that wait for their turn. The worker waits for each answer, so that more are a fault of it.
const REQUESTS_MAX: usize = 16;

/// Serves until standard input ends.
pub fn serve() -> ExitCode {
    let Ok(Request::Load(setup)) = read_frame(&mut io::stdin().lock()) else { return ExitCode::FAILURE };
    let output = Output(Mutex::new(io::stdout()));
    // Before the first thread, so that no thread is without the filter.
    let entered = sandbox::enter(&Reach::of(&setup), memory_max_bytes(&setup));
    let controls = JobControls::default();
    let requests = requests_of(io::stdin(), controls.clone());
    let mut models = Models::new(&setup);
    let loaded = entered.and_then(|confinement| {
        models.confinement = confinement;
        models.warm(&setup.model, None)
    });
    match loaded {
        Ok(loaded) => output.send(&Event::Loaded(loaded)),
        Err(error) => {
            output.send(&Event::NotLoaded(error));
            return ExitCode::FAILURE;
        }
    }
    while let Ok(request) = requests.recv() {
        match request {
            Request::Warm { model, batch_max } => output.send(&match models.warm(&model, batch_max) {
                Ok(loaded) => Event::Loaded(loaded),
                Err(error) => Event::NotLoaded(error),
            }),
            Request::Run { model, jobs } => {
                let outcomes = models.run(&model, &jobs, &controls, &output);
                for (job, outcome) in jobs.iter().zip(outcomes) {
                    output.send(&match outcome {
                        Ok(output) => Event::Done { id: job.id, output },
                        Err(error) => Event::Failed { id: job.id, error },
                    });
                }
                // Ids grow, so none of these will be asked for again.
                let last = jobs.iter().map(|job| job.id).max().unwrap_or(0);
                controls.lock().forget(last);
            }
            Request::Leave => {
                models.leave();
                break;
            }
            Request::Load(_) | Request::Cancel { .. } | Request::Watched { .. } => {}
        }
    }
    ExitCode::SUCCESS
}

/// Without a bound of its own, the process may use what the machine has.
fn memory_max_bytes(setup: &Setup) -> Option<u64> {
    let machine = memory_bytes();
    setup.child.memory_max_bytes.or((machine > 0).then_some(machine))
}

/// A loaded model.
struct LoadedModel {
    loaded: Loaded,
    runtime: Box<dyn Runtime>,
    /// Work that shows whether the model works; absent where its manifest is too odd to make any.
    sample: Option<Work>,
}

/// The models that are loaded.
struct Models<'a> {
    setup: &'a Setup,
    confinement: Confinement,
    warm: Warm<PathBuf, LoadedModel>,
}

impl<'a> Models<'a> {
    fn new(setup: &'a Setup) -> Self {
        Self { setup, confinement: Confinement::default(), warm: Warm::new(setup.child.warm_max_bytes) }
    }

    fn warm(&mut self, path: &Path, batch_max: Option<usize>) -> Result<Loaded> {
        let key = path.to_path_buf();
        if self.warm.get(&key).is_none() {
            let folder = self.setup.manifests().open(path)?;
            let bytes = folder.manifest().files.iter().map(|file| file.bytes).sum();
            let evicted = self.warm.make_room(bytes);
            let (loaded, runtime) = load(self.setup, &folder)?;
            let loaded = Loaded { evicted, confinement: self.confinement, ..loaded };
            let sample = sample::smallest(folder.manifest()).ok();
            self.warm.insert(key.clone(), LoadedModel { loaded, runtime, sample }, bytes);
        }
        let Some(LoadedModel { loaded, runtime, .. }) = self.warm.get(&key) else { return Err(cold(path)) };
        if let Some(batch_max) = batch_max {
            runtime.set_batch_max(batch_max);
        }
        loaded.batch_max = runtime.batch_max();
        Ok(loaded.clone())
    }

    fn leave(&mut self) {
        for model in self.warm.values_mut() {
            model.runtime.leave();
        }
    }

    fn run(
        &mut self,
        model: &Path,
        jobs: &[Job],
        controls: &JobControls,
        output: &Output,
    ) -> Vec<Result<runtime::Output>> {
        let Some(LoadedModel { runtime, sample, .. }) = self.warm.get(&model.to_path_buf()) else {
            return jobs.iter().map(|_| Err(cold(model))).collect();
        };
        let mut observers: Vec<_> = jobs.iter().map(|job| PipeObserver { job, controls, output }).collect();
        let mut requests: Vec<_> = jobs
            .iter()
            .zip(&mut observers)
            .map(|(job, observer)| runtime::Request { work: &job.work, observer })
            .collect();
        let outcomes = runtime.run_batch(&mut requests);
        let Some(sample) = sample else { return outcomes };
        let settled = |(request, outcome): (runtime::Request<'_>, Result<runtime::Output>)| {
            outcome.or_else(|error| doubt::settle(runtime.as_mut(), request.work, request.observer, error, sample))
        };
        requests.into_iter().zip(outcomes).map(settled).collect()
    }
}

fn cold(model: &Path) -> InferenceError {
    InferenceError::unsupported(format!("{} is not loaded", model.display()))
}

fn load(setup: &Setup, folder: &ModelFolder) -> Result<(Loaded, Box<dyn Runtime>)> {
    let began = Instant::now();
    if runtime::needs_network(folder) {
        let named = setup.child.ollama_url.as_deref();
        let checked = ollama::check(&Settings::read(folder)?.url, named);
        checked.map_err(|error| InferenceError::new(FailureKind::Config, error.to_string()))?;
    }
    let engine = Engine::start(&setup.engine, &library::Search::of_process(setup.data.as_deref()))?;
    let model = runtime::load(engine, folder)?;
    let own = || {
        let class = engine.determinism_class(model.precision());
        let determinism_class = format!("{}@{}/{class}", folder.manifest().name, folder.manifest_sha256());
        Outside { engine: engine.report(), determinism_class }
    };
    let outside = model.outside();
    let note = engine.note().filter(|_| outside.is_none()).map(str::to_owned);
    let Outside { engine: report, determinism_class } = outside.unwrap_or_else(own);
    let loaded = Loaded {
        engine: report,
        threads: engine.threads(),
        note,
        determinism_class,
        confinement: Confinement::default(),
        load_ms: millis(began.elapsed()),
        batch_max: model.batch_max(),
        evicted: Vec::new(),
    };
    Ok((loaded, model))
}

/// Sends each step through the pipe and watches for a cancel.
struct PipeObserver<'a> {
    job: &'a Job,
    controls: &'a JobControls,
    output: &'a Output,
}

impl Observer for PipeObserver<'_> {
    fn step(&mut self, report: StepReport) -> ControlFlow<()> {
        self.output.send(&Event::Step { id: self.job.id, report });
        if self.controls.lock().canceled.contains(&self.job.id) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn wants_previews(&self) -> bool {
        self.controls.lock().watched.contains(&self.job.id)
    }
}

/// What the worker says of jobs while they run.
#[derive(Debug, Clone, Default)]
struct JobControls(Arc<Mutex<Controls>>);

#[derive(Debug, Default)]
struct Controls {
    /// Canceled jobs.
    canceled: BTreeSet<u64>,
    /// Watched jobs.
    watched: BTreeSet<u64>,
}

impl JobControls {
    fn lock(&self) -> MutexGuard<'_, Controls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controls {
    fn watch(&mut self, id: u64, watched: bool) {
        if watched {
            self.watched.insert(id)
        } else {
            self.watched.remove(&id)
        };
    }

    /// Jobs up to this one are over.
    fn forget(&mut self, last: u64) {
        self.canceled.retain(|id| *id > last);
        self.watched.retain(|id| *id > last);
    }
}

/// A cancel must be seen while a run goes on, so another thread reads.
fn requests_of(input: io::Stdin, controls: JobControls) -> mpsc::Receiver<Request> {
    let (sender, receiver) = mpsc::sync_channel(REQUESTS_MAX);
    std::thread::spawn(move || {
        // The worker is gone, or does not wait for answers: whatever still runs here is for nobody.
        let code = match read_requests(&mut input.lock(), &controls, &sender) {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!(%error, "the inference process ends");
                1
            }
        };
        std::process::exit(code);
    });
    receiver
}

/// Reads until the input ends.
///
/// # Errors
/// More requests than [`REQUESTS_MAX`] wait for an answer.
fn read_requests(
    input: &mut impl Read,
    controls: &JobControls,
    requests: &mpsc::SyncSender<Request>,
) -> io::Result<()> {
    while let Ok(request) = read_frame(input) {
        match request {
            Request::Cancel { id } => drop(controls.lock().canceled.insert(id)),
            Request::Watched { id, watched } => controls.lock().watch(id, watched),
            request => {
                if let Request::Run { jobs, .. } = &request {
                    jobs.iter().for_each(|job| controls.lock().watch(job.id, job.watched));
                }
                match requests.try_send(request) {
                    Ok(()) => {}
                    Err(TrySendError::Disconnected(_)) => break,
                    Err(TrySendError::Full(_)) => {
                        let reason = format!("more than {REQUESTS_MAX} requests wait for an answer");
                        return Err(io::Error::other(reason));
                    }
                }
            }
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(requests: &[Request]) -> Vec<u8> {
        let frame = |request| {
            let body = serde_json::to_vec(request).unwrap();
            [&u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
        };
        requests.iter().flat_map(frame).collect()
    }

    #[test]
    fn requests_beyond_the_bound_are_refused_and_a_cancel_is_heard_behind_them() {
        let (sender, receiver) = mpsc::sync_channel(REQUESTS_MAX);
        let controls = JobControls::default();
        let warm = Request::Warm { model: PathBuf::from("m"), batch_max: None };
        let mut requests = vec![warm.clone(); REQUESTS_MAX];
        requests.push(Request::Cancel { id: 7 });
        read_requests(&mut &frames(&requests)[..], &controls, &sender).unwrap();
        assert!(controls.lock().canceled.contains(&7));
        assert!(read_requests(&mut &frames(&[warm])[..], &controls, &sender).is_err());
        drop(sender);
        assert_eq!(receiver.iter().count(), REQUESTS_MAX);
    }
}
