"""How much of everything a training run does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .network import Sizes
from .scenes import Scene


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
    distillation: Budget
    emphasis: Mapping[str, float] = field(default_factory=dict)
    """How often the diffusion sees pictures of a family or a style, 1 unless said; 0 leaves it out."""
    most_counted: int = 5
    """Most equal shapes that training asks for."""
    sizes: Sizes = Sizes()
    compiled: bool = False
    """Whether the networks are compiled, where the machine can."""
    whole_s: float = 0.0
    """Wall clock of a run of all stages, 0 for none: the diffusion then has what the others leave."""
    measuring_s: float = 0.0
    """Kept at the end of `whole_s` for exporting and measuring."""
    measured_per_family: int = 12
    samples: int = 64
    """Pictures of the card's sheet."""
    merges: int = 900
    captions: int = 8
    tokens: int = 32
    save_every_s: float = 60.0
    sheet_every_s: float = 900.0
    sheet: int = 32
    """Prompts, at most, of the sheets that show how far the diffusion is."""

    def weight(self, scene: Scene) -> float:
        """How often the diffusion sees a picture of `scene`, relative to others."""
        if scene.family == "shapes" and int(scene.get("count")) > self.most_counted:
            return 0.0
        return self.emphasis.get(scene.family, 1.0) * self.emphasis.get(scene.style, 1.0)

    def within(self, seconds: float) -> Preset:
        """The same run in `seconds` of wall clock for all stages: decoder, distillation and measuring shrink, the diffusion takes the rest."""
        decoder_s, distillation_s = (min(stage.seconds or seconds, 0.12 * seconds) for stage in (self.decoder, self.distillation))
        measuring_s = min(self.measuring_s or seconds, 0.25 * seconds)
        budgets = {"decoder": Budget(seconds=decoder_s), "distillation": Budget(seconds=distillation_s)}
        return replace(self, whole_s=seconds, measuring_s=measuring_s, **budgets)


PRESETS = {
    "smoke": Preset(
        pictures=72, large_pictures=18, draw_batch=2, batch=8, learning_rate=1e-3, diffusion=Budget(steps=30),
        decoder_batch=2, decoder=Budget(steps=15), judge_pictures=36, judge=Budget(steps=10), distillation=Budget(steps=16), merges=200, measured_per_family=1, samples=8, sheet=4,
    ),
    "cpu": Preset(
        pictures=18_000, large_pictures=640, draw_batch=16, batch=12, learning_rate=1e-3, diffusion=Budget(seconds=6000),
        decoder_batch=8, decoder=Budget(seconds=600), judge_pictures=2_880, judge=Budget(steps=700), distillation=Budget(seconds=1200),
        emphasis={"city": 1.5, "sea": 1.2, "mountains": 1.5, "planet": 1.3, "balloons": 1.2, "meadow": 0.6, "line": 0.0, "poster": 0.0},
        most_counted=3, whole_s=7_200.0, measuring_s=600.0,
    ),
    "gpu": Preset(
        pictures=150_000, large_pictures=6_000, draw_batch=64, batch=768, learning_rate=1.2e-3, diffusion=Budget(seconds=900),
        decoder_batch=64, decoder=Budget(seconds=150), judge_pictures=9_000, judge=Budget(steps=2_000), distillation=Budget(seconds=150),
        sizes=Sizes(levels=(128, 224)), compiled=True, whole_s=1_440.0, measuring_s=240.0, measured_per_family=24, captions=6,
    ),
}
