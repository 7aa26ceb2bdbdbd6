"""What a line is read as depends on nothing but the line; and what is no line is refused by its name."""

from __future__ import annotations

import math

import lab_data
import lab_reading
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from thulium.data.images.files import ImageFault
from thulium.decoding import searches
from thulium.models import recogniser as reading
from thulium.models.calibration import Calibration, Curve, LineCurve
from thulium.runtime.documents import section

TEXTS = ("a", "Anno 1742", "den 3. May 1742", "two  hens", "Jan de Wit, his mark", "No. 27", "x" * 60, "item 14 s")
IMAGES = [lab_data.draw_line(text) for text in TEXTS]


@pytest.fixture(scope="module")
def recogniser(experiment):
    return lab_reading.reader(experiment)


@pytest.fixture(scope="module")
def alone(recogniser):
    """What each line is read as by itself."""
    return [recogniser.read([image], in_detail=True)[0] for image in IMAGES]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.integers(0, len(IMAGES) - 1), max_size=20), batch_size=st.integers(1, 9))
def test_neither_the_order_nor_the_batches_matter(recogniser, alone, monkeypatch, order, batch_size):
    with monkeypatch.context() as patch:
        patch.setattr(reading, "BATCH_SIZE", batch_size)
        found = recogniser.read([IMAGES[place] for place in order])
        detailed = recogniser.read([IMAGES[place] for place in order], in_detail=True)
    assert [line.text for line in found] == [alone[place].text for place in order]
    for line, place in zip(detailed, order, strict=True):
        assert line.text == alone[place].text
        assert [(c.symbol, c.start, c.end) for c in line.characters] == [
            (c.symbol, c.start, c.end) for c in alone[place].characters
        ]
        assert line.confidence == pytest.approx(alone[place].confidence, rel=1e-3)


@pytest.mark.parametrize("language", [None, "Anno 1742"])
def test_confidences_and_places_are_of_the_text_that_a_search_found(recogniser, language):
    charset, spec = recogniser.model.charset, section("evaluation", decoding={"type": "beam", "alpha": 3.0}).decoding
    model = language and searches.model_of([language], 3, charset)
    found = reading.Recogniser(recogniser.model, recogniser.device, search=searches.with_model(spec, charset, model))
    lines, texts = found.read(IMAGES, in_detail=True), [line.text for line in found.read(IMAGES)]
    assert [line.text for line in lines] == texts
    assert texts != [line.text for line in recogniser.read(IMAGES)]
    for line in lines:
        assert "".join(c.symbol for c in line.characters).split() == line.text.split()
        assert all(0 < c.confidence <= 1 and c.start < c.end for c in line.characters)
        assert [c.start for c in line.characters] == sorted(c.start for c in line.characters)


def test_a_calibration_changes_confidences_and_no_text(recogniser, alone, monkeypatch):
    calibration = Calibration(characters=Curve(1.0, 5.0), lines=LineCurve(1.0, -5.0))
    monkeypatch.setattr(recogniser.model, "calibration", calibration)
    for line, before in zip(recogniser.read(IMAGES, in_detail=True), alone, strict=True):
        assert line.text == before.text
        assert line.confidence < before.confidence
        assert all(c.confidence > b.confidence for c, b in zip(line.characters, before.characters, strict=True))


@pytest.mark.parametrize("is_search", [False, True])
def test_alternatives_are_other_texts_and_change_none(recogniser, is_search):
    spec = section("evaluation", decoding={"type": "beam", "beam_size": 2}).decoding
    search = searches.with_model(spec, recogniser.model.charset, None) if is_search else None
    found = reading.Recogniser(recogniser.model, recogniser.device, search=search)
    lines = found.read(IMAGES, alternatives=3)
    assert [line.text for line in lines] == [line.text for line in found.read(IMAGES)]
    for line, alone in zip(lines, [found.read([image], alternatives=3)[0] for image in IMAGES], strict=True):
        others = [other.text for other in line.alternatives]
        assert (len(others), len({line.text, *others})) == (3, 4)
        assert others == [other.text for other in alone.alternatives]
        assert all(0 < other.confidence < 1 for other in line.alternatives)


@pytest.mark.parametrize("calibration", [None, Calibration(Curve(1.0, 0.0), LineCurve(1.0, 0.0))])
def test_what_was_computed_as_no_number_is_not_sure_at_all(recogniser, monkeypatch, calibration):
    monkeypatch.setattr(recogniser.model, "calibration", calibration)
    odd = torch.zeros(recogniser.model.charset.num_classes)
    odd[3] = math.nan
    monkeypatch.setattr(recogniser.model.decoder.classify, "forward", lambda frames: odd.expand(*frames.shape[:2], -1))
    line, _ = recogniser.read(IMAGES[:2], in_detail=True)
    assert line.characters
    assert line.confidence == pytest.approx(0.0, abs=1e-2)
    assert all(c.confidence == pytest.approx(0.0, abs=1e-2) for c in line.characters)


def test_the_lines_are_told_apart(alone):
    assert len({line.text for line in alone}) == len(IMAGES)


def test_an_image_may_be_a_path_an_image_of_any_mode_or_an_array(recogniser, tmp_path):
    image = lab_data.draw_line("Anno 1742")
    image.save(tmp_path / "a.png")
    Image.fromarray(np.asarray(image).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    clear = image.convert("LA")
    clear.putalpha(image.point(lambda grey: 255 if grey < 200 else 0))
    same = [image, np.asarray(image), str(tmp_path / "a.png"), tmp_path / "a.png", image.convert("RGB")]
    same += [Image.open(tmp_path / "a.png"), Image.open(tmp_path / "deep.png"), tmp_path / "deep.png"]
    texts = [line.text for line in recogniser.read(same)]
    assert len(set(texts)) == 1
    assert recogniser.read([clear])[0].text == recogniser.read([clear.convert("RGBA")])[0].text


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (np.zeros((20, 50, 3), np.uint8), r"is an array of uint8 with the shape \(20, 50, 3\), and one line is an"),
        (np.zeros((20, 50)), r"is an array of float64 with the shape \(20, 50\)"),
        (np.zeros((0, 50), np.uint8), r"is an array of uint8 with the shape \(0, 50\)"),
        (Image.new("L", (0, 4)), r"has no pixels \(0x4\)"),
        (Image.fromarray(np.full((20, 50), np.nan, np.float32)), "holds values that are no numbers"),
    ],
)
def test_what_is_no_line_is_named_by_its_place(recogniser, wrong, what):
    with pytest.raises(ImageFault, match=f"^image 1 {what}"):
        recogniser.read([IMAGES[0], wrong])


def test_a_file_that_cannot_be_read_is_named(recogniser, tmp_path):
    (tmp_path / "a.png").write_bytes(b"%PDF")
    with pytest.raises(ImageFault, match=r"/a\.png is a PDF, which is not read"):
        recogniser.read([tmp_path / "a.png"])
    with pytest.raises(ImageFault, match=r"^gone\.png does not exist: put it there"):
        recogniser.read(["gone.png"])


def test_a_truncated_image_that_was_opened_is_refused(recogniser, tmp_path):
    content = lab_data.png_of(Image.effect_noise((400, 60), 90))
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageFault, match=r"^image 0 cannot be decoded"):
        recogniser.read([Image.open(tmp_path / "a.png")])


@pytest.mark.parametrize("one", ["line.png", IMAGES[0]])
def test_one_image_is_no_list_of_images(recogniser, one):
    with pytest.raises(TypeError, match="put the one into a list"):
        recogniser.read(one)


def test_no_images_are_no_readings(recogniser):
    assert recogniser.read([]) == []
