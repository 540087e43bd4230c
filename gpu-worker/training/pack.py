"""A run in one file of a few megabytes, to carry it to another machine or to keep it.

Holds the averaged weights, the distilled ones where there are, in fp16, without the optimiser's state and without
pictures: a run that goes on from it draws its pictures again and begins with fresh moments.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from .checkpoints import DIFFUSION, last_weights
from .log import save_atomically

PACKED = "packed.pt"


def pack(run: Path) -> Path:
    """Writes RUN/packed.pt."""
    diffusion = torch.load(run / DIFFUSION, map_location="cpu")
    decoder = torch.load(run / "decoder.pt", map_location="cpu")
    value = {
        "means": _halved(last_weights(run)["means"]), "sizes": diffusion.get("sizes"), "step": diffusion["step"], "elapsed_s": diffusion["elapsed_s"],
        "decoder": _halved(decoder["decoder"]), "decoder_step": decoder["step"], "decoder_s": decoder["elapsed_s"],
        "components": torch.load(run / "components.pt", map_location="cpu"),
        "judge": torch.load(run / "judge.pt", map_location="cpu") if (run / "judge.pt").exists() else None,
        "tokenizer": {path.name: path.read_text(encoding="utf-8") for path in sorted((run / "tokenizer").iterdir())},
        "log": (run / "log.jsonl").read_text(encoding="utf-8"),
    }
    save_atomically(value, run / PACKED)
    return run / PACKED


def unpack(folder: Path) -> None:
    """Lays out what FOLDER/packed.pt holds as a run's files, unless the run has a checkpoint of its own."""
    if (folder / DIFFUSION).exists() or not (folder / PACKED).exists():
        return
    value = torch.load(folder / PACKED, map_location="cpu")
    (folder / "tokenizer").mkdir(exist_ok=True)
    for name, text in value["tokenizer"].items():
        (folder / "tokenizer" / name).write_text(text, encoding="utf-8")
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(value["log"])
    save_atomically(value["components"], folder / "components.pt")
    if value["judge"] is not None:
        save_atomically(value["judge"], folder / "judge.pt")
    means = _whole(value["means"])
    diffusion = {"nets": means, "means": means, "optimizer": None, "sizes": value["sizes"], "step": value["step"], "elapsed_s": value["elapsed_s"]}
    save_atomically(diffusion, folder / DIFFUSION)
    decoder = {"decoder": _whole(value["decoder"]), "optimizer": None, "step": value["decoder_step"], "elapsed_s": value["decoder_s"]}
    save_atomically(decoder, folder / "decoder.pt")


def _halved(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.half() if value.dtype == torch.float32 else value for name, value in weights.items()}


def _whole(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in weights.items()}
