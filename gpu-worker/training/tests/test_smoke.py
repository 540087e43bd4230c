"""A whole run in about a minute: it lowers the loss, survives an interruption, and exports what the engines load."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from training.__main__ import main
from training.autoencoder import SLOTS, fold
from training.distil import train_distilled
from training.exchange import Exchange
from training.export import write_configurations
from training.facts import facts_of
from training.manifest import write_manifest
from training.network import Sizes
from training.pipeline import FAST, USUAL, Pipeline
from training.presets import PRESETS, Budget
from training.run import Run
from training.train_decoder import train_decoder
from training.train_diffusion import train_diffusion, trained_networks
from training.train_judge import load_judge

WORKER = os.environ.get("AITBC_WORKER_BINARY", "")
"""A built gpu-worker; what needs one is skipped without it."""


ENGINES = ("onnxruntime", "tract")
TWO_STEPS = dataclasses.replace(USUAL, steps=2)


class Torn(RuntimeError):
    """What a power cut looks like from inside."""


class TearingExchange(Exchange):
    """Breaks a run in the middle of its step number `steps`."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def average(self, parameters: Iterable[nn.Parameter], progress: float) -> float:
        self.left -= 1
        if self.left == 0:
            raise Torn
        return super().average(parameters, progress)


class SmokeTest(unittest.TestCase):
    """One run of the smoke preset through the command that users type."""

    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        compared = ["--worker", WORKER] if WORKER else []
        with unittest.mock.patch("sys.argv", ["training", "--preset", "smoke", "--seed", "2", "--run", str(cls.folder), *compared]):
            main()
        cls.model = cls.folder / "model"

    def test_the_loss_falls(self) -> None:
        lines = [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]
        losses = [line["loss"] for line in lines if line["stage"].startswith("diffusion")]
        self.assertLess(losses[-1], losses[0])

    def test_the_exported_folder_draws(self) -> None:
        pipeline = Pipeline(self.model)
        pictures = pipeline.pictures(["a city skyline at night"], setting=TWO_STEPS, size=(256, 320))
        self.assertEqual(pictures.shape, (1, 3, 256, 320))
        self.assertTrue(np.isfinite(pictures).all())
        # The usual scheduler truncates its timesteps to whole numbers, so only the other one ends at 0 exactly.
        latents = pipeline.latents(["a desert"], 1, FAST, (256, 256))
        self.assertLess(float(fold(torch.from_numpy(latents))[:, SLOTS // 2 :].abs().max()), 1e-5)

    def test_the_distilled_mode_is_another_walk_of_the_same_network(self) -> None:
        pipeline = Pipeline(self.model)
        self.assertTrue(pipeline.has(FAST))
        self.assertEqual(json.loads((self.model / "manifest.json").read_text())["fast"], {"steps": 4, "guidance": 1.0})
        asked = []
        recorded = pipeline.with_parts(lambda part, **inputs: asked.append((part, inputs)) or pipeline._by_onnx_runtime(part, **inputs))
        fast = recorded.pictures(["a city skyline at night"], setting=FAST, size=(256, 256))
        self.assertTrue(np.isfinite(fast).all())
        calls = [inputs for part, inputs in asked if part == "unet"]
        self.assertEqual([len(call["sample"]) for call in calls], [1] * 4)
        self.assertTrue(all(call["timestep"].min() > 2_000 for call in calls))
        like_usual = [call | {"timestep": call["timestep"] / np.float32(100)} for call in calls]
        told_apart = [not np.array_equal(pipeline._by_onnx_runtime("unet", **one), pipeline._by_onnx_runtime("unet", **other)) for one, other in zip(calls, like_usual)]
        self.assertTrue(all(told_apart), "the network does not tell its modes apart")

    def test_it_is_measured_and_described(self) -> None:
        quality = json.loads((self.folder / "quality.json").read_text())
        self.assertEqual(set(quality["diversity"]), {"model", "fast"})
        self.assertEqual(quality["asked"]["relation"], 1)
        for who in ("model", "fast", "renderer", "untrained"):
            for name in ("scene", "sharpness", "frechet_distance"):
                self.assertTrue(np.isfinite(quality[who][name]), f"{who} {name}")
        for engines, differences in quality["agreement"].items():
            self.assertLess(differences["mean"], 1.0, engines)
        self.assertEqual("onnx_runtime_and_tract" in quality["agreement"], bool(WORKER))
        self.assertIn("| style |", (self.model / "MODEL_CARD.md").read_text())
        listed = {file["path"] for file in json.loads((self.model / "manifest.json").read_text())["files"]}
        self.assertLessEqual({"unet/model.onnx", "MODEL_CARD.md", "samples.png"}, listed)

    def test_an_interrupted_run_equals_an_uninterrupted_one(self) -> None:
        self._assert_goes_on(train_diffusion, "diffusion.pt", (7, 11))

    def test_an_interrupted_distillation_equals_an_uninterrupted_one(self) -> None:
        self._assert_goes_on(train_distilled, "distilled.pt", (3, 14), taught="diffusion.pt")

    def test_an_interrupted_decoder_equals_an_uninterrupted_one(self) -> None:
        preset = dataclasses.replace(PRESETS["smoke"], save_every_s=0.0)
        whole, torn = self._copy("whole_decoder"), self._copy("torn_decoder")
        train_decoder(Run(whole, preset, 2))
        steps = iter(range(5))

        def cut(value: object, path: Path, save: Callable[..., None]) -> None:
            save(value, path)
            if next(steps) == 4:
                raise Torn

        from training import train_decoder as module

        save = module.save_atomically
        with unittest.mock.patch.object(module, "save_atomically", lambda value, path: cut(value, path, save)), self.assertRaises(Torn):
            train_decoder(Run(torn, preset, 2))
        train_decoder(Run(torn, preset, 2))
        self._assert_same(whole / "decoder.pt", torn / "decoder.pt", ("decoder", "optimizer"))

    def test_a_distillation_can_be_given_more_steps_at_any_of_them(self) -> None:
        folder = self._copy("more_distilled")
        shutil.copy(self.folder / "diffusion.pt", folder)
        for steps in (3, 5):
            train_distilled(Run(folder, dataclasses.replace(PRESETS["smoke"], distillation=Budget(steps=steps)), 2))
        self.assertEqual(torch.load(folder / "distilled.pt")["step"], 5)

    def test_an_export_leaves_no_mode_behind_that_it_does_not_have(self) -> None:
        folder = self.folder / "exported_twice"
        for distilled in (True, False):
            write_configurations(folder, 700, Sizes(), distilled)
            self.assertEqual("fast" in facts_of(folder), distilled)

    def test_a_judge_of_another_world_is_not_asked(self) -> None:
        folder = self.folder / "other_world"
        folder.mkdir()
        judge = torch.load(self.folder / "judge.pt")
        torch.save(judge | {"world": "another"}, folder / "judge.pt")
        with self.assertRaisesRegex(ValueError, "another drawn world"):
            load_judge(folder)

    def test_what_was_distilled_from_an_earlier_state_is_left_alone(self) -> None:
        folder = self._copy("outgrown")
        shutil.copy(self.folder / "distilled.pt", folder)
        taught = torch.load(self.folder / "diffusion.pt")
        torch.save(taught | {"step": taught["step"] + 1}, folder / "diffusion.pt")
        self.assertTrue(trained_networks(self.folder, Run(folder, PRESETS["smoke"], 2).tokenizer)[0]["unet"].is_distilled())
        self.assertFalse(trained_networks(folder, Run(folder, PRESETS["smoke"], 2).tokenizer)[0]["unet"].is_distilled())

    def test_a_packed_run_is_small_and_goes_on_elsewhere(self) -> None:
        packed, elsewhere = self.folder / "packed.pt", self.folder / "elsewhere"
        self.assertLess(packed.stat().st_size, 16 * 2**20)
        elsewhere.mkdir()
        shutil.copy(packed, elsewhere)
        run = Run(elsewhere, PRESETS["smoke"], 2)
        nets, _ = trained_networks(elsewhere, run.tokenizer)
        before, _ = trained_networks(self.folder, run.tokenizer)
        for name, value in before.state_dict().items():
            self.assertTrue(torch.allclose(value, nets.state_dict()[name], atol=2e-3, rtol=2e-3), name)
        for part in ("small", "large"):
            (elsewhere / part).symlink_to(self.folder / part)
        longer = dataclasses.replace(PRESETS["smoke"], diffusion=Budget(steps=32))
        train_diffusion(Run(elsewhere, longer, 2))
        self.assertEqual(torch.load(elsewhere / "diffusion.pt")["step"], 32)
        self.assertFalse(trained_networks(elsewhere, run.tokenizer)[0]["unet"].is_distilled(), "the usual training leads away from the distilled mode")

    @unittest.skipUnless(WORKER, "AITBC_WORKER_BINARY names no built gpu-worker")
    def test_both_engines_draw_what_was_exported(self) -> None:
        for engine in ENGINES:
            done = self._generate(self.model, engine)
            self.assertEqual(done.returncode, 0, f"{engine}: {done.stderr}")

    @unittest.skipUnless(WORKER, "AITBC_WORKER_BINARY names no built gpu-worker")
    def test_both_engines_refuse_a_missing_operator_and_another_opset(self) -> None:
        for name, spoil, told in (("operator", _rename_an_operator, "NoSuchConv"), ("opset", _raise_the_opset, "operator set 99")):
            broken = self.folder / f"broken_{name}"
            shutil.copytree(self.model, broken)
            graph = onnx.load(broken / "unet/model.onnx")
            spoil(graph)
            onnx.save(graph, broken / "unet/model.onnx")
            write_manifest(broken, facts_of(broken))
            for engine in ENGINES:
                done = self._generate(broken, engine)
                self.assertNotEqual(done.returncode, 0, f"{engine} drew with a wrong {name}")
                self.assertIn(told, done.stderr, engine)
                self.assertFalse((self.folder / f"{engine}.png").exists())

    def _generate(self, model: Path, engine: str) -> subprocess.CompletedProcess[str]:
        out = self.folder / f"{engine}.png"
        out.unlink(missing_ok=True)
        command = [WORKER, "generate", "a desert", "--model", model, "--engine", engine, "--steps", "1", "--width", "256", "--height", "256", "--out", out]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        if done.returncode == 0:
            self.assertTrue(out.exists())
            out.unlink()
        return done

    def _assert_goes_on(self, train: Callable[..., object], checkpoint: str, torn_at: Iterable[int], taught: str | None = None) -> None:
        """Interrupted after so many steps, `train` ends with the same `checkpoint` as in one go; it starts from `taught`."""
        preset = dataclasses.replace(PRESETS["smoke"], save_every_s=0.0)
        whole, torn = self._copy(f"whole_{checkpoint}"), self._copy(f"torn_{checkpoint}")
        for folder in (whole, torn) if taught else ():
            shutil.copy(self.folder / taught, folder)
        train(Run(whole, preset, 2))
        for steps in torn_at:
            with self.assertRaises(Torn):
                train(Run(torn, preset, 2), TearingExchange(steps))
        train(Run(torn, preset, 2))
        self._assert_same(whole / checkpoint, torn / checkpoint, ("nets", "means", "optimizer"))

    def _copy(self, name: str) -> Path:
        """The drawn pictures and the tokenizer of the run, without its checkpoints."""
        folder = self.folder / name
        folder.mkdir()
        for part in ("small", "large", "tokenizer"):
            (folder / part).symlink_to(self.folder / part)
        for part in ("components.pt", "codes.pt"):
            shutil.copy(self.folder / part, folder / part)
        return folder

    def _assert_same(self, first: Path, second: Path, parts: tuple[str, ...]) -> None:
        one, other = torch.load(first), torch.load(second)
        self.assertEqual(one["step"], other["step"])
        for part in parts:
            for name, value in _tensors(one[part]):
                self.assertTrue(torch.equal(value, dict(_tensors(other[part]))[name]), f"{part} {name}")


def _tensors(value: object, name: str = "") -> list[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        return [(name, value)]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in inner for found in _tensors(part, f"{name}.{key}")]


def _rename_an_operator(graph: onnx.ModelProto) -> None:
    next(node for node in graph.graph.node if node.op_type == "Conv").op_type = "NoSuchConv"


def _raise_the_opset(graph: onnx.ModelProto) -> None:
    graph.opset_import[0].version = 99


if __name__ == "__main__":
    unittest.main()
