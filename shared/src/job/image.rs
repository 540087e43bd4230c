//! Text to picture: the request, its bounds and its unit of work.

use serde::{Deserialize, Serialize};

use crate::amount::MicroUnits;
use crate::api::problem::FieldError;
use crate::receipt::UnitType;

pub const PROMPT_MAX_CHARS: usize = 2_000;
pub const STEPS_MIN: u32 = 1;
pub const STEPS_MAX: u32 = 100;
pub const STEPS_DEFAULT: u32 = 30;
pub const GUIDANCE_MAX: f32 = 25.0;
pub const GUIDANCE_DEFAULT: f32 = 7.5;
pub const SIZE_MIN_PX: u32 = 64;
pub const SIZE_MAX_PX: u32 = 1_024;
pub const SIZE_MULTIPLE_PX: u32 = 8;
pub const SIZE_DEFAULT_PX: u32 = 512;
pub const COUNT_MAX: u32 = 16;
/// Seeds that the hub draws stay below 2^53, so that every JSON reader carries them exactly.
pub const DRAWN_SEED_BITS: u32 = 53;

/// How a picture's miner walks from noise to picture; absent means the model's own scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SchedulerName {
    Euler,
    EulerAncestral,
    Ddim,
    Pndm,
    #[serde(rename = "dpmpp_2m")]
    Dpmpp2m,
    #[serde(rename = "dpmpp_2m_karras")]
    Dpmpp2mKarras,
    Lcm,
    UniPc,
    FlowMatchEuler,
}

impl SchedulerName {
    pub const ALL: [Self; 9] = [
        Self::Euler,
        Self::EulerAncestral,
        Self::Ddim,
        Self::Pndm,
        Self::Dpmpp2m,
        Self::Dpmpp2mKarras,
        Self::Lcm,
        Self::UniPc,
        Self::FlowMatchEuler,
    ];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euler => "euler",
            Self::EulerAncestral => "euler_ancestral",
            Self::Ddim => "ddim",
            Self::Pndm => "pndm",
            Self::Dpmpp2m => "dpmpp_2m",
            Self::Dpmpp2mKarras => "dpmpp_2m_karras",
            Self::Lcm => "lcm",
            Self::UniPc => "uni_pc",
            Self::FlowMatchEuler => "flow_match_euler",
        }
    }
}

/// What a client sends as `input` of an `image` job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// 1 to 2000 characters.
    pub prompt: String,
    /// What the picture should not show; up to 2000 characters.
    #[serde(default)]
    pub negative_prompt: String,
    /// Denoising steps, 1 to 100.
    #[serde(default = "default_steps")]
    pub steps: u32,
    /// How strictly to follow the prompt, 0 to 25; 1 and below follow it unguided.
    #[serde(default = "default_guidance")]
    pub guidance: f32,
    /// Pixels, 64 to 1024 in multiples of 8.
    #[serde(default = "default_size")]
    pub width: u32,
    /// Pixels, 64 to 1024 in multiples of 8.
    #[serde(default = "default_size")]
    pub height: u32,
    /// Drawn at random where absent, and always returned.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Pictures, 1 to 16; picture i has seed + i.
    #[serde(default = "default_count")]
    pub count: u32,
    #[serde(default)]
    pub scheduler: Option<SchedulerName>,
}

fn default_steps() -> u32 {
    STEPS_DEFAULT
}

fn default_guidance() -> f32 {
    GUIDANCE_DEFAULT
}

fn default_size() -> u32 {
    SIZE_DEFAULT_PX
}

fn default_count() -> u32 {
    1
}

/// An image input within all bounds, with its seed settled. Only [`ImageInput::validate`] makes one from outside data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidImageInput {
    pub prompt: String,
    pub negative_prompt: String,
    pub steps: u32,
    pub guidance: f32,
    pub width: u32,
    pub height: u32,
    pub seed: u64,
    pub count: u32,
    pub scheduler: Option<SchedulerName>,
}

impl ImageInput {
    /// Checks every bound and reports all that fail. `drawn_seed` is taken where the client named none.
    pub fn validate(self, drawn_seed: u64) -> Result<ValidImageInput, Vec<FieldError>> {
        let errors = self.broken_bounds();
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(ValidImageInput {
            prompt: self.prompt,
            negative_prompt: self.negative_prompt,
            steps: self.steps,
            guidance: self.guidance,
            width: self.width,
            height: self.height,
            seed: self.seed.unwrap_or(drawn_seed & ((1 << DRAWN_SEED_BITS) - 1)),
            count: self.count,
            scheduler: self.scheduler,
        })
    }

    fn broken_bounds(&self) -> Vec<FieldError> {
        let prompt_chars = self.prompt.chars().count();
        let negative_chars = self.negative_prompt.chars().count();
        let is_size = |size: u32| (SIZE_MIN_PX..=SIZE_MAX_PX).contains(&size) && size.is_multiple_of(SIZE_MULTIPLE_PX);
        let size_bound = format!("{SIZE_MIN_PX} to {SIZE_MAX_PX} in multiples of {SIZE_MULTIPLE_PX}");
        let blank = self.prompt.trim().is_empty();
        let chars = |count: usize| format!("{count} characters");
        let prompt_value = if blank { "blank".to_owned() } else { chars(prompt_chars) };
        let checks = [
            (
                !blank && prompt_chars <= PROMPT_MAX_CHARS,
                "input.prompt",
                format!("1 to {PROMPT_MAX_CHARS} characters"),
                prompt_value,
            ),
            (
                negative_chars <= PROMPT_MAX_CHARS,
                "input.negative_prompt",
                format!("up to {PROMPT_MAX_CHARS} characters"),
                chars(negative_chars),
            ),
            (
                (STEPS_MIN..=STEPS_MAX).contains(&self.steps),
                "input.steps",
                format!("{STEPS_MIN} to {STEPS_MAX}"),
                self.steps.to_string(),
            ),
            (
                (0.0..=GUIDANCE_MAX).contains(&self.guidance),
                "input.guidance",
                format!("0 to {GUIDANCE_MAX}"),
                self.guidance.to_string(),
            ),
            (is_size(self.width), "input.width", size_bound.clone(), self.width.to_string()),
            (is_size(self.height), "input.height", size_bound, self.height.to_string()),
            ((1..=COUNT_MAX).contains(&self.count), "input.count", format!("1 to {COUNT_MAX}"), self.count.to_string()),
        ];
        checks
            .into_iter()
            .filter(|(holds, ..)| !holds)
            .map(|(_, field, bound, value)| FieldError::bound(field, bound, value))
            .collect()
    }
}

impl ValidImageInput {
    /// Pictures are metered in pixels × steps: a slow miner earns no more than a fast one.
    pub const UNIT_TYPE: UnitType = UnitType::MegapixelStep;

    /// One micro-unit is one pixel taken through one step.
    pub fn units(&self) -> MicroUnits {
        MicroUnits(u64::from(self.width) * u64::from(self.height) * u64::from(self.steps) * u64::from(self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::SchedulerName;

    #[test]
    fn every_scheduler_s_name_is_the_one_in_json() {
        for scheduler in SchedulerName::ALL {
            assert_eq!(serde_json::to_value(scheduler).unwrap(), scheduler.name());
        }
    }
}
