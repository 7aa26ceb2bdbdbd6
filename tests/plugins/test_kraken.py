"""The plug-in in the real kraken: it reads what ``thulium predict`` reads, and keeps kraken's own formats whole.

``make test-kraken`` runs these; the environment of the other tests has no kraken, and there they are skipped.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lab
import lab_data
import pytest

pytest.importorskip("kraken.containers", reason="kraken is not installed: make test-kraken runs these tests")

import lab_reading
from lxml import etree
from PIL import Image

from thulium.data.bidi import to_visual
from thulium.models.code_points import code_points
from thulium.models.file import save_model
from thulium.models.recogniser import Character, Reading, Recogniser
from thulium.plugins import kraken as plugin
from thulium_dsl.grammar.validate import load

PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "params.yaml").write_text(lab.DOCUMENT.replace("height: 32", "height: 24"))
    save_model(lab_reading.reader(load(folder / "params.yaml").experiment).model, folder / "best.safetensors")
    return folder / "best.safetensors"


@pytest.fixture(params=["page", "alto"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    lab_data.write_pages(tmp_path / "pages", request.param, pages=1)
    return next((tmp_path / "pages").rglob("*.xml"))


def kraken(*words: object) -> str:
    done = subprocess.run([PROGRAMS / "kraken", "-r", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def predicted(model: Path, *inputs: object) -> list[str]:
    words = [PROGRAMS / "thulium", "predict", model, *inputs, "--format", "txt"]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=True)
    return [row.split("\t")[-1] for row in done.stdout.splitlines()]


def test_lines_of_a_page_are_read_as_predict_reads_them(model: Path, page: Path, tmp_path: Path) -> None:
    kraken("-f", "xml", "-i", page, tmp_path / "out.txt", "ocr", "-m", model)
    found = (tmp_path / "out.txt").read_text().splitlines()
    assert found == predicted(model, page)
    assert len(set(found)) == len(found) == len(lab_data.PAGE_TEXTS)


def test_what_is_read_goes_into_the_formats_of_kraken(model: Path, page: Path, tmp_path: Path) -> None:
    for flag, text in (("-a", "String"), ("-x", "Unicode"), ("-h", "span")):
        kraken(flag, "-f", "xml", "-i", page, tmp_path / "out.xml", "ocr", "-m", model)
        root = etree.parse(tmp_path / "out.xml", etree.HTMLParser() if flag == "-h" else None).getroot()
        assert root.findall(f".//{{*}}{text}")
    kraken("-a", "-f", "xml", "-i", page, tmp_path / "out.xml", "ocr", "-m", model)
    lines = etree.parse(tmp_path / "out.xml").getroot().findall(".//{*}TextLine")
    read = [" ".join(word.get("CONTENT") for word in line.findall("{*}String")) for line in lines]
    assert [text.split() for text in read] == [text.split() for text in predicted(model, page)]
    for line in lines:  # characters stand in their line, from left to right
        places = [int(glyph.get("HPOS")) for glyph in line.iter("{*}Glyph")]
        assert places == sorted(places)
        assert places[0] >= lab_data.LEFT - 8
        assert places[-1] <= lab_data.LEFT + 334
        assert all(0 < float(glyph.get("GC")) <= 1 for glyph in line.iter("{*}Glyph"))


def test_lines_that_kraken_finds_are_read(model: Path, page: Path, tmp_path: Path) -> None:
    image = next(page.parent.glob("*.png"))
    kraken("-i", image, tmp_path / "out.txt", "segment", "-bl", "ocr", "-m", model)
    assert any((tmp_path / "out.txt").read_text().splitlines())


def test_an_image_that_is_one_line_is_read_whole(model: Path, tmp_path: Path) -> None:
    lab_data.draw_line("Anno 1742").save(tmp_path / "a.png")
    kraken("-i", tmp_path / "a.png", tmp_path / "out.txt", "ocr", "-s", "-m", model)
    assert (tmp_path / "out.txt").read_text().splitlines() == predicted(model, tmp_path / "a.png")


def test_a_line_off_its_page_is_named_and_empty(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    from kraken.configs import RecognitionInferenceConfig
    from kraken.containers import BaselineLine, Segmentation
    from kraken.tasks import RecognitionTaskModel

    lines = [
        BaselineLine(id="off", baseline=[(900, 40), (990, 40)], boundary=[(900, 10), (990, 10), (990, 50), (900, 50)]),
        BaselineLine(id="on", baseline=[(10, 40), (190, 40)], boundary=[(10, 10), (190, 10), (190, 50), (10, 50)]),
    ]
    segmentation = Segmentation("baselines", "p.png", "horizontal-lr", False, lines=lines)
    task = RecognitionTaskModel.load_model(model)
    records = list(task.predict(Image.new("L", (200, 60), 200), segmentation, RecognitionInferenceConfig()))
    assert [record.id for record in records] == ["off", "on"]
    assert records[0].prediction == ""
    assert "line off was not read: it lies at x 900 to 990" in caplog.text


@pytest.mark.parametrize("text", ["abc 12", "שלום (12) abc", "abc שלום 3", "אבג"])
def test_each_code_point_has_the_place_where_it_was_seen(text: str) -> None:
    paper = to_visual(text, "visual_rtl")
    seen = tuple(Character(symbol, 0.5 + x / 100, x, x + 1) for x, symbol in enumerate(paper))
    found = code_points(Reading(text, 0.5, seen), "visual_rtl")
    assert len(found) == len(text)
    assert sorted(each.start for each in found) == list(range(len(text)))
    mirrored = str.maketrans("()", ")(")
    assert all(paper[int(each.start)] in (symbol, symbol.translate(mirrored)) for symbol, each in zip(text, found))


def test_what_the_text_rules_change_keeps_its_place() -> None:
    seen = tuple(Character(symbol, 0.9, x, x + 1) for x, symbol in enumerate("a ſ  b"))
    found = code_points(Reading("a s b", 0.9, seen), "logical")
    assert [each.start for each in found] == [0, 1, 2, 4, 5]


def test_the_paper_behind_a_short_line_is_no_part_of_it(model: Path) -> None:
    from kraken.containers import BBoxLine

    spot = plugin.Spot(BBoxLine(id="l", bbox=(0, 0, 12, 48)), Image.new("L", (12, 48), 200), None)
    found = plugin.ThuliumModel(Recogniser.load(model))._line(spot, 0)
    assert found.image.width > spot.width == 6
    assert spot._on_page(3)[0] == 6
    assert spot._on_page(found.image.width)[0] == 12


def test_a_file_that_is_no_model_of_ours_is_left_to_the_other_loaders(model: Path, tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"x\.safetensors"):
        plugin.load(tmp_path / "x.safetensors")
    assert plugin.load(model, tasks=["segmentation"]) == []
    assert isinstance(Recogniser.load(model), Recogniser)
