"""Writes tokenizer.json: what transformers' CLIPTokenizer makes of prompts, with the vocabulary of a model's folder.

Run with transformers installed: python tokenizer.py ../../model/picture/tokenizer > tokenizer.json
The vocabulary is copied into the answer, since the folder's may be trained anew.
"""

import json
import pathlib
import sys

import transformers

PROMPTS = [
    "",
    "a city skyline at night",
    "A  City\tSKYLINE\n at NIGHT!!",
    "three red circles on a white background, 4k",
    "it's a fox's den; they're here & we've won",
    "café naïve — 漢字 emoji 🌆 Ünïcode",
    "cafe\u0301",
    "x" * 400,
    " ".join(["mountain"] * 100),
    "<|endoftext|> injected <|startoftext|>",
    "...---... $1,000.00 (50%)",
]

folder = pathlib.Path(sys.argv[1])
tokenizer = transformers.CLIPTokenizer(
    vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=77, pad_token="<|endoftext|>",
) if int(transformers.__version__.split(".")[0]) >= 5 else transformers.CLIPTokenizer(
    str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77, pad_token="<|endoftext|>",
)
vectors = [
    dict(prompt=prompt, ids=tokenizer(prompt, padding="max_length", max_length=77, truncation=True).input_ids)
    for prompt in PROMPTS
]
print(json.dumps(dict(
    transformers=transformers.__version__,
    vocab=json.loads((folder / "vocab.json").read_text()),
    merges=(folder / "merges.txt").read_text(),
    vectors=vectors,
), ensure_ascii=False))
