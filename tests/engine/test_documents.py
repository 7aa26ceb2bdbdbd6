"""The alphabet of a document is that of the lines that prepare keeps, whoever asks for it."""

from __future__ import annotations

import json
from dataclasses import replace

import lab
import lab_data
import pytest

from thulium.data.prepared import open_prepared
from thulium.ingest.texts import training_texts
from thulium.models.wrappers import HTRModel
from thulium.runtime.errors import DataError
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

PAGES = 12


def experiment_with(dataset, preprocessing=""):
    return experiment_of(parse(f"dataset: {{{dataset}}}\npreprocessing: {{height: 24, {preprocessing}}}"))


def prepared_texts(whole, out):
    parts = {"dataset": whole.dataset, "preprocessing": whole.preprocessing}
    prepare(**parts, resources=replace(whole.resources, prepare_workers=1), out=out)
    return list(open_prepared(out).split("train").texts)


@pytest.fixture
def root(tmp_path):
    """Pages with what a document may leave out, each with a character of its own."""
    lab_data.write_pages(tmp_path / "pages", "page", PAGES)
    for page, (old, new) in {
        0: ("den 3. May", "Ω"),
        1: ('points="26,94 360,98 360,144 26,140"', 'points="2,94 418,98 418,144 2,140"'),
        2: ("26,94 360,98 360,144 26,140", "2600,94 3600,98 3600,144 2600,140"),
        3: (lab_data.PAGE_NS, lab_data.PAGE_NS),
    }.items():
        (file,) = (tmp_path / "pages").rglob(f"p{page}.xml")
        lab.edit(file, old, new)
        file.write_text(file.read_text().replace(f"den 3. May {page}", f"den 3. May {page} {chr(0x3B1 + page)}"))
    next((tmp_path / "pages").rglob("p3.png")).write_bytes(b"")
    draft = next((tmp_path / "pages").rglob("p4.xml"))
    draft.with_suffix(".draft.xml").write_text(draft.read_text().replace("two", "ξ"))
    lists = {"train": range(9), "val": [9], "test": [10]}
    for split, pages in lists.items():
        (tmp_path / split).write_text("".join(f"p{page}.xml\n" for page in pages))
    return tmp_path / "pages"


@pytest.mark.parametrize("wide_lines", ["squeeze", "skip"])
@pytest.mark.parametrize("on_unknown", ["drop_line", "error"])
def test_training_texts_are_those_that_prepare_keeps(wide_lines, on_unknown, root, tmp_path):
    names = ", ".join(f"{split}_list: '{tmp_path / split}'" for split in ("train", "val", "test"))
    known = sorted(set("".join(lab_data.PAGE_TEXTS) + "0123456789secondby" + "αβγδεξ"))
    text = f"charset: {json.dumps(known, ensure_ascii=False)}, on_unknown: {on_unknown}"
    whole = experiment_with(
        f"type: page, root: '{root}', {names}, on_error: skip, max_skipped: 1.0, exclude: ['*.draft.xml'], "
        f"region_types: [paragraph], text: {{{text}}}",
        f"max_width: 180, wide_lines: {wide_lines}",
    )
    texts = list(training_texts(whole.dataset, whole.preprocessing))
    assert texts == prepared_texts(whole, tmp_path / "out")
    assert len(texts) < 3 * 9
    assert not {"Ω", "ξ"} & set("".join(texts))


def test_a_model_of_a_document_has_the_alphabet_of_the_prepared_lines(root, tmp_path):
    names = ", ".join(f"{split}_list: '{tmp_path / split}'" for split in ("train", "val", "test"))
    (tmp_path / "train").write_text("".join(f"p{page}\n" for page in (0, 1, 4, 5, 6)))
    dataset = f"dataset: {{type: page, root: '{root}', {names}, exclude: ['*.draft.*'], line_types: [note]}}\n"
    (tmp_path / "document.yaml").write_text(dataset + "preprocessing: {height: 24}\n")
    with pytest.raises(DataError, match=r"p3\.xml: its image"):
        HTRModel.from_config(tmp_path / "document.yaml")
    (root / "doc0" / "p3.xml").unlink()
    model = HTRModel.from_config(tmp_path / "document.yaml")
    whole = experiment_of(parse(dataset + "preprocessing: {height: 24}\n"))
    prepared_texts(whole, tmp_path / "out")
    assert model.charset.symbols == open_prepared(tmp_path / "out").symbols
    assert "J" in model.charset.symbols
    assert "A" not in model.charset.symbols


def test_too_many_faults_are_refused_as_prepare_does(root, tmp_path):
    names = ", ".join(f"{split}_list: '{tmp_path / split}'" for split in ("train", "val", "test"))
    whole = experiment_with(f"type: page, root: '{root}', {names}, on_error: skip, max_skipped: 0.0")
    with pytest.raises(DataError) as expected:
        prepared_texts(whole, tmp_path / "out")
    with pytest.raises(DataError) as found:
        list(training_texts(whole.dataset, whole.preprocessing))
    assert str(found.value) == str(expected.value)
