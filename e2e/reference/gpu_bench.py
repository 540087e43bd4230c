"""The other side of `cargo xtask bench gpu`: Stable Diffusion 1.5's architecture with random weights.

`make FOLDER` exports it for the worker: f16 graphs with their weights in external files. `draw` draws with diffusers' own
pipeline on PyTorch, prints `ready` once it is loaded, then one line of JSON with the seconds of each picture and the speed of
a large matrix product, which is the roof over both sides. Weights change nothing of the time, so none are downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tempfile
import time
import warnings
from pathlib import Path

import onnx
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from pipelines import exchange, layouts, words

TEXT_WIDTH = 768
TEXT_HEADS = 12
VOCABULARY = 49408
CONTEXT_TOKENS = 77
SCALING = 0.18215
NORM_GROUPS = 32
PARTS = ["tokenizer", "text_encoder", "unet", "vae_decoder", "scheduler"]

# Large enough that a GPU reaches its best, and how often it runs.
PRODUCT_EDGE = 8192
PRODUCTS_TO_WARM_UP = 3
PRODUCTS = 20


def main() -> None:
    arguments = parse()
    if arguments.command == "make":
        make(arguments.folder, arguments.channels)
    else:
        measure(arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, default=320, help="of the UNet's first level; 320 is Stable Diffusion 1.5")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make").add_argument("folder", type=Path)
    draw = commands.add_parser("draw")
    draw.add_argument("--prompt", required=True)
    for name in ("steps", "size", "pictures"):
        draw.add_argument(f"--{name}", type=int, required=True)
    draw.add_argument("--guidance", type=float, required=True)
    return parser.parse_args()


def device() -> tuple[torch.device, torch.dtype]:
    """A processor has no fast f16, so a trial without a GPU takes f32."""
    return (torch.device("cuda"), torch.float16) if torch.cuda.is_available() else (torch.device("cpu"), torch.float32)


def networks(channels: int) -> tuple[CLIPTextModel, UNet2DConditionModel, AutoencoderKL]:
    torch.manual_seed(0)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=VOCABULARY,
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=TEXT_HEADS,
            num_attention_heads=TEXT_HEADS,
            max_position_embeddings=CONTEXT_TOKENS,
            hidden_act="quick_gelu",
        )
    )
    unet = UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(channels, 2 * channels, 4 * channels, 4 * channels),
        layers_per_block=2,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=8,
        norm_num_groups=NORM_GROUPS,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    )
    vae = AutoencoderKL(
        latent_channels=4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        norm_num_groups=NORM_GROUPS,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        scaling_factor=SCALING,
    )
    where, number = device()
    return tuple(network.eval().requires_grad_(False).to(where, number) for network in (text, unet, vae))


def make(folder: Path, channels: int) -> None:
    text, unet, vae = networks(channels)
    where, number = device()
    words.write(folder / "tokenizer", words.END)
    ids = torch.ones(1, CONTEXT_TOKENS, dtype=torch.int32, device=where)
    export(
        folder / "text_encoder", text, lambda network, ids: network(input_ids=ids).last_hidden_state, {"input_ids": ids},
        "last_hidden_state", {"input_ids": {0: "batch"}, "last_hidden_state": {0: "batch"}},
    )
    inputs = {
        "sample": torch.randn(2, 4, 64, 64, device=where, dtype=number),
        "timestep": torch.tensor([900], device=where),
        "encoder_hidden_states": torch.randn(2, CONTEXT_TOKENS, TEXT_WIDTH, device=where, dtype=number),
    }
    grid = {0: "batch", 2: "height", 3: "width"}
    export(
        folder / "unet", unet, lambda network, *given: network(*given, return_dict=False)[0], inputs, "out_sample",
        {"sample": grid, "encoder_hidden_states": {0: "batch"}, "out_sample": grid},
    )
    latents = torch.randn(1, 4, 64, 64, device=where, dtype=number)
    export(
        folder / "vae_decoder", vae, lambda network, latents: network.decode(latents).sample, {"latent_sample": latents},
        "sample", {"latent_sample": grid, "sample": {0: "batch", 2: "picture_height", 3: "picture_width"}},
    )
    keys = ("scaling_factor", "latent_channels", "block_out_channels")
    (folder / "vae_decoder/config.json").write_text(json.dumps({key: vae.config[key] for key in keys}))
    scheduler = dict(_class_name="DDIMScheduler", **layouts.EPSILON_DDIM)
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    layouts.index(folder, "OnnxStableDiffusionPipeline", PARTS, safety_checker=[None, None])
    pin(folder)


def export(folder: Path, network: nn.Module, call, inputs: dict[str, Tensor], output: str, axes: dict) -> None:
    """Weights go to a file of their own: together with the graph they are near the 2 GB that an ONNX file may have."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(scratch) / "model.onnx"
        torch.onnx.export(
            exchange.Call(network, call), tuple(inputs.values()), str(path), input_names=list(inputs), output_names=[output],
            dynamic_axes=axes, opset_version=exchange.OPSET, dynamo=False,
        )
        onnx.save_model(
            onnx.load(str(path)), str(folder / "model.onnx"), save_as_external_data=True, location="model.onnx_data",
        )


def pin(folder: Path) -> None:
    """The worker reads only what a manifest lists."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    files = []
    for path in paths:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files.append({"path": path.relative_to(folder).as_posix(), "sha256": digest, "bytes": path.stat().st_size})
    manifest = {
        "name": "sd15-random", "version": "1.0.0", "kind": "image", "licence": "CC0-1.0", "files": files,
        "default_steps": 30, "default_guidance": 7.5, "native_size_px": 512,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


def measure(arguments: argparse.Namespace) -> None:
    text, unet, vae = networks(arguments.channels)
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = words.write(Path(scratch), words.END)
    pipeline = layouts.plain(tokenizer, text, unet, vae, DDIMScheduler(**layouts.EPSILON_DDIM))
    pipeline.set_progress_bar_config(disable=True)
    print("ready", flush=True)
    draw(pipeline, arguments, 0)
    seconds = []
    for seed in range(1, arguments.pictures + 1):
        began = time.perf_counter()
        draw(pipeline, arguments, seed)
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"torch": torch.__version__, "seconds": seconds, "flop_per_second": product_speed()}))


def draw(pipeline: StableDiffusionPipeline, arguments: argparse.Namespace, seed: int) -> bytes:
    picture = pipeline(
        prompt=arguments.prompt,
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance,
        width=arguments.size,
        height=arguments.size,
        generator=torch.Generator().manual_seed(seed),
    ).images[0]
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def product_speed() -> float:
    """Floating point operations per second of a large matrix product on random data, in the networks' type."""
    where, number = device()
    edge = PRODUCT_EDGE if where.type == "cuda" else PRODUCT_EDGE // 8
    left, right = (torch.randn(edge, edge, device=where, dtype=number) for _ in range(2))

    def run(times: int) -> float:
        wait = torch.cuda.synchronize if where.type == "cuda" else lambda: None
        wait()
        began = time.perf_counter()
        for _ in range(times):
            left @ right
        wait()
        return time.perf_counter() - began

    run(PRODUCTS_TO_WARM_UP)
    return 2.0 * edge**3 * PRODUCTS / run(PRODUCTS)


if __name__ == "__main__":
    main()
