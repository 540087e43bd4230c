"""`python -m training.card --model DIR --run DIR`: MODEL_CARD.md, samples.png and manifest.json beside the graphs."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch

from .captions import caption
from .checkpoints import DIFFUSION
from .evaluate import drawn_by_model, related_scenes, styled_scenes, test_scenes
from .facts import DOES_NOT_DRAW, DRAWS, NAME, SUGGESTIONS, VERSION, facts_of
from .ladder import GUIDANCE
from .manifest import write_manifest
from .pipeline import Pipeline
from .sampling import write_sheet

TITLES = {
    "scene": "scene (shapes apart)", "time_of_day": "time of day", "style": "style", "colour": "colour of shapes", "background": "colour of the ground",
    "count_to_three": "count, one to three", "count": "count, one to five", "relation": "relation of two shapes",
}
"""What the card's table says of each measured name."""

WHO = ("model", "fast", "renderer", "untrained")
SAMPLES = 64
SHEET_PER_FAMILY, SHEET_SEED = 7, 40_001


def write_samples(folder: Path, count: int) -> None:
    """Pictures of `count` random held-out captions, none picked, in rows of eight."""
    scenes = [*test_scenes(SHEET_PER_FAMILY, SHEET_SEED), *styled_scenes(1, SHEET_SEED + 100), *related_scenes(2, SHEET_SEED + 200)]
    rng = random.Random(SHEET_SEED)
    rng.shuffle(scenes)
    prompts = [caption(rng, scene, plain=True) for scene in scenes[:count]]
    pictures = drawn_by_model(Pipeline(folder), prompts, 8_000)
    write_sheet(torch.from_numpy(pictures), 8, 128, folder / "samples.png")


def _shares(quality: dict[str, object], prefix: str) -> str:
    """What was measured of the model for every name that begins with `prefix`."""
    found = [(name.removeprefix(prefix), value) for name, value in quality["model"].items() if name.startswith(prefix)]
    return ", ".join(f"{name} {100 * value:.0f} %" for name, value in found)


def _latency(quality: dict[str, object], bench: Path | None) -> str:
    """Milliseconds from prompt to PNG by the worker's engines where it measured them, else to the picture in Python."""
    if bench is None:
        latency = quality["latency_ms"]
        by_setting = {"usual": latency["prompt_to_picture"]} | ({"fast": latency["prompt_to_picture_fast"]} if "prompt_to_picture_fast" in latency else {})
        return f"in Python with ONNX Runtime, without writing the file, {_by_setting(by_setting)}"
    figures = {figure["name"]: 1000.0 * figure["value"] for figure in json.loads(bench.read_text())["figures"]}
    engines = {"onnxruntime": "ONNX Runtime", "tract": "tract"}
    found = {title: {setting: figures.get(f"default-model/{name}/{engine}") for setting, name in FIGURES.items()} for engine, title in engines.items()}
    return "in the worker " + ", ".join(f"with {title} {_by_setting(by_setting)}" for title, by_setting in found.items() if by_setting["usual"])


FIGURES = {"usual": "prompt-to-png", "fast": "prompt-to-png-fast"}
"""How `gpu-worker bench` calls what it measures of each setting."""


def _by_setting(latency_ms: dict[str, float | None]) -> str:
    fast = latency_ms.get("fast")
    return f"{latency_ms['usual']:.0f} ms" + (f" ({fast:.0f} ms in the four distilled steps)" if fast else "")


def _diversity(quality: dict[str, object]) -> str:
    measured = quality["diversity"]
    return f"{measured['model']:.2f}" + (f" (distilled {measured['fast']:.2f})" if "fast" in measured else "")


def _megabytes(folder: Path) -> float:
    """Of the files that drawing needs, in millions of bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*.onnx")) / 1e6


def _trained(run: Path, log: list[dict[str, object]]) -> str:
    """Where and how much."""
    devices = sorted({str(line["device"]).split(":")[0] for line in log if line["stage"] == "start"})
    diffusion = next(line for line in reversed(log) if line["stage"].startswith("diffusion"))
    distilled = next((line for line in reversed(log) if line["stage"].startswith("distillation")), None)
    after = f", then {distilled['step']} of the distillation" if distilled else ""
    hours = torch.load(run / DIFFUSION, map_location="cpu")["elapsed_s"] / 3600.0
    return f"On {' and '.join(devices)}, resumed as often as there was time: {diffusion['step']} optimiser steps of the diffusion in {hours:.1f} hours (held-out loss {diffusion['held_out']:.3f}){after}"


def _agreement(quality: dict[str, object]) -> str:
    """One sentence for each two engines whose pictures were compared."""
    names = {"pytorch_and_onnx_runtime": "PyTorch's and ONNX Runtime's pictures", "onnx_runtime_and_tract": "ONNX Runtime's and tract's pictures, both drawn by the worker,"}
    measured = quality["agreement"].items()
    parts = [f"{names[name]} differ by {value['mean']:.2g} of 255 steps on average, {value['largest']:.0f} at most" for name, value in measured]
    return "; ".join(parts)


def write_card(folder: Path, run: Path, samples: int, bench: Path | None) -> None:
    """The model card from what `run` measured and logged, and from what the worker measured."""
    quality = json.loads((run / "quality.json").read_text())
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    rows = []
    for name, title in TITLES.items():
        cells = " | ".join(f"{100 * quality[who][name]:.0f} %" if name in quality.get(who, {}) else "-" for who in WHO)
        rows.append(f"| {title} | {quality['asked'].get(name, 0)} | {cells} |")
    for name, title in (("sharpness", "sharpness, in that of other renders"), ("frechet_distance", "Fréchet distance to other renders")):
        rows.append(f"| {title} | {quality['captions']} | {' | '.join(f'{quality[who][name]:.2f}' if who in quality else '-' for who in WHO)} |")
    text = CARD.format(
        name=NAME, version=VERSION, draws="\n".join(f"- {what}" for what in DRAWS), not_draws=", ".join(DOES_NOT_DRAW), rows="\n".join(rows),
        families=_shares(quality, "scene_"), styles=_shares(quality, "style_"), captions=quality["captions"], diversity=_diversity(quality),
        agreement=_agreement(quality), latency=_latency(quality, bench), trained=_trained(run, log),
        reconstruction=quality["reconstruction_db"], suggestions="\n".join(f"- {what}" for what in SUGGESTIONS),
        unseen_scene=f"{100 * quality['unseen_words']['scene']:.0f} %", unseen_time=f"{100 * quality['unseen_words']['time_of_day']:.0f} %",
        guidance=GUIDANCE, samples=samples, size=_megabytes(folder),
    )
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def write_all(folder: Path, run: Path, samples: int = SAMPLES, bench: Path | None = None) -> int:
    """Writes samples, card and manifest, and returns the bytes of all files that the manifest lists."""
    write_samples(folder, samples)
    write_card(folder, run, samples, bench)
    return write_manifest(folder, facts_of(folder))


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

Pictures of {captions} captions from seeds that training did not use (shapes and planets in held-out combinations; 512 x 512,
eight steps with guidance {guidance:g}, or the four distilled ones without; one picture a caption, none picked). Scene, time of day and style are read by a classifier trained
on other renders, shapes by hand-written pixel rules. The renderer's own pictures are the ceiling, the same networks
untrained the floor.

| read from pixels | captions | eight steps | four, distilled | renderer | untrained |
|---|---|---|---|---|---|
{rows}

Scene by family: {families}. Style by style: {styles}.
Sharpness is the mean absolute Laplacian. The Fréchet distance is taken on the classifier's 64 features, from few pictures,
so it compares the columns and nothing else. What a preset does not teach (`cpu` leaves out line drawings, flat posters and counts
above three) is counted all the same, and the untrained column reads one caption in four.
Difference between four seeds of one caption: {diversity} times that of four
renders of one scene (a caption leaves open what a scene fixes, so more than one is no praise).
Two words that training never showed, put before captions with a time of day, leave the scene right in {unseen_scene} and the time in {unseen_time}.
From the same noise, {agreement}.

From prompt to PNG on two cores of a server CPU, median: {latency}.
The graphs weigh {size:.1f} MB: weights are stored in fp16, inputs and outputs are fp32.

`samples.png` holds {samples} pictures of random held-out captions, not picked.

## How it was trained

{trained}. Fresh pictures come through encoder and decoder
with {reconstruction:.1f} dB. The training command resumes, so more time improves it; the `gpu` preset does the same on an accelerator.

## Interface

- `text_encoder`: `input_ids` [B, 77] int64 to `last_hidden_state` [B, 77, 128]; rows after the first end marker are zero.
- `unet`: `sample` [B, 4, h, w], `timestep` [B] float32 (1000 x noise level, or 100000 x for the distilled flow), `encoder_hidden_states` to `out_sample`.
- `vae_decoder`: `latent_sample` to `sample` in -1..1; `vae_encoder`: `sample` to `latent_sample`. Scaling factor 1.
- `scheduler`: `UniPCMultistepScheduler` of second order on a flow's levels, shift 3, for guided steps. `scheduler_fast`:
  `FlowMatchEulerDiscreteScheduler` with the settings that make four steps without guidance the distilled walk. Sides are multiples of 64 pixels; trained at 512.
"""


def main() -> None:
    """Writes all three files."""
    parser = argparse.ArgumentParser(prog="python -m training.card", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("model/picture"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/latest"))
    parser.add_argument("--bench", type=Path, default=None, help="what `gpu-worker bench --json` printed, for the worker's own speeds")
    arguments = parser.parse_args()
    print(f"{write_all(arguments.model, arguments.run, bench=arguments.bench)} bytes")


if __name__ == "__main__":
    main()
