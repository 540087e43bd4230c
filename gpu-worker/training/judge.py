"""An independent judge of pictures: a small classifier of scene and time of day, trained on other renders."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .scenes import FAMILIES, TIMES

JUDGED = 64
"""The judge looks at pictures of this many pixels a side."""


class Judge(nn.Module):
    """Pictures [B, 3, 64, 64] in -1..1 to scores of the families and of the times of day."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 24, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(24, 48, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(48, 64, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
        )
        self.family = nn.Linear(64 * 16, len(FAMILIES))
        self.time = nn.Linear(64 * 16, len(TIMES))

    def forward(self, small: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(small)
        return self.family(features), self.time(features)


def shrink(pictures: Tensor) -> Tensor:
    """Pictures of any size as the judge sees them."""
    return F.interpolate(pictures.float(), size=(JUDGED, JUDGED), mode="area")


def judge_loss(judge: Judge, small: Tensor, family: Tensor, time: Tensor) -> Tensor:
    """Cross entropy of both answers on noised pictures; the time of planets and shapes does not count."""
    noised = small + 0.08 * torch.randn_like(small) + 0.05 * torch.randn(len(small), 3, 1, 1, device=small.device)
    scene, hour = judge(noised)
    timed = (family != FAMILIES.index("planet")) & (family != FAMILIES.index("shapes"))
    return F.cross_entropy(scene, family) + (F.cross_entropy(hour, time, reduction="none") * timed).mean()
