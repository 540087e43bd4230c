"""Writes schedulers.json: what the scheduler classes of Python diffusers compute.

Run with diffusers and torch installed: python schedulers.py > schedulers.json
The network is replaced by a fixed function of sample and timestep, so the whole walk is compared, not one step.
"""

import json

import diffusers
import torch

SD15 = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")

CASES = [
    ("EulerDiscreteScheduler", SD15 | dict(timestep_spacing="leading", steps_offset=1)),
    ("EulerDiscreteScheduler", SD15 | dict(timestep_spacing="linspace")),
    ("EulerDiscreteScheduler", SD15 | dict(timestep_spacing="trailing", prediction_type="v_prediction")),
    ("EulerDiscreteScheduler", SD15 | dict(timestep_spacing="trailing", prediction_type="v_prediction", rescale_betas_zero_snr=True)),
    ("EulerDiscreteScheduler", SD15 | dict(timestep_spacing="leading", prediction_type="sample", final_sigmas_type="sigma_min")),
    ("DDIMScheduler", SD15 | dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing="leading")),
    ("DDIMScheduler", SD15 | dict(clip_sample=True, clip_sample_range=1.0, set_alpha_to_one=True)),
    ("DDIMScheduler", SD15 | dict(clip_sample=False, prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True)),
    ("DDIMScheduler", dict(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2", clip_sample=False, timestep_spacing="linspace", prediction_type="sample")),
    ("DDIMScheduler", dict(num_train_timesteps=200, beta_start=0.0001, beta_end=0.02, beta_schedule="linear", clip_sample=False)),
    ("FlowMatchEulerDiscreteScheduler", dict(num_train_timesteps=1000, shift=1.0)),
    ("FlowMatchEulerDiscreteScheduler", dict(num_train_timesteps=1000, shift=3.0)),
]
STEPS = [1, 4, 8, 20]
SAMPLE = [1.5, -0.75, 0.1, -2.0, 0.0, 0.6]


def network(sample, timestep, scale):
    """Smooth, bounded and dependent on both arguments."""
    return torch.sin(sample * 1.3 + float(timestep) / 1000.0) * scale


def walk(name, config, steps):
    scheduler = getattr(diffusers, name)(**config)
    scheduler.set_timesteps(steps)
    sigma = float(getattr(scheduler, "init_noise_sigma", 1.0))
    sample = torch.tensor(SAMPLE, dtype=torch.float32).reshape(1, 1, 2, 3) * sigma
    timesteps, samples, estimates = [], [], []
    for timestep in scheduler.timesteps:
        seen = scheduler.scale_model_input(sample, timestep) if hasattr(scheduler, "scale_model_input") else sample
        result = scheduler.step(network(seen, timestep, 0.9), timestep, sample)
        sample = result.prev_sample
        timesteps.append(float(timestep))
        samples.append(sample.flatten().tolist())
        if getattr(result, "pred_original_sample", None) is not None:
            estimates.append(result.pred_original_sample.flatten().tolist())
    return dict(
        config=dict(_class_name=name, **config), steps=steps, init_noise_sigma=sigma,
        timesteps=timesteps, samples=samples, estimates=estimates,
    )


walks = [walk(name, config, steps) for name, config in CASES for steps in STEPS]
print(json.dumps(dict(diffusers=diffusers.__version__, sample=SAMPLE, scale=0.9, walks=walks)))
