//! From noise to pictures: the pictures of one job, or of several jobs of the same shape, in one network call per step.
//!
//! A picture's noise depends only on its own seed and step, and its scheduler history is its own. So other pictures in
//! the same network call change nothing.

use std::time::Instant;

use super::job::Job;
use super::latent_colors::LatentColors;
use super::networks::unet::{Guided, Step};
use super::picture::{self, Rgb};
use super::preview::is_due;
use super::scheduler::{Scheduler, Walk};
use super::{ImageModel, LatentShape};
use crate::error::{InferenceError, Result};
use crate::philox;
use crate::runtime::Encoded;

/// What all pictures of a batch share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'s> {
    pub(super) scheduler: &'s Scheduler,
    /// Of the first call; above 0 for image to image.
    pub(super) first_index: usize,
    pub(super) shape: LatentShape,
    pub(super) size_px: (usize, usize),
}

/// One picture among those that walk together.
#[derive(Clone)]
pub(super) struct Walker<'s> {
    /// Index of its job.
    job: usize,
    /// Of the picture in its job, from 0.
    number: u32,
    seed: u64,
    pub(super) latents: Vec<f32>,
    pub(super) walk: Walk<'s>,
}

impl<'s> Walker<'s> {
    /// A picture at its start: noise, or the job's picture under as much noise as the first step takes away. `index` is
    /// the job's.
    pub(super) fn start(job: &Job<'_>, index: usize, number: u32, course: Course<'s>) -> Self {
        let seed = job.input.seed.wrapping_add(u64::from(number));
        let mut noise = noise(seed, 0, course.shape.count());
        let latents = match &job.start {
            Some(clean) => {
                let mut latents = clean.clone();
                course.scheduler.add_noise(course.first_index, &mut latents, &noise);
                latents
            }
            None => {
                let sigma = course.scheduler.init_noise_sigma();
                noise.iter_mut().for_each(|value| *value *= sigma);
                noise
            }
        };
        Self { job: index, number, seed, latents, walk: course.scheduler.walk(course.first_index) }
    }
}

impl ImageModel {
    /// Draws every picture of every running job, at most `at_once` in one call.
    pub(super) fn draw_pictures(&mut self, jobs: &mut [Job<'_>], course: Course<'_>, at_once: usize) {
        let numbered = |(job, of): (usize, &Job<'_>)| (0..of.input.count).map(move |number| (job, number));
        let pictures: Vec<(usize, u32)> = jobs.iter().enumerate().flat_map(numbered).collect();
        for chunk in pictures.chunks(at_once.max(1)) {
            let running = chunk.iter().filter(|(job, _)| jobs[*job].is_running());
            let walkers: Vec<Walker<'_>> =
                running.map(|(job, number)| Walker::start(&jobs[*job], *job, *number, course)).collect();
            self.walk(jobs, walkers, course);
        }
    }

    fn walk<'s>(&mut self, jobs: &mut [Job<'_>], mut walkers: Vec<Walker<'s>>, course: Course<'s>) {
        for walker in &walkers {
            jobs[walker.job].keep(walker.number, 0, &walker.latents);
        }
        for index in course.first_index..course.scheduler.calls() {
            walkers.retain(|walker| jobs[walker.job].is_running());
            if walkers.is_empty() {
                return;
            }
            let began = Instant::now();
            match self.call(jobs, &walkers, course, index) {
                Ok(predictions) => {
                    for (place, prediction) in predictions.into_iter().enumerate() {
                        let (before, rest) = walkers.split_at_mut(place);
                        let Some(walker) = rest.first_mut() else { return };
                        let is_first_of_job = before.iter().all(|other| other.job != walker.job);
                        let preview_since = is_first_of_job.then_some(began);
                        self.advance(&mut jobs[walker.job], walker, prediction, course, preview_since);
                    }
                }
                Err(error) => fail_all(jobs, &walkers, error),
            }
        }
        for walker in &walkers {
            let job = &mut jobs[walker.job];
            if !job.is_running() {
                continue;
            }
            if let Err(error) = self.finish(job, walker, course) {
                job.fail(error);
            }
        }
    }

    /// One network call for all walkers, its time shared between them.
    pub(super) fn call(
        &mut self,
        jobs: &mut [Job<'_>],
        walkers: &[Walker<'_>],
        course: Course<'_>,
        index: usize,
    ) -> Result<Vec<Vec<f32>>> {
        let pictures: Vec<Guided<'_>> = walkers
            .iter()
            .map(|walker| {
                let job = &jobs[walker.job];
                let (negative, positive) = (job.conditioning.negative.as_ref(), &job.conditioning.positive);
                Guided { latents: &walker.latents, negative, positive, guidance: job.input.guidance }
            })
            .collect();
        let Course { scheduler, shape, size_px, .. } = course;
        let (timestep, input_scale) = (scheduler.timestep(index), scheduler.input_scale(index));
        let before = self.unet.network_time();
        let predictions = self.unet.predict(&pictures, Step { shape, size_px, timestep, input_scale });
        let share = (self.unet.network_time() - before) / u32::try_from(walkers.len()).unwrap_or(u32::MAX);
        walkers.iter().for_each(|walker| jobs[walker.job].spent.add_engine(share));
        predictions
    }

    /// Takes one picture one step further and tells its job. `preview_since` is when the step began, where a preview of
    /// this picture may be drawn.
    pub(super) fn advance(
        &mut self,
        job: &mut Job<'_>,
        walker: &mut Walker<'_>,
        mut prediction: Vec<f32>,
        course: Course<'_>,
        preview_since: Option<Instant>,
    ) {
        if !job.is_running() {
            return;
        }
        let index = walker.walk.index();
        let (step, steps) =
            (count(index + 1 - course.first_index), count(course.scheduler.calls() - course.first_index));
        if !prediction.iter().all(|value| value.is_finite()) {
            return job.fail(InferenceError::not_finite(self.unet.name(), step));
        }
        let (seed, cells) = (walker.seed, course.shape.count());
        walker.walk.step(&mut walker.latents, &mut prediction, || noise(seed, index + 1, cells));
        job.keep(walker.number, step, &walker.latents);
        let since = preview_since.filter(|_| is_due(step, steps) && job.observer.wants_previews());
        let preview = match since {
            Some(began) if job.spent.previews.affords(began.elapsed()) => {
                self.preview(job, &prediction, course.shape, step).map(Some)
            }
            Some(_) => {
                self.colors.as_ref().map(|colors| picture::jpeg(&colors.picture(&prediction, course.shape))).transpose()
            }
            None => Ok(None),
        };
        match preview {
            Ok(preview) => job.report(preview),
            Err(error) => job.fail(error),
        }
    }

    /// A small picture of what the latents will become, as the scheduler estimates it now.
    fn preview(&mut self, job: &mut Job<'_>, estimate: &[f32], shape: LatentShape, step: u32) -> Result<Encoded> {
        let began = Instant::now();
        let decoded = job.spent.time(|| self.decoder.decode(estimate, shape, &self.layout.space, step))?;
        let preview = picture::preview(&decoded)?;
        job.spent.previews.spent(began.elapsed());
        Ok(preview)
    }

    fn finish(&mut self, job: &mut Job<'_>, walker: &Walker<'_>, course: Course<'_>) -> Result<()> {
        let steps = job.input.steps;
        let decoded =
            job.spent.time(|| self.decoder.decode(&walker.latents, course.shape, &self.layout.space, steps))?;
        if self.colors.is_none() {
            self.colors = LatentColors::fit(&walker.latents, course.shape, &decoded);
        }
        let picture = Rgb::of(&decoded)?;
        let flagged = match &mut self.safety_checker {
            Some(checker) => job.spent.time(|| checker.flags(&picture))?,
            None => false,
        };
        job.finish_picture(walker.number, &picture, flagged)
    }
}

/// Unit noise of a seed; `tensor` numbers what is drawn from it, 0 for the start and then by steps.
fn noise(seed: u64, tensor: usize, cells: usize) -> Vec<f32> {
    philox::gaussian(seed, count(tensor), count(cells))
}

/// Ends every job that walks here with the same error.
fn fail_all(jobs: &mut [Job<'_>], walkers: &[Walker<'_>], error: InferenceError) {
    for walker in walkers.iter().skip(1) {
        if walker.job != walkers[0].job {
            jobs[walker.job].fail(error.clone());
        }
    }
    if let Some(first) = walkers.first() {
        jobs[first.job].fail(error);
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
