"""`python -m training --preset smoke|cpu|gpu --run DIR --out DIR`: trains, exports, measures and says how it went.

Every stage goes on from what an interrupted run left in DIR. `--stage` runs one of them, so that the decoder and the
diffusion can train beside each other once the pictures are drawn.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.util
import time
from pathlib import Path

import torch

from .checkpoints import DIFFUSION
from .codes import encoded
from .distil import distil
from .exchange import together
from .export import export_parts
from .facts import facts_of
from .manifest import write_manifest
from .pack import pack
from .presets import PRESETS, Budget, Preset
from .run import Run, encoder_of
from .scenes import FAMILIES, STYLES
from .train_decoder import load_decoder, train_decoder
from .train_diffusion import diffuse, trained_networks
from .train_judge import train_judge

STAGES = ("draw", "decoder", "judge", "diffusion", "distillation", "pack", "export", "measure")
LEAST_DIFFUSION_S = 30.0


def main() -> None:
    """Runs every stage, or the one asked for."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--run", type=Path, default=Path("training/runs/latest"), help="pictures, checkpoints, logs and sheets")
    parser.add_argument("--out", type=Path, default=None, help="the model folder to write; RUN/model by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stage", choices=("all", *STAGES), default="all")
    parser.add_argument("--seconds", type=float, default=None, help="wall clock of the stage, or of all stages together, instead of the preset's")
    parser.add_argument("--emphasis", nargs="*", default=[], metavar="NAME=FACTOR", help="how often the diffusion sees a family or a style, instead of the preset's")
    parser.add_argument("--workers", type=int, default=1, help="processes that train the diffusion, and its fast mode, together")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--worker", type=Path, default=None, help="a built gpu-worker, to compare both engines' pictures")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    started = time.monotonic()
    preset = _with_seconds(PRESETS[arguments.preset], arguments.stage, arguments.seconds)
    preset = dataclasses.replace(preset, emphasis={**preset.emphasis, **_emphasis(arguments.emphasis, parser)})
    run = Run(arguments.run, preset, arguments.seed)
    out = arguments.out or arguments.run / "model"
    stages = {
        "draw": run.draw,
        "decoder": lambda: train_decoder(run),
        "judge": lambda: train_judge(run),
        "diffusion": lambda: _diffuse(run, arguments.workers, started),
        "distillation": lambda: together(arguments.workers, functools.partial(distil, run.folder, preset, run.seed)),
        "pack": lambda: pack(run.folder),
        "export": lambda: _export(run, out),
        "measure": lambda: _measure(run, out, arguments.worker),
    }
    for stage in STAGES if arguments.stage == "all" else (arguments.stage,):
        stages[stage]()


def _emphasis(given: list[str], parser: argparse.ArgumentParser) -> dict[str, float]:
    """`NAME=FACTOR` for families and styles of the drawn world."""
    found = {}
    for text in given:
        name, _, factor = text.partition("=")
        if name not in (*FAMILIES, *STYLES) or not factor.replace(".", "", 1).isdigit():
            parser.error(f"--emphasis takes NAME=FACTOR with a name of {', '.join((*FAMILIES, *STYLES))}, got {text}")
        found[name] = float(factor)
    return found


def _with_seconds(preset: Preset, stage: str, seconds: float | None) -> Preset:
    if stage == "all":
        return preset.within(seconds or preset.whole_s) if seconds or preset.whole_s else preset
    preset = dataclasses.replace(preset, whole_s=0.0)
    if seconds is None or stage not in ("decoder", "judge", "diffusion", "distillation"):
        return preset
    return dataclasses.replace(preset, **{stage: Budget(seconds=seconds)})


def _diffuse(run: Run, workers: int, started: float) -> None:
    """The diffusion within its own budget or, in a run by the clock, in what the stages before and after it leave."""
    preset = run.preset
    if preset.whole_s:
        path = run.folder / DIFFUSION
        before_s = torch.load(path, map_location="cpu")["elapsed_s"] if path.exists() else 0.0
        left_s = preset.whole_s - preset.measuring_s - preset.distillation.seconds - (time.monotonic() - started)
        preset = dataclasses.replace(preset, diffusion=Budget(seconds=before_s + max(LEAST_DIFFUSION_S, left_s)))
    encoded(run)
    together(workers, functools.partial(diffuse, run.folder, preset, run.seed))


def _export(run: Run, out: Path) -> None:
    nets, sizes = trained_networks(run.folder, run.tokenizer)
    export_parts(run.tokenizer, nets["text"], nets["unet"], encoder_of(run), load_decoder(run), sizes, out)
    write_manifest(out, facts_of(out))
    run.log.line("exported", folder=str(out))


def _measure(run: Run, out: Path, worker: Path | None) -> None:
    if importlib.util.find_spec("onnxruntime") is None:
        run.log.line("not measured", reason="onnxruntime is not installed; pack the run and measure it where it is")
        return
    from . import card, evaluate

    quality = evaluate.write_quality(run.folder, out, run.preset.measured_per_family, worker)
    card.write_all(out, run.folder, run.preset.samples)
    run.log.line("measured", **{name: value for name, value in quality["model"].items() if name in card.TITLES})


if __name__ == "__main__":
    main()
