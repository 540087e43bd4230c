//! Text to picture and picture to picture: the request, its bounds and its unit of work.

use serde::{Deserialize, Serialize};

use super::init_image::InitImage;
use crate::amount::MicroUnits;
use crate::field_error::FieldError;
use crate::unit::UnitType;

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
pub const STRENGTH_DEFAULT: f32 = 0.8;
pub const ETA_MAX: f32 = 1.0;
/// Finer strengths walk the same steps.
const STRENGTHS_PER_ONE: u32 = 1_000;

/// Which scheduler draws the picture; absent means the model's own.
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
    /// The model's own setting for few steps, of models that have one.
    Fast,
}

impl SchedulerName {
    pub const ALL: [Self; 10] = [
        Self::Euler,
        Self::EulerAncestral,
        Self::Ddim,
        Self::Pndm,
        Self::Dpmpp2m,
        Self::Dpmpp2mKarras,
        Self::Lcm,
        Self::UniPc,
        Self::FlowMatchEuler,
        Self::Fast,
    ];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
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
            Self::Fast => "fast",
        }
    }
}

/// How many steps a model takes for a picture and how strictly it follows the prompt, where a request leaves that open.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PictureDefaults {
    /// Denoising steps.
    pub steps: u32,
    /// 1 and below follow the prompt unguided.
    #[serde(deserialize_with = "crate::finite::deserialize")]
    pub guidance: f32,
}

impl PictureDefaults {
    /// The steps, unless they exceed the bound of a job.
    pub fn valid_steps(self) -> Option<u32> {
        Some(self.steps).filter(|steps| (STEPS_MIN..=STEPS_MAX).contains(steps))
    }

    /// The guidance, unless it is out of a job's bounds.
    pub fn valid_guidance(self) -> Option<f32> {
        Some(self.guidance).filter(|guidance| (0.0..=GUIDANCE_MAX).contains(guidance))
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
    /// Denoising steps, 1 to 100. Absent, they are the default of the model, and 30 where no miner has offered the model
    /// yet.
    #[serde(default = "default_steps")]
    pub steps: u32,
    /// How strictly to follow the prompt, 0 to 25; 1 and below follow it unguided. Absent, it is the default of the model,
    /// and 7.5 where no miner has offered the model yet.
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
    /// `fast` is refused while no connected miner offers the model with a setting for few steps; steps and guidance that are
    /// left open are then those of that setting.
    #[serde(default)]
    pub scheduler: Option<SchedulerName>,
    /// η of DDIM (Song et al. 2021, equation 16), 0 to 1: how much fresh noise each step adds; refused unless `scheduler` is
    /// `ddim`, and above 0 by models of a flow, which DDIM does not walk. 0 where absent.
    #[serde(default)]
    pub eta: Option<f32>,
    /// A PNG or JPEG file to start from instead of noise, in base64 or as a `data:` URL; up to 512 KiB and 4096 pixels
    /// along each edge. It is scaled to cover the picture's size and cropped around its middle.
    #[serde(default)]
    pub init_image: Option<String>,
    /// How much of `init_image` is drawn anew, above 0 to 1; `floor(steps × strength)` steps are walked, at least 1. 0.8
    /// where absent.
    #[serde(default)]
    pub strength: Option<f32>,
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
    /// Given only where `scheduler` is DDIM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_image: Option<InitImage>,
    /// Given if and only if there is an `init_image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<f32>,
}

impl From<ValidImageInput> for ImageInput {
    /// The request that would be validated to this.
    fn from(input: ValidImageInput) -> Self {
        Self {
            prompt: input.prompt,
            negative_prompt: input.negative_prompt,
            steps: input.steps,
            guidance: input.guidance,
            width: input.width,
            height: input.height,
            seed: Some(input.seed),
            count: input.count,
            scheduler: input.scheduler,
            eta: input.eta,
            init_image: input.init_image.map(|image| image.base64),
            strength: input.strength,
        }
    }
}

impl ImageInput {
    /// Checks every bound and reports all that fail. `drawn_seed` is taken where the client named none.
    pub fn validate(self, drawn_seed: u64) -> Result<ValidImageInput, Vec<FieldError>> {
        let mut errors = self.broken_bounds();
        let init_image = self.init_image.as_deref().map(InitImage::parse).transpose().map_err(|error| {
            errors.push(FieldError::bound("input.init_image", error.to_string(), error.value()));
        });
        let init_image = match init_image {
            Ok(init_image) if errors.is_empty() => init_image,
            _ => return Err(errors),
        };
        Ok(ValidImageInput {
            prompt: self.prompt,
            negative_prompt: self.negative_prompt,
            steps: self.steps,
            guidance: self.guidance,
            width: self.width,
            height: self.height,
            seed: super::settled_seed(self.seed, drawn_seed),
            count: self.count,
            scheduler: self.scheduler,
            eta: self.eta,
            strength: init_image.as_ref().map(|_| self.strength.unwrap_or(STRENGTH_DEFAULT)),
            init_image,
        })
    }

    fn broken_bounds(&self) -> Vec<FieldError> {
        let prompt_chars = self.prompt.chars().count();
        let negative_chars = self.negative_prompt.chars().count();
        let is_size = |size: u32| (SIZE_MIN_PX..=SIZE_MAX_PX).contains(&size) && size.is_multiple_of(SIZE_MULTIPLE_PX);
        let size_bound = format!("{SIZE_MIN_PX} to {SIZE_MAX_PX} in multiples of {SIZE_MULTIPLE_PX}");
        let blank = self.prompt.trim().is_empty();
        let chars = |count: usize| format!("{count} characters");
        let strength = self.strength.unwrap_or(STRENGTH_DEFAULT);
        let walks = strength > 0.0 && strength <= 1.0 && steps_walked(self.steps, strength) >= 1;
        let is_strength = if self.init_image.is_some() { walks } else { self.strength.is_none() };
        let strength_bound = match self.init_image {
            Some(_) => "above 0 to 1, with at least one of the steps to walk",
            None => "for image to image, with an init_image",
        };
        let takes_eta = self.scheduler == Some(SchedulerName::Ddim);
        let is_eta = self.eta.is_none_or(|eta| takes_eta && (0.0..=ETA_MAX).contains(&eta));
        let eta_bound = if takes_eta { format!("0 to {ETA_MAX}") } else { "for the scheduler ddim".to_owned() };
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
            (is_eta, "input.eta", eta_bound, self.eta.unwrap_or_default().to_string()),
            (is_strength, "input.strength", strength_bound.to_owned(), strength.to_string()),
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

    /// One micro-unit is one pixel taken through one step that is really walked.
    pub fn units(&self) -> MicroUnits {
        let pixels = u64::from(self.width) * u64::from(self.height);
        MicroUnits(pixels * u64::from(self.steps_walked()) * u64::from(self.count))
    }

    /// Image to image skips the first steps, because their start would be nothing but noise.
    pub fn steps_walked(&self) -> u32 {
        self.strength.map_or(self.steps, |strength| steps_walked(self.steps, strength))
    }

    /// What is shown of the input: everything but the file to start from, which its digest names.
    pub fn without_file(mut self) -> Self {
        self.init_image = self.init_image.map(|image| image.without_file());
        self
    }
}

/// `floor(steps × strength)` in whole thousandths, so that units do not hang on how a fraction was rounded.
fn steps_walked(steps: u32, strength: f32) -> u32 {
    let thousandths = (strength.clamp(0.0, 1.0) * STRENGTHS_PER_ONE as f32).round() as u32;
    steps.saturating_mul(thousandths) / STRENGTHS_PER_ONE
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::job::init_image::INIT_IMAGE_MAX_BYTES;

    fn png() -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &64_u32.to_be_bytes(), &64_u32.to_be_bytes()].concat()
    }

    fn validate(more: serde_json::Value) -> Result<ValidImageInput, Vec<FieldError>> {
        let mut input = json!({"prompt": "a lake", "steps": 20});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value::<ImageInput>(input).unwrap().validate(1)
    }

    #[test]
    fn only_ddim_takes_eta_and_only_within_its_bounds() {
        let input = validate(json!({"scheduler": "ddim", "eta": 0.25})).unwrap();
        assert_eq!(input.eta, Some(0.25));
        assert_eq!(ImageInput::from(input.clone()).validate(2).unwrap(), input);
        assert!(!serde_json::to_string(&validate(json!({"scheduler": "ddim"})).unwrap()).unwrap().contains("eta"));
        for refused in [
            json!({"eta": 0}),
            json!({"scheduler": "euler", "eta": 0.5}),
            json!({"scheduler": "ddim", "eta": 1.01}),
            json!({"scheduler": "ddim", "eta": -0.1}),
        ] {
            let errors = validate(refused.clone()).unwrap_err();
            let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, ["input.eta"], "{refused}");
        }
    }

    #[test]
    fn every_scheduler_s_name_is_the_one_in_json() {
        for scheduler in SchedulerName::ALL {
            assert_eq!(serde_json::to_value(scheduler).unwrap(), scheduler.name());
        }
    }

    #[test]
    fn image_to_image_is_metered_on_the_steps_it_walks() {
        let file = STANDARD.encode(png());
        let input = validate(json!({"init_image": file, "strength": 0.35})).unwrap();
        assert_eq!((input.steps_walked(), input.units()), (7, MicroUnits(512 * 512 * 7)));
        let input = validate(json!({"init_image": file})).unwrap();
        assert_eq!((input.strength, input.steps_walked()), (Some(STRENGTH_DEFAULT), 16));
        assert_eq!(validate(json!({})).unwrap().steps_walked(), 20);
        let whole = validate(json!({"init_image": file, "strength": 1})).unwrap();
        assert_eq!(whole.steps_walked(), 20);
    }

    #[test]
    fn a_broken_start_and_a_strength_out_of_bounds_are_named() {
        let file = STANDARD.encode(png());
        let refused = [
            (json!({"strength": 0.5}), "input.strength"),
            (json!({"init_image": file, "strength": 0}), "input.strength"),
            (json!({"init_image": file, "strength": 1.01}), "input.strength"),
            (json!({"init_image": file, "strength": 0.04}), "input.strength"),
            (json!({"init_image": "R0lGODlh"}), "input.init_image"),
            (json!({"init_image": "data:text/plain,hello"}), "input.init_image"),
        ];
        for (more, field) in refused {
            let errors = validate(more.clone()).unwrap_err();
            assert_eq!(errors.len(), 1, "{more}: {errors:?}");
            assert_eq!(errors[0].field, field, "{more}");
        }
    }

    #[test]
    fn the_longest_assignment_with_a_picture_fits_a_frame() {
        let mut file = png();
        file.resize(INIT_IMAGE_MAX_BYTES, 0xFF);
        // A control character is six bytes of JSON.
        let prompt = "\u{1}".repeat(PROMPT_MAX_CHARS - 1) + "a";
        let more = json!({"init_image": STANDARD.encode(file), "prompt": prompt, "negative_prompt": prompt});
        let input = validate(more).unwrap();
        let frame = serde_json::to_string(&input).unwrap();
        // Terms, ids and names are far below 16 KiB.
        assert!(frame.len() + (16 << 10) <= crate::protocol::FRAME_MAX_BYTES, "{} bytes", frame.len());
        assert!(serde_json::to_string(&input.without_file()).unwrap().len() < 32 << 10);
    }

    proptest! {
        #[test]
        fn what_was_valid_is_valid_again(strength in 0.051_f32..=1.0, steps in 20_u32..=100) {
            let more = json!({"init_image": STANDARD.encode(png()), "strength": strength, "steps": steps});
            let input = validate(more).unwrap();
            prop_assert!((1..=steps).contains(&input.steps_walked()));
            let again = ImageInput::from(input.clone()).validate(9).unwrap();
            prop_assert_eq!(again, input);
        }
    }
}
