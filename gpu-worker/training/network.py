"""The text encoder and the denoising network, in operators that every ONNX engine knows.

Shapes: B pictures, T = 77 tokens, latents [B, 4, h, w] with h = height / 8. Inside, the network folds
the latents four times, so a 512-pixel picture is a 16 x 16 grid of 32-pixel cells, then 8 x 8; both look at the words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .autoencoder import COMPONENTS, FOLD, fold
from .ladder import FAST_TIMESTEPS, TIMESTEPS
from .tokenizer import CONTEXT


@dataclass(frozen=True)
class Sizes:
    """Widths of the network; the defaults are what ships."""

    text: int = 128
    text_layers: int = 2
    levels: tuple[int, int] = (96, 192)
    condition: int = 192
    text_heads: int = 4
    head_width: int = 32


class Attention(nn.Module):
    """Multi-head attention written out in matrix products: queries [B, N, c], source [B, M, s]."""

    def __init__(self, width: int, source: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = width // heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(source, width, bias=False)
        self.value = nn.Linear(source, width, bias=False)
        self.out = nn.Linear(width, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], -1, self.heads, self.head_width).transpose(1, 2)

    def forward(self, x: Tensor, source: Tensor, bias: Tensor | None = None) -> Tensor:
        """`bias` [B, 1, 1, M] is added to the scores."""
        query, key, value = self._split(self.query(x)), self._split(self.key(source)), self._split(self.value(source))
        scores = torch.matmul(query * self.head_width**-0.5, key.transpose(2, 3))
        scores = scores if bias is None else scores + bias.to(scores.dtype)
        mixed = torch.matmul(torch.softmax(scores, -1).to(value.dtype), value)
        mixed = mixed.transpose(1, 2)
        return self.out(mixed.reshape(mixed.shape[0], -1, self.heads * self.head_width))


class TextLayer(nn.Module):
    """One pre-norm transformer layer over the tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, width, heads)
        self.wide_norm = nn.LayerNorm(width)
        self.wide = nn.Sequential(nn.Linear(width, 3 * width), nn.SiLU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        normed = self.norm(x)
        x = x + self.attention(normed, normed, bias)
        return x + self.wide(self.wide_norm(x))


class TextEncoder(nn.Module):
    """`input_ids` [B, T] to `last_hidden_state` [B, T, text]; rows past the first end marker are zero."""

    def __init__(self, vocabulary: int, end: int, sizes: Sizes) -> None:
        super().__init__()
        self.end = end
        self.tokens = nn.Embedding(vocabulary, sizes.text)
        self.places = nn.Parameter(torch.randn(CONTEXT, sizes.text) * 0.02)
        self.layers = nn.ModuleList(TextLayer(sizes.text, sizes.text_heads) for _ in range(sizes.text_layers))
        self.norm = nn.LayerNorm(sizes.text)
        nn.init.normal_(self.tokens.weight, std=0.05)
        # before[i, j] = 1 where token i comes before token j: one product counts the end markers before each token.
        self.register_buffer("before", torch.triu(torch.ones(CONTEXT, CONTEXT), diagonal=1), persistent=False)

    def forward(self, input_ids: Tensor) -> Tensor:
        length = input_ids.shape[1]
        ends = (input_ids == self.end).float()
        before = self.before if torch.onnx.is_in_onnx_export() else self.before[:length, :length]
        kept = (torch.matmul(ends, before) < 0.5).float()
        bias = ((kept - 1.0) * 1e4)[:, None, None, :]
        places = self.places if torch.onnx.is_in_onnx_export() else self.places[:length]
        x = self.tokens(input_ids) + places
        for layer in self.layers:
            x = layer(x, bias)
        return self.norm(x) * kept[:, :, None]


class ResBlock(nn.Module):
    """Two convolutions whose middle is scaled and shifted by the condition [B, cond]."""

    def __init__(self, width: int, cond: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.cond = nn.Linear(cond, 2 * width)
        self.middle_norm = nn.GroupNorm(8, width)
        self.out = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, cond: Tensor) -> Tensor:
        scale, shift = self.cond(cond)[:, :, None, None].chunk(2, 1)
        y = self.conv(F.silu(self.norm(x)))
        y = self.middle_norm(y) * (1.0 + scale) + shift
        return x + self.out(F.silu(y))


class TokenMixer(nn.Module):
    """Self-attention over the grid, cross-attention to the words, and a wide layer."""

    def __init__(self, width: int, text: int, head_width: int) -> None:
        super().__init__()
        heads = width // head_width
        self.norm = nn.GroupNorm(8, width)
        self.place = nn.Conv2d(len(_WAVES) * 4 + 2, width, 1)
        self.self_norm = nn.LayerNorm(width)
        self.self_attention = Attention(width, width, heads)
        self.cross_norm = nn.LayerNorm(width)
        self.cross_attention = Attention(width, text, heads)
        self.wide_norm = nn.LayerNorm(width)
        self.wide = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        for last in (self.self_attention.out, self.cross_attention.out, self.wide[2]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, text: Tensor, bias: Tensor) -> Tensor:
        height, width = x.shape[2], x.shape[3]
        grid = self.norm(x) + self.place(grid_places(x))
        tokens = grid.flatten(2).transpose(1, 2)
        normed = self.self_norm(tokens)
        tokens = tokens + self.self_attention(normed, normed)
        tokens = tokens + self.cross_attention(self.cross_norm(tokens), text, bias)
        tokens = tokens + self.wide(self.wide_norm(tokens))
        return x + tokens.transpose(1, 2).reshape(x.shape[0], -1, height, width)


_WAVES = (1.0, 2.0, 4.0, 8.0)


def grid_places(x: Tensor) -> Tensor:
    """[1, 18, h, w]: each cell's place in the picture (-1..1) and its sines and cosines, for any h and w."""
    height, width = x.shape[2], x.shape[3]
    down = (torch.arange(height, device=x.device) + 0.5) * (2.0 / height) - 1.0
    along = (torch.arange(width, device=x.device) + 0.5) * (2.0 / width) - 1.0
    waves = []
    for axis in (down[:, None] + 0.0 * along[None, :], 0.0 * down[:, None] + along[None, :]):
        waves += [axis, *(turn(axis * (math.pi / 2 * wave)) for wave in _WAVES for turn in (torch.sin, torch.cos))]
    return torch.stack(waves)[None]


def noise_level(timestep: Tensor) -> tuple[Tensor, Tensor]:
    """The noise level [B] in 0..1 that a timestep [B] means, and 1 where it asks for the distilled flow, else 0."""
    fast = (timestep > 2.0 * TIMESTEPS).float()
    return timestep / (TIMESTEPS + fast * (FAST_TIMESTEPS - TIMESTEPS)), fast


class UNet(nn.Module):
    """`sample` [B, 4, h, w], `timestep` [B] and text [B, T, text] to the flow noise - data, like `sample`.

    `timestep` is `TIMESTEPS` x the noise level or, for the distilled flow, `FAST_TIMESTEPS` x the noise level: a scheduler
    that counts so many timesteps asks for it, and every program that reads the scheduler's file can.

    Only the first `COMPONENTS` of a cell's numbers carry the picture. The data of the rest is zero, so their flow is known.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        middle, deep = sizes.levels
        cond = sizes.condition
        self.register_buffer("spread", torch.ones(COMPONENTS))
        self.fast = nn.Parameter(torch.zeros(cond))
        self.time = nn.Sequential(nn.Linear(128, cond), nn.SiLU(), nn.Linear(cond, cond))
        self.text = nn.Linear(sizes.text, cond)
        self.register_buffer("waves", torch.exp(-math.log(10000.0) * torch.arange(64) / 64), persistent=False)
        self.stem = nn.Conv2d(COMPONENTS, middle, 3, padding=1)
        self.middle_down = ResBlock(middle, cond)
        self.middle_words = TokenMixer(middle, sizes.text, sizes.head_width)
        self.to_deep = nn.Conv2d(middle, deep, 3, stride=2, padding=1)
        self.deep_down = ResBlock(deep, cond)
        self.deep_words = TokenMixer(deep, sizes.text, sizes.head_width)
        self.deep_up = ResBlock(deep, cond)
        self.deep_words_up = TokenMixer(deep, sizes.text, sizes.head_width)
        self.up_middle = nn.Conv2d(deep, 4 * middle, 1)
        self.meet = nn.Conv2d(2 * middle, middle, 1)
        self.middle_up = ResBlock(middle, cond)
        self.middle_words_up = TokenMixer(middle, sizes.text, sizes.head_width)
        self.middle_last = ResBlock(middle, cond)
        self.norm = nn.GroupNorm(8, middle)
        self.head = nn.Conv2d(middle, COMPONENTS, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def is_distilled(self) -> bool:
        """Whether the distilled flow was learnt."""
        return bool(self.fast.detach().any())

    @torch.no_grad()
    def forget_distilled(self) -> None:
        """Makes it as if the distilled flow was never learnt: the usual training leads away from it."""
        self.fast.zero_()

    def _condition(self, level: Tensor, fast: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """The condition vector [B, cond] and the attention bias [B, 1, 1, T]; a zero row of the text is padding."""
        kept = (text.abs().sum(-1) > 0).float()
        angles = (1000.0 * level)[:, None] * self.waves[None, :]
        time = self.time(torch.cat((torch.cos(angles), torch.sin(angles)), 1)) + fast[:, None] * self.fast
        pooled = text.sum(1) / kept.sum(1, keepdim=True).clamp(min=1.0)
        return F.silu(time + self.text(pooled)), ((kept - 1.0) * 1e4)[:, None, None, :]

    def flow(self, codes: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        """The flow of the codes [B, COMPONENTS, h, w].

        With noise level n and a code of deviation s (`spread`), the noised code (1 - n) x + n e has the variance
        d = (1 - n)^2 s^2 + n^2, and the best linear guess of its flow is code (n - (1 - n) s^2) / d. The layers see the
        code at unit variance and add what the guess lacks, a quantity of deviation s / sqrt(d).
        """
        at, fast = noise_level(timestep)
        level = at[:, None, None, None]
        variance = self.spread.square()[None, :, None, None]
        total = (1.0 - level).square() * variance + level.square()
        guess = codes * ((level - (1.0 - level) * variance) / total)
        rest = self._layers(codes / total.sqrt(), at, fast, text)
        return guess + rest * (variance / total).sqrt()

    def _layers(self, codes: Tensor, level: Tensor, fast: Tensor, text: Tensor) -> Tensor:
        cond, bias = self._condition(level, fast, text)
        middle = self.middle_words(self.middle_down(self.stem(codes), cond), text, bias)
        deep = self.deep_words(self.deep_down(self.to_deep(middle), cond), text, bias)
        deep = self.deep_words_up(self.deep_up(deep, cond), text, bias)
        middle = self.meet(torch.cat((middle, F.pixel_shuffle(self.up_middle(deep), 2)), 1))
        middle = self.middle_last(self.middle_words_up(self.middle_up(middle, cond), text, bias), cond)
        return self.head(F.silu(self.norm(middle)))

    def forward(self, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        cells = fold(sample)
        flow = self.flow(cells[:, :COMPONENTS], timestep, text)
        level, _ = noise_level(timestep)
        rest = cells[:, COMPONENTS:] / level.clamp(min=1e-6)[:, None, None, None]
        return F.pixel_shuffle(torch.cat((flow, rest), 1), FOLD)
