"""Small graphs beside the pipelines: networks of a fixed batch, of half precision, or broken, and a safety checker."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper
import numpy as np

FIXED_BATCH = 2
CLIP_EDGE_PX = 32
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
BRIGHT = 0.4786
"""Between the brightnesses of the pictures that the test draws with `sd15`, which are all grey."""


def fixed_batch(source: Path, path: Path) -> None:
    """The network of `source`, saying that it takes batches of two."""
    model = onnx.load(str(source))
    for port in [*model.graph.input, *model.graph.output]:
        for size in port.type.tensor_type.shape.dim:
            if size.dim_param == "batch_size":
                size.dim_value = FIXED_BATCH
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def half(source: Path, path: Path) -> None:
    """The network of `source` with half-precision inputs and outputs, as fp16 exports have them."""
    model = onnx.load(str(source))
    graph = model.graph
    ports = [port for port in [*graph.input, *graph.output] if port.type.tensor_type.elem_type == TensorProto.FLOAT]
    inside = {port.name: port.name + "_single" for port in ports}
    for node in graph.node:
        node.input[:] = [inside.get(name, name) for name in node.input]
        node.output[:] = [inside.get(name, name) for name in node.output]
    outputs = {port.name for port in graph.output}
    casts = {port.name: helper.make_node("Cast", [port.name], [inside[port.name]], to=TensorProto.FLOAT) for port in ports}
    for port in ports:
        port.type.tensor_type.elem_type = TensorProto.FLOAT16
        if port.name in outputs:
            casts[port.name] = helper.make_node("Cast", [inside[port.name]], [port.name], to=TensorProto.FLOAT16)
    first = [cast for name, cast in casts.items() if name not in outputs]
    last = [cast for name, cast in casts.items() if name in outputs]
    nodes = [*first, *graph.node, *last]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def safety_checker(folder: Path) -> None:
    """Flags bright pictures, but only where `clip_input` is the same picture, scaled and normalised as CLIP's is."""
    floats = lambda name, values: numpy_helper.from_array(np.array(values, dtype=np.float32), name)
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["images"], ["colour"], axes=[1, 2], keepdims=0),
        node("Sub", ["colour", "mean"], ["centred"]),
        node("Div", ["centred", "std"], ["expected"]),
        node("ReduceMean", ["clip_input"], ["seen"], axes=[2, 3], keepdims=0),
        node("Sub", ["seen", "expected"], ["apart"]),
        node("Abs", ["apart"], ["distance"]),
        node("ReduceMax", ["distance"], ["furthest"], axes=[1], keepdims=0),
        node("Less", ["furthest", "tolerance"], ["is_same"]),
        node("ReduceMean", ["images"], ["brightness"], axes=[1, 2, 3], keepdims=0),
        node("Greater", ["brightness", "bright"], ["is_bright"]),
        node("And", ["is_same", "is_bright"], ["has_nsfw_concepts"]),
        node("Identity", ["images"], ["out_images"]),
    ]
    constants = [floats("mean", CLIP_MEAN), floats("std", CLIP_STD), floats("tolerance", 0.05), floats("bright", BRIGHT)]
    port = helper.make_tensor_value_info
    picture = ["batch", "height", "width", 3]
    graph = helper.make_graph(
        nodes, "safety_checker",
        [port("clip_input", TensorProto.FLOAT, ["batch", 3, "clip_height", "clip_width"]), port("images", TensorProto.FLOAT, picture)],
        [port("out_images", TensorProto.FLOAT, picture), port("has_nsfw_concepts", TensorProto.BOOL, ["batch"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    for part in ("safety_checker", "feature_extractor"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "safety_checker/model.onnx"))
    (folder / "feature_extractor/preprocessor_config.json").write_text(json.dumps(
        dict(
            feature_extractor_type="CLIPFeatureExtractor", do_resize=True, size=CLIP_EDGE_PX, resample=3, do_center_crop=True,
            crop_size=CLIP_EDGE_PX, do_normalize=True, image_mean=CLIP_MEAN, image_std=CLIP_STD,
        ),
        indent=1,
    ))


def broken_network(path: Path, nodes: list[onnx.NodeProto], channels: int) -> None:
    """A network with the tensors of Stable Diffusion 1.5 that answers with what `nodes` make of `sample`."""
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "unet",
        [
            port("sample", TensorProto.FLOAT, ["batch", 4, "height", "width"]),
            port("timestep", TensorProto.FLOAT, ["batch"]),
            port("encoder_hidden_states", TensorProto.FLOAT, ["batch", "sequence", "width_of_text"]),
        ],
        [port("out_sample", TensorProto.FLOAT, ["batch", channels, "height", "width"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def write(root: Path) -> None:
    node = helper.make_node
    zero_by_zero = [node("Sub", ["sample", "sample"], ["zero"]), node("Div", ["zero", "zero"], ["out_sample"])]
    broken_network(root / "not_finite/unet/model.onnx", zero_by_zero, 4)
    broken_network(root / "misshapen/unet/model.onnx", [node("Concat", ["sample", "sample"], ["out_sample"], axis=1)], 8)
    fixed_batch(root / "sd15/unet/model.onnx", root / "fixed/unet/model.onnx")
    half(root / "sd15/unet/model.onnx", root / "half/unet/model.onnx")
    safety_checker(root / "checked")
