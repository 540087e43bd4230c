//! Whole walks against Python diffusers (`tests/vectors/schedulers.py`).

use gpu_worker::error::WorkerError;
use gpu_worker::runtime::image::scheduler::{Scheduler, SchedulerConfig};
use serde::Deserialize;
use serde_json::json;
use shared::job::image::SchedulerName;

const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Vectors {
    sample: Vec<f32>,
    scale: f32,
    walks: Vec<Walk>,
}

#[derive(Deserialize)]
struct Walk {
    config: serde_json::Value,
    steps: usize,
    init_noise_sigma: f32,
    timesteps: Vec<f32>,
    samples: Vec<Vec<f32>>,
    estimates: Vec<Vec<f32>>,
}

/// diffusers computes in f32, so a difference counts relative to the largest number that went into the value.
fn assert_close(ours: &[f32], theirs: &[f32], from: &[f32], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = from.iter().chain(theirs).fold(1.0_f32, |largest, value| largest.max(value.abs()));
    for (ours, theirs) in ours.iter().zip(theirs) {
        let bound = TOLERANCE * largest;
        assert!((ours - theirs).abs() <= bound, "{what}: ours {ours}, diffusers {theirs}");
    }
}

#[test]
fn every_walk_is_that_of_diffusers() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors/schedulers.json")).unwrap();
    assert!(vectors.walks.len() >= 40);
    for walk in &vectors.walks {
        let what = format!("{} in {} steps", walk.config, walk.steps);
        let config: SchedulerConfig = serde_json::from_value(walk.config.clone()).unwrap();
        config.check().unwrap();
        let scheduler = Scheduler::new(&config, None, walk.steps).unwrap();
        assert_close(&[scheduler.init_noise_sigma()], &[walk.init_noise_sigma], &[], &what);
        assert_eq!(scheduler.steps(), walk.timesteps.len(), "{what}");
        let mut sample: Vec<f32> = vectors.sample.iter().map(|x| x * scheduler.init_noise_sigma()).collect();
        for index in 0..scheduler.steps() {
            let timestep = scheduler.timestep(index);
            assert_close(&[timestep], &[walk.timesteps[index]], &[], &what);
            let network = |x: &f32| (x * scheduler.input_scale(index) * 1.3 + timestep / 1000.0).sin() * vectors.scale;
            let mut answer: Vec<f32> = sample.iter().map(network).collect();
            let mut before = sample.clone();
            if config.rescale_betas_zero_snr {
                // The first step cancels a sigma of 4096 in f32, and its rounding stays in the walk.
                before.push(walk.init_noise_sigma);
            }
            scheduler.step(index, &mut sample, &mut answer);
            assert_close(&sample, &walk.samples[index], &before, &format!("{what}, sample {index}"));
            if let Some(estimate) = walk.estimates.get(index) {
                assert_close(&answer, estimate, &before, &format!("{what}, estimate {index}"));
            }
        }
    }
}

fn config(value: serde_json::Value) -> SchedulerConfig {
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    let euler = "EulerDiscreteScheduler";
    let cases = [
        (json!({"_class_name": "PNDMScheduler"}), "PNDMScheduler"),
        (json!({"_class_name": euler, "use_karras_sigmas": true}), "use_karras_sigmas"),
        (json!({"_class_name": "DDIMScheduler", "thresholding": true}), "thresholding"),
        (
            json!({"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": true}),
            "use_dynamic_shifting",
        ),
        (json!({"_class_name": euler, "num_train_timesteps": 0}), "0 training steps"),
        (json!({"_class_name": euler, "num_train_timesteps": 3, "trained_betas": [0.1]}), "3 training steps"),
        (json!({"_class_name": euler, "prediction_type": "flow_prediction"}), "flow_prediction"),
    ];
    for (value, named) in cases {
        let error = config(value).check().unwrap_err();
        assert!(matches!(error, WorkerError::Unsupported(_)), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn steps_beyond_the_training_and_schedulers_of_another_kind_are_input_errors() {
    let ddim = config(json!({"_class_name": "DDIMScheduler", "num_train_timesteps": 50}));
    for steps in [0, 51] {
        let error = Scheduler::new(&ddim, None, steps).unwrap_err();
        assert!(matches!(error, WorkerError::Input { field: "steps", .. }), "{error}");
    }
    let error = Scheduler::new(&ddim, Some(SchedulerName::FlowMatchEuler), 4).unwrap_err();
    assert!(matches!(error, WorkerError::Input { field: "scheduler", .. }), "{error}");
    let flow = config(json!({"_class_name": "FlowMatchEulerDiscreteScheduler"}));
    for name in [SchedulerName::Euler, SchedulerName::Ddim, SchedulerName::FlowMatchEuler] {
        assert!(matches!(Scheduler::new(&flow, Some(name), 4), Ok(Scheduler::FlowMatchEuler(_))));
    }
}
