"""JSON files of a model's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def write_json(folder: Path, files: Mapping[str, object]) -> None:
    """Writes each value as JSON under its name in `folder`."""
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
