"""Trains the word model: tokenizer, then the decoder, each going on from what an interrupted run left."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from ..log import Log, save_atomically
from .corpus import texts_of_run
from .data import UNSCORED, Batch, Reader, lesson_texts
from .network import Writer
from .presets import Preset
from .tokenizer import learn

WARM_UP_STEPS = 60
COOLING_SHARE = 0.3
"""Share of the steps, the last ones, in which the learning rate falls to nothing."""

WEIGHT_DECAY = 0.05
LARGEST_GRADIENT = 1.0
LOG_EVERY_STEPS = 50


class Run:
    """A folder with tokenizer, checkpoint and log."""

    def __init__(self, folder: Path, preset: Preset, seed: int, device: str = "cpu") -> None:
        self.folder, self.preset, self.seed, self.device = folder, preset, seed, device
        self.log = Log(folder)
        self.documents, self.held_out = texts_of_run(folder)
        self.tokenizer = self._tokenizer()
        self.reader = Reader(self.tokenizer, self.documents, preset.sizes.context, preset.rows, seed)

    def _tokenizer(self) -> Tokenizer:
        path = self.folder / "tokenizer.json"
        if not path.exists():
            texts = [*self.documents, *lesson_texts(self.seed, self.preset.tokenizer_texts)]
            tokenizer = learn(texts, self.preset.sizes.vocabulary)
            beside = path.with_suffix(".part")
            tokenizer.save(str(beside))
            beside.rename(path)
        return Tokenizer.from_file(str(path))

    @property
    def checkpoint(self) -> Path:
        """Weights, optimiser and step."""
        return self.folder / "words.pt"

    def writer(self) -> Writer:
        """The trained decoder, on the processor."""
        writer = Writer(self.preset.sizes)
        writer.load_state_dict(torch.load(self.checkpoint, map_location="cpu")["writer"])
        return writer.eval()


def rate(step: int, steps: int) -> float:
    """Share of the learning rate at `step`: up in a line, level, and down in a line. While it is level, a run can be given
    another number of steps.
    """
    return min(1.0, (step + 1) / WARM_UP_STEPS, (steps - step) / (COOLING_SHARE * steps))


def loss_of(writer: Writer, batch: Batch, device: str) -> Tensor:
    """Mean cross entropy of the scored tokens."""
    with torch.autocast(device, torch.bfloat16):
        scores = writer.guesses(batch.ids.to(device), batch.places.to(device), batch.bias.to(device))
    return F.cross_entropy(scores.float().flatten(0, 1), batch.targets.to(device).flatten(), ignore_index=UNSCORED)


def train(run: Run, until: int | None = None) -> None:
    """Trains to the preset's steps, or breaks off at `until` as an interruption would."""
    preset = run.preset
    torch.manual_seed(run.seed)
    writer = Writer(preset.sizes).to(run.device).train()
    optimizer = torch.optim.AdamW(_groups(writer), lr=preset.learning_rate, betas=(0.9, 0.95))
    first = _resume(run, writer, optimizer)
    last = min(preset.steps, until or preset.steps)
    if first >= last:
        return
    started = saved = time.monotonic()
    seen, mean = 0, 0.0
    for step in range(first, last):
        for group in optimizer.param_groups:
            group["lr"] = preset.learning_rate * rate(step, preset.steps)
        loss = loss_of(writer, run.reader.batch(step), run.device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(writer.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        seen, mean = seen + 1, mean + float(loss.detach())
        if step % LOG_EVERY_STEPS == 0 or step + 1 == preset.steps:
            elapsed = time.monotonic() - started
            done = (step + 1 - first) / (preset.steps - first)
            run.log.line("words", done, elapsed, step=step, loss=mean / seen)
            seen, mean = 0, 0.0
        if time.monotonic() - saved > preset.save_every_s:
            _save(run, writer, optimizer, step + 1)
            saved = time.monotonic()
    _save(run, writer, optimizer, last)
    if until is None:
        run.log.line("words end", step=preset.steps, held_out=held_out_loss(run, writer))


@torch.no_grad()
def held_out_loss(run: Run, writer: Writer) -> float:
    """Mean loss over lessons of a seed that training does not use."""
    reader = Reader(run.tokenizer, run.held_out, run.preset.sizes.context, run.preset.rows, run.seed + 1_000_003)
    writer.eval()
    losses = [float(loss_of(writer, reader.batch(step), run.device)) for step in range(8)]
    writer.train()
    return sum(losses) / len(losses)


def _groups(writer: Writer) -> list[dict[str, object]]:
    """Norms, biases and tables do not decay."""
    decaying = [weight for name, weight in writer.named_parameters() if weight.dim() > 1 and "layers" in name]
    chosen = {id(weight) for weight in decaying}
    others = [weight for weight in writer.parameters() if id(weight) not in chosen]
    return [{"params": decaying, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]


def _resume(run: Run, writer: Writer, optimizer: torch.optim.Optimizer) -> int:
    if not run.checkpoint.exists():
        return 0
    kept = torch.load(run.checkpoint, map_location=run.device)
    writer.load_state_dict(kept["writer"])
    optimizer.load_state_dict(kept["optimizer"])
    return int(kept["step"])


def _save(run: Run, writer: Writer, optimizer: torch.optim.Optimizer, step: int) -> None:
    state = {"writer": writer.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    save_atomically(state, run.checkpoint)
