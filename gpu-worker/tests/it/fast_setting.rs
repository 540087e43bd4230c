//! A model's second setting: few steps under a scheduler of its own.

use gpu_worker::offer;
use inference::engine::Engine;
use inference::error::{FailureKind, InferenceError};
use inference::runtime::folder::ModelFolder;
use inference::runtime::image::ImageModel;
use inference::runtime::{Request, Runtime, batch_key};
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::job::image::{ImageInput, PictureDefaults, SchedulerName, ValidImageInput};
use shared::job::request::Work;

use crate::graphs::engines;
use crate::pipelines::Latents;
use crate::support::{ModelCopy, run, stderr};

const OWN_FILE: &str = "scheduler/scheduler_config.json";
const FAST_FILE: &str = "scheduler_fast/scheduler_config.json";

fn fast_scheduler() -> Value {
    json!({"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing", "beta_end": 0.015})
}

/// A tiny model whose manifest says this of its fast setting.
fn model(file: Option<&str>, manifest: Option<Value>) -> ModelCopy {
    let model = ModelCopy::tiny("sd15");
    if let Some(text) = file {
        std::fs::create_dir(model.file("scheduler_fast")).unwrap();
        std::fs::write(model.file(FAST_FILE), text).unwrap();
    }
    model.pin();
    if let Some(fast) = manifest {
        model.edit_manifest(|manifest| manifest["fast"] = fast);
    }
    model
}

fn with_fast() -> ModelCopy {
    model(Some(&fast_scheduler().to_string()), Some(json!({"steps": 3, "guidance": 1.0})))
}

/// The same network, drawn with the fast setting's scheduler as its own.
fn with_that_alone() -> ModelCopy {
    let model = ModelCopy::tiny("sd15");
    model.edit(OWN_FILE, |file| *file = fast_scheduler());
    model
}

fn load(engine: &Engine, model: &ModelCopy) -> Result<ImageModel, InferenceError> {
    ImageModel::load(engine, &ModelFolder::open(model.path())?)
}

fn input(scheduler: Option<SchedulerName>, guidance: f32) -> ValidImageInput {
    let input = json!({"prompt": "a red star", "steps": 3, "guidance": guidance, "width": 64, "height": 64, "seed": 7});
    let input: ImageInput = serde_json::from_value(input).unwrap();
    ImageInput { scheduler, ..input }.validate(0).unwrap()
}

const FAST: Option<SchedulerName> = Some(SchedulerName::Fast);

#[test]
fn it_walks_its_own_file_alone_and_beside_others() {
    for engine in engines() {
        let mut both = load(engine, &with_fast()).unwrap();
        let mut alone = load(engine, &with_that_alone()).unwrap();
        for guidance in [1.0, 5.0] {
            let expected = alone.draw(&input(None, guidance), &mut Latents::default()).unwrap();
            let own = both.draw(&input(None, guidance), &mut Latents::default()).unwrap();
            assert_ne!(own.trace_root, expected.trace_root);
            let works = [input(FAST, guidance), input(None, guidance), input(FAST, guidance)].map(Work::Image);
            assert_ne!(batch_key(&works[0]), batch_key(&works[1]));
            let mut seen = [(); 3].map(|()| Latents::default());
            let mut requests: Vec<Request<'_>> =
                works.iter().zip(&mut seen).map(|(work, observer)| Request { work, observer }).collect();
            for (outcome, expected) in both.run_batch(&mut requests).into_iter().zip([&expected, &own, &expected]) {
                let outcome = outcome.unwrap();
                assert!(outcome.artifacts == expected.artifacts, "on {}", engine.name());
                assert_eq!(outcome.trace_root, expected.trace_root);
            }
        }
    }
}

#[test]
fn an_auditor_takes_its_steps_with_its_own_file() {
    for engine in engines() {
        let mut model = load(engine, &with_fast()).unwrap();
        let input = input(FAST, 1.0);
        let mut walked = Latents::default();
        model.draw(&input, &mut walked).unwrap();
        for step in 1..=3 {
            let before = &walked.0[&(0, step - 1)];
            let after = model.recompute_step(&input, (0, step), before, &mut Latents::default()).unwrap();
            assert!(after == walked.0[&(0, step)], "step {step} on {}", engine.name());
        }
        let other = ValidImageInput { scheduler: None, ..input };
        let after = model.recompute_step(&other, (0, 2), &walked.0[&(0, 1)], &mut Latents::default()).unwrap();
        assert!(after != walked.0[&(0, 2)]);
    }
}

#[test]
fn it_is_on_offer_where_the_manifest_says_so() {
    let offered = |model: &ModelCopy| {
        let folder = ModelFolder::open(model.path()).unwrap();
        let offer = offer::model(&folder, Amount::from_ait(1), 1).unwrap();
        assert_eq!((offer.default_steps, offer.default_guidance), (2, 3.0));
        offer.fast
    };
    assert_eq!(offered(&with_fast()), Some(PictureDefaults { steps: 3, guidance: 1.0 }));
    assert_eq!(offered(&model(Some(&fast_scheduler().to_string()), None)), None);
    assert_eq!(offered(&ModelCopy::tiny("sd15")), None);
}

#[test]
fn a_model_without_it_refuses_it_and_draws_as_ever() {
    let engine = engines().next().unwrap();
    for plain in [ModelCopy::tiny("sd15"), model(Some("{"), None)] {
        let mut model = load(engine, &plain).unwrap();
        let error = model.draw(&input(FAST, 1.0), &mut Latents::default()).unwrap_err();
        assert_eq!(error.kind, FailureKind::Input);
        assert!(error.text.starts_with("input.scheduler "), "{error}");
        assert!(error.to_string().contains("has no setting for few steps"), "{error}");
        assert!(model.draw(&input(None, 1.0), &mut Latents::default()).is_ok());
    }
}

#[test]
fn a_setting_that_is_promised_but_missing_damaged_or_senseless_is_refused_by_name() {
    let engine = engines().next().unwrap();
    let whole = fast_scheduler().to_string();
    let fine = json!({"steps": 3, "guidance": 1.0});
    let stretched = json!({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift_terminal": 0.25}).to_string();
    let unknown = json!({"_class_name": "HeunDiscreteScheduler"}).to_string();
    let out_of_bounds = |steps: u32, guidance: f32| Some(json!({"steps": steps, "guidance": guidance}));
    let broken = [
        (None, Some(fine.clone()), FAST_FILE),
        (Some(""), Some(fine.clone()), FAST_FILE),
        (Some(&whole[..whole.len() / 2]), Some(fine.clone()), FAST_FILE),
        (Some(unknown.as_str()), Some(fine), "scheduler_fast/scheduler_config.json: _class_name"),
        (Some(whole.as_str()), out_of_bounds(0, 1.0), "manifest.json: fast"),
        (Some(whole.as_str()), out_of_bounds(101, 1.0), "manifest.json: fast"),
        (Some(whole.as_str()), out_of_bounds(4, 25.5), "manifest.json: fast"),
        (Some(stretched.as_str()), out_of_bounds(1, 1.0), "manifest.json: fast"),
    ];
    for (file, manifest, word) in broken {
        let what = format!("{file:?} {manifest:?}");
        let error = load(engine, &model(file, manifest)).map(drop).expect_err(&what);
        assert!(error.to_string().contains(word), "{what}: {error}");
        assert!(
            ["model", "format", "integrity"].contains(&error.kind.name()) && !error.kind.is_retryable(),
            "{what}: {error}"
        );
    }
    let changed = with_fast();
    std::fs::write(changed.file(FAST_FILE), stretched).unwrap();
    let error = load(engine, &changed).map(drop).unwrap_err();
    assert!(error.kind.name() == "integrity" && error.to_string().contains(FAST_FILE), "{error}");
}

#[test]
fn the_command_line_takes_its_defaults() {
    let draw = |model: &ModelCopy, more: &[&str]| {
        let out = model.file("out.png");
        let fixed = ["generate", "a red star", "--width", "64", "--height", "64", "--engine", "tract", "--model"];
        let files = [model.path().to_str().unwrap(), "--out", out.to_str().unwrap()];
        let output = run(fixed.into_iter().chain(files).chain(more.iter().copied()));
        output.status.success().then(|| std::fs::read(out).unwrap()).ok_or_else(|| stderr(&output))
    };
    let model = with_fast();
    let named = draw(&model, &["--scheduler", "fast", "--steps", "3", "--guidance", "1"]).unwrap();
    assert!(draw(&model, &["--scheduler", "fast"]).unwrap() == named);
    assert!(draw(&model, &["--scheduler", "fast", "--guidance", "3"]).unwrap() != named);
    assert!(draw(&model, &[]).unwrap() == draw(&model, &["--steps", "2", "--guidance", "3"]).unwrap());
    let error = draw(&ModelCopy::tiny("sd15"), &["--scheduler", "fast"]).unwrap_err();
    assert!(error.contains("has no setting for few steps"), "{error}");
}
