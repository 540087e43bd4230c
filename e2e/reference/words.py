"""Tiny random-weight language models in the layouts that the worker serves, and what PyTorch makes of them.

    python words.py ../../gpu-worker/crates/inference/tests/vectors/words

writes `embedder/` (sentence-transformer layout), `writer/` (decoder layout with a key-value cache, as `optimum` exports it)
and `vectors.json` with embeddings, logits and greedy tokens. Needs the packages of `requirements-words.txt`.
"""

import json
import math
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from torch.nn import functional

WIDTH, HEADS, LAYERS, VOCABULARY = 32, 4, 2, 320
EMBEDDER_CONTEXT, WRITER_CONTEXT = 32, 96
OPERATOR_SET = 17
CORPUS = [
    "a city skyline at night, its lights doubled in the still water of the harbour",
    "the quick brown fox jumps over the lazy dog and the dog does not mind",
    "Grüße aus Øresund, 東京, и Москва",
]
TEXTS = [
    "a city skyline at night",
    "Grüße aus Øresund",
    "\u202eodd\u0000 signs \U0001f9ea é \u00e9",
    "x",
    " ".join(["a harbour at night"] * 30),
]
PROMPTS = [("a city", 12), ("the lazy dog", 24), ("Øre", 8), ("東京", 20), ("night " * 12, 40)]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.merged = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, states, bias, past=None):
        batch, length, _ = states.shape
        split = self.merged(states).reshape(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = split[0], split[1], split[2]
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        scores = query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + bias
        mixed = functional.softmax(scores, dim=-1) @ value
        return self.out(mixed.permute(0, 2, 1, 3).reshape(batch, length, WIDTH)), (key, value)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention()
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
        self.wide, self.narrow = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, states, bias, past=None):
        mixed, present = self.attention(self.norms[0](states), bias, past)
        states = states + mixed
        return states + self.narrow(functional.gelu(self.wide(self.norms[1](states)))), present


class Embedder(nn.Module):
    """Reads all tokens at once; padding is masked out."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.places = nn.Embedding(EMBEDDER_CONTEXT, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, input_ids, attention_mask, token_type_ids):
        places = self.places(torch.arange(input_ids.shape[1]))
        states = self.tokens(input_ids) + self.kinds(token_type_ids) + places
        bias = (1 - attention_mask[:, None, None, :].to(states.dtype)) * -10000.0
        for layer in self.layers:
            states, _ = layer(states, bias)
        return states


class Writer(nn.Module):
    """Reads tokens after those whose keys and values are given, and guesses the next one after each."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.places = nn.Embedding(WRITER_CONTEXT, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, input_ids, attention_mask, position_ids, *past):
        states = self.tokens(input_ids) + self.places(position_ids)
        places = torch.arange(attention_mask.shape[1])
        ahead = (places[None, None, None, :] > position_ids[:, None, :, None]).to(states.dtype)
        hidden = 1 - attention_mask[:, None, None, :].to(states.dtype)
        bias = torch.clamp(ahead + hidden, max=1.0) * -10000.0
        present = []
        for index, layer in enumerate(self.layers):
            states, pair = layer(states, bias, (past[2 * index], past[2 * index + 1]))
            present.extend(pair)
        return (self.head(states), *present)


def tokenizer(specials, template):
    """Byte-level pairs, so that every text has tokens and some tokens are parts of a character."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=specials, initial_alphabet=alphabet)
    made.train_from_iterator(CORPUS, trainer)
    if template:
        pairs = [(name, made.token_to_id(name)) for name in specials]
        made.post_processor = processors.TemplateProcessing(single=template, special_tokens=pairs)
    return made


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def embedder(folder):
    words = tokenizer(["[CLS]", "[SEP]", "[PAD]"], "[CLS] $A [SEP]")
    model = Embedder().eval()
    ids = torch.ones(1, 4, dtype=torch.int64)
    free = {0: "batch_size", 1: "sequence_length"}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model, (ids, ids, 0 * ids), folder / "model.onnx", input_names=names, output_names=["last_hidden_state"],
        dynamic_axes={name: free for name in [*names, "last_hidden_state"]}, opset_version=OPERATOR_SET, dynamo=False,
    )
    words.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", {"model_type": "bert", "max_position_embeddings": EMBEDDER_CONTEXT, "pad_token_id": 2})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": EMBEDDER_CONTEXT, "do_lower_case": False})
    write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": WIDTH, "pooling_mode_mean_tokens": True})
    words.enable_truncation(EMBEDDER_CONTEXT)
    vectors = []
    for text in TEXTS:
        ids = torch.tensor([words.encode(text).ids])
        states = model(ids, torch.ones_like(ids), torch.zeros_like(ids))
        pooled = functional.normalize(states.mean(dim=1), dim=1)[0]
        vectors.append({"text": text, "ids": ids[0].tolist(), "embedding": pooled.tolist()})
    return vectors


def writer(folder):
    words = tokenizer(["<s>", "</s>"], "<s> $A")
    model = Writer().eval()
    empty = [torch.zeros(1, HEADS, 0, WIDTH // HEADS) for _ in range(2 * LAYERS)]
    past = [torch.zeros(1, HEADS, 3, WIDTH // HEADS) for _ in range(2 * LAYERS)]
    ids = torch.ones(1, 2, dtype=torch.int64)
    sides = [(index, side) for index in range(LAYERS) for side in ("key", "value")]
    inputs = ["input_ids", "attention_mask", "position_ids", *(f"past_key_values.{i}.{side}" for i, side in sides)]
    outputs = ["logits", *(f"present.{i}.{side}" for i, side in sides)]
    axes = {"input_ids": {0: "batch_size", 1: "sequence_length"}, "position_ids": {0: "batch_size", 1: "sequence_length"}}
    axes["attention_mask"] = {0: "batch_size", 1: "past_sequence_length + sequence_length"}
    axes["logits"] = axes["input_ids"]
    axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in inputs[3:]}
    axes |= {name: {0: "batch_size", 2: "past_sequence_length + sequence_length"} for name in outputs[1:]}
    folder.mkdir(parents=True, exist_ok=True)
    example = (ids, torch.ones(1, 5, dtype=torch.int64), torch.tensor([[3, 4]]), *past)
    torch.onnx.export(
        model, example, folder / "model.onnx", input_names=inputs, output_names=outputs, dynamic_axes=axes,
        opset_version=OPERATOR_SET, dynamo=False,
    )
    words.save(str(folder / "tokenizer.json"))
    config = {"model_type": "tiny", "max_position_embeddings": WRITER_CONTEXT, "bos_token_id": 0, "eos_token_id": 1}
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", {"bos_token_id": 0, "eos_token_id": [1]})
    vectors = []
    for prompt, count in PROMPTS:
        ids = words.encode(prompt).ids
        written, first = [], None
        while len(written) < count and len(ids) + len(written) < WRITER_CONTEXT:
            # The whole text anew for each token: the cache must not change what is written.
            whole = torch.tensor([ids + written])
            places = torch.arange(whole.shape[1])[None]
            logits = model(whole, torch.ones_like(whole), places, *empty)[0][0, -1]
            first = logits.tolist() if first is None else first
            written.append(int(logits.argmax()))
            if written[-1] == 1:
                break
        text = words.decode(written)
        vectors.append({"prompt": prompt, "count": count, "ids": ids, "logits": first, "written": written, "text": text})
    return vectors


def main():
    target = Path(sys.argv[1])
    torch.manual_seed(7)
    with torch.no_grad():
        vectors = {"embedder": embedder(target / "embedder"), "writer": writer(target / "writer")}
    round_off = lambda value: json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 8))
    write_json(target / "vectors.json", round_off(vectors))


if __name__ == "__main__":
    main()
