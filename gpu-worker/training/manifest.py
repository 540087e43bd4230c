"""manifest.json of a model's folder: what it is, and every file of it by its hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

MANIFEST = "manifest.json"


def write_manifest(folder: Path, facts: dict[str, object]) -> int:
    """Writes manifest.json from `facts` and the hash of every other file, and returns their bytes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    files = [_pinned(path, folder) for path in paths]
    text = json.dumps({**facts, "files": files}, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return sum(path.stat().st_size for path in paths)


def _pinned(path: Path, folder: Path) -> dict[str, object]:
    content = path.read_bytes()
    return {"path": path.relative_to(folder).as_posix(), "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
