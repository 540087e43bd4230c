"""Writes networks as ONNX with the tensor names of the two exporters that people use."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

OPSET = 17


class Call(nn.Module):
    """A network behind a plain signature."""

    def __init__(self, network: nn.Module, call) -> None:
        super().__init__()
        self.network, self.call = network, call

    def forward(self, *inputs: Tensor):
        return self.call(self.network, *inputs)


def halve_weights(model: onnx.ModelProto) -> None:
    """Stores fp32 initialisers as fp16, which holds them exactly, and casts each back where it is used."""
    casts = []
    for place, weight in enumerate(model.graph.initializer):
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 64:
            continue
        values = numpy_helper.to_array(weight)
        if not np.array_equal(values.astype(np.float16).astype(np.float32), values):
            continue
        name = weight.name
        model.graph.initializer[place].CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], name=name + "_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def shorten_names(model: onnx.ModelProto) -> None:
    """Paths of modules are most of a tiny file; only the names of inputs and outputs mean anything to a reader."""
    graph = model.graph
    short = {port.name: port.name for port in [*graph.input, *graph.output]}
    name = lambda long: short.setdefault(long, f"{len(short):x}") if long else ""
    for weight in graph.initializer:
        weight.name = name(weight.name)
    for node in graph.node:
        node.doc_string, node.name = "", ""
        node.input[:], node.output[:] = [name(value) for value in node.input], [name(value) for value in node.output]
    del graph.value_info[:]


def write(path: Path, network: nn.Module, call, inputs: dict[str, Tensor], outputs: list[str], axes: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Call(network, call),
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
    shorten_names(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def text_encoder(path: Path, network: nn.Module, ids: Tensor, projected: bool, hidden: bool) -> None:
    layers = [f"hidden_states.{layer}" for layer in range(network.config.num_hidden_layers + 1)] if hidden else []
    first = ["text_embeds", "last_hidden_state"] if projected else ["last_hidden_state", "pooler_output"]

    def call(network, ids):
        result = network(input_ids=ids, output_hidden_states=hidden)
        values = [getattr(result, name) for name in first]
        return tuple(values + list(result.hidden_states)) if hidden else tuple(values)

    axes = {name: {0: "batch_size"} for name in ["input_ids", *first, *layers]}
    axes["input_ids"] = {0: "batch_size", 1: "sequence_length"}
    write(path, network, call, {"input_ids": ids}, first + layers, axes)


def unet(path: Path, network: nn.Module, timestep: Tensor, more: dict[str, Tensor], timestep_axes: dict) -> None:
    batch, width = 2, network.config.cross_attention_dim
    inputs = {
        "sample": torch.randn(batch, network.config.in_channels, 8, 8),
        "timestep": timestep,
        "encoder_hidden_states": torch.randn(batch, 77, width),
        **more,
    }
    names = list(more)

    def call(network, sample, timestep, states, *others):
        given = dict(zip(names, others))
        condition = given.pop("timestep_cond", None)
        return network(sample, timestep, states, timestep_cond=condition, added_cond_kwargs=given, return_dict=False)[0]

    axes = {
        "sample": {0: "batch_size", 2: "height", 3: "width"},
        "encoder_hidden_states": {0: "batch_size", 1: "sequence_length"},
        "out_sample": {0: "batch_size", 2: "height", 3: "width"},
        **{name: {0: "batch_size"} for name in names},
        **({"timestep": timestep_axes} if timestep_axes else {}),
    }
    write(path, network, call, inputs, ["out_sample"], axes)


def autoencoder(folder: Path, network: nn.Module, output: str) -> None:
    """`output` is optimum's latent_parameters (mean and log variance) or the diffusers script's latent_sample."""

    def encode(network, picture):
        distribution = network.encode(picture).latent_dist
        return distribution.parameters if output == "latent_parameters" else distribution.mode()

    grid = {0: "batch_size", 2: "height", 3: "width"}
    latent_grid = {0: "batch_size", 2: "latent_height", 3: "latent_width"}
    write(
        folder / "vae_encoder/model.onnx", network, encode, {"sample": torch.randn(1, 3, 64, 64)}, [output],
        {"sample": grid, output: latent_grid},
    )
    write(
        folder / "vae_decoder/model.onnx", network, lambda network, latents: network.decode(latents).sample,
        {"latent_sample": torch.randn(1, 4, 8, 8)}, ["sample"], {"latent_sample": latent_grid, "sample": grid},
    )
