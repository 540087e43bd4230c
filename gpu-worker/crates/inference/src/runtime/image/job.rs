//! One request on its way: what its pictures share, what they spent, and how it ends.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use shared::job::image::{ImageInput, ValidImageInput};
use shared::protocol::Metering;
use shared::trace::TraceShape;

use super::LatentShape;
use super::conditioning::Conditioning;
use super::picture::{self, Rgb};
use super::preview::PreviewBudget;
use super::scheduler::Scheduler;
use super::trace::Trace;
use crate::clock::millis;
use crate::error::{FailureKind, InferenceError, Result};
use crate::runtime::{Encoded, Observer, Output, StepReport};

pub(super) struct Job<'o> {
    pub(super) input: ValidImageInput,
    pub(super) observer: &'o mut dyn Observer,
    pub(super) shape: LatentShape,
    /// Height and width.
    pub(super) size_px: (usize, usize),
    pub(super) scheduler: Rc<Scheduler>,
    /// Of the first network call; above 0 for image to image.
    pub(super) first_index: usize,
    pub(super) conditioning: Conditioning,
    /// Image to image: the clean latents to start from.
    pub(super) start: Option<Vec<f32>>,
    pub(super) spent: Spent,
    progress: Progress,
    trace: Trace,
    artifacts: Vec<Encoded>,
    flagged: Vec<u32>,
    failure: Option<InferenceError>,
}

/// What one request spends.
pub(super) struct Spent {
    began: Instant,
    engine: Duration,
    pub(super) previews: PreviewBudget,
}

/// Network calls of all pictures.
struct Progress {
    done: u32,
    all: u32,
}

impl Spent {
    pub(super) fn new() -> Self {
        let began = Instant::now();
        Self { began, engine: Duration::ZERO, previews: PreviewBudget::new(began) }
    }

    pub(super) fn add_engine(&mut self, time: Duration) {
        self.engine += time;
    }

    /// Runs the engine for this request alone.
    pub(super) fn time<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = run();
        self.engine += began.elapsed();
        result
    }
}

impl<'o> Job<'o> {
    pub(super) fn new(
        input: ValidImageInput,
        observer: &'o mut dyn Observer,
        shape: LatentShape,
        (scheduler, first_index): (Rc<Scheduler>, usize),
        conditioning: Conditioning,
        start: Option<Vec<f32>>,
        spent: Spent,
    ) -> Self {
        let calls = u32::try_from(scheduler.calls() - first_index).unwrap_or(u32::MAX);
        let trace = Trace::new(TraceShape { pictures: input.count, steps: calls });
        let progress = Progress { done: 0, all: input.count.saturating_mul(calls) };
        Self {
            size_px: (input.height as usize, input.width as usize),
            input,
            observer,
            shape,
            scheduler,
            first_index,
            conditioning,
            start,
            spent,
            progress,
            trace,
            artifacts: Vec::new(),
            flagged: Vec::new(),
            failure: None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.failure.is_none()
    }

    /// What ended it, where something did.
    pub(super) fn check_running(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Ends it; its first failure is its outcome.
    pub(super) fn fail(&mut self, error: InferenceError) {
        self.failure.get_or_insert(error);
    }

    /// Hears of `picture`'s latents after its `step`-th call, 0 for the start.
    pub(super) fn keep(&mut self, picture: u32, step: u32, latents: &[f32]) {
        self.trace.add(picture, step, latents);
        self.observer.latents(picture, step, latents);
    }

    /// Reports one more call and ends the job where its observer wants that.
    pub(super) fn report(&mut self, preview: Option<Encoded>) {
        self.progress.done += 1;
        let report =
            StepReport { step: self.progress.done, steps: self.progress.all, preview, ..StepReport::default() };
        if self.observer.step(report) == ControlFlow::Break(()) {
            self.fail(InferenceError::canceled());
        }
    }

    /// Takes a finished picture. One that the safety checker flagged is delivered black, with a warning in its file, and
    /// named in the output.
    pub(super) fn finish_picture(&mut self, number: u32, picture: &Rgb, is_flagged: bool) -> Result<()> {
        let bytes = if is_flagged { picture::flagged_png(picture)? } else { picture::png(picture)? };
        self.artifacts.push(Encoded { media_type: "image/png".into(), bytes });
        if is_flagged {
            self.flagged.push(number);
        }
        Ok(())
    }

    /// `on_gpu` says on which device the engine spent its time.
    pub(super) fn outcome(self, on_gpu: bool) -> Result<Output> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let (whole, engine) = (self.spent.began.elapsed(), self.spent.engine);
        let metering = Metering::on_device(millis(whole), millis(engine), on_gpu);
        let trace_root = self.trace.root();
        Ok(Output { artifacts: self.artifacts, metering, trace_root, flagged: self.flagged })
    }
}

/// Checks the bounds again, because the worker does not trust the hub.
pub(super) fn validated(input: &ValidImageInput) -> Result<ValidImageInput> {
    ImageInput::from(input.clone()).validate(0).map_err(|errors| {
        InferenceError::new(
            FailureKind::Input,
            errors.into_iter().next().map_or_else(Default::default, |error| error.detail),
        )
    })
}

/// Guidance of 1 and below leaves the unguided prediction, so its half of the batch is not computed.
pub fn is_guided(guidance: f32) -> bool {
    guidance > 1.0
}
