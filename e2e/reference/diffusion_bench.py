"""The other side of `cargo xtask bench diffusion`: draws with diffusers' ONNX pipeline and tells what it took.

Prints `ready` once the model is loaded, then one line of JSON. The pipeline is diffusers' own; only its borders are fitted
to the model: the tokens are int64, the scheduler is a flow's, the decoder takes latents as they are. It starts from the
worker's noise, so that both draw the same picture, and compares its last picture with the worker's.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
from diffusers import OnnxRuntimeModel, OnnxStableDiffusionPipeline, UniPCMultistepScheduler
from PIL import Image
from transformers import CLIPTokenizer

from pipelines.noise import gaussian

# What diffusers' pipeline divides latents by, whatever the model says.
PIPELINE_SCALING = 0.18215


class TextEncoder(OnnxRuntimeModel):
    def __call__(self, input_ids):
        return super().__call__(input_ids=input_ids.astype(np.int64))


class Unet(OnnxRuntimeModel):
    def __call__(self, sample, timestep, encoder_hidden_states):
        timestep = np.repeat(timestep, len(sample))
        return super().__call__(sample=sample, timestep=timestep, encoder_hidden_states=encoder_hidden_states)


class Decoder(OnnxRuntimeModel):
    def __call__(self, latent_sample):
        return super().__call__(latent_sample=(latent_sample * PIPELINE_SCALING).astype(np.float32))


def main() -> None:
    arguments = parse()
    pipeline = load(arguments)
    print("ready", flush=True)
    draw(pipeline, arguments, 0)
    seconds = []
    for seed in range(1, arguments.pictures + 1):
        began = time.perf_counter()
        png = draw(pipeline, arguments, seed)
        seconds.append(time.perf_counter() - began)
    print(json.dumps({
        "engine": "onnxruntime",
        "version": onnxruntime.__version__,
        "threads": arguments.threads,
        "seconds": seconds,
        "peak_bytes": peak_bytes(),
        "pixel_difference": difference(png, arguments.compare.read_bytes()),
    }))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--guidance", type=float, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--pictures", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compare", type=Path, required=True, help="the worker's picture of the last seed")
    return parser.parse_args()


def load(arguments: argparse.Namespace) -> OnnxStableDiffusionPipeline:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads

    def part(kind: type[OnnxRuntimeModel], name: str) -> OnnxRuntimeModel:
        path = str(arguments.model / name / "model.onnx")
        return kind(model=OnnxRuntimeModel.load_model(path, "CPUExecutionProvider", options))

    pipeline = OnnxStableDiffusionPipeline(
        vae_encoder=None,
        vae_decoder=part(Decoder, "vae_decoder"),
        text_encoder=part(TextEncoder, "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(arguments.model / "tokenizer"),
        unet=part(Unet, "unet"),
        scheduler=UniPCMultistepScheduler.from_pretrained(arguments.model / "scheduler"),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline: OnnxStableDiffusionPipeline, arguments: argparse.Namespace, seed: int) -> bytes:
    edge = arguments.size // 8
    picture = pipeline(
        prompt=arguments.prompt,
        negative_prompt="",
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance,
        width=arguments.size,
        height=arguments.size,
        latents=gaussian(seed, 0, (1, 4, edge, edge)).numpy(),
    ).images[0]
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def difference(one: bytes, other: bytes) -> int:
    """Greatest difference of any pixel's colour, of 255."""
    pixels = [np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=np.int16) for png in (one, other)]
    return int(np.abs(pixels[0] - pixels[1]).max())


def peak_bytes() -> int:
    """Most memory that this process has had, as Linux counts it."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
