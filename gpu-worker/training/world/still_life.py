"""Still lifes: one to five equal shapes, or two different ones beside or above each other, on a plain ground."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..scenes import MAX_COUNT, RELATIONS, SHAPE_KINDS, Scene
from .canvas import Canvas
from .paints import PAINTS
from .sky import turn

_PLACES = (
    ((0.5, 0.5),),
    ((0.29, 0.5), (0.71, 0.5)),
    ((0.27, 0.66), (0.73, 0.66), (0.5, 0.28)),
    ((0.28, 0.28), (0.72, 0.28), (0.28, 0.72), (0.72, 0.72)),
    ((0.22, 0.24), (0.78, 0.24), (0.5, 0.5), (0.22, 0.76), (0.78, 0.76)),
)
_RADII = (0.26, 0.175, 0.16, 0.155, 0.125)
_SIZES = {"usual": 1.0, "small": 0.55, "large": 1.35}
_FIRST_PLACE = {"left": (0.28, 0.5), "right": (0.72, 0.5), "above": (0.5, 0.28), "below": (0.5, 0.72)}
_RELATED_RADIUS = 0.17


def paint(canvas: Canvas) -> None:
    """Paints shapes with soft shadows; light falls from the upper left."""
    c = canvas
    ground = c.colours(lambda scene: PAINTS[str(scene.get("background"))])
    falloff = 1.06 - 0.22 * ((c.x - 0.5).square() + (c.y - 0.45).square())
    c.image = ground[:, :, None, None] * falloff[:, None] + 0.0 * c.image
    radius = c.facts(_radius)[:, None, None] * c.uniform(0.86, 1.12)
    for place in range(MAX_COUNT):
        shown = c.facts(lambda scene, place=place: place < _things(scene))[:, None, None]
        x = c.facts(lambda scene, place=place: _spot(scene, place)[0])[:, None, None] + c.uniform(-0.035, 0.035)
        y = c.facts(lambda scene, place=place: _spot(scene, place)[1])[:, None, None] + c.uniform(-0.035, 0.035)
        kind = c.facts(lambda scene, place=place: SHAPE_KINDS.index(_kind(scene, place)))[:, None, None]
        _thing(c, kind, x, y, radius, c.colours(lambda scene, place=place: PAINTS[_colour(scene, place)]), shown)


def _things(scene: Scene) -> int:
    return 2 if scene.get("relation", "") else int(scene.get("count"))


def _kind(scene: Scene, place: int) -> str:
    return str(scene.get("other" if place and scene.get("relation", "") else "shape"))


def _colour(scene: Scene, place: int) -> str:
    return str(scene.get("other_colour" if place and scene.get("relation", "") else "colour"))


def _radius(scene: Scene) -> float:
    if scene.get("relation", ""):
        return _RELATED_RADIUS
    return _RADII[int(scene.get("count")) - 1] * _SIZES[str(scene.get("size", "usual"))]


def _spot(scene: Scene, place: int) -> tuple[float, float]:
    """Where the centre of the thing at `place` is; the middle for things that are not shown."""
    relation = str(scene.get("relation", ""))
    if relation:
        opposite = RELATIONS[RELATIONS.index(relation) ^ 1]
        return _FIRST_PLACE[opposite if place else relation]
    spots = _PLACES[int(scene.get("count")) - 1]
    return spots[place] if place < len(spots) else (0.5, 0.5)


def _thing(c: Canvas, kind: Tensor, x: Tensor, y: Tensor, radius: Tensor, paint: Tensor, shown: Tensor) -> None:
    lean = c.uniform(-0.12, 0.12)
    shadow = (0.5 - _distance(c, kind, x + 0.016, y + 0.022, radius, lean) * 26.0).clamp(0.0, 1.0)
    c.image = c.image * (1.0 - 0.28 * shadow * shown)[:, None]
    light = 1.06 - 0.25 * ((c.x - x + 0.3 * radius) + (c.y - y + 0.5 * radius))
    c.blend(c.cover(_distance(c, kind, x, y, radius, lean)) * shown, (paint + 0.02)[:, :, None, None] * light[:, None])


def _distance(c: Canvas, kind: Tensor, x: Tensor, y: Tensor, size: Tensor, lean: Tensor) -> Tensor:
    """Signed distance, roughly, of the scene's shape at (x, y)."""
    dx, dy = turn(lean, (c.x - x) / size, (c.y - y) / size)
    circle = (dx.square() + dy.square()).sqrt() - 1.0
    square = torch.maximum(dx.abs(), dy.abs()) - 0.86
    triangle = torch.maximum(dx.abs() * 0.866 - (dy + 0.85) * 0.5, dy - 0.65)
    angle = torch.atan2(dx, -dy)
    fifth = 2.0 * math.pi / 5.0
    folded = (angle - fifth * torch.round(angle / fifth)).abs()
    out = (dx.square() + dy.square()).sqrt()
    sx, sy = out * torch.sin(folded), out * torch.cos(folded)
    # The line from a tip (0, 1.1) to the notch beside it.
    notch = 0.46
    nx, ny = notch * math.sin(fifth / 2), notch * math.cos(fifth / 2)
    ex, ey = nx, ny - 1.1
    length = math.hypot(ex, ey)
    star = ((sx * -ey) + (sy - 1.1) * ex) / length
    heart = _heart(dx, dy)
    choices = torch.stack(torch.broadcast_tensors(circle, square, triangle, star, heart))
    index = kind.long().expand(c.batch, c.size, c.size)[None]
    return torch.gather(choices, 0, index)[0] * size


def _heart(dx: Tensor, dy: Tensor) -> Tensor:
    """A heart from two discs and the wedge between them."""
    side = dx.abs()
    lobe = ((side - 0.48).square() + (dy + 0.35).square()).sqrt() - 0.52
    wedge = torch.maximum(side * 0.742 + (dy + 0.02) * 0.67 - 0.62, -dy - 0.35)
    return torch.minimum(lobe, torch.maximum(wedge, side - 1.0))
