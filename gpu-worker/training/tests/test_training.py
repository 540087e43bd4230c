"""`python -m unittest discover -s training/tests -t .` from gpu-worker/."""

from __future__ import annotations

import dataclasses
import json
import random
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from training.autoencoder import SLOTS, fold
from training.captions import caption
from training.data import scenes_of
from training.detectors import read_shapes
from training.export import export_parts
from training.network import Sizes
from training.pipeline import Pipeline
from training.presets import PRESETS
from training.scenes import FAMILIES, is_held_out, sample_scene
from training.tokenizer import CONTEXT, Tokenizer, learn_merges, split_words
from training.train import Run, components_of, encoder_of, load_decoder, load_means, train_decoder, train_diffusion
from training.world import draw


class TokenizerTest(unittest.TestCase):
    """The tokenizer against the meaning of its files."""

    def setUp(self) -> None:
        rng = random.Random(4)
        self.tokenizer = Tokenizer(learn_merges([caption(rng, sample_scene(rng)) for _ in range(300)], 120))

    def test_words_split_as_clip_splits_them(self) -> None:
        self.assertEqual(split_words("It's  42 CATS!!"), ["it", "'s", "4", "2", "cats", "!!"])

    def test_ids_start_end_and_are_padded_with_the_end(self) -> None:
        ids = self.tokenizer.encode("a city")
        self.assertEqual(len(ids), CONTEXT)
        self.assertEqual(ids[0], self.tokenizer.ids["<|startoftext|>"])
        self.assertEqual(set(ids[ids.index(self.tokenizer.end) :]), {self.tokenizer.end})

    def test_long_and_foreign_text_is_cut_and_keeps_its_end(self) -> None:
        for text in ("city " * 500, "日本の夜 🙂 ß"):
            ids = self.tokenizer.encode(text)
            self.assertEqual(len(ids), CONTEXT)
            self.assertEqual(ids[-1], self.tokenizer.end)

    def test_files_give_the_same_ids_back(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.tokenizer.save(Path(folder))
            again = Tokenizer.load(Path(folder))
            text = "a purple zeppelin over the sea at night"
            self.assertEqual(again.encode(text), self.tokenizer.encode(text))
            fast = json.loads((Path(folder) / "tokenizer.json").read_text())
            self.assertEqual(fast["model"]["vocab"], json.loads((Path(folder) / "vocab.json").read_text()))


class WorldTest(unittest.TestCase):
    """The renderer, its facts and the detectors."""

    def test_every_family_is_drawn_within_range_and_repeats(self) -> None:
        for family in FAMILIES:
            scenes = scenes_of(family, 2, 11)
            first, second = draw(scenes, 64, "cpu", 5), draw(scenes, 64, "cpu", 5)
            self.assertEqual(tuple(first.shape), (2, 3, 64, 64), family)
            self.assertTrue(torch.equal(first, second), family)
            self.assertLessEqual(float(first.abs().max()), 1.0, family)

    def test_training_never_draws_a_held_out_combination(self) -> None:
        self.assertFalse(any(is_held_out(scene) for scene in scenes_of("shapes", 200, 3)))
        self.assertTrue(all(is_held_out(scene) for scene in scenes_of("shapes", 20, 3, held_out=True)))

    def test_detectors_read_the_renderer(self) -> None:
        scenes = scenes_of("shapes", 24, 9)
        pictures = draw(scenes, 256, "cpu", 9).numpy()
        right = [read_shapes(picture)["count"] == scene.get("count") for picture, scene in zip(pictures, scenes)]
        self.assertGreaterEqual(sum(right), 22)


class SmokeTest(unittest.TestCase):
    """A run of a minute lowers the loss, goes on after an interruption and exports graphs that load."""

    def test_smoke_run(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            preset = PRESETS["smoke"]
            run = Run(folder, preset, 2)
            run.draw()
            components_of(run)
            train_decoder(run)
            half = dataclasses.replace(preset, diffusion=dataclasses.replace(preset.diffusion, steps=preset.diffusion.steps // 2))
            train_diffusion(Run(folder, half, 2))
            train_diffusion(run)
            lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
            losses = [line["loss"] for line in lines if line["stage"] == "diffusion end"]
            self.assertLess(losses[-1], next(line["loss"] for line in lines if line["stage"] == "diffusion"))
            text, unet = load_means(run)
            export_parts(run.tokenizer, text, unet, encoder_of(run), load_decoder(run), Sizes(), folder / "model")
            pipeline = Pipeline(folder / "model")
            pictures = pipeline.pictures(["a city skyline at night"], steps=2, size=(256, 320))
            self.assertEqual(pictures.shape, (1, 3, 256, 320))
            self.assertTrue(np.isfinite(pictures).all())
            latents = pipeline.latents(["a desert"], 1, 2, 3.0, (256, 256))
            self.assertLess(float(fold(torch.from_numpy(latents))[:, SLOTS // 2 :].abs().max()), 1e-5)


if __name__ == "__main__":
    unittest.main()
