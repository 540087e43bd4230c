"""`python -m training.evaluate --model DIR --run DIR`: measures an exported model against captions it never saw.

Scene and time of day are judged by a small classifier trained on other renders, shapes by hand-written pixel rules. The
renderer's own pictures of the same scenes are the ceiling, the same networks with untrained weights the floor.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch

from .captions import caption
from .data import PICTURE, scenes_of
from .detectors import read_shapes
from .judge import Judge, shrink
from .network import Sizes, TextEncoder, UNet
from .pipeline import Pipeline, to_bytes
from .sampling import sample_latents
from .scenes import FAMILIES, TIMES, Scene
from .world import draw

BATCH = 4


def test_scenes(per_family: int, seed: int) -> list[Scene]:
    """Scenes from seeds that training does not use; shapes and planets in held-out combinations."""
    return [scene for place, family in enumerate(FAMILIES) for scene in scenes_of(family, per_family, seed + place, held_out=True)]


def judged(pictures: np.ndarray, scenes: list[Scene], judge: Judge) -> dict[str, float]:
    """Accuracies of pictures [N, 3, H, W] for their scenes."""
    with torch.no_grad():
        family, time = (scores.argmax(1).numpy() for scores in judge(shrink(torch.from_numpy(pictures))))
    right_family = np.array([FAMILIES[answer] == scene.family for answer, scene in zip(family, scenes)])
    timed = np.array([scene.family not in ("planet", "shapes") for scene in scenes])
    right_time = np.array([TIMES[answer] == scene.time for answer, scene in zip(time, scenes)])
    landscape = np.array([scene.family != "shapes" for scene in scenes])
    result = {"scene": float(right_family[landscape].mean()), "time_of_day": float(right_time[timed].mean())}
    for name in FAMILIES:
        of_it = np.array([scene.family == name for scene in scenes])
        result[f"scene_{name}"] = float(right_family[of_it].mean())
    read = [(read_shapes(picture), scene) for picture, scene in zip(pictures, scenes) if scene.family == "shapes"]
    for fact in ("colour", "background", "count"):
        result[f"shapes_{fact}"] = float(np.mean([seen[fact] == scene.get(fact) for seen, scene in read]))
    return result


def drawn_by_model(pipeline: Pipeline, prompts: list[str], seed: int) -> np.ndarray:
    """The model's pictures of the prompts, each from its own noise."""
    parts = [pipeline.pictures(prompts[start : start + BATCH], seed + start) for start in range(0, len(prompts), BATCH)]
    return np.concatenate(parts)


def drawn_by_world(scenes: list[Scene], seed: int) -> np.ndarray:
    """The renderer's pictures of the same scenes."""
    return np.concatenate([draw([scene], PICTURE, "cpu", seed + place).numpy() for place, scene in enumerate(scenes)])


def drawn_untrained(pipeline: Pipeline, prompts: list[str], seed: int) -> np.ndarray:
    """What the same networks draw before training, through the trained decoder."""
    torch.manual_seed(seed)
    sizes, tokenizer = Sizes(), pipeline.tokenizer
    text, unet = TextEncoder(len(tokenizer.ids), tokenizer.end, sizes).eval(), UNet(sizes).eval()
    with torch.no_grad():
        words = text(torch.tensor([tokenizer.encode(prompt) for prompt in ["", *prompts]]))
        noise = torch.randn(len(prompts), 4, PICTURE // 8, PICTURE // 8)
        latents = sample_latents(unet, words[1:], words[:1], noise, 8, 3.0)
    return np.concatenate([pipeline.decode(latents[place : place + 1].numpy()) for place in range(len(latents))])


def diversity(pipeline: Pipeline, scenes: list[Scene], prompts: list[str]) -> float:
    """Mean difference between four seeds of the model, divided by the renderer's for the same facts."""
    ours, theirs = [], []
    for scene, prompt in zip(scenes, prompts):
        ours.append(_mean_difference(drawn_by_model(pipeline, [prompt] * 4, 900)))
        theirs.append(_mean_difference(drawn_by_world([scene] * 4, 900)))
    return float(np.mean(ours) / np.mean(theirs))


def _mean_difference(pictures: np.ndarray) -> float:
    pairs = [(first, second) for first in range(len(pictures)) for second in range(first)]
    return float(np.mean([np.abs(pictures[first] - pictures[second]).mean() for first, second in pairs]))


def sheet(pictures: np.ndarray, columns: int, step: int) -> np.ndarray:
    """Bytes of a sheet of pictures, each made `step` times smaller."""
    small = pictures.reshape(len(pictures), 3, PICTURE // step, step, PICTURE // step, step).mean((3, 5))
    rows = [np.concatenate([to_bytes(picture) for picture in small[start : start + columns]], 1) for start in range(0, len(small), columns)]
    return np.concatenate(rows)


def main() -> None:
    """Measures and writes RUN/quality.json."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("model/picture"))
    parser.add_argument("--run", type=Path, default=Path("training/runs/latest"))
    parser.add_argument("--per-family", type=int, default=12)
    parser.add_argument("--seed", type=int, default=70_001)
    arguments = parser.parse_args()
    judge = Judge()
    judge.load_state_dict(torch.load(arguments.run / "judge.pt", map_location="cpu"))
    judge.eval()
    pipeline = Pipeline(arguments.model)
    scenes = test_scenes(arguments.per_family, arguments.seed)
    rng = random.Random(arguments.seed)
    prompts = [caption(rng, scene, plain=True) for scene in scenes]
    result = {
        "captions": len(prompts),
        "model": judged(drawn_by_model(pipeline, prompts, 5_000), scenes, judge),
        "renderer": judged(drawn_by_world(scenes, 6_000), scenes, judge),
        "untrained": judged(drawn_untrained(pipeline, prompts[::4], 3), scenes[::4], judge),
        "diversity": diversity(pipeline, scenes[:: arguments.per_family], prompts[:: arguments.per_family]),
        "latency_ms": pipeline.latency_ms(),
    }
    (arguments.run / "quality.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
