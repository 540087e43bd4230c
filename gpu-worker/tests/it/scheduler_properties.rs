//! What holds for every solver, whatever its file says.

use inference::philox;
use inference::runtime::image::scheduler::{Scheduler, SchedulerConfig};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::job::image::SchedulerName;

use crate::schedulers::extent;

const CLASSES: [&str; 8] = [
    "DDIMScheduler",
    "PNDMScheduler",
    "EulerDiscreteScheduler",
    "EulerAncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "LCMScheduler",
    "UniPCMultistepScheduler",
    "FlowMatchEulerDiscreteScheduler",
];

const FLOW: [&str; 3] = ["DPMSolverMultistepScheduler", "UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler"];

/// Every class with the predictions it takes, at every spacing.
fn files(train_timesteps: usize) -> Vec<Value> {
    let mut files = Vec::new();
    for class in CLASSES {
        for prediction in ["epsilon", "v_prediction", "sample", "flow_prediction"] {
            let is_flow = prediction == "flow_prediction";
            let fits = if is_flow { FLOW.contains(&class) } else { !class.starts_with("FlowMatch") };
            if !fits || (class == "PNDMScheduler" && prediction == "sample") {
                continue;
            }
            for spacing in ["leading", "trailing", "linspace"] {
                files.push(json!({
                    "_class_name": class, "prediction_type": prediction, "timestep_spacing": spacing,
                    "num_train_timesteps": train_timesteps, "use_flow_sigmas": is_flow, "clip_sample": false,
                    "set_alpha_to_one": true, "skip_prk_steps": true, "beta_schedule": "scaled_linear",
                    "beta_start": 0.00085, "beta_end": 0.012, "original_inference_steps": train_timesteps.min(50),
                }));
            }
        }
    }
    files
}

/// What a network would predict whose every picture is `clean`.
fn exact(prediction: &str, scheduler: &Scheduler, index: usize, sample: f32, clean: f32) -> f32 {
    let level = |clean: f32, noise: f32| {
        let mut sample = [clean];
        scheduler.add_noise(index, &mut sample, &[noise]);
        f64::from(sample[0])
    };
    let (alpha, sigma, clean) = (level(1.0, 0.0), level(0.0, 1.0), f64::from(clean));
    let noise = (f64::from(sample) - alpha * clean) / sigma;
    (match prediction {
        "epsilon" => noise,
        "v_prediction" => (alpha * noise - sigma * clean) / alpha.hypot(sigma),
        "sample" => clean,
        _ => noise - clean,
    }) as f32
}

/// Single precision leaves this much where nearly all of a sample is noise.
fn are_near(ours: &[f32], clean: &[f32]) -> bool {
    ours.iter().zip(clean).all(|(x, clean)| (x - clean).abs() < 2e-3)
}

/// Walks from `first` on with a network that knows one picture, and gives where it lands. Every estimate is that picture.
fn landing(file: &Value, scheduler: &Scheduler, first: usize, clean: &[f32]) -> Vec<f32> {
    let prediction = file["prediction_type"].as_str().unwrap();
    let mut sample = clean.to_vec();
    scheduler.add_noise(first, &mut sample, &philox::gaussian(7, 0, clean.len() as u32));
    let mut walk = scheduler.walk(first);
    while walk.index() < scheduler.calls() {
        let index = walk.index();
        let answers = sample.iter().zip(clean);
        let mut answers: Vec<f32> = answers.map(|(x, clean)| exact(prediction, scheduler, index, *x, *clean)).collect();
        walk.step(&mut sample, &mut answers, || philox::gaussian(7, index as u32 + 1, clean.len() as u32));
        assert!(are_near(&answers, clean), "{file}: call {index} of {} estimates {answers:?}", scheduler.calls());
    }
    sample
}

#[test]
fn every_solver_lands_on_the_only_picture_there_is() {
    let clean = [0.9, -0.4, 0.0, 1.7];
    for file in files(1000) {
        // Linear multistep mixes the answers of several steps: exact only where the noise is constant, and where its
        // strides lead from one visited step to the next.
        let is_multistep = file["_class_name"] == "PNDMScheduler";
        if is_multistep && (file["prediction_type"] != "epsilon" || file["timestep_spacing"] != "leading") {
            continue;
        }
        let config = SchedulerConfig::parse(&file.to_string()).unwrap();
        for steps in [1, 2, 4, 5, 8, 20, 50] {
            let scheduler = Scheduler::new(&config, None, extent(steps)).unwrap();
            for strength in [1.0, 0.6] {
                let Ok(first) = scheduler.first_index(strength) else { continue };
                if is_multistep && first > 0 {
                    // As in diffusers, the repeated step is lost midway, and with it a stride.
                    continue;
                }
                let landed = landing(&file, &scheduler, first, &clean);
                assert!(are_near(&landed, &clean), "{file} in {steps} steps at {strength}: {landed:?}");
            }
        }
    }
}

#[test]
fn as_many_steps_as_training_had_are_walked_or_refused() {
    for file in files(24) {
        let config = SchedulerConfig::parse(&file.to_string()).unwrap();
        let multistep = FLOW[..2].iter().any(|class| file["_class_name"] == *class);
        let crowded = multistep && file["use_flow_sigmas"] == false && file["timestep_spacing"] != "trailing";
        match Scheduler::new(&config, None, extent(24)) {
            Ok(scheduler) => {
                assert!(!crowded, "{file}");
                let landed = walked(&scheduler, &[5], 3);
                assert!(landed.iter().all(|x| x.is_finite()), "{file}: {landed:?}");
            }
            Err(error) => assert!(crowded, "{file}: {error}"),
        }
    }
}

/// A network whose answer depends on everything that it is told.
fn answer(scheduler: &Scheduler, index: usize, sample: &[f32]) -> Vec<f32> {
    let told = scheduler.timestep(index) / 1000.0;
    sample.iter().map(|x| (x * scheduler.input_scale(index) + told).sin()).collect()
}

fn walked(scheduler: &Scheduler, seeds: &[u64], count: u32) -> Vec<f32> {
    let noise = |index: u32| seeds.iter().flat_map(|seed| philox::gaussian(*seed, index, count)).collect::<Vec<f32>>();
    let mut sample = noise(0);
    sample.iter_mut().for_each(|x| *x *= scheduler.init_noise_sigma());
    let mut walk = scheduler.walk(0);
    while walk.index() < scheduler.calls() {
        let index = walk.index();
        let mut answers = answer(scheduler, index, &sample);
        walk.step(&mut sample, &mut answers, || noise(index as u32 + 1));
    }
    sample
}

#[test]
fn a_batch_is_bit_for_bit_its_pictures_alone() {
    for file in files(1000) {
        let config = SchedulerConfig::parse(&file.to_string()).unwrap();
        let made = || Scheduler::new(&config, None, extent(6)).unwrap();
        let scheduler = made().with_eta(0.7).unwrap_or_else(|_| made());
        let batch = walked(&scheduler, &[3, 1 << 40], 17);
        let alone = [walked(&scheduler, &[3], 17), walked(&scheduler, &[1 << 40], 17)].concat();
        assert_eq!(
            batch.iter().map(|x| x.to_bits()).collect::<Vec<u32>>(),
            alone.iter().map(|x| x.to_bits()).collect::<Vec<u32>>(),
            "{file}"
        );
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u64..60).prop_map(Value::from),
        (-2.0_f64..2.0).prop_map(Value::from),
        prop::sample::select(vec![
            "epsilon",
            "v_prediction",
            "sample",
            "flow_prediction",
            "leading",
            "trailing",
            "linspace",
            "linear",
            "scaled_linear",
            "squaredcos_cap_v2",
            "zero",
            "sigma_min",
            "heun",
            "bh1",
            "sde-dpmsolver++",
            "",
        ])
        .prop_map(Value::from),
        prop::collection::vec(0.001_f64..0.9, 0..4).prop_map(Value::from),
    ]
}

const KEYS: [&str; 46] = [
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "timestep_spacing",
    "steps_offset",
    "set_alpha_to_one",
    "clip_sample",
    "clip_sample_range",
    "thresholding",
    "rescale_betas_zero_snr",
    "skip_prk_steps",
    "final_sigmas_type",
    "interpolation_type",
    "timestep_type",
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_lu_lambdas",
    "use_flow_sigmas",
    "flow_shift",
    "shift",
    "shift_terminal",
    "sigma_min",
    "sigma_max",
    "solver_order",
    "solver_type",
    "algorithm_type",
    "lower_order_final",
    "euler_at_final",
    "lambda_min_clipped",
    "predict_x0",
    "disable_corrector",
    "original_inference_steps",
    "timestep_scaling",
    "stochastic_sampling",
    "invert_sigmas",
    "use_dynamic_shifting",
    "base_shift",
    "max_shift",
    "max_image_seq_len",
    "time_shift_type",
    "dynamic_thresholding_ratio",
    "sample_max_value",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever a file says, it is walked or refused with a class, and never panics.
    #[test]
    fn no_file_and_no_request_breaks_the_walk(
        class in prop::sample::select(CLASSES.to_vec()),
        keys in prop::collection::btree_map(prop::sample::select(KEYS.to_vec()), any_value(), 0..5),
        wanted in prop::option::of(prop::sample::select(SchedulerName::ALL.to_vec())),
        steps in 0_usize..70,
        strength in 0.0_f64..1.1,
    ) {
        let mut file = json!({"_class_name": class});
        for (key, value) in keys {
            file[key] = value;
        }
        let config = match SchedulerConfig::parse(&file.to_string()) {
            Ok(config) => config,
            Err(error) => {
                prop_assert_eq!(error.kind.name(), "model");
                return Ok(());
            }
        };
        let made = || Scheduler::new(&config, wanted, extent(steps));
        let scheduler = match made().and_then(|scheduler| scheduler.with_eta(0.5)).or_else(|_| made()) {
            Ok(scheduler) => scheduler,
            Err(error) => {
                prop_assert!(["model", "input"].contains(&error.kind.name()), "{}", error);
                return Ok(());
            }
        };
        let first = scheduler.first_index(strength).unwrap_or(0);
        let mut sample = philox::gaussian(1, 0, 3);
        let mut walk = scheduler.walk(first);
        while walk.index() < scheduler.calls() {
            let index = walk.index();
            prop_assert!(scheduler.timestep(index).is_finite(), "{}", file);
            let mut answers = answer(&scheduler, index, &sample);
            walk.step(&mut sample, &mut answers, || philox::gaussian(1, index as u32 + 1, 3));
        }
    }
}
