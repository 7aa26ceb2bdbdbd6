"""``type: alto``: ALTO of three versions."""

from dataclasses import replace

import pytest
from PIL import Image

from thulium.data.line import Fault, Line
from thulium.ingest import cutting
from thulium.ingest.readers import alto, page
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

SIZE = (300, 200)
LOC = "http://www.loc.gov/standards/alto/"

# Version 2, as OCR of print gives it: words and spaces, tenths of a millimetre, a hyphen, boxes.
TWO = f"""<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="{LOC}ns-v2#">
<Description><MeasurementUnit>mm10</MeasurementUnit>
<sourceImageInformation><fileName>/scans/p.png</fileName></sourceImageInformation></Description>
<Layout><Page ID="P" WIDTH="3000" HEIGHT="2000"><PrintSpace>
<ComposedBlock ID="C" TYPE="column"><TextBlock ID="B">
  <TextLine ID="L1" HPOS="100" VPOS="100" WIDTH="2800" HEIGHT="400" BASELINE="400">
    <String CONTENT="two" HPOS="100"/><SP WIDTH="5"/><String CONTENT="ha"><ALTERNATIVE>hu</ALTERNATIVE></String>
    <String CONTENT="ns"/><HYP CONTENT="-"/></TextLine>
  <TextLine ID="L2" HPOS="100" VPOS="600" WIDTH="1000" HEIGHT="300">
    <String CONTENT="no"/><String CONTENT="spaces"/></TextLine>
</TextBlock></ComposedBlock></PrintSpace></Page></Layout></alto>"""

# Version 3: a polygon, tags.
THREE = f"""<alto xmlns="{LOC}ns-v3#">
<Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>p.png</fileName></sourceImageInformation></Description>
<Tags><StructureTag ID="S1" LABEL="heading"/><OtherTag ID="O1" TYPE="hand" LABEL="red"/></Tags>
<Layout><Page WIDTH="300" HEIGHT="200"><PrintSpace><TextBlock ID="B" TAGREFS="S1 S9">
  <TextLine ID="L1" TAGREFS="O1" HPOS="0" VPOS="0" WIDTH="1" HEIGHT="1">
    <Shape><Polygon POINTS="10,10 290,10 290,50 10,50"/></Shape><String CONTENT="a heading"/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"""

# Version 4, as eScriptorium writes it: points without commas, a baseline; a line without a polygon has its box.
FOUR = f"""<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="{LOC}ns-v4#"
  xsi:schemaLocation="{LOC}ns-v4# {LOC}v4/alto-4-2.xsd">
<Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>p.png</fileName></sourceImageInformation></Description>
<Tags><OtherTag ID="BT1" LABEL="MainZone" DESCRIPTION="block type"/><OtherTag ID="LT1" LABEL="DefaultLine"/></Tags>
<Layout><Page WIDTH="300" HEIGHT="200" PHYSICAL_IMG_NR="0" ID="eSc_dummypage_"><PrintSpace HPOS="0" VPOS="0">
<TextBlock ID="eSc_textblock_1" TAGREFS="BT1">
  <TextLine ID="a" TAGREFS="LT1" BASELINE="10 40 290 40" HPOS="10" VPOS="10" WIDTH="280" HEIGHT="40">
    <Shape><Polygon POINTS="10 10 290 10 290 50 10 50"/></Shape><String CONTENT="é &amp; è"></String></TextLine>
  <TextLine ID="b" BASELINE="10 100 290 104" HPOS="10" VPOS="100" WIDTH="280" HEIGHT="4">
    <String CONTENT="without a polygon"></String></TextLine>
  <TextLine ID="c" BASELINE="10 150 290 150" HPOS="10" VPOS="120" WIDTH="280" HEIGHT="40">
    <Shape><Polygon POINTS="10 120 290 120 290 160 10 160"/></Shape><String CONTENT=""></String></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"""


@pytest.fixture(autouse=True)
def no_margin(monkeypatch):
    """Sizes are then those of the outline."""
    monkeypatch.setattr(cutting, "MARGIN", 0)


def write(root, xml, name="p.xml"):
    Image.new("L", SIZE, 230).save(root / "p.png")
    (root / name).write_text(xml, encoding="utf-8")
    return root


def read(root, **changes):
    dataset = replace(experiment_of(parse(f"dataset: {{type: alto, root: '{root}'}}")).dataset, **changes)
    return [item for unit in alto.units(dataset) for item in alto.read(unit, dataset)]


def test_version_2_has_words_spaces_hyphens_and_millimetres(tmp_path):
    lines = read(write(tmp_path, TWO))
    assert [line.text for line in lines] == ["two hans-", "no spaces"]
    assert [line.id for line in lines] == ["p/L1", "p/L2"]
    assert [line.load().size for line in lines] == [(280, 40), (100, 30)]


def test_version_3_has_polygons(tmp_path):
    (line,) = read(write(tmp_path, THREE))
    assert (line.text, line.load().size) == ("a heading", (280, 40))


def test_version_4_has_baselines_and_a_line_without_a_polygon_gets_a_band(tmp_path):
    first, second, third = read(write(tmp_path, FOUR))
    assert (first.text, first.load().size) == ("é & è", (280, 40))
    assert second.text == "without a polygon"
    assert second.load().height == pytest.approx(1.2 * 48, abs=3)  # the distance to the next baseline
    assert (third.reason, third.where) == ("no transcription", f"{tmp_path / 'p.xml'}#c")


@pytest.mark.parametrize(
    ("xml", "changes", "expected"),
    [
        (THREE, {"region_types": ("heading",)}, 1),
        (THREE, {"region_types": ("paragraph",)}, 0),
        (THREE, {"line_types": ("red",)}, 1),
        (THREE, {"line_types": ("hand",)}, 1),
        (THREE, {"line_types": ("blue",)}, 0),
        (TWO, {"region_types": ("column",)}, 2),
        (FOUR, {"region_types": ("MainZone",), "line_types": ("DefaultLine",)}, 1),
    ],
)
def test_lines_are_filtered_by_tags_and_types(tmp_path, xml, changes, expected):
    assert sum(isinstance(item, Line) for item in read(write(tmp_path, xml), **changes)) == expected


@pytest.mark.parametrize(
    ("xml", "reason", "is_page"),
    [
        (TWO.replace(' WIDTH="3000" HEIGHT="2000"', ""), "no page size", True),
        (TWO.replace(' HPOS="100" VPOS="100"', "").replace(' HPOS="100" VPOS="600"', ""), "no coordinates", False),
        (THREE.replace("</Page>", '</Page><Page ID="two"/>'), "several pages", True),
        (THREE.replace(LOC, "http://example.org/"), "not an ALTO file", True),
        (THREE.replace("<Layout>", "<Other>").replace("</Layout>", "</Other>"), "no lines", True),
        (THREE.replace("p.png", "q.png").replace(' WIDTH="300"', ' WIDTH="400"'), "image of another shape", True),
        (THREE.replace("290,50", "290,5O"), "malformed points", False),
        (
            TWO.replace('WIDTH="2800"', 'WIDTH="wide"').replace('WIDTH="1000"', 'WIDTH="nan"'),
            "malformed points",
            False,
        ),
        (TWO.replace('WIDTH="2800"', 'WIDTH="0"').replace('WIDTH="1000"', 'WIDTH="0"'), "zero-area polygon", False),
    ],
)
def test_what_cannot_be_used_is_a_fault(tmp_path, xml, reason, is_page):
    faults = read(write(tmp_path, xml))
    assert {(fault.reason, fault.is_page, fault.is_error) for fault in faults} == {(reason, is_page, True)}


def test_a_file_of_page_is_left_to_its_reader(tmp_path):
    namespace = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"
    (fault,) = read(write(tmp_path, f'<PcGts xmlns="{namespace}"/>'))
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.is_error) == ("another format", False)


def test_the_two_files_of_a_page_have_one_name(tmp_path):
    for folder in ("page", "alto"):
        (tmp_path / "doc" / folder).mkdir(parents=True)
        (tmp_path / "doc" / folder / "p.xml").write_text("<a/>")
    for reader, kind in ((page, "page"), (alto, "alto")):
        dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{tmp_path}'}}")).dataset
        assert "doc/p" in [unit.page for unit in reader.units(dataset)]
