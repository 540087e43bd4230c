"""`python -m training.meaning --picture DIR --out DIR`: makes the embedding of a picture model, measures and pins it.

It takes seconds. Run it whenever the picture model was trained anew.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .card import finish
from .export import export
from .retrieval import measure


def main() -> None:
    """Writes the whole folder."""
    parser = argparse.ArgumentParser(prog="python -m training.meaning", description=__doc__)
    parser.add_argument("--picture", type=Path, default=Path("model/picture"))
    parser.add_argument("--out", type=Path, default=Path("model/embedding"))
    parser.add_argument("--scenes", type=int, default=300, help="scenes to measure with")
    arguments = parser.parse_args()
    export(arguments.picture, arguments.out)
    measured = measure(arguments.out, arguments.scenes)
    print(json.dumps(measured, indent=1))
    manifest = json.loads((arguments.picture / "manifest.json").read_text())
    print(f"{finish(arguments.out, measured, arguments.scenes, '{name} {version}'.format(**manifest))} bytes")


if __name__ == "__main__":
    main()
