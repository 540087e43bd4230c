"""Pictures [B, 3, H, W] in -1..1 to latents [B, 4, H/8, W/8] and back.

The encoder is linear and needs no gradient: each 32 x 32-pixel cell, shrunk four times, is written in the first principal
components of such patches. The decoder starts from the same components and learns the detail. Four channels of the
interface, folded 4 x 4, are 64 numbers to a cell; the first `COMPONENTS` carry the picture and the rest are zero.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COMPONENTS = 32
PATCH = 8
"""Pixels along a side of a patch, after the picture was shrunk by `SHRINK`."""

SHRINK = 4
FOLD = 4
"""Latent cells along a side of an inner cell."""

SLOTS = 4 * FOLD * FOLD
WHITENING = 0.5
"""Power of a component's deviation that its latent is divided by: 0 keeps the spectrum, 1 flattens it."""


def fit_components(small: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [192], basis [192, COMPONENTS] and scale [COMPONENTS] of the patches of shrunk pictures [N, 3, h, w]."""
    patches = F.pixel_unshuffle(small.float(), PATCH).permute(0, 2, 3, 1).reshape(-1, 3 * PATCH * PATCH)
    mean = patches.mean(0)
    covariance = (patches - mean).T @ (patches - mean) / len(patches)
    variance, vectors = torch.linalg.eigh(covariance.double())
    order = torch.argsort(variance, descending=True)[:COMPONENTS]
    deviation = variance[order].clamp(min=1e-12).sqrt()
    scale = deviation**WHITENING
    scale = scale * ((deviation / scale).square().mean().sqrt())
    return mean, vectors[:, order].float(), scale.float()


def fold(latent: Tensor) -> Tensor:
    """[B, 4, 4h, 4w] to [B, 64, h, w]: the inverse of a pixel shuffle, as reshapes that keep h and w free."""
    batch, _, height, width = latent.shape
    cells = latent.reshape(batch, 4, height // FOLD, FOLD, width // FOLD, FOLD)
    return cells.permute(0, 1, 3, 5, 2, 4).reshape(batch, SLOTS, height // FOLD, width // FOLD)


class Encoder(nn.Module):
    """Picture to latents, by one strided convolution whose weights are the components."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, COMPONENTS, PATCH * SHRINK, stride=PATCH * SHRINK)

    @torch.no_grad()
    def set_components(self, mean: Tensor, basis: Tensor, scale: Tensor) -> None:
        """Writes the components into the convolution; shrinking by averages is part of it."""
        rows = (basis / scale).T.reshape(COMPONENTS, 3, PATCH, PATCH) / SHRINK**2
        self.patches.weight.copy_(rows.repeat_interleave(SHRINK, 2).repeat_interleave(SHRINK, 3))
        self.patches.bias.copy_(-(mean @ basis) / scale)

    def forward(self, sample: Tensor) -> Tensor:
        codes = self.patches(sample)
        return F.pixel_shuffle(torch.cat((codes, torch.zeros_like(codes)), 1), FOLD)


def encode_small(small: Tensor, mean: Tensor, basis: Tensor, scale: Tensor) -> Tensor:
    """The encoder's codes [N, COMPONENTS, h, w] of pictures that are already shrunk."""
    patches = F.pixel_unshuffle(small.float(), PATCH).permute(0, 2, 3, 1)
    return (((patches - mean) @ basis) / scale).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A residual pair of 3 x 3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.normal_(self.second.weight, std=0.01)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(x), 0.1))


class Decoder(nn.Module):
    """Latents to picture: the components' picture, enlarged, plus what the convolutions add to it."""

    def __init__(self, widths: tuple[int, int, int, int, int] = (160, 64, 40, 28, 12)) -> None:
        super().__init__()
        first, second, third, fourth, fifth = widths
        self.components = nn.Conv2d(COMPONENTS, 3 * PATCH * PATCH, 1)
        self.enlarge = nn.Conv2d(3, 3 * SHRINK * SHRINK, 3, padding=1, padding_mode="replicate")
        self.stem = nn.Conv2d(COMPONENTS, first, 3, padding=1)
        self.first = Block(first)
        self.to_second = nn.Conv2d(first, 4 * second, 1)
        self.second = Block(second)
        self.to_third = nn.Conv2d(second, 4 * third, 1)
        self.third = Block(third)
        self.to_fourth = nn.Conv2d(third, 4 * fourth, 1)
        self.meet = nn.Conv2d(fourth + 3, fourth, 3, padding=1)
        self.fourth = Block(fourth)
        self.to_fifth = nn.Conv2d(fourth, 4 * fifth, 1)
        self.fifth = nn.Conv2d(fifth, fifth, 3, padding=1)
        self.last = nn.Conv2d(fifth, 12, 3, padding=1)
        nn.init.normal_(self.last.weight, std=0.02)
        nn.init.zeros_(self.last.bias)

    @torch.no_grad()
    def set_components(self, mean: Tensor, basis: Tensor, scale: Tensor) -> None:
        """Starts from the linear picture, enlarged by straight lines between its pixels."""
        self.components.weight.copy_((basis * scale)[:, :, None, None])
        self.components.bias.copy_(mean)
        self.enlarge.weight.zero_()
        self.enlarge.bias.zero_()
        for row in range(SHRINK):
            for column in range(SHRINK):
                for dy, down in _linear(row):
                    for dx, along in _linear(column):
                        for colour in range(3):
                            self.enlarge.weight[colour * SHRINK**2 + row * SHRINK + column, colour, 1 + dy, 1 + dx] += down * along

    def linear(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The shrunk picture and its enlargement, both by the components alone."""
        small = F.pixel_shuffle(self.components(codes), PATCH)
        return small, F.pixel_shuffle(self.enlarge(small), SHRINK)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [B, COMPONENTS, h, w] to the picture."""
        small, base = self.linear(codes)
        x = self.first(F.leaky_relu(self.stem(codes), 0.1))
        x = self.second(F.pixel_shuffle(self.to_second(x), 2))
        x = self.third(F.pixel_shuffle(self.to_third(x), 2))
        x = F.pixel_shuffle(self.to_fourth(x), 2)
        x = self.fourth(F.leaky_relu(self.meet(torch.cat((x, small), 1)), 0.1))
        x = F.leaky_relu(F.pixel_shuffle(self.to_fifth(x), 2), 0.1)
        x = x + F.leaky_relu(self.fifth(x), 0.1)
        return base + F.pixel_shuffle(self.last(x), 2)

    def forward(self, latent: Tensor) -> Tensor:
        return self.decode(fold(latent)[:, :COMPONENTS])


def _linear(place: int) -> list[tuple[int, float]]:
    """Neighbour and weight for the `place`-th of `SHRINK` new pixels inside an old one."""
    offset = (place + 0.5) / SHRINK - 0.5
    step = -1 if offset < 0 else 1
    return [(0, 1.0 - abs(offset)), (step, abs(offset))]


def reconstruction_loss(drawn: Tensor, truth: Tensor) -> Tensor:
    """L1 on pixels and on differences to the neighbours, plus L2."""
    error = drawn - truth
    loss = error.abs().mean() + 2.0 * error.square().mean()
    for axis in (2, 3):
        loss = loss + 0.5 * torch.diff(error, dim=axis).abs().mean()
    return loss


def peak_signal_to_noise(drawn: Tensor, truth: Tensor) -> float:
    """PSNR in dB of pictures in -1..1."""
    error = (drawn.clamp(-1, 1) - truth).square().mean().clamp(min=1e-10)
    return float(10.0 * torch.log10(4.0 / error))
