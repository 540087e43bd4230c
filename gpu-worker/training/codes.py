"""The diffusion's training set in memory: codes, mirrored codes and caption ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from .captions import EMPTY_SHARE
from .data import caption_ids, load_shards, training_codes
from .log import save_atomically
from .run import Run, components_of

HIGH_SHARE = 0.35
"""Share of the training noise levels that are drawn near 1."""

HELD = 128
"""Pictures, at most, that only test."""


def flow_loss(text: Callable[..., Tensor], flow: Callable[..., Tensor], codes: Tensor, ids: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Squared error of the predicted flow noise - data at noise level `sigma` [B] in 0..1."""
    level = sigma[:, None, None, None]
    predicted = flow(codes * (1.0 - level) + noise * level, sigma * 1000.0, text(ids))
    return (predicted.float() - (noise - codes)).square().mean()


def noise_levels(size: int, device: torch.device) -> Tensor:
    """Noise levels [size] in 0..1: most from a logistic normal, a third near 1.

    The broad colours of a picture stand out of the noise almost at once, so its time of day and scene are settled above
    0.9, where a logistic normal alone hardly ever looks.
    """
    usual = torch.sigmoid(torch.randn(size, device=device) + 0.2)
    early = 1.0 - 0.2 * torch.rand(size, device=device).square()
    return torch.where(torch.rand(size, device=device) < HIGH_SHARE, early, usual)


class Codes:
    """Codes [2, N, C, h, w] as drawn and mirrored, ids [N, captions, tokens], and how often each picture is seen."""

    def __init__(self, run: Run) -> None:
        preset = run.preset
        state = torch.load(encoded(run), map_location=run.device, weights_only=False)
        self.codes, self.ids = state["codes"], state["ids"]
        self.weights = torch.tensor([preset.weight(scene) for scene in state["scenes"]], device=run.device)
        # A caption that says left or right is wrong of the mirrored picture.
        self.turnable = torch.tensor([scene.get("relation", "") not in ("left", "right") for scene in state["scenes"]], device=run.device)
        self.spread = self.codes[:, :4096].float().std((0, 1, 3, 4))
        self.nothing = torch.tensor(run.tokenizer.encode("", preset.tokens), device=run.device)
        self.held = max(1, min(HELD, len(self.ids) // 8))
        fixed = torch.Generator().manual_seed(5)
        self.tested = torch.nonzero(self.weights[: self.held])[:, 0]
        self.weights[: self.held] = 0.0
        self.held_noise = torch.randn(self.held, *self.codes.shape[2:], generator=fixed).to(run.device)
        self.held_sigma = ((torch.arange(self.held) + 0.5) / self.held).to(run.device)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes, ids, noise and noise levels of a random batch."""
        device = self.ids.device
        chosen = torch.multinomial(self.weights, size, replacement=True)
        mirrored = torch.randint(0, 2, (size,), device=device) * self.turnable[chosen]
        words = self.ids[chosen, torch.randint(0, self.ids.shape[1], (size,), device=device)].long()
        words = torch.where(torch.rand(size, 1, device=device) < EMPTY_SHARE, self.nothing, words)
        codes = self.codes[mirrored, chosen].float()
        return codes, words, torch.randn_like(codes), noise_levels(size, device)

    def captioned_noise(self, size: int) -> tuple[Tensor, Tensor]:
        """Noise in the shape of codes, and ids of captions of random pictures."""
        chosen = torch.multinomial(self.weights, size, replacement=True)
        words = self.ids[chosen, torch.randint(0, self.ids.shape[1], (size,), device=self.ids.device)].long()
        return torch.randn(size, *self.codes.shape[2:], device=self.ids.device), words

    @torch.no_grad()
    def check(self, nets: nn.ModuleDict) -> float:
        """The loss on the held-out pictures with fixed noise."""
        total = 0.0
        for part in self.tested.split(64):
            batch = (self.codes[0, part].float(), self.ids[part, 0].long(), self.held_noise[part], self.held_sigma[part])
            total += float(flow_loss(nets["text"], nets["unet"].flow, *batch)) * len(part)
        return total / len(self.tested)


def encoded(run: Run) -> Path:
    """The file of codes, ids and scenes of all small pictures in random order, written where it is missing.

    Before several processes read it, one has to have written it.
    """
    path = run.folder / "codes.pt"
    if path.exists():
        return path
    scenes, pictures = load_shards(run.folder / "small")
    order = torch.randperm(len(scenes), generator=torch.Generator().manual_seed(run.seed))
    codes = training_codes(pictures[order], components_of(run))
    ordered = [scenes[place] for place in order.tolist()]
    ids = caption_ids(run.folder / "tokenizer", ordered, run.preset.captions, run.preset.tokens, run.seed)
    save_atomically({"codes": codes, "ids": ids, "scenes": ordered}, path)
    run.log.line("encoded", pictures=len(ordered))
    return path
