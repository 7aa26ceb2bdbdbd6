"""Which text of a PAGE line is its transcription."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from thulium.data.line import Fault, Line
from thulium.ingest.readers import page
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
GONE = "recognised text only"


def equiv(text="", index=None, conf=None, name="Unicode"):
    attributes = "".join(f' {key}="{value}"' for key, value in (("index", index), ("conf", conf)) if value is not None)
    return f"<TextEquiv{attributes}><{name}>{text}</{name}></TextEquiv>"


def word(*inside):
    return f"<Word>{''.join(inside)}</Word>"


def glyph(*inside):
    return f"<Glyph>{''.join(inside)}</Glyph>"


def read(root, *lines, **changes):
    """What becomes of lines, each given by what it holds besides its outline."""
    Image.new("L", (300, 200), 230).save(root / "p.png")
    written = "".join(
        f'<TextLine id="l{number}"><Coords points="10,10 290,10 290,50 10,50"/>{inside}</TextLine>'
        for number, inside in enumerate(lines)
    )
    (root / "p.xml").write_text(
        f'<PcGts xmlns="{NAMESPACE}"><Page imageFilename="p.png" imageWidth="300" imageHeight="200">'
        f"<TextRegion>{written}</TextRegion></Page></PcGts>",
        encoding="utf-8",
    )
    dataset = replace(experiment_of(parse(f"dataset: {{type: page, root: '{root}'}}")).dataset, **changes)
    return [item for unit in page.units(dataset) for item in page.read(unit, dataset)]


def outcomes(root, *lines, **changes):
    """The text of each line, or in brackets why it is none."""
    return [item.text if isinstance(item, Line) else f"[{item.reason}]" for item in read(root, *lines, **changes)]


def test_a_line_without_a_text_of_the_main_index_is_not_taken_for_a_transcription(tmp_path):
    corrected = equiv("corrected", 0) + equiv("guessed", 1, conf=0.6)
    found = read(tmp_path, corrected, equiv("guessed", 1, conf=0.6), equiv("", 0) + equiv("guessed", 1), equiv("", 0))
    assert [item.text if isinstance(item, Line) else item.reason for item in found] == [
        "corrected",
        GONE,
        GONE,
        "no transcription",
    ]
    assert {item.is_error for item in found[1:]} == {False}
    assert found[1].where == f"{tmp_path / 'p.xml'}#l1"
    assert found[1].what == (
        "has a text of index 1, but the transcriptions of this page have index 0: transcribe it, or set "
        "dataset.text_index to 1"
    )


def test_of_several_the_lowest_index_of_the_page_is_read(tmp_path):
    lines = (equiv("b", 1) + equiv("a", 0) + equiv("c", 2), equiv("d", 0))
    assert outcomes(tmp_path, *lines) == ["a", "d"]


def test_the_other_end_is_read_in_the_same_way(tmp_path):
    lines = (equiv("guessed", 0, conf=0.9) + equiv("corrected", 1), equiv("guessed", 0), equiv("", 1) + equiv("x", 0))
    assert outcomes(tmp_path, *lines, text_index="highest") == ["corrected", f"[{GONE}]", f"[{GONE}]"]


def test_an_exact_index_takes_that_and_no_other(tmp_path):
    lines = (equiv("a", 0) + equiv("b", 1), equiv("b", 1), equiv("c"), equiv("", 0), "")
    none = "[no transcription]"
    assert outcomes(tmp_path, *lines, text_index=0) == ["a", none, none, none, none]
    assert outcomes(tmp_path, *lines, text_index=1) == ["b", "b", none, none, none]
    assert outcomes(tmp_path, *lines, text_index=7) == [none] * 5
    assert "has no transcription of index 0, only of 1" in read(tmp_path, *lines, text_index=0)[1].what


def test_a_page_that_nobody_has_corrected_is_not_read(tmp_path):
    assert outcomes(tmp_path, equiv("guessed", 1, conf=0.9), equiv("", 0) + equiv("x", 1)) == [f"[{GONE}]"] * 2
    assert outcomes(tmp_path, equiv("guessed", 1, conf=0.9), equiv("guessed too", 1, conf=0.8)) == [f"[{GONE}]"] * 2
    assert outcomes(tmp_path, equiv("guessed", 1, conf=0.9), text_index=1) == ["guessed"]


def test_an_index_that_starts_above_0_is_read_and_named(tmp_path):
    (line,) = read(tmp_path, equiv("one", 1) + equiv("two", 2))
    assert (line.text, line.remarks) == ("one", ("index above 0",))
    (line,) = read(tmp_path, equiv("one", 1) + equiv("two", 2), text_index=1)
    assert (line.text, line.remarks) == ("one", ())


def test_corrected_ocr_without_an_index_is_read_and_its_confidence_named(tmp_path):
    first, second = read(tmp_path, equiv("one", conf=0.9), equiv("two"))
    assert (first.text, first.remarks) == ("one", ("has a confidence",))
    assert (second.text, second.remarks) == ("two", ())


@pytest.mark.parametrize(
    "inside",
    [
        equiv("one") + equiv("two"),
        equiv("one", 0) + equiv("two", 0),
        equiv("one", 0) + equiv("two"),
        "<TextEquiv><Unicode>one</Unicode><Unicode>two</Unicode></TextEquiv>",
        word(equiv("one") + equiv("two")),
        word(glyph(equiv("o")), glyph(equiv("n") + equiv("m"))),
    ],
)
@pytest.mark.parametrize("text_index", ["lowest", "highest"])
def test_texts_that_differ_and_are_not_ranked_are_a_fault(tmp_path, inside, text_index):
    (fault,) = read(tmp_path, inside, text_index=text_index)
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.is_error, fault.num_lines) == ("several transcriptions", True, 1)


@pytest.mark.parametrize("inside", [equiv("one") * 2, equiv("one") + equiv(" one "), equiv("one") + equiv(" ")])
def test_texts_that_are_one_are_no_fault(tmp_path, inside):
    assert outcomes(tmp_path, inside) == ["one"]


GLYPHS = word(glyph(equiv("o")), glyph(equiv("n")), glyph(equiv("e")))


@pytest.mark.parametrize("level", ["line", "word"])
@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (GLYPHS, "one"),
        (GLYPHS + word(equiv("two")), "one two"),
        (word(equiv("two")) + GLYPHS, "two one"),
        (word(glyph(equiv("a", 1) + equiv("b", 0)), glyph(equiv("c", 0))), "bc"),
        (word(glyph(equiv("\n a ")), glyph(equiv(" b"))), "ab"),
        (GLYPHS + equiv(""), "one"),
        (word(glyph(equiv("x")), equiv("own")), "own"),
        (word(glyph(equiv("x")), equiv(" ")), "x"),
        (word(glyph(equiv("æ", name="PlainText"))), "æ"),
    ],
)
def test_what_stands_in_glyphs_only_is_read_from_them(tmp_path, inside, expected, level):
    assert outcomes(tmp_path, inside, level=level) == [expected]


def test_a_line_of_its_own_wins_at_its_level_and_words_at_theirs(tmp_path):
    inside = GLYPHS + equiv("whole")
    assert outcomes(tmp_path, inside, level="line") == ["whole"]
    assert outcomes(tmp_path, inside, level="word") == ["one"]


def test_a_word_without_a_text_among_others_is_named(tmp_path):
    for inside in (GLYPHS + word(), GLYPHS + word(equiv("")), word(glyph(equiv("one")), glyph())):
        (line,) = read(tmp_path, inside)
        assert (line.text, line.remarks) == ("one", ("word without text",))


def test_words_are_ranked_among_words(tmp_path):
    both = word(equiv("good", 0) + equiv("bad", 1))
    assert outcomes(tmp_path, both, word(equiv("bad", 1)), both + word(equiv("bad", 1))) == [
        "good",
        f"[{GONE}]",
        f"[{GONE}]",
    ]
    whole = equiv("good as well", 0)
    assert outcomes(tmp_path, both, word(equiv("bad", 1)) + whole, level="word") == ["good", "good as well"]


def test_words_do_not_stand_in_for_a_line_that_was_left_empty(tmp_path):
    lines = (equiv("whole", 0), equiv("", 0) + word(equiv("guessed")))
    assert outcomes(tmp_path, *lines) == ["whole", f"[{GONE}]"]
    assert outcomes(tmp_path, *lines, level="word") == ["whole", "guessed"]
    assert outcomes(tmp_path, equiv("") + word(equiv("read"))) == ["read"]


@pytest.mark.parametrize("index", ["first", "1.0", "", "9" * 5000, "-"])
def test_an_index_that_is_no_number_is_none(tmp_path, index):
    assert outcomes(tmp_path, equiv("one", index)) == ["one"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("one<!-- two --> three", "one three"),
        ("<![CDATA[a < b & c]]>", "a < b & c"),
        ("&#x5D0;&#x200C;&#xE8B7;&amp;", "\u05d0\u200c\ue8b7&"),
        ("two\nrows", "two\nrows"),
        ("<?target data?>one", "one"),
    ],
)
def test_texts_are_read_as_xml_means_them(tmp_path, content, expected):
    assert outcomes(tmp_path, equiv(content)) == [expected]


def test_markup_of_something_else_in_a_text_is_a_fault(tmp_path):
    content = 'good <hi xmlns="http://www.tei-c.org/ns/1.0">bold</hi> text'
    (fault,) = read(tmp_path, equiv(content))
    assert (fault.reason, fault.is_error) == ("markup in a transcription", True)
    assert "an element hi of the namespace 'http://www.tei-c.org/ns/1.0'" in fault.what


def test_a_text_that_no_line_can_have_is_a_fault(tmp_path):
    (fault,) = read(tmp_path, equiv("a\u0316\u0301" * 20_000))
    assert (fault.reason, fault.is_error) == ("transcription too long", True)
