"""What the picture model is called and what it draws: the facts of its manifest and card.

What it draws was judged by eye, of the version that is named here; it changes with the version.
"""

from __future__ import annotations

from pathlib import Path

from .ladder import FAST_FOLDER, FAST_GUIDANCE, FAST_STEPS, GUIDANCE, STEPS

NAME = "aitbc-scenes-1"
VERSION = "1.3.0"
DRAWS = (
    "city skylines by day, at sunset, at dusk and at night with lit windows",
    "the sea at sunset, sunrise, by day and at night",
    "deserts and dunes",
    "forests in their seasons, without clear trees",
    "snowy and bare mountains",
    "meadows and green hills",
    "planets and hot-air balloons, as coloured spots without detail",
    "scenes in watercolour and in pastel",
)
DOES_NOT_DRAW = (
    "numbers of things", "small things such as boats, cacti, bridges and lighthouses", "planet rings", "plain shapes and how they stand to each other",
    "storms", "pixel art, line drawings, posters and neon", "colours of single things", "people", "faces", "animals",
    "vehicles", "interiors", "lettering", "named places", "photographs",
)
DRAWN_STYLES = ("plain", "watercolour", "pastel")
"""Styles of the drawn world that it draws."""

SUGGESTIONS = (
    "a city skyline at night",
    "a sunset over the sea",
    "a city skyline at sunset",
    "a pine forest at sunrise",
    "desert dunes at sunset",
    "mountains at sunset in watercolour",
)
SUBJECTS = (
    "city", "skyline", "skyscraper", "building", "town", "downtown", "urban", "sea", "ocean", "seascape", "water", "bay", "wave", "beach",
    "mountain", "peak", "alps", "valley", "forest", "tree", "pine", "fir", "spruce", "wood", "foliage", "desert", "dune", "sand", "sahara",
    "planet", "world", "balloon", "meadow", "hill", "field", "countryside",
)
"""Words of which a prompt should name one."""

FACTS = {
    "name": NAME,
    "version": VERSION,
    "kind": "image",
    "licence": "MIT",
    "native_size_px": 512,
    "default_steps": STEPS,
    "default_guidance": GUIDANCE,
    "draws": DRAWS,
    "does_not_draw": DOES_NOT_DRAW,
    "suggestions": SUGGESTIONS,
    "subjects": SUBJECTS,
}

FAST = {"fast": {"steps": FAST_STEPS, "guidance": FAST_GUIDANCE}}


def facts_of(folder: Path) -> dict[str, object]:
    """The manifest's facts of the model in `folder`, which may know the distilled mode or not."""
    return FACTS | (FAST if (folder / FAST_FOLDER).exists() else {})
