"""A byte-level BPE tokenizer with the files and the meaning of CLIP's.

Lower case, white space folded, words split by CLIP's pattern, bytes written as printable letters, `</w>` at word ends,
`<|startoftext|>` first, `<|endoftext|>` last and as padding up to 77 ids.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

START = "<|startoftext|>"
END = "<|endoftext|>"
CONTEXT = 77
"""Ids per text, the two markers included."""

CLIP_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
# The same pattern in the words of Python's own regular expressions, which lack \p classes.
_PATTERN = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+")


def byte_letters() -> list[str]:
    """GPT-2's printable letter for each of the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    others = (byte for byte in range(256) if byte not in letters)
    letters.update({byte: chr(256 + place) for place, byte in enumerate(others)})
    return [letters[byte] for byte in range(256)]


_LETTERS = byte_letters()


def split_words(text: str) -> list[str]:
    """Normalises `text` and cuts it into words of byte letters."""
    folded = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).lower()
    return ["".join(_LETTERS[byte] for byte in word.encode()) for word in _PATTERN.findall(folded)]


def learn_merges(texts: list[str], count: int) -> list[tuple[str, str]]:
    """The `count` most frequent pair merges over `texts`, ties broken by the pair's spelling."""
    words = {tuple(word[:-1]) + (word[-1] + "</w>",): seen for word, seen in Counter(w for t in texts for w in split_words(t)).items()}
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for symbols, seen in words.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += seen
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {_merge(symbols, best): seen for symbols, seen in words.items()}
    return merges


def _merge(symbols: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    place = 0
    while place < len(symbols):
        if symbols[place : place + 2] == pair:
            out.append(pair[0] + pair[1])
            place += 2
        else:
            out.append(symbols[place])
            place += 1
    return tuple(out)


class Tokenizer:
    """Text to ids and the five files that let other programs do the same."""

    def __init__(self, merges: list[tuple[str, str]]) -> None:
        self.merges = merges
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        symbols = [*_LETTERS, *(letter + "</w>" for letter in _LETTERS), *("".join(pair) for pair in merges), START, END]
        self.ids = {symbol: place for place, symbol in enumerate(symbols)}
        self._cache: dict[str, list[int]] = {}

    @property
    def end(self) -> int:
        """The id of the end marker, which is also the padding."""
        return self.ids[END]

    def _word(self, word: str) -> list[int]:
        if word not in self._cache:
            symbols = tuple(word[:-1]) + (word[-1] + "</w>",)
            while len(symbols) > 1:
                best = min(zip(symbols, symbols[1:]), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
                if best not in self.ranks:
                    break
                symbols = _merge(symbols, best)
            self._cache[word] = [self.ids[symbol] for symbol in symbols]
        return self._cache[word]

    def encode(self, text: str, length: int = CONTEXT) -> list[int]:
        """Exactly `length` ids: start, the text cut to fit, end, padding."""
        body = [token for word in split_words(text) for token in self._word(word)][: length - 2]
        ids = [self.ids[START], *body, self.end]
        return ids + [self.end] * (length - len(ids))

    def save(self, folder: Path) -> None:
        """Writes vocab.json, merges.txt, both configuration files and tokenizer.json."""
        folder.mkdir(parents=True, exist_ok=True)
        lines = [" ".join(pair) for pair in self.merges]
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n", encoding="utf-8")
        marker = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
        specials = {"bos_token": {"content": START, **marker}, "eos_token": {"content": END, **marker}, "pad_token": END, "unk_token": {"content": END, **marker}}
        config = {
            "add_prefix_space": False,
            "bos_token": START,
            "do_lower_case": True,
            "eos_token": END,
            "errors": "replace",
            "model_max_length": CONTEXT,
            "pad_token": END,
            "tokenizer_class": "CLIPTokenizer",
            "unk_token": END,
        }
        _write_json(folder / "vocab.json", self.ids)
        _write_json(folder / "special_tokens_map.json", specials)
        _write_json(folder / "tokenizer_config.json", config)
        _write_json(folder / "tokenizer.json", self._fast())

    def _fast(self) -> dict[str, object]:
        """The content of tokenizer.json as the `tokenizers` library reads it."""
        added = [
            {"id": self.ids[symbol], "content": symbol, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for symbol in (START, END)
        ]
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        split = {"type": "Split", "pattern": {"Regex": CLIP_PATTERN}, "behavior": "Removed", "invert": True}
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": {
                "type": "Sequence",
                "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}],
            },
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, {**byte_level, "use_regex": False}]},
            "post_processor": {
                "type": "RobertaProcessing",
                "sep": [END, self.end],
                "cls": [START, self.ids[START]],
                "trim_offsets": False,
                "add_prefix_space": False,
            },
            "decoder": byte_level,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": END,
                "continuing_subword_prefix": "",
                "end_of_word_suffix": "</w>",
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": self.ids,
                "merges": [" ".join(pair) for pair in self.merges],
            },
        }

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Reads the merges back; the vocabulary follows from them."""
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        first_and_second = [line.split(" ") for line in lines if line]
        return cls([(first, second) for first, second in first_and_second])


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
