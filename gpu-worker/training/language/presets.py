"""How much a run of the word model does."""

from __future__ import annotations

from dataclasses import dataclass

from .network import Sizes


@dataclass(frozen=True)
class Preset:
    """Size of the network, rows of a batch, optimiser steps, and how often a checkpoint is written."""

    sizes: Sizes
    rows: int
    steps: int
    learning_rate: float
    tokenizer_texts: int
    save_every_s: float = 60.0


PRESETS = {
    "smoke": Preset(Sizes(vocabulary=512, width=32, heads=2, layers=2, context=128), 2, 24, 3e-3, 200),
    "cpu": Preset(Sizes(), 4, 7_550, 2e-3, 6_000),
    "gpu": Preset(Sizes(), 64, 8_000, 2e-3, 6_000),
}
