//! The fields of the form that asks for a picture, and a set of values for them.

use serde::{Deserialize, Serialize};
use shared::job::image::{SIZE_DEFAULT_PX, SchedulerName};

/// The scheduler of a model's setting for few steps.
pub const FAST_SCHEDULER: &str = SchedulerName::Fast.name();

/// A field of the form. Its [`name`](Self::name) is the same in the job's input, in the form and in the first page's
/// address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Prompt,
    NegativePrompt,
    Steps,
    Guidance,
    Width,
    Height,
    Seed,
    /// [`FAST_SCHEDULER`], or empty for the usual setting.
    Scheduler,
}

impl Field {
    /// In the order of their declaration, so that a field is an index.
    pub const ALL: [Self; 8] = [
        Self::Prompt,
        Self::NegativePrompt,
        Self::Steps,
        Self::Guidance,
        Self::Width,
        Self::Height,
        Self::Seed,
        Self::Scheduler,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::NegativePrompt => "negative_prompt",
            Self::Steps => "steps",
            Self::Guidance => "guidance",
            Self::Width => "width",
            Self::Height => "height",
            Self::Seed => "seed",
            Self::Scheduler => "scheduler",
        }
    }

    pub const fn is_number(self) -> bool {
        matches!(self, Self::Steps | Self::Guidance | Self::Width | Self::Height | Self::Seed)
    }
}

/// One value for each field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerField<T>([T; Field::ALL.len()]);

impl<T> PerField<T> {
    pub fn from_fn(value: impl FnMut(Field) -> T) -> Self {
        Self(Field::ALL.map(value))
    }

    pub fn get(&self, field: Field) -> &T {
        &self.0[field as usize]
    }

    pub fn set(&mut self, field: Field, value: T) {
        self.0[field as usize] = value;
    }
}

/// What the fields hold, as texts.
pub type Draft = PerField<String>;

impl Draft {
    /// Empty but for the model's own defaults.
    pub fn of_model(steps: u32, guidance: f32) -> Self {
        Self::from_fn(|field| match field {
            Field::Steps => steps.to_string(),
            Field::Guidance => guidance.to_string(),
            Field::Width | Field::Height => SIZE_DEFAULT_PX.to_string(),
            Field::Prompt | Field::NegativePrompt | Field::Seed | Field::Scheduler => String::new(),
        })
    }

    /// What would ask for the same picture again.
    #[cfg(feature = "ssr")]
    pub fn of_job(input: &shared::job::image::ValidImageInput, is_fast: bool) -> Self {
        Self::from_fn(|field| match field {
            Field::Prompt => input.prompt.clone(),
            Field::NegativePrompt => input.negative_prompt.clone(),
            Field::Steps => input.steps.to_string(),
            Field::Guidance => input.guidance.to_string(),
            Field::Width => input.width.to_string(),
            Field::Height => input.height.to_string(),
            Field::Seed => input.seed.to_string(),
            Field::Scheduler if is_fast => FAST_SCHEDULER.to_owned(),
            Field::Scheduler => String::new(),
        })
    }

    /// These values, and those of `defaults` where a field is empty.
    pub fn or(&self, defaults: &Self) -> Self {
        Self::from_fn(|field| if self.get(field).is_empty() { defaults } else { self }.get(field).clone())
    }

    /// With the text that was typed into the rendered form before the island started.
    #[cfg(feature = "hydrate")]
    pub fn typed(&self) -> Self {
        Self::from_fn(|field| crate::browser::value_of(field.name()).unwrap_or_else(|| self.get(field).clone()))
    }

    /// Any setting that the folded part holds differs from `defaults`.
    pub fn has_settings_beyond(&self, defaults: &Self) -> bool {
        Field::ALL.into_iter().any(|field| field != Field::Prompt && self.get(field) != defaults.get(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_the_index_of_its_value() {
        let names = PerField::from_fn(Field::name);
        for field in Field::ALL {
            assert_eq!(*names.get(field), field.name());
        }
    }

    #[test]
    fn defaults_fill_only_what_is_empty() {
        let mut asked = Draft::default();
        asked.set(Field::Prompt, "a lake".to_owned());
        asked.set(Field::Steps, "12".to_owned());
        let filled = asked.or(&Draft::of_model(8, 1.5));
        let values = Field::ALL.map(|field| filled.get(field).as_str());
        assert_eq!(values, ["a lake", "", "12", "1.5", "512", "512", "", ""]);
    }

    #[test]
    fn another_prompt_is_no_other_setting() {
        let defaults = Draft::of_model(8, 1.5);
        let mut draft = defaults.clone();
        draft.set(Field::Prompt, "a lake".to_owned());
        assert!(!draft.has_settings_beyond(&defaults));
        draft.set(Field::Scheduler, FAST_SCHEDULER.to_owned());
        assert!(draft.has_settings_beyond(&defaults));
    }
}
