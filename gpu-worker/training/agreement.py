"""Whether PyTorch, ONNX Runtime and tract draw the same picture from the same noise."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from .autoencoder import Decoder
from .pipeline import Pipeline, to_bytes

PROMPTS = ("a city skyline at night", "a sunset over the sea", "a red planet with rings", "pixel art of mountains by day")
SEED = 31


def agreement(nets: nn.ModuleDict, run: Path, model: Path, pipeline: Pipeline, worker: Path | None) -> dict[str, dict[str, float]]:
    """Mean and largest difference, in steps of 8-bit colour, between each two that were compared."""
    result = {"pytorch_and_onnx_runtime": _differences(_by_pytorch(nets, run, pipeline), _by_onnx_runtime(pipeline))}
    if worker is not None:
        result["onnx_runtime_and_tract"] = _differences(_by_worker(worker, model, "onnxruntime"), _by_worker(worker, model, "tract"))
    return result


def _differences(first: list[np.ndarray], second: list[np.ndarray]) -> dict[str, float]:
    apart = np.abs(np.stack(first).astype(np.int16) - np.stack(second).astype(np.int16))
    return {"mean": float(apart.mean()), "largest": float(apart.max())}


def _by_onnx_runtime(pipeline: Pipeline) -> list[np.ndarray]:
    return [to_bytes(pipeline.pictures([prompt], SEED)[0]) for prompt in PROMPTS]


def _by_pytorch(nets: nn.ModuleDict, run: Path, pipeline: Pipeline) -> list[np.ndarray]:
    """The pipeline's own walk with the checkpoint's networks, at the precision they were trained in."""
    decoder = Decoder()
    decoder.load_state_dict(torch.load(run / "decoder.pt", map_location="cpu")["decoder"])
    return _by_onnx_runtime(pipeline.with_networks({"text_encoder": nets["text"], "unet": nets["unet"], "vae_decoder": decoder.eval()}))


def _by_worker(worker: Path, model: Path, engine: str) -> list[np.ndarray]:
    """Pictures of the built worker on one engine."""
    pictures = []
    with tempfile.TemporaryDirectory() as folder:
        for place, prompt in enumerate(PROMPTS):
            out = Path(folder) / f"{place}.png"
            subprocess.run([worker, "generate", prompt, "--model", model, "--seed", str(SEED), "--engine", engine, "--out", out], check=True, capture_output=True)
            pictures.append(np.asarray(Image.open(out).convert("RGB")))
    return pictures
