"""The stages of a training run: pictures, components, decoder, diffusion, judge. Each goes on from what it left behind."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from .autoencoder import PATCH, SHRINK, Decoder, Encoder, encode_small, fit_components, peak_signal_to_noise, reconstruction_loss
from .captions import EMPTY_SHARE
from .data import PICTURE, caption_ids, draw_shards, labels, load_shards, to_unit, train_tokenizer, training_codes
from .judge import Judge, judge_loss, shrink
from .exchange import Exchange
from .log import Log, save_atomically
from .network import Sizes, TextEncoder, UNet
from .presets import Budget, Preset
from .sampling import SHEET_PROMPTS, sample, write_sheet
from .scenes import FAMILIES
from .tokenizer import Tokenizer

CODE_NOISE = 0.12
"""Standard deviation, at most, of the noise that the decoder learns to live with."""

HIGH_SHARE = 0.35
"""Share of the training noise levels that are drawn near 1."""

CROP_CELLS = 8
"""Cells along a side of the decoder's training crops; half a cell at each edge does not count."""


def schedule(progress: float, warm: float = 0.02, flat_until: float = 0.6) -> float:
    """Learning-rate factor: a short rise, a plain, a cosine to 1 %."""
    if progress < warm:
        return max(0.02, progress / warm)
    if progress < flat_until:
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * (progress - flat_until) / (1.0 - flat_until)))


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
        if not (folder / "tokenizer/merges.txt").exists():
            train_tokenizer(preset.merges, seed).save(folder / "tokenizer")
        self.tokenizer = Tokenizer.load(folder / "tokenizer")
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.log.line("start", device=str(self.device), vocabulary=len(self.tokenizer.ids))

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """bf16 wherever the machine multiplies it fast."""
        return torch.autocast(self.device.type, torch.bfloat16)

    def optimizer(self, parameters: Iterator[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        """AdamW with this run's settings."""
        return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)

    def draw(self) -> None:
        """Draws all pictures that are not there yet."""
        draw_shards(self.folder / "small", self.preset.pictures, self.preset.draw_batch, self.seed + 100, small=True)
        draw_shards(self.folder / "large", self.preset.large_pictures, max(1, self.preset.draw_batch // 2), self.seed + 200, small=False)
        self.log.line("drawn")


def components_of(run: Run) -> tuple[Tensor, Tensor, Tensor]:
    """The principal components, fitted once."""
    path = run.folder / "components.pt"
    if not path.exists():
        _, small = load_shards(run.folder / "small")
        chosen = small[torch.randperm(len(small), generator=torch.Generator().manual_seed(run.seed))[:2000]]
        mean, basis, scale = fit_components(to_unit(chosen))
        save_atomically((mean, basis, scale), path)
        run.log.line("components", pictures=len(chosen))
    mean, basis, scale = torch.load(path)
    return mean.to(run.device), basis.to(run.device), scale.to(run.device)


def train_decoder(run: Run) -> Decoder:
    """Trains the decoder on crops of large pictures whose codes carry a little noise."""
    components, preset, path = components_of(run), run.preset, run.folder / "decoder.pt"
    decoder = Decoder().to(run.device)
    decoder.set_components(*components)
    optimizer = run.optimizer(decoder.parameters(), 1.5e-3)
    clock = Clock(preset.decoder)
    if path.exists():
        state = torch.load(path, map_location=run.device)
        decoder.load_state_dict(state["decoder"])
        optimizer.load_state_dict(state["optimizer"])
        clock = Clock(preset.decoder, state["step"], state["elapsed_s"])
    _, pictures = load_shards(run.folder / "large")
    codes = torch.cat([encode_small(nn.functional.avg_pool2d(to_unit(part), SHRINK), *[c.cpu() for c in components]) for part in pictures.split(32)])
    cell, held = PATCH * SHRINK, max(1, min(16, len(pictures) // 8))
    last_cell = PICTURE // cell - CROP_CELLS + 1
    while clock.progress < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = 1.5e-3 * schedule(clock.progress, flat_until=0.5)
        chosen = torch.randint(held, len(pictures), (preset.decoder_batch,))
        top, left = int(torch.randint(0, last_cell, ())), int(torch.randint(0, last_cell, ()))
        code = codes[chosen, :, top : top + CROP_CELLS, left : left + CROP_CELLS].to(run.device)
        size = CROP_CELLS * cell
        truth = to_unit(pictures[chosen, :, top * cell : top * cell + size, left * cell : left * cell + size].to(run.device))
        code = code + CODE_NOISE * torch.rand(len(code), 1, 1, 1, device=run.device) * torch.randn_like(code)
        with run.autocast():
            drawn = decoder.decode(code).float()
        inner = slice(cell // 2, size - cell // 2)
        loss = reconstruction_loss(drawn[:, :, inner, inner], truth[:, :, inner, inner])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        clock.step += 1
        if clock.step == 1 or clock.due("tell", 30.0):
            with torch.no_grad(), run.autocast():
                truth = to_unit(pictures[:held].to(run.device))
                drawn = torch.cat([decoder.decode(part.to(run.device)) for part in codes[:held].split(4)]).float()
                plain = torch.cat([decoder.linear(part.to(run.device))[1] for part in codes[:held].split(4)]).float()
            quality = {"psnr_db": peak_signal_to_noise(drawn, truth), "linear_db": peak_signal_to_noise(plain, truth)}
            run.log.line("decoder", clock.progress, clock.elapsed_s, step=clock.step, loss=float(loss.detach()), **quality)
            write_sheet(torch.cat((truth[:8], drawn[:8])), min(8, held), 256, run.folder / "decoder.png")
            _save_decoder(decoder, optimizer, clock, path)
    _save_decoder(decoder, optimizer, clock, path)
    return decoder.eval()


def _save_decoder(decoder: Decoder, optimizer: torch.optim.Optimizer, clock: Clock, path: Path) -> None:
    state = {"decoder": decoder.state_dict(), "optimizer": optimizer.state_dict(), "step": clock.step, "elapsed_s": clock.elapsed_s}
    save_atomically(state, path)


class Diffusion:
    """The networks in training, their running means and the optimiser."""

    def __init__(self, run: Run) -> None:
        sizes = Sizes()
        nets = {"text": TextEncoder(len(run.tokenizer.ids), run.tokenizer.end, sizes), "unet": UNet(sizes)}
        self.nets = nn.ModuleDict(nets).to(run.device, memory_format=torch.channels_last)
        self.means = copy.deepcopy(self.nets).eval().requires_grad_(False)
        self.optimizer = run.optimizer(self.nets.parameters(), run.preset.learning_rate)

    def state(self, clock: Clock) -> dict[str, object]:
        """All that a resumed run needs."""
        return {
            "nets": self.nets.state_dict(), "means": self.means.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": clock.step, "elapsed_s": clock.elapsed_s, "random": torch.get_rng_state(),
        }

    def load(self, state: dict[str, object]) -> None:
        """Continues from `state`."""
        self.nets.load_state_dict(state["nets"])
        self.means.load_state_dict(state["means"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Moves the running means toward the weights."""
        keep = min(0.998, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.means.parameters()), list(self.nets.parameters()), 1.0 - keep)


def flow_loss(nets: nn.ModuleDict, codes: Tensor, ids: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Squared error of the predicted flow noise - data at noise level `sigma` [B] in 0..1."""
    level = sigma[:, None, None, None]
    flow = nets["unet"].flow(codes * (1.0 - level) + noise * level, sigma * 1000.0, nets["text"](ids))
    return (flow.float() - (noise - codes)).square().mean()


def noise_levels(size: int, device: torch.device) -> Tensor:
    """Noise levels [size] in 0..1: most from a logistic normal, a third near 1.

    The broad colours of a picture stand out of the noise almost at once, so its time of day and scene are settled above
    0.9, where a logistic normal alone hardly ever looks.
    """
    usual = torch.sigmoid(torch.randn(size, device=device) + 0.2)
    early = 1.0 - 0.2 * torch.rand(size, device=device).square()
    return torch.where(torch.rand(size, device=device) < HIGH_SHARE, early, usual)


class Codes:
    """The training set in memory: codes, mirrored codes and caption ids; the first `held` pictures only test."""

    def __init__(self, run: Run) -> None:
        path = run.folder / "codes.pt"
        if not path.exists():
            scenes, pictures = load_shards(run.folder / "small")
            order = torch.randperm(len(scenes), generator=torch.Generator().manual_seed(run.seed))
            codes = training_codes(pictures[order], tuple(part.cpu() for part in components_of(run)))
            ids = caption_ids(run.tokenizer, [scenes[place] for place in order.tolist()], run.preset.captions, run.preset.tokens, run.seed)
            family, _ = labels([scenes[place] for place in order.tolist()])
            save_atomically({"codes": codes, "ids": ids, "family": family}, path)
        state = torch.load(path, map_location=run.device)
        emphasis = torch.tensor([run.preset.emphasis.get(name, 1.0) for name in FAMILIES])
        self.weights = emphasis[state["family"].cpu()].to(run.device)
        self.codes, self.ids = state["codes"], state["ids"]
        self.spread = self.codes[:, :4096].float().std((0, 1, 3, 4))
        self.nothing = torch.tensor(run.tokenizer.encode("", run.preset.tokens), device=run.device)
        self.held = max(1, min(128, len(self.ids) // 8))
        fixed = torch.Generator().manual_seed(5)
        self.tested = torch.nonzero(self.weights[: self.held])[:, 0]
        self.weights[: self.held] = 0.0
        self.held_noise = torch.randn(self.held, *self.codes.shape[2:], generator=fixed).to(run.device)
        self.held_sigma = ((torch.arange(self.held) + 0.5) / self.held).to(run.device)

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes, ids, noise and noise levels of a random batch."""
        device = self.ids.device
        chosen = torch.multinomial(self.weights, size, replacement=True)
        mirrored = torch.randint(0, 2, (size,), device=device)
        words = self.ids[chosen, torch.randint(0, self.ids.shape[1], (size,), device=device)].long()
        words = torch.where(torch.rand(size, 1, device=device) < EMPTY_SHARE, self.nothing, words)
        codes = self.codes[mirrored, chosen].float()
        return codes, words, torch.randn_like(codes), noise_levels(size, device)

    @torch.no_grad()
    def check(self, nets: nn.ModuleDict) -> float:
        """The loss on the held-out pictures with fixed noise."""
        parts = self.tested.split(64)
        losses = [
            float(flow_loss(nets, self.codes[0, part].float(), self.ids[part, 0].long(), self.held_noise[part], self.held_sigma[part])) * len(part)
            for part in parts
        ]
        return sum(losses) / len(self.tested)


def train_diffusion(run: Run, exchange: Exchange | None = None) -> Diffusion:
    """Rectified flow over the codes; captions are left out now and then for guidance."""
    exchange = exchange or Exchange()
    first = exchange.rank == 0
    preset, data, diffusion, path = run.preset, Codes(run), Diffusion(run), run.folder / "diffusion.pt"
    for nets in (diffusion.nets, diffusion.means):
        nets["unet"].spread.copy_(data.spread)
    clock = Clock(preset.diffusion)
    if path.exists():
        state = torch.load(path, map_location=run.device)
        diffusion.load(state)
        clock = Clock(preset.diffusion, state["step"], state["elapsed_s"])
    torch.manual_seed(run.seed * 1009 + 31 * clock.step + exchange.rank)
    total, since, told, progress = 0.0, 0, clock.elapsed_s, clock.progress
    while progress < 1.0:
        for group in diffusion.optimizer.param_groups:
            group["lr"] = preset.learning_rate * schedule(progress)
        batch = data.batch(preset.batch)
        with run.autocast():
            loss = flow_loss(diffusion.nets, *batch)
        diffusion.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        progress = exchange.average(diffusion.nets.parameters(), clock.progress)
        nn.utils.clip_grad_norm_(diffusion.nets.parameters(), 1.0)
        diffusion.optimizer.step()
        clock.step += 1
        diffusion.follow(clock.step)
        total, since = total + loss.detach(), since + 1
        if not first:
            continue
        if clock.step == 1 or clock.due("tell", 45.0):
            with run.autocast():
                check = data.check(diffusion.means)
            rate = since * preset.batch * exchange.count / max(0.1, clock.elapsed_s - told)
            run.log.line("diffusion", progress, clock.elapsed_s, step=clock.step, loss=float(total) / since, held_out=check, per_second=rate)
            total, since, told = 0.0, 0, clock.elapsed_s
        if clock.due("save", preset.save_every_s):
            save_atomically(diffusion.state(clock), path)
        if clock.due("sheet", preset.sheet_every_s):
            write_samples(run, diffusion)
    if first:
        if since:
            run.log.line("diffusion end", 1.0, clock.elapsed_s, step=clock.step, loss=float(total) / since, held_out=data.check(diffusion.means))
        save_atomically(diffusion.state(clock), path)
        write_samples(run, diffusion)
    return diffusion


def diffuse(folder: Path, preset: Preset, seed: int, exchange: Exchange) -> None:
    """`train_diffusion` as one of several processes."""
    train_diffusion(Run(folder, preset, seed), exchange)


def load_decoder(run: Run) -> Decoder:
    """The decoder as far as it is trained; at least the linear one."""
    decoder = Decoder().to(run.device)
    decoder.set_components(*components_of(run))
    path = run.folder / "decoder.pt"
    if path.exists():
        decoder.load_state_dict(torch.load(path, map_location=run.device)["decoder"])
    return decoder.eval()


def load_means(run: Run) -> tuple[TextEncoder, UNet]:
    """Text encoder and network with the averaged weights of the last checkpoint."""
    diffusion = Diffusion(run)
    diffusion.means.load_state_dict(torch.load(run.folder / "diffusion.pt", map_location=run.device)["means"])
    return diffusion.means["text"], diffusion.means["unet"]


def write_samples(run: Run, diffusion: Diffusion) -> None:
    """A sheet of the fixed prompts from the running means."""
    with run.autocast():
        pictures = sample(diffusion.means["text"], diffusion.means["unet"], load_decoder(run), run.tokenizer, list(SHEET_PROMPTS), PICTURE, 7)
    write_sheet(pictures, 8, 192, run.folder / "samples.png")


def encoder_of(run: Run) -> Encoder:
    """The encoder that follows from the components."""
    encoder = Encoder().to(run.device)
    encoder.set_components(*components_of(run))
    return encoder.eval()


def train_judge(run: Run) -> Judge:
    """Trains the judge on pictures drawn from seeds that nothing else uses."""
    judge, path, preset = Judge().to(run.device), run.folder / "judge.pt", run.preset
    if path.exists():
        judge.load_state_dict(torch.load(path, map_location=run.device))
        return judge.eval()
    draw_shards(run.folder / "judged", preset.judge_pictures, preset.draw_batch, run.seed + 300, small=True)
    scenes, pictures = load_shards(run.folder / "judged")
    family, hour = (part.to(run.device) for part in labels(scenes))
    small = shrink(to_unit(pictures)).to(run.device)
    optimizer = run.optimizer(judge.parameters(), 1e-3)
    clock = Clock(preset.judge)
    while clock.progress < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * schedule(clock.progress)
        chosen = torch.randint(0, len(small), (128,), device=run.device)
        loss = judge_loss(judge, small[chosen], family[chosen], hour[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        clock.step += 1
    run.log.line("judge", step=clock.step, loss=float(loss.detach()))
    save_atomically(judge.state_dict(), path)
    return judge.eval()
