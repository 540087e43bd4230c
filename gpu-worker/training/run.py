"""A training run: its folder, device, log, clock and learning rate, and what all of its stages share."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from .autoencoder import Encoder, fit_components
from .data import draw_shards, load_shards, to_unit, train_tokenizer
from .log import Log, save_atomically
from .pack import unpack
from .presets import Budget, Preset
from .tokenizer import Tokenizer

FITTED = 2_000
"""Pictures that the principal components are fitted to."""

# Every stage draws from seeds of its own: the run's seed plus this.
SMALL_SEED, LARGE_SEED, JUDGED_SEED = 100, 200, 300


def schedule(progress: float, warm: float = 0.02, flat_until: float = 0.6) -> float:
    """Learning-rate factor: a short rise, a plain, a cosine to 1 %."""
    if progress < warm:
        return max(0.02, progress / warm)
    if progress < flat_until:
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * (progress - flat_until) / (1.0 - flat_until)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def seed_step(seed: int, step: int, rank: int = 0) -> None:
    """Makes a step's random numbers follow from its number, so that an interrupted run draws what an uninterrupted one does."""
    torch.manual_seed((seed * 1_000_003 + step) * 64 + rank)


class Clock:
    """Counts a stage's steps and seconds across interruptions."""

    def __init__(self, budget: Budget, step: int = 0, elapsed_s: float = 0.0) -> None:
        self.budget, self.step, self._before, self._began = budget, step, elapsed_s, time.monotonic()
        self._marks: dict[str, float] = {}

    @property
    def elapsed_s(self) -> float:
        """Seconds spent in this stage, those before an interruption included."""
        return self._before + time.monotonic() - self._began

    @property
    def progress(self) -> float:
        """Share of the stage that is done."""
        return self.budget.progress(self.step, self.elapsed_s)

    def due(self, name: str, every_s: float) -> bool:
        """True once every `every_s` seconds, counted apart for each `name`."""
        now = time.monotonic()
        if now - self._marks.setdefault(name, self._began) < every_s:
            return False
        self._marks[name] = now
        return True


class Run:
    """One training run in `folder`: the device, the log and the files of the stages."""

    def __init__(self, folder: Path, preset: Preset, seed: int) -> None:
        self.folder, self.preset, self.seed = folder, preset, seed
        self.log = Log(folder)
        torch.manual_seed(seed)
        torch.set_float32_matmul_precision("high")
        unpack(folder)
        if not (folder / "tokenizer/merges.txt").exists():
            train_tokenizer(preset.merges, seed).save(folder / "tokenizer")
        self.tokenizer = Tokenizer.load(folder / "tokenizer")
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.log.line("start", device=str(self.device), vocabulary=len(self.tokenizer.ids))

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """bf16 for what bears it, on every device, so that a run learns alike wherever it goes on."""
        return torch.autocast(self.device.type, torch.bfloat16)

    def optimizer(self, parameters: Iterator[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        """AdamW with this run's settings."""
        return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)

    def draw(self) -> None:
        """Draws all pictures that are not there yet, and fits the components."""
        preset = self.preset
        draw_shards(self.folder / "small", preset.pictures, preset.draw_batch, self.seed + SMALL_SEED, True, self.device)
        draw_shards(self.folder / "large", preset.large_pictures, max(1, preset.draw_batch // 2), self.seed + LARGE_SEED, False, self.device)
        components_of(self)
        self.log.line("drawn")


def components_of(run: Run) -> tuple[Tensor, Tensor, Tensor]:
    """The principal components, fitted once."""
    path = run.folder / "components.pt"
    if not path.exists():
        _, small = load_shards(run.folder / "small")
        chosen = small[torch.randperm(len(small), generator=torch.Generator().manual_seed(run.seed))[:FITTED]]
        save_atomically(fit_components(to_unit(chosen)), path)
        run.log.line("components", pictures=len(chosen))
    mean, basis, scale = torch.load(path)
    return mean.to(run.device), basis.to(run.device), scale.to(run.device)


def encoder_of(run: Run) -> Encoder:
    """The encoder that follows from the components."""
    encoder = Encoder().to(run.device)
    encoder.set_components(*components_of(run))
    return encoder.eval()
