"""Writes the trained decoder in the layout that `optimum` exports, with its cache of keys and values."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer

from ..export import export_graph
from ..files import write_json
from . import tokenizer as words
from .network import Sizes, Writer


def export(writer: Writer, tokenizer: Tokenizer, folder: Path) -> None:
    """Writes graph, configuration and tokenizer under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _export_graph(writer.float().cpu(), folder / "model.onnx")
    words.save(tokenizer, folder, writer.sizes.context)
    _write_configurations(writer.sizes, tokenizer, folder)


def _export_graph(writer: Writer, path: Path) -> None:
    sides = [(layer, side) for layer in range(writer.sizes.layers) for side in ("key", "value")]
    past = [f"past_key_values.{layer}.{side}" for layer, side in sides]
    present = [f"present.{layer}.{side}" for layer, side in sides]
    token_axes = {0: "batch_size", 1: "sequence_length"}
    axes = {name: token_axes for name in ("input_ids", "position_ids", "logits")}
    axes["attention_mask"] = {0: "batch_size", 1: "past_sequence_length + sequence_length"}
    axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in past}
    axes |= {name: {0: "batch_size", 2: "past_sequence_length + sequence_length"} for name in present}
    ids, mask = torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 5, dtype=torch.int64)
    inputs = {"input_ids": ids, "attention_mask": mask, "position_ids": torch.tensor([[3, 4]])}
    inputs |= zip(past, writer.empty_past(3), strict=True)
    export_graph(writer, inputs, ["logits", *present], axes, path)


def _write_configurations(sizes: Sizes, tokenizer: Tokenizer, folder: Path) -> None:
    end_of_text, turn_end = (tokenizer.token_to_id(name) for name in (words.END_OF_TEXT, words.TURN_END))
    config = {
        "model_type": "aitbc-words",
        "bos_token_id": end_of_text,
        "eos_token_id": turn_end,
        "hidden_size": sizes.width,
        "max_position_embeddings": sizes.context,
        "num_attention_heads": sizes.heads,
        "num_hidden_layers": sizes.layers,
        "tie_word_embeddings": True,
        "vocab_size": sizes.vocabulary,
    }
    generation = {"bos_token_id": end_of_text, "eos_token_id": [turn_end, end_of_text], "pad_token_id": end_of_text}
    write_json(folder, {"config.json": config, "generation_config.json": generation})
