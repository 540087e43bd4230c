"""The sea: water with the light's path, islands, a lighthouse and sailing boats."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas
from .sky import Sky


def paint(canvas: Canvas) -> None:
    """Paints a batch of seascapes."""
    level = canvas.uniform(0.5, 0.64)
    sky = Sky(canvas, level)
    _island(canvas, sky, level)
    sky.water(level)
    _lighthouse(canvas, sky, level)
    for place in range(3):
        shown = canvas.facts(lambda scene, place=place: int(scene.get("boats")) > place)[:, None, None]
        _boat(canvas, sky, level, place, shown)
    sky.weather()


def _island(c: Canvas, sky: Sky, level: Tensor) -> None:
    centre, half = c.uniform(0.0, 1.0), c.uniform(0.18, 0.4)
    swell = (1.0 - ((c.x - centre) / half).square()).clamp(min=0.0)
    top = level - swell * (0.02 + 0.07 * c.ridge(8, 3, True))
    land = torch.full((c.batch, 3), 0.3, device=c.device) * torch.tensor([0.8, 1.0, 0.9], device=c.device)
    c.blend(c.below(top) * (swell > 0) * c.switch("island"), sky.lit(land, 0.25))


def _lighthouse(c: Canvas, sky: Sky, level: Tensor) -> None:
    shown = c.switch("lighthouse")
    left = (c.uniform(0.0, 1.0) < 0.5).float()
    x = left * c.uniform(0.1, 0.22) + (1.0 - left) * c.uniform(0.78, 0.9)
    foot = level + c.uniform(0.02, 0.06)
    rock = (1.0 - ((c.x - x) / 0.13).square()).clamp(min=0.0) * (0.05 + 0.05 * c.ridge(12, 2, False))
    stone = torch.full((c.batch, 3), 0.26, device=c.device)
    c.blend(shown * c.below(foot - rock) * (1.0 - c.below(foot + 0.02)) * (rock > 0), sky.lit(stone))
    height = c.uniform(0.24, 0.32)
    base = foot - 0.05
    top = base - height
    rise = ((base - c.y) / height).clamp(0.0, 1.0)
    tower = c.cover(torch.maximum((c.x - x).abs() - (0.03 - 0.011 * rise), torch.maximum(top - c.y, c.y - base)))
    white = torch.full((c.batch, 3), 0.95, device=c.device)
    red = torch.tensor([0.8, 0.16, 0.14], device=c.device).expand(c.batch, 3)
    shade = 1.0 - 0.25 * ((c.x - x) * 60.0).clamp(0.0, 1.0)
    c.blend(shown * tower, sky.lit(white)[:, :, None, None] * shade[:, None])
    stripes = ((rise * 5.0) % 2.0 >= 1.0).float()
    c.blend(shown * tower * stripes, sky.lit(red)[:, :, None, None] * shade[:, None])
    lamp_y = top - 0.016
    c.blend(shown * c.box(x, top, torch.full_like(x, 0.027), torch.full_like(x, 0.004)), sky.lit(stone))
    lamp = torch.tensor([1.0, 0.92, 0.6], device=c.device).expand(c.batch, 3)
    c.blend(shown * c.box(x, lamp_y, torch.full_like(x, 0.013), torch.full_like(x, 0.014)), lamp)
    c.blend(shown * c.triangle(((x - 0.02, top - 0.029), (x, top - 0.055), (x + 0.02, top - 0.029))), sky.lit(red))
    dark = c.by_time({"day": (0.0,), "sunset": (0.3,), "sunrise": (0.1,), "dusk": (0.7,), "night": (0.9,)})[:, :, None]
    away = torch.sign(0.5 - x)
    reach = ((c.x - x) * away).clamp(min=0.0)
    beam = torch.exp(-((c.y - lamp_y) / (0.008 + 0.16 * reach)).square()) * torch.exp(-reach / 0.35) * (reach > 0)
    glow = torch.exp(-((c.x - x).square() + (c.y - lamp_y).square()).sqrt() / 0.03)
    c.glow(shown * dark * (0.4 * beam + 0.6 * glow), lamp)


def _boat(c: Canvas, sky: Sky, level: Tensor, place: int, shown: Tensor) -> None:
    """One sailing boat; the three boats of a picture keep to their own thirds of its width."""
    third = (place + 1) % 3
    x = third / 3.0 + c.uniform(0.1, 0.24)
    size = c.uniform(0.085, 0.14)
    y = level + c.uniform(0.03, 0.12) + size * 0.3
    hull_colour = sky.lit(c.uniform(0.1, 0.4, 3) * torch.tensor([1.2, 0.7, 0.55], device=c.device))
    sail_colour = sky.lit(torch.full((c.batch, 3), 0.97, device=c.device)) * 0.9 + 0.1 * sky.haze
    rise = ((y - c.y) / size).clamp(-0.3, 0.0)
    hull = c.cover(torch.maximum((c.x - x).abs() - size * (0.62 + 0.9 * rise), torch.maximum(y - c.y, c.y - y - 0.22 * size)))
    mast_top = y - 1.55 * size
    main = c.triangle(((x + 0.04 * size, y - 0.12 * size), (x + 0.04 * size, mast_top), (x + 0.62 * size, y - 0.12 * size)))
    fore = c.triangle(((x - 0.5 * size, y - 0.12 * size), (x - 0.06 * size, mast_top + 0.2 * size), (x - 0.06 * size, y - 0.12 * size)))
    mast = c.box(x, y - 0.78 * size, size * 0.025, size * 0.8)
    dark = torch.exp(-((c.x - x) / (0.6 * size)).square() - ((c.y - y - 0.4 * size) / (0.3 * size)).square()) * c.below(y + 0.2 * size)
    c.blend(shown * dark * 0.45, hull_colour * 0.5)
    c.blend(shown * mast, hull_colour)
    c.blend(shown * main, sail_colour)
    c.blend(shown * fore, sail_colour * 0.88)
    c.blend(shown * hull, hull_colour)
