"""City skylines: rows of buildings on a grid of windows, back to front."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas
from .sky import Sky

_WALL = {"day": (0.42, 0.5, 0.62), "sunset": (0.3, 0.17, 0.28), "sunrise": (0.56, 0.5, 0.56), "dusk": (0.16, 0.14, 0.28), "night": (0.045, 0.055, 0.12)}
_PANE = {"day": (0.68, 0.8, 0.92), "sunset": (1.0, 0.78, 0.4), "sunrise": (0.96, 0.88, 0.76), "dusk": (1.0, 0.84, 0.5), "night": (1.0, 0.86, 0.52)}
_LIT = {"day": (0.0,), "sunset": (0.35,), "sunrise": (0.12,), "dusk": (0.5,), "night": (0.5,)}
_ROWS = ((0.34, 0.64, 10, 0.62), (0.24, 0.5, 9, 0.4), (0.14, 0.38, 8, 0.2), (0.06, 0.24, 8, 0.0))


def paint(canvas: Canvas) -> None:
    """Paints a batch of city skylines."""
    ground = canvas.uniform(0.7, 0.84)
    sky = Sky(canvas, ground, low_light=False)
    for least, most, columns, distance in _ROWS:
        _row(canvas, sky, ground, least, most, columns, distance)
    shine = torch.exp(-(canvas.y - ground).abs() / 0.012) * canvas.by_time({"day": (0.0,), "sunset": (0.3,), "sunrise": (0.1,), "dusk": (0.4,), "night": (0.4,)})[:, :, None]
    canvas.glow(shine, canvas.by_time(_PANE) * 0.6)
    dark = canvas.by_time(_WALL) * 0.62
    canvas.blend(canvas.below(ground) * (1.0 - canvas.switch("water")), dark)
    sky.water(ground, canvas.switch("water"))
    _bridge(canvas, sky, ground)
    sky.weather()


def _bridge(c: Canvas, sky: Sky, ground: Tensor) -> None:
    """A suspension bridge across the water: deck, two towers, the cables' arcs and their hangers."""
    shown = c.switch("bridge")
    deck = ground + c.uniform(0.05, 0.08)
    middle, half = c.uniform(0.4, 0.6), c.uniform(0.24, 0.3)
    high = c.uniform(0.17, 0.23)
    rust = torch.tensor([0.72, 0.3, 0.22], device=c.device).expand(c.batch, 3)
    colour = sky.lit(rust) + 0.06
    across = (c.x - middle) / half
    # Between the towers the cable hangs in a parabola, outside it falls in a straight line to the deck.
    sag = torch.where(across.abs() < 1.0, across.square() * 0.86 + 0.08, (1.94 - across.abs()).clamp(min=0.0))
    cable = deck - high * sag
    c.blend(shown * c.cover((c.y - cable).abs() - 0.004), colour)
    hangers = (torch.frac(c.x * 28.0) < 0.12).float() * c.below(cable) * (1.0 - c.below(deck))
    c.blend(shown * hangers * 0.8, colour)
    whole = torch.full_like(deck, 0.5)
    c.blend(shown * c.box(whole, deck + 0.008, whole, torch.full_like(deck, 0.011)), colour)
    for side in (-1.0, 1.0):
        c.blend(shown * c.box(middle + side * half, deck - 0.5 * high + 0.03, torch.full_like(deck, 0.014), 0.5 * high + 0.05), colour * 0.9)


def _hash(*parts: Tensor) -> Tensor:
    """Numbers in 0..1 that look random, from the sum of `parts`."""
    return torch.frac(torch.sin(sum(parts)) * 43758.547).abs()


def _row(c: Canvas, sky: Sky, ground: Tensor, least: float, most: float, columns: int, distance: float) -> None:
    """One row of buildings: each `columns` windows wide or a little less, `least` to `most` of the picture high."""
    pitch = torch.floor(c.uniform(7.0, 11.0)) * (c.size / 512.0)
    column = torch.floor((c.x * c.size) / pitch + torch.floor(c.uniform(0.0, 12.0)))
    cell = torch.floor(column / columns)
    within = column - cell * columns
    ids = cell.long().clamp(0, 31)[:, 0]

    def per_building(low: float, high: float) -> Tensor:
        return torch.gather(c.uniform(low, high, 32), 1, ids)[:, None, :]

    width = torch.floor(per_building(columns * 0.55, columns + 1.0))
    start = torch.floor(per_building(0.0, 2.99))
    height = least + (most - least) * per_building(0.0, 1.0).square() * per_building(0.6, 1.0)
    floor_height = pitch / c.size * 1.15
    top = ground - torch.floor(height / floor_height) * floor_height
    inside = ((within >= start) & (within < start + width)).float()
    # A third of the buildings step back near the roof, and a few carry a mast.
    steps = (per_building(0.0, 1.0) < 0.35).float()
    narrow = ((within >= start + 1.0) & (within < start + width - 1.0)).float()
    mask = inside * c.below(top + steps * 3.0 * floor_height)
    mask = torch.maximum(mask, inside * narrow * c.below(top))
    place = (c.x * c.size) / pitch + 0.0
    middle = torch.floor(start + width / 2.0)
    mast = (per_building(0.0, 1.0) < 0.3).float() * (within == middle).float() * ((place - torch.floor(place)) < 0.3).float()
    mask = torch.maximum(mask, mast * c.below(top - 0.05)) * (1.0 - c.below(ground + 0.002))
    shade = per_building(0.75, 1.25) * (1.0 - 0.18 * (within >= start + width * 0.5).float())
    wall = c.by_time(_WALL)
    haze = wall + (sky.haze * 0.8 - wall) * distance * 0.75
    c.blend(mask, haze[:, :, None, None] * shade[:, None])
    _windows(c, mask, column, ids, pitch, top, floor_height, distance)


def _windows(c: Canvas, mask: Tensor, column: Tensor, ids: Tensor, pitch: Tensor, top: Tensor, floor_height: Tensor, distance: float) -> None:
    across = torch.frac((c.x * c.size) / pitch)
    storey = (c.y - top) / floor_height
    down = torch.frac(storey.clamp(min=0.0))
    pane = ((across - 0.5).abs() < 0.27).float() * ((down - 0.52).abs() < 0.26).float() * (storey > 0.4).float() * (storey < 60.0).float()
    seed = c.uniform(0.0, 50.0)
    chance = _hash(column * 12.9898, torch.floor(storey) * 78.233, ids[:, None, :] * 3.7, seed)
    lit = (chance < c.by_time(_LIT)[:, :, None] * c.uniform(0.7, 1.3)).float() * (0.62 + 0.38 * _hash(chance * 91.7))
    strength = 1.0 - distance
    c.blend(mask * pane * lit * (0.35 + 0.65 * strength), c.by_time(_PANE))
    daylight = c.by_time({"day": (0.45,), "sunset": (0.0,), "sunrise": (0.25,), "dusk": (0.0,), "night": (0.0,)})[:, :, None]
    c.blend(mask * pane * daylight * strength * (0.5 + 0.5 * chance), c.by_time(_PANE))
