"""How much of everything a training run does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """A stage's end: after `steps`, or after `seconds` of wall clock, whichever is given."""

    steps: int = 0
    seconds: float = 0.0

    def progress(self, step: int, elapsed_s: float) -> float:
        """Share of the stage that is done, 0..1."""
        return min(1.0, step / self.steps if self.steps else elapsed_s / self.seconds)


@dataclass(frozen=True)
class Preset:
    """Sizes, batches and budgets of a run. `pictures` are for the latents, `large_pictures` for the decoder."""

    pictures: int
    large_pictures: int
    draw_batch: int
    batch: int
    learning_rate: float
    diffusion: Budget
    decoder_batch: int
    decoder: Budget
    judge_pictures: int
    judge: Budget
    emphasis: Mapping[str, float] = field(default_factory=dict)
    """How often the diffusion sees a family's pictures, 1 unless said; 0 leaves the family out."""
    merges: int = 900
    captions: int = 8
    tokens: int = 32
    save_every_s: float = 60.0
    sheet_every_s: float = 300.0


PRESETS = {
    "smoke": Preset(
        pictures=72, large_pictures=18, draw_batch=2, batch=8, learning_rate=1e-3, diffusion=Budget(steps=30),
        decoder_batch=2, decoder=Budget(steps=15), judge_pictures=36, judge=Budget(steps=10), merges=200,
    ),
    "cpu": Preset(
        pictures=14_000, large_pictures=480, draw_batch=16, batch=6, learning_rate=1e-3, diffusion=Budget(seconds=6000),
        decoder_batch=8, decoder=Budget(seconds=600), judge_pictures=1440, judge=Budget(steps=700),
        emphasis={"city": 2.0, "sea": 1.3, "planet": 0.8, "balloons": 0.6, "meadow": 0.6, "shapes": 0.0},
    ),
    "gpu": Preset(
        pictures=120_000, large_pictures=8_000, draw_batch=64, batch=512, learning_rate=1.2e-3, diffusion=Budget(seconds=960),
        decoder_batch=96, decoder=Budget(seconds=180), judge_pictures=9_000, judge=Budget(seconds=30),
    ),
}
