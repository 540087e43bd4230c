//! Starts the inference process, sends it work, watches it, and restarts it when it ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inference::engine::provider::ProviderChoice;
use inference::error::{FailureKind, InferenceError, Result};
use inference::runtime::{Output, StepReport, sample};
use shared::amount::MicroUnits;
use shared::job::request::Work;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::flight::{Flight, Seat};
use super::pace::{Beat, Pace};
use super::pipe::Process;
use super::{Job, Loaded, Request, Setup};

/// How a job is ended early.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Turns true when the job is canceled.
    pub canceled: watch::Receiver<bool>,
    pub deadline: Instant,
    /// Whether somebody looks at the job, so that previews are worth drawing.
    pub watched: watch::Receiver<bool>,
}

/// The worker's side of the inference process.
#[derive(Debug)]
pub struct Supervisor {
    program: PathBuf,
    setup: Setup,
    running: Option<Running>,
    next_id: u64,
    pace: Pace,
    /// How many jobs of a model may share a run, where memory ran out before.
    batch_limits: BTreeMap<PathBuf, usize>,
    /// What people call the device.
    device: String,
}

#[derive(Debug)]
struct Running {
    process: Process,
    /// What is loaded, as far as the process has said.
    warm: BTreeMap<PathBuf, Loaded>,
}

impl Supervisor {
    /// `program` is this worker's own executable.
    pub fn new(program: PathBuf, setup: Setup) -> Self {
        let pace = Pace::new(setup.child.hung_after(setup.engine.provider));
        let device = format!("GPU {}", setup.engine.device);
        Self { program, setup, running: None, next_id: 1, pace, batch_limits: BTreeMap::new(), device }
    }

    /// The device with its name. It computes on this provider from now on: a process that starts anew falls back on no
    /// other in silence.
    pub fn settle(&mut self, device: String, provider: ProviderChoice) {
        self.device = device;
        self.setup.engine.provider = provider;
    }

    /// Chooses the model, by its folder, that [`Self::start`] and the runs are about from now on.
    pub fn select(&mut self, model: &Path) {
        model.clone_into(&mut self.setup.model);
    }

    /// Folders of the models that are loaded.
    pub fn warm(&self) -> impl Iterator<Item = &Path> {
        self.running.iter().flat_map(|running| running.warm.keys()).map(PathBuf::as_path)
    }

    /// Starts the process where it does not run, has it load the selected model where it is cold, and says what it
    /// loaded.
    pub async fn start(&mut self) -> Result<&Loaded> {
        let model = self.setup.model.clone();
        if self.running.take_if(|running| !running.process.is_alive()).is_some() {
            tracing::debug!("the inference process is gone");
        }
        if self.running.is_none() {
            let spawned = Process::spawn(&self.program, &self.setup).await;
            let (process, loaded) = spawned.map_err(|error| error.of_process(&self.device))?;
            self.running = Some(Running { process, warm: BTreeMap::from([(model.clone(), loaded)]) });
            if self.batch_limits.contains_key(&model) {
                self.load(&model).await?;
            }
        } else if !self.warm().any(|warm| warm == model) {
            self.load(&model).await?;
        }
        let loaded = self.running.as_ref().and_then(|running| running.warm.get(&model));
        loaded.ok_or_else(|| InferenceError::crashed("it did not start"))
    }

    async fn load(&mut self, model: &Path) -> Result<()> {
        let Some(Running { process, warm }) = self.running.as_mut() else { return Ok(()) };
        let batch_max = self.batch_limits.get(model).copied();
        match process.load(&Request::Warm { model: model.to_path_buf(), batch_max }).await {
            Ok(loaded) => {
                warm.retain(|path, _| !loaded.evicted.contains(path));
                warm.insert(model.to_path_buf(), loaded);
                Ok(())
            }
            Err(error) => {
                // What made room for it has left.
                warm.clear();
                Err(self.after(error).await)
            }
        }
    }

    /// How long a job may take at least: a first one may wait for what it compiles.
    pub fn patience(&self) -> Duration {
        self.setup.child.hung_after(self.setup.engine.provider)
    }

    /// The process that runs, by the system's number.
    pub fn process_id(&self) -> Option<u32> {
        self.running.as_ref().and_then(|running| running.process.id())
    }

    /// Resolves when the process ends by itself; never where none runs.
    pub async fn ended(&mut self) {
        match &mut self.running {
            Some(running) => running.process.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Runs one piece of work, telling `steps` of each step.
    ///
    /// # Errors
    /// As [`Self::run_batch`].
    pub async fn run(
        &mut self,
        work: &Work,
        limits: &mut Limits,
        steps: &mut (dyn FnMut(StepReport) + Send),
    ) -> Result<Output> {
        let batch = vec![(work, limits.clone())];
        let mut outcomes = self.run_batch(batch, &mut |_, report| steps(report)).await;
        outcomes.pop().unwrap_or_else(|| Err(InferenceError::crashed("it did not answer")))
    }

    /// Runs work for the selected model together, telling `steps` of each step and whose it is. One outcome for each,
    /// in order.
    ///
    /// # Errors
    /// What the process reports; [`FailureKind::Canceled`] and [`FailureKind::Deadline`] by the limits; one that
    /// [`FailureKind::ends_process`] for each that was under way when the process crashed, ran out of memory or hung.
    /// The next call starts it again, and after a lack of memory fewer jobs share a run.
    pub async fn run_batch(
        &mut self,
        batch: Vec<(&Work, Limits)>,
        steps: &mut (dyn FnMut(usize, StepReport) + Send),
    ) -> Vec<Result<Output>> {
        let count = batch.len();
        if let Err(error) = self.start().await {
            return repeated(error, count);
        }
        let pictures: usize = batch.iter().map(|(work, _)| pictures(work)).sum();
        let call = pictures.min(self.batch_max());
        let Some(Running { process, .. }) = self.running.as_mut() else { return Vec::new() };
        let first = self.next_id;
        self.next_id += count as u64;
        let jobs = (first..).zip(&batch).map(|(id, (work, limits))| Job {
            id,
            work: (*work).clone(),
            watched: *limits.watched.borrow(),
        });
        let request = Request::Run { model: self.setup.model.clone(), jobs: jobs.collect() };
        let units = batch.iter().map(|(work, _)| work.units().0).fold(0, u64::saturating_add);
        let mut flight = Flight {
            seats: (first..).zip(batch).map(|(id, (_, limits))| Seat::new(id, limits)).collect(),
            beat: Beat::begin(MicroUnits(units), Instant::now()),
        };
        // Writing a large request would never end if the process does not read.
        let flown = match timeout_at(self.pace.hung_at(&flight.beat), process.send(&request)).await {
            Ok(Ok(())) => flight.follow(process, &self.pace, steps).await,
            Ok(Err(error)) => Err(InferenceError::crashed(error.to_string())),
            Err(_) => Err(InferenceError::hung(flight.beat.silence(Instant::now()))),
        };
        let failure = match flown {
            Ok(()) if flight.is_well() => {
                self.pace.learn(&flight.beat);
                None
            }
            Ok(()) => flight.spoiled(),
            Err(error) => Some(error),
        };
        let failure = match failure {
            Some(error) => Some(self.after(error).await),
            None => None,
        };
        if failure.as_ref().is_some_and(|error| error.kind == FailureKind::OutOfMemory) {
            self.halve_batches(call);
        }
        flight.outcomes(failure.as_ref())
    }

    /// Whether the selected model does a small job of its own kind, after the process was started anew where it ended.
    pub async fn does_its_sample(&mut self) -> bool {
        let folder = self.setup.manifests().open(&self.setup.model);
        let Some(work) = folder.ok().and_then(|folder| sample::smallest(folder.manifest()).ok()) else { return false };
        // The senders live as long as the run.
        let ((_cancel, canceled), (_watch, watched)) = (watch::channel(false), watch::channel(false));
        let mut limits = Limits { canceled, deadline: Instant::now() + self.patience(), watched };
        self.run(&work, &mut limits, &mut |_| ()).await.is_ok()
    }

    /// From now on a network call has half the pictures that one of this size had no memory for.
    fn halve_batches(&mut self, call: usize) {
        let batch_max = call.div_ceil(2).max(1);
        self.batch_limits.insert(self.setup.model.clone(), batch_max);
        tracing::warn!(batch_max, "memory ran out: fewer pictures share a network call");
    }

    /// How many jobs of the selected model may share a run.
    pub fn batch_max(&self) -> usize {
        let loaded = self.running.as_ref().and_then(|running| running.warm.get(&self.setup.model));
        let own = loaded.map_or(1, |loaded| loaded.batch_max);
        self.batch_limits.get(&self.setup.model).map_or(own, |limit| own.min(*limit))
    }

    /// Ends a process that cannot be used any more. Its exit may say more than its last error.
    async fn after(&mut self, error: InferenceError) -> InferenceError {
        match error.kind {
            FailureKind::Crashed => match self.running.take() {
                Some(running) => running.process.bury().await.of_process(&self.device),
                None => error,
            },
            kind if kind.ends_process() => {
                self.kill().await;
                error.of_process(&self.device)
            }
            _ => error,
        }
    }

    /// Ends the process, which has nothing to do, and with it all memory that it has, the GPU's among it.
    pub async fn dismiss(&mut self) {
        if let Some(running) = self.running.take() {
            running.process.dismiss().await;
        }
    }

    /// Ends the process at once.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.process.kill().await;
        }
    }
}

/// What a network call may share with others.
fn pictures(work: &Work) -> usize {
    match work {
        Work::Image(input) => input.count as usize,
        Work::Text(_) | Work::Embedding(_) => 1,
    }
}

/// The same failure for each of a batch.
fn repeated(error: InferenceError, count: usize) -> Vec<Result<Output>> {
    vec![Err(error); count]
}
