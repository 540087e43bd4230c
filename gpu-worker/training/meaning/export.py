"""Makes the embedding's folder from the text encoder of a picture model's folder. Nothing is trained anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..files import write_json
from ..tokenizer import CONTEXT, END, Tokenizer

IDS, MASK, STATES = "input_ids", "attention_mask", "last_hidden_state"


def export(picture: Path, folder: Path) -> None:
    """Writes graph, tokenizer and configuration under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    end = Tokenizer.load(picture / "tokenizer").end
    onnx.save(masked(onnx.load(str(picture / "text_encoder/model.onnx")), end), str(folder / "model.onnx"))
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(picture / "tokenizer" / name, folder / name)
    width = int(json.loads((picture / "text_encoder/config.json").read_text())["hidden_size"])
    _write_configurations(folder, width)


def masked(model: onnx.ModelProto, end: int) -> onnx.ModelProto:
    """The encoder with an attention mask: it reads the end marker, which it looks no further than, where nothing counts."""
    graph = model.graph
    ids = next(put for put in graph.input if put.name == IDS)
    axes = [axis.dim_param or axis.dim_value for axis in ids.type.tensor_type.shape.dim]
    read = IDS + "_read"
    for node in graph.node:
        node.input[:] = [read if name == IDS else name for name in node.input]
    graph.input.append(helper.make_tensor_value_info(MASK, TensorProto.INT64, axes))
    constants = {"mask_none": np.int64(0), "end_marker": np.int64(end)}
    graph.initializer.extend(numpy_helper.from_array(np.array(value), name) for name, value in constants.items())
    nodes = [
        helper.make_node("Equal", [MASK, "mask_none"], ["padded"], name="padded"),
        helper.make_node("Where", ["padded", "end_marker", IDS], [read], name=read),
    ]
    whole = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(whole)
    onnx.checker.check_model(model)
    return model


def _write_configurations(folder: Path, width: int) -> None:
    pooling = {
        "word_embedding_dimension": width,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{name}"}
        for place, (path, name) in enumerate((("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")))
    ]
    files = {
        "config.json": {"model_type": "clip_text_model", "hidden_size": width, "max_position_embeddings": CONTEXT, "eos_token": END},
        "sentence_bert_config.json": {"max_seq_length": CONTEXT, "do_lower_case": True},
        "1_Pooling/config.json": pooling,
        "modules.json": modules,
    }
    write_json(folder, files)
