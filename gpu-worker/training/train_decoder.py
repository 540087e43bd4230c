"""The decoder's training: crops of large pictures from codes that carry a little noise."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from .autoencoder import PATCH, SHRINK, Decoder, encode_small, peak_signal_to_noise, reconstruction_loss
from .data import PICTURE, load_shards, to_unit
from .log import save_atomically
from .run import Clock, Run, components_of, schedule, seed_step, set_rate
from .sampling import write_sheet

CODE_NOISE = 0.12
"""Standard deviation, at most, of the noise that the decoder learns to live with."""

CROP_CELLS = 8
"""Cells along a side of the training crops; half a cell at each edge does not count."""

CELL = PATCH * SHRINK
"""Pixels along a side of a cell."""

RATE = 1.5e-3


def train_decoder(run: Run) -> Decoder:
    """Trains the decoder, on from its checkpoint where there is one."""
    decoder, preset, path = load_decoder(run).train(), run.preset, run.folder / "decoder.pt"
    optimizer = run.optimizer(decoder.parameters(), RATE)
    step, elapsed_s = 0, 0.0
    if path.exists():
        state = torch.load(path, map_location=run.device)
        if state["optimizer"] is not None:  # An unpacked run has none.
            optimizer.load_state_dict(state["optimizer"])
        step, elapsed_s = state["step"], state["elapsed_s"]
    if preset.decoder.progress(step, elapsed_s) >= 1.0:
        return decoder.eval()
    pictures, codes = _pictures_and_codes(run)
    held = max(1, min(16, len(pictures) // 8))
    clock = Clock(preset.decoder, step, elapsed_s)
    while True:
        seed_step(run.seed, clock.step)
        set_rate(optimizer, RATE * schedule(clock.progress, flat_until=0.5))
        with run.autocast():
            loss = _loss(decoder, *_crops(pictures, codes, held, preset.decoder_batch))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        clock.step += 1
        if clock.step == 1 or clock.due("tell", 30.0):
            _tell(run, decoder, clock, float(loss.detach()), pictures[:held], codes[:held])
        if clock.due("save", preset.save_every_s):
            _save(decoder, optimizer, clock, path)
        if clock.progress >= 1.0:
            break
    _tell(run, decoder, clock, float(loss.detach()), pictures[:held], codes[:held])
    _save(decoder, optimizer, clock, path)
    return decoder.eval()


def load_decoder(run: Run) -> Decoder:
    """The decoder as far as it is trained; at least the linear one."""
    torch.manual_seed(run.seed)
    decoder = Decoder().to(run.device)
    decoder.set_components(*components_of(run))
    path = run.folder / "decoder.pt"
    if path.exists():
        decoder.load_state_dict(torch.load(path, map_location=run.device)["decoder"])
    return decoder.eval()


def _pictures_and_codes(run: Run) -> tuple[Tensor, Tensor]:
    """The large pictures as bytes and their codes, in random order, on the device."""
    _, pictures = load_shards(run.folder / "large")
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(run.seed))
    pictures = pictures[order].to(run.device)
    components = components_of(run)
    return pictures, torch.cat([encode_small(nn.functional.avg_pool2d(to_unit(part), SHRINK), *components) for part in pictures.split(32)])


def _crops(pictures: Tensor, codes: Tensor, held: int, size: int) -> tuple[Tensor, Tensor]:
    """Noised codes and true pixels of one random square in `size` pictures that are not held out."""
    last = PICTURE // CELL - CROP_CELLS + 1
    chosen = torch.randint(held, len(pictures), (size,)).to(codes.device)
    top, left = int(torch.randint(0, last, ())), int(torch.randint(0, last, ()))
    code = codes[chosen, :, top : top + CROP_CELLS, left : left + CROP_CELLS]
    side = CROP_CELLS * CELL
    truth = to_unit(pictures[chosen, :, top * CELL : top * CELL + side, left * CELL : left * CELL + side])
    return code + CODE_NOISE * torch.rand(size, 1, 1, 1, device=code.device) * torch.randn_like(code), truth


def _loss(decoder: Decoder, codes: Tensor, truth: Tensor) -> Tensor:
    drawn = decoder.decode(codes).float()
    inner = slice(CELL // 2, CROP_CELLS * CELL - CELL // 2)
    return reconstruction_loss(drawn[:, :, inner, inner], truth[:, :, inner, inner])


@torch.no_grad()
def _tell(run: Run, decoder: Decoder, clock: Clock, loss: float, pictures: Tensor, codes: Tensor) -> None:
    """Logs the quality on the held-out pictures and draws a sheet of them."""
    truth = to_unit(pictures)
    with run.autocast():
        drawn = torch.cat([decoder.decode(part) for part in codes.split(4)]).float()
        plain = torch.cat([decoder.linear(part)[1] for part in codes.split(4)]).float()
    quality = {"psnr_db": peak_signal_to_noise(drawn, truth), "linear_db": peak_signal_to_noise(plain, truth)}
    run.log.line("decoder", clock.progress, clock.elapsed_s, step=clock.step, loss=loss, **quality)
    write_sheet(torch.cat((truth[:8], drawn[:8])), min(8, len(pictures)), 256, run.folder / "decoder.png")


def _save(decoder: Decoder, optimizer: torch.optim.Optimizer, clock: Clock, path: Path) -> None:
    state = {"decoder": decoder.state_dict(), "optimizer": optimizer.state_dict(), "step": clock.step, "elapsed_s": clock.elapsed_s}
    save_atomically(state, path)
