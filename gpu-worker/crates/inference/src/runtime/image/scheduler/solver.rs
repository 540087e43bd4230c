//! What every solver offers, and what a run remembers for it.

use std::collections::VecDeque;

use super::level::Level;
use crate::error::Result;

/// What a walk's calls have in common whatever the solver.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// What the network is told, per call.
    pub(super) timesteps: Vec<f32>,
    /// Where the sample is before each call; solvers that walk between levels have the end as one more.
    pub(super) levels: Vec<Level>,
    /// Standard deviation of the noise that a walk from pure noise starts with.
    pub(super) init_noise_sigma: f64,
}

/// The tensors of one call, all of one length.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) index: usize,
    pub(super) sample: &'a mut [f32],
    /// The network's answer; a step leaves the estimate of the finished latents here.
    pub(super) prediction: &'a mut [f32],
    /// Empty unless the solver takes noise at this index.
    pub(super) noise: &'a [f32],
}

/// What a picture's walk is laid out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// 1 to the number of training steps.
    pub steps: usize,
    /// Squares of 2 × 2 latent cells, by which schedulers measure a picture that shift with its size.
    pub tokens: usize,
}

/// A class's keys, read and checked.
pub(super) trait Rules {
    fn solver(&self, extent: Extent) -> Result<Box<dyn Solver>>;
}

pub(super) trait Solver: std::fmt::Debug + Send + Sync {
    fn table(&self) -> &Table;

    fn step(&self, memory: &mut Memory, call: Call<'_>);

    fn takes_noise(&self, _index: usize) -> bool {
        false
    }

    /// Factor on the sample before the network sees it.
    fn input_scale(&self, _index: usize) -> f64 {
        1.0
    }

    /// Takes η, or says that there is none here.
    fn set_eta(&mut self, _eta: f64) -> bool {
        false
    }
}

/// What a multistep solver knows of its earlier calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// Calls so far; fewer than the index where a walk began midway.
    pub(super) calls: usize,
    /// What earlier calls gave, the latest first.
    pub(super) outputs: VecDeque<Vec<f32>>,
    /// Predictions within a step that takes several calls.
    pub(super) stages: Vec<Vec<f32>>,
    /// The sample that the step under way started from.
    pub(super) sample: Vec<f32>,
}

impl Memory {
    /// Keeps `output` as the latest of at most `count`.
    pub(super) fn remember(&mut self, output: &[f32], count: usize) {
        let mut slot = if self.outputs.len() >= count { self.outputs.pop_back() } else { None }.unwrap_or_default();
        slot.clear();
        slot.extend_from_slice(output);
        self.outputs.push_front(slot);
        self.outputs.truncate(count);
    }

    pub(super) fn keep_sample(&mut self, sample: &[f32]) {
        self.sample.clear();
        self.sample.extend_from_slice(sample);
    }
}

/// A tensor and its weight in a sum.
pub(super) type Term<'a> = (f64, &'a [f32]);

/// Elements whose sums are held at once: few enough for the nearest cache, so that every tensor is read in one go.
const BLOCK: usize = 512;

/// x ← share·x + Σ weight·term, summed in f64 in the order of `terms`, all of `sample`'s length.
pub(super) fn combine(sample: &mut [f32], share: f64, terms: &[Term<'_>]) {
    let mut sums = [0.0; BLOCK];
    for (block, values) in sample.chunks_mut(BLOCK).enumerate() {
        let (start, end) = (block * BLOCK, block * BLOCK + values.len());
        sums.fill(0.0);
        for (weight, term) in terms {
            sums.iter_mut().zip(&term[start..end]).for_each(|(sum, value)| *sum += weight * f64::from(*value));
        }
        values.iter_mut().zip(&sums).for_each(|(x, sum)| *x = (share * f64::from(*x) + sum) as f32);
    }
}
