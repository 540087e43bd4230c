"""`python -m training.language --preset smoke|cpu|gpu --run DIR --out DIR`: trains, exports, measures and describes the word model.

It goes on from what an interrupted run left in DIR.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from pathlib import Path

import torch

from .export import export
from .presets import PRESETS
from .train import Run, train


def main() -> None:
    """Trains, then writes the model's folder."""
    parser = argparse.ArgumentParser(prog="python -m training.language", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--run", type=Path, default=Path("training/runs/words"), help="tokenizer, checkpoint and log")
    parser.add_argument("--out", type=Path, default=None, help="the model folder to write; RUN/model by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=None, help="optimiser steps, instead of the preset's")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--export-only", action="store_true", help="export the checkpoint as it is")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    preset = PRESETS[arguments.preset]
    if arguments.steps:
        preset = dataclasses.replace(preset, steps=arguments.steps)
    device = "cuda" if arguments.preset == "gpu" and torch.cuda.is_available() else "cpu"
    run = Run(arguments.run, preset, arguments.seed, device)
    if not arguments.export_only:
        train(run)
    folder = arguments.out or arguments.run / "model"
    export(run.writer(), run.tokenizer, folder)
    run.log.line("exported", folder=str(folder))
    if importlib.util.find_spec("onnxruntime") is None:
        run.log.line("not measured", reason="onnxruntime is not installed; measure where it is")
        return
    from . import card, evaluate

    evaluate.write_quality(run.folder, folder)
    run.log.line("described", bytes=card.finish(folder, run.folder, None))


if __name__ == "__main__":
    main()
