"""`python -m training.card --model DIR --run DIR`: manifest.json, MODEL_CARD.md and samples.png beside the graphs."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from .captions import caption
from .evaluate import drawn_by_model, sheet, test_scenes
from .pipeline import Pipeline

NAME = "aitbc-scenes-1"
VERSION = "1.1.0"
DRAWS = (
    "city skylines by day, at sunset, at dusk and at night with lit windows",
    "the sea at sunset, sunrise, by day and at night",
    "deserts and dunes",
    "forests in their seasons, without clear trees",
    "snowy and bare mountains",
    "meadows and green hills",
    "planets and hot-air balloons, as coloured shapes without detail",
)
DOES_NOT_DRAW = (
    "numbers of things", "small things such as boats, cacti and lighthouses", "planet rings", "plain shapes", "people", "faces",
    "animals", "vehicles", "interiors", "lettering", "named places", "photographs",
)
SUGGESTIONS = (
    "a city skyline at night",
    "a sunset over the sea",
    "a city skyline at sunset",
    "a pine forest at sunrise",
    "desert dunes at sunset",
    "snowy mountains by day",
)
SCHEDULER = {"class": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}


def write_manifest(folder: Path) -> int:
    """Writes manifest.json with the hash of every other file and returns their bytes."""
    files = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            content = path.read_bytes()
            files.append({"path": path.relative_to(folder).as_posix(), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)})
    manifest = {
        "name": NAME,
        "version": VERSION,
        "kind": "image",
        "licence": "MIT",
        "native_size_px": 512,
        "default_steps": 8,
        "default_guidance": 3,
        "scheduler": SCHEDULER,
        "draws": DRAWS,
        "does_not_draw": DOES_NOT_DRAW,
        "suggestions": SUGGESTIONS,
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return sum(file["bytes"] for file in files)


def write_samples(folder: Path) -> None:
    """64 pictures of random held-out captions, none picked."""
    scenes = test_scenes(8, 40_001)
    rng = random.Random(40_001)
    rng.shuffle(scenes)
    prompts = [caption(rng, scene, plain=True) for scene in scenes[:64]]
    pictures = drawn_by_model(Pipeline(folder), prompts, 8_000)
    Image.fromarray(np.ascontiguousarray(sheet(pictures, 8, 4))).save(folder / "samples.png", optimize=True)


def write_card(folder: Path, quality: dict[str, object], log: list[dict[str, object]]) -> None:
    """The model card from the measured numbers and the training log."""
    rows = []
    titles = {
        "scene": "scene (shapes apart)", "time_of_day": "time of day", "shapes_colour": "colour of shapes",
        "shapes_background": "colour of the ground", "shapes_count": "count, one to three",
    }
    for key, title in titles.items():
        cells = " | ".join(f"{100 * quality[who][key]:.0f} %" for who in ("model", "renderer", "untrained"))
        rows.append(f"| {title} | {cells} |")
    families = ", ".join(
        f"{key.removeprefix('scene_')} {100 * value:.0f} %" for key, value in quality["model"].items() if key.startswith("scene_")
    )
    last = next(line for line in reversed(log) if line["stage"] == "diffusion end")
    decoder = next(line for line in reversed(log) if line["stage"] == "decoder")
    latency = quality["latency_ms"]
    text = CARD.format(
        name=NAME, version=VERSION, draws="\n".join(f"- {what}" for what in DRAWS), not_draws=", ".join(DOES_NOT_DRAW), rows="\n".join(rows),
        families=families, captions=quality["captions"], diversity=quality["diversity"], total=latency["prompt_to_png"],
        step=latency["unet_step_with_guidance"], decode=latency["decode"], steps=last["step"], held_out=last["held_out"], psnr=decoder["psnr_db"],
        linear=decoder["linear_db"], suggestions="\n".join(f"- {what}" for what in SUGGESTIONS),
    )
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


CARD = """# {name} {version}

A small text-to-image model in the folder layout and the tensor interface of Stable Diffusion 1.5 as ONNX. Trained from
nothing by `gpu-worker/training` on pictures that its own renderer draws; no outside data, no pretrained weight. MIT.

## What it draws

{draws}

It does not draw {not_draws}. Outlines are soft everywhere. A prompt about these gives one of the scenes above or a vague picture. Words it
never saw are meant to do no harm, which is trained but not guaranteed.

Prompts to begin with:

{suggestions}

## Measured

Pictures of {captions} captions from seeds that training did not use (planets and shapes in held-out combinations; 512 x 512, eight steps, guidance 3, one picture a caption, none picked). Scene and
time are read by a classifier trained on other renders, shapes by hand-written pixel rules. The renderer's own pictures
are the ceiling, the same networks untrained the floor.

| read from pixels | model | renderer | untrained |
|---|---|---|---|
{rows}

The grammar also knows plain shapes in a colour, on a coloured ground; this version was trained without them, and their rows
say what that costs.

Scene by family: {families}.
Difference between four seeds of one caption: {diversity:.2f} times that of four renders of one scene (a caption leaves open what a
scene fixes, so more than one is no praise).

Latency with ONNX Runtime on two cores of a server CPU that was busy with other work (median): prompt to PNG {total:.0f} ms,
one guided step {step:.0f} ms, decoding {decode:.0f} ms. Weights are stored in fp16, inputs and outputs are fp32.

`samples.png` holds 64 pictures of random held-out captions, not picked.

## How it was trained

On two shared CPU cores: {steps} optimiser steps of the diffusion (held-out loss {held_out:.3f}); decoder {psnr:.1f} dB on pictures it did
not see, against {linear:.1f} dB for the linear one it starts from. The training command resumes, so more time improves it; the
`gpu` preset does the same on an accelerator.

## Interface

- `text_encoder`: `input_ids` [B, 77] int64 to `last_hidden_state` [B, 77, 128]; rows after the first end marker are zero.
- `unet`: `sample` [B, 4, h, w], `timestep` [B] float32 (1000 x noise level), `encoder_hidden_states` to `out_sample`.
- `vae_decoder`: `latent_sample` to `sample` in -1..1; `vae_encoder`: `sample` to `latent_sample`. Scaling factor 1.
- Scheduler: `FlowMatchEulerDiscreteScheduler`, shift 3. Sides are multiples of 64 pixels; trained at 512.
"""


def main() -> None:
    """Writes all three files."""
    parser = argparse.ArgumentParser(prog="python -m training.card", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("model/picture"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/latest"))
    arguments = parser.parse_args()
    quality = json.loads((arguments.run / "quality.json").read_text())
    log = [json.loads(line) for line in (arguments.run / "log.jsonl").read_text().splitlines()]
    write_samples(arguments.model)
    write_card(arguments.model, quality, log)
    print(f"{write_manifest(arguments.model)} bytes")


if __name__ == "__main__":
    main()
