"""The tokenizer against the meaning of its files."""

from __future__ import annotations

import json
import random
import tempfile
import unittest
from pathlib import Path

from training.captions import caption
from training.scenes import sample_scene
from training.tokenizer import CONTEXT, Tokenizer, learn_merges, split_words


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


if __name__ == "__main__":
    unittest.main()
