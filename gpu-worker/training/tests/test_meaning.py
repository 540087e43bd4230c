"""The embedding that is made of the repository's picture model."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnxruntime

from training.meaning.export import export
from training.meaning.retrieval import Embedding, measure
from training.tokenizer import Tokenizer

PICTURE = Path(__file__).resolve().parents[2] / "model/picture"


class EmbeddingTest(unittest.TestCase):
    """It is the picture model's encoder, whatever stands where nothing counts."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = tempfile.TemporaryDirectory()
        export(PICTURE, Path(cls.folder.name))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.folder.cleanup()

    def test_states_are_the_encoders_and_padding_says_nothing(self) -> None:
        encoder = onnxruntime.InferenceSession(str(PICTURE / "text_encoder/model.onnx"))
        masked = onnxruntime.InferenceSession(str(Path(self.folder.name) / "model.onnx"))
        ids = np.array([Tokenizer.load(PICTURE / "tokenizer").encode("a city skyline at night")], np.int64)
        want = encoder.run(None, {"input_ids": ids})[0]
        length = int((np.abs(want).sum(-1) > 0).sum())
        mask = (np.arange(ids.shape[1]) < length).astype(np.int64)[None]
        for padding in (0, 7, 300):
            padded = np.where(mask > 0, ids, padding)
            got = masked.run(None, {"input_ids": padded, "attention_mask": mask})[0]
            self.assertLess(float(np.abs(got - want).max()), 1e-5)

    def test_vectors_have_length_one_and_scenes_are_found(self) -> None:
        vectors = Embedding(Path(self.folder.name)).vectors(["a city", "a city " * 90, "日本"])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
        measured = measure(Path(self.folder.name), 60)
        self.assertGreater(measured["model"]["own_before_another"], measured["words"]["own_before_another"])
        self.assertGreater(measured["model"]["own_before_another"], 0.9)


if __name__ == "__main__":
    unittest.main()
