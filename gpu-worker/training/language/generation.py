"""The exported folder run as any program would run it: ONNX Runtime and tokenizer.json, no PyTorch."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from .tokenizer import question


class Generation:
    """Texts from the folder of a decoder."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        config, generation = (json.loads((folder / name).read_text()) for name in ("config.json", "generation_config.json"))
        self.context = int(config["max_position_embeddings"])
        self.ends = set(generation["eos_token_id"])
        self._width = int(config["hidden_size"]) // int(config["num_attention_heads"])
        self._heads = int(config["num_attention_heads"])

    def read(self, ids: list[int], past: dict[str, np.ndarray] | None = None) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Scores [T, vocabulary] of the tokens after `ids`, and the cache that goes on from there."""
        past = past or self._nothing()
        before = next(iter(past.values())).shape[2]
        inputs = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, before + len(ids)), np.int64),
            "position_ids": np.arange(before, before + len(ids), dtype=np.int64)[None],
            **past,
        }
        logits, *present = self._session.run(None, inputs)
        return logits[0], dict(zip(past, present))

    def write(self, ids: list[int], most: int, temperature: float = 0.0, top_p: float = 1.0, seed: int = 0) -> tuple[str, bool]:
        """The text that follows `ids`, and whether the model ended it itself."""
        rng = np.random.default_rng(seed)
        written: list[int] = []
        fed, past = ids, None
        for _ in range(min(most, self.context - len(ids))):
            scores, past = self.read(fed, past)
            token = _chosen(scores[-1], temperature, top_p, rng)
            if token in self.ends:
                return self.tokenizer.decode(written), True
            written.append(token)
            fed = [token]
        return self.tokenizer.decode(written), False

    def answer(self, ask: str, temperature: float = 0.0, top_p: float = 1.0, seed: int = 0, most: int = 64) -> tuple[str, bool]:
        """The answer to one message."""
        return self.write(self.tokenizer.encode(question(ask)).ids, most, temperature, top_p, seed)

    def surprise(self, ids: list[int], first: int) -> tuple[float, int]:
        """The sum of the surprise in nats over `ids` from place `first` on, and how many they are."""
        scores, _ = self.read(ids[:-1])
        scores = scores.astype(np.float64)
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        places = range(max(first, 1), len(ids))
        return -float(sum(logs[place - 1, ids[place]] for place in places)), len(places)

    def tokens_per_second(self, tokens: int = 128) -> float:
        """Tokens written one after the other in a second, by the median of three tries."""
        rates = []
        for _ in range(3):
            ids, past = self.tokenizer.encode("A receipt").ids, None
            started = time.perf_counter()
            for _ in range(tokens):
                scores, past = self.read(ids, past)
                ids = [int(scores[-1].argmax())]
            rates.append(tokens / (time.perf_counter() - started))
        return float(np.median(rates))

    def _nothing(self) -> dict[str, np.ndarray]:
        names = [put.name for put in self._session.get_inputs() if put.name.startswith("past_key_values.")]
        return {name: np.zeros((1, self._heads, 0, self._width), np.float32) for name in names}


def _chosen(scores: np.ndarray, temperature: float, top_p: float, rng: np.random.Generator) -> int:
    """The likeliest token, or one by chance among the likeliest that together have `top_p`."""
    if temperature <= 0.0:
        return int(scores.argmax())
    shares = np.exp((scores - scores.max()) / temperature)
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(shares[order]), top_p)) + 1]
    return int(rng.choice(kept, p=shares[kept] / shares[kept].sum()))
