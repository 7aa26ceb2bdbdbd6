"""Lines cut out of a page: along their outline, made level along their baseline."""

import lab_polygons
import numpy as np
import pytest
from PIL import Image, ImageDraw

from thulium.ingest import cutting
from thulium.ingest.cutting import CutFault, cut, plan

NONE = np.zeros((0, 2))


@pytest.fixture(autouse=True)
def no_margin(monkeypatch):
    """Sizes are then those of the outline."""
    monkeypatch.setattr(cutting, "MARGIN", 0)


PAPER, INK = 200, 20


def points(*numbers):
    return np.array(numbers, dtype=float).reshape(-1, 2)


def box(left, top, right, bottom):
    return points(left, top, right, top, right, bottom, left, bottom)


def page_with(*strokes, size=(400, 300), width=3):
    """A page with some lines of ink, each as the points that it joins."""
    page = Image.new("L", size, PAPER)
    for stroke in strokes:
        ImageDraw.Draw(page).line(stroke, fill=INK, width=width)
    return page


def ink_rows(image):
    """The lowest and the highest row with ink, for the columns that have any."""
    ink = np.asarray(image) < (PAPER + INK) // 2
    columns = ink[:, ink.any(axis=0)]
    return int(columns.argmax(axis=0).min()), int(len(ink) - 1 - columns[::-1].argmax(axis=0).min())


def line_of(page, outline, baseline=NONE, straighten=True):
    return cut(page, plan(outline, baseline, page.size, straighten=straighten))


def test_a_level_line_is_cut_to_the_pixel():
    page = Image.effect_noise((200, 100), 60)
    image = line_of(page, box(20, 30, 120, 60), points(20, 50, 120, 50))
    assert image.size == (100, 30)
    assert np.array_equal(np.asarray(image), np.asarray(page.crop((20, 30, 120, 60))))


def test_there_is_a_margin_of_paper_round_the_outline(monkeypatch):
    monkeypatch.setattr(cutting, "MARGIN", 2)
    page = page_with((0, 0, 400, 0), size=(400, 100))
    image = line_of(page, box(20, 30, 120, 60))
    assert image.size == (104, 34)
    assert set(np.asarray(image).ravel()) == {PAPER}


@pytest.mark.parametrize("baseline", [(50, 200, 350, 100), (350, 100, 50, 200)], ids=["rightwards", "leftwards"])
def test_a_sloping_line_becomes_level_whichever_way_its_baseline_was_drawn(baseline):
    page = page_with((50, 200, 350, 100), (60, 170, 60, 180))  # a baseline, and a mark above its left end
    outline = points(50, 160, 350, 60, 350, 120, 50, 220)
    sloping = line_of(page, outline, points(*baseline), straighten=False)
    level = line_of(page, outline, points(*baseline))
    assert sloping.size == (300, 160)
    assert level.height < 80
    assert level.width == pytest.approx(np.hypot(300, 100), abs=25)
    above, below = ink_rows(level.crop((40, 0, level.width - 40, level.height)))
    assert below - above <= 5
    left = np.asarray(level)[: above - 4, : level.width // 2]
    assert left.min() < 100  # the mark is still above, and at the left


def test_a_curved_line_becomes_level():
    curve = [(x, 150 + 30 * np.sin(x / 400 * np.pi)) for x in range(20, 381, 20)]
    page = page_with(curve)
    outline = np.array([(x, y - 25) for x, y in curve] + [(x, y + 15) for x, y in reversed(curve)])
    image = line_of(page, outline, np.array(curve))
    above, below = ink_rows(image.crop((5, 0, image.width - 5, image.height)))
    assert below - above <= 5
    assert image.height <= 44


def test_what_runs_up_the_page_reads_from_left_to_right():
    page = page_with((200, 280, 200, 20), (180, 270, 190, 270))  # upwards; a mark above the beginning
    image = line_of(page, box(170, 10, 215, 290), points(200, 280, 200, 20))
    assert image.size == pytest.approx((280, 45), abs=2)
    ink = np.argwhere(np.asarray(image)[:22] < 100)
    assert ink.size
    assert ink[:, 1].max() < 40


def test_a_baseline_that_turns_back_or_jumps_does_not_tear_the_line():
    page = page_with((20, 100, 380, 100))
    baseline = points(20, 100, 200, 100, 150, 130, 201, 40, 260, 100, 380, 100)
    image = line_of(page, box(20, 70, 380, 120), baseline)
    assert image.width == pytest.approx(360, abs=3)
    assert image.height < 200


@pytest.mark.parametrize("baseline", [points(50, 100, 51, 104), points(50, 100), points(50, 100, 50, 100)])
def test_a_baseline_too_short_to_say_anything_leaves_the_line_level(baseline):
    assert line_of(page_with(), box(20, 70, 380, 120), baseline).size == (360, 50)


def test_outside_the_outline_stands_the_paper_near_by():
    shade = np.tile(np.linspace(250, 90, 400), (100, 1)).astype(np.uint8)
    page = Image.fromarray(shade)
    ImageDraw.Draw(page).rectangle((0, 0, 400, 24), fill=0)  # the line above
    outline = points(0, 25, 200, 60, 400, 25, 400, 90, 0, 90)
    image = np.asarray(line_of(page, outline, straighten=False)).astype(int)
    assert image.min() > 80
    assert np.abs(image - shade[25:90])[:, 40:360].max() < 12


def test_an_outline_partly_off_the_page_is_clipped():
    page = page_with((0, 100, 400, 100))
    assert line_of(page, box(-500, 80, 900, 120), points(-500, 100, 900, 100)).size == (400, 40)


def test_beyond_the_page_there_is_no_black():
    image = line_of(page_with(), box(-20, -20, 500, 90), points(0, 60, 400, 20))
    assert set(np.unique(image)) == {PAPER}


def test_an_outline_that_crosses_itself_is_filled_somehow():
    assert line_of(page_with(), points(20, 20, 200, 80, 200, 20, 20, 80)).size == (180, 60)


@pytest.mark.parametrize(
    ("outline", "reason"),
    [
        (points(10, 10, 90, 10, 50, 10), "zero-area polygon"),
        (points(10, 10, 10, 10, 10, 10), "zero-area polygon"),
        (points(10, 10, 90, 90), "zero-area polygon"),
        (points(0, 0, 50, 50, 100, 100), "zero-area polygon"),
        (box(500, 10, 600, 60), "polygon outside the image"),
        (box(-90, -90, -10, -10), "polygon outside the image"),
        (box(-90, 10, 0, 60), "polygon outside the image"),
    ],
)
def test_an_outline_without_pixels_is_refused(outline, reason):
    with pytest.raises(CutFault) as caught:
        plan(outline, NONE, (400, 300), straighten=True)
    assert caught.value.reason == reason


def test_a_line_larger_than_any_is_refused_before_its_pixels_are_made():
    with pytest.raises(CutFault, match="would be 20000x20000 pixels"):
        plan(box(-1e6, -1e6, 1e6, 1e6), NONE, (20_000, 20_000), straighten=True)


def test_an_outline_of_many_far_points_needs_little_memory():
    zigzag = np.array([(x % 2 * 19_000, 1000 + x % 900) for x in range(50_000)], dtype=float)
    how = plan(zigzag, NONE, (20_000, 20_000), straighten=True)
    assert len(how.outline) < 50_000 + 2 * cutting.MAX_EDGE_POINTS


@pytest.mark.parametrize("seed", range(20))
def test_no_outline_whatever_breaks_it(seed):
    rng = np.random.default_rng(seed)
    page = page_with((10, 10, 390, 290))
    outline = rng.normal(150, 10 ** rng.uniform(0, 4), (rng.integers(3, 40), 2))
    baseline = rng.normal(150, 10 ** rng.uniform(0, 4), (rng.integers(0, 12), 2))
    try:
        image = line_of(page, outline, baseline, straighten=bool(seed % 2))
    except CutFault:
        return
    assert image.mode == "L"
    assert np.asarray(image).min() >= INK


# Paper round an outline


def hugged(page, strokes, clearance):
    """An outline that keeps so far from the ink, which stands in level strokes: the fill, where it is outside."""
    outline = np.array([(20, strokes[0] - clearance), (380, strokes[0] - clearance)], dtype=float)
    outline = np.concatenate([outline, [(380, strokes[1] + clearance), (20, strokes[1] + clearance)]])
    lifted = np.array([(20, strokes[0] - 60), (60, strokes[0] - 60), (60, strokes[0] - clearance)], dtype=float)
    return np.asarray(line_of(page, np.concatenate([lifted, outline[1:]]))).astype(int)


@pytest.mark.parametrize("clearance", [1, 2, 4, 12])
def test_paper_stands_outside_of_an_outline_that_hugs_the_ink(clearance):
    page = page_with()
    ImageDraw.Draw(page).rectangle((20, 120, 380, 140), fill=INK)  # all ink, as bold letters in a tight outline
    image = hugged(page, (120, 140), clearance)
    assert image[:40, 60:].min() >= PAPER - 3


def test_the_ink_of_the_lines_beside_does_not_become_the_paper():
    page = page_with()
    for top in (60, 75, 90, 105, 120):
        ImageDraw.Draw(page).rectangle((20, top, 380, top + 5), fill=INK)
    image = hugged(page, (120, 125), 2)
    assert image[:50, 100:].min() >= PAPER - 3


def test_on_a_dark_stain_the_paper_is_the_stain():
    page = page_with()
    ImageDraw.Draw(page).rectangle((200, 0, 400, 300), fill=110)
    ImageDraw.Draw(page).rectangle((30, 125, 370, 130), fill=INK)
    image = np.asarray(line_of(page, points(20, 60, 40, 60, 40, 110, 380, 110, 380, 145, 20, 145))).astype(int)
    assert np.abs(image[5:40, 60:120] - PAPER).max() <= 3
    assert np.abs(image[5:40, 260:] - 110).max() <= 3


def test_a_white_strip_in_an_outline_does_not_become_the_paper():
    """As at the edge of a sheet, or where a tape holds a torn one together."""
    page = page_with()
    ImageDraw.Draw(page).rectangle((0, 140, 400, 300), fill=255)
    ImageDraw.Draw(page).line((30, 120, 370, 120), fill=INK, width=3)
    image = np.asarray(line_of(page, points(20, 60, 40, 60, 40, 100, 380, 100, 380, 150, 20, 150))).astype(int)
    assert np.abs(image[5:35, 40:] - PAPER).max() <= 3


def test_paper_that_is_darker_than_its_writing_stays_dark():
    page = Image.new("L", (400, 300), 40)
    ImageDraw.Draw(page).line((30, 120, 370, 120), fill=230, width=4)
    image = np.asarray(line_of(page, points(20, 60, 40, 60, 40, 100, 380, 100, 380, 140, 20, 140))).astype(int)
    assert image[5:35, 40:].max() <= 43


def test_a_black_margin_beside_a_line_does_not_become_the_paper():
    page = page_with()
    ImageDraw.Draw(page).rectangle((0, 0, 400, 95), fill=0)
    ImageDraw.Draw(page).line((30, 120, 370, 120), fill=INK, width=3)
    image = np.asarray(line_of(page, points(20, 30, 40, 100, 380, 100, 380, 140, 20, 140))).astype(int)
    assert image[5:60, 100:].min() >= PAPER - 3


@pytest.mark.parametrize("straighten", [True, False])
def test_parts_of_a_line_lie_in_its_outline_and_fill_it(straighten):
    """Of a line that climbs and bends, and is cut at the page's border."""
    outline = points(-20, 190, 150, 120, 300, 130, 300, 180, 150, 170, -20, 240)
    how = plan(outline, points(0, 215, 150, 155, 300, 165), (400, 300), straighten=straighten)
    whole = Image.new("1", (400, 300))
    ImageDraw.Draw(whole).polygon([tuple(point) for point in how.to_page(how.outline)], fill=1)
    seen = Image.new("1", (400, 300))
    for start, end in ((0, 50), (50, 51), (51, 51.5), (51.5, 200), (200, 900)):
        part = how.part(start, end)
        assert len(part) >= 3
        assert part.min() >= -0.5
        assert lab_polygons.outside(part, outline) < 0.5
        ImageDraw.Draw(seen).polygon([tuple(point) for point in part], fill=1)
    assert np.mean(np.asarray(whole) != np.asarray(seen)) < 0.005


def test_a_part_beside_the_outline_is_the_nearest_pixel_of_it():
    how = plan(box(20, 30, 120, 60), NONE, (400, 300), straighten=True)
    assert how.part(500, 600).tolist() != []
    assert np.ptp(how.part(500, 600), axis=0).tolist() == [1, 30]
    assert how.part(500, 600)[:, 0].max() == 120
    assert np.ptp(how.part(-9, -9), axis=0).tolist() == [1, 30]
