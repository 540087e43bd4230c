"""Records what the scheduler classes of Python diffusers compute: writes gpu-worker/crates/inference/tests/vectors/schedulers.json.

    python e2e/reference/schedulers.py

The network is replaced by a fixed function of sample and timestep, so whole walks are compared, call by call. Solvers
that take fresh noise are given a fixed one, so that no random number generator is part of the comparison.
"""

import json
import math
import pathlib
import warnings

import diffusers
import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux import calculate_shift

TARGET = pathlib.Path(__file__).parents[2] / "gpu-worker/crates/inference/tests/vectors/schedulers.json"

SAMPLE = [1.5, -0.75, 0.1, -2.0]
SCALE = 0.9
STEPS = [1, 2, 4, 8, 20]

DDIM, PNDM, LCM = "DDIMScheduler", "PNDMScheduler", "LCMScheduler"
EULER, ANCESTRAL = "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler"
DPM, UNIPC = "DPMSolverMultistepScheduler", "UniPCMultistepScheduler"
FLOW = "FlowMatchEulerDiscreteScheduler"

SD15 = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
COSINE = dict(beta_schedule="squaredcos_cap_v2")
V = dict(prediction_type="v_prediction")
X0 = dict(prediction_type="sample")
TRAINED = dict(num_train_timesteps=40, trained_betas=[round(0.001 + 0.0004 * index, 6) for index in range(40)])
BETA = dict(use_beta_sigmas=True)
THRESHOLD = dict(thresholding=True, dynamic_thresholding_ratio=0.6, sample_max_value=2.5)
DYNAMIC = dict(use_dynamic_shifting=True)
FLOWING = dict(use_flow_sigmas=True, prediction_type="flow_prediction")
SPACINGS = [dict(timestep_spacing="leading", steps_offset=1), dict(timestep_spacing="trailing"), dict(timestep_spacing="linspace")]


def case(name, *parts, steps=None, eta=0.0, strength=None, tokens=None):
    config = {key: value for part in parts for key, value in part.items()}
    return [dict(name=name, config=config, steps=count, eta=eta, strength=strength, tokens=tokens) for count in steps or STEPS]


def everywhere(name, *parts, predictions=({}, V, X0), **options):
    """Every prediction type at every spacing, each at two numbers of steps, and the whole range for the first."""
    cases = []
    for index, (prediction, spacing) in enumerate((p, s) for p in predictions for s in SPACINGS):
        cases += case(name, SD15, *parts, prediction, spacing, steps=options.get("steps", STEPS) if index == 0 else [4, 7])
    return cases


CASES = [
    # The files of common models, and files without any key.
    *case(PNDM, SD15, dict(skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1, clip_sample=False)),
    *[walk for name in (DDIM, EULER, ANCESTRAL, DPM, UNIPC, FLOW) for walk in case(name, steps=[5])],
    *case(PNDM, steps=[5]),
    *case(LCM, steps=[1, 4, 8, 50]),
    *everywhere(DDIM, dict(clip_sample=False)),
    *everywhere(PNDM, dict(skip_prk_steps=True), predictions=({}, V)),
    *everywhere(EULER),
    *everywhere(ANCESTRAL, predictions=({}, V)),
    *everywhere(DPM),
    *everywhere(UNIPC),
    # DDIM
    *case(DDIM, SD15, dict(clip_sample=True, clip_sample_range=1.5, set_alpha_to_one=False), steps=[4, 8]),
    *case(DDIM, SD15, V, dict(clip_sample=False, timestep_spacing="trailing", rescale_betas_zero_snr=True), steps=[1, 4]),
    *case(DDIM, COSINE, X0, dict(clip_sample=False, timestep_spacing="linspace"), steps=[4]),
    *case(DDIM, TRAINED, dict(clip_sample=False), steps=[4, 40]),
    *case(DDIM, dict(num_train_timesteps=200, beta_schedule="linear", clip_sample=False), steps=[4]),
    *case(DDIM, SD15, dict(clip_sample=False), steps=[4, 8], eta=1.0),
    *case(DDIM, SD15, dict(clip_sample=True, set_alpha_to_one=False), steps=[4], eta=0.3),
    *case(DDIM, SD15, dict(thresholding=True), steps=[4]),
    *case(DDIM, SD15, THRESHOLD, steps=[4], eta=1.0),
    *case(DDIM, SD15, V, THRESHOLD, dict(timestep_spacing="trailing"), steps=[4]),
    # PNDM with its Runge-Kutta calls
    *case(PNDM, SD15, dict(skip_prk_steps=False, set_alpha_to_one=True), steps=[4, 5, 20]),
    *case(PNDM, SD15, V, dict(timestep_spacing="trailing"), steps=[8]),
    # Euler
    *case(EULER, SD15, V, dict(timestep_spacing="trailing", rescale_betas_zero_snr=True), steps=[1, 4]),
    *case(EULER, SD15, dict(final_sigmas_type="sigma_min"), steps=[4]),
    *case(EULER, SD15, dict(use_karras_sigmas=True), steps=[1, 4, 8]),
    *case(EULER, SD15, dict(use_karras_sigmas=True, sigma_min=0.05, sigma_max=10.0), steps=[4]),
    *case(EULER, SD15, dict(use_exponential_sigmas=True), steps=[4]),
    *case(EULER, SD15, BETA, steps=[1, 2, 4, 20]),
    *case(EULER, SD15, BETA, dict(sigma_min=0.05, sigma_max=10.0), steps=[8]),
    *case(EULER, SD15, dict(interpolation_type="log_linear"), steps=[4]),
    *case(EULER, SD15, V, dict(use_karras_sigmas=True, timestep_type="continuous"), steps=[4]),
    *case(ANCESTRAL, SD15, V, dict(timestep_spacing="trailing", rescale_betas_zero_snr=True), steps=[4]),
    # DPM-Solver++
    *case(DPM, SD15, dict(use_karras_sigmas=True), steps=[1, 2, 4, 20]),
    *case(DPM, SD15, dict(solver_order=1), steps=[4]),
    *case(DPM, SD15, dict(solver_order=3), steps=[2, 4, 20]),
    *case(DPM, SD15, dict(solver_type="heun", lower_order_final=False), steps=[4, 20]),
    *case(DPM, SD15, dict(euler_at_final=True, final_sigmas_type="sigma_min"), steps=[4, 20]),
    *case(DPM, SD15, dict(final_sigmas_type="sigma_min", lower_order_final=False), steps=[4, 20]),
    *case(DPM, SD15, dict(use_exponential_sigmas=True), steps=[4]),
    *case(DPM, SD15, BETA, steps=[2, 4, 20]),
    *case(DPM, COSINE, BETA, steps=[4]),
    *case(DPM, SD15, THRESHOLD, steps=[4, 8]),
    *case(DPM, SD15, dict(thresholding=True, solver_order=3), steps=[8]),
    *case(DPM, SD15, dict(variance_type="fixed_small"), steps=[4]),
    *case(DPM, SD15, dict(use_lu_lambdas=True), steps=[4, 8]),
    *case(DPM, SD15, V, dict(timestep_spacing="trailing", rescale_betas_zero_snr=True), steps=[4]),
    *case(DPM, COSINE, dict(lambda_min_clipped=-5.1), steps=[4, 20]),
    *case(DPM, COSINE, dict(lambda_min_clipped=-5.1, timestep_spacing="trailing"), steps=[20]),
    *case(DPM, COSINE, dict(use_karras_sigmas=True), steps=[4]),
    *case(DPM, FLOWING, steps=[1, 2, 4, 20]),
    *case(DPM, FLOWING, dict(flow_shift=3.0, solver_type="heun"), steps=[4, 8]),
    *case(DPM, SD15, dict(algorithm_type="sde-dpmsolver++"), steps=[1, 4, 20]),
    *case(DPM, SD15, dict(algorithm_type="sde-dpmsolver++", solver_type="heun", use_karras_sigmas=True), steps=[8]),
    # UniPC
    *case(UNIPC, SD15, dict(solver_order=1), steps=[4]),
    *case(UNIPC, SD15, dict(solver_order=3), steps=[4, 20]),
    *case(UNIPC, SD15, dict(solver_order=3, lower_order_final=False, final_sigmas_type="sigma_min"), steps=[8]),
    *case(UNIPC, SD15, dict(solver_type="bh1", final_sigmas_type="sigma_min"), steps=[4, 8]),
    *case(UNIPC, SD15, dict(predict_x0=False, final_sigmas_type="sigma_min"), steps=[4, 8]),
    *case(UNIPC, SD15, V, dict(predict_x0=False, final_sigmas_type="sigma_min"), steps=[4]),
    *case(UNIPC, SD15, X0, dict(predict_x0=False, final_sigmas_type="sigma_min"), steps=[4]),
    *case(UNIPC, SD15, dict(disable_corrector=[0, 2]), steps=[8]),
    *case(UNIPC, SD15, dict(use_karras_sigmas=True, sigma_min=0.05, sigma_max=12.0), steps=[4, 8]),
    *case(UNIPC, SD15, dict(use_karras_sigmas=True, final_sigmas_type="sigma_min"), steps=[4]),
    *case(UNIPC, SD15, dict(use_exponential_sigmas=True), steps=[4]),
    *case(UNIPC, SD15, BETA, steps=[2, 4, 20]),
    *case(UNIPC, SD15, BETA, dict(sigma_min=0.05, sigma_max=12.0, final_sigmas_type="sigma_min"), steps=[8]),
    *case(UNIPC, SD15, THRESHOLD, steps=[4, 8]),
    *case(UNIPC, SD15, THRESHOLD, dict(predict_x0=False, final_sigmas_type="sigma_min"), steps=[4]),
    *case(UNIPC, SD15, V, dict(timestep_spacing="trailing", rescale_betas_zero_snr=True), steps=[4]),
    *case(UNIPC, FLOWING, steps=[1, 2, 4, 20]),
    *case(UNIPC, FLOWING, dict(flow_shift=3.0, shift_terminal=0.05), steps=[4, 8]),
    # LCM
    *case(LCM, SD15, V, dict(original_inference_steps=40, timestep_scaling=5.0, clip_sample=True), steps=[3]),
    *case(LCM, SD15, X0, dict(num_train_timesteps=500), steps=[4]),
    *case(LCM, SD15, THRESHOLD, steps=[1, 4]),
    # Flow matching
    *case(FLOW, dict(shift=1.0)),
    *case(FLOW, dict(shift=3.0)),
    *case(FLOW, dict(shift=3.0, shift_terminal=0.1), steps=[4]),
    # The setting for few steps of the product's own picture model, which tells a mode by timesteps above 1000.
    *case(FLOW, dict(shift=3.0, shift_terminal=0.25, num_train_timesteps=100000), steps=[2, 3, 4, 8, 20]),
    *case(FLOW, dict(use_karras_sigmas=True), steps=[4]),
    *case(FLOW, dict(use_exponential_sigmas=True), steps=[4]),
    *case(FLOW, dict(shift=3.0, stochastic_sampling=True), steps=[1, 4]),
    *case(FLOW, dict(shift=3.0), BETA, steps=[1, 4, 20]),
    *case(FLOW, dict(shift=3.0, invert_sigmas=True), steps=[1, 4, 8]),
    *[walk for tokens in (64, 256, 1024, 4096) for walk in case(FLOW, DYNAMIC, steps=[1, 4], tokens=tokens)],
    *case(FLOW, DYNAMIC, dict(time_shift_type="linear", shift_terminal=0.02, shift=3.0), steps=[4], tokens=1024),
    *case(FLOW, DYNAMIC, dict(base_shift=0.2, max_shift=2.0, max_image_seq_len=1024), BETA, steps=[4], tokens=600),
    *case(UNIPC, FLOWING, DYNAMIC, steps=[4], tokens=1024),
    *case(UNIPC, FLOWING, DYNAMIC, dict(time_shift_type="linear"), steps=[4], tokens=1024),
    *case(DPM, FLOWING, DYNAMIC, steps=[4], tokens=1024),
    # Image to image
    *[
        walk
        for name, *parts in [
            (DDIM, SD15, dict(clip_sample=False, steps_offset=1)), (PNDM, SD15, dict(skip_prk_steps=True, steps_offset=1)),
            (EULER, SD15), (ANCESTRAL, SD15), (DPM, SD15, dict(use_karras_sigmas=True)), (DPM, FLOWING), (LCM, SD15),
            (UNIPC, SD15), (UNIPC, FLOWING), (FLOW, dict(shift=3.0)),
        ]
        for strength in (1.0, 0.8, 0.3)
        for walk in case(name, *parts, steps=[10], strength=strength)
    ],
]


def network(sample, timestep):
    """Smooth, bounded and dependent on both arguments."""
    return torch.sin(sample * 1.3 + float(timestep) / 1000.0) * SCALE


def deviates(index):
    """The noise of call `index`; index -1 is that of image to image."""
    return torch.tensor([math.cos(1.0 + 2.0 * index + 3.0 * element) for element in range(len(SAMPLE))])


class Noise:
    """Stands in for diffusers' random numbers."""

    index = 0

    def __call__(self, shape, **_):
        return deviates(self.index).reshape(shape).to(torch.float32)


NOISE = Noise()
for module in ("ddim", "euler_ancestral_discrete", "dpmsolver_multistep", "lcm", "flow_match_euler_discrete"):
    getattr(diffusers.schedulers, f"scheduling_{module}").randn_tensor = NOISE


def begin(scheduler, steps, strength):
    """As the pipelines do: the first index and the sample there."""
    sample = torch.tensor(SAMPLE, dtype=torch.float32).reshape(1, 1, 2, 2)
    first = 0 if strength is None else max(steps - min(int(steps * strength), steps), 0)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    if strength is None:
        return first, sample * float(getattr(scheduler, "init_noise_sigma", 1.0))
    noise = deviates(-1).reshape(sample.shape).to(torch.float32)
    add = scheduler.add_noise if hasattr(scheduler, "add_noise") else None
    timestep = scheduler.timesteps[first : first + 1]
    return first, add(sample, noise, timestep) if add else scheduler.scale_noise(sample, timestep, noise)


def shift_of(config, tokens):
    """As the pipelines do, with the defaults of FlowMatchEulerDiscreteScheduler for the keys that a class does not know."""
    ends = [config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)]
    return calculate_shift(tokens, *ends, config.get("base_shift", 0.5), config.get("max_shift", 1.15))


def walk(name, config, steps, eta, strength, tokens):
    scheduler = getattr(diffusers, name).from_config(config)
    scheduler.set_timesteps(steps, **({} if tokens is None else dict(mu=shift_of(scheduler.config, tokens))))
    first, sample = begin(scheduler, steps, strength)
    record = dict(
        config=dict(_class_name=name, **config), steps=steps, eta=eta, strength=strength, first=first, **({} if tokens is None else dict(tokens=tokens)),
        init_noise_sigma=float(getattr(scheduler, "init_noise_sigma", 1.0)),
        start=rounded(sample), timesteps=[], samples=[], estimates=[],
    )
    extra = dict(eta=eta) if eta else {}
    for index, timestep in enumerate(scheduler.timesteps[first:], first):
        NOISE.index = index
        seen = scheduler.scale_model_input(sample, timestep) if hasattr(scheduler, "scale_model_input") else sample
        result = scheduler.step(network(seen, timestep), timestep, sample, **extra)
        sample = result.prev_sample
        record["timesteps"].append(number(timestep))
        record["samples"].append(rounded(sample))
        estimate = getattr(result, "pred_original_sample", None)
        estimate = getattr(result, "denoised", None) if estimate is None else estimate
        if estimate is not None:
            record["estimates"].append(rounded(estimate))
    assert all(math.isfinite(value) for values in record["samples"] for value in values), record["config"]
    return record


def number(value):
    """The shortest decimal that is this single-precision number again."""
    return float(np.format_float_positional(np.float32(float(value)), unique=True, trim="0"))


def rounded(tensor):
    return [number(value) for value in tensor.flatten().tolist()]


def main():
    warnings.simplefilter("ignore")
    diffusers.utils.logging.set_verbosity_error()
    walks = [walk(**case) for case in CASES]
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in walks)
    head = json.dumps(dict(diffusers=diffusers.__version__, sample=SAMPLE, scale=SCALE))[:-1]
    TARGET.write_text(f'{head}, "walks": [\n{lines}\n]}}\n')
    print(f"{len(walks)} walks, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
