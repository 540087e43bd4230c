"""The drawn world: its pictures, its captions and what reads them."""

from __future__ import annotations

import dataclasses
import random
import unittest

import numpy as np
import torch

from training.captions import caption
from training.data import scenes_of
from training.detectors import read_relation, read_shapes
from training.measures import frechet_distance, sharpness
from training.scenes import FAMILIES, STYLES, is_held_out, sample_scene
from training.world import draw


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
        scenes = scenes_of("shapes", 24, 9, wanted=lambda scene: not scene.get("relation", ""))
        pictures = draw(scenes, 256, "cpu", 9).numpy()
        right = [read_shapes(picture)["count"] == scene.get("count") for picture, scene in zip(pictures, scenes)]
        self.assertGreaterEqual(sum(right), 22)

    def test_every_style_changes_the_picture_and_stays_within_range(self) -> None:
        scene = scenes_of("mountains", 1, 4, wanted=lambda scene: scene.style == "plain")[0]
        plain = draw([scene], 64, "cpu", 5)
        for style in STYLES[1:]:
            styled = draw([dataclasses.replace(scene, style=style)], 64, "cpu", 5)
            self.assertGreater(float((styled - plain).abs().mean()), 0.02, style)
            self.assertLessEqual(float(styled.abs().max()), 1.0, style)

    def test_relations_are_read_from_the_renderer(self) -> None:
        scenes = scenes_of("shapes", 32, 12, wanted=lambda scene: bool(scene.get("relation", "")))
        pictures = draw(scenes, 256, "cpu", 9).numpy()
        for picture, scene in zip(pictures, scenes):
            seen = read_relation(picture, str(scene.get("colour")), str(scene.get("other_colour")))
            self.assertEqual(seen, scene.get("relation"), scene)
            self.assertNotEqual(read_relation(picture, str(scene.get("other_colour")), str(scene.get("colour"))), seen, scene)

    def test_captions_say_style_and_relation(self) -> None:
        rng = random.Random(8)
        scene = scenes_of("shapes", 1, 12, wanted=lambda scene: scene.get("relation", "") == "left")[0]
        self.assertTrue(all("left of" in caption(rng, scene, plain=True) for _ in range(20)))
        painted = dataclasses.replace(sample_scene(rng, "sea"), style="watercolour")
        self.assertTrue(all("watercolo" in caption(rng, painted, plain=True) for _ in range(20)))


class MeasuresTest(unittest.TestCase):
    """Distances and sharpness against cases whose answer is known."""

    def test_frechet_distance_of_shifted_gaussians_is_the_square_of_the_shift(self) -> None:
        rng = np.random.default_rng(3)
        first = rng.standard_normal((4000, 6))
        self.assertAlmostEqual(frechet_distance(first, first), 0.0, places=6)
        self.assertAlmostEqual(frechet_distance(first, first + 2.0), 24.0, places=5)
        self.assertAlmostEqual(frechet_distance(first, 3.0 * first), 4.0 * 6.0, delta=1.5)

    def test_a_blurred_picture_is_less_sharp(self) -> None:
        pictures = np.random.default_rng(3).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
        blurred = (pictures + np.roll(pictures, 1, 2) + np.roll(pictures, 1, 3)) / 3.0
        self.assertLess(sharpness(blurred), 0.8 * sharpness(pictures))


if __name__ == "__main__":
    unittest.main()
