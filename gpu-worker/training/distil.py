"""The distilled mode: four steps without guidance that lead where many guided steps of the same network lead.

The trained network, the teacher, walks with guidance from noise to a picture. The student, a copy that is told to be fast,
learns the straight way between the ends of each of four stretches of that walk (progressive distillation, Salimans and Ho
2022, with the guidance folded in as Meng et al. 2023 do). Beside it the student goes on with the usual flow, so that it
keeps what the teacher could.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from .checkpoints import DIFFUSION, DISTILLED
from .codes import Codes, flow_loss
from .exchange import Exchange
from .ladder import FAST_STEPS, FAST_TIMESTEPS, TIMESTEPS, fast_ladder
from .log import save_atomically
from .presets import Preset
from .run import Clock, Run
from .train_diffusion import Diffusion, train_on

TAUGHT_GUIDANCE = 3.0
STEPS_OF_A_STRETCH = 3
"""Guided steps between two levels of the fast ladder."""

TURNS = 2 * FAST_STEPS
"""Steps that learn from the same walks: each stretch is seen twice."""

REHEARSED_SHARE = 0.25
"""Size of the usual flow's batch beside the preset's; the walks are half of it."""

TELL_EVERY_S = 90.0


@torch.no_grad()
def guided_walk(nets: nn.ModuleDict, noise: Tensor, words: Tensor, nothing: Tensor) -> list[Tensor]:
    """Codes [B, C, h, w] at every level of the fast ladder, by guided steps of second order (Adams and Bashforth) between
    them; `words` and `nothing` are encoded.
    """
    ladder = fast_ladder()
    both, codes, stops = torch.cat((nothing.expand_as(words), words)), noise, [noise]
    before: tuple[Tensor, float] | None = None
    for start, end in zip(ladder, ladder[1:]):
        stride = (end - start) / STEPS_OF_A_STRETCH
        for step in range(STEPS_OF_A_STRETCH):
            timestep = torch.full((2 * len(codes),), TIMESTEPS * (start + step * stride), device=codes.device)
            plain, told = nets["unet"].flow(torch.cat((codes, codes)), timestep, both).float().chunk(2)
            flow = plain + TAUGHT_GUIDANCE * (told - plain)
            codes = codes + stride * flow
            if before is not None:
                codes = codes + 0.5 * stride * (stride / before[1]) * (flow - before[0])
            before = (flow, stride)
        stops.append(codes)
    return stops


@dataclass(frozen=True)
class Walks:
    """Walks of the teacher: their captions [B, T], their codes [B, levels, C, h, w] and the levels."""

    ids: Tensor
    stops: Tensor
    ladder: Tensor

    def loss(self, nets: nn.ModuleDict, turn: int) -> Tensor:
        """Squared error of the student's flow on stretch (i + turn) of walk i."""
        walks = torch.arange(len(self.ids), device=self.ids.device)
        stretch = (walks + turn) % FAST_STEPS
        start, end = self.stops[walks, stretch], self.stops[walks, stretch + 1]
        now, after = self.ladder[stretch], self.ladder[stretch + 1]
        flow = (end - start) / (after - now)[:, None, None, None]
        predicted = nets["unet"].flow(start, now * FAST_TIMESTEPS, nets["text"](self.ids))
        return (predicted.float() - flow).square().mean()


class Lessons:
    """What the student learns from: every `TURNS` steps new walks, and in each of these steps another stretch of all."""

    def __init__(self, teacher: nn.ModuleDict, data: Codes, size: int) -> None:
        self.teacher, self.data, self.size = teacher, data, size
        self.walks: Walks | None = None

    def loss(self, nets: nn.ModuleDict, step: int) -> Tensor:
        """The student's loss in step number `step`; a run that goes on between two walks begins with new ones."""
        turn = step % TURNS
        if turn == 0 or self.walks is None:
            self.walks = self._walk()
        return self.walks.loss(nets, turn)

    def _walk(self) -> Walks:
        noise, ids = self.data.captioned_noise(self.size)
        words, nothing = self.teacher["text"](ids), self.teacher["text"](self.data.nothing[None])
        stops = torch.stack(guided_walk(self.teacher, noise, words, nothing), 1)
        return Walks(ids, stops, torch.tensor(fast_ladder(), device=ids.device))


class _Teller:
    """Logs both losses while the student learns."""

    def __init__(self, run: Run, clock: Clock) -> None:
        self.run, self.clock, self.since, self.totals = run, clock, 0, [0.0, 0.0]

    def add(self, fast: Tensor, usual: Tensor) -> None:
        """Takes a step's losses."""
        self.totals = [total + float(loss) for total, loss in zip(self.totals, (fast, usual))]
        self.since += 1

    def tell(self, stage: str, progress: float) -> None:
        """Writes the mean losses since the last time."""
        fast, usual = (total / max(1, self.since) for total in self.totals)
        self.run.log.line(stage, progress, self.clock.elapsed_s, step=self.clock.step, loss=fast, usual=usual)
        self.since, self.totals = 0, [0.0, 0.0]


def distil(folder: Path, preset: Preset, seed: int, exchange: Exchange) -> None:
    """`train_distilled` as one of several processes."""
    train_distilled(Run(folder, preset, seed), exchange)


def train_distilled(run: Run, exchange: Exchange | None = None) -> Diffusion:
    """Trains RUN/distilled.pt from the averaged weights of RUN/diffusion.pt until the budget is spent."""
    exchange = exchange or Exchange()
    preset, data, path = run.preset, Codes(run), run.folder / DISTILLED
    student, clock = Diffusion(run), Clock(preset.distillation)
    taught = torch.load(run.folder / DIFFUSION, map_location=run.device)
    student.load({**taught, "nets": taught["means"], "optimizer": None})
    teacher = copy.deepcopy(student.means)
    state = torch.load(path, map_location=run.device) if path.exists() else None
    # What was distilled from an earlier state of the diffusion is of no use any more.
    if state and state["taught_step"] == taught["step"]:
        student.load(state)
        clock = Clock(preset.distillation, state["step"], state["elapsed_s"])
    lessons, teller = Lessons(teacher, data, max(1, preset.batch // 2)), _Teller(run, clock)
    rehearsed = max(1, round(REHEARSED_SHARE * preset.batch))

    def save() -> None:
        save_atomically(student.state(clock) | {"taught_step": taught["step"]}, path)

    def loss_of_step() -> Tensor:
        with run.autocast():
            fast = lessons.loss(student.nets, clock.step)
            usual = flow_loss(student.nets["text"], student.nets["unet"].flow, *data.batch(rehearsed))
        teller.add(fast.detach(), usual.detach())
        return fast + usual

    def after_step(_: Tensor, progress: float) -> None:
        if exchange.rank == 0 and clock.due("tell", TELL_EVERY_S):
            teller.tell("distillation", progress)
        # Only between walks, so that a run that goes on learns what an uninterrupted one does.
        if exchange.rank == 0 and clock.step % TURNS == 0 and clock.due("save", preset.save_every_s):
            save()

    train_on(run, student, clock, loss_of_step, exchange, after_step)
    if exchange.rank == 0:
        teller.tell("distillation end", 1.0)
        save()
    return student
