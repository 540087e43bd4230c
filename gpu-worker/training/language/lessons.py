"""What the model learns to answer: better prompts for few words, and what a prompt will show.

Every answer is written by the caption grammar, so it lies in the drawn world. A few of an answer's own words make the ask,
so the answer keeps them; words from outside the world are put into both.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..captions import caption
from ..facts import DRAWN_STYLES
from ..scenes import Scene, is_held_out, sample_scene
from ..words import STYLES, TIME_ADJECTIVES, TIME_PHRASES, WEATHER

IMPROVE = "Improve this prompt: "
SHOWS = "What does this prompt show: "

TIMELESS = ("planet", "shapes")
"""Families whose pictures have no time of day."""

NAMES = {
    "city": "a city skyline", "sea": "the sea", "mountains": "mountains", "forest": "a forest", "desert": "a desert",
    "planet": "a planet in space", "shapes": "plain shapes", "balloons": "hot-air balloons", "meadow": "a meadow",
}
TIMES = {"day": "by day", "sunset": "at sunset", "sunrise": "at sunrise", "dusk": "at dusk", "night": "at night"}
WEATHERS = {"cloudy": "under clouds", "rain": "in the rain", "fog": "in fog", "storm": "in a storm", "snow": "in falling snow"}
MANNERS = {
    "poster": "as a flat poster", "watercolour": "in watercolour", "pixel": "as pixel art", "line": "as a line drawing",
    "pastel": "in pastel colours", "neon": "in neon colours",
}

OUTSIDERS = (
    "dragon", "cat", "dog", "horse", "robot", "castle", "car", "train", "wizard", "king", "queen", "child", "bird", "fish",
    "wolf", "fox", "bear", "owl", "lion", "tiger", "elephant", "rabbit", "butterfly", "snake", "knight", "witch", "ghost",
    "pirate", "astronaut", "rocket", "spaceship", "bicycle", "bus", "truck", "plane", "tram", "bridge", "tower", "temple",
    "church", "palace", "garden", "rose", "violin", "piano", "guitar", "book", "clock", "lamp", "candle", "cup", "bottle",
    "apple", "pear", "bread", "cheese", "coffee", "tea", "chair", "table", "window", "door", "stone", "sword", "crown",
    "paris", "london", "tokyo", "berlin", "vienna", "rome", "new york", "oslo", "cairo", "lisbon", "prague", "sydney",
    "love", "hope", "freedom", "music", "winter dream", "old wizard", "red car", "black cat", "flying fish", "happy dog",
    "steam train", "glass tower", "golden crown", "tiny house", "giant robot", "lost city", "blue bird", "old clock",
)
"""Subjects from outside the world. Measuring asks for others."""

UNDRAWN = {"boats": 0, "lighthouse": False, "bridge": False, "cacti": 0, "pyramids": False, "rings": False, "moons": 0, "tree": False, "house": False}
"""Details that the picture model does not draw, and how a scene is without them."""

_WORDS = tuple(sorted({word for phrase in OUTSIDERS for word in phrase.split()}))
_JOINTS = re.compile(r"(, | with | and | at | in | under | by | during | over | on | among )")
_BESIDE = ("over", "above", "near", "in front of", "beside", "before", "and")
_FRAMES = ("{}", "{}", "{}", "{}", "{}", "a picture of {}", "draw {}", "i want {}", "{} please", "an image of {}")


@dataclass(frozen=True)
class Lesson:
    """One question and its answer; no question where the text only goes on."""

    ask: str
    answer: str


def improvement(rng: random.Random) -> Lesson:
    """Few words, and a detailed prompt that keeps them."""
    short, better = _outside(rng) if rng.random() < 0.5 else _inside(rng)
    return Lesson(_asked(rng, IMPROVE, short), better)


def naming(rng: random.Random) -> Lesson:
    """A prompt, and what of it a picture will show."""
    scene = _scene(rng)
    text = _drawn(rng, scene)
    told = _told(scene, text)
    if rng.random() < 0.35:
        stranger = _stranger(rng)
        told += f" Outside its world: {stranger}."
        text = _joined(rng, stranger, text)
        return Lesson(SHOWS + _styled(rng, scene, text), told)
    if rng.random() < 0.1:
        stranger = _stranger(rng)
        return Lesson(SHOWS + stranger, f"It shows one of its own scenes. Outside its world: {stranger}.")
    return Lesson(SHOWS + _styled(rng, scene, text), told)


def continuation(rng: random.Random) -> Lesson:
    """A caption alone, for texts that go on."""
    scene = _scene(rng)
    return Lesson("", _styled(rng, scene, _rich(rng, scene, rng.randint(1, 5))))


def _asked(rng: random.Random, question: str, words: str) -> str:
    """Most asks name the question; bare words ask for a better prompt."""
    words = rng.choice(_FRAMES).format(words)
    if rng.random() < 0.1:
        words = words.capitalize()
    return question + words if rng.random() < 0.75 else words


def _scene(rng: random.Random, changed: Callable[[Scene], Scene] = lambda scene: scene) -> Scene:
    while True:
        scene = changed(sample_scene(rng))
        if not is_held_out(scene):
            return scene


def _in_drawn_style(scene: Scene) -> Scene:
    """`scene` in a style that the picture model draws."""
    return scene if scene.style in DRAWN_STYLES else replace(scene, style="plain")


def _well_drawn(scene: Scene) -> Scene:
    """What of `scene` the picture model draws: where nobody asks for more, a better prompt should not."""
    details = {name: UNDRAWN.get(name, value) for name, value in scene.details.items()}
    return replace(_in_drawn_style(scene), weather="cloudy" if scene.weather == "storm" else scene.weather, details=details)


def _drawn(rng: random.Random, scene: Scene) -> str:
    """A caption of what the scene shows, without the style that it is drawn in."""
    return caption(rng, replace(scene, style="plain"), plain=True)


def _styled(rng: random.Random, scene: Scene, text: str) -> str:
    """`text` with the scene's style around it, where it has one."""
    return text if scene.style == "plain" else rng.choice(STYLES[scene.style]).format(text)


def _rich(rng: random.Random, scene: Scene, draws: int = 4) -> str:
    """The caption with the most words among several, the well put ones before the others."""
    drawn = [_drawn(rng, scene) for _ in range(2 * draws)]
    well_put = [text for text in drawn if _is_well_put(scene, text)][:draws]
    return max(well_put or drawn, key=lambda text: text.count(" "))


def _is_well_put(scene: Scene, text: str) -> bool:
    """Whether the time of day is said by a phrase of its own, as a person would write a prompt."""
    return " ," not in text and (scene.family in TIMELESS or any(phrase in text for phrase in TIME_PHRASES[scene.time]))


def _inside(rng: random.Random) -> tuple[str, str]:
    asks_for_detail = rng.random() < 0.35
    # Some ask for a detail that is not drawn: the better prompt keeps it all the same.
    scene = _scene(rng, _in_drawn_style if asks_for_detail and rng.random() < 0.4 else _well_drawn)
    text = _rich(rng, scene)
    better = _styled(rng, scene, text)
    pieces = _JOINTS.split(text)
    subject, rest = pieces[0], list(zip(pieces[1::2], pieces[2::2]))
    if rest and asks_for_detail:
        return _bare(rng, rng.choice(rest)[1]), better
    short = _bare(rng, subject)
    if rest and rng.random() < 0.4:
        short += "".join(rng.choice(rest))
    if " " in short and rng.random() < 0.2:
        short = short.split(" ")[-1]
    return short, better


def _outside(rng: random.Random) -> tuple[str, str]:
    stranger = _stranger(rng)
    scene = _scene(rng, _well_drawn)
    text = _rich(rng, scene, 3)
    pieces = _JOINTS.split(text)
    short = stranger if rng.random() < 0.5 else _with_article(stranger)
    if len(pieces) > 2 and rng.random() < 0.25:
        place = 2 * rng.randrange(len(pieces) // 2) + 1
        short += pieces[place] + pieces[place + 1]
    return short, _styled(rng, scene, _joined(rng, stranger, text))


def _joined(rng: random.Random, stranger: str, text: str) -> str:
    how = rng.random()
    if how < 0.6:
        return f"{_with_article(stranger)} {rng.choice(_BESIDE)} {text}"
    return f"{text} with {_with_article(stranger)}" if how < 0.85 else f"{text}, {stranger}"


def _stranger(rng: random.Random) -> str:
    """A subject from outside the world: a known word or a made-up one."""
    if rng.random() < 0.3:
        return rng.choice(OUTSIDERS)
    make = _made_up if rng.random() < 0.4 else _spliced
    return " ".join(make(rng) for _ in range(rng.choice((1, 1, 1, 2))))


def _spliced(rng: random.Random) -> str:
    """The beginning of one word and the end of another, which looks like a word of the language."""
    first, second = rng.sample(_WORDS, 2)
    return first[: (len(first) + 1) // 2] + second[len(second) // 2 :]


def _made_up(rng: random.Random) -> str:
    ends = ("", "", "n", "r", "s", "l", "t", "ck", "ng", "st")
    starts = ("b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "ch", "sh", "st", "tr", "")
    vowels = ("a", "e", "i", "o", "u", "y", "ea", "oo", "ou")
    return "".join(rng.choice(starts) + rng.choice(vowels) + rng.choice(ends) for _ in range(rng.randint(1, 3)))


def _with_article(phrase: str) -> str:
    return ("an " if phrase[:1] in "aeiou" else "a ") + phrase


def _bare(rng: random.Random, phrase: str) -> str:
    if rng.random() < 0.25:
        return phrase
    return re.sub(r"^(a|an|the|one|a single) ", "", phrase)


def _told(scene: Scene, text: str) -> str:
    """The facts of `scene` that `text` says."""
    facts = [NAMES[scene.family]]
    timed = scene.family not in TIMELESS

    def says(phrases: Iterable[str]) -> bool:
        return any(phrase.strip(", ") in text for phrase in phrases)

    told = timed and says((*TIME_PHRASES[scene.time], *TIME_ADJECTIVES[scene.time]))
    if told:
        facts.append(TIMES[scene.time])
    if scene.weather in WEATHERS and says(WEATHER[scene.weather]):
        facts.append(WEATHERS[scene.weather])
    if scene.style in MANNERS:
        facts.append(MANNERS[scene.style])
    chance = " The time of day is left to chance." if timed and not told else ""
    return f"It shows {' '.join(facts)}.{chance}"
