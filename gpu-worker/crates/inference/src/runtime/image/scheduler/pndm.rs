//! `PNDMScheduler`: pseudo linear multistep (Liu et al. 2022, equations 9, 12 and 13), warmed up by Runge–Kutta calls or,
//! with `skip_prk_steps`, by one repeated step.

use super::level::{Level, Prediction};
use super::noise_schedule::{Defaults, NoiseSchedule};
use super::solver::{Call, Extent, Memory, Rules, Solver, Table, Term, combine};
use super::spacing::{Spacing, Visits, steps_error};
use crate::error::Result;
use crate::runtime::keys::Keys;

/// Calls of one Runge–Kutta step.
const STAGES: usize = 4;

/// Runge–Kutta steps of a warm-up, and what the multistep formula then remembers.
const WARM_UP_STEPS: usize = 3;

#[derive(Debug)]
pub(super) struct PndmRules {
    schedule: NoiseSchedule,
    visits: Visits,
    prediction: Prediction,
    ends_at_one: bool,
    skips_runge_kutta: bool,
}

#[derive(Debug)]
pub(super) struct Pndm {
    table: Table,
    entries: Vec<usize>,
    alphas: Vec<f64>,
    last_alpha: f64,
    prediction: Prediction,
    /// Training steps between two visited ones.
    stride: usize,
    runge_kutta_calls: usize,
}

impl PndmRules {
    pub(super) fn read(keys: &Keys) -> Result<Self> {
        keys.refuse(&["rescale_betas_zero_snr"])?;
        let schedule = NoiseSchedule::read(keys, Defaults::COMMON)?;
        let visits = Visits::read(keys, Spacing::Leading, schedule.alphas.len())?;
        let prediction = Prediction::read(keys, &[Prediction::Epsilon, Prediction::Velocity])?;
        let ends_at_one = keys.flag("set_alpha_to_one", false)?;
        let skips_runge_kutta = keys.flag("skip_prk_steps", false)?;
        Ok(Self { schedule, visits, prediction, ends_at_one, skips_runge_kutta })
    }

    /// The first step is walked twice, the second time with the mean of both ends' predictions.
    fn with_second_repeated(&self, steps: usize) -> Vec<usize> {
        let mut entries = self.visits.entries(steps);
        if let Some(second) = entries.get(1).copied() {
            entries.insert(1, second);
        }
        entries
    }

    /// Each of the first steps is called at its start, twice halfway, and at its end.
    fn with_runge_kutta(&self, steps: usize, half: usize) -> Vec<usize> {
        let visited = self.visits.entries(steps);
        let last = self.visits.count - 1;
        let stages = visited.windows(2).take(WARM_UP_STEPS).flat_map(|step| {
            let halfway = (step[1] + half).min(last);
            [step[0], halfway, halfway, step[1]]
        });
        stages.chain(visited.iter().skip(WARM_UP_STEPS).copied()).collect()
    }
}

impl Rules for PndmRules {
    fn solver(&self, Extent { steps, .. }: Extent) -> Result<Box<dyn Solver>> {
        let alphas = self.schedule.alphas.clone();
        let stride = alphas.len() / steps;
        let (entries, runge_kutta_calls) = if self.skips_runge_kutta {
            (self.with_second_repeated(steps), 0)
        } else if steps > WARM_UP_STEPS {
            (self.with_runge_kutta(steps, stride / 2), WARM_UP_STEPS * STAGES)
        } else {
            let bound = format!("is at least {} for this model's solver without skip_prk_steps", WARM_UP_STEPS + 1);
            return Err(steps_error(bound, steps));
        };
        let table = Table {
            timesteps: entries.iter().map(|entry| *entry as f32).collect(),
            levels: entries.iter().map(|entry| Level::of_alpha_bar(alphas[*entry])).collect(),
            init_noise_sigma: 1.0,
        };
        let last_alpha = if self.ends_at_one { 1.0 } else { alphas[0] };
        Ok(Box::new(Pndm {
            table,
            entries,
            alphas,
            last_alpha,
            prediction: self.prediction,
            stride,
            runge_kutta_calls,
        }))
    }
}

impl Pndm {
    fn level(&self, entry: Option<usize>) -> Level {
        let last = self.alphas.len() - 1;
        Level::of_alpha_bar(entry.map_or(self.last_alpha, |entry| self.alphas[entry.min(last)]))
    }

    /// Equation 9 from `sample`, which becomes the result; the prediction becomes the estimate of the finished latents.
    fn transfer(&self, from: Level, to: Level, sample: &mut [f32], prediction: &mut [f32]) {
        let (clean, noise) = (self.prediction.clean(from), self.prediction.noise(from));
        let share = to.alpha / from.alpha;
        let divisor = from.alpha * (from.alpha * to.sigma + from.sigma * to.alpha);
        let of_noise = (to.alpha * to.alpha - from.alpha * from.alpha) / divisor;
        for (x, answer) in sample.iter_mut().zip(prediction) {
            let (before, predicted) = (f64::from(*x), f64::from(*answer));
            *x = (share * before - of_noise * noise.of(before, predicted)) as f32;
            *answer = clean.of(before, predicted) as f32;
        }
    }

    fn runge_kutta(&self, memory: &mut Memory, call: Call<'_>) {
        let (stage, entry) = (memory.calls % STAGES, self.entries[call.index]);
        let half = if stage.is_multiple_of(2) { self.stride / 2 } else { 0 };
        if stage == 0 {
            memory.remember(call.prediction, STAGES);
            memory.keep_sample(call.sample);
            memory.stages.clear();
        }
        if stage + 1 < STAGES {
            memory.stages.push(call.prediction.to_vec());
        } else if let [first, second, third] = memory.stages.as_slice() {
            combine(call.prediction, 1.0 / 6.0, &[(1.0 / 6.0, first), (1.0 / 3.0, second), (1.0 / 3.0, third)]);
        }
        let start = self.entries[memory.calls - stage];
        call.sample.copy_from_slice(&memory.sample);
        self.transfer(self.level(Some(start)), self.level(entry.checked_sub(half)), call.sample, call.prediction);
    }

    fn multistep(&self, memory: &mut Memory, call: Call<'_>) {
        let entry = self.entries[call.index];
        if memory.calls == 1 {
            if let Some(first) = memory.outputs.front() {
                combine(call.prediction, 0.5, &[(0.5, first)]);
            }
            call.sample.copy_from_slice(&memory.sample);
            let (from, to) = (self.level(Some(entry + self.stride)), self.level(Some(entry)));
            return self.transfer(from, to, call.sample, call.prediction);
        }
        if memory.calls == 0 {
            memory.keep_sample(call.sample);
        }
        memory.remember(call.prediction, STAGES);
        let weights: &[f64] = match memory.outputs.len() {
            1 => &[1.0],
            2 => &[3.0 / 2.0, -1.0 / 2.0],
            3 => &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
            _ => &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
        };
        let earlier = weights.iter().copied().zip(memory.outputs.iter().map(Vec::as_slice)).skip(1);
        let terms: Vec<Term<'_>> = earlier.collect();
        combine(call.prediction, weights[0], &terms);
        let (from, to) = (self.level(Some(entry)), self.level(entry.checked_sub(self.stride)));
        self.transfer(from, to, call.sample, call.prediction);
    }
}

impl Solver for Pndm {
    fn table(&self) -> &Table {
        &self.table
    }

    /// As in diffusers, the warm-up is counted from where the walk began, not from the table's start.
    fn step(&self, memory: &mut Memory, call: Call<'_>) {
        if memory.calls < self.runge_kutta_calls {
            self.runge_kutta(memory, call);
        } else {
            self.multistep(memory, call);
        }
    }
}
