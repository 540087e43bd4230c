"""What a picture of shapes shows, read from its pixels by hand-written rules: ground, colour, count and relation."""

from __future__ import annotations

import numpy as np

from .scenes import SHAPE_COLOURS
from .world.paints import PAINTS

SIDE = 64
LEAST_CONTRAST = 0.28
"""Distance in RGB, each 0..1, from which a pixel is no longer ground."""

LEAST_AREA = 0.003
"""Share of the picture below which a spot is not a shape."""


def _nearest(colour: np.ndarray, names: tuple[str, ...]) -> str:
    return min(names, key=lambda name: float(np.square(colour - np.array(PAINTS[name]) / 255.0).sum()))


def _spots(mask: np.ndarray) -> int:
    """How many connected spots of at least LEAST_AREA there are."""
    left = mask.copy()
    count = 0
    for start in zip(*np.nonzero(mask)):
        if not left[start]:
            continue
        area, queue = 0, [start]
        left[start] = False
        while queue:
            row, column = queue.pop()
            area += 1
            for beside in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if 0 <= beside[0] < mask.shape[0] and 0 <= beside[1] < mask.shape[1] and left[beside]:
                    left[beside] = False
                    queue.append(beside)
        count += area >= LEAST_AREA * mask.size
    return count


def read_shapes(picture: np.ndarray) -> dict[str, str | int]:
    """Ground, colour and count of a picture [3, H, W] in -1..1."""
    small, mask, name = _things(picture)
    others = tuple(colour for colour in SHAPE_COLOURS if colour != name)
    colour = _nearest(np.median(small[:, mask], 1), others) if mask.any() else "none"
    return {"background": name, "colour": colour, "count": _spots(mask)}


def read_relation(picture: np.ndarray, colour: str, other: str) -> str:
    """Where the thing of `colour` is, seen from that of `other`; "none" where one of the two is not seen."""
    small, mask, ground = _things(picture)
    names = tuple(name for name in SHAPE_COLOURS if name != ground)
    paints = np.array([PAINTS[name] for name in names]) / 255.0
    nearest = np.square(small[:, None] - paints.T[:, :, None, None]).sum(0).argmin(0)
    centres = []
    for wanted in (colour, other):
        of_it = mask & (nearest == names.index(wanted)) if wanted in names else np.zeros_like(mask)
        if of_it.mean() < LEAST_AREA:
            return "none"
        centres.append(np.argwhere(of_it).mean(0))
    down, along = centres[0] - centres[1]
    if abs(along) >= abs(down):
        return "left" if along < 0 else "right"
    return "above" if down < 0 else "below"


def _things(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """The picture made small [3, SIDE, SIDE] in 0..1, where something stands before the ground, and the ground's colour."""
    height, width = picture.shape[1:]
    small = picture.reshape(3, SIDE, height // SIDE, SIDE, width // SIDE).mean((2, 4)) * 0.5 + 0.5
    edge = np.concatenate((small[:, :3].reshape(3, -1), small[:, -3:].reshape(3, -1), small[:, :, :3].reshape(3, -1), small[:, :, -3:].reshape(3, -1)), 1)
    ground = np.median(edge, 1)
    # A shadow only darkens the ground; a shape differs from every darker shade of it.
    brightness = (small * ground[:, None, None]).sum(0) / max(1e-6, float(np.square(ground).sum()))
    shaded = ground[:, None, None] * brightness.clip(0.72, 1.1)
    mask = np.sqrt(np.square(small - shaded).sum(0)) > LEAST_CONTRAST
    return small, mask, _nearest(ground, SHAPE_COLOURS)
