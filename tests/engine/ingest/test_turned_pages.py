"""Lines of regions that lie turned on their page: they are cut the right way up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from thulium.data.line import Line
from thulium.ingest import cutting
from thulium.ingest.readers import alto, page
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

PAGE_NS = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
ALTO_NS = "http://www.loc.gov/standards/alto/ns-v4#"
SIZE = (640, 480)
TEXTS = ("Anno 1742", "den 3. May", "two hens", "Jan de Wit", "Paris, le 14", "no more")
# Which lines have an outline and which a baseline.
DRAWN = {"both": (True, True), "outline": (True, False), "baseline": (False, True)}


def draw() -> Image.Image:
    image = Image.new("L", SIZE, 225)
    for number, text in enumerate(TEXTS):
        ImageDraw.Draw(image).text((150, 80 + 55 * number), text, fill=25, font_size=34)
    return image


def outline(number: int) -> np.ndarray:
    top = 78 + 55 * number
    return np.array([(140, top), (460, top), (460, top + 46), (140, top + 46)], dtype=float)


def baseline(number: int) -> np.ndarray:
    return np.array([(145, 114 + 55 * number), (300, 114 + 55 * number), (450, 114 + 55 * number)], dtype=float)


def turned(points: np.ndarray, turn: float, size: tuple[int, int]) -> np.ndarray:
    """Where points lie after the page was turned anticlockwise, so that it has to be turned back clockwise."""
    angle = np.deg2rad(turn)
    x, y = (points - np.array(SIZE) / 2).T
    moved = np.stack([x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)], axis=1)
    return moved + np.array(size) / 2


def numbers(points: np.ndarray) -> str:
    return " ".join(f"{x:.3f},{y:.3f}" for x, y in points)


def page_xml(size, region: str, lines: list[tuple[str, str]], around: str = "", of_page: str = "", of_line="") -> str:
    written = "".join(
        f'<TextLine id="l{number}"{of_line}>'
        + (f'<Coords points="{polygon}"/>' if polygon else "")
        + (f'<Baseline points="{base}"/>' if base else "")
        + f"<TextEquiv><Unicode>{TEXTS[number]}</Unicode></TextEquiv></TextLine>"
        for number, (polygon, base) in enumerate(lines)
    )
    return (
        f'<PcGts xmlns="{PAGE_NS}"><Page imageFilename="p.png" imageWidth="{size[0]}" imageHeight="{size[1]}"{of_page}>'
        f"<TextRegion{around}><TextRegion{region}>{written}</TextRegion></TextRegion></Page></PcGts>"
    )


def alto_xml(size, region: str, lines: list[tuple[str, str]], around: str = "", of_page: str = "", of_line="") -> str:
    written = "".join(
        f'<TextLine ID="l{number}"{of_line}'
        + (f' BASELINE="{base}"' if base else "")
        + (f'><Shape><Polygon POINTS="{polygon}"/></Shape>' if polygon else ">")
        + f'<String CONTENT="{TEXTS[number]}"/></TextLine>'
        for number, (polygon, base) in enumerate(lines)
    )
    return (
        f'<alto xmlns="{ALTO_NS}"><Description><sourceImageInformation><fileName>p.png</fileName>'
        f'</sourceImageInformation></Description><Layout><Page WIDTH="{size[0]}" HEIGHT="{size[1]}"{of_page}>'
        f"<PrintSpace><ComposedBlock{around}><TextBlock{region}>{written}</TextBlock></ComposedBlock></PrintSpace>"
        "</Page></Layout></alto>"
    )


def read(root, kind, xml, image, straighten=True):
    root.mkdir(exist_ok=True)
    image.save(root / "p.png")
    (root / "p.xml").write_text(xml, encoding="utf-8")
    reader = {"page": page, "alto": alto}[kind]
    dataset = replace(experiment_of(parse(f"dataset: {{type: {kind}, root: '{root}'}}")).dataset, straighten=straighten)
    found = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset)]
    assert all(isinstance(item, Line) for item in found), found
    return found


def cuts(lines):
    return [np.asarray(line.load()).astype(int) for line in lines]


def assert_alike(first, second, most: float, away: int = 0) -> None:
    """Images are the same but for a pixel of shift and for what bilinear turning does to edges."""
    assert len(first) == len(second)
    for one, other in zip(first, second):
        assert np.abs(np.subtract(one.shape, other.shape)).max() <= away
        height, width = (min(extents) for extents in zip(one.shape, other.shape))
        best = min(
            np.abs(
                one[down : down + height - 2, right : right + width - 2] - other[1 : height - 1, 1 : width - 1]
            ).mean()
            for down in range(min(3, one.shape[0] - height + 3))
            for right in range(min(3, one.shape[1] - width + 3))
        )
        assert best <= most


def turned_page(turn):
    image = draw().rotate(turn, expand=True, fillcolor=225, resample=Image.Resampling.BICUBIC)
    return image, lambda points: turned(points, turn, image.size)


@pytest.mark.parametrize("kind", ["page", "alto"])
@pytest.mark.parametrize("drawn", DRAWN)
@pytest.mark.parametrize("turn", [180, 90, -90, 3, 181.5])
def test_lines_of_a_turned_region_equal_those_of_the_upright_page(tmp_path, kind, drawn, turn):
    write = {"page": page_xml, "alto": alto_xml}[kind]
    has_outline, has_baseline = DRAWN[drawn]

    def lines(move, backwards=False):
        return [
            (
                numbers(move(outline(number))) if has_outline else "",
                numbers(move(baseline(number))[:: -1 if backwards else 1]) if has_baseline else "",
            )
            for number in range(len(TEXTS))
        ]

    name = {"page": "orientation", "alto": "ROTATION"}[kind]
    upright = cuts(read(tmp_path / "upright", kind, write(SIZE, "", lines(lambda points: points)), draw()))
    image, move = turned_page(turn)
    most, away = (0, 0) if turn in (180, 90, -90) else (6.0, 3)
    for backwards in (False, True):  # a baseline that was drawn the other way round
        xml = write(image.size, f' {name}="{turn}"', lines(move, backwards))
        found = read(tmp_path / f"turned{backwards}", kind, xml, image)
        assert_alike(cuts(found), upright, most + 0.5, away)
        assert {line.remarks for line in found} == {("turned",) if abs(turn) > 45 else ()}


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_without_the_orientation_they_would_not_equal(tmp_path, kind):
    write = {"page": page_xml, "alto": alto_xml}[kind]
    image, move = turned_page(180)
    both = [(numbers(move(outline(number))), numbers(move(baseline(number)))) for number in range(len(TEXTS))]
    upright = [(numbers(outline(number)), numbers(baseline(number))) for number in range(len(TEXTS))]
    first = cuts(read(tmp_path / "upright", kind, write(SIZE, "", upright), draw()))
    second = cuts(read(tmp_path / "turned", kind, write(image.size, "", both), image))
    assert min(np.abs(one - other).mean() for one, other in zip(first, second)) > 10


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("page", {"of_page": ' orientation="180"'}),
        ("page", {"around": ' orientation="180"'}),
        ("page", {"around": ' orientation="90"', "region": ' orientation="180"'}),
        ("page", {"of_page": ' orientation="1.5"', "around": ' orientation="180"'}),
        ("page", {"region": ' orientation="90" readingOrientation="90"'}),
        ("page", {"region": ' readingOrientation="180"'}),
        ("page", {"region": ' orientation="-180.0"'}),
        ("page", {"region": ' orientation="90"', "of_line": ' orientation="90"'}),
        ("alto", {"of_page": ' ROTATION="180"'}),
        ("alto", {"around": ' ROTATION="180"'}),
        ("alto", {"around": ' ROTATION="90"', "region": ' ROTATION="180"'}),
        ("alto", {"region": ' ROTATION="-180"'}),
    ],
)
def test_the_orientation_nearest_to_a_line_counts_wherever_it_stands(tmp_path, kind, attributes):
    write = {"page": page_xml, "alto": alto_xml}[kind]
    upright = [(numbers(outline(number)), numbers(baseline(number))) for number in range(len(TEXTS))]
    first = cuts(read(tmp_path / "upright", kind, write(SIZE, "", upright), draw()))
    image, move = turned_page(180)
    both = [(numbers(move(outline(number))), numbers(move(baseline(number)))) for number in range(len(TEXTS))]
    xml = write(image.size, attributes.pop("region", ""), both, **attributes)
    assert_alike(cuts(read(tmp_path / "turned", kind, xml, image)), first, 0.5)


@pytest.mark.parametrize("turn", [180, 90, -90])
def test_without_straightening_lines_are_turned_by_quarters_all_the_same(tmp_path, turn):
    upright = [(numbers(outline(number)), "") for number in range(len(TEXTS))]
    first = cuts(read(tmp_path / "upright", "page", page_xml(SIZE, "", upright), draw()))
    image, move = turned_page(turn)
    lines = [(numbers(move(outline(number))), "") for number in range(len(TEXTS))]
    xml = page_xml(image.size, f' orientation="{turn + 4}"', lines)
    assert_alike(cuts(read(tmp_path / "turned", "page", xml, image, straighten=False)), first, 0.5)


def test_an_orientation_that_the_baseline_contradicts_is_not_followed_and_named(tmp_path):
    lines = [(numbers(outline(number)), numbers(baseline(number))) for number in range(len(TEXTS))]
    first = cuts(read(tmp_path / "upright", "page", page_xml(SIZE, "", lines), draw()))
    found = read(tmp_path / "against", "page", page_xml(SIZE, ' orientation="90"', lines), draw())
    assert_alike(cuts(found), first, 0)
    assert {line.remarks for line in found} == {("orientation against the baseline",)}


@pytest.mark.parametrize("value", ["ninety", "nan", "inf", "90°"])
@pytest.mark.parametrize(("kind", "name"), [("page", "orientation"), ("alto", "ROTATION")])
def test_an_orientation_that_is_no_number_is_a_fault_of_each_line(tmp_path, kind, name, value):
    write = {"page": page_xml, "alto": alto_xml}[kind]
    lines = [(numbers(outline(number)), "") for number in range(len(TEXTS))]
    draw().save(tmp_path / "p.png")
    (tmp_path / "p.xml").write_text(write(SIZE, f' {name}="{value}"', lines), encoding="utf-8")
    reader = {"page": page, "alto": alto}[kind]
    dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{tmp_path}'}}")).dataset
    faults = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset)]
    assert {(fault.reason, fault.is_error, fault.is_page) for fault in faults} == {
        ("malformed orientation", True, False)
    }
    assert len(faults) == len(TEXTS)
    assert repr(value) in faults[0].what


def test_a_plan_of_a_quarter_turn_is_exact():
    image = Image.effect_noise((90, 60), 70)
    outline = np.array([(10, 5), (80, 5), (80, 45), (10, 45)], dtype=float)
    none = np.zeros((0, 2))
    for turn, back in (
        (90, Image.Transpose.ROTATE_270),
        (180, Image.Transpose.ROTATE_180),
        (-90, Image.Transpose.ROTATE_90),
    ):
        found = cutting.cut(image, cutting.plan(outline, none, image.size, straighten=True, turn=turn))
        expected = image.crop((8, 3, 82, 47)).transpose(back)
        inner = (slice(cutting.MARGIN, -cutting.MARGIN),) * 2
        assert np.array_equal(np.asarray(found)[inner], np.asarray(expected)[inner])
