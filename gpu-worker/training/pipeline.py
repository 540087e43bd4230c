"""The exported folder run as any diffusers program would run it: graphs by ONNX Runtime, steps by diffusers' schedulers."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import diffusers
import numpy as np
import onnxruntime
import torch
from torch import nn

from .ladder import FAST_GUIDANCE, FAST_STEPS, GUIDANCE, STEPS
from .tokenizer import Tokenizer


@dataclass(frozen=True)
class Setting:
    """How a picture is walked: by which of the folder's schedulers, in how many steps, with how much guidance."""

    scheduler: str
    steps: int
    guidance: float


USUAL, FAST = Setting("scheduler", STEPS, GUIDANCE), Setting("scheduler_fast", FAST_STEPS, FAST_GUIDANCE)


class Pipeline:
    """Prompt to picture on the CPU."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        parts = ("text_encoder", "unet", "vae_decoder", "vae_encoder")
        self._parts = {part: onnxruntime.InferenceSession(str(folder / part / "model.onnx"), options) for part in parts}
        self.tokenizer = Tokenizer.load(folder / "tokenizer")
        self._schedulers = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("scheduler*/scheduler_config.json")}
        self._run: Callable[..., np.ndarray] = self._by_onnx_runtime

    def _by_onnx_runtime(self, part: str, **inputs: np.ndarray) -> np.ndarray:
        return self._parts[part].run(None, inputs)[0]

    def with_parts(self, run: Callable[..., np.ndarray]) -> Pipeline:
        """The same walk with `run(part, **inputs)` in place of ONNX Runtime."""
        other = copy.copy(self)
        other._run = run
        return other

    def with_networks(self, networks: Mapping[str, nn.Module]) -> Pipeline:
        """The same walk with PyTorch's networks in place of the graphs of their names."""

        def run(part: str, **inputs: np.ndarray) -> np.ndarray:
            if part not in networks:
                return self._run(part, **inputs)
            with torch.no_grad():
                return networks[part](*(torch.from_numpy(value) for value in inputs.values())).numpy()

        return self.with_parts(run)

    def words(self, texts: list[str]) -> np.ndarray:
        """Encoded texts [B, 77, c]."""
        return self._run("text_encoder", input_ids=np.array([self.tokenizer.encode(text) for text in texts], np.int64))

    def has(self, setting: Setting) -> bool:
        """Whether the folder holds the setting's scheduler."""
        return setting.scheduler in self._schedulers

    def latents(self, prompts: list[str], seed: int, setting: Setting, size: tuple[int, int], negative: str = "") -> np.ndarray:
        """The scheduler's walk from noise to [B, 4, h, w]."""
        count, height, width = len(prompts), *size
        guided = setting.guidance > 1.0
        text = self.words([negative] * count + prompts if guided else prompts)
        scheduler = self._scheduler(setting)
        scheduler.set_timesteps(setting.steps)
        noise = np.random.default_rng(seed).standard_normal((count, 4, height // 8, width // 8)).astype(np.float32)
        latents = torch.from_numpy(noise)  # A flow begins with unit noise, and neither class scales what the network sees.
        for time_step in scheduler.timesteps:
            seen = latents.numpy()
            timestep = np.full(len(text), float(time_step), np.float32)
            flow = self._run("unet", sample=np.concatenate((seen, seen)) if guided else seen, timestep=timestep, encoder_hidden_states=text)
            if guided:
                flow = flow[:count] + setting.guidance * (flow[count:] - flow[:count])
            latents = scheduler.step(torch.from_numpy(flow), time_step, latents).prev_sample
        return latents.numpy()

    def _scheduler(self, setting: Setting) -> diffusers.SchedulerMixin:
        config = self._schedulers[setting.scheduler]
        return getattr(diffusers, config["_class_name"]).from_config(config)

    def pictures(self, prompts: list[str], seed: int = 0, setting: Setting = USUAL, size: tuple[int, int] = (512, 512), negative: str = "") -> np.ndarray:
        """Pictures [B, 3, H, W] in -1..1."""
        latents = self.latents(prompts, seed, setting, size, negative)
        return np.concatenate([self.decode(latents[place : place + 1]) for place in range(len(latents))])

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Latents [B, 4, h, w] to pictures in -1..1."""
        return self._run("vae_decoder", latent_sample=latents).clip(-1.0, 1.0)

    def reconstructed(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures [B, 3, H, W] through encoder and decoder."""
        return np.concatenate([self.decode(self._run("vae_encoder", sample=pictures[place : place + 1])) for place in range(len(pictures))])

    def latency_ms(self, runs: int = 5) -> dict[str, float]:
        """Median milliseconds from prompt to picture, 512 x 512, by every setting that there is, and of its parts."""
        text = self.words(["", "a city skyline at night"])
        latent = np.zeros((1, 4, 64, 64), np.float32)
        twice = {"sample": np.zeros((2, 4, 64, 64), np.float32), "timestep": np.full(2, 500.0, np.float32), "encoder_hidden_states": text}
        calls: dict[str, Callable[[], object]] = {
            "prompt_to_picture": lambda: self.pictures(["a city skyline at night"]),
            "unet_step_with_guidance": lambda: self._run("unet", **twice),
            "decode": lambda: self._run("vae_decoder", latent_sample=latent),
        }
        if self.has(FAST):
            calls["prompt_to_picture_fast"] = lambda: self.pictures(["a city skyline at night"], setting=FAST)
        return {name: _median_ms(call, runs) for name, call in calls.items()}


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
