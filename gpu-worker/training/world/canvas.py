"""A batch of pictures under the brush, and the brushes.

Coordinates run from 0 to 1, x to the right and y down. Colours are 0..1. `mask` is a coverage 0..1 of [B, S, S].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..scenes import TIMES, Scene


class Canvas:
    """`image` [B, 3, S, S] and the random numbers of its pictures."""

    def __init__(self, scenes: list[Scene], size: int, device: torch.device, seed: int) -> None:
        self.scenes = scenes
        self.batch = len(scenes)
        self.size = size
        self.device = device
        self.random = torch.Generator(device=device).manual_seed(seed)
        line = (torch.arange(size, device=device) + 0.5) / size
        self.x = line[None, None, :]
        self.y = line[None, :, None]
        self.image = torch.zeros(self.batch, 3, size, size, device=device)
        self.time = self.facts(lambda scene: TIMES.index(scene.time)).long()

    def facts(self, read: Callable[[Scene], float]) -> Tensor:
        """[B] of one number per scene."""
        return torch.tensor([float(read(scene)) for scene in self.scenes], device=self.device)

    def switch(self, name: str) -> Tensor:
        """[B, 1, 1]: 1 where the scene's detail `name` is set."""
        return self.facts(lambda scene: bool(scene.get(name)))[:, None, None]

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """[B, *shape] of uniform random numbers; with no shape, [B, 1, 1] for direct use in masks."""
        full = (self.batch, *(shape or (1, 1)))
        return low + (high - low) * torch.rand(full, generator=self.random, device=self.device)

    def by_time(self, table: dict[str, tuple[float, ...]]) -> Tensor:
        """[B, n]: the row of the scene's time of day."""
        rows = torch.tensor([table[time] for time in TIMES], device=self.device)
        return rows[self.time]

    def colours(self, read: Callable[[Scene], tuple[float, ...]]) -> Tensor:
        """[B, 3] in 0..1 from tuples in 0..255."""
        return torch.tensor([read(scene) for scene in self.scenes], device=self.device, dtype=torch.float32) / 255.0

    def blend(self, mask: Tensor, colour: Tensor) -> None:
        """Lays `colour` ([B, 3] or [B, 3, S, S]) over the picture where `mask` covers it."""
        flat = colour[:, :, None, None] if colour.dim() == 2 else colour
        self.image = torch.lerp(self.image, flat.expand_as(self.image), mask[:, None].expand_as(self.image))

    def glow(self, mask: Tensor, colour: Tensor) -> None:
        """Adds light of `colour` [B, 3]."""
        self.image = self.image + colour[:, :, None, None] * mask[:, None]

    def cover(self, distance: Tensor) -> Tensor:
        """Coverage of a shape from its signed distance in picture widths, one pixel soft."""
        return (0.5 - distance * self.size).clamp(0.0, 1.0)

    def disc(self, x: Tensor, y: Tensor, radius: Tensor) -> Tensor:
        """Coverage of a disc."""
        return self.cover(((self.x - x).square() + (self.y - y).square()).sqrt() - radius)

    def box(self, x: Tensor, y: Tensor, half_width: Tensor, half_height: Tensor) -> Tensor:
        """Coverage of an upright rectangle."""
        return self.cover(torch.maximum((self.x - x).abs() - half_width, (self.y - y).abs() - half_height))

    def triangle(self, corners: tuple[tuple[Tensor, Tensor], ...]) -> Tensor:
        """Coverage of a triangle given clockwise on the screen."""
        distance = None
        for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0])):
            dx, dy = bx - ax, by - ay
            side = ((self.y - ay) * dx - (self.x - ax) * dy) / (dx.square() + dy.square()).sqrt()
            distance = -side if distance is None else torch.maximum(distance, -side)
        return self.cover(distance)

    def noise(self, rows: int, columns: int, octaves: int = 3) -> Tensor:
        """[B, S, S] of smooth noise around 0.5, `rows` x `columns` bumps in its coarsest layer."""
        total = torch.zeros(self.batch, self.size, self.size, device=self.device)
        weight, sum_of_weights = 1.0, 0.0
        for octave in range(octaves):
            grid = self.uniform(0.0, 1.0, 1, rows * 2**octave + 1, columns * 2**octave + 1)
            total += weight * F.interpolate(grid, size=(self.size, self.size), mode="bicubic", align_corners=True)[:, 0]
            sum_of_weights += weight
            weight *= 0.5
        return total / sum_of_weights

    def ridge(self, points: int, octaves: int, smooth: bool, fall: float = 0.5) -> Tensor:
        """[B, 1, S] around 0.5: a skyline through random points, straight between them or smooth."""
        total = torch.zeros(self.batch, 1, self.size, device=self.device)
        weight, sum_of_weights = 1.0, 0.0
        for octave in range(octaves):
            knots = self.uniform(0.0, 1.0, 1, 1, points * 2**octave + 1)
            if smooth:
                line = F.interpolate(knots, size=(1, self.size), mode="bicubic", align_corners=True)
            else:
                line = F.interpolate(knots, size=(1, self.size), mode="bilinear", align_corners=True)
            total += weight * line[:, 0]
            sum_of_weights += weight
            weight *= fall
        return total / sum_of_weights

    def below(self, height: Tensor) -> Tensor:
        """Coverage of everything under the line y = height ([B, 1, S] or [B, 1, 1])."""
        return ((self.y - height) * self.size + 0.5).clamp(0.0, 1.0)

    def dots(self, share: float) -> Tensor:
        """[B, S, S]: single pixels of random brightness, `share` of all."""
        draw = self.uniform(0.0, 1.0, self.size, self.size)
        return ((draw - (1.0 - share)) / share).clamp(min=0.0)
