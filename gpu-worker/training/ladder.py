"""How the scheduler that ships spaces the noise levels."""

from __future__ import annotations

SHIFT = 3.0
"""How much more of the steps lie near pure noise, where the scene is settled."""


def noise_ladder(steps: int, shift: float = SHIFT) -> list[float]:
    """Noise levels from 1 to 0, as FlowMatchEulerDiscreteScheduler spaces them: shift s / (1 + (shift - 1) s) of an even s."""
    return [shift * even / (1.0 + (shift - 1.0) * even) for even in (1.0 - step / steps for step in range(steps + 1))]
