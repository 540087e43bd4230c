"""A CLIP tokenizer of a few hundred entries, in the files of a slow tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import CLIPTokenizer

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORDS = "a the of and red blue green star moon lake city night over sky old small tree house".split()
CONTEXT_TOKENS = 77


def byte_letters() -> list[str]:
    """One printable letter for each byte, as byte-level BPE numbers them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    letters = byte_letters()
    tokens = letters + [letter + "</w>" for letter in letters]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            if pair not in merges:
                merges.append(pair)
                tokens.append(pair[0] + pair[1])
            parts = [pair[0] + pair[1], *parts[2:]]
    tokens += [BEGIN, END]
    return {token: place for place, token in enumerate(dict.fromkeys(tokens))}, merges


def write(folder: Path, pad: str) -> CLIPTokenizer:
    """Writes the files and returns transformers' tokenizer of them."""
    folder.mkdir(parents=True, exist_ok=True)
    vocab, merges = vocabulary()
    names = dict(bos_token=BEGIN, eos_token=END, unk_token=END, pad_token=pad)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")))
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps(dict(names, model_max_length=CONTEXT_TOKENS, tokenizer_class="CLIPTokenizer"), indent=1)
    )
    (folder / "special_tokens_map.json").write_text(json.dumps(names, indent=1))
    return CLIPTokenizer(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=CONTEXT_TOKENS, **names
    )
