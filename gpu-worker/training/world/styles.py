"""The hand a picture is drawn in: filters over the finished picture, with lengths in picture widths."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .canvas import Canvas

PIXELS = 32
"""Squares along a side of pixel art."""

_LEVELS = 7
"""Steps of brightness in a flat poster."""


def apply(canvas: Canvas) -> None:
    """Redraws every picture of the batch in its scene's style."""
    image = canvas.image.clamp(0.0, 1.0)
    for name, filtered in _FILTERS.items():
        chosen = canvas.facts(lambda scene, name=name: scene.style == name).bool()
        if bool(chosen.any()):
            image = torch.where(chosen[:, None, None, None], filtered(canvas, image), image)
    canvas.image = image


def _blur(image: Tensor, radius: float) -> Tensor:
    """Two box blurs of `radius` picture widths."""
    reach = max(1, round(radius * image.shape[2]))
    for _ in range(2):
        image = F.avg_pool2d(F.pad(image, (reach,) * 4, mode="replicate"), 2 * reach + 1, 1)
    return image


def _brightness(image: Tensor) -> Tensor:
    """[B, 1, S, S]"""
    return image[:, 0:1] * 0.3 + image[:, 1:2] * 0.59 + image[:, 2:3] * 0.11


def _edges(image: Tensor) -> Tensor:
    """[B, 1, S, S] in 0..1: how much the brightness turns within a hundredth of the picture."""
    reach = max(1, round(image.shape[2] / 256))
    soft = _blur(_brightness(image).clamp(min=0.001).sqrt(), 1 / 256)
    padded = F.pad(soft, (reach,) * 4, mode="replicate")
    along = padded[:, :, reach:-reach, 2 * reach :] - padded[:, :, reach:-reach, : -2 * reach]
    down = padded[:, :, 2 * reach :, reach:-reach] - padded[:, :, : -2 * reach, reach:-reach]
    return ((along.square() + down.square()).sqrt() * 9.0 - 0.25).clamp(0.0, 1.0)


def _poster(c: Canvas, image: Tensor) -> Tensor:
    soft = _blur(image, 1 / 170)
    grey = _brightness(soft).clamp(min=0.01)
    # Only the brightness is cut into steps, in its square root, so that colours stay and night keeps its forms.
    steps = (torch.floor(grey.sqrt() * _LEVELS + 0.5) / _LEVELS).clamp(min=0.5 / _LEVELS)
    return (soft * (steps.square() / grey)).clamp(0.0, 1.0)


def _watercolour(c: Canvas, image: Tensor) -> Tensor:
    soft = _blur(image, 1 / 110)
    paper = torch.tensor([0.97, 0.95, 0.9], device=c.device)[None, :, None, None]
    pooled = (soft - _blur(soft, 1 / 40)) * 0.8
    wash = (c.noise(9, 9, 3) - 0.5)[:, None] * 0.16
    colour = (soft * 0.72 + 0.24 + pooled + wash).clamp(0.0, 1.0)
    # The paint ends in a ragged line before the edge of the paper.
    edge = torch.minimum(torch.minimum(c.x, 1.0 - c.x).expand(c.batch, c.size, c.size), torch.minimum(c.y, 1.0 - c.y).expand(c.batch, c.size, c.size))
    inside = ((edge - 0.05 - 0.07 * (c.noise(14, 14, 3) - 0.5)) * 60.0).clamp(0.0, 1.0)
    return torch.lerp(paper.expand_as(image), colour, inside[:, None].expand_as(image))


def _pixel(c: Canvas, image: Tensor) -> Tensor:
    squares = F.adaptive_avg_pool2d(image, PIXELS)
    return F.interpolate(torch.round(squares * 7.0) / 7.0, size=(c.size, c.size), mode="nearest")


def _line(c: Canvas, image: Tensor) -> Tensor:
    paper = torch.tensor([0.97, 0.96, 0.93], device=c.device)[None, :, None, None]
    wash = 0.74 + 0.26 * _blur(_brightness(image), 1 / 90).clamp(min=0.001).sqrt()
    return paper * wash * (1.0 - 0.85 * _edges(image))


def _pastel(c: Canvas, image: Tensor) -> Tensor:
    soft = _blur(image, 1 / 220)
    grey = _brightness(soft)
    chalk = (c.noise(100, 100, 1) - 0.5)[:, None] * 0.07
    return ((grey + (soft - grey) * 0.85) * 0.5 + 0.46 + chalk).clamp(0.0, 1.0)


def _neon(c: Canvas, image: Tensor) -> Tensor:
    low = torch.tensor([1.0, 0.2, 0.75], device=c.device)[None, :, None, None]
    high = torch.tensor([0.15, 0.85, 1.0], device=c.device)[None, :, None, None]
    tube = torch.lerp(high.expand_as(image), low.expand_as(image), c.y[:, None].expand_as(image))
    edges = _edges(image)
    dark = image * 0.3 * torch.tensor([0.8, 0.55, 1.2], device=c.device)[None, :, None, None] + torch.tensor([0.03, 0.01, 0.07], device=c.device)[None, :, None, None]
    return (dark + tube * (0.85 * edges + 0.8 * _blur(edges, 1 / 50))).clamp(0.0, 1.0)


_FILTERS = {"poster": _poster, "watercolour": _watercolour, "pixel": _pixel, "line": _line, "pastel": _pastel, "neon": _neon}
