"""Drawn pictures in shards on the disk, and what the networks are trained on: codes and caption ids."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from .autoencoder import SHRINK, encode_small
from .captions import caption
from .log import save_atomically
from .scenes import FAMILIES, FAMILY_WEIGHTS, STYLES, TIMES, Scene, is_held_out, sample_scene
from .tokenizer import Tokenizer, learn_merges
from .words import ADJECTIVES, STRANGERS, SUFFIXES
from .world import draw

PICTURE = 512
"""Pixels along a side of the model's pictures."""

DRAWN_SMALL = 256
"""Size at which pictures for the latents are drawn before they are shrunk to PICTURE / SHRINK."""

CAPTION_CHUNK = 2_000
"""Scenes whose captions are one process's task."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def train_tokenizer(merges: int, seed: int) -> Tokenizer:
    """Learns the merges from sampled captions and the list of strangers."""
    rng = random.Random(seed)
    texts = [caption(rng, sample_scene(rng)) for _ in range(20_000)]
    return Tokenizer(learn_merges(texts + [*STRANGERS, *ADJECTIVES, *SUFFIXES] * 5, merges))


def family_plan(batches: int, seed: int) -> list[str]:
    """Which family each batch draws: its weight's share of all, in random order."""
    rng = random.Random(seed)
    total = sum(FAMILY_WEIGHTS)
    plan = [family for family, weight in zip(FAMILIES, FAMILY_WEIGHTS) for _ in range(max(1, round(batches * weight / total)))]
    rng.shuffle(plan)
    return plan


def scenes_of(family: str, count: int, seed: int, held_out: bool = False, wanted: Callable[[Scene], bool] = lambda scene: True) -> list[Scene]:
    """`count` `wanted` scenes of one family; training sees those not held out, tests the others where the family has any."""
    rng = random.Random(seed)
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = sample_scene(rng, family)
        if is_held_out(scene) == (held_out and family in ("shapes", "planet")) and wanted(scene):
            scenes.append(scene)
    return scenes


def _draw_shard(task: tuple[str, str, int, int, bool, str]) -> None:
    path, family, batch, seed, small, device = task
    scenes = scenes_of(family, batch, seed)
    pictures = draw(scenes, DRAWN_SMALL if small else PICTURE, device, seed)
    if small:
        pictures = F.avg_pool2d(pictures, DRAWN_SMALL * SHRINK // PICTURE)
    save_atomically({"scenes": scenes, "pictures": ((pictures + 1.0) * 127.5).round().byte().cpu()}, Path(path))


def drawn_world() -> str:
    """A digest of the code that decides what pictures there are and how they are drawn."""
    here = Path(__file__).parent
    sources = [here / "scenes.py", *sorted((here / "world").glob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def draw_shards(folder: Path, pictures: int, batch: int, seed: int, small: bool, device: torch.device) -> None:
    """Draws what is missing of about `pictures` pictures, `small` ones at a quarter of the size; on every core or on the GPU."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = family_plan(max(1, pictures // batch), seed)
    tasks = [
        (str(folder / f"{seed}_{place:05d}.pt"), family, batch, seed * 1_000_003 + 2 * place, small, str(device)) for place, family in enumerate(plan)
    ]
    tasks = [task for task in tasks if not Path(task[0]).exists()]
    if device.type == "cpu":
        on_every_core(_draw_shard, tasks)
    else:
        for task in tasks:
            _draw_shard(task)


def on_every_core(work: Callable[[Task], Result], tasks: list[Task]) -> list[Result]:
    """`work` of every task, in order, in one process of one thread for each core; a single task is done here."""
    if len(tasks) <= 1:
        return [work(task) for task in tasks]
    with multiprocessing.get_context("spawn").Pool(min(len(tasks), os.cpu_count() or 1), torch.set_num_threads, (1,)) as pool:
        return list(pool.imap(work, tasks))


def load_shards(folder: Path) -> tuple[list[Scene], Tensor]:
    """The scenes and pictures (bytes [N, 3, s, s]) of every shard."""
    shards = [torch.load(path, weights_only=False) for path in sorted(folder.glob("*.pt"))]
    return [scene for shard in shards for scene in shard["scenes"]], torch.cat([shard["pictures"] for shard in shards])


def to_unit(pictures: Tensor) -> Tensor:
    """Bytes to -1..1."""
    return pictures.float() / 127.5 - 1.0


def training_codes(pictures: Tensor, components: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """fp16 codes [2, N, C, h, w] of small pictures as they are and mirrored, computed where the components are."""
    device, kinds = components[0].device, []
    for turned in (pictures, pictures.flip(3)):
        kinds.append(torch.cat([encode_small(to_unit(part.to(device)), *components).half().cpu() for part in turned.split(512)]))
    return torch.stack(kinds)


def _caption_chunk(task: tuple[str, list[Scene], int, int, int]) -> Tensor:
    tokenizer_folder, scenes, captions, tokens, seed = task
    tokenizer, rng = Tokenizer.load(Path(tokenizer_folder)), random.Random(seed)
    return torch.tensor([[tokenizer.encode(caption(rng, scene), tokens) for _ in range(captions)] for scene in scenes], dtype=torch.int16)


def caption_ids(tokenizer: Path, scenes: list[Scene], captions: int, tokens: int, seed: int) -> Tensor:
    """Ids [N, captions, tokens] of several captions for each scene, by the tokenizer in a folder; the same on any number of cores."""
    starts = range(0, len(scenes), CAPTION_CHUNK)
    tasks = [(str(tokenizer), scenes[start : start + CAPTION_CHUNK], captions, tokens, seed * 1_000_003 + start) for start in starts]
    return torch.cat(on_every_core(_caption_chunk, tasks))


def labels(scenes: list[Scene]) -> tuple[Tensor, Tensor, Tensor]:
    """Family, time of day and style [N] as indices."""
    facts = [(FAMILIES.index(scene.family), TIMES.index(scene.time), STYLES.index(scene.style)) for scene in scenes]
    family, time, style = torch.tensor(facts).T
    return family, time, style
