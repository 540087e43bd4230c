"""What diffusers draws with the tiny pipelines, from the worker's own noise."""

from __future__ import annotations

import base64
import itertools
import json
import sys
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import diffusers
import numpy as np
import torch
from PIL import Image

from .layouts import BETAS, EPSILON_DDIM, LEADING_EULER, V_DDIM, Layout
from .noise import gaussian

PROMPT = "a red star over the lake, at night!"
CELL_PX = 8
INIT_IMAGE = "init.png"


@dataclass
class Case:
    pipeline: str
    steps: int
    guidance: float
    prompt: str = PROMPT
    negative_prompt: str = ""
    width: int = 64
    height: int = 64
    seed: int = 7
    strength: float | None = None
    scheduler: dict[str, Any] | None = None
    """Instead of the folder's."""


def ddim(**config) -> dict[str, Any]:
    return dict(_class_name="DDIMScheduler", **config)


def euler(**config) -> dict[str, Any]:
    return dict(_class_name="EulerDiscreteScheduler", **config)


def other(class_name: str, **config) -> dict[str, Any]:
    return dict(_class_name=class_name, **BETAS, **config)


PNDM = other("PNDMScheduler", skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1)
KARRAS = other("DPMSolverMultistepScheduler", use_karras_sigmas=True)
UNI_PC_FLOW = dict(_class_name="UniPCMultistepScheduler", prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
FLOW = dict(_class_name="FlowMatchEulerDiscreteScheduler", shift=3.0)
ANCESTRAL = other("EulerAncestralDiscreteScheduler", timestep_spacing="trailing")

CASES = [
    Case("sd15", 4, 7.5),
    Case("sd15", 3, 7.5, width=96, height=64, negative_prompt="green tree"),
    Case("sd15", 4, 1.0, prompt="small house", seed=2**40 + 3),
    Case("sd15", 5, 5.0, scheduler=euler(**LEADING_EULER)),
    Case("sd15", 6, 5.0, strength=0.5),
    Case("sd15", 6, 5.0, strength=0.8, scheduler=euler(**LEADING_EULER)),
    Case("sd15", 5, 5.0, scheduler=PNDM),
    Case("sd15", 8, 5.0, width=96, scheduler=KARRAS),
    Case("sd15", 8, 5.0, strength=0.6, scheduler=KARRAS),
    Case("sd15", 7, 5.0, scheduler=other("UniPCMultistepScheduler")),
    Case("sd15", 5, 5.0, scheduler=ANCESTRAL),
    Case("sd2", 4, 7.5),
    Case("sd2", 4, 4.0, height=96, negative_prompt="green tree", scheduler=euler(**BETAS, prediction_type="v_prediction", timestep_spacing="trailing")),
    Case("sd2", 5, 4.0, strength=0.6),
    Case("sd2", 6, 4.0, scheduler=other("DPMSolverMultistepScheduler", prediction_type="v_prediction")),
    Case("sdxl", 4, 5.0),
    Case("sdxl", 4, 5.0, negative_prompt="green tree", height=96),
    Case("sdxl", 3, 1.0),
    Case("sdxl", 6, 5.0, strength=0.5),
    Case("lcm", 4, 8.0),
    Case("lcm", 3, 1.5, negative_prompt="green tree"),
    Case("lcm", 4, 8.0, scheduler=other("LCMScheduler", original_inference_steps=50)),
    Case("sdxl", 5, 6.0, width=128, scheduler=ANCESTRAL),
    Case("sd15", 8, 2.0, scheduler=UNI_PC_FLOW),
    Case("sd15", 12, 5.0, width=96, scheduler=UNI_PC_FLOW),
    Case("sd15", 4, 1.0, scheduler=FLOW),
    Case("sd15", 9, 5.0, height=96, scheduler=FLOW),
    Case("sd15", 6, 5.0, height=96, scheduler=other("UniPCMultistepScheduler", solver_order=3)),
    Case("sd15", 11, 5.0, width=96, scheduler=PNDM),
    Case("lcm", 8, 8.0, width=96, scheduler=other("LCMScheduler", original_inference_steps=50)),
]


def init_image(width: int, height: int) -> Image.Image:
    """Smooth colours, the same everywhere."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [np.sin(x / 9.0) * 100 + 128, np.cos(y / 7.0) * 90 + 120, (x + 2 * y) % 256]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def draw(layout: Layout, case: Case, picture: Image.Image) -> tuple[torch.Tensor, np.ndarray]:
    """Final latents and the picture as 8-bit RGB."""
    pipeline = layout.pipeline
    config = dict(case.scheduler or layout.scheduler)
    pipeline.scheduler = _as_the_pipeline_calls_it(getattr(diffusers, config.pop("_class_name"))(**config))
    noise = gaussian(case.seed, 0, (1, 4, case.height // CELL_PX, case.width // CELL_PX))
    given = dict(
        prompt=case.prompt, negative_prompt=case.negative_prompt or None, guidance_scale=case.guidance,
        num_inference_steps=case.steps, output_type="latent",
    )
    if case.strength is None:
        with fresh_noise(pipeline.scheduler, case.seed):
            latents = pipeline(**given, width=case.width, height=case.height, latents=noise).images
    else:
        latents = from_picture(pipeline, given, case, picture, noise)
    with torch.no_grad():
        decoded = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    rgb = ((decoded[0] / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return latents, rgb


def _as_the_pipeline_calls_it(scheduler):
    """A flow's class has neither of what these pipelines ask for: it begins with unit noise and changes no input."""
    if not hasattr(scheduler, "init_noise_sigma"):
        scheduler.init_noise_sigma = 1.0
        scheduler.scale_model_input = lambda sample, *_: sample
    return scheduler


def fresh_noise(scheduler, seed: int):
    """The noise that a solver adds after its n-th call is tensor n of the seed; tensor 0 is what the walk starts from."""
    module = type(scheduler).__module__
    if not hasattr(sys.modules[module], "randn_tensor"):
        return nullcontext()
    calls = itertools.count(1)
    return mock.patch(f"{module}.randn_tensor", lambda shape, **_: gaussian(seed, next(calls), tuple(shape)))


def from_picture(pipeline, given: dict, case: Case, picture: Image.Image, noise: torch.Tensor) -> torch.Tensor:
    """Image to image from the mean of the encoder's distribution, which needs no second noise."""
    is_large = "XL" in type(pipeline).__name__
    kind = diffusers.StableDiffusionXLImg2ImgPipeline if is_large else diffusers.StableDiffusionImg2ImgPipeline
    components = {name: part for name, part in pipeline.components.items() if name != "image_encoder"}
    more = dict(add_watermarker=False) if is_large else dict(requires_safety_checker=False)
    walker = kind(**components, **more)
    pixels = torch.from_numpy(np.asarray(picture)).float().permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        latents = walker.vae.encode(pixels).latent_dist.mode() * walker.vae.config.scaling_factor
    with mock.patch(f"{kind.__module__}.randn_tensor", lambda *_, **__: noise):
        return walker(**given, image=latents, strength=case.strength).images


def recorded(layout: Layout, case: Case, picture: Image.Image, place: int, root: Path) -> dict[str, Any]:
    latents, rgb = draw(layout, case, picture)
    assert torch.isfinite(latents).all(), case
    file = f"{place:02}-{case.pipeline}.png"
    Image.fromarray(rgb).save(root / "pictures" / file, optimize=True)
    values = base64.b64encode(latents.numpy().astype("<f4").tobytes()).decode()
    return {key: value for key, value in asdict(case).items() if value is not None} | dict(latents=values, picture=file)


def check_sensitivity(layout: Layout, picture: Image.Image) -> None:
    """Random weights may ignore their inputs; such a pipeline would prove nothing."""
    guidance = 5.0
    base, _ = draw(layout, Case(layout.name, 3, guidance), picture)
    for other in (
        Case(layout.name, 3, guidance, prompt="small house"),
        Case(layout.name, 3, guidance + 2.0),
        *([] if layout.name == "lcm" else [Case(layout.name, 3, guidance, negative_prompt="green tree")]),
    ):
        latents, _ = draw(layout, other, picture)
        change = ((latents - base).norm() / base.norm()).item()
        print(f"{layout.name}: {other.prompt!r}, {other.negative_prompt!r}, {other.guidance}: {change:.4f}")
        assert change > 1e-3, "the networks hardly see this input"


def write(layouts: dict[str, Layout], root: Path) -> None:
    (root / "pictures").mkdir(parents=True, exist_ok=True)
    picture = init_image(64, 64)
    picture.save(root / INIT_IMAGE, optimize=True)
    for layout in layouts.values():
        check_sensitivity(layout, picture)
    cases = [recorded(layouts[case.pipeline], case, picture, place, root) for place, case in enumerate(CASES)]
    (root / "cases.json").write_text(json.dumps(dict(diffusers=diffusers.__version__, cases=cases), indent=1) + "\n")
