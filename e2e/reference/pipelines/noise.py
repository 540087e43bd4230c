"""The worker's noise: Philox4x32-10 (Salmon et al., SC'11) through a Box-Muller transform in double precision."""

from __future__ import annotations

import numpy as np
import torch

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
WORD = np.uint64(0xFFFFFFFF)
TWO_POW_MINUS_32 = 2.0**-32


def gaussian(seed: int, offset: int, shape: tuple[int, ...]) -> torch.Tensor:
    """Normal deviates of `seed`; `offset` numbers the tensors that are drawn from one seed."""
    count = int(np.prod(shape))
    index = np.arange(count, dtype=np.uint64)
    zero = np.zeros(count, dtype=np.uint64)
    counter = [zero + np.uint64(offset), zero, index, zero]
    key = [np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)]
    for _ in range(10):
        first, second = counter[0] * np.uint64(MULTIPLIERS[0]), counter[2] * np.uint64(MULTIPLIERS[1])
        high, low = [first >> np.uint64(32), second >> np.uint64(32)], [first & WORD, second & WORD]
        counter = [high[1] ^ counter[1] ^ key[0], low[1], high[0] ^ counter[3] ^ key[1], low[0]]
        key = [(word + np.uint64(step)) & WORD for word, step in zip(key, KEY_INCREMENTS)]
    radius = np.sqrt(-2.0 * np.log((counter[0].astype(np.float64) + 0.5) * TWO_POW_MINUS_32))
    angle = 2.0 * np.pi * (counter[1].astype(np.float64) + 0.5) * TWO_POW_MINUS_32
    return torch.from_numpy((radius * np.sin(angle)).astype(np.float32).reshape(shape))
