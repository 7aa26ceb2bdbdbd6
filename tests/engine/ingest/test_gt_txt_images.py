"""Folders of Calamari and OCRopus, which hold two images of each line."""

from dataclasses import replace

import pytest
from PIL import Image

from thulium.data.line import Fault
from thulium.ingest.readers import gt_txt
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse


@pytest.fixture
def dataset(tmp_path):
    for name in ("0001", "0002"):
        for kind, grey in (("nrm", 200), ("bin", 0)):
            Image.new("L", (40, 20), grey).save(tmp_path / f"{name}.{kind}.png")
        (tmp_path / f"{name}.gt.txt").write_text(f"text of {name}\n", encoding="utf-8")
    return experiment_of(parse(f"dataset: {{type: gt_txt, root: {tmp_path}}}")).dataset


def read(dataset):
    """Texts and the grey of their images; and the faults."""
    found = [item for unit in gt_txt.units(dataset) for item in _of(unit, dataset)]
    lines = [(line.text, line.load().getpixel((0, 0))) for line in found if not isinstance(line, Fault)]
    return lines, [item for item in found if isinstance(item, Fault)]


def _of(unit, dataset):
    return [unit] if isinstance(unit, Fault) else gt_txt.read(unit, dataset)


def test_two_images_of_a_line_are_named_with_what_chooses(dataset):
    lines, faults = read(dataset)
    assert lines == []
    assert {fault.reason for fault in faults} == {"two images for one text"}
    assert all("dataset.exclude: ['*.bin.png']" in str(fault) for fault in faults)


@pytest.mark.parametrize(("pattern", "grey"), [("*.bin.png", 200), ("*.nrm.png", 0)])
def test_what_is_excluded_leaves_the_other(dataset, pattern, grey):
    lines, faults = read(replace(dataset, exclude=(pattern,)))
    assert lines == [("text of 0001", grey), ("text of 0002", grey)]
    assert [str(fault) for fault in faults if fault.is_error] == []
