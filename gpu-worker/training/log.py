"""Progress with an estimate of the time left, on the screen and as JSON lines."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import torch


class Log:
    """Writes to `folder`/log.jsonl and to the screen."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.started = time.monotonic()

    def line(self, stage: str, progress: float = 1.0, elapsed_s: float = 0.0, **facts: float | str) -> None:
        """One line: the stage, how far it is, what is left of it, and the facts."""
        left = elapsed_s * (1.0 - progress) / progress if progress > 0 else 0.0
        total = time.monotonic() - self.started
        shown = " ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in facts.items())
        print(f"[{total:6.0f} s] {stage} {100 * progress:.0f} % ({left:.0f} s left) {shown}", flush=True)
        record = {"at_s": round(total, 1), "stage": stage, "progress": round(progress, 4), **facts}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def save_atomically(value: object, path: Path) -> None:
    """Writes a checkpoint beside `path` and renames it into place."""
    beside = path.with_suffix(".part")
    torch.save(value, beside)
    os.replace(beside, path)
