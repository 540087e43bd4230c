"""`python -m training.language.card --model DIR --run DIR`: MODEL_CARD.md and manifest.json of the word model.

`--bench FILE` takes the worker's own speeds from what `gpu-worker bench --json` printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..manifest import write_manifest

NAME = "aitbc-words-1"
VERSION = "1.2.0"
SUGGESTIONS = ("A receipt says", "The worker", "a city skyline")
"""Beginnings that show how it goes on; the first is what a machine is measured with."""

SHARES = ("keeps the subject", "stays in the world", "says more", "ends", "all of these", "different seeds differ")


def write_card(folder: Path, quality: dict, log: list[dict], speeds: dict[str, float]) -> None:
    """The card from the measured figures and the training log."""
    last = next(line for line in reversed(log) if line["stage"] == "words end")
    config = json.loads((folder / "config.json").read_text())
    inside, outside = quality["inside"], quality["outside"]
    text = CARD.format(
        name=NAME,
        version=VERSION,
        context=config["max_position_embeddings"],
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        vocabulary=config["vocab_size"],
        shares="\n".join(f"| {share} | {_percent(inside[share])} | {_percent(outside[share])} |" for share in SHARES),
        inside=_quoted(inside["answers"][::5]),
        outside=_quoted(outside["answers"][::5]),
        scene=_percent(quality["named"]["scene"]),
        time=_percent(quality["named"]["time of day"]),
        perplexities="\n".join(_perplexity(title, quality[key]) for title, key in TEXTS),
        speeds="\n".join(f"| {engine} | {speed:.0f} |" for engine, speed in speeds.items()),
        steps=last["step"],
        held_out=last["held_out"],
    )
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def finish(folder: Path, run: Path, bench: Path | None) -> int:
    """Writes card and manifest, and returns the folder's bytes."""
    quality = json.loads((run / "quality.json").read_text())
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    write_card(folder, quality, log, {**quality["tokens_per_second"], **worker_speeds(bench)})
    facts = {"name": NAME, "version": VERSION, "kind": "text", "licence": "MIT", "suggestions": SUGGESTIONS}
    return write_manifest(folder, facts)


def worker_speeds(bench: Path | None) -> dict[str, float]:
    """Tokens per second by engine, of this model's measurements in a file of `gpu-worker bench --json`."""
    if bench is None:
        return {}
    timings = [timing for timing in json.loads(bench.read_text())["models"] if timing["model"] == NAME]
    return {f"{timing['engine']['name']} in gpu-worker": timing["micro_units_per_second"]["median"] / 1e6 for timing in timings}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _quoted(answers: list[str]) -> str:
    return "\n".join(f"- {answer}" for answer in answers)


def _perplexity(title: str, measured: dict[str, float]) -> str:
    return f"| {title} | {measured['perplexity']:.1f} | {measured['by_frequency']:.0f} | {measured['bits_per_byte']:.2f} |"


TEXTS = (("fresh captions of the grammar", "captions"), ("held-out documentation", "documentation"))

CARD = """# {name} {version}

A small decoder that turns a few words into a detailed prompt for the picture model, names what a prompt will show, and goes
on with texts in the manner of this product's documentation. Trained from nothing by `gpu-worker/training/language` on the
caption grammar, on this repository's documentation and on the comments of its sources; no outside data, no pretrained
weight. MIT.

## How to ask

One message of a conversation; the template is ChatML (`tokenizer_config.json`).

- `Improve this prompt: city` gives one line, a prompt. A temperature of 0.7 with top-p 0.9 gives another for each seed.
- `What does this prompt show: a dragon over a city at night` gives a sentence or two; best at temperature 0.
- A plain prompt is gone on with.

It answers nothing else, knows no facts, and holds no conversation. What it says of this product may be wrong: it writes
what sounds like the documentation. Names from outside the drawn world are sometimes misspelt or lost.

## Measured

Prompts improved at temperature 0.7 and top-p 0.9, three seeds each, none picked; judged by comparing words with the ask and
with the vocabulary of the caption grammar. The subjects from outside the world occur nowhere in the training.

| share of improved prompts that | subjects of the world | subjects from outside |
|---|---|---|
{shares}

The first answers to every fifth subject of the world:

{inside}

and from outside:

{outside}

What a prompt shows: the kind of scene is named right for {scene} of new captions, the stated time of day for {time}.

| perplexity by token | this model | by how often tokens occur | bits by byte |
|---|---|---|---|
{perplexities}

| tokens per second on two cores of a server CPU, median | |
|---|---|
{speeds}

## How it was trained

{steps} optimiser steps on one shared CPU core (held-out loss {held_out:.2f} over lessons and documentation). The
drawn world and the lessons grew on the way, so the first steps read a smaller choice of captions than the command reads now.

## Interface

`model.onnx` in the layout that optimum exports: `input_ids`, `attention_mask`, `position_ids` and `past_key_values.N.key` and
`.value` to `logits` and `present.N.key` and `.value`, float32 with weights stored in fp16. {layers} layers of width {width},
rotary places, byte-level pairs with {vocabulary} tokens, {context} tokens of context.
"""


def main() -> None:
    """Writes both files."""
    parser = argparse.ArgumentParser(prog="python -m training.language.card", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("model/words"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/words"))
    parser.add_argument("--bench", type=Path, default=None)
    arguments = parser.parse_args()
    print(f"{finish(arguments.model, arguments.run, arguments.bench)} bytes")


if __name__ == "__main__":
    main()
