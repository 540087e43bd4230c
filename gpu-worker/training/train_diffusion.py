"""The diffusion's training: rectified flow over the codes; captions are left out now and then for guidance."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from .checkpoints import DIFFUSION, last_weights
from .codes import Codes, flow_loss
from .data import PICTURE
from .exchange import Exchange
from .log import save_atomically
from .network import Sizes, TextEncoder, UNet
from .presets import Preset
from .run import Clock, Run, schedule, seed_step, set_rate
from .sampling import SHEET_PROMPTS, sample, write_sheet
from .tokenizer import Tokenizer
from .train_decoder import load_decoder

TELL_EVERY_S = 90.0


def networks(tokenizer: Tokenizer, sizes: Sizes) -> nn.ModuleDict:
    """Text encoder and UNet with fresh weights."""
    return nn.ModuleDict({"text": TextEncoder(len(tokenizer.ids), tokenizer.end, sizes), "unet": UNet(sizes)})


def trained_networks(folder: Path, tokenizer: Tokenizer) -> tuple[nn.ModuleDict, Sizes]:
    """The averaged weights of a run's last checkpoint, on the CPU, and their sizes."""
    state = last_weights(folder)
    sizes = _sizes(state)
    nets = networks(tokenizer, sizes)
    nets.load_state_dict(state["means"])
    return nets.eval(), sizes


def _sizes(state: dict[str, object]) -> Sizes:
    """The sizes that a checkpoint's networks have; the first checkpoints had the default ones and did not say so."""
    said = state.get("sizes")
    return Sizes(**said | {"levels": tuple(said["levels"])}) if said else Sizes()


class Diffusion:
    """The networks in training, their running means and the optimiser."""

    def __init__(self, run: Run) -> None:
        torch.manual_seed(run.seed)
        self.sizes = run.preset.sizes
        self.nets = networks(run.tokenizer, self.sizes).to(run.device, memory_format=torch.channels_last)
        self.means = copy.deepcopy(self.nets).eval().requires_grad_(False)
        self.optimizer = run.optimizer(self.nets.parameters(), run.preset.learning_rate)

    def state(self, clock: Clock) -> dict[str, object]:
        """All that a resumed run needs."""
        return {
            "nets": self.nets.state_dict(), "means": self.means.state_dict(), "optimizer": self.optimizer.state_dict(),
            "sizes": dataclasses.asdict(self.sizes), "step": clock.step, "elapsed_s": clock.elapsed_s,
        }

    def load(self, state: dict[str, object]) -> None:
        """Continues from `state`."""
        if _sizes(state) != self.sizes:
            raise ValueError(f"the checkpoint's networks have {_sizes(state)}, this preset's {self.sizes}")
        self.nets.load_state_dict(state["nets"])
        self.means.load_state_dict(state["means"])
        if state["optimizer"] is not None:  # An unpacked run has none.
            self.optimizer.load_state_dict(state["optimizer"])

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Moves the running means toward the weights."""
        keep = min(0.998, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.means.parameters()), list(self.nets.parameters()), 1.0 - keep)


def train_diffusion(run: Run, exchange: Exchange | None = None) -> Diffusion:
    """Trains until the budget is spent, on from the checkpoint where there is one."""
    exchange = exchange or Exchange()
    preset, data, diffusion, path = run.preset, Codes(run), Diffusion(run), run.folder / DIFFUSION
    for nets in (diffusion.nets, diffusion.means):
        nets["unet"].spread.copy_(data.spread)
    clock = Clock(preset.diffusion)
    if path.exists():
        state = torch.load(path, map_location=run.device)
        diffusion.load(state)
        clock = Clock(preset.diffusion, state["step"], state["elapsed_s"])
    if clock.progress < 1.0:
        for nets in (diffusion.nets, diffusion.means):
            nets["unet"].forget_distilled()
    loss_of, size = _prepared(run, diffusion, data)
    teller = _Teller(run, diffusion, data, clock, size * exchange.count)

    def after_step(loss: Tensor, progress: float) -> None:
        if exchange.rank == 0:
            teller.step(loss, progress)
            if clock.due("save", preset.save_every_s):
                save_atomically(diffusion.state(clock), path)

    train_on(run, diffusion, clock, lambda: loss_of(*data.batch(size)), exchange, after_step)
    if exchange.rank == 0:
        teller.end()
        save_atomically(diffusion.state(clock), path)
    return diffusion


def train_on(
    run: Run, diffusion: Diffusion, clock: Clock, loss_of_step: Callable[[], Tensor], exchange: Exchange, after_step: Callable[[Tensor, float], None]
) -> None:
    """Steps until the clock's budget is spent; `after_step` hears of every loss and of the progress."""
    progress = clock.progress
    while progress < 1.0:
        seed_step(run.seed, clock.step, exchange.rank)
        set_rate(diffusion.optimizer, run.preset.learning_rate * schedule(progress))
        diffusion.optimizer.zero_grad(set_to_none=True)
        loss = loss_of_step()
        loss.backward()
        progress = exchange.average(diffusion.nets.parameters(), clock.progress)
        nn.utils.clip_grad_norm_(diffusion.nets.parameters(), 1.0)
        diffusion.optimizer.step()
        clock.step += 1
        diffusion.follow(clock.step)
        progress = clock.progress if exchange.count == 1 else progress
        after_step(loss.detach(), progress)


def diffuse(folder: Path, preset: Preset, seed: int, exchange: Exchange) -> None:
    """`train_diffusion` as one of several processes."""
    train_diffusion(Run(folder, preset, seed), exchange)


def _prepared(run: Run, diffusion: Diffusion, data: Codes) -> tuple[Callable[..., Tensor], int]:
    """The loss, compiled where the preset asks and the machine can, and the largest batch up to the preset's that fits."""
    text, flow = diffusion.nets["text"], diffusion.nets["unet"].flow
    kinds = [("compiled", torch.compile(text), torch.compile(flow)), ("plain", text, flow)] if run.preset.compiled else [("plain", text, flow)]
    size = run.preset.batch
    for name, text_call, flow_call in kinds:

        def loss_of(*batch: Tensor) -> Tensor:
            with run.autocast():
                return flow_loss(text_call, flow_call, *batch)

        if not run.preset.compiled:
            return loss_of, size
        while size >= 1:
            try:
                loss_of(*data.batch(size)).backward()
                run.log.line("prepared", networks=name, batch=size)
                return loss_of, size
            except torch.cuda.OutOfMemoryError:
                diffusion.optimizer.zero_grad(set_to_none=True)
                torch.cuda.empty_cache()
                size //= 2
            except Exception as error:  # A compiler has many ways to fail, and the run goes on without it.
                if name == "plain":
                    raise
                run.log.line("not compiled", reason=f"{type(error).__name__}: {error}"[:300])
                break
    raise RuntimeError("not even a batch of one picture fits into the memory")


class _Teller:
    """Logs losses and speed, and draws sheets, while the diffusion trains."""

    def __init__(self, run: Run, diffusion: Diffusion, data: Codes, clock: Clock, batch: int) -> None:
        self.run, self.diffusion, self.data, self.clock, self.batch = run, diffusion, data, clock, batch
        self.total: Tensor | float = 0.0
        self.since, self.told_s = 0, clock.elapsed_s

    def step(self, loss: Tensor, progress: float) -> None:
        """Takes a step's loss; tells and draws when it is time."""
        self.total, self.since = self.total + loss, self.since + 1
        if self.clock.step == 1 or self.clock.due("tell", TELL_EVERY_S):
            self._tell("diffusion", progress)
        if self.clock.due("sheet", self.run.preset.sheet_every_s):
            write_samples(self.run, self.diffusion)

    def end(self) -> None:
        """The last line and the last sheet."""
        if self.since:
            self._tell("diffusion end", 1.0)
        write_samples(self.run, self.diffusion)

    def _tell(self, stage: str, progress: float) -> None:
        with self.run.autocast():
            check = self.data.check(self.diffusion.means)
        rate = self.since * self.batch / max(0.1, self.clock.elapsed_s - self.told_s)
        facts = {"loss": float(self.total) / self.since, "held_out": check, "per_second": rate}
        self.run.log.line(stage, progress, self.clock.elapsed_s, step=self.clock.step, **facts)
        self.total, self.since, self.told_s = 0.0, 0, self.clock.elapsed_s


def write_samples(run: Run, diffusion: Diffusion) -> None:
    """A sheet of the fixed prompts from the running means."""
    decoder, prompts = load_decoder(run), list(SHEET_PROMPTS[: run.preset.sheet])
    with run.autocast():
        pictures = sample(diffusion.means["text"], diffusion.means["unet"], decoder, run.tokenizer, prompts, PICTURE, 7)
    write_sheet(pictures, min(8, len(prompts)), 192, run.folder / "samples.png")
