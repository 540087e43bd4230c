"""Writes the trained parts as a diffusers ONNX folder: weights in fp16, inputs and outputs in fp32."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from .autoencoder import Decoder, Encoder
from .files import write_json
from .ladder import FAST_FOLDER, FAST_TERMINAL, FAST_TIMESTEPS, SHIFT, TIMESTEPS
from .network import Sizes, TextEncoder, UNet
from .tokenizer import CONTEXT, Tokenizer

OPSET = 17
SMALLEST_HALVED = 256
"""Initialisers with fewer elements stay in fp32: scalars, shapes and norms gain nothing."""


def halve_weights(model: onnx.ModelProto) -> None:
    """Stores large fp32 initialisers as fp16 and casts each back to fp32 where it is used."""
    casts = []
    for place, weight in enumerate(model.graph.initializer):
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < SMALLEST_HALVED:
            continue
        name = weight.name
        halved = numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), name + "_half")
        model.graph.initializer[place].CopyFrom(halved)
        casts.append(helper.make_node("Cast", [name + "_half"], [name], name=name + "_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def export_graph(
    part: nn.Module, inputs: dict[str, Tensor], outputs: list[str], axes: dict[str, dict[int, str]], path: Path,
) -> None:
    """Traces `part` on `inputs` and writes `path` with the given names and free axes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            part.eval().float().cpu(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=True,
        )
    model = onnx.load(str(path))
    halve_weights(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def export_parts(tokenizer: Tokenizer, text: TextEncoder, unet: UNet, encoder: Encoder, decoder: Decoder, sizes: Sizes, folder: Path) -> None:
    """Writes every graph, configuration and tokenizer file under `folder`."""
    grid = {0: "batch", 2: "height", 3: "width"}
    latent = torch.randn(2, 4, 64, 64)
    ids = torch.tensor([tokenizer.encode("a city skyline at night"), tokenizer.encode("")])
    tokenizer.save(folder / "tokenizer")
    export_graph(
        text,
        {"input_ids": ids},
        ["last_hidden_state"],
        {"input_ids": {0: "batch"}, "last_hidden_state": {0: "batch"}},
        folder / "text_encoder/model.onnx",
    )
    with torch.no_grad():
        words = text.cpu()(ids)
    export_graph(
        unet,
        {"sample": latent, "timestep": torch.tensor([900.0, 900.0]), "encoder_hidden_states": words},
        ["out_sample"],
        {"sample": grid, "timestep": {0: "batch"}, "encoder_hidden_states": {0: "batch"}, "out_sample": grid},
        folder / "unet/model.onnx",
    )
    export_graph(decoder, {"latent_sample": latent}, ["sample"], {"latent_sample": grid, "sample": grid}, folder / "vae_decoder/model.onnx")
    export_graph(
        encoder,
        {"sample": torch.randn(1, 3, 512, 512)},
        ["latent_sample"],
        {"sample": grid, "latent_sample": grid},
        folder / "vae_encoder/model.onnx",
    )
    write_configurations(folder, len(tokenizer.ids), sizes, unet.is_distilled())


def write_configurations(folder: Path, vocabulary: int, sizes: Sizes, distilled: bool) -> None:
    """The JSON files that diffusers pipelines read, and the scheduler of the distilled mode where there is one."""
    vae = {
        "_class_name": "AutoencoderKL",
        "block_out_channels": [28, 40, 64, 160],
        "in_channels": 3,
        "latent_channels": 4,
        "out_channels": 3,
        "sample_size": 512,
        "scaling_factor": 1.0,
        "shift_factor": 0.0,
    }
    unet = {
        "_class_name": "UNet2DConditionModel",
        "block_out_channels": [*sizes.levels],
        "cross_attention_dim": sizes.text,
        "in_channels": 4,
        "out_channels": 4,
        "sample_size": 64,
        "time_cond_proj_dim": None,
    }
    text = {
        "architectures": ["CLIPTextModel"],
        "hidden_size": sizes.text,
        "max_position_embeddings": CONTEXT,
        "model_type": "clip_text_model",
        "num_attention_heads": sizes.text_heads,
        "num_hidden_layers": sizes.text_layers,
        "vocab_size": vocabulary,
    }
    index = {
        "_class_name": "OnnxStableDiffusionPipeline",
        "_diffusers_version": "0.36.0",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["diffusers", "OnnxRuntimeModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "OnnxRuntimeModel"],
        "vae_decoder": ["diffusers", "OnnxRuntimeModel"],
        "vae_encoder": ["diffusers", "OnnxRuntimeModel"],
    }
    files = {
        "model_index.json": index,
        "text_encoder/config.json": text,
        "unet/config.json": unet,
        "vae_decoder/config.json": vae,
        "vae_encoder/config.json": vae,
        "scheduler/scheduler_config.json": _usual_scheduler(),
    }
    shutil.rmtree(folder / FAST_FOLDER, ignore_errors=True)  # An earlier export's mode may not be this one's.
    fast = {f"{FAST_FOLDER}/scheduler_config.json": _fast_scheduler()} if distilled else {}
    write_json(folder, files | fast)


def _usual_scheduler() -> dict[str, object]:
    """A corrected walk of second order, which in eight steps comes far nearer to the end of many than Euler's does."""
    return {
        "_class_name": "UniPCMultistepScheduler",
        "final_sigmas_type": "zero",
        "flow_shift": SHIFT,
        "lower_order_final": True,
        "num_train_timesteps": TIMESTEPS,
        "predict_x0": True,
        "prediction_type": "flow_prediction",
        "solver_order": 2,
        "solver_type": "bh2",
        "use_flow_sigmas": True,
    }


def _fast_scheduler() -> dict[str, object]:
    """Straight steps between the levels that the distillation learnt."""
    return {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": FAST_TIMESTEPS,
        "shift": SHIFT,
        "shift_terminal": FAST_TERMINAL,
        "use_dynamic_shifting": False,
    }
