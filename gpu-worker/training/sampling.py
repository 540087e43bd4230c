"""Euler's method along the flow, with guidance: what a pipeline does with the exported graphs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from .ladder import FAST_TIMESTEPS, GUIDANCE, STEPS, TIMESTEPS, fast_ladder, noise_ladder
from .png import png
from .tokenizer import Tokenizer

SHEET_PROMPTS = (
    "a city skyline at night", "a sunset over the sea with a sailing boat", "mountains at sunset", "two green squares on a black background",
    "a city skyline at sunset with water", "skyscrapers on a sunny day", "a city at dusk in the rain", "a city with a bridge by day",
    "the ocean at night with a full moon", "sunrise over a calm sea with three boats", "a lighthouse by the sea at dusk", "the sea in a storm",
    "snowy mountains with a lake", "mountains at night under the stars", "mountains by day, watercolour", "a mountain range in the fog with pine trees",
    "an autumn forest", "a winter forest in the snow", "a green forest at sunrise", "pixel art of a pine forest by day",
    "a desert with two cacti", "desert dunes at sunset with pyramids", "a neon desert at night", "green hills with red flowers and a house",
    "a red planet with rings", "a blue planet and two moons", "a hot air balloon at sunrise", "three red hot air balloons",
    "three red circles on white", "one yellow star on blue", "a red circle left of a blue square", "a dragon over a quiet sea in the morning",
)


@torch.no_grad()
def sample_latents(unet: nn.Module, words: Tensor, empty: Tensor, noise: Tensor) -> Tensor:
    """Latents for encoded captions `words` [B, T, c] by guided steps; `empty` [1, T, c] is the encoded empty text."""
    both = torch.cat((empty.expand_as(words), words))
    sigmas = noise_ladder(STEPS)
    latents = noise
    for now, after in zip(sigmas, sigmas[1:]):
        timestep = torch.full((2 * len(latents),), TIMESTEPS * now, device=noise.device)
        plain, told = unet(torch.cat((latents, latents)), timestep, both).float().chunk(2)
        latents = latents + (after - now) * (plain + GUIDANCE * (told - plain))
    return latents


@torch.no_grad()
def sample_fast(unet: nn.Module, words: Tensor, noise: Tensor) -> Tensor:
    """Latents for encoded captions by the distilled flow."""
    sigmas, latents = fast_ladder(), noise
    for now, after in zip(sigmas, sigmas[1:]):
        timestep = torch.full((len(latents),), FAST_TIMESTEPS * now, device=noise.device)
        latents = latents + (after - now) * unet(latents, timestep, words).float()
    return latents


@torch.no_grad()
def sample(text: nn.Module, unet: nn.Module, decoder: nn.Module, tokenizer: Tokenizer, prompts: list[str], size: int, seed: int, fast: bool = False) -> Tensor:
    """Pictures [B, 3, size, size] in -1..1: of eight guided steps, or of the distilled ones."""
    device = next(unet.parameters()).device
    ids = torch.tensor([tokenizer.encode(prompt) for prompt in ["", *prompts]], device=device)
    words = text(ids)
    noise = torch.randn(len(prompts), 4, size // 8, size // 8, generator=torch.Generator().manual_seed(seed)).to(device)
    latents = sample_fast(unet, words[1:], noise) if fast else sample_latents(unet, words[1:], words[:1], noise)
    return torch.cat([decoder(part) for part in latents.split(8)]).clamp(-1.0, 1.0)


def write_sheet(pictures: Tensor, columns: int, cell: int, path: Path) -> None:
    """Writes pictures [B, 3, S, S] in rows of `columns`, each `cell` pixels wide."""
    small = torch.nn.functional.interpolate(pictures.float().cpu(), size=(cell, cell), mode="area")
    rows = [torch.cat(list(small[start : start + columns]), 2) for start in range(0, len(small) - columns + 1, columns)]
    sheet = ((torch.cat(rows, 1) + 1.0) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    path.write_bytes(png(sheet))
