"""An independent judge of pictures: a small classifier of scene, time of day and style, trained on other renders."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .scenes import FAMILIES, STYLES, TIMES

JUDGED = 64
"""The judge looks at pictures of this many pixels a side."""

UNTIMED = ("planet", "shapes")
"""Families that have no time of day."""


class Judge(nn.Module):
    """Pictures [B, 3, 64, 64] in -1..1 to scores of the families, of the times of day and of the styles."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 24, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(24, 48, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(48, 64, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, stride=2, padding=1), nn.ReLU(),
        )
        self.family = nn.Linear(64 * 16, len(FAMILIES))
        self.time = nn.Linear(64 * 16, len(TIMES))
        self.style = nn.Linear(64 * 16, len(STYLES))

    def forward(self, small: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        seen = self.body(small).flatten(1)
        return self.family(seen), self.time(seen), self.style(seen)

    def features(self, small: Tensor) -> Tensor:
        """[B, 64]: what the last layer sees, averaged over the picture."""
        return self.body(small).mean((2, 3))


def shrink(pictures: Tensor) -> Tensor:
    """Pictures of any size as the judge sees them."""
    return F.interpolate(pictures.float(), size=(JUDGED, JUDGED), mode="area")


def judge_loss(judge: Judge, small: Tensor, family: Tensor, time: Tensor, style: Tensor) -> Tensor:
    """Cross entropy of the three answers on noised pictures; the time of planets and shapes does not count."""
    noised = small + 0.08 * torch.randn_like(small) + 0.05 * torch.randn(len(small), 3, 1, 1, device=small.device)
    scene, hour, hand = judge(noised)
    timed = torch.ones_like(family, dtype=torch.bool)
    for name in UNTIMED:
        timed &= family != FAMILIES.index(name)
    return F.cross_entropy(scene, family) + (F.cross_entropy(hour, time, reduction="none") * timed).mean() + F.cross_entropy(hand, style)
