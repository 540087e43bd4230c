//! `scheduler_config.json` as a whole: its class, and which solver serves a name that a request asks for.

use shared::job::image::SchedulerName;

use super::noise_schedule::train_timesteps;
use super::settings::OWN_FILE;
use super::solver::Rules;
use super::{ddim, dpm_solver, euler, flow_match_euler, lcm, pndm, uni_pc};
use crate::error::{InferenceError, Result};
use crate::runtime::folder::ModelFolder;
use crate::runtime::keys::Keys;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Ddim,
    Pndm,
    Euler,
    EulerAncestral,
    DpmSolver,
    Lcm,
    UniPc,
    FlowMatchEuler,
}

impl Class {
    const NAMES: [(&str, Self); 8] = [
        ("DDIMScheduler", Self::Ddim),
        ("PNDMScheduler", Self::Pndm),
        ("EulerDiscreteScheduler", Self::Euler),
        ("EulerAncestralDiscreteScheduler", Self::EulerAncestral),
        ("DPMSolverMultistepScheduler", Self::DpmSolver),
        ("LCMScheduler", Self::Lcm),
        ("UniPCMultistepScheduler", Self::UniPc),
        ("FlowMatchEulerDiscreteScheduler", Self::FlowMatchEuler),
    ];

    fn read(keys: &Keys) -> Result<Self> {
        let named = Self::NAMES.iter().find(|(name, _)| keys.text("_class_name") == Some(*name));
        named.map(|(_, class)| *class).ok_or_else(|| {
            let names = Self::NAMES.map(|(name, _)| name).join(", ");
            keys.error("_class_name", format!("is one of {names}"))
        })
    }

    fn rules(self, keys: &Keys) -> Result<Box<dyn Rules>> {
        Ok(match self {
            Self::Ddim => Box::new(ddim::DdimRules::read(keys)?),
            Self::Pndm => Box::new(pndm::PndmRules::read(keys)?),
            Self::Euler => Box::new(euler::EulerRules::read(keys)?),
            Self::EulerAncestral => Box::new(euler::EulerRules::ancestral(keys)?),
            Self::DpmSolver => Box::new(dpm_solver::DpmSolverRules::read(keys)?),
            Self::Lcm => Box::new(lcm::LcmRules::read(keys)?),
            Self::UniPc => Box::new(uni_pc::UniPcRules::read(keys)?),
            Self::FlowMatchEuler => Box::new(flow_match_euler::FlowMatchEulerRules::read(keys)?),
        })
    }
}

/// A model's own scheduler, checked.
#[derive(Debug, Clone)]
pub struct SchedulerConfig {
    class: Class,
    keys: Keys,
    pub(super) train_timesteps: usize,
    predicts_flow: bool,
}

impl SchedulerConfig {
    /// Reads a file of a model's folder.
    pub(super) fn load(folder: &ModelFolder, file: &'static str) -> Result<Self> {
        Self::read(Keys::read(folder, file)?)
    }

    /// Reads what diffusers writes. Absent keys take its class's defaults there; a class or value that this worker does
    /// not walk exactly is an error that names file, key and value.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(Keys::parse(OWN_FILE, text)?)
    }

    fn read(keys: Keys) -> Result<Self> {
        let class = Class::read(&keys)?;
        class.rules(&keys)?;
        let predicts_flow = class == Class::FlowMatchEuler || keys.text("prediction_type") == Some("flow_prediction");
        Ok(Self { class, train_timesteps: train_timesteps(&keys)?, keys, predicts_flow })
    }

    /// The rules of the solver asked for, else of the model's own.
    pub(super) fn rules(&self, wanted: Option<SchedulerName>) -> Result<Box<dyn Rules>> {
        let Some(name) = wanted else { return self.class.rules(&self.keys) };
        let (class, keys) = if self.predicts_flow { self.for_flow(name)? } else { self.for_noise(name)? };
        class.rules(&keys)
    }

    /// A flow-matching model has straight paths, on which Euler and DDIM are the same walk as FlowMatchEuler: with
    /// α = 1 − σ, DDIM's x' = α'x₀ + σ'ε is x + (σ' − σ)v. So all three names are served by that one solver there.
    fn for_flow(&self, name: SchedulerName) -> Result<(Class, Keys)> {
        let class = match name {
            SchedulerName::Euler | SchedulerName::Ddim | SchedulerName::FlowMatchEuler => Class::FlowMatchEuler,
            SchedulerName::Dpmpp2m => Class::DpmSolver,
            SchedulerName::UniPc => Class::UniPc,
            SchedulerName::EulerAncestral | SchedulerName::Pndm | SchedulerName::Dpmpp2mKarras | SchedulerName::Lcm => {
                let bound =
                    "is euler, ddim, flow_match_euler, dpmpp_2m or uni_pc for this model, which predicts a flow";
                return Err(scheduler_error(bound, name));
            }
            SchedulerName::Fast => return Err(no_fast_setting()),
        };
        let keys = self.keys.clone().with_alias("shift", "flow_shift").with_alias("flow_shift", "shift");
        let keys = if class == self.class { keys } else { keys.without(&BENT_LADDERS) };
        match class {
            Class::FlowMatchEuler => Ok((class, keys)),
            _ => Ok((class, keys.with("use_flow_sigmas", true).with("prediction_type", "flow_prediction"))),
        }
    }

    /// Keys that the wanted class knows carry over, as in diffusers' `from_config`. Where the file's own class is
    /// another, its silence about clipping means none, since latents are not bounded by 1; and its silence about
    /// Runge–Kutta calls means none, since pndm names what Stable Diffusion made common.
    fn for_noise(&self, name: SchedulerName) -> Result<(Class, Keys)> {
        let class = match name {
            SchedulerName::Euler => Class::Euler,
            SchedulerName::EulerAncestral => Class::EulerAncestral,
            SchedulerName::Ddim => Class::Ddim,
            SchedulerName::Pndm if self.keys.text("prediction_type") == Some("sample") => {
                return Err(scheduler_error("is any but pndm for this model, which predicts the picture", name));
            }
            SchedulerName::Pndm => Class::Pndm,
            SchedulerName::Dpmpp2m | SchedulerName::Dpmpp2mKarras => Class::DpmSolver,
            SchedulerName::Lcm => Class::Lcm,
            SchedulerName::UniPc => Class::UniPc,
            SchedulerName::FlowMatchEuler => {
                return Err(scheduler_error(
                    "is any but flow_match_euler for this model, which predicts no flow",
                    name,
                ));
            }
            SchedulerName::Fast => return Err(no_fast_setting()),
        };
        let mut keys = self.keys.clone();
        if class != self.class {
            for (key, value) in [("clip_sample", false), ("skip_prk_steps", true)] {
                keys = if keys.has(key) { keys } else { keys.with(key, value) };
            }
        }
        if class == Class::DpmSolver {
            // The name says all of this, whatever the file's own solver is.
            keys = keys.without(&BENT_LADDERS).without(&["algorithm_type", "solver_type"]).with("solver_order", 2);
            keys = keys.with("use_karras_sigmas", name == SchedulerName::Dpmpp2mKarras);
        }
        Ok((class, keys))
    }
}

/// Keys that space the noise levels on a curve of their own.
const BENT_LADDERS: [&str; 4] = ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"];

/// A setting is a file of its own, so no other file's keys stand for it.
fn no_fast_setting() -> InferenceError {
    scheduler_error("is any but fast for this model, which has no setting for few steps", SchedulerName::Fast)
}

fn scheduler_error(bound: &str, name: SchedulerName) -> InferenceError {
    InferenceError::input("scheduler", bound, name.name())
}
