"""`python -m training --preset smoke|cpu|gpu --run DIR --out DIR`: trains, exports and says how it went.

Every stage goes on from what an interrupted run left in DIR. `--stage` runs one of them, so that the decoder and the
diffusion can train beside each other once the pictures are drawn.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from pathlib import Path

import torch

from .export import export_parts
from .exchange import together
from .network import Sizes
from .presets import PRESETS, Budget
from .train import Run, components_of, diffuse, encoder_of, load_decoder, load_means, train_decoder, train_judge


def main() -> None:
    """Runs every stage, or the one asked for."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="cpu")
    parser.add_argument("--run", type=Path, default=Path("training/runs/latest"), help="pictures, checkpoints, logs and sheets")
    parser.add_argument("--out", type=Path, default=None, help="the model folder to write; RUN/model by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stage", choices=("all", "draw", "decoder", "diffusion", "export", "judge"), default="all")
    parser.add_argument("--seconds", type=float, default=None, help="wall clock for the stage, instead of the preset's")
    parser.add_argument("--workers", type=int, default=1, help="processes that train the diffusion together")
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    preset = PRESETS[arguments.preset]
    if arguments.seconds:
        budget = Budget(seconds=arguments.seconds)
        preset = dataclasses.replace(preset, diffusion=budget) if arguments.stage == "diffusion" else dataclasses.replace(preset, decoder=budget)
    run = Run(arguments.run, preset, arguments.seed)
    wanted = ("draw", "decoder", "diffusion", "export", "judge") if arguments.stage == "all" else (arguments.stage,)
    if "draw" in wanted:
        run.draw()
        components_of(run)
    if "decoder" in wanted:
        train_decoder(run)
    if "diffusion" in wanted:
        together(arguments.workers, functools.partial(diffuse, arguments.run, preset, arguments.seed))
    if "export" in wanted:
        _export(run, arguments.out or arguments.run / "model")
    if "judge" in wanted:
        train_judge(run)


def _export(run: Run, out: Path) -> None:
    text, unet = load_means(run)
    export_parts(run.tokenizer, text, unet, encoder_of(run), load_decoder(run), Sizes(), out)
    run.log.line("exported", folder=str(out))


if __name__ == "__main__":
    main()
