//! One step of a walk computed again from opened latents: what an auditor does instead of drawing the whole picture.

use shared::job::image::ValidImageInput;

use super::ImageModel;
use super::job::Job;
use super::walk::{Course, Walker, count};
use crate::error::{InferenceError, Result};
use crate::runtime::Observer;

impl ImageModel {
    /// The latents of `picture` (from 0) after `step` (from 1), computed from those `before` it by one network call. Where
    /// the solver remembers earlier calls, the walk is also taken up to there from its start.
    ///
    /// # Errors
    /// A picture or step that the work does not have, latents of another size, and what drawing may report.
    pub fn recompute_step(
        &mut self,
        input: &ValidImageInput,
        (picture, step): (u32, u32),
        before: &[f32],
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        let mut jobs = [self.prepare(input, observer)?];
        let [Job { shape, size_px, first_index, .. }] = &jobs;
        let (shape, size_px, first_index) = (*shape, *size_px, *first_index);
        let scheduler = jobs[0].scheduler.clone();
        let steps = count(scheduler.calls() - first_index);
        check(picture < input.count, "picture", format!("is below {}", input.count), picture)?;
        check((1..=steps).contains(&step), "step", format!("is 1 to {steps}"), step)?;
        check(before.len() == shape.count(), "before", format!("has {} numbers", shape.count()), count(before.len()))?;
        let last = first_index + step as usize - 1;
        let course = Course { scheduler: &scheduler, first_index, shape, size_px };
        let mut walker = Walker::start(&jobs[0], 0, picture, course);
        let mut shortcut = walker.clone();
        shortcut.walk = scheduler.walk(last);
        self.walk_to(&mut jobs, &mut shortcut, course, (last, before))?;
        if !shortcut.walk.remembers() || last == first_index {
            return Ok(shortcut.latents);
        }
        self.walk_to(&mut jobs, &mut walker, course, (last, before))?;
        Ok(walker.latents)
    }
}

impl ImageModel {
    /// Walks up to the call `last`, which starts from `before`, and takes it.
    fn walk_to(
        &mut self,
        jobs: &mut [Job<'_>; 1],
        walker: &mut Walker<'_>,
        course: Course<'_>,
        (last, before): (usize, &[f32]),
    ) -> Result<()> {
        for index in walker.walk.index()..=last {
            if index == last {
                walker.latents = before.to_vec();
            }
            let prediction = self.call(jobs, std::slice::from_ref(walker), course, index)?.pop();
            self.advance(&mut jobs[0], walker, prediction.unwrap_or_default(), course, None);
            jobs[0].check_running()?;
        }
        Ok(())
    }
}

fn check(holds: bool, field: &'static str, bound: String, value: u32) -> Result<()> {
    if holds { Ok(()) } else { Err(InferenceError::input(field, bound, value.to_string())) }
}
