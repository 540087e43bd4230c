"""One folder per layout, and the diffusers pipeline that it was exported from.

`sd15` has the tensors of the diffusers conversion script, `sd2` those of older optimum, `sdxl` those of today's; `lcm` is
`sd15` with a network that takes the guidance scale as an embedding.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, DiffusionPipeline, EulerDiscreteScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline

from . import exchange, parts, words

BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
EPSILON_DDIM = BETAS | dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1)
V_DDIM = EPSILON_DDIM | dict(prediction_type="v_prediction")
LEADING_EULER = BETAS | dict(timestep_spacing="leading", steps_offset=1)


@dataclass
class Layout:
    name: str
    pipeline: DiffusionPipeline
    scheduler: dict[str, Any]
    """What the folder's scheduler_config.json says."""


def index(folder: Path, class_name: str, names: list[str], **more) -> None:
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": class_name} | {name: ["diffusers", "Part"] for name in names} | more, indent=1)
    )


def configure(folder: Path, scheduler: dict[str, Any], vae) -> None:
    (folder / "scheduler").mkdir(parents=True, exist_ok=True)
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler, indent=1))
    keys = ("scaling_factor", "latent_channels", "block_out_channels")
    config = json.dumps({key: vae.config[key] for key in keys}, indent=1)
    for part in ("vae_encoder", "vae_decoder"):
        (folder / part / "config.json").write_text(config)


def plain(tokenizer, text, unet, vae, scheduler) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae, text, tokenizer, unet, scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


PLAIN_PARTS = ["tokenizer", "text_encoder", "unet", "vae_encoder", "vae_decoder", "scheduler"]


def sd15(root: Path) -> list[Layout]:
    folder = root / "sd15"
    tokenizer = words.write(folder / "tokenizer", words.END)
    text, unet, vae = parts.text_encoder(1, words.END, 2, "quick_gelu"), parts.unet(2, parts.WIDTH), parts.autoencoder(3, 0.18215)
    exchange.text_encoder(folder / "text_encoder/model.onnx", text, torch.ones(1, 77, dtype=torch.int32), False, False)
    exchange.unet(folder / "unet/model.onnx", unet, torch.tensor([900.0, 900.0]), {}, {0: "batch_size"})
    exchange.autoencoder(folder, vae, "latent_sample")
    scheduler = dict(_class_name="DDIMScheduler", **EPSILON_DDIM)
    index(folder, "OnnxStableDiffusionPipeline", PLAIN_PARTS, safety_checker=[None, None])
    configure(folder, scheduler, vae)
    guided = parts.unet(4, parts.WIDTH, time_cond_proj_dim=parts.GUIDANCE_WIDTH)
    exchange.unet(
        root / "lcm/unet/model.onnx", guided, torch.tensor([900.0, 900.0]),
        {"timestep_cond": torch.randn(2, parts.GUIDANCE_WIDTH)}, {0: "batch_size"},
    )
    ddim = DDIMScheduler(**EPSILON_DDIM)
    return [
        Layout("sd15", plain(tokenizer, text, unet, vae, ddim), scheduler),
        Layout("lcm", plain(tokenizer, text, guided, vae, ddim), scheduler),
    ]


def sd2(root: Path) -> list[Layout]:
    folder = root / "sd2"
    tokenizer = words.write(folder / "tokenizer", "!")
    text, unet, vae = parts.text_encoder(11, "!", 2, "gelu"), parts.unet(12, parts.WIDTH, use_linear_projection=True), parts.autoencoder(13, 0.18215)
    exchange.text_encoder(folder / "text_encoder/model.onnx", text, torch.ones(1, 77, dtype=torch.int64), False, False)
    exchange.unet(folder / "unet/model.onnx", unet, torch.tensor([900]), {}, {})
    exchange.autoencoder(folder, vae, "latent_parameters")
    scheduler = dict(_class_name="DDIMScheduler", **V_DDIM)
    index(folder, "StableDiffusionPipeline", [part for part in PLAIN_PARTS if "vae" not in part] + ["vae"])
    configure(folder, scheduler, vae)
    return [Layout("sd2", plain(tokenizer, text, unet, vae, DDIMScheduler(**V_DDIM)), scheduler)]


def sdxl(root: Path) -> list[Layout]:
    folder = root / "sdxl"
    first, second = words.write(folder / "tokenizer", words.END), words.write(folder / "tokenizer_2", "!")
    text, projected = parts.text_encoder(21, words.END, 2, "quick_gelu"), parts.text_encoder(22, "!", 3, "gelu", projected=True)
    unet, vae = parts.sdxl_unet(23), parts.autoencoder(24, 0.13025)
    ids = torch.ones(1, 77, dtype=torch.int64)
    exchange.text_encoder(folder / "text_encoder/model.onnx", text, ids, False, True)
    exchange.text_encoder(folder / "text_encoder_2/model.onnx", projected, ids, True, True)
    added = {"text_embeds": torch.randn(2, parts.WIDTH), "time_ids": torch.ones(2, 6) * 64}
    exchange.unet(folder / "unet/model.onnx", unet, torch.tensor(900.0), added, {})
    exchange.autoencoder(folder, vae, "latent_parameters")
    scheduler = dict(_class_name="EulerDiscreteScheduler", **LEADING_EULER)
    index(
        folder, "ORTStableDiffusionXLPipeline", [*PLAIN_PARTS, "tokenizer_2", "text_encoder_2"],
        force_zeros_for_empty_prompt=True,
    )
    configure(folder, scheduler, vae)
    pipeline = StableDiffusionXLPipeline(
        vae, text, projected, first, second, unet, EulerDiscreteScheduler(**LEADING_EULER),
        force_zeros_for_empty_prompt=True, add_watermarker=False,
    )
    return [Layout("sdxl", pipeline, scheduler)]


def make(root: Path) -> dict[str, Layout]:
    return {layout.name: layout for layout in [*sd15(root), *sd2(root), *sdxl(root)]}
