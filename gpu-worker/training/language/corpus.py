"""The product's own words: its documentation, and the comments that document its sources."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

PAGES = ("*.md", "docs/**/*.md", "contracts/*.md", "e2e/reference/*.md", "gpu-worker/training/*.md")
SOURCES = ("*/src/**/*.rs", "server/crates/*/src/**/*.rs")
LEAST_CHARACTERS = 40
"""Shorter paragraphs say too little to learn from."""

_COMMENT = re.compile(r"^\s*//[/!] ?(.*)$")


def repository() -> Path:
    """The checkout that this file lies in."""
    return Path(__file__).resolve().parents[3]


def documents(root: Path) -> list[list[str]]:
    """The paragraphs of each page and of each source's comments, in the order of the files' names."""
    pages = [_paragraphs(path.read_text(encoding="utf-8")) for path in _files(root, PAGES)]
    sources = [_paragraphs(_comments(path.read_text(encoding="utf-8"))) for path in _files(root, SOURCES)]
    return [paragraphs for paragraphs in (*pages, *sources) if paragraphs]


def is_held_out(paragraph: str) -> bool:
    """One paragraph in sixteen is kept away from training, so that tests read something new."""
    return hashlib.sha256(paragraph.encode()).digest()[0] % 16 == 5


def training_texts(root: Path) -> list[str]:
    """Each document without its held-out paragraphs."""
    kept = ([text for text in paragraphs if not is_held_out(text)] for paragraphs in documents(root))
    return ["\n\n".join(paragraphs) for paragraphs in kept if paragraphs]


def held_out_texts(root: Path) -> list[str]:
    """The paragraphs that training never reads."""
    return [text for paragraphs in documents(root) for text in paragraphs if is_held_out(text)]


def texts_of_run(folder: Path) -> tuple[list[str], list[str]]:
    """What a run learns from and what it never reads, as the documentation was when the run began."""
    path = folder / "documentation.json"
    if not path.exists():
        root, beside = repository(), path.with_suffix(".part")
        beside.write_text(json.dumps({"read": training_texts(root), "held_out": held_out_texts(root)}), encoding="utf-8")
        beside.rename(path)
    texts = json.loads(path.read_text(encoding="utf-8"))
    return texts["read"], texts["held_out"]


def _files(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    return sorted({path for pattern in patterns for path in root.glob(pattern)})


def _comments(source: str) -> str:
    """The text of documenting comments; a line of code between two of them parts them."""
    lines = (_COMMENT.match(line) for line in source.splitlines())
    return "\n".join(line.group(1) if line else "" for line in lines)


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"\n\s*\n", text) if len(part.strip()) >= LEAST_CHARACTERS]
