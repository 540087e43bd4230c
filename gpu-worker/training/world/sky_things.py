"""Planets among stars, and hot-air balloons over hills."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .canvas import Canvas
from .paints import PAINTS
from .sky import Sky, turn

_CLOUDS_OF_GAS = {"none": (0, 0, 0), "blue": (40, 84, 190), "purple": (120, 50, 170), "orange": (190, 96, 40), "green": (40, 140, 90)}


def paint_planet(canvas: Canvas) -> None:
    """Paints a lit sphere with bands or continents, rings, moons and a nebula."""
    c = canvas
    c.image = c.image + torch.tensor([0.012, 0.014, 0.04], device=c.device)[None, :, None, None]
    gas = c.colours(lambda scene: _CLOUDS_OF_GAS[str(scene.get("nebula"))])
    drift = ((c.noise(3, 3, 5) - 0.47) * 3.2).clamp(0.0, 1.0)
    c.glow(drift * 0.75, gas)
    kernel = torch.tensor([[0.35, 0.8, 0.35], [0.8, 1.0, 0.8], [0.35, 0.8, 0.35]], device=c.device)[None, None]
    c.glow(F.conv2d(c.dots(0.0007)[:, None].pow(2), kernel, padding=1)[:, 0].clamp(max=1.0), torch.ones(c.batch, 3, device=c.device))
    x, y = c.uniform(0.4, 0.6), c.uniform(0.42, 0.58)
    ringed = c.switch("rings")
    radius = c.uniform(0.17, 0.27) * (1.0 - 0.22 * ringed)
    tilt, flat = c.uniform(-0.5, 0.5), c.uniform(0.2, 0.36)
    rings = _rings(c, x, y, radius, tilt, flat)
    _sphere(c, x, y, radius, tilt)
    dx, dy = turn(tilt, c.x - x, c.y - y)
    over_disc = c.disc(x, y, radius)
    front = (dy > 0).float()
    pale = c.colours(lambda scene: PAINTS[str(scene.get("colour"))]) * 0.45 + torch.tensor([0.5, 0.47, 0.4], device=c.device)
    c.blend(ringed * rings * (1.0 - over_disc * (1.0 - front)), pale)
    for place in range(2):
        shown = c.facts(lambda scene, place=place: int(scene.get("moons")) > place)[:, None, None]
        side = 1.0 if place == 0 else -1.0
        mx, my = x + side * c.uniform(0.3, 0.37), y - side * c.uniform(0.12, 0.34)
        size = c.uniform(0.024, 0.042)
        grey = torch.full((c.batch, 3), 0.78, device=c.device)
        c.blend(shown * c.disc(mx, my, size), grey)
        c.blend(shown * c.disc(mx, my, size) * c.cover(size * 0.9 - ((c.x - mx + 0.3 * size).square() + (c.y - my + 0.3 * size).square()).sqrt()), grey * 0.35)


def _rings(c: Canvas, x: Tensor, y: Tensor, radius: Tensor, tilt: Tensor, flat: Tensor) -> Tensor:
    """Coverage of the rings, with gaps."""
    dx, dy = turn(tilt, c.x - x, c.y - y)
    out = (dx.square() + (dy / flat).square()).sqrt() / radius
    band = ((out - 1.32) * 30.0).clamp(0.0, 1.0) * ((2.1 - out) * 30.0).clamp(0.0, 1.0)
    gap = 1.0 - 0.85 * torch.exp(-((out - 1.72) / 0.035).square())
    return band * gap * (0.72 + 0.22 * torch.sin(out * 34.0))


def _sphere(c: Canvas, x: Tensor, y: Tensor, radius: Tensor, tilt: Tensor) -> None:
    dx, dy = (c.x - x) / radius, (c.y - y) / radius
    height = (1.0 - dx.square() - dy.square()).clamp(min=0.0).sqrt()
    angle = c.uniform(-0.9, 0.9)
    lx, ly = -torch.cos(angle) * 0.75, -0.45 + 0.3 * torch.sin(angle)
    light = (dx * lx + dy * ly + height * 0.55).clamp(min=0.0)
    _, along = turn(tilt, dx, dy)
    wave = c.noise(5, 5, 3) - 0.5
    bands = torch.sin(along * c.uniform(7.0, 12.0) + wave * 2.2)
    land = ((c.noise(6, 6, 4) - 0.5) * 9.0).clamp(-1.0, 1.0)
    banded = c.switch("banded")
    pattern = banded * bands + (1.0 - banded) * land
    colour = c.colours(lambda scene: PAINTS[str(scene.get("colour"))])[:, :, None, None]
    surface = colour * (1.0 + 0.24 * pattern[:, None]) + 0.05 * pattern[:, None].clamp(min=0.0)
    rim = torch.exp(-((1.0 - dx.square() - dy.square()).abs() / 0.25)) * 0.1
    shaded = surface * (0.06 + 1.12 * light + rim)[:, None]
    distance = (dx.square() + dy.square()).sqrt()
    halo = torch.exp(-((distance - 1.0).clamp(min=0.0) / 0.09)) * 0.3 * (0.4 + (dx * lx + dy * ly)).clamp(0.0, 1.0)
    c.glow(halo, colour[:, :, 0, 0])
    c.blend(c.disc(x, y, radius), shaded)


_SPOTS = (
    ((0.5, 0.36), (0.5, 0.36), (0.5, 0.36)),
    ((0.3, 0.34), (0.7, 0.3), (0.5, 0.3)),
    ((0.24, 0.28), (0.53, 0.42), (0.8, 0.24)),
)


def paint_balloons(canvas: Canvas) -> None:
    """Paints one to three striped balloons over soft hills."""
    c = canvas
    horizon = c.uniform(0.7, 0.8)
    sky = Sky(c, horizon)
    green = torch.tensor([0.34, 0.56, 0.3], device=c.device).expand(c.batch, 3)
    for place, distance in enumerate((0.6, 0.35, 0.1)):
        line = horizon + 0.07 * place + 0.12 * (c.ridge(3, 2, True, 0.25) - 0.5)
        c.blend(c.below(line), sky.lit(green * (1.0 - 0.12 * place), distance))
    spots = torch.tensor(_SPOTS, device=c.device)[c.facts(lambda scene: int(scene.get("count")) - 1).long()]
    paint = c.colours(lambda scene: PAINTS[str(scene.get("colour"))])
    mirrored = (c.uniform(0.0, 1.0) < 0.5).float()
    sizes = torch.tensor([0.17, 0.125, 0.105], device=c.device)[c.facts(lambda scene: int(scene.get("count")) - 1).long()][:, None, None]
    for place in range(len(_SPOTS)):
        shown = c.facts(lambda scene, place=place: int(scene.get("count")) > place)[:, None, None]
        x = spots[:, place, 0][:, None, None] + c.uniform(-0.04, 0.04)
        x = torch.where(mirrored > 0, 1.0 - x, x)
        y = spots[:, place, 1][:, None, None] + c.uniform(-0.04, 0.04)
        _balloon(c, sky, x, y, sizes * c.uniform(0.85, 1.15), paint, shown)
    sky.weather()


def _balloon(c: Canvas, sky: Sky, x: Tensor, y: Tensor, size: Tensor, paint: Tensor, shown: Tensor) -> None:
    dx, dy = (c.x - x) / size, (c.y - y) / size
    # The envelope is a disc above and narrows to its mouth below.
    half = torch.where(dy < 0.0, (1.0 - dy.square()).clamp(min=0.0).sqrt(), (1.0 - (dy / 1.45).square()).clamp(min=0.0).pow(0.8))
    inside = c.cover((dx.abs() - half) * size * 0.85) * (dy < 1.22).float() * (dy > -1.0).float()
    gore = torch.sin(torch.asin((dx / half.clamp(min=0.05)).clamp(-1.0, 1.0)) * 4.0)
    white = torch.full((c.batch, 3), 0.96, device=c.device)
    tint = 0.5 * sky.tint + 0.5
    shade = (1.02 - 0.28 * (dx * torch.sign(x - sky.light_x) + 0.4 * dy)).clamp(0.5, 1.15)
    c.blend(shown * inside, (paint * tint)[:, :, None, None] * shade[:, None])
    c.blend(shown * inside * (gore * 8.0).clamp(0.0, 1.0) * 0.8, (white * tint * 0.75 + 0.25 * paint * tint)[:, :, None, None] * shade[:, None])
    brown = sky.lit(torch.tensor([0.42, 0.28, 0.17], device=c.device).expand(c.batch, 3))
    for sign in (-1.0, 1.0):
        slant = (dx - sign * (0.36 - 0.5 * (dy - 1.2).clamp(0.0, 1.0) * 0.36)).abs()
        c.blend(shown * c.cover((slant - 0.015) * size) * (dy > 1.15) * (dy < 1.6), brown)
    c.blend(shown * c.box(x, y + 1.72 * size, size * 0.2, size * 0.15), brown)
