"""What the Strings of an ALTO line say."""

from __future__ import annotations

import pytest
from PIL import Image

from thulium.data.line import Fault, Line
from thulium.ingest.readers import alto
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

HYPHENS = ["-", "\u00ad", "\u2010", "¬", "⸗", "="]


def read(root, *lines, of_block="", of_line="", version=4):
    Image.new("L", (300, 200), 230).save(root / "p.png")
    written = "".join(
        f'<TextLine ID="l{number}" HPOS="10" VPOS="10" WIDTH="280" HEIGHT="40"{of_line}>{inside}</TextLine>'
        for number, inside in enumerate(lines)
    )
    (root / "p.xml").write_text(
        f'<alto xmlns="http://www.loc.gov/standards/alto/ns-v{version}#"><Description><sourceImageInformation>'
        "<fileName>p.png</fileName></sourceImageInformation></Description>"
        f'<Layout><Page WIDTH="300" HEIGHT="200"><PrintSpace><TextBlock{of_block}>{written}</TextBlock></PrintSpace>'
        "</Page></Layout></alto>",
        encoding="utf-8",
    )
    dataset = experiment_of(parse(f"dataset: {{type: alto, root: '{root}'}}")).dataset
    return [item for unit in alto.units(dataset) for item in alto.read(unit, dataset)]


def texts(root, *lines, **more):
    return [item.text if isinstance(item, Line) else f"[{item.reason}]" for item in read(root, *lines, **more)]


def string(content, **more):
    return f'<String CONTENT="{content}"' + "".join(f' {name}="{value}"' for name, value in more.items()) + "/>"


@pytest.mark.parametrize("of_string", ["", *HYPHENS])
@pytest.mark.parametrize("of_hyp", [None, "", *HYPHENS])
@pytest.mark.parametrize("is_part", [True, False])
def test_a_hyphen_stands_once_at_the_end_of_a_line(tmp_path, of_string, of_hyp, is_part):
    parts = {"SUBS_TYPE": "HypPart1", "SUBS_CONTENT": "Fontaines"} if is_part else {}
    hyp = "" if of_hyp is None else f'<HYP CONTENT="{of_hyp}" WIDTH="5"/>'
    line = string("les") + "<SP/>" + string(f"Fon{of_string}", **parts) + hyp
    next_line = string("taines", **{**parts, "SUBS_TYPE": "HypPart2"}) + "<SP/>" + string("du")
    assert texts(tmp_path, line, next_line) == [f"les Fon{of_string or of_hyp or ''}", "taines du"]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (string("a--") + '<HYP CONTENT="-"/>', "a--"),
        (string("a--"), "a--"),
        (string("a—") + '<HYP CONTENT="-"/>', "a—-"),
        (string("a~") + '<HYP CONTENT="~"/>', "a~"),
        (string("a") + '<HYP CONTENT="-"/><HYP CONTENT="-"/>', "a-"),
        (string("a-") + "<SP/>" + '<HYP CONTENT="-"/>', "a- "),
        (string("a") + "<HYP/>", "a"),
        ('<HYP CONTENT="-"/>', "-"),
        (string("a-b") + '<HYP CONTENT="-"/>', "a-b-"),
    ],
)
def test_only_the_hyphen_of_hyp_is_left_out(tmp_path, inside, expected):
    assert texts(tmp_path, inside) == [expected]


GLYPHS = '<String CONTENT=""><Glyph CONTENT="o"/><Glyph CONTENT="n"><Variant CONTENT="m"/></Glyph></String>'


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (GLYPHS, "on"),
        (GLYPHS.replace('CONTENT=""', 'CONTENT=" "'), "on"),
        (GLYPHS.replace('CONTENT=""', 'CONTENT="own"'), "own"),
        (string("first") + "<SP/>" + GLYPHS, "first on"),
        (GLYPHS + string("last"), "on last"),
        ('<String><Glyph CONTENT="o"/></String>', "o"),
        (string("a") + string("") + string("b"), "a b"),
    ],
)
def test_what_stands_in_glyphs_only_is_read_from_them(tmp_path, inside, expected):
    assert texts(tmp_path, inside) == [expected]


def test_a_word_without_a_text_among_others_is_named(tmp_path):
    first, second = read(tmp_path, string("a") + string(""), string("a") + string("b"))
    assert (first.remarks, second.remarks) == (("word without text",), ())


BOX = {"HPOS": "20", "VPOS": "10", "WIDTH": "60", "HEIGHT": "40"}
LINE = {"HPOS": "10", "VPOS": "10", "WIDTH": "280", "HEIGHT": "40"}


def test_two_strings_in_one_place_are_two_readings_of_a_word(tmp_path):
    (fault,) = read(tmp_path, string("word", **BOX) + string("ward", **BOX) + string("next", HPOS="90"))
    assert isinstance(fault, Line)  # the third has no place to compare
    (fault,) = read(tmp_path, string("word", **BOX) + string("ward", **BOX) + string("next", **{**BOX, "HPOS": "90"}))
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.is_error) == ("several transcriptions", True)
    assert "'word' and 'ward'" in fault.what


@pytest.mark.parametrize("box", [LINE, BOX])
def test_words_that_all_have_one_box_are_words(tmp_path, box):
    assert texts(tmp_path, string("two", **box) + string("words", **box)) == ["two words"]


def test_alternatives_of_a_word_are_passed_over(tmp_path):
    inside = '<String CONTENT="Æ"><ALTERNATIVE PURPOSE="modern">Ä</ALTERNATIVE></String>'
    assert texts(tmp_path, inside) == ["Æ"]


def test_a_confidence_is_named(tmp_path):
    first, second, third = read(tmp_path, string("a", WC="0.98"), string("a", CC="9 9"), string("a"))
    assert [line.remarks for line in (first, second, third)] == [("has a confidence",)] * 2 + [()]


def test_what_is_not_marked_as_corrected_is_named_where_others_are(tmp_path):
    lines = [string("a", CS="true"), string("a"), string("a", CS="false"), string("a") + string("b", CS="1")]
    marked = [line.remarks for line in read(tmp_path, *lines)]
    assert marked == [(), ("not marked as corrected",), ("not marked as corrected",), ()]
    assert {line.remarks for line in read(tmp_path, *lines, of_block=' CS="true"')} == {()}
    assert {line.remarks for line in read(tmp_path, string("a", CS="false"), string("a"))} == {()}


@pytest.mark.parametrize("version", [2, 3, 4])
def test_tenths_of_millimetres_and_hyphens_of_library_scanners(tmp_path, version):
    line = (
        '<String ID="S1" HPOS="100" VPOS="100" WIDTH="300" HEIGHT="80" WC="0.9" CC="0000000" CONTENT="Ablehnu"'
        ' SUBS_TYPE="HypPart1" SUBS_CONTENT="Ablehnung"/><HYP WIDTH="20" VPOS="100" HPOS="410" CONTENT="&#xAD;"/>'
    )
    (found,) = read(tmp_path, line, version=version)
    assert (found.text, found.remarks) == ("Ablehnu\u00ad", ("has a confidence",))
