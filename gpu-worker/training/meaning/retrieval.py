"""Measures an embedding's folder: do two captions of one scene lie nearer to each other than captions of other scenes?"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from ..captions import caption
from ..scenes import Scene, sample_scene
from .export import IDS, MASK, STATES

BATCH = 32


class Embedding:
    """Texts to vectors of length 1, with ONNX Runtime and tokenizer.json."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._context = int(json.loads((folder / "config.json").read_text())["max_position_embeddings"])
        self._tokenizer.enable_truncation(self._context)
        self._tokenizer.enable_padding(length=self._context)

    def vectors(self, texts: list[str]) -> np.ndarray:
        """One row for each text."""
        return np.concatenate([self._batch(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)])

    def _batch(self, texts: list[str]) -> np.ndarray:
        read = self._tokenizer.encode_batch(texts)
        ids, mask = (np.array(rows, np.int64) for rows in ([one.ids for one in read], [one.attention_mask for one in read]))
        states = self._session.run([STATES], {IDS: ids, MASK: mask})[0]
        return of_length_one((states * mask[:, :, None]).sum(1))


def of_length_one(rows: np.ndarray) -> np.ndarray:
    """Each row divided by its length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def word_counts(texts: list[str]) -> np.ndarray:
    """What a comparison of words alone would take for vectors."""
    split = [re.findall(r"[^\W_]+", text.lower()) for text in texts]
    places = {word: place for place, word in enumerate(sorted({word for words in split for word in words}))}
    rows = np.zeros((len(texts), len(places)))
    for row, words in zip(rows, split):
        for word in words:
            row[places[word]] += 1
    return of_length_one(rows)


def different_scenes(count: int, seed: int) -> list[Scene]:
    """Scenes that differ in at least one fact each."""
    rng = random.Random(seed)
    found: dict[str, Scene] = {}
    while len(found) < count:
        scene = sample_scene(rng)
        found.setdefault(repr(scene), scene)
    return list(found.values())


def scores(first: np.ndarray, second: np.ndarray, scenes: list[Scene]) -> dict[str, float]:
    """How the first caption of each scene finds the second one of the same scene among all."""
    near = first @ second.T
    own = near.diagonal()
    ahead = (near > own[:, None]).sum(1)
    others = ~np.eye(len(near), dtype=bool)
    top = near.argmax(1)
    same = lambda fact: float(np.mean([fact(scenes[found]) == fact(scene) for found, scene in zip(top, scenes)]))
    return {
        "own_before_another": float((own[:, None] > near)[others].mean()),
        "found_first": float((ahead == 0).mean()),
        "found_among_five": float((ahead < 5).mean()),
        "nearest_has_same_family": same(lambda scene: scene.family),
        "nearest_has_same_time": same(lambda scene: scene.time),
        "mean_cosine_own": float(own.mean()),
        "mean_cosine_other": float(near[others].mean()),
    }


def measure(folder: Path, count: int = 300, seed: int = 80_001) -> dict[str, dict[str, float]]:
    """The scores of the folder, of counting words and of vectors by chance, over `count` scenes with two captions each."""
    scenes = different_scenes(count, seed)
    rng = random.Random(seed)
    first, second = ([caption(rng, scene, plain=True) for scene in scenes] for _ in range(2))
    model, counts = Embedding(folder), word_counts([*first, *second])
    chance = np.random.default_rng(seed).standard_normal((2, count, counts.shape[1]))
    return {
        "model": scores(model.vectors(first), model.vectors(second), scenes),
        "words": scores(counts[:count], counts[count:], scenes),
        "chance": scores(of_length_one(chance[0]), of_length_one(chance[1]), scenes),
    }
