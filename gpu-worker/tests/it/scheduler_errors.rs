//! What scheduler configurations and requests are refused, and that the refusal says why.

use inference::error::FailureKind;
use inference::runtime::image::scheduler::{Scheduler, SchedulerConfig};
use serde_json::{Value, json};
use shared::job::image::SchedulerName;

use crate::schedulers::extent;

fn config(value: Value) -> SchedulerConfig {
    SchedulerConfig::parse(&value.to_string()).unwrap()
}

fn refuses(value: Value, key: &str, word: &str) {
    let error = SchedulerConfig::parse(&value.to_string()).map(drop).expect_err(&value.to_string());
    assert_eq!((error.kind, error.kind.is_retryable()), (FailureKind::Model, false));
    assert!(error.text.contains(&format!(": {key} ")), "{value}: {error}");
    let text = error.to_string();
    assert!(text.starts_with("scheduler/scheduler_config.json: ") && text.contains(word), "{value}: {text}");
}

#[test]
fn what_would_be_walked_wrongly_is_refused_with_file_key_and_value() {
    let (euler, ddim, dpm) = ("EulerDiscreteScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler");
    let (uni_pc, flow) = ("UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler");
    refuses(json!({}), "_class_name", "got nothing");
    refuses(json!({"_class_name": "HeunDiscreteScheduler"}), "_class_name", "HeunDiscreteScheduler");
    refuses(json!({"_class_name": ["LCMScheduler"]}), "_class_name", "is one of DDIMScheduler, PNDMScheduler");
    for class in [euler, dpm, uni_pc, flow] {
        let both = json!({"_class_name": class, "use_beta_sigmas": true, "use_exponential_sigmas": true});
        refuses(both, "use_beta_sigmas", "is false where use_exponential_sigmas is true");
    }
    for class in [ddim, dpm, uni_pc, "LCMScheduler"] {
        refuses(json!({"_class_name": class, "thresholding": 1}), "thresholding", "is true or false");
        let ratio = json!({"_class_name": class, "thresholding": true, "dynamic_thresholding_ratio": 1.1});
        refuses(ratio, "dynamic_thresholding_ratio", "from 0 to 1, got 1.1");
        let most = json!({"_class_name": class, "thresholding": true, "sample_max_value": 0});
        refuses(most, "sample_max_value", "got 0");
    }
    let unflowing = json!({"_class_name": uni_pc, "use_dynamic_shifting": true});
    refuses(unflowing, "use_dynamic_shifting", "is false where use_flow_sigmas is false");
    let linear = json!({"_class_name": dpm, "use_dynamic_shifting": true, "time_shift_type": "linear",
        "use_flow_sigmas": true, "prediction_type": "flow_prediction"});
    refuses(linear, "time_shift_type", "is exponential for DPMSolver");
    let crossed = json!({"_class_name": flow, "use_dynamic_shifting": true, "max_image_seq_len": 256});
    refuses(crossed, "max_image_seq_len", "is above base_image_seq_len = 256, got 256");
    let inverted = json!({"_class_name": flow, "invert_sigmas": true, "stochastic_sampling": true});
    refuses(inverted, "stochastic_sampling", "is false where invert_sigmas is true");
    refuses(json!({"_class_name": dpm, "variance_type": "learned"}), "variance_type", "learned");
    refuses(json!({"_class_name": dpm, "algorithm_type": "dpmsolver"}), "algorithm_type", "dpmsolver++");
    refuses(json!({"_class_name": dpm, "solver_order": 4}), "solver_order", "from 1 to 3, got 4");
    refuses(json!({"_class_name": dpm, "solver_type": "rk4"}), "solver_type", "midpoint or heun");
    let sde = json!({"_class_name": dpm, "algorithm_type": "sde-dpmsolver++", "solver_order": 3});
    refuses(sde, "solver_order", "got 3");
    let both = json!({"_class_name": dpm, "use_karras_sigmas": true, "use_flow_sigmas": true});
    refuses(both, "use_flow_sigmas", "is false where use_karras_sigmas is true");
    refuses(json!({"_class_name": dpm, "use_flow_sigmas": true}), "prediction_type", "flow_prediction");
    refuses(json!({"_class_name": dpm, "prediction_type": "flow_prediction"}), "use_flow_sigmas", "is true where");
    refuses(json!({"_class_name": uni_pc, "solver_p": {}}), "solver_p", "is false or absent");
    refuses(json!({"_class_name": uni_pc, "lower_order_final": false}), "lower_order_final", "is true where");
    refuses(json!({"_class_name": uni_pc, "disable_corrector": [0.5]}), "disable_corrector", "whole numbers");
    refuses(json!({"_class_name": uni_pc, "flow_shift": -3.0}), "flow_shift", "got -3");
    refuses(json!({"_class_name": flow, "shift": 0}), "shift", "got 0");
    refuses(json!({"_class_name": euler, "num_train_timesteps": 0}), "num_train_timesteps", "from 1 to 100000, got 0");
    refuses(json!({"_class_name": euler, "num_train_timesteps": "many"}), "num_train_timesteps", "got \"many\"");
    refuses(json!({"_class_name": euler, "num_train_timesteps": 3, "trained_betas": [0.1]}), "trained_betas", "= 3");
    refuses(json!({"_class_name": euler, "beta_schedule": "sigmoid"}), "beta_schedule", "got \"sigmoid\"");
    refuses(json!({"_class_name": euler, "beta_end": 2}), "beta_end", "got 2");
    refuses(json!({"_class_name": euler, "beta_start": 1, "beta_end": 1}), "beta_end", "leaves some of the picture");
    refuses(json!({"_class_name": euler, "prediction_type": "flow_prediction"}), "prediction_type", "flow_prediction");
    refuses(json!({"_class_name": "PNDMScheduler", "prediction_type": "sample"}), "prediction_type", "got \"sample\"");
    refuses(json!({"_class_name": euler, "timestep_spacing": "random"}), "timestep_spacing", "leading or trailing");
    refuses(json!({"_class_name": euler, "steps_offset": 1000}), "steps_offset", "from 0 to 999");
    refuses(json!({"_class_name": euler, "use_karras_sigmas": "yes"}), "use_karras_sigmas", "is true or false");
    refuses(
        json!({"_class_name": euler, "sigma_min": 3.0, "sigma_max": 2}),
        "sigma_min",
        "is below the largest sigma, 2",
    );
    refuses(json!({"_class_name": uni_pc, "sigma_max": 1e-9}), "sigma_max", "is above the smallest sigma");
    refuses(json!({"_class_name": euler, "final_sigmas_type": "one"}), "final_sigmas_type", "zero or sigma_min");
    refuses(json!({"_class_name": ddim, "rescale_betas_zero_snr": true}), "rescale_betas_zero_snr", "epsilon");
    refuses(json!({"_class_name": "LCMScheduler", "original_inference_steps": 0}), "original_inference_steps", "got 0");
}

#[test]
fn what_is_no_json_object_is_a_format_error() {
    for text in ["", "{", "[]", "7", r#"{"_class_name": Infinity}"#] {
        let error = SchedulerConfig::parse(text).map(drop).expect_err(text);
        assert_eq!(error.kind, FailureKind::Format, "{text}: {error}");
    }
}

#[test]
fn options_that_are_off_and_keys_of_other_classes_do_no_harm() {
    let text = r#"{"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.30.0",
        "thresholding": false, "variance_type": null, "lambda_min_clipped": -Infinity, "use_beta_sigmas": false,
        "solver_type": "bh2", "trained_betas": null, "interpolation_type": "cubic", "anything": [1, 2]}"#;
    assert_eq!(Scheduler::new(&SchedulerConfig::parse(text).unwrap(), None, extent(4)).unwrap().calls(), 4);
}

fn input_error(config: &SchedulerConfig, wanted: Option<SchedulerName>, steps: usize, field: &str) -> String {
    let error = Scheduler::new(config, wanted, extent(steps)).map(drop).expect_err(field);
    assert_eq!(error.kind, FailureKind::Input);
    assert!(error.text.starts_with(&format!("input.{field} ")), "{error}");
    error.to_string()
}

#[test]
fn numbers_of_steps_that_a_solver_cannot_walk_are_input_errors() {
    let short = config(json!({"_class_name": "DDIMScheduler", "num_train_timesteps": 50}));
    for steps in [0, 51] {
        assert!(input_error(&short, None, steps, "steps").contains("is 1 to 50 for this model"));
    }
    let lcm = config(json!({"_class_name": "LCMScheduler", "original_inference_steps": 8}));
    assert!(input_error(&lcm, None, 9, "steps").contains("is 1 to 8"));
    let pndm = config(json!({"_class_name": "PNDMScheduler"}));
    assert!(input_error(&pndm, None, 3, "steps").contains("at least 4"));
    for class in ["FlowMatchEulerDiscreteScheduler", "UniPCMultistepScheduler"] {
        let stretched = json!({"_class_name": class, "use_flow_sigmas": true, "prediction_type": "flow_prediction",
            "shift_terminal": 0.25});
        assert!(input_error(&config(stretched.clone()), None, 1, "steps").contains("at least 2"), "{class}");
        assert_eq!(Scheduler::new(&config(stretched), None, extent(2)).unwrap().calls(), 2);
    }
    let crowded = json!({"_class_name": "UniPCMultistepScheduler", "num_train_timesteps": 20});
    assert!(input_error(&config(crowded), None, 20, "steps").contains("twice"));
}

#[test]
fn strengths_that_leave_no_step_are_input_errors() {
    let ddim = config(json!({"_class_name": "DDIMScheduler"}));
    let scheduler = Scheduler::new(&ddim, None, extent(10)).unwrap();
    for strength in [0.0, 0.09, -1.0, f64::NAN] {
        let error = scheduler.first_index(strength).unwrap_err();
        assert_eq!(error.kind, FailureKind::Input);
        assert!(error.text.starts_with("input.strength "), "{strength}: {error}");
    }
    for (strength, first) in [(0.1, 9), (0.29, 8), (0.7, 3), (1.0, 0), (7.0, 0)] {
        assert_eq!(scheduler.first_index(strength).unwrap(), first);
    }
    for steps in 1..=100 {
        let scheduler = Scheduler::new(&ddim, None, extent(steps)).unwrap();
        for walked in 1..=steps {
            assert_eq!(scheduler.first_index(walked as f64 / steps as f64).unwrap(), steps - walked);
        }
    }
}

#[test]
fn a_solver_of_another_kind_of_model_is_refused_with_those_that_serve() {
    let noise = config(json!({"_class_name": "EulerDiscreteScheduler"}));
    let flows = [
        json!({"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0, "use_karras_sigmas": true}),
        json!({"_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true, "flow_shift": 3.0,
            "prediction_type": "flow_prediction"}),
    ];
    let text = input_error(&noise, Some(SchedulerName::FlowMatchEuler), 4, "scheduler");
    assert!(text.contains("predicts no flow") && text.ends_with("got flow_match_euler"), "{text}");
    let picture = config(json!({"_class_name": "DDIMScheduler", "prediction_type": "sample"}));
    let text = input_error(&picture, Some(SchedulerName::Pndm), 4, "scheduler");
    assert!(text.contains("is any but pndm"), "{text}");
    for flow in flows.map(config) {
        for name in SchedulerName::ALL {
            use SchedulerName::{Ddim, Dpmpp2m, Euler, FlowMatchEuler, UniPc};
            if [Euler, Ddim, FlowMatchEuler, Dpmpp2m, UniPc].contains(&name) {
                assert_eq!(Scheduler::new(&flow, Some(name), extent(4)).unwrap().calls(), 4);
            } else if name == SchedulerName::Fast {
                assert!(input_error(&flow, Some(name), 4, "scheduler").contains("has no setting for few steps"));
            } else {
                let text = input_error(&flow, Some(name), 4, "scheduler");
                assert!(text.contains("euler, ddim, flow_match_euler, dpmpp_2m or uni_pc"), "{text}");
            }
        }
    }
}

#[test]
fn a_name_on_a_file_of_another_class_takes_its_keys_and_does_not_clip() {
    let file = json!({"_class_name": "PNDMScheduler", "beta_schedule": "scaled_linear", "skip_prk_steps": false,
        "timestep_spacing": "trailing", "prediction_type": "v_prediction", "algorithm_type": "dpmsolver"});
    let file = config(file);
    let timesteps = |wanted, steps| {
        let scheduler = Scheduler::new(&file, wanted, extent(steps)).unwrap();
        (0..scheduler.calls()).map(|index| scheduler.timestep(index)).collect::<Vec<f32>>()
    };
    assert_eq!(timesteps(Some(SchedulerName::Ddim), 2), [999.0, 499.0]);
    assert_eq!(timesteps(Some(SchedulerName::Dpmpp2m), 2), [999.0, 499.0]);
    assert_eq!(timesteps(Some(SchedulerName::Pndm), 4).len(), 13, "its own class obeys its own keys");
    let euler = config(json!({"_class_name": "EulerDiscreteScheduler"}));
    assert_eq!(Scheduler::new(&euler, Some(SchedulerName::Pndm), extent(4)).unwrap().calls(), 5);
    let scheduler = Scheduler::new(&euler, Some(SchedulerName::Ddim), extent(1)).unwrap();
    let (mut sample, mut answer) = ([50.0], [0.0]);
    scheduler.walk(0).step(&mut sample, &mut answer, Vec::new);
    assert!(answer[0] > 2.0, "{} was clipped", answer[0]);
}
