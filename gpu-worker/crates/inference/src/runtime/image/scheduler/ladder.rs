//! The ladder of noise levels of the multistep classes, DPM-Solver++ and UniPC.

use super::curve::{Curve as Bent, exponential};
use super::euler::ends_at_zero;
use super::flow_match_euler::terminal;
use super::flow_shift::Shift;
use super::level::{Level, Prediction};
use super::limit::Limit;
use super::noise_schedule::{Defaults, NoiseSchedule};
use super::sigmas::{Ends, interpolate, position, rounded, shifted, stretch_to_terminal};
use super::solver::{Extent, Table};
use super::spacing::{Spacing, Visits, as_float, linspace, steps_error};
use crate::error::Result;
use crate::runtime::keys::Keys;

/// UniPC starts a flow this far below pure noise, where ln(1 − σ) is still finite; diffusers' value.
const FLOW_START_GAP: f64 = 1e-6;

/// Whose ladder: the two classes differ in details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    DpmSolver,
    UniPc,
}

/// How the visited sigmas follow from the training table.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Curve {
    /// Those of the visited timesteps.
    Timesteps,
    Bent(Bent),
    /// Evenly spaced in λ, with rounded timesteps.
    Lambda,
    Flow {
        shift: Shift,
        terminal: Option<f64>,
    },
}

#[derive(Debug)]
pub(super) struct Ladder {
    class: Class,
    schedule: NoiseSchedule,
    visits: Visits,
    curve: Curve,
    ends: Ends,
    lambda_min: f64,
    pub(super) prediction: Prediction,
    pub(super) limit: Limit,
    pub(super) ends_at_zero: bool,
}

impl Ladder {
    pub(super) fn read(keys: &Keys, class: Class) -> Result<Self> {
        let schedule = NoiseSchedule::read(keys, Defaults::COMMON)?;
        let visits = Visits::read(keys, Spacing::Linspace, schedule.alphas.len())?;
        let curve = curve(keys, class)?;
        let prediction = prediction(keys, curve)?;
        let ends = match class {
            Class::DpmSolver => Ends::default(),
            Class::UniPc => Ends::read(keys, &schedule.sigmas())?,
        };
        let lambda_min = match class {
            Class::DpmSolver => keys.number("lambda_min_clipped", f64::NEG_INFINITY, -100.0..=100.0)?,
            Class::UniPc => f64::NEG_INFINITY,
        };
        let ends_at_zero = ends_at_zero(keys)?;
        let limit = Limit::threshold(keys)?;
        Ok(Self { class, schedule, visits, curve, ends, lambda_min, prediction, limit, ends_at_zero })
    }

    /// The table of a walk, with the end as one more level.
    pub(super) fn table(&self, extent: Extent) -> Result<Table> {
        let train = self.schedule.sigmas();
        let (mut sigmas, timesteps) = self.rungs(&train, extent)?;
        let is_descending = |sigmas: &[f64]| sigmas.is_sorted_by(|above, below| rounded(*above) > rounded(*below));
        let mut descends = is_descending(&sigmas);
        if self.rests_at_its_end() {
            sigmas.push(sigmas[sigmas.len() - 1]);
        } else {
            sigmas.push(if self.ends_at_zero { 0.0 } else { train[0] });
            descends = is_descending(&sigmas);
        }
        if !descends {
            return Err(steps_error(
                "is too many for this model's scheduler, which would visit a level twice",
                extent.steps,
            ));
        }
        let is_flow = matches!(self.curve, Curve::Flow { .. });
        let level = if is_flow { Level::flow } else { Level::preserving };
        let levels = sigmas.into_iter().map(|sigma| level(rounded(sigma))).collect();
        let timesteps = timesteps.into_iter().map(|timestep| timestep.trunc() as f32).collect();
        Ok(Table { timesteps, levels, init_noise_sigma: 1.0 })
    }

    /// UniPC takes the last σ of a curve of its own for the end too, so that its last step leads nowhere.
    fn rests_at_its_end(&self) -> bool {
        !self.ends_at_zero && self.class == Class::UniPc && self.curve != Curve::Timesteps
    }

    /// The last step's span of λ is infinite or empty, which only a step of first order takes.
    pub(super) fn needs_first_order_end(&self) -> bool {
        self.ends_at_zero || self.rests_at_its_end()
    }

    /// Sigmas and timesteps; the class truncates the latter to whole numbers.
    fn rungs(&self, train: &[f64], Extent { steps, tokens }: Extent) -> Result<(Vec<f64>, Vec<f64>)> {
        let ends = (train[train.len() - 1], train[0]);
        let (largest, smallest) = self.ends.or(ends);
        let positions = |sigmas: &[f64]| sigmas.iter().map(|sigma| position(train, *sigma)).collect::<Vec<f64>>();
        let whole = |sigmas: &[f64]| {
            let rounds = self.class == Class::UniPc || !self.schedule.is_cosine;
            let round = |t: f64| if rounds { t.round_ties_even() } else { t };
            positions(sigmas).into_iter().map(round).collect::<Vec<f64>>()
        };
        Ok(match self.curve {
            Curve::Timesteps => {
                let visited = self.visits.open(steps, self.noisiest(train));
                (visited.iter().map(|timestep| interpolate(train, *timestep)).collect(), visited)
            }
            Curve::Bent(bent) => {
                let sigmas = bent.sigmas(largest, smallest, steps);
                let timesteps = if bent == Bent::Karras { whole(&sigmas) } else { positions(&sigmas) };
                (sigmas, timesteps)
            }
            Curve::Lambda => {
                let sigmas = exponential(ends.0, ends.1, steps);
                let timesteps = whole(&sigmas);
                (sigmas, timesteps)
            }
            Curve::Flow { shift, terminal } => {
                let sigmas = flow_sigmas(self.class, shift.factor(tokens)?, terminal, self.visits.count, steps)?;
                let timesteps = sigmas.iter().map(|sigma| sigma * as_float(self.visits.count)).collect();
                (sigmas, timesteps)
            }
        })
    }

    /// Training steps up to the noisiest whose λ is within `lambda_min_clipped`.
    fn noisiest(&self, train: &[f64]) -> usize {
        train.iter().filter(|sigma| -sigma.ln() >= self.lambda_min).count().max(1)
    }
}

fn curve(keys: &Keys, class: Class) -> Result<Curve> {
    let shift = Shift::read(keys, "flow_shift")?;
    if class == Class::DpmSolver && shift.is_linear() {
        return Err(keys.error("time_shift_type", format!("is exponential for {}", keys.class_name())));
    }
    let terminal = match class {
        Class::DpmSolver => None,
        Class::UniPc => terminal(keys)?,
    };
    let mut more = vec![("use_flow_sigmas", Curve::Flow { shift, terminal })];
    if class == Class::DpmSolver {
        more.push(("use_lu_lambdas", Curve::Lambda));
    }
    let curve = keys.only(&Bent::keys_and(Curve::Bent, &more))?.unwrap_or(Curve::Timesteps);
    match (shift, curve) {
        (Shift::Dynamic(_), Curve::Flow { .. }) | (Shift::Fixed(_), _) => Ok(curve),
        _ => Err(keys.error("use_dynamic_shifting", "is false where use_flow_sigmas is false")),
    }
}

/// Flow levels and flow predictions go together.
fn prediction(keys: &Keys, curve: Curve) -> Result<Prediction> {
    let all = [Prediction::Epsilon, Prediction::Velocity, Prediction::Sample, Prediction::Flow];
    let prediction = Prediction::read(keys, &all)?;
    match (curve, prediction) {
        (Curve::Flow { .. }, Prediction::Flow) => Ok(prediction),
        (Curve::Flow { .. }, _) => {
            Err(keys.error("prediction_type", "is flow_prediction where use_flow_sigmas is true"))
        }
        (_, Prediction::Flow) => Err(keys.error("use_flow_sigmas", "is true where prediction_type is flow_prediction")),
        _ => Ok(prediction),
    }
}

/// From noise to picture; the two classes leave out opposite ends of the line.
fn flow_sigmas(class: Class, shift: f64, terminal: Option<f64>, count: usize, steps: usize) -> Result<Vec<f64>> {
    let line = linspace(1.0, 1.0 / as_float(count), steps + 1);
    Ok(match class {
        Class::DpmSolver => line.into_iter().skip(1).rev().map(|alpha| shifted(shift, 1.0 - alpha)).collect(),
        Class::UniPc => {
            let mut sigmas: Vec<f64> = line.into_iter().take(steps).map(|sigma| shifted(shift, sigma)).collect();
            if let Some(terminal) = terminal {
                stretch_to_terminal(&mut sigmas, terminal)?;
            }
            if (sigmas[0] - 1.0).abs() < FLOW_START_GAP {
                sigmas[0] -= FLOW_START_GAP;
            }
            sigmas
        }
    })
}
