"""Rows of tokens to learn from, each a function of seed and step, so that a run that goes on reads what it would have."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from .lessons import Lesson, continuation, improvement, naming
from .network import HIDDEN
from .tokenizer import END_OF_TEXT, TURN_END, question

DOCUMENT_SHARE = 0.15
"""Share of samples that are a window of the documentation."""

DOCUMENT_NOISE = 0.15
"""Share of a window's tokens that are read as others, by chance: there is too little documentation to learn it by heart."""

LESSONS = ((improvement, 0.82), (naming, 0.12), (continuation, 0.06))
DOCUMENT_WINDOW = (96, 256)
"""Tokens of a window, least and most."""

UNSCORED = -100
"""The target of a token that no loss is taken of."""


@dataclass(frozen=True)
class Batch:
    """Rows [B, T]; `places` begin anew with each sample, `bias` hides other samples and what comes later."""

    ids: Tensor
    places: Tensor
    targets: Tensor
    bias: Tensor


class Reader:
    """Makes batches of lessons and documentation."""

    def __init__(self, tokenizer: Tokenizer, documents: list[str], context: int, rows: int, seed: int) -> None:
        self.tokenizer, self.context, self.rows, self.seed = tokenizer, context, rows, seed
        self.end_of_text, self.turn_end = tokenizer.token_to_id(END_OF_TEXT), tokenizer.token_to_id(TURN_END)
        self.documents = [[*tokenizer.encode(text).ids, self.end_of_text] for text in documents]
        self.weights = [len(document) for document in self.documents]

    def batch(self, step: int) -> Batch:
        """What step `step` reads."""
        rng = random.Random(f"{self.seed}:{step}")
        packed = [self._row(rng) for _ in range(self.rows)]
        ids, places, targets, samples = (torch.tensor(column) for column in zip(*packed))
        order = torch.arange(self.context)
        seen = (samples[:, :, None] == samples[:, None, :]) & (order[:, None] >= order[None, :])
        return Batch(ids, places, targets, torch.where(seen, 0.0, HIDDEN)[:, None])

    def _row(self, rng: random.Random) -> tuple[list[int], list[int], list[int], list[int]]:
        ids, places, targets, samples = [], [], [], []
        number = 0
        while len(ids) < self.context:
            read, tokens, asked = self._sample(rng)
            ids += read[:-1]
            places += range(len(tokens) - 1)
            targets += [UNSCORED if place < asked else token for place, token in enumerate(tokens[1:], 1)]
            samples += [number] * (len(tokens) - 1)
            number += 1
        end = self.context
        return ids[:end], places[:end], targets[:end], samples[:end]

    def _sample(self, rng: random.Random) -> tuple[list[int], list[int], int]:
        """Up to `context` + 1 tokens as they are read and as they are, and how many of them only ask."""
        if rng.random() < DOCUMENT_SHARE:
            document = rng.choices(self.documents, self.weights)[0]
            start, length = rng.randrange(len(document)), rng.randint(*DOCUMENT_WINDOW)
            window = document[max(0, min(start, len(document) - length)) :][: length + 1]
            return self._noised(rng, window), window, 0
        make = rng.choices([make for make, _ in LESSONS], [share for _, share in LESSONS])[0]
        tokens, asked = self.encode(make(rng))
        return tokens, tokens, asked

    def _noised(self, rng: random.Random, window: list[int]) -> list[int]:
        other = lambda: rng.randrange(self.tokenizer.get_vocab_size())
        return [other() if rng.random() < DOCUMENT_NOISE else token for token in window]

    def encode(self, lesson: Lesson) -> tuple[list[int], int]:
        """A lesson's tokens, and how many of them only ask."""
        if not lesson.ask:
            return [*self.tokenizer.encode(lesson.answer).ids, self.end_of_text], 0
        asked = self.tokenizer.encode(question(lesson.ask)).ids
        answer = self.tokenizer.encode(lesson.answer).ids
        return [*asked, *answer, self.turn_end], len(asked)


def lesson_texts(seed: int, count: int) -> Iterator[str]:
    """Asks and answers to learn the tokenizer from."""
    rng = random.Random(f"{seed}:tokenizer")
    for _ in range(count):
        lesson = rng.choice(LESSONS)[0](rng)
        yield f"{lesson.ask}\n{lesson.answer}"
