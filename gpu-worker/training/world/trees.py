"""Forests: rows of pines or broad trees, back to front."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas
from .sky import Sky


def paint(canvas: Canvas) -> None:
    """Paints a batch of forests of all four kinds."""
    ground = canvas.uniform(0.5, 0.6)
    sky = Sky(canvas, ground, low_light=True)
    kind = {name: canvas.facts(lambda scene, name=name: scene.get("kind") == name)[:, None, None] for name in ("pine", "autumn", "green", "winter")}
    needles = (kind["pine"] + kind["winter"]).clamp(max=1.0)
    leaves = 1.0 - needles
    winter = kind["winter"]
    floor = _mix(canvas, kind, {"pine": (0.3, 0.36, 0.2), "autumn": (0.52, 0.3, 0.14), "green": (0.36, 0.5, 0.22), "winter": (0.9, 0.93, 0.97)})
    canvas.blend(canvas.below(ground), sky.lit(floor, 0.4))
    for place, distance in enumerate((0.62, 0.42, 0.24, 0.1, 0.0)):
        foot = ground + 0.045 + 0.095 * place + 0.02 * (canvas.ridge(3, 2, True) - 0.5)
        shade = 1.0 - 0.1 * place
        canvas.blend(canvas.below(foot - 0.05), sky.lit(floor * shade, distance * 0.7))
        height = 0.2 + 0.06 * place
        pine_row(canvas, sky, foot, height, 15.0 - 2.1 * place, distance, needles, winter)
        _leaf_row(canvas, sky, foot, height * 0.95, 12.0 - 1.7 * place, distance, leaves, kind)
    sky.weather()


def _mix(c: Canvas, kind: dict[str, Tensor], table: dict[str, tuple[float, float, float]]) -> Tensor:
    total = torch.zeros(c.batch, 3, device=c.device)
    for name, colour in table.items():
        total = total + kind[name][:, :, 0] * torch.tensor(colour, device=c.device)
    return total


class _Cells:
    """A row of places along x, one tree to a cell, with random numbers for each tree."""

    def __init__(self, c: Canvas, count: float) -> None:
        self.c = c
        place = c.x * count * c.uniform(0.9, 1.1) + c.uniform(0.0, 1.0)
        self.ids = torch.floor(place).long().clamp(0, 39)[:, 0]
        self.within = place - torch.floor(place) - 0.5
        self.width = 1.0 / count

    def each(self, low: float, high: float) -> Tensor:
        """[B, 1, S]: one random number per tree."""
        return torch.gather(self.c.uniform(low, high, 40), 1, self.ids)[:, None, :]


def pine_row(c: Canvas, sky: Sky, foot: Tensor, height: float, count: float, distance: float, shown: Tensor, snow: Tensor) -> None:
    """A row of pines standing on `foot`; `snow` 0..1 whitens their boughs."""
    for _ in range(2):
        cells = _Cells(c, count)
        tall = height * cells.each(0.65, 1.15)
        x = (cells.within - cells.each(-0.12, 0.12)) * cells.width
        base = foot - 0.015 * cells.each(0.0, 1.0)
        rise = ((base - c.y) / tall).clamp(-0.2, 1.2)
        tiers = 4.0
        saw = rise * tiers - torch.floor(rise * tiers)
        half = (1.0 - rise) * 0.2 * tall * (0.72 + 0.42 * (1.0 - saw))
        half = torch.minimum(half, torch.full_like(half, cells.width * 0.46))
        body = c.cover(x.abs() - half) * (rise > 0.1) * (rise < 1.0)
        trunk = c.cover(x.abs() - 0.022 * tall) * (rise > -0.04) * (rise <= 0.1)
        present = (cells.each(0.0, 1.0) < 0.9).float() * shown
        green = torch.tensor([0.1, 0.27, 0.17], device=c.device).expand(c.batch, 3)
        c.blend(trunk * present, sky.lit(torch.tensor([0.26, 0.18, 0.13], device=c.device).expand(c.batch, 3), distance))
        shade = cells.each(0.82, 1.18) * (1.0 + 0.16 * torch.tanh(x * 80.0) * torch.sign(sky.light_x - 0.5)) * (0.86 + 0.2 * (1.0 - saw))
        colour = sky.lit(green, distance)[:, :, None, None] * shade[:, None]
        c.blend(body * present, colour)
        cap = body * present * snow * (((saw - 0.58) * 6.0).clamp(0.0, 1.0)) * 0.92
        c.blend(cap, sky.lit(torch.tensor([0.93, 0.96, 1.0], device=c.device).expand(c.batch, 3), distance * 0.5))


def _leaf_row(c: Canvas, sky: Sky, foot: Tensor, height: float, count: float, distance: float, shown: Tensor, kind: dict[str, Tensor]) -> None:
    """A row of broad-leaved trees: an egg of leaves over a trunk."""
    for _ in range(2):
        cells = _Cells(c, count)
        tall = height * cells.each(0.75, 1.15)
        x = (cells.within - cells.each(-0.1, 0.1)) * cells.width
        base = foot - 0.01 * cells.each(0.0, 1.0)
        middle = base - tall * 0.64
        across = torch.full_like(tall, cells.width * 0.42) * cells.each(0.8, 1.0)
        up = tall * 0.4
        dy = (c.y - middle) / up
        bulge = across * (1.0 - 0.18 * dy)
        distance_out = ((x / bulge).square() + dy.square()).clamp(min=1e-6).sqrt() - 1.0
        body = c.cover(distance_out * torch.minimum(across, up))
        rise = (base - c.y) / tall
        trunk = c.cover(x.abs() - 0.035 * tall) * (rise > 0.0) * (rise < 0.5)
        present = (cells.each(0.0, 1.0) < 0.92).float() * shown
        c.blend(trunk * present, sky.lit(torch.tensor([0.3, 0.2, 0.15], device=c.device).expand(c.batch, 3), distance))
        warm = cells.each(0.0, 1.0)[:, None]
        autumn = torch.cat((0.72 + 0.2 * warm, 0.22 + 0.36 * warm, 0.08 + 0.06 * warm), 1)
        green = torch.cat((0.16 + 0.2 * warm, 0.4 + 0.16 * warm, 0.16 + 0.04 * warm), 1)
        leaf = autumn * kind["autumn"][:, None] + green * (1.0 - kind["autumn"][:, None])
        light = 1.0 + 0.2 * torch.tanh((x / across) * torch.sign(sky.light_x - 0.5) - dy * 0.7)
        seen = leaf * sky.tint[:, :, None, None]
        seen = seen + (sky.haze[:, :, None, None] - seen) * distance
        c.blend(body * present, seen.expand(c.batch, 3, 1, c.size) * light[:, None])
