"""Which outline a line is cut along, judged from all lines of its page."""

from __future__ import annotations

import lab
import numpy as np
import pytest
from PIL import Image, ImageDraw

from thulium.data.line import Line
from thulium.ingest import cutting, outlines
from thulium.ingest.cutting import CutFault
from thulium.ingest.outlines import Drawn, Outlines
from thulium.ingest.readers import alto, page
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

SIZE = (800, 1000)
NONE = np.zeros((0, 2))


def points(*numbers):
    return np.array(numbers, dtype=float).reshape(-1, 2)


def box(left, top, right, bottom):
    return points(left, top, right, top, right, bottom, left, bottom)


def line(y, above=40, below=15, left=100, right=700, **more):
    """A level line: its outline reaches so far above and below its baseline."""
    shape = box(left - 10, y - above, right + 10, y + below)
    return Drawn(**{"outline": shape, "baseline": points(left, y, right, y), **more})


def bare(y, left=100, right=700):
    return Drawn(outline=NONE, baseline=points(left, y, right, y))


def page_of(*lines):
    """A page with ten good lines, 60 pixels apart, and others."""
    return Outlines([*(line(y) for y in range(100, 700, 60)), *lines], SIZE)


def extent(shape):
    return [round(value) for value in (*shape.min(axis=0), *shape.max(axis=0))]


def outcome(other, *beside):
    shape, remarks = page_of(*beside, other).of(other)
    return extent(shape), remarks


# Of bare baselines


def test_a_band_stands_round_a_bare_baseline():
    lines = [bare(y, 20, 200) for y in (100, 150, 200)] + [bare(120, 210, 390)]
    found = Outlines(lines, (400, 300))
    assert found.distance == 50
    for drawn in (lines[0], Drawn(outline=NONE, baseline=lines[0].baseline[::-1])):
        shape, remarks = found.of(drawn)
        assert extent(shape) == [20, 100 - 50 * outlines.ABOVE, 200, 100 + 50 * outlines.BELOW]
        assert remarks == ()


def test_a_page_with_enough_outlines_says_how_high_a_band_is():
    assert outcome(bare(800)) == ([100, 760, 700, 815], ())


def test_the_distance_of_a_single_line_is_guessed_from_the_page():
    assert Outlines([bare(100)], (400, 300)).distance == 300 / outlines.LINES_A_PAGE
    assert Outlines([], (400, 300)).distance == 300 / outlines.LINES_A_PAGE
    sideways = Drawn(outline=NONE, baseline=points(100, 200, 100, 50), turn=90)
    assert Outlines([sideways], (400, 300)).distance == pytest.approx(400 / outlines.LINES_A_PAGE)


def test_the_distance_of_sloping_lines_is_that_beside_each_other():
    lines = [Drawn(outline=NONE, baseline=points(100, y, 700, y + 60)) for y in (100, 160, 220)]
    short = Drawn(outline=NONE, baseline=points(100, 280, 200, 290))
    assert Outlines([*lines, short], SIZE).distance == pytest.approx(60, abs=1)


def test_the_distance_of_lines_that_run_up_an_upright_page_is_that_beside_each_other():
    upwards = [Drawn(outline=NONE, baseline=points(x, 700, x + 2, 300)) for x in (100, 140, 180)]
    found = Outlines([*upwards, bare(50), bare(150)], SIZE)
    assert found.distance == pytest.approx(40, abs=1)
    shape, _ = found.of(upwards[1])
    assert extent(shape)[::2] == [pytest.approx(140 - 40 * outlines.ABOVE, abs=3), pytest.approx(140 + 18, abs=3)]


def test_the_box_of_a_baseline_is_no_outline():
    assert outcome(Drawn(outline=box(100, 800, 700, 800), baseline=points(100, 800, 700, 800)))[0][1] == 760


def test_a_line_with_nothing_is_refused():
    with pytest.raises(CutFault, match="neither a polygon nor a baseline"):
        outcome(Drawn(outline=NONE, baseline=NONE))


# Of outlines that lie off their baseline


@pytest.mark.parametrize(
    "shape",
    [
        box(90, 700, 710, 755),  # the line above
        box(90, 840, 710, 900),  # the line below
        points(90, 720, 710, 720, 710, 721),  # a sliver above the letters
        box(90, 760, 350, 815),  # less than half of the line
        box(90, -500, 710, -400),  # outside the page
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_where_outline_and_baseline_disagree_the_baseline_is_believed_and_the_line_named(shape, backwards):
    baseline = points(100, 800, 400, 803, 700, 800)[:: -1 if backwards else 1]
    (left, top, right, bottom), remarks = outcome(Drawn(outline=shape, baseline=baseline))
    assert remarks == ("outline off the baseline",)
    assert (left, right) == (100, 700)
    assert (top, bottom) == (760, 818)


def test_a_baseline_just_below_its_outline_is_on_it():
    assert outcome(line(800, above=40, below=-5)) == ([90, 760, 710, 795], ())


def test_a_baseline_of_a_few_pixels_is_not_believed():
    short = Drawn(outline=box(90, 760, 710, 815), baseline=points(400, 900, 410, 900))
    assert outcome(short) == ([90, 760, 710, 815], ("outline off the baseline",))
    point = Drawn(outline=box(90, 760, 710, 815), baseline=points(400, 900, 400, 900))
    assert outcome(point) == ([90, 760, 710, 815], ())


def wave(y, height=40.0, periods=1.0):
    x = np.arange(100, 701, 20)
    return np.stack([x, y + height * np.sin((x - 100) / 600 * 2 * np.pi * periods)], axis=1)


def round_it(baseline, above=40, below=15):
    return np.concatenate([baseline - np.array([0, above]), (baseline + np.array([0, below]))[::-1]])


# A baseline, and where its outline runs.
LEVEL = points(100, 800, 700, 800)
SHAPES = {
    "curved": (wave(800), wave(800)),
    "bent": (wave(800, 60, 0.5), wave(800, 60, 0.5)),
    "slanted": (points(100, 750, 700, 900), points(100, 750, 700, 900)),
    "steep": (points(100, 500, 500, 900), points(100, 500, 500, 900)),
    "three points": (points(100, 800, 150, 790, 700, 800), LEVEL),
    "longer": (points(20, 800, 780, 800), LEVEL),
    "shorter": (points(300, 800, 500, 800), LEVEL),
    "below the letters": (LEVEL + np.array([0, 20]), LEVEL),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("turn", [0, 90, -90, 180, 20])
@pytest.mark.parametrize("backwards", [False, True])
def test_there_is_no_false_alarm(shape, turn, backwards):
    """Lines that are bent, slanted, drawn backwards, or turned with their whole region."""
    angle = np.deg2rad(turn)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    baseline, middle = SHAPES[shape]
    drawn = [line(y) for y in range(100, 700, 60)]
    drawn.append(Drawn(outline=round_it(middle), baseline=baseline))
    moved = [
        Drawn(
            outline=(one.outline - 500) @ turned + 500,
            baseline=((one.baseline - 500) @ turned + 500)[:: -1 if backwards else 1],
            turn=turn,
        )
        for one in drawn
    ]
    found = Outlines(moved, (1000, 1000))
    assert {found.of(one)[1] for one in moved} == {()}
    assert all(found.of(one)[0] is one.outline for one in moved)
    assert found.distance == pytest.approx(60, abs=1)
    assert found.reach == pytest.approx((40, 15), abs=2)


PAGES = lab.CHECKOUT.parent / "shared" / "data" / "pages-dev"
FOLDERS = [("bronod-page+alto", "page", 79), ("bronod-page+alto", "alto", 79), ("timeus-page+alto", "page", 151)]
FOLDERS += [("timeus-page+alto", "alto", 151), ("peraire-alto", "alto", 216)]


@pytest.mark.skipif(not PAGES.is_dir(), reason="the page images to develop with are not here")
@pytest.mark.parametrize(("folder", "kind", "number"), FOLDERS)
def test_there_is_no_false_alarm_on_real_pages(folder, kind, number):
    dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{PAGES / folder}'}}")).dataset
    reader = {"page": page, "alto": alto}[kind]
    lines = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset) if isinstance(item, Line)]
    assert len(lines) == number
    assert [found.source for found in lines if found.remarks] == []


# Of thin outlines


def test_a_thin_outline_becomes_a_band_as_high_as_the_others():
    assert outcome(line(800, above=12, below=4)) == ([90, 760, 710, 815], ("thin outline",))


def test_a_thin_outline_with_a_spike_is_thin():
    shape = points(90, 788, 390, 788, 400, 740, 410, 788, 710, 788, 710, 804, 90, 804)
    (_, top, _, bottom), remarks = outcome(Drawn(outline=shape, baseline=points(100, 800, 700, 800)))
    assert remarks == ("thin outline",)
    assert (top, bottom) == (760, 815)


@pytest.mark.parametrize("slope", [0.0, 0.2, -0.5])
def test_thickness_is_measured_across_the_writing(slope):
    """A slanted line has a high box, however thin it is; and a thick one is not thin because it slants."""
    baseline = points(100, 800, 700, 800 + 600 * slope)
    down = np.array([-slope, 1]) / np.hypot(slope, 1)
    for above, below, expected in ((12, 4, ("thin outline",)), (40, 15, ())):
        shape = np.concatenate([baseline - above * down, (baseline + below * down)[::-1]])
        assert page_of().of(Drawn(outline=shape, baseline=baseline))[1] == expected


def test_an_outline_without_area_becomes_a_band():
    for shape in (points(90, 795, 710, 795), points(90, 795, 710, 795, 400, 795), points(400, 800, 400, 800)):
        (left, top, right, bottom), remarks = outcome(Drawn(outline=shape, baseline=points(100, 800, 700, 800)))
        assert (top, bottom, left <= 100, right >= 700) == (760, 815, True, True)
        assert remarks in (("thin outline",), ("outline off the baseline",))


def test_an_insertion_does_not_swallow_the_lines_beside_it():
    """Its letters are small on purpose: it lies halfway between two lines."""
    insertion = line(370, above=14, below=3, left=300, right=450)
    (left, top, right, bottom), remarks = outcome(insertion)
    assert remarks == ("thin outline",)
    assert (left, right) == (290, 460)
    assert 340 < top <= 356  # the baseline above is at 340
    assert 373 <= bottom < 385  # letters of the line below reach from about 370 to 400


def test_bands_of_bare_insertions_leave_room_as_well():
    insertion = Drawn(outline=NONE, baseline=points(300, 370, 450, 370))
    (_, top, _, bottom), remarks = outcome(insertion)
    assert remarks == ()
    assert 340 < top < 360
    assert bottom < 385


def test_a_thin_box_without_a_baseline_is_named_and_cut_as_it_is():
    thin = Drawn(outline=box(90, 790, 710, 802), baseline=NONE)
    assert outcome(thin) == ([90, 790, 710, 802], ("thin outline",))
    assert outcome(Drawn(outline=box(90, 760, 710, 815), baseline=NONE))[1] == ()


def test_few_lines_say_nothing_about_what_is_usual():
    few = [line(100), line(200), line(300, above=8, below=3)]
    assert Outlines(few, SIZE).of(few[2]) == (few[2].outline, ())


def test_an_outline_over_other_lines_becomes_a_band():
    region = Drawn(outline=box(90, 60, 710, 660), baseline=points(100, 220, 700, 220))
    assert outcome(region) == ([100, 180, 700, 235], ("outline over other lines",))


def test_a_page_whose_lines_all_have_the_outline_of_their_region_gets_bands():
    drawn = [Drawn(outline=box(90, 40, 710, 700), baseline=points(100, y, 700, y)) for y in range(100, 700, 60)]
    found = Outlines(drawn, SIZE)
    shape, remarks = found.of(drawn[2])
    assert remarks == ("outline over other lines",)
    assert extent(shape) == [100, 220 - 60 * outlines.ABOVE, 700, 220 + 60 * outlines.BELOW]


def test_a_high_outline_over_nothing_else_stays():
    numeral = Drawn(outline=box(300, 760, 360, 960), baseline=points(305, 800, 355, 800))
    assert outcome(numeral) == ([300, 760, 360, 960], ())


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_drawn_gives_an_outline(seed):
    rng = np.random.default_rng(seed)
    drawn = [
        Drawn(
            outline=rng.normal(400, 10 ** rng.uniform(0, 5), (rng.integers(0, 9), 2)),
            baseline=rng.normal(400, 10 ** rng.uniform(0, 5), (rng.integers(0, 6), 2)),
            turn=float(rng.choice([0, 0, 90, 180, 3])),
        )
        for _ in range(20)
    ]
    found = Outlines(drawn, SIZE)
    for one in drawn:
        try:
            shape, _ = found.of(one)
            cutting.plan(shape, one.baseline, SIZE, straighten=True, turn=one.turn)
        except CutFault:
            continue
        assert np.isfinite(shape).all()


# From the file to the picture


def draw():
    image = Image.new("L", SIZE, 230)
    for number in range(10):
        ImageDraw.Draw(image).text((100, 70 + 60 * number), f"line number {number}", fill=20, font_size=40)
    return image


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_a_line_whose_outline_is_that_of_the_line_above_shows_its_own_text(tmp_path, kind):
    draw().save(tmp_path / "p.png")
    tops = [60, *range(60, 600, 60)]  # each but the first is the line above's
    corners = [f"90,{top} 710,{top} 710,{top + 55} 90,{top + 55}" for top in tops]
    bases = [f"100,{104 + 60 * number} 700,{104 + 60 * number}" for number in range(10)]
    if kind == "page":
        namespace = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"
        written = "".join(
            f'<TextLine id="l{number}"><Coords points="{corner}"/><Baseline points="{base}"/>'
            f"<TextEquiv><Unicode>{number}</Unicode></TextEquiv></TextLine>"
            for number, (corner, base) in enumerate(zip(corners, bases))
        )
        xml = (
            f'<PcGts xmlns="{namespace}"><Page imageFilename="p.png"><TextRegion>{written}</TextRegion></Page></PcGts>'
        )
    else:
        written = "".join(
            f'<TextLine ID="l{number}" BASELINE="{base}"><Shape><Polygon POINTS="{corner}"/></Shape>'
            f'<String CONTENT="{number}"/></TextLine>'
            for number, (corner, base) in enumerate(zip(corners, bases))
        )
        xml = f"<alto><Layout><Page><PrintSpace><TextBlock>{written}</TextBlock></PrintSpace></Page></Layout></alto>"
    (tmp_path / "p.xml").write_text(xml)
    dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{tmp_path}'}}")).dataset
    reader = {"page": page, "alto": alto}[kind]
    found = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset)]
    assert [item.remarks for item in found] == [(), *[("outline off the baseline",)] * 9]
    whole = np.asarray(draw())
    for number, item in enumerate(found):
        ink = (np.asarray(item.load()) < 128).sum()
        top = 104 + 60 * number - 40
        assert ink == pytest.approx((whole[top : top + 55] < 128).sum(), rel=0.02)
