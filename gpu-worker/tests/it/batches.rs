//! Pictures that are drawn together are those that are drawn alone, bit for bit.

use std::ops::ControlFlow;

use inference::engine::Engine;
use inference::error::{FailureKind, Result};
use inference::runtime::folder::ModelFolder;
use inference::runtime::image::ImageModel;
use inference::runtime::{Observer, Output, Request, Runtime, StepReport, batch_key};
use shared::job::image::{ImageInput, SchedulerName, ValidImageInput};
use shared::job::request::Work;

use crate::graphs::engines;
use crate::support::{ModelCopy, pixels};

/// Mean above which the test's safety checker flags a picture (`e2e/reference/pipelines/extras.py`).
const BRIGHT: f64 = 0.4786;

fn input(prompt: &str, seed: u64, count: u32) -> ValidImageInput {
    let input = ImageInput {
        prompt: prompt.into(),
        negative_prompt: String::new(),
        steps: 4,
        guidance: 5.0,
        width: 64,
        height: 64,
        seed: Some(seed),
        count,
        scheduler: None,
        eta: None,
        init_image: None,
        strength: None,
    };
    input.validate(0).unwrap()
}

fn load(engine: &Engine, model: &ModelCopy) -> ImageModel {
    ImageModel::load(engine, &ModelFolder::open(model.path()).unwrap()).unwrap()
}

/// Counts steps and breaks after some of them.
#[derive(Default)]
struct Watcher {
    reports: Vec<(u32, u32)>,
    breaks_after: Option<usize>,
}

impl Observer for Watcher {
    fn step(&mut self, step: StepReport) -> ControlFlow<()> {
        self.reports.push((step.step, step.steps));
        if self.breaks_after.is_some_and(|most| self.reports.len() >= most) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn wants_previews(&self) -> bool {
        false
    }
}

fn alone(model: &mut ImageModel, input: &ValidImageInput) -> Output {
    model.draw(input, &mut Watcher::default()).unwrap()
}

fn together(model: &mut ImageModel, works: &[Work], watchers: &mut [Watcher]) -> Vec<Result<Output>> {
    let mut requests: Vec<Request<'_>> = works
        .iter()
        .zip(watchers)
        .map(|(work, watcher)| Request { work, observer: watcher as &mut dyn Observer })
        .collect();
    model.run_batch(&mut requests)
}

#[test]
fn the_pictures_of_a_job_are_those_of_its_seeds() {
    for engine in engines() {
        for layout in ["sd15", "sdxl"] {
            let mut model = load(engine, &ModelCopy::tiny(layout));
            model.set_batch_max(3);
            let mut watcher = Watcher::default();
            let batch = model.draw(&input("a red star", 7, 5), &mut watcher).unwrap();
            assert_eq!(batch.artifacts.len(), 5);
            for (number, artifact) in batch.artifacts.iter().enumerate() {
                let single = alone(&mut model, &input("a red star", 7 + number as u64, 1));
                assert!(*artifact == single.artifacts[0], "picture {number} of {layout} on {}", engine.name());
            }
            let steps: Vec<(u32, u32)> = (1..=20).map(|step| (step, 20)).collect();
            assert_eq!(watcher.reports, steps);
            model.set_batch_max(1);
            let one_by_one = model.draw(&input("a red star", 7, 5), &mut Watcher::default()).unwrap();
            assert_eq!(one_by_one.trace_root, batch.trace_root);
            assert!(batch.trace_root.is_some());
        }
    }
}

#[test]
fn jobs_that_share_calls_are_what_they_are_alone() {
    for engine in engines() {
        let mut model = load(engine, &ModelCopy::tiny("sd15"));
        model.set_batch_max(8);
        let mut green = input("green tree", 3, 2);
        green.guidance = 2.5;
        green.negative_prompt = "moon".into();
        let mut unguided = input("small house", 5, 1);
        unguided.guidance = 1.0;
        let other_unguided = ValidImageInput { prompt: "old tree".into(), count: 2, ..unguided.clone() };
        let noisy = |eta: f32| ValidImageInput {
            scheduler: Some(SchedulerName::Ddim),
            eta: Some(eta),
            ..input("a red star", 8, 1)
        };
        let inputs = [input("a red star", 7, 1), green, unguided, other_unguided, noisy(0.5), noisy(1.0)];
        let works: Vec<Work> = inputs.iter().cloned().map(Work::Image).collect();
        assert_eq!(batch_key(&works[0]), batch_key(&works[1]));
        assert_ne!(batch_key(&works[0]), batch_key(&works[2]));
        assert_ne!(batch_key(&works[4]), batch_key(&works[5]));
        let mut watchers = [(); 6].map(|()| Watcher::default());
        let outcomes = together(&mut model, &works, &mut watchers);
        for (outcome, input) in outcomes.into_iter().zip(&inputs) {
            let (outcome, alone) = (outcome.unwrap(), alone(&mut model, input));
            assert!(outcome.artifacts == alone.artifacts, "{} on {}", input.prompt, engine.name());
            assert_eq!(outcome.trace_root, alone.trace_root);
        }
        assert_eq!(watchers.map(|watcher| watcher.reports.len()), [4, 8, 4, 8, 4, 4]);
    }
}

#[test]
fn a_job_that_fails_or_is_canceled_takes_no_other_with_it() {
    for engine in engines() {
        let mut model = load(engine, &ModelCopy::tiny("sd15"));
        model.set_batch_max(8);
        let mut zero_steps = input("a red star", 1, 1);
        zero_steps.steps = 0;
        let mut long = input("a red star", 1, 1);
        long.prompt = "a".repeat(100_000);
        let works = [input("a red star", 7, 2), input("a red star", 9, 1), zero_steps, long].map(Work::Image);
        let canceled = Watcher { breaks_after: Some(2), ..Watcher::default() };
        let mut watchers = [canceled, Watcher::default(), Watcher::default(), Watcher::default()];
        let outcomes = together(&mut model, &works, &mut watchers);
        assert!(outcomes[0].as_ref().is_err_and(|error| error.kind == FailureKind::Canceled), "{:?}", outcomes[0]);
        let Work::Image(whole) = &works[1] else { panic!("a picture") };
        assert!(outcomes[1].as_ref().unwrap().artifacts == alone(&mut model, whole).artifacts);
        for (place, word) in [(2, "input.steps"), (3, "100000 characters")] {
            let error = outcomes[place].as_ref().unwrap_err();
            assert!(error.kind.name() == "input" && error.to_string().contains(word), "{error}");
        }
        assert_eq!(watchers.map(|watcher| watcher.reports.len()), [2, 4, 0, 0]);
    }
}

#[test]
fn a_network_of_a_fixed_batch_draws_the_same_pictures() {
    for engine in engines() {
        let mut free = load(engine, &ModelCopy::tiny("sd15"));
        let mut fixed = load(engine, &ModelCopy::tiny("fixed"));
        assert_eq!(fixed.batch_max(), 1);
        let mut unguided = input("small house", 5, 3);
        unguided.guidance = 1.0;
        for input in [input("a red star", 7, 3), unguided] {
            for (one, other) in alone(&mut fixed, &input).artifacts.iter().zip(&alone(&mut free, &input).artifacts) {
                let (one, other) = (pixels(&one.bytes).2, pixels(&other.bytes).2);
                let furthest = one.iter().zip(&other).map(|(one, other)| one.abs_diff(*other)).max().unwrap();
                // tract multiplies one row and two rows by other kernels.
                let most = if engine.plans_per_shape() { 1 } else { 0 };
                assert!(furthest <= most, "{furthest} on {}", engine.name());
            }
        }
    }
}

#[test]
fn a_flagged_picture_is_black_and_named() {
    for engine in engines() {
        let checked = ModelCopy::tiny("checked");
        checked.edit("model_index.json", |index| index["safety_checker"] = serde_json::json!(["diffusers", "Part"]));
        let (mut checked, mut unchecked) = (load(engine, &checked), load(engine, &ModelCopy::tiny("sd15")));
        let input = input("a red star", 7, 8);
        let (shown, all) = (alone(&mut checked, &input), alone(&mut unchecked, &input));
        let brightness = |file: &[u8]| {
            let bytes = pixels(file).2;
            bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / bytes.len() as f64 / 255.0
        };
        let bright: Vec<u32> = (0..8).filter(|i| brightness(&all.artifacts[*i as usize].bytes) > BRIGHT).collect();
        assert!(!bright.is_empty() && bright.len() < 8, "{bright:?} of 8 prove nothing");
        assert_eq!(shown.flagged, bright);
        assert!(all.flagged.is_empty());
        for (number, (shown, all)) in (0..).zip(shown.artifacts.iter().zip(&all.artifacts)) {
            match bright.contains(&number) {
                true => {
                    assert!(brightness(&shown.bytes) == 0.0);
                    let reader = png::Decoder::new(std::io::Cursor::new(&shown.bytes)).read_info().unwrap();
                    let texts = &reader.info().uncompressed_latin1_text;
                    assert!(texts.iter().any(|text| text.keyword == "Warning" && text.text.contains("flagged")));
                }
                false => assert!(shown == all),
            }
        }
    }
}
