"""The drawn world: batches of scenes of one family become antialiased pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from ..scenes import Scene
from . import city, land, sea, sky_things, still_life, styles, trees
from .canvas import Canvas

_PAINTERS = {
    "city": city.paint,
    "sea": sea.paint,
    "mountains": land.paint_mountains,
    "desert": land.paint_desert,
    "meadow": land.paint_meadow,
    "forest": trees.paint,
    "planet": sky_things.paint_planet,
    "balloons": sky_things.paint_balloons,
    "shapes": still_life.paint,
}


def draw(scenes: list[Scene], size: int, device: torch.device | str, seed: int) -> Tensor:
    """[B, 3, size, size] in -1..1 for scenes of one family; the same seed gives the same pictures on one device."""
    with torch.no_grad():
        canvas = Canvas(scenes, size, torch.device(device), seed)
        _PAINTERS[scenes[0].family](canvas)
        styles.apply(canvas)
        return canvas.image.clamp(0.0, 1.0) * 2.0 - 1.0
