"""The synthetic lines: the same on every machine, unlike each other, legible, and cheap."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from thulium.data.line import Line
from thulium.ingest.readers import synthetic
from thulium.ingest.readers.synthetic import LINES_PER_PAGE, _page
from thulium.ingest.synthetic import hand as hands
from thulium.ingest.synthetic import text as texts
from thulium.ingest.synthetic.render import draw
from thulium.runtime.documents import defaults
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.spec import LineCounts, SyntheticDataset

ROOT = Path(__file__).parents[3]
COUNTS = {"train": 3000, "val": 200, "test": 300}


def read(*, num_lines: int, seed: int, split: str) -> Iterator[Line]:
    """The first lines of a split."""
    counts = LineCounts(**{name: num_lines if name == split else 0 for name in COUNTS})
    dataset = SyntheticDataset(type="synthetic", lines=counts, seed=seed, text=defaults().dataset.text)
    for unit in synthetic.units(dataset):
        yield from synthetic.read(unit, dataset)


def digest(lines: list[Line]) -> str:
    """One digest over ids, texts, pages, sizes and pixels."""
    total = hashlib.sha256()
    for line in lines:
        image = line.load()
        total.update(repr((line.id, line.text, line.page, line.source, image.size)).encode())
        total.update(image.tobytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return list(read(num_lines=150, seed=1, split="train"))


@pytest.fixture(scope="module")
def written() -> dict[str, list[str]]:
    """The texts of whole splits, without the time it takes to draw them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("thulium.ingest.readers.synthetic.draw", lambda *_: Image.new("L", (1, 1)))
        return {
            split: [line.text for line in read(num_lines=count, seed=1, split=split)] for split, count in COUNTS.items()
        }


def test_another_process_draws_the_same_bytes(lines):
    # Another hash seed, too: nothing may hang on the order of a set.
    code = (
        "from tests.engine.ingest.test_synthetic import digest, read;"
        "print(digest(list(read(num_lines=30, seed=1, split='train'))))"
    )
    here = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=here, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(lines[:30])


def test_asking_for_more_lines_keeps_the_earlier_ones(lines):
    few = list(read(num_lines=LINES_PER_PAGE + 2, seed=1, split="train"))
    assert digest(few) == digest(lines[: LINES_PER_PAGE + 2])


def test_another_seed_or_split_is_another_archive(lines):
    digests = {digest(list(read(num_lines=5, seed=seed, split="train"))) for seed in (2, 3)}
    digests |= {digest(list(read(num_lines=5, seed=1, split=split))) for split in ("val", "test")}
    assert len(digests | {digest(lines[:5])}) == 5


def test_ids_and_pages_are_numbered_through(lines):
    first, later = lines[0], lines[LINES_PER_PAGE]
    assert (first.id, first.page, first.source) == ("train-00000", "train-p000", "synthetic:train:0")
    assert (later.id, later.page) == (f"train-{LINES_PER_PAGE:05d}", "train-p001")
    assert len({line.id for line in lines}) == len(lines)


def test_no_text_is_in_two_splits(written):
    train, val, test = (set(written[split]) for split in ("train", "val", "test"))
    assert not train & val
    assert not train & test
    assert not val & test


def test_a_text_belongs_to_one_split_whatever_the_seed():
    rng = Random(5)
    for split in texts.SHARES:
        text = texts.line(rng, kind="letter", split=split)
        assert [other for other in texts.SHARES if texts.belongs(text, other)] == [split]


def test_writers_of_the_test_split_are_unseen():
    pages = [_page(1, split, page)[1] for split, count in COUNTS.items() for page in range(count // LINES_PER_PAGE)]
    assert len(set(pages)) == len(pages)
    assert {hand.face for hand in pages} == set(hands.FACES)


def test_texts_are_rich_and_short(written):
    found = set(re.findall(r"[^\W\d_]{2,}", " ".join(written["train"])))
    lengths = [len(text) for text in written["train"]]
    assert len(found) >= 400
    assert len(set(written["train"])) >= 0.95 * len(written["train"])
    assert texts.SHORTEST <= min(lengths) <= max(lengths) <= texts.LONGEST
    assert 25 <= np.mean(lengths) <= 33


def test_texts_use_the_whole_alphabet_and_nothing_else(written):
    assert set("".join(written["train"])) == set(texts.ALPHABET)


@pytest.mark.parametrize("face", hands.FACES, ids=lambda face: face.family)
def test_every_symbol_has_a_glyph(face):
    for weight in face.weights:
        pen = hands.font(face, weight, 40)
        assert hands.undrawable(pen, texts.ALPHABET) == ""
        assert hands.undrawable(pen, "a\u4e00b") == "\u4e00"


def test_images_are_grey_lines_of_text_size(lines):
    assert {line.load().mode for line in lines} == {"L"}
    assert all(54 <= line.load().height <= 80 for line in lines)
    assert all(90 <= line.load().width <= 1000 for line in lines)


def test_ink_is_darker_than_paper(lines):
    for line in lines:
        dark, paper = np.percentile(np.asarray(line.load()), (1, 60))
        assert paper - dark > 40, line.id


def test_no_letter_touches_the_edge():
    """Drawn without grain, ruling and shading, all that is left near the edge is paper."""
    rng = Random(11)
    for _ in range(150):
        hand = hands.invent(rng)
        fields = {name: getattr(hand, name) for name in hands.Hand.__slots__}
        plain = hands.Hand(**{**fields, "grain": 0, "shading": 0, "ruled": 0, "bleed": 0, "paper": 255, "ink": 0})
        image = np.asarray(draw(rng.choice(("Äpfel für Jörg", "Évreux, Ägypten (f)", "y. £ 7 & Öl, ç")), plain, rng))
        rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert rim.min() > 200


def test_lines_are_cheap():
    start = time.process_time()
    num_lines = sum(1 for line in read(num_lines=150, seed=4, split="train") if line.load())
    assert num_lines / (time.process_time() - start) > 50  # far below what one core does: only a blunder is slower


def test_a_missing_font_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(hands, "FACES", (hands.Face(family="No Such Hand", joined=False),))
    with pytest.raises(DataError, match=r"No Such Hand.*pip install 'thulium\[training\]'"):
        [line.load() for line in read(num_lines=1, seed=1, split="train")]


def test_a_font_without_a_symbol_is_refused(monkeypatch):
    monkeypatch.setattr(hands, "ALPHABET", "ab\u4e00")
    hands._path.cache_clear()
    with pytest.raises(DataError, match="no glyph for '\u4e00'"):
        hands._path(hands.FACES[2], 400)
    hands._path.cache_clear()


def test_nothing_is_drawn_for_zero_lines():
    assert list(read(num_lines=0, seed=1, split="test")) == []
