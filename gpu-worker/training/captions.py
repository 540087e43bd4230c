"""The caption grammar: one scene's facts become one of many ways to say them.

A caption names the scene and a random part of its facts; what it leaves out the picture may show or not.
"""

from __future__ import annotations

import random

from .scenes import Scene
from .words import ADJECTIVES, FRAMES, NUMBERS, RELATION_PHRASES, SIZE_WORDS, STRANGERS, STYLES, SUBJECTS, SUFFIXES, TIME_ADJECTIVES, TIME_PHRASES, WEATHER

EMPTY_SHARE = 0.12
"""Share of captions left empty in training, which teaches the unconditional branch of guidance."""


def _article(phrase: str) -> str:
    return ("an " if phrase[:1] in "aeiou" else "a ") + phrase


def _plural(noun: str, count: int) -> str:
    if count == 1:
        return noun
    return {"cactus": "cacti"}.get(noun, noun + "s")


def _counted(rng: random.Random, noun: str, count: int) -> str:
    """`noun` with its number in front: "a boat", "two boats", "3 boats"."""
    if count == 1:
        return rng.choice((_article(noun), "one " + noun, "a single " + noun, _article(noun)))
    return f"{rng.choice(NUMBERS[count])} {_plural(noun, count)}"


def _maybe(rng: random.Random, share: float, phrases: tuple[str, ...]) -> list[str]:
    return [rng.choice(phrases)] if rng.random() < share else []


def _sky_details(rng: random.Random, scene: Scene) -> list[str]:
    details: list[str] = []
    if scene.get("moon", "none") == "full":
        details += _maybe(rng, 0.6, ("a full moon", "the moon", "a bright moon", "a moon", "moonlight"))
    if scene.get("moon", "none") == "crescent":
        details += _maybe(rng, 0.6, ("a crescent moon", "a moon", "a thin moon", "a new moon"))
    if scene.time == "night" and scene.weather == "clear":
        details += _maybe(rng, 0.2, ("stars", "a starry sky", "bright stars", "many stars"))
    return details


def _city(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    subject = rng.choice(SUBJECTS["city"])
    details = []
    if scene.get("water"):
        details += _maybe(rng, 0.6, ("water", "a river", "reflections in the water", "its reflection", "a harbour"))
    if scene.get("bridge"):
        details += _maybe(rng, 0.8, ("a bridge", "a long bridge", "a bridge over the water", "a suspension bridge"))
    if scene.time in ("night", "dusk"):
        details += _maybe(rng, 0.3, ("lit windows", "lights", "city lights", "glowing windows"))
    return subject, details


def _sea(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    details = []
    boats = int(scene.get("boats"))
    if boats:
        noun = rng.choice(("sailing boat", "boat", "sailboat", "ship", "sail boat"))
        details += _maybe(rng, 0.75, (_counted(rng, noun, boats),))
    if scene.get("lighthouse"):
        details += _maybe(rng, 0.85, ("a lighthouse", "a lighthouse on a rock", "a white lighthouse"))
    if scene.get("island"):
        details += _maybe(rng, 0.5, ("an island", "islands", "a distant coast", "a far shore"))
    if scene.time in ("sunset", "sunrise"):
        details += _maybe(rng, 0.25, ("the sun", "a low sun", "reflections", "the sun on the horizon"))
    return rng.choice(SUBJECTS["sea"]), details


def _mountains(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    subject = rng.choice(SUBJECTS["mountains"])
    details = []
    if scene.get("snow") and rng.random() < 0.6:
        subject = rng.choice(("snowy ", "snow-capped ", "snow covered ", "white ")) + subject.removeprefix("a ").removeprefix("the ")
    if scene.get("lake"):
        details += _maybe(rng, 0.75, ("a lake", "a calm lake", "reflections in a lake", "a mountain lake", "water"))
    if scene.get("pines"):
        details += _maybe(rng, 0.6, ("pine trees", "pines", "trees", "fir trees"))
    return subject, details


def _forest(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    return rng.choice(SUBJECTS["forest " + str(scene.get("kind"))]), []


def _desert(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    details = []
    cacti = int(scene.get("cacti"))
    if cacti:
        details += _maybe(rng, 0.75, (_counted(rng, "cactus", cacti), "cactus" if cacti == 1 else "cacti"))
    if scene.get("pyramids"):
        details += _maybe(rng, 0.85, ("pyramids", "the pyramids", "pyramids in the distance"))
    return rng.choice(SUBJECTS["desert"]), details


def _planet(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    colour = str(scene.get("colour")) if rng.random() < 0.8 else ""
    noun = rng.choice(SUBJECTS["planet"])
    details: list[str] = []
    words = [colour, noun]
    if scene.get("banded") and rng.random() < 0.25:
        words.insert(0, rng.choice(("striped", "banded", "gas")))
    if scene.get("rings") and rng.random() < 0.85:
        if rng.random() < 0.4:
            words.insert(0, "ringed")
        else:
            details.append(rng.choice(("rings", "a ring", "bright rings", "rings around it")))
    if scene.get("moons"):
        details += _maybe(rng, 0.6, (_counted(rng, "moon", int(scene.get("moons"))),))
    if scene.get("nebula", "none") != "none":
        details += _maybe(rng, 0.5, (f"{_article(str(scene.get('nebula')))} nebula", "a nebula"))
    phrase = " ".join(word for word in words if word)
    return (_article(phrase) if rng.random() < 0.7 else phrase) + rng.choice(("", "", " in space", " among stars")), details


def _noun(rng: random.Random, shape: str) -> str:
    return rng.choice({"circle": ("circle", "circle", "disc", "dot", "ball"), "square": ("square", "square", "box")}.get(shape, (shape,)))


def _shapes(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    shape, colour, ground = (str(scene.get(name)) for name in ("shape", "colour", "background"))
    noun = f"{colour} {_noun(rng, shape)}"
    relation = str(scene.get("relation", ""))
    if relation:
        other = _article(f"{scene.get('other_colour')} {_noun(rng, str(scene.get('other')))}")
        subject = f"{_article(noun)} {rng.choice(RELATION_PHRASES[relation])} {other}"
    else:
        size = str(scene.get("size", "usual"))
        if size != "usual" and rng.random() < 0.8:
            noun = f"{rng.choice(SIZE_WORDS[size])} {noun}"
        subject = _counted(rng, noun, int(scene.get("count")))
    where = rng.choice(("on {}", "on {}", "on {} background", "in front of {} background", "on {} ground"))
    if " " in where.split("{}")[1]:
        where = where.replace("{}", _article(ground))
    if rng.random() < 0.8:
        subject = f"{subject} {where.format(ground)}"
    return subject, []


def _balloons(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    colour = f"{scene.get('colour')} " if rng.random() < 0.7 else ""
    noun = rng.choice(("hot air balloon", "hot-air balloon", "balloon"))
    subject = _counted(rng, colour + noun, int(scene.get("count")))
    return subject + rng.choice(("", "", " over hills", " in the sky", " over a valley", " above the hills")), []


def _meadow(rng: random.Random, scene: Scene) -> tuple[str, list[str]]:
    details = []
    if scene.get("flowers", "none") != "none":
        details += _maybe(rng, 0.7, (f"{scene.get('flowers')} flowers", "flowers"))
    if scene.get("tree"):
        details += _maybe(rng, 0.7, ("a tree", "a lone tree", "a big tree", "one tree"))
    if scene.get("house"):
        details += _maybe(rng, 0.7, ("a house", "a small house", "a cottage", "a farm house"))
    return rng.choice(SUBJECTS["meadow"]), details


_FAMILY_WORDS = {
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


def _with_time(rng: random.Random, subject: str, scene: Scene, share: float) -> str:
    """Puts the time of day before or after the subject, or leaves it out."""
    if scene.family in ("planet", "shapes") or rng.random() > share:
        return subject
    how = rng.random()
    if how < 0.55:
        return f"{subject} {rng.choice(TIME_PHRASES[scene.time])}"
    if how < 0.75:
        for article in ("a ", "an ", "the "):
            if subject.startswith(article):
                return _article(f"{rng.choice(TIME_ADJECTIVES[scene.time])} {subject[len(article):]}")
        return f"{rng.choice(TIME_ADJECTIVES[scene.time])} {subject}"
    if how < 0.9:
        return f"{subject}, {rng.choice(TIME_ADJECTIVES[scene.time])}"
    return f"{_article(rng.choice(TIME_ADJECTIVES[scene.time]))} over {subject}"


def _stranger(rng: random.Random) -> str:
    """A word from outside the world: an ordinary English one or a made-up one."""
    if rng.random() < 0.6:
        return rng.choice(STRANGERS)
    syllables = rng.randint(1, 4)
    return "".join(rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiouy") + rng.choice(("", "n", "r", "s", "l")) for _ in range(syllables))


def caption(rng: random.Random, scene: Scene, plain: bool = False) -> str:
    """One way to say `scene`. `plain` names scene, time and style and adds neither frame nor strangers."""
    subject, details = _FAMILY_WORDS[scene.family](rng, scene)
    details += _sky_details(rng, scene)
    text = _with_time(rng, subject, scene, 1.0 if plain else 0.85)
    if scene.weather != "clear" and rng.random() < 0.75:
        text += " " + rng.choice(WEATHER[scene.weather])
    rng.shuffle(details)
    if details:
        text += rng.choice((" with ", ", ", " and ", ", ")) + rng.choice((" and ", ", ")).join(details)
    if scene.style != "plain":
        text = rng.choice(STYLES[scene.style]).format(text)
    if plain:
        return text
    if scene.style == "plain" and rng.random() < 0.25:
        text = rng.choice(FRAMES).format(text)
    if scene.family != "shapes" and rng.random() < 0.15:
        text = text.replace("a ", f"a {rng.choice(ADJECTIVES)} ", 1)
    if rng.random() < 0.15:
        text += ", " + rng.choice(SUFFIXES)
    if rng.random() < 0.12:
        words = text.split(" ")
        for _ in range(rng.randint(1, 3)):
            words.insert(rng.randint(0, len(words)), _stranger(rng))
        text = " ".join(words)
    return text if rng.random() > 0.05 else text.capitalize() + "."
