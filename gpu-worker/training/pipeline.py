"""The exported folder run as any diffusers program would run it: ONNX Runtime and the tokenizer's files, no PyTorch."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from .ladder import noise_ladder
from .png import png
from .tokenizer import Tokenizer


class Pipeline:
    """Prompt to picture on the CPU."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        parts = ("text_encoder", "unet", "vae_decoder", "vae_encoder")
        self._parts = {part: onnxruntime.InferenceSession(str(folder / part / "model.onnx"), options) for part in parts}
        self.tokenizer = Tokenizer.load(folder / "tokenizer")
        self.shift = float(json.loads((folder / "scheduler/scheduler_config.json").read_text())["shift"])

        self._run: Callable[..., np.ndarray] = self._by_onnx_runtime

    def _by_onnx_runtime(self, part: str, **inputs: np.ndarray) -> np.ndarray:
        return self._parts[part].run(None, inputs)[0]

    def with_parts(self, run: Callable[..., np.ndarray]) -> Pipeline:
        """The same walk with `run(part, **inputs)` in place of ONNX Runtime."""
        other = copy.copy(self)
        other._run = run
        return other

    def words(self, texts: list[str]) -> np.ndarray:
        """Encoded texts [B, 77, c]."""
        return self._run("text_encoder", input_ids=np.array([self.tokenizer.encode(text) for text in texts], np.int64))

    def latents(self, prompts: list[str], seed: int, steps: int, guidance: float, size: tuple[int, int], negative: str = "") -> np.ndarray:
        """Euler's method along the flow, from noise to [B, 4, h, w]."""
        count = len(prompts)
        text = self.words([negative] * count + prompts)
        height, width = size
        latents = np.random.default_rng(seed).standard_normal((count, 4, height // 8, width // 8)).astype(np.float32)
        sigmas = noise_ladder(steps, self.shift)
        for now, after in zip(sigmas, sigmas[1:]):
            timestep = np.full(2 * count, 1000.0 * now, np.float32)
            both = self._run("unet", sample=np.concatenate((latents, latents)), timestep=timestep, encoder_hidden_states=text)
            plain, told = both[:count], both[count:]
            latents = latents + np.float32(after - now) * (plain + guidance * (told - plain))
        return latents

    def pictures(
        self, prompts: list[str], seed: int = 0, steps: int = 8, guidance: float = 3.0, size: tuple[int, int] = (512, 512), negative: str = ""
    ) -> np.ndarray:
        """Pictures [B, 3, H, W] in -1..1."""
        latents = self.latents(prompts, seed, steps, guidance, size, negative)
        return np.concatenate([self.decode(latents[place : place + 1]) for place in range(len(latents))])

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Latents [B, 4, h, w] to pictures in -1..1."""
        return self._run("vae_decoder", latent_sample=latents).clip(-1.0, 1.0)

    def reconstructed(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures [B, 3, H, W] through encoder and decoder."""
        return np.concatenate([self.decode(self._run("vae_encoder", sample=pictures[place : place + 1])) for place in range(len(pictures))])

    def png(self, prompt: str, seed: int = 0, steps: int = 8, guidance: float = 3.0) -> bytes:
        """One picture as a PNG file."""
        picture = self.pictures([prompt], seed, steps, guidance)[0]
        return png(to_bytes(picture))

    def latency_ms(self, runs: int = 5) -> dict[str, float]:
        """Median milliseconds from prompt to PNG at 512 x 512 in eight steps, and of its parts."""
        text = self.words(["", "a city skyline at night"])
        latent = np.zeros((1, 4, 64, 64), np.float32)
        twice = {"sample": np.zeros((2, 4, 64, 64), np.float32), "timestep": np.full(2, 500.0, np.float32), "encoder_hidden_states": text}
        return {
            "prompt_to_png": _median_ms(lambda: self.png("a city skyline at night"), runs),
            "unet_step_with_guidance": _median_ms(lambda: self._run("unet", **twice), runs),
            "decode": _median_ms(lambda: self._run("vae_decoder", latent_sample=latent), runs),
        }


def to_bytes(picture: np.ndarray) -> np.ndarray:
    """[3, H, W] in -1..1 to bytes [H, W, 3]."""
    return np.ascontiguousarray(((picture + 1.0) * 127.5).round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


def _median_ms(call: object, runs: int) -> float:
    call()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        call()
        times.append(1000.0 * (time.perf_counter() - started))
    return float(np.median(times))
