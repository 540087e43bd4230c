"""The two settings that ship, usual and fast, and the noise levels of straight steps."""

from __future__ import annotations

SHIFT = 3.0
"""How much more of the steps lie near pure noise, where the scene is settled."""

TIMESTEPS = 1_000
"""The network's timestep is so many times the noise level."""

STEPS = 8
GUIDANCE = 2.0

FAST_FOLDER = "scheduler_fast"
"""Where a model's folder has the scheduler of the distilled mode, if it has that mode."""

FAST_TIMESTEPS = 100_000
"""The same in the distilled mode, whose timesteps lie so far above the usual ones that the network tells them apart."""

FAST_STEPS = 4
FAST_GUIDANCE = 1.0
"""The distilled flow is the guided one, so it takes no guidance."""

FAST_TERMINAL = 0.25
"""Noise level at which the last of the distilled steps begins."""


def noise_ladder(steps: int, timesteps: int = TIMESTEPS, terminal: float = 0.0, shift: float = SHIFT) -> list[float]:
    """Noise levels from 1 to 0, as FlowMatchEulerDiscreteScheduler of diffusers visits them.

    It spaces them evenly from 1 to the smallest level of its table, the shifted 1 / `timesteps`, and shifts them: shift s /
    (1 + (shift - 1) s) of an even s. Where `terminal` is not 0 they are stretched so that the last of them is it. 0 follows.
    """
    smallest = _shifted(1.0 / timesteps, shift)
    visited = [_shifted(1.0 - (1.0 - smallest) * step / max(1, steps - 1), shift) for step in range(steps)]
    if terminal and steps > 1:
        stretch = (1.0 - terminal) / (1.0 - visited[-1])
        visited = [1.0 - (1.0 - level) * stretch for level in visited]
    return [*visited, 0.0]


def fast_ladder() -> list[float]:
    """The levels of the distilled steps."""
    return noise_ladder(FAST_STEPS, FAST_TIMESTEPS, FAST_TERMINAL)


def _shifted(even: float, shift: float) -> float:
    return shift * even / (1.0 + (shift - 1.0) * even)
