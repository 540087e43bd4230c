"""The word model's lessons, tokenizer, training and export."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import tempfile
import unittest
from pathlib import Path

import torch

from training.language.corpus import held_out_texts, repository, training_texts
from training.language.evaluate import FILLERS, OUTSIDE, words_of
from training.language.export import export
from training.language.generation import Generation
from training.language.lessons import IMPROVE, OUTSIDERS, improvement, naming
from training.language.presets import PRESETS
from training.language.tokenizer import SPECIALS, TURN_END, learn, question
from training.language.train import Run, rate, train
from training.manifest import write_manifest

ENGINES = ("onnxruntime", "tract")
WORKER = os.environ.get("AITBC_WORKER_BINARY", "")
"""A built gpu-worker; what needs one is skipped without it."""


class LessonTest(unittest.TestCase):
    """What the model is taught is what it is measured by."""

    def test_a_better_prompt_keeps_the_words_of_the_ask(self) -> None:
        rng = random.Random(6)
        frames = FILLERS | {"picture", "image", "i", "want", "one", "single"}
        for _ in range(400):
            lesson = improvement(rng)
            asked = set(words_of(lesson.ask.removeprefix(IMPROVE))) - frames
            self.assertLessEqual(asked, set(words_of(lesson.answer)), lesson)

    def test_what_is_foreign_is_named(self) -> None:
        rng = random.Random(6)
        lessons = [naming(rng) for _ in range(200)]
        foreign = [lesson for lesson in lessons if "Outside its world" in lesson.answer]
        self.assertGreater(len(foreign), 40)
        for lesson in foreign:
            self.assertIn(lesson.answer.rpartition(": ")[2].rstrip("."), lesson.ask)

    def test_measured_subjects_are_not_taught(self) -> None:
        self.assertFalse(set(OUTSIDE) & set(OUTSIDERS))

    def test_held_out_paragraphs_are_not_read(self) -> None:
        read = "\n\n".join(training_texts(repository())).split("\n\n")
        held_out = held_out_texts(repository())
        self.assertGreater(len(held_out), 20)
        self.assertFalse(set(held_out) & set(read))


class TokenizerTest(unittest.TestCase):
    """Every text survives, and marks are one token each."""

    def test_texts_come_back(self) -> None:
        tokenizer = learn(["a city skyline at night", "the open sea"] * 5, 300)
        for text in ("a city", "Grüße aus 東京 🙂\n\ttab", ""):
            self.assertEqual(tokenizer.decode(tokenizer.encode(text).ids), text)
        self.assertEqual([tokenizer.token_to_id(name) for name in SPECIALS], [0, 1, 2])
        ids = tokenizer.encode(question("city")).ids
        self.assertEqual((ids.count(1), ids.count(2)), (2, 1))


class SmokeTest(unittest.TestCase):
    """A run of seconds: it learns, goes on to the same result, and exports what other programs load."""

    def test_smoke_run(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            whole, torn = Run(Path(name) / "whole", PRESETS["smoke"], 2), Run(Path(name) / "torn", PRESETS["smoke"], 2)
            train(whole)
            train(torn, until=PRESETS["smoke"].steps // 2)
            train(Run(Path(name) / "torn", PRESETS["smoke"], 2))
            for first, second in zip(whole.writer().parameters(), torn.writer().parameters()):
                self.assertTrue(torch.equal(first, second))
            lines = [json.loads(line) for line in (Path(name) / "whole/log.jsonl").read_text().splitlines()]
            losses = [line["loss"] for line in lines if line["stage"] == "words"]
            self.assertLess(losses[-1], losses[0])
            folder = Path(name) / "model"
            export(whole.writer(), whole.tokenizer, folder)
            self._agrees(whole, folder)
            self._is_left_alone(whole)
            self._is_loaded_by_the_worker(folder)

    def _is_left_alone(self, run: Run) -> None:
        """A run that has more steps than it is asked for keeps them."""
        before = run.checkpoint.read_bytes()
        train(Run(run.folder, dataclasses.replace(run.preset, steps=4), 2))
        self.assertEqual(run.checkpoint.read_bytes(), before)

    def _is_loaded_by_the_worker(self, folder: Path) -> None:
        """Both engines of gpu-worker load the graph, where a built worker is named."""
        write_manifest(folder, {"name": "smoke-words", "version": "0", "kind": "text", "licence": "MIT", "suggestions": []})
        for engine in ENGINES if WORKER else ():
            done = subprocess.run([WORKER, "models", "verify", "--engine", engine, folder], capture_output=True, text=True, cwd=folder)
            self.assertEqual(done.returncode, 0, f"{engine}: {done.stdout}{done.stderr}")
            self.assertIn(engine, done.stdout)

    def _agrees(self, run: Run, folder: Path) -> None:
        """The exported graph with its cache guesses what the network guesses without one."""
        model, writer = Generation(folder), run.writer()
        ids = model.tokenizer.encode(question("a city at night")).ids
        start, past = model.read(ids[:5])
        rest, _ = model.read(ids[5:], past)
        hidden = torch.triu(torch.full((len(ids), len(ids)), -1e4), diagonal=1)[None, None]
        with torch.no_grad():
            want = writer.guesses(torch.tensor([ids]), torch.arange(len(ids))[None], hidden)[0]
        got = torch.cat((torch.from_numpy(start), torch.from_numpy(rest)))
        self.assertLess(float((want - got).abs().max()), 0.02)
        texts = {model.write(ids, 12, 1.0, 1.0, seed)[0] for seed in (1, 1, 1)}
        self.assertEqual(len(texts), 1)
        template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
        self.assertIn(TURN_END, template)

    def test_the_rate_rises_and_falls(self) -> None:
        preset = dataclasses.replace(PRESETS["smoke"], steps=1000)
        rates = [rate(step, preset.steps) for step in range(preset.steps)]
        self.assertEqual(max(rates), 1.0)
        self.assertLess(rates[0], 0.05)
        self.assertLess(rates[-1], 0.05)


if __name__ == "__main__":
    unittest.main()
