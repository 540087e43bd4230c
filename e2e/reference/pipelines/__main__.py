"""Run with torch, diffusers, transformers and onnx installed, from e2e/reference: python -m pipelines FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

from . import extras, layouts, record

root = Path(sys.argv[1])
record.write(layouts.make(root), root)
extras.write(root)
