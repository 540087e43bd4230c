"""`python -m training.evaluate --model DIR --run DIR`: measures an exported model against captions it never saw.

Scene, time of day and style are judged by a small classifier trained on other renders, shapes by hand-written pixel
rules. The renderer's own pictures of the same scenes are the ceiling, the same networks with untrained weights the floor.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .agreement import agreement
from .autoencoder import peak_signal_to_noise
from .captions import caption
from .data import PICTURE, on_every_core, scenes_of
from .detectors import read_relation, read_shapes
from .judge import UNTIMED, Judge, shrink
from .measures import frechet_distance, mean_difference, sharpness
from .network import Sizes
from .pipeline import FAST, USUAL, Pipeline, Setting
from .scenes import FAMILIES, STYLES, TIMES, Scene
from .train_diffusion import networks, trained_networks
from .train_judge import load_judge
from .world import draw

BATCH = 4
UNTRAINED_SHARE = 4
"""The floor is measured on one scene in so many."""

SEED = 70_001
SEEDS = 4
"""Pictures of one caption whose differences are the diversity."""

UNSEEN_WORDS = ("zeppelin", "octopus", "samurai", "teapot", "giraffe", "volcano", "windmill", "typewriter", "saxophone", "dinosaur", "pumpkin", "istanbul")
"""Words that no caption of the training has."""

RECONSTRUCTED = 24
"""Fresh pictures, at most, that go through encoder and decoder."""


def test_scenes(per_family: int, seed: int) -> list[Scene]:
    """Plain scenes from seeds that training does not use; shapes and planets in held-out combinations."""
    scenes: list[Scene] = []
    for place, family in enumerate(FAMILIES):
        scenes += scenes_of(family, per_family, seed + place, True, lambda scene: scene.style == "plain" and not scene.get("relation", ""))
    return scenes


def styled_scenes(per_style: int, seed: int) -> list[Scene]:
    """Scenes of all families but shapes in every style but the plain one."""
    families, styles = [family for family in FAMILIES if family != "shapes"], STYLES[1:]
    chosen = [scenes_of(families[place % len(families)], 1, seed + place, True)[0] for place in range(per_style * len(styles))]
    return [replace(scene, style=styles[place // per_style]) for place, scene in enumerate(chosen)]


def related_scenes(count: int, seed: int) -> list[Scene]:
    """Two things in a held-out combination."""
    return scenes_of("shapes", count, seed, True, lambda scene: bool(scene.get("relation", "")))


def accuracies(pictures: np.ndarray, scenes: list[Scene], judge: Judge) -> dict[str, float]:
    """The share of the pictures [N, 3, H, W] whose facts are read as their scenes have them, by fact."""
    return {name: float(np.mean(values)) for name, values in readings(pictures, scenes, judge).items()}


def readings(pictures: np.ndarray, scenes: list[Scene], judge: Judge) -> dict[str, list[bool]]:
    """Of every fact, whether each picture [3, H, W] that should show it is read so."""
    with torch.no_grad():
        answers = [scores.argmax(1).tolist() for scores in judge(shrink(torch.from_numpy(pictures)))]
    right: dict[str, list[bool]] = {}
    for picture, scene, family, time, style in zip(pictures, scenes, *answers):
        for name, value in _facts(picture, scene, FAMILIES[family], TIMES[time], STYLES[style]).items():
            right.setdefault(name, []).append(value)
    return dict(sorted(right.items()))


def _facts(picture: np.ndarray, scene: Scene, family: str, time: str, style: str) -> dict[str, bool]:
    """Which of the scene's facts the picture shows; `family`, `time` and `style` are the judge's answers."""
    if scene.style != "plain":
        return {"style": style == scene.style, f"style_{scene.style}": style == scene.style}
    if scene.family == "shapes":
        return _still_life(picture, scene) | {"scene_shapes": family == scene.family}
    facts = {"scene": family == scene.family, f"scene_{scene.family}": family == scene.family}
    return facts if scene.family in UNTIMED else facts | {"time_of_day": time == scene.time}


def _still_life(picture: np.ndarray, scene: Scene) -> dict[str, bool]:
    if scene.get("relation", ""):
        return {"relation": read_relation(picture, str(scene.get("colour")), str(scene.get("other_colour"))) == scene.get("relation")}
    seen, count = read_shapes(picture), int(scene.get("count"))
    facts = {name: seen[name] == scene.get(name) for name in ("colour", "background", "count")}
    return facts | ({"count_to_three": facts["count"]} if count <= 3 else {})


def drawn_by_model(pipeline: Pipeline, prompts: list[str], seed: int, setting: Setting = USUAL) -> np.ndarray:
    """The model's pictures of the prompts, each from its own noise."""
    parts = [pipeline.pictures(prompts[start : start + BATCH], seed + start, setting) for start in range(0, len(prompts), BATCH)]
    return np.concatenate(parts)


def _draw_one(task: tuple[Scene, int]) -> np.ndarray:
    return draw([task[0]], PICTURE, "cpu", task[1]).numpy()


def drawn_by_world(scenes: list[Scene], seed: int) -> np.ndarray:
    """The renderer's pictures of the same scenes."""
    return np.concatenate(on_every_core(_draw_one, [(scene, seed + place) for place, scene in enumerate(scenes)]))


def drawn_untrained(pipeline: Pipeline, sizes: Sizes, prompts: list[str], seed: int) -> np.ndarray:
    """What networks of the same sizes draw before training, through the trained decoder."""
    torch.manual_seed(seed)
    nets = networks(pipeline.tokenizer, sizes).eval()
    return drawn_by_model(pipeline.with_networks({"text_encoder": nets["text"], "unet": nets["unet"]}), prompts, seed)


def diversity(pipeline: Pipeline, scenes: list[Scene], prompts: list[str]) -> dict[str, float]:
    """Mean difference between four seeds, by each setting of the model, divided by the renderer's for the same facts."""
    drawn = drawn_by_world([scene for scene in scenes for _ in range(SEEDS)], 900)
    theirs = np.mean([mean_difference(drawn[start : start + SEEDS]) for start in range(0, len(drawn), SEEDS)])
    settings = {"model": USUAL} | ({"fast": FAST} if pipeline.has(FAST) else {})
    ours = {who: [mean_difference(drawn_by_model(pipeline, [prompt] * SEEDS, 900, setting)) for prompt in prompts] for who, setting in settings.items()}
    return {who: float(np.mean(differences) / theirs) for who, differences in ours.items()}


def with_unseen_words(pipeline: Pipeline, judge: Judge, scenes: list[Scene], seed: int) -> dict[str, float]:
    """The accuracies where two words that training never showed stand before each caption."""
    rng = random.Random(seed)
    prompts = [f"{' '.join(rng.sample(UNSEEN_WORDS, 2))}, {caption(rng, scene, plain=True)}" for scene in scenes]
    return accuracies(drawn_by_model(pipeline, prompts, 7_000), scenes, judge)


def features(pictures: np.ndarray, judge: Judge) -> np.ndarray:
    """The judge's features [N, 64]."""
    with torch.no_grad():
        return judge.features(shrink(torch.from_numpy(pictures))).numpy()


def measure(pipeline: Pipeline, judge: Judge, sizes: Sizes, per_family: int, seed: int) -> dict[str, object]:
    """Everything that is read from pixels, for the model, its ceiling and its floor."""
    plain = test_scenes(per_family, seed)
    scenes = [*plain, *styled_scenes(max(1, per_family // 2), seed + 100), *related_scenes(per_family, seed + 200)]
    rng = random.Random(seed)
    prompts = [caption(rng, scene, plain=True) for scene in scenes]
    other = drawn_by_world(scenes, seed + 1)
    drawn = {
        "model": (scenes, drawn_by_model(pipeline, prompts, 5_000)),
        "renderer": (scenes, drawn_by_world(scenes, 6_000)),
        "untrained": (scenes[::UNTRAINED_SHARE], drawn_untrained(pipeline, sizes, prompts[::UNTRAINED_SHARE], 3)),
    }
    if pipeline.has(FAST):
        drawn["fast"] = (scenes, drawn_by_model(pipeline, prompts, 5_000, FAST))
    asked = {name: len(values) for name, values in readings(drawn["renderer"][1], scenes, judge).items()}
    result: dict[str, object] = {"captions": len(prompts), "asked": asked}
    for who, (shown, pictures) in drawn.items():
        distance = frechet_distance(features(pictures, judge), features(other, judge))
        result[who] = accuracies(pictures, shown, judge) | {"sharpness": sharpness(pictures) / sharpness(other), "frechet_distance": distance}
    chosen = slice(0, len(plain), per_family if per_family > 1 else UNTRAINED_SHARE)
    result["unseen_words"] = with_unseen_words(pipeline, judge, [scene for scene in plain if scene.family not in UNTIMED], seed)
    result["diversity"] = diversity(pipeline, plain[chosen], prompts[: len(plain)][chosen])
    fresh = other[:: max(1, len(other) // RECONSTRUCTED)]
    result["reconstruction_db"] = peak_signal_to_noise(torch.from_numpy(pipeline.reconstructed(fresh)), torch.from_numpy(fresh))
    return result


def write_quality(run: Path, model: Path, per_family: int, worker: Path | None, seed: int = SEED) -> dict[str, object]:
    """Measures the exported `model` of `run` and writes RUN/quality.json."""
    judge, pipeline = load_judge(run), Pipeline(model)
    nets, sizes = trained_networks(run, pipeline.tokenizer)
    result = measure(pipeline, judge, sizes, per_family, seed)
    result["agreement"] = agreement(nets, run, model, pipeline, worker)
    result["latency_ms"] = pipeline.latency_ms()
    (run / "quality.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def main() -> None:
    """Measures and prints the result."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("model/picture"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/latest"))
    parser.add_argument("--per-family", type=int, default=12)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--worker", type=Path, default=None, help="a built gpu-worker, to compare ONNX Runtime's pictures with tract's")
    arguments = parser.parse_args()
    print(json.dumps(write_quality(arguments.run, arguments.model, arguments.per_family, arguments.worker, arguments.seed), indent=1))


if __name__ == "__main__":
    main()
