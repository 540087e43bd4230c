"""`python -m training.language.evaluate --model DIR --run DIR`: measures an exported word model on what it never read.

Nothing of the training is used here but its questions. Whether an answer lies in the drawn world is told by the words of
captions that the grammar writes, whether it keeps the subject by comparing words.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from dataclasses import replace
from math import exp, log
from pathlib import Path

from ..captions import caption
from ..scenes import Scene, sample_scene
from ..words import STRANGERS, TIME_ADJECTIVES, TIME_PHRASES
from .corpus import texts_of_run
from .generation import Generation
from .lessons import IMPROVE, NAMES, OUTSIDERS, SHOWS, TIMES, TIMELESS

INSIDE = (
    "city", "skyline", "a city at night", "rainy city", "harbour", "sea", "ocean at sunset", "two boats", "a lighthouse",
    "a white lighthouse on a rock", "mountains", "snowy mountains", "mountain lake", "pines", "forest", "autumn trees", "misty forest",
    "winter forest at dawn", "desert", "dunes with cacti", "pyramids", "a red planet", "planet with rings", "a purple nebula",
    "three blue stars", "a yellow circle on black", "balloons", "two red hot air balloons", "meadow", "a lone tree",
    "yellow flowers", "a cottage", "night", "sunrise", "fog", "snow", "crescent moon", "stars", "islands", "green hills at noon",
)
OUTSIDE = (
    "zeppelin", "octopus", "unicorn", "samurai", "teapot", "submarine", "giraffe", "penguin", "volcano", "windmill", "centaur",
    "typewriter", "saxophone", "banana", "dinosaur", "helicopter", "umbrella", "dolphin", "motorcycle", "telescope", "vampire",
    "carousel", "gorilla", "lemon", "trumpet", "tractor", "hedgehog", "kangaroo", "pumpkin", "scarecrow", "amsterdam", "madrid",
    "istanbul", "seoul", "old typewriter", "purple walrus", "sleepy hedgehog", "wooden spoon", "angry goose", "paper crane",
)
"""Subjects that neither the grammar nor the lessons know; `main` looks that it is so."""

SEEDS = 3
TEMPERATURE, TOP_P = 0.7, 0.9
ANSWER_TOKENS = 64
GRAMMAR_CAPTIONS = 20_000
FILLERS = {"a", "an", "the", "at", "in", "of", "on", "with", "and", "please", "draw"}


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"[^\W_]+", text.lower())


def grammar_words(count: int = GRAMMAR_CAPTIONS) -> set[str]:
    """Every word that the grammar puts into captions of its own, and the joints around a foreign subject."""
    rng = random.Random(70_002)
    known = {word for _ in range(count) for word in words_of(caption(rng, sample_scene(rng), plain=True))}
    return known | set(words_of("over above near in front of beside before and with"))


def improved(model: Generation, asks: tuple[str, ...], known: set[str]) -> dict[str, float | list[str]]:
    """How asks are answered: shares that keep the subject, stay in the world, add to it and end; and some answers."""
    counts: Counter[str] = Counter()
    different, shown = [], []
    for ask in asks:
        answers = [model.answer(IMPROVE + ask, TEMPERATURE, TOP_P, seed, ANSWER_TOKENS) for seed in range(SEEDS)]
        subject = {word for word in words_of(ask) if word not in FILLERS}
        for text, ended in answers:
            given = set(words_of(text))
            counts["keeps the subject"] += subject <= given
            counts["stays in the world"] += given - subject <= known
            counts["says more"] += len(words_of(text)) > len(words_of(ask))
            counts["ends"] += ended
            counts["all of these"] += ended and subject <= given and given - subject <= known and len(words_of(text)) > len(words_of(ask))
        different.append(len({text for text, _ in answers}) / SEEDS)
        shown.append(f"{ask}: {answers[0][0]}")
    total = len(asks) * SEEDS
    shares = {name: counts[name] / total for name in ("keeps the subject", "stays in the world", "says more", "ends", "all of these")}
    return {**shares, "different seeds differ": sum(different) / len(different), "answers": shown}


def named(model: Generation, count: int) -> dict[str, float]:
    """How often the family and the stated time of day of a caption are named, over scenes that training did not draw."""
    rng = random.Random(70_003)
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for _ in range(count):
        scene = replace(sample_scene(rng), style="plain")
        text = caption(rng, scene, plain=True)
        answer, _ = model.answer(SHOWS + text)
        asked["scene"] += 1
        right["scene"] += NAMES[scene.family] in answer
        if scene.family not in TIMELESS and _says_time(scene, text):
            asked["time of day"] += 1
            right["time of day"] += TIMES[scene.time] in answer
    return {name: right[name] / asked[name] for name in asked}


def perplexity(model: Generation, texts: list[str]) -> dict[str, float]:
    """Perplexity by token and bits by byte over texts, each read alone and as far as the context goes."""
    nats, tokens, size = 0.0, 0, 0
    for text in texts:
        ids = model.tokenizer.encode(text).ids[: model.context]
        if len(ids) < 2:
            continue
        surprise, count = model.surprise(ids, 1)
        nats, tokens = nats + surprise, tokens + count
        size += len(model.tokenizer.decode(ids[1:]).encode())
    return {"perplexity": exp(nats / tokens), "bits_per_byte": nats / log(2) / size}


def by_frequency(model: Generation, training: list[str], texts: list[str]) -> float:
    """The perplexity of guessing by how often tokens occur in training texts: what the model must be better than."""
    seen = Counter(token for text in training for token in model.tokenizer.encode(text).ids)
    total, kinds = sum(seen.values()), model.tokenizer.get_vocab_size()
    ids = [token for text in texts for token in model.tokenizer.encode(text).ids[1 : model.context]]
    return exp(-sum(log((seen[token] + 1) / (total + kinds)) for token in ids) / len(ids))


def _says_time(scene: Scene, text: str) -> bool:
    return any(phrase in text for phrase in (*TIME_PHRASES[scene.time], *TIME_ADJECTIVES[scene.time]))


def _captions(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    return [caption(rng, sample_scene(rng), plain=True) for _ in range(count)]


def measure(folder: Path, run: Path, captions: int = 300, named_scenes: int = 200) -> dict[str, object]:
    """Every figure of the card of the model in `folder`, which `run` trained."""
    model = Generation(folder)
    documents, held_out = texts_of_run(run)
    known = grammar_words()
    taught = {word for text in (*STRANGERS, *OUTSIDERS, *documents) for word in words_of(text)} | known
    foreign = {text for text in OUTSIDE if not any(word not in taught for word in words_of(text))}
    if foreign:
        raise ValueError(f"training knows {', '.join(sorted(foreign))}")
    fresh = _captions(70_001, captions)
    return {
        "inside": improved(model, INSIDE, known),
        "outside": improved(model, OUTSIDE, known),
        "named": named(model, named_scenes),
        "captions": {**perplexity(model, fresh), "by_frequency": by_frequency(model, _captions(1, 5_000), fresh)},
        "documentation": {**perplexity(model, held_out), "by_frequency": by_frequency(model, documents, held_out)},
        "tokens_per_second": {"onnxruntime in Python": model.tokens_per_second()},
    }


def write_quality(run: Path, folder: Path) -> dict[str, object]:
    """Measures the exported model of `run` and writes RUN/quality.json."""
    result = measure(folder, run)
    (run / "quality.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def main() -> None:
    """Measures and prints the result."""
    parser = argparse.ArgumentParser(prog="python -m training.language.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("model/words"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/words"))
    arguments = parser.parse_args()
    print(json.dumps(write_quality(arguments.run, arguments.model), indent=1))


if __name__ == "__main__":
    main()
