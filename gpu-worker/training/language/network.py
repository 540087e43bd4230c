"""The decoder: reads tokens after those whose keys and values it is given, and guesses the one after each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

HIDDEN = -10_000.0
"""Added to the score of a token that may not be looked at; a finite number also in half precision."""


@dataclass(frozen=True)
class Sizes:
    """How large the network is."""

    vocabulary: int = 2048
    width: int = 160
    heads: int = 5
    layers: int = 5
    context: int = 256


SLOWEST = 1_000.0
"""How much slower the slowest pair of numbers turns than the fastest."""

Pair = tuple[Tensor, Tensor]
"""Keys and values of all tokens so far."""

Turns = tuple[Tensor, Tensor]
"""Cosines and sines [B, 1, T, half a head] of the angles by which each place turns keys and queries."""


def turned(states: Tensor, turns: Turns) -> Tensor:
    """Rotary embedding of places: a score then depends on how far apart two tokens are."""
    cosines, sines = turns
    first, second = states.chunk(2, dim=-1)
    return torch.cat((first * cosines - second * sines, first * sines + second * cosines), dim=-1)


class Attention(nn.Module):
    """What each token takes from those before it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.merged = nn.Linear(sizes.width, 3 * sizes.width)
        self.out = nn.Linear(sizes.width, sizes.width)

    def forward(self, states: Tensor, turns: Turns, bias: Tensor, past: Pair | None) -> tuple[Tensor, Pair]:
        batch, length, width = states.shape
        split = self.merged(states).reshape(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = turned(split[0], turns), turned(split[1], turns), split[2]
        if past is not None:
            key, value = torch.cat((past[0], key), dim=2), torch.cat((past[1], value), dim=2)
        scores = query @ key.transpose(2, 3) / math.sqrt(width // self.heads) + bias
        mixed = F.softmax(scores, dim=-1) @ value
        return self.out(mixed.permute(0, 2, 1, 3).reshape(batch, length, width)), (key, value)


class Layer(nn.Module):
    """Attention, then a wider step for each token alone."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.attention = Attention(sizes)
        self.before, self.between = nn.LayerNorm(sizes.width), nn.LayerNorm(sizes.width)
        self.wide, self.narrow = nn.Linear(sizes.width, 4 * sizes.width), nn.Linear(4 * sizes.width, sizes.width)

    def forward(self, states: Tensor, turns: Turns, bias: Tensor, past: Pair | None) -> tuple[Tensor, Pair]:
        mixed, present = self.attention(self.before(states), turns, bias, past)
        states = states + mixed
        return states + self.narrow(F.gelu(self.wide(self.between(states)))), present


class Writer(nn.Module):
    """The whole decoder. The same table turns tokens into states and states into guesses."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.tokens = nn.Embedding(sizes.vocabulary, sizes.width)
        half = sizes.width // sizes.heads // 2
        speeds = SLOWEST ** (-torch.arange(half) / half)
        angles = torch.arange(sizes.context)[:, None] * speeds[None, :]
        self.register_buffer("cosines", angles.cos(), persistent=False)
        self.register_buffer("sines", angles.sin(), persistent=False)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                deep = name.endswith(("out.weight", "narrow.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * sizes.layers) if deep else 0.02)

    def guesses(self, ids: Tensor, places: Tensor, bias: Tensor) -> Tensor:
        """Scores [B, T, vocabulary]; `bias` [B, 1, T, T] hides what a token may not see."""
        states, turns = self.tokens(ids), self._turns(places)
        for layer in self.layers:
            states, _ = layer(states, turns, bias, None)
        return self.norm(states) @ self.tokens.weight.T

    def forward(self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        """With a cache: `past` holds keys and values of each layer by turns."""
        states, turns = self.tokens(input_ids), self._turns(position_ids)
        places = torch.arange(attention_mask.shape[1])
        ahead = (places[None, None, None, :] > position_ids[:, None, :, None]).to(states.dtype)
        padding = 1.0 - attention_mask[:, None, None, :].to(states.dtype)
        bias = torch.clamp(ahead + padding, max=1.0) * HIDDEN
        present: list[Tensor] = []
        for place, layer in enumerate(self.layers):
            states, pair = layer(states, turns, bias, (past[2 * place], past[2 * place + 1]))
            present.extend(pair)
        return (self.norm(states) @ self.tokens.weight.T, *present)

    def _turns(self, places: Tensor) -> Turns:
        return self.cosines[places][:, None], self.sines[places][:, None]

    def empty_past(self, length: int = 0) -> list[Tensor]:
        """Keys and values of `length` tokens that say nothing."""
        sizes = self.sizes
        return [torch.zeros(1, sizes.heads, length, sizes.width // sizes.heads) for _ in range(2 * sizes.layers)]
