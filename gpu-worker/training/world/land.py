"""Mountains, deserts and meadows."""

from __future__ import annotations

import torch
from torch import Tensor

from .canvas import Canvas
from .sky import Sky
from .trees import pine_row


def _flat(c: Canvas, *rgb: float) -> Tensor:
    return torch.tensor(rgb, device=c.device).expand(c.batch, 3)


def paint_mountains(canvas: Canvas) -> None:
    """Paints ranges back to front, with snow, a lake and pines where the scene has them."""
    ground = canvas.uniform(0.68, 0.78)
    sky = Sky(canvas, ground - 0.08, low_light=False)
    for distance, high, points in ((0.62, 0.36, 4), (0.34, 0.44, 3), (0.1, 0.24, 4)):
        _range(canvas, sky, ground, distance, high, points)
    snow = canvas.switch("snow")
    winter = canvas.facts(lambda scene: scene.weather == "snow")[:, None]
    meadow = _flat(canvas, 0.34, 0.46, 0.28) * (1.0 - winter) + _flat(canvas, 0.88, 0.91, 0.96) * winter
    canvas.blend(canvas.below(ground + 0.02 * (canvas.ridge(3, 2, True) - 0.5)) * (1.0 - canvas.switch("lake")), sky.lit(meadow, 0.1))
    sky.water(ground, canvas.switch("lake"))
    for row in range(2):
        pine_row(canvas, sky, ground + 0.03 + 0.09 * row, 0.075 + 0.05 * row, 16.0 - 6.0 * row, 0.15 - 0.15 * row, canvas.switch("pines"), snow * 0.0)
    sky.weather()


def _range(c: Canvas, sky: Sky, ground: Tensor, distance: float, high: float, points: int) -> None:
    """One range: a jagged line, a lit and a shaded side that follow its slope, and snow above a ragged line."""
    line = c.ridge(points, 5, False, 0.46)
    low, tall = line.amin(2, keepdim=True), line.amax(2, keepdim=True)
    height = 0.04 + high * c.uniform(0.75, 1.0) * (line - low) / (tall - low + 0.05)
    top = ground - height
    mask = c.below(top) * (1.0 - c.below(ground + 0.01))
    depth = (c.y - top).clamp(min=0.0)
    # Facets: the slope of the line, carried down the face and bent by noise, decides light or shade.
    bend = (c.noise(9, 9, 3) - 0.5) * 0.22
    shift = ((bend * depth * 3.0) * c.size).round().long()
    columns = (torch.arange(c.size, device=c.device)[None, None, :] + shift).clamp(0, c.size - 1)
    slope = torch.diff(height, dim=2, append=height[:, :, -1:]) * c.size
    side = torch.where(sky.light_x < 0.5, slope, -slope).expand(c.batch, c.size, c.size)
    lit = torch.sigmoid(torch.gather(side, 2, columns) * 5.0)
    rock = _flat(c, 0.42, 0.42, 0.46) + c.uniform(-0.05, 0.05, 3)
    snow_line = 0.1 + 0.1 * c.uniform(0.0, 1.0) + 0.09 * (c.ridge(22, 3, False) - 0.5)
    snowy = c.switch("snow") * c.below(top * 0.0 + ground - height.amax(2, keepdim=True) * 0.45 + snow_line * 0.6).neg().add(1.0)
    snowy = torch.maximum(snowy, c.switch("snow") * ((0.055 + snow_line * 0.3 - depth) * c.size * 0.25).clamp(0.0, 1.0) * (height > 0.14))
    white = _flat(c, 0.97, 0.98, 1.0)
    base = sky.lit(rock, distance)[:, :, None, None]
    snow_colour = (sky.lit(white, distance * 0.6) * 1.0)[:, :, None, None]
    colour = torch.lerp(base.expand_as(c.image), snow_colour.expand_as(c.image), snowy[:, None].expand_as(c.image))
    shade = 0.62 + 0.42 * lit
    foot = (depth / 0.35).clamp(0.0, 1.0) * 0.3
    colour = colour * shade[:, None]
    colour = torch.lerp(colour, sky.haze[:, :, None, None].expand_as(colour), (foot * (0.4 + distance))[:, None].expand_as(colour) * 0.6)
    c.blend(mask, colour)


def paint_desert(canvas: Canvas) -> None:
    """Paints dunes, pyramids far away and cacti in front."""
    horizon = canvas.uniform(0.5, 0.62)
    sky = Sky(canvas, horizon)
    sand = _flat(canvas, 0.93, 0.7, 0.42) + canvas.uniform(-0.04, 0.04, 3)
    _pyramids(canvas, sky, horizon, sand)
    for place, distance in enumerate((0.35, 0.18, 0.05, 0.0)):
        line = horizon + 0.11 * place + 0.1 * (canvas.ridge(2 + place % 2, 2, True, 0.25) - 0.5) + 0.01
        slope = torch.diff(line, dim=2, append=line[:, :, -1:]) * canvas.size
        depth = (canvas.y - line).clamp(min=0.0)
        shade = 1.0 - 0.09 * place + torch.tanh(slope * 3.0) * 0.17 * torch.exp(-depth / 0.08)
        shade = shade + 0.025 * torch.sin((canvas.y * 1.6 + line * 1.5) * 260.0) * (0.3 + place * 0.2)
        canvas.blend(canvas.below(line), sky.lit(sand, distance)[:, :, None, None] * shade[:, None])
    for place in range(3):
        shown = canvas.facts(lambda scene, place=place: int(scene.get("cacti")) > place)[:, None, None]
        _cactus(canvas, sky, horizon, place, shown)
    sky.weather()


def _pyramids(c: Canvas, sky: Sky, horizon: Tensor, sand: Tensor) -> None:
    shown = c.switch("pyramids")
    centre = c.uniform(0.25, 0.75)
    for offset, height in ((0.2, 0.12), (-0.19, 0.15), (0.02, 0.2)):
        x, top, foot = centre + offset, horizon - height, horizon + 0.06
        half = (foot - top) * 0.8
        c.blend(shown * c.triangle(((x - half, foot), (x, top), (x + half, foot))), sky.lit(sand * 0.95, 0.12))
        dark = c.triangle(((x, foot), (x, top), (x + half, foot)))
        c.blend(shown * dark * 0.8, sky.lit(sand * 0.66, 0.12))


def _cactus(c: Canvas, sky: Sky, horizon: Tensor, place: int, shown: Tensor) -> None:
    """One saguaro: a trunk with round ends and two arms; each keeps to its own third."""
    x = ((place + 1) % 3) / 3.0 + c.uniform(0.09, 0.24)
    height = c.uniform(0.14, 0.26)
    foot = horizon + c.uniform(0.16, 0.32)
    thick = height * 0.085
    green = sky.lit(_flat(c, 0.16, 0.36, 0.2))

    def limb(cx: Tensor, low: Tensor, high: Tensor, radius: Tensor) -> Tensor:
        near = c.y.clamp(min=0.0).expand(c.batch, c.size, 1)
        near = torch.minimum(torch.maximum(near, high), low)
        return c.cover(((c.x - cx).square() + (c.y - near).square()).sqrt() - radius)

    def bar(left: Tensor, right: Tensor, cy: Tensor, radius: Tensor) -> Tensor:
        near = torch.minimum(torch.maximum(c.x.expand(c.batch, 1, c.size), left), right)
        return c.cover(((c.x - near).square() + (c.y - cy).square()).sqrt() - radius)

    mask = limb(x, foot, foot - height, thick)
    for sign in (-1.0, 1.0):
        joint = foot - height * c.uniform(0.35, 0.55)
        arm = x + sign * height * 0.27
        thin = thick * 0.72
        mask = torch.maximum(mask, bar(torch.minimum(x, arm), torch.maximum(x, arm), joint, thin))
        mask = torch.maximum(mask, limb(arm, joint, joint - height * c.uniform(0.18, 0.36), thin))
    mask = mask * (1.0 - c.below(foot))
    c.blend(shown * mask, green)
    light = 0.5 + 0.5 * torch.tanh((c.x - x) * torch.sign(sky.light_x - x) * 60.0)
    c.blend(shown * mask * light * 0.3, sky.lit(_flat(c, 0.4, 0.62, 0.36)))


_FLOWERS = {"none": (0, 0, 0), "red": (220, 40, 44), "yellow": (250, 210, 40), "purple": (150, 80, 210), "white": (250, 250, 250), "pink": (246, 130, 180)}


def paint_meadow(canvas: Canvas) -> None:
    """Paints rolling green hills with flowers, a tree and a house where the scene has them."""
    horizon = canvas.uniform(0.5, 0.6)
    sky = Sky(canvas, horizon)
    winter = canvas.facts(lambda scene: scene.weather == "snow")[:, None]
    green = _flat(canvas, 0.36, 0.62, 0.26) * (1.0 - winter) + _flat(canvas, 0.9, 0.93, 0.98) * winter + canvas.uniform(-0.05, 0.05, 3)
    for place, distance in enumerate((0.45, 0.22, 0.0)):
        line = horizon + 0.1 * place + 0.13 * (canvas.ridge(2, 2, True, 0.2) - 0.5)
        depth = (canvas.y - line).clamp(min=0.0)
        shade = 1.06 - 0.1 * place - 0.35 * depth + 0.05 * (canvas.noise(10, 4, 2) - 0.5)
        canvas.blend(canvas.below(line), sky.lit(green, distance)[:, :, None, None] * shade[:, None])
        if place == 1:
            _house(canvas, sky, line)
            _lone_tree(canvas, sky, line)
    _flower_field(canvas, sky, line)
    sky.weather()


def _at(c: Canvas, line: Tensor, x: Tensor) -> Tensor:
    """The height of `line` [B, 1, S] at `x` [B, 1, 1]."""
    return torch.gather(line, 2, (x * c.size).long().clamp(0, c.size - 1))


def _house(c: Canvas, sky: Sky, line: Tensor) -> None:
    shown = c.switch("house")
    x = c.uniform(0.12, 0.4)
    size = c.uniform(0.05, 0.075)
    foot = _at(c, line, x) + 0.03
    half = size.clone()
    c.blend(shown * c.box(x, foot - size * 0.7, half, size * 0.7), sky.lit(_flat(c, 0.93, 0.89, 0.8)))
    roof = c.triangle(((x - 1.25 * size, foot - 1.35 * size), (x, foot - 2.3 * size), (x + 1.25 * size, foot - 1.35 * size)))
    c.blend(shown * roof, sky.lit(_flat(c, 0.7, 0.26, 0.2)))
    c.blend(shown * c.box(x + 0.4 * size, foot - 0.4 * size, size * 0.16, size * 0.4), sky.lit(_flat(c, 0.4, 0.26, 0.18)))
    glow = c.by_time({"day": (0.35, 0.5, 0.62), "sunset": (1.0, 0.8, 0.45), "sunrise": (0.6, 0.62, 0.62), "dusk": (1.0, 0.84, 0.5), "night": (1.0, 0.84, 0.5)})
    c.blend(shown * c.box(x - 0.4 * size, foot - 0.72 * size, size * 0.2, size * 0.2), glow)


def _lone_tree(c: Canvas, sky: Sky, line: Tensor) -> None:
    shown = c.switch("tree")
    x = c.uniform(0.58, 0.88)
    foot = _at(c, line, x) + 0.03
    size = c.uniform(0.085, 0.13)
    c.blend(shown * c.box(x, foot - size * 0.7, size * 0.09, size * 0.75), sky.lit(_flat(c, 0.34, 0.24, 0.17)))
    for dx, dy, radius, bright in ((-0.55, 1.45, 0.62, 0.8), (0.5, 1.4, 0.66, 0.9), (0.0, 1.95, 0.8, 1.0)):
        c.blend(shown * c.disc(x + dx * size, foot - dy * size, radius * size), sky.lit(_flat(c, 0.2, 0.46, 0.2) * bright))


def _flower_field(c: Canvas, sky: Sky, line: Tensor) -> None:
    colour = c.colours(lambda scene: _FLOWERS[str(scene.get("flowers", "none"))])
    shown = c.facts(lambda scene: scene.get("flowers", "none") != "none")[:, None, None]
    small = torch.nn.functional.max_pool2d(c.dots(0.0016)[:, None].clamp(max=1).ceil(), 5, 1, 2)[:, 0]
    large = torch.nn.functional.max_pool2d(c.dots(0.0011)[:, None].clamp(max=1).ceil(), 9, 1, 4)[:, 0]
    near = c.below(line + 0.14)
    mask = small * c.below(line + 0.02) * (1.0 - near) + large * near
    bright = torch.maximum(sky.tint, torch.full_like(sky.tint, 0.3))
    c.blend(shown * mask * 0.95, colour * bright)
