//! A job that fails where its model works: the cause is its input, and no client lowers a miner's reputation by one.

use std::ops::ControlFlow;

use inference::error::{InferenceError, Result};
use inference::runtime::{Observer, Output, Runtime, StepReport};
use shared::job::request::Work;

/// What `runtime` makes of `work` that has just failed with `error`. It is tried once more; where it fails again and the
/// model does its `sample`, the input is the cause.
pub(super) fn settle(
    runtime: &mut dyn Runtime,
    work: &Work,
    observer: &mut dyn Observer,
    error: InferenceError,
    sample: &Work,
) -> Result<Output> {
    if !error.kind.may_come_of_input() || error.kind.ends_process() {
        return Err(error);
    }
    let mut silent = Silent(observer);
    let again = match runtime.run(work, &mut silent) {
        Err(again) if again.kind.may_come_of_input() && !again.kind.ends_process() => again,
        other => return other,
    };
    match runtime.run(sample, &mut silent) {
        Ok(_) => Err(again.of_input()),
        Err(_) => Err(again),
    }
}

/// Shows signs of life and hears a cancel, and tells nothing that was told before.
struct Silent<'a>(&'a mut dyn Observer);

impl Observer for Silent<'_> {
    fn step(&mut self, StepReport { step, steps, .. }: StepReport) -> ControlFlow<()> {
        self.0.step(StepReport { step, steps, ..StepReport::default() })
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use inference::error::FailureKind;
    use serde_json::json;
    use shared::job::text::TextInput;

    use super::*;

    /// Fails for some prompts, at most so many times.
    struct Fragile {
        fails_on: &'static [&'static str],
        fails_with: FailureKind,
        left: usize,
    }

    impl Runtime for Fragile {
        fn run(&mut self, work: &Work, observer: &mut dyn Observer) -> Result<Output> {
            let report = StepReport { step: 1, steps: 1, text: Some("told".into()), ..StepReport::default() };
            assert_eq!(observer.step(report), ControlFlow::Continue(()));
            let is_hit = self.fails_on.iter().any(|prompt| *work == text(prompt)) && self.left > 0;
            self.left -= usize::from(is_hit);
            if is_hit {
                Err(InferenceError::new(self.fails_with, "index out of bounds"))
            } else {
                Ok(Output::default())
            }
        }
    }

    #[derive(Default)]
    struct Heard(usize);

    impl Observer for Heard {
        fn step(&mut self, report: StepReport) -> ControlFlow<()> {
            assert_eq!((report.text, report.preview), (None, None), "it was told before");
            self.0 += 1;
            ControlFlow::Continue(())
        }

        fn wants_previews(&self) -> bool {
            true
        }
    }

    fn text(prompt: &str) -> Work {
        let input: TextInput = serde_json::from_value(json!({"prompt": prompt})).unwrap();
        Work::Text(input.validate(1).unwrap())
    }

    fn settled(
        fails_on: &'static [&'static str],
        fails_with: FailureKind,
        left: usize,
    ) -> (Option<FailureKind>, usize) {
        let (mut runtime, mut heard) = (Fragile { fails_on, fails_with, left }, Heard::default());
        let error = InferenceError::new(fails_with, "index out of bounds");
        let outcome = settle(&mut runtime, &text("odd"), &mut heard, error, &text("sample"));
        (outcome.err().map(|error| error.kind), heard.0)
    }

    #[test]
    fn the_input_is_to_blame_where_it_fails_twice_and_the_sample_does_not() {
        for kind in [FailureKind::Run, FailureKind::NotFinite] {
            assert_eq!(settled(&["odd"], kind, 9), (Some(FailureKind::Input), 2));
            assert_eq!(settled(&["odd", "sample"], kind, 9), (Some(kind), 2), "the model fails");
            assert_eq!(settled(&["odd"], kind, 0), (None, 1), "it failed by chance");
        }
    }

    #[test]
    fn a_spoiled_process_and_a_refusal_are_taken_as_they_are() {
        for kind in [FailureKind::OutOfMemory, FailureKind::Canceled, FailureKind::Input, FailureKind::Integrity] {
            assert_eq!(settled(&["odd"], kind, 9), (Some(kind), 0));
        }
    }
}
