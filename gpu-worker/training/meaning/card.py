"""MODEL_CARD.md and manifest.json of the embedding's folder."""

from __future__ import annotations

import json
from pathlib import Path

from ..manifest import write_manifest

NAME = "aitbc-meanings-1"
VERSION = "1.0.0"


ROWS = {
    "own_before_another": "the other caption of the scene is nearer than a caption of another scene",
    "found_first": "it is the nearest of all",
    "found_among_five": "it is among the five nearest",
    "nearest_has_same_family": "the nearest caption is of the same kind of scene",
    "nearest_has_same_time": "the nearest caption is of the same time of day",
}


def finish(folder: Path, measured: dict[str, dict[str, float]], scenes: int, picture: str) -> int:
    """Writes card and manifest, and returns the folder's bytes."""
    _write_card(folder, measured, scenes, picture)
    return write_manifest(folder, {"name": NAME, "version": VERSION, "kind": "embedding", "licence": "MIT"})


def _write_card(folder: Path, measured: dict[str, dict[str, float]], scenes: int, picture: str) -> None:
    """The card from the measured figures; `picture` names the model that the encoder is of."""
    cells = lambda key: " | ".join(f"{100 * measured[who][key]:.1f} %" for who in ("model", "words", "chance"))
    rows = "\n".join(f"| {title} | {cells(key)} |" for key, title in ROWS.items())
    own, other = (measured["model"][f"mean_cosine_{which}"] for which in ("own", "other"))
    width = json.loads((folder / "config.json").read_text())["hidden_size"]
    text = CARD.format(name=NAME, version=VERSION, rows=rows, scenes=scenes, picture=picture, own=own, other=other, width=width)
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


CARD = """# {name} {version}

Prompts to vectors: the text encoder of {picture}, whose states of all tokens are averaged and brought to length 1. Nothing
was trained for it; what it knows it learned from drawing. It is made again from any picture model of this repository by
`python -m training.meaning`. MIT.

## What it is for

Finding prompts that would give similar pictures. It reads up to 77 tokens of English and gives {width} numbers.

It knows the drawn world and nothing else: words from outside that world say nothing to it, so it is no help for general
search.

## Measured

{scenes} scenes, each said twice by the caption grammar with other words; the first caption looks for the second. Several scenes
may have captions that fit both, so nobody could find them all. Comparing words alone stands beside it.

| | this model | counting words | chance |
|---|---|---|---|
{rows}

Mean cosine of two captions of one scene {own:.2f}, of different scenes {other:.2f}.

## Interface

`model.onnx`: `input_ids` and `attention_mask` [B, 77] int64 to `last_hidden_state` [B, 77, {width}] float32, in the folder layout of
sentence transformers (`modules.json`, `1_Pooling`). Weights are stored in fp16.
"""
