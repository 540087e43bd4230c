"""What a picture of the drawn world shows: the facts that both the renderer and the captions read."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

FAMILIES = ("city", "sea", "mountains", "forest", "desert", "planet", "shapes", "balloons", "meadow")
FAMILY_WEIGHTS = (7, 5, 4, 4, 3, 4, 5, 3, 2)
TIMES = ("day", "sunset", "sunrise", "dusk", "night")
SHAPE_KINDS = ("circle", "square", "triangle", "star", "heart")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "grey", "brown", "black", "teal")
SHAPE_COLOURS = ("red", "yellow", "green", "blue", "purple", "white", "black")
PLANET_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "grey")
MAX_COUNT = 5
"""Most things of a kind that a picture counts: boats, cacti and balloons to three, shapes to five."""

STYLES = ("plain", "poster", "watercolour", "pixel", "line", "pastel", "neon")
STYLED_SHARE = 0.35
"""Share of the pictures that are drawn in another style than the plain one; shapes are always plain."""

SIZES = ("usual", "small", "large")
RELATIONS = ("left", "right", "above", "below")
"""Where the first thing of a pair is, seen from the second; each is followed or preceded by its opposite."""

RELATED_SHARE = 0.3
"""Share of the still lifes that show two different things beside or above each other."""


@dataclass(frozen=True)
class Scene:
    """One picture's facts. `details` holds what only some families have (counts, colours, switches)."""

    family: str
    time: str
    weather: str = "clear"
    details: dict[str, object] = field(default_factory=dict)
    style: str = "plain"

    def get(self, name: str, default: object = 0) -> object:
        """The detail `name`, or `default` where this family has none."""
        return self.details.get(name, default)


def _moon(rng: random.Random, time: str) -> str:
    if time not in ("night", "dusk"):
        return "none"
    return rng.choices(("none", "full", "crescent"), (3, 4, 2) if time == "night" else (6, 2, 2))[0]


def _time(rng: random.Random, weights: tuple[int, ...] = (5, 5, 3, 3, 6)) -> str:
    return rng.choices(TIMES, weights)[0]


def _weather(rng: random.Random, choices: dict[str, int]) -> str:
    return rng.choices(tuple(choices), tuple(choices.values()))[0]


def _city(rng: random.Random) -> Scene:
    time = _time(rng, (4, 4, 2, 4, 8))
    weather = _weather(rng, {"clear": 12, "cloudy": 4, "rain": 4, "snow": 2, "storm": 1})
    water = rng.random() < 0.4
    details = {"moon": _moon(rng, time) if weather == "clear" else "none", "water": water, "bridge": water and rng.random() < 0.4}
    return Scene("city", time, weather, details)


def _sea(rng: random.Random) -> Scene:
    time = _time(rng, (4, 7, 4, 2, 5))
    details = {
        "moon": _moon(rng, time),
        "boats": rng.choices((0, 1, 2, 3), (5, 4, 2, 1))[0],
        "lighthouse": rng.random() < 0.2,
        "island": rng.random() < 0.3,
    }
    return Scene("sea", time, _weather(rng, {"clear": 8, "cloudy": 6, "storm": 2}), details)


def _mountains(rng: random.Random) -> Scene:
    time = _time(rng)
    details = {
        "moon": _moon(rng, time),
        "snow": rng.random() < 0.6,
        "lake": rng.random() < 0.4,
        "pines": rng.random() < 0.35,
    }
    return Scene("mountains", time, _weather(rng, {"clear": 5, "cloudy": 3, "fog": 2, "snow": 1}), details)


def _forest(rng: random.Random) -> Scene:
    kind = rng.choices(("pine", "autumn", "green", "winter"), (5, 4, 3, 3))[0]
    time = _time(rng)
    weather = "snow" if kind == "winter" and rng.random() < 0.5 else _weather(rng, {"clear": 5, "fog": 3, "rain": 1})
    return Scene("forest", time, weather, {"kind": kind, "moon": _moon(rng, time)})


def _desert(rng: random.Random) -> Scene:
    time = _time(rng)
    details = {"moon": _moon(rng, time), "cacti": rng.choices((0, 1, 2, 3), (4, 4, 2, 2))[0], "pyramids": rng.random() < 0.2}
    return Scene("desert", time, _weather(rng, {"clear": 5, "cloudy": 1}), details)


def _planet(rng: random.Random) -> Scene:
    details = {
        "colour": rng.choice(PLANET_COLOURS),
        "rings": rng.random() < 0.5,
        "moons": rng.choices((0, 1, 2), (5, 3, 1))[0],
        "banded": rng.random() < 0.5,
        "nebula": rng.choices(("none", "blue", "purple", "orange", "green"), (5, 2, 2, 2, 1))[0],
    }
    return Scene("planet", "night", "clear", details)


def _shapes(rng: random.Random) -> Scene:
    colour, background, other = rng.sample(SHAPE_COLOURS, 3)
    shape = rng.choice(SHAPE_KINDS)
    details: dict[str, object] = {"shape": shape, "colour": colour, "background": background, "count": 1}
    if rng.random() < RELATED_SHARE:
        second = rng.choice([kind for kind in SHAPE_KINDS if kind != shape])
        return Scene("shapes", "day", "clear", details | {"relation": rng.choice(RELATIONS), "other": second, "other_colour": other})
    count = rng.choices((1, 2, 3, 4, 5), (10, 8, 8, 4, 4))[0]
    size = rng.choices(SIZES, (2, 1, 1))[0] if count == 1 else "usual"
    return Scene("shapes", "day", "clear", details | {"count": count, "size": size})


def _balloons(rng: random.Random) -> Scene:
    time = _time(rng, (6, 4, 4, 2, 1))
    details = {"count": rng.choices((1, 2, 3), (5, 3, 3))[0], "colour": rng.choice(COLOURS[:6]), "moon": "none"}
    return Scene("balloons", time, _weather(rng, {"clear": 3, "cloudy": 3}), details)


def _meadow(rng: random.Random) -> Scene:
    time = _time(rng, (7, 4, 4, 2, 3))
    details = {
        "moon": _moon(rng, time),
        "flowers": rng.choice(("none", "red", "yellow", "purple", "white", "pink")),
        "tree": rng.random() < 0.4,
        "house": rng.random() < 0.3,
    }
    weather = _weather(rng, {"clear": 6, "cloudy": 6, "rain": 2, "snow": 2, "storm": 1})
    return Scene("meadow", time, weather, details | ({"flowers": "none"} if weather == "snow" else {}))


_MAKERS = {
    "city": _city,
    "sea": _sea,
    "mountains": _mountains,
    "forest": _forest,
    "desert": _desert,
    "planet": _planet,
    "shapes": _shapes,
    "balloons": _balloons,
    "meadow": _meadow,
}


def sample_scene(rng: random.Random, family: str | None = None) -> Scene:
    """Draws the facts of one picture; `family` fixes the kind of scene."""
    chosen = family or rng.choices(FAMILIES, FAMILY_WEIGHTS)[0]
    scene = _MAKERS[chosen](rng)
    if chosen == "shapes" or rng.random() >= STYLED_SHARE:
        return scene
    return replace(scene, style=rng.choice(STYLES[1:]))


def is_held_out(scene: Scene) -> bool:
    """True for combinations that training never draws, so that tests ask for something new.

    One combination in sixteen of shape, colour, ground and count (or relation), and of planet colour with rings, is kept away.
    """
    if scene.family == "shapes" and scene.get("relation", ""):
        facts = (scene.get("shape"), scene.get("colour"), scene.get("other"), scene.get("other_colour"), scene.get("relation"))
    elif scene.family == "shapes":
        facts = (scene.get("shape"), scene.get("colour"), scene.get("background"), scene.get("count"))
    elif scene.family == "planet":
        facts = (scene.get("colour"), scene.get("rings"), scene.get("banded"), scene.get("nebula"))
    else:
        return False
    return sum(ord(letter) * (31 + place) for place, letter in enumerate(repr(facts))) % 16 == 5
