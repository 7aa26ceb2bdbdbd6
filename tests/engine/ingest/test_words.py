"""Words and letters with their places: in a copy of the page's own file and in a new one."""

from __future__ import annotations

import re
from pathlib import Path

import lab
import lab_data
import lab_polygons
import lab_xsd
import numpy as np
import pytest
from lxml import etree

from thulium.ingest.inputs import Pages, find
from thulium.ingest.readers.xmlfile import PageFault
from thulium.ingest.writing.lines import NewText
from thulium.ingest.writing.pages import NewFile, PageFile, SameFile
from thulium.models.recogniser import Character, Reading
from thulium.runtime.documents import section
from thulium.stages.positions import Level, Positions

SPEC = section("preprocessing", height=24, max_width=120, wide_lines="squeeze")  # lines of pages here are wider
TEXTS = ("Jan & 3e", "x", "שלום (12) abc", "")  # of one line each; a word alone, from the right, and nothing
PAGES = [f"page {year}" for year in ("2010-03-19", "2013-07-15", "2019-07-15")]
ALTOS = ["alto 2", "alto 3", "alto 4"]
NAMESPACES = {
    "alto 2": "http://www.loc.gov/standards/alto/ns-v2#",
    "alto 3": "http://www.loc.gov/standards/alto/ns-v3#",
}


def write_page(root: Path, kind: str) -> Path:
    """A page of a namespace whose lines have no texts, but for empty ones; all ids are there, and one is a word's."""
    name, _, version = kind.partition(" ")
    lab_data.write_pages(root, name, pages=1)
    file = root / "doc0" / "p0.xml"
    text = re.sub(r"<TextEquiv.*?</TextEquiv>|<Word.*?</Word>|<String[^>]*/>", "", file.read_text("utf-8"))
    text = text.replace(lab_data.ALTO_NS, NAMESPACES.get(kind, lab_data.ALTO_NS)).replace('="r3"', '="l0_w1"')
    if name == "page":
        text = text.replace("2019-07-15", version).replace(
            "<Page ",
            "<Metadata><Creator/><Created>2020-01-01T00:00:00</Created>"
            "<LastChange>2020-01-01T00:00:00</LastChange></Metadata><Page ",
        )
        text = text.replace("</TextLine>", "<TextEquiv><Unicode></Unicode></TextEquiv></TextLine>", 1)
        text = re.sub(r"(<TextRegion[^>]*>)", r'\1<Coords points="0,0 400,0 400,300"/>', text)
    space = '<PrintSpace HPOS="0" VPOS="0" WIDTH="420" HEIGHT="300">'
    text = text.replace("<Page WIDTH", '<Page ID="p" PHYSICAL_IMG_NR="1" WIDTH').replace("<PrintSpace>", space)
    if kind == "page 2010-03-19":  # it had an element for each point
        points = re.compile(r'<(Coords|Baseline) points="([^"]*)"/>')
        text = points.sub(lambda found: f"<{found[1]}>{_as_elements(found[2])}</{found[1]}>", text)
    file.write_text(text, encoding="utf-8")
    return root


def _as_elements(points: str) -> str:
    return "".join('<Point x="{}" y="{}"/>'.format(*point.split(",")) for point in points.split())


def reading(text: str, width: int) -> Reading:
    """What a model that writes from the left says of a line, its symbols evenly spread."""
    from thulium.data.bidi import to_visual

    paper = to_visual(text, "visual_rtl")
    step = width / max(1, len(paper))
    places = [(int((x + 0.4) * step), int((x + 0.6) * step)) for x in range(len(paper))]
    return Reading(text, 0.8, tuple(Character(symbol, 0.9, *place) for symbol, place in zip(paper, places)))


def written(root: Path, level: Level, other: str | None = None, texts: tuple[str, ...] = TEXTS) -> bytes:
    """The page below a folder with texts in its lines, in its own format or in the other one."""
    (source,) = find([root], SPEC)
    assert isinstance(source, Pages)
    page = NewFile(source, True, "replace", other) if other else SameFile(source, True, "replace", level == "glyph")
    positions = Positions(level=level, order="visual_rtl", preprocessing=SPEC)
    for line, text in zip(list(page.unread(SPEC)), texts, strict=True):
        name = page.name_of(line.source)
        found = reading(text, line.image.width)
        page.put(name, NewText(text, 0.8, positions.words(found, page.place_of(name))))
    return page.written()


def points_of(element) -> np.ndarray:
    """The outline of an element; its box where it has none."""
    own = element.find("{*}Coords") if element.find("{*}Coords") is not None else element.find("{*}Shape/{*}Polygon")
    if own is None:
        left, top, width, height = (int(element.get(name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
        return np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]])
    numbers = own.get("points") or own.get("POINTS")
    if numbers is None:
        return np.array([[int(point.get("x")), int(point.get("y"))] for point in own])
    return np.array(numbers.replace(",", " ").split(), dtype=int).reshape(-1, 2)


def text_of(element) -> str:
    return element.get("CONTENT") or element.findtext("{*}TextEquiv/{*}Unicode")


def parts_of(element, *names: str):
    return element.findall(f"{{*}}{names[0]}") or (element.findall(f"{{*}}{names[1]}") if names[1:] else [])


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("kind", [*PAGES[1:], "alto 4"])
def test_words_and_letters_are_valid_and_lie_in_their_lines(kind: str, is_new: bool, tmp_path: Path) -> None:
    root = write_page(tmp_path / "pages", kind)
    other = {"page": "ALTO", "alto": "PAGE"}[kind.split()[0]] if is_new else None
    content = written(root, "glyph", other)
    found = etree.fromstring(content)
    lines = found.findall(".//{*}TextLine")
    for line, text in zip(lines, TEXTS, strict=True):
        words = parts_of(line, "Word", "String")
        assert " ".join(text_of(word) or "" for word in words) == text
        for word in words if text else []:
            assert lab_polygons.outside(points_of(word), points_of(line)) <= 1
            letters = parts_of(word, "Glyph")
            assert "".join(map(text_of, letters)) == text_of(word)
            assert all(lab_polygons.outside(points_of(letter), points_of(line)) <= 1 for letter in letters)
            confidence = word.get("WC") or word.find("{*}TextEquiv").get("conf")
            assert confidence == "0.9000"
    ids = [value for element in found.iter() for name, value in element.attrib.items() if name in ("id", "ID")]
    assert len(set(ids)) == len(ids)
    lab_xsd.check(content)


@pytest.mark.parametrize("kind", [*PAGES, *ALTOS])
def test_words_of_a_line_stand_in_the_order_of_the_text(kind: str, tmp_path: Path) -> None:
    """In a line from the right the first word is the rightmost; old versions get what they have a place for."""
    content = written(write_page(tmp_path / "pages", kind), "word")
    lines = etree.fromstring(content).findall(".//{*}TextLine")
    words = [[points_of(word)[:, 0] for word in parts_of(line, "Word", "String")] for line in lines]
    assert [place.mean() for place in words[0]] == sorted(place.mean() for place in words[0])
    assert [place.mean() for place in words[2]] == sorted((place.mean() for place in words[2]), reverse=True)
    assert abs(words[0][-1].max() - points_of(lines[0])[:, 0].max()) <= 3  # squeezed, it still ends where the line does
    (alone,) = words[1]
    whole = points_of(lines[1])[:, 0]
    assert abs(alone.min() - whole.min()) <= 1
    assert abs(alone.max() - whole.max()) <= 1
    has_shape = etree.fromstring(content).find(".//{*}String/{*}Shape") is not None
    assert has_shape == (kind in ("alto 3", "alto 4"))


def test_letters_have_no_place_in_old_alto(tmp_path: Path) -> None:
    with pytest.raises(PageFault, match="before 4, which has no Glyph: choose --positions word, or --format page"):
        written(write_page(tmp_path / "pages", "alto 3"), "glyph")


@pytest.mark.parametrize("kind", ["page 2019-07-15", "alto 4"])
def test_what_is_read_again_is_the_text_and_a_second_time_changes_nothing(kind: str, tmp_path: Path) -> None:
    root = write_page(tmp_path / "pages", kind)
    first = written(root, "glyph")
    (root / "doc0" / "p0.xml").write_bytes(first)
    (source,) = find([root], SPEC)
    assert isinstance(source, Pages)
    read = [line.text for line in PageFile(source, True).unread(SPEC)]
    assert read == list(TEXTS)
    assert written(root, "glyph") == first


def test_marks_stay_with_their_letters_and_two_spaces_are_two(tmp_path: Path) -> None:
    texts = ("e\u0301  b", "", "", "")
    root = write_page(tmp_path / "pages", "alto 4")
    line = etree.fromstring(written(root, "glyph", None, texts)).find(".//{*}TextLine")
    assert [string.get("CONTENT") for string in line.findall("{*}String")] == ["e\u0301", "", "b"]
    assert len(line.findall("{*}SP")) == 2
    first, second = line.findall("{*}String/{*}Glyph")[:2]
    assert (first.get("CONTENT"), second.get("CONTENT")) == ("e", "\u0301")
    assert points_of(first).tolist() == points_of(second).tolist()
    as_page = etree.fromstring(written(root, "glyph", "PAGE", texts))
    assert text_of(as_page.find(".//{*}Glyph")) == "e\u0301"


def test_places_count_in_the_units_of_the_file(tmp_path: Path) -> None:
    root = write_page(tmp_path / "pages", "alto 4")
    file = root / "doc0" / "p0.xml"
    in_pixels = [points_of(word) for word in etree.fromstring(written(root, "word")).iter("{*}String")]
    text = file.read_text("utf-8").replace("pixel", "mm10")

    def doubled(found: re.Match[str]) -> str:
        numbers = re.sub(r"\d+", lambda number: str(2 * int(number[0])), found[2])
        return f'{found[1]}="{numbers}"'

    text = re.sub(r'\b(HPOS|VPOS|WIDTH|HEIGHT|BASELINE|POINTS)="([^"]*)"', doubled, text)
    file.write_text(text, encoding="utf-8")
    found = [points_of(word) for word in etree.fromstring(written(root, "word")).iter("{*}String")]
    for ours, theirs in zip(found[:-1], in_pixels[:-1], strict=True):
        assert np.abs(ours.min(0) - 2 * theirs.min(0)).max() <= 2
        assert np.abs(ours.max(0) - 2 * theirs.max(0)).max() <= 2


def test_words_without_a_text_make_way_for_those_that_were_read(tmp_path: Path) -> None:
    root = write_page(tmp_path / "pages", "page 2019-07-15")
    file = root / "doc0" / "p0.xml"
    text = file.read_text("utf-8").replace(
        "<TextEquiv>", '<Word id="l0_w2"><Coords points="0,0 1,1"/></Word><TextEquiv>'
    )
    file.write_text(text, encoding="utf-8")
    line = etree.fromstring(written(root, "word")).find(".//{*}TextLine")
    assert [word.get("id") for word in line.findall("{*}Word")] == ["l0_w1_2", "l0_w2", "l0_w3"]
    assert [etree.QName(child).localname for child in line] == [
        "Coords",
        "Baseline",
        "Word",
        "Word",
        "Word",
        "TextEquiv",
    ]


REAL = lab.CHECKOUT.parent / "shared" / "data" / "pages-dev"


@pytest.mark.skipif(not REAL.is_dir(), reason="the pages are not here")
def test_parts_of_lines_of_real_pages_lie_in_their_outlines_and_on_the_page() -> None:
    number = 0
    for source in find(sorted(folder for folder in REAL.iterdir()), SPEC):
        if not isinstance(source, Pages) or source.name.startswith("page/"):
            continue
        page = NewFile(source, True, "replace", "PAGE")
        size = page.drawn().image.size
        for name in list(page._numbers)[::8]:
            place, number = page.place_of(name), number + 1
            outline = place.how.to_page(place.how.outline)
            for share in (0, 0.31, 0.62):
                width = place.how.size[0]
                found = np.array(place.corners(share * width, (share + 0.05) * width))
                assert lab_polygons.outside(found, outline) <= 1
                assert found.min() >= 0
                assert np.all(found <= size)
    assert number > 20
