"""What a run keeps of its networks: the diffusion's state and, once it was distilled, that of the distillation."""

from __future__ import annotations

from pathlib import Path

import torch

DIFFUSION = "diffusion.pt"
DISTILLED = "distilled.pt"


def last_weights(folder: Path) -> dict[str, object]:
    """The state of the diffusion or, where it was distilled since its last step, of the distillation; on the CPU."""
    trained, path = torch.load(folder / DIFFUSION, map_location="cpu"), folder / DISTILLED
    distilled = torch.load(path, map_location="cpu") if path.exists() else None
    return distilled if distilled and distilled["taught_step"] == trained["step"] else trained
