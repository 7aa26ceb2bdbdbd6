"""Each TextLine of a PAGE or an ALTO file is accounted for, whatever its namespace and its place."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from lxml import etree
from PIL import Image

from thulium.data.line import Fault, Line
from thulium.ingest.readers import alto, page
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

PAGE_NS = "http://schema.primaresearch.org/PAGE/gts/pagecontent/"
PAGE_YEARS = ["2009-03-16", "2010-01-12", "2010-03-19", "2013-07-15", "2016-07-15", "2017-07-15", "2018-07-15"]
PAGE_YEARS += ["2019-07-15", "2024-07-15"]
ALTO_NS = "http://www.loc.gov/standards/alto/ns-v4#"
OTHER = ' xmlns:x="http://example.org/x"'


def page_line(name="l", p="", text="a line", more=""):
    return (
        f'<{p}TextLine id="{name}"><{p}Coords points="10,10 290,10 290,50 10,50"/>'
        f"<{p}TextEquiv><{p}Unicode>{text}</{p}Unicode></{p}TextEquiv>{more}</{p}TextLine>"
    )


def page_xml(lines, p="", xmlns=f' xmlns="{PAGE_NS}2019-07-15"', before="", after="", page='imageFilename="p.png"'):
    return (
        f"<{p}PcGts{xmlns}{OTHER}>{before}<{p}Page {page}><{p}TextRegion>{lines}</{p}TextRegion></{p}Page>"
        f"{after}</{p}PcGts>"
    )


def alto_line(name="l", p="", text="a line", more=""):
    return (
        f'<{p}TextLine ID="{name}" HPOS="10" VPOS="10" WIDTH="280" HEIGHT="40"><{p}String CONTENT="{text}"/>'
        f"{more}</{p}TextLine>"
    )


def alto_xml(lines, p="", xmlns=f' xmlns="{ALTO_NS}"', before="", after=""):
    return (
        f"<{p}alto{xmlns}{OTHER}>{before}<{p}Layout><{p}Page><{p}PrintSpace><{p}TextBlock>{lines}</{p}TextBlock>"
        f"</{p}PrintSpace></{p}Page></{p}Layout>{after}</{p}alto>"
    )


KINDS = {"page": (page, page_xml, page_line), "alto": (alto, alto_xml, alto_line)}


def read(root, kind, xml, **changes):
    """What a file becomes; all its lines are accounted for."""
    Image.new("L", (300, 200), 230).save(root / "p.png")
    content = xml if isinstance(xml, bytes) else xml.encode()
    (root / "p.xml").write_bytes(content)
    reader = KINDS[kind][0]
    dataset = replace(experiment_of(parse(f"dataset: {{type: {kind}, root: '{root}'}}")).dataset, **changes)
    found = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset)]
    reasons = {item.reason for item in found if isinstance(item, Fault)}
    if not reasons & {"XML not well-formed", "wrong encoding"}:
        assert accounted(found) == sum(1 for _ in etree.fromstring(content).iter("{*}TextLine"))
    return found


def accounted(found):
    return sum(1 if isinstance(item, Line) else item.num_lines for item in found)


def outcomes(found):
    return [item.text if isinstance(item, Line) else item.reason for item in found]


@pytest.mark.parametrize("year", PAGE_YEARS)
@pytest.mark.parametrize("p", ["", "pc:"])
def test_page_of_every_year_is_read(tmp_path, year, p):
    xmlns = f' xmlns{":pc" if p else ""}="{PAGE_NS}{year}"'
    assert outcomes(read(tmp_path, "page", page_xml(page_line(p=p), p, xmlns))) == ["a line"]


@pytest.mark.parametrize(
    "namespace",
    [
        *(f"http://www.loc.gov/standards/alto/ns-v{version}#" for version in (2, 3, 4, 5)),
        "https://www.loc.gov/standards/alto/ns-v4#",
        "http://schema.ccs-gmbh.com/ALTO",
        "http://bibnum.bnf.fr/ns/alto_prod",
    ],
)
@pytest.mark.parametrize("p", ["", "a:"])
def test_alto_of_every_version_is_read(tmp_path, namespace, p):
    xmlns = f' xmlns{":a" if p else ""}="{namespace}"'
    assert outcomes(read(tmp_path, "alto", alto_xml(alto_line(p=p), p, xmlns))) == ["a line"]


@pytest.mark.parametrize("kind", KINDS)
def test_names_count_and_not_prefixes(tmp_path, kind):
    """Tools forget the namespace, or write that of another version."""
    _, xml, line = KINDS[kind]
    own = {"page": PAGE_NS + "2019-07-15", "alto": ALTO_NS}[kind]
    older = {"page": PAGE_NS + "2013-07-15", "alto": "http://www.loc.gov/standards/alto/ns-v2#"}[kind]
    lines = line("a", "p:", "one") + line("b", "", "two") + line("c", "o:", "three")
    found = read(tmp_path, kind, xml(lines, "p:", f' xmlns:p="{own}" xmlns:o="{older}"'))
    assert outcomes(found) == ["one", "two", "three"]
    assert [item.id for item in found] == ["p/a", "p/b", "p/c"]


def test_a_corrected_text_without_the_namespace_is_seen(tmp_path):
    second = "<TextEquiv{}><Unicode>corrected</Unicode></TextEquiv>"
    guessed = '<pc:TextEquiv conf="0.4"{}><pc:Unicode>guessed</pc:Unicode></pc:TextEquiv>'

    def text(first, other):
        line = f'<pc:TextLine id="l"><pc:Coords points="10,10 290,10 290,50 10,50"/>{first}{other}</pc:TextLine>'
        return outcomes(read(tmp_path, "page", page_xml(line, "pc:", f' xmlns:pc="{PAGE_NS}2019-07-15"')))

    assert text(guessed.format(""), second.format("")) == ["several transcriptions"]
    assert text(guessed.format(' index="1"'), second.format(' index="0"')) == ["corrected"]
    assert text("", second.format("")) == ["corrected"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_of_something_else_is_counted_and_named(tmp_path, kind):
    _, xml, line = KINDS[kind]
    found = read(tmp_path, kind, xml(line("a") + line("b", "x:") + line("c")))
    assert outcomes(found) == ["a line", "line of another namespace", "a line"]
    assert (found[1].is_error, found[1].is_page, found[1].num_lines) == (True, False, 1)
    assert found[1].where.startswith(f"{tmp_path / 'p.xml'}#")
    assert "'http://example.org/x'" in found[1].what


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_where_none_can_be_is_counted_and_named(tmp_path, kind):
    _, xml, line = KINDS[kind]
    archived = f"<x:old>{line('c')}</x:old>"
    nested = line("d", more=line("e"))
    found = read(tmp_path, kind, xml(line("a") + archived + nested, before=line("before"), after=line("after")))
    out = "line out of place"
    assert outcomes(found) == [out, "a line", out, "a line", out, out]
    assert [item.where.partition("#")[2] for item in found if isinstance(item, Fault)] == ["before", "c", "e", "after"]
    assert accounted(found) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_something_else_in_a_line_is_a_fault(tmp_path, kind):
    _, xml, line = KINDS[kind]
    part = {"page": "<x:TextEquiv/>", "alto": '<x:String CONTENT="more"/>'}[kind]
    found = read(tmp_path, kind, xml(line(more=part) + line("b", more="<x:note>kept</x:note>")))
    assert outcomes(found) == ["part of another namespace", "a line"]


@pytest.mark.parametrize("kind", KINDS)
def test_two_pages_in_a_file_are_refused_with_all_their_lines(tmp_path, kind):
    _, xml, line = KINDS[kind]
    one = xml(line("a") + line("b"))
    start, end = (one.index("<Page"), one.index("</Page>") + len("</Page>"))
    (fault,) = read(tmp_path, kind, one[:end] + one[start:end] + one[end:])
    assert (fault.reason, fault.is_error, fault.is_page, fault.num_lines) == ("several pages", True, True, 4)
    assert fault.what == "has 2 pages, but one image: split it into a file for each page"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", ["", "x:"])
def test_a_page_that_is_lost_says_how_many_lines(tmp_path, kind, p):
    _, xml, line = KINDS[kind]
    other = {"page": "alto", "alto": "page"}[kind]
    lines = line("a") + line("b", p) + line("c")
    (tmp_path / "empty").mkdir()
    for content, lost in (
        (xml(lines).replace("Page", "Blatt"), 3),
        (xml(lines).replace("PcGts", "PcGt").replace("alto", "art"), 3),
        (KINDS[other][1](KINDS[other][2]() * 4), 4),
        (xml(""), 0),
        (xml(lines)[:-30], 0),
        (b"", 0),
        ("<!DOCTYPE a>" + xml(lines), 3),
        (("<!DOCTYPE a>" + xml(lines)).encode("utf-16"), 3),
        ('<?xml version="1.0" encoding="utf-16"?>' + xml(lines), 3),
    ):
        (fault,) = read(tmp_path, kind, content)
        assert (fault.is_page, fault.num_lines) == (True, lost), content
    (tmp_path / "p.png").unlink()
    (tmp_path / "p.xml").write_text(xml(lines))
    dataset = experiment_of(parse(f"dataset: {{type: {kind}, root: '{tmp_path}'}}")).dataset
    reader = KINDS[kind][0]
    (fault,) = (item for unit in reader.units(dataset) for item in reader.read(unit, dataset))
    assert (fault.reason, fault.num_lines) == ("missing image", 3)


@pytest.mark.parametrize("name", ["Coords", "Baseline"])
def test_two_outlines_that_differ_are_a_fault(tmp_path, name):
    points = f'<{name} points="10,10 290,10 290,50 10,50"/>'
    same, other = points * 2, points + points.replace("290", "200")
    lines = page_line("a", more=same if name == "Baseline" else points) + page_line("b", more=other)
    assert outcomes(read(tmp_path, "page", page_xml(lines)))[1] == "several outlines"
    assert outcomes(read(tmp_path, "page", page_xml(lines)))[0] == "a line"


def test_types_of_refused_lines_are_filtered_as_well(tmp_path):
    lines = page_line("a", "x:") + page_line("b")
    xml = page_xml(lines).replace("<TextRegion>", '<TextRegion type="heading">')
    assert outcomes(read(tmp_path, "page", xml, region_types=("paragraph",))) == ["region type"] * 2
    assert outcomes(read(tmp_path, "page", xml, region_types=("heading",)))[0] == "line of another namespace"


HEAD = '<?xml version="1.0" encoding="{}"?>\n'


@pytest.mark.parametrize(
    ("named", "really", "said"),
    [
        ("utf-16", "utf-8", 'says that its encoding is utf-16, but it is UTF-8: write encoding="UTF-8" into its'),
        ("UTF-32", "utf-8", "says that its encoding is UTF-32, but it is UTF-8"),
        ("utf-16le", "cp1252", "says that its encoding is utf-16le, but it is not: export it again"),
        ("ISO-8859-1", "utf-8", "says that its encoding is ISO-8859-1, but it is UTF-8"),
        ("windows-1252", "utf-8", "says that its encoding is windows-1252, but it is UTF-8"),
        ("us-ascii", "utf-8", "says that its encoding is us-ascii, but it is UTF-8"),
        ("UTF-8", "latin-1", "says that its encoding is UTF-8, but the byte 0xE9 in row 2 is none of it"),
        ("klingon", "utf-8", "says that its encoding is klingon, which is not known"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_untrue_encoding_is_a_fault_that_says_so(tmp_path, kind, named, really, said):
    _, xml, line = KINDS[kind]
    (fault,) = read(tmp_path, kind, (HEAD.format(named) + xml(line(text="é ü"))).encode(really))
    assert (fault.reason, fault.is_error, fault.is_page) == ("wrong encoding", True, True)
    assert fault.what.startswith(said)


@pytest.mark.parametrize(
    ("named", "really"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("UTF-16", "utf-16"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "utf-8-sig"),  # the mark at the beginning is believed
        ("UTF-8", "utf-16"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("gb18030", "gb18030"),
        ("Shift_JIS", "shift_jis"),
    ],
)
def test_encodings_that_are_true_are_read(tmp_path, named, really):
    text = "\u3042\u6f22" if really in ("gb18030", "shift_jis") else "é ü"
    xml = HEAD.format(named) + page_xml(page_line(text=text))
    assert outcomes(read(tmp_path, "page", xml.encode(really))) == [text]


def test_utf16_that_says_nothing_is_named(tmp_path):
    (fault,) = read(tmp_path, "page", page_xml(page_line()).encode("utf-16-le"))
    assert fault.what == "is UTF-16 by its look, but does not say so: save it as UTF-8, or export it again"


LONG = 80_000


@pytest.mark.parametrize(
    "filler", ["a", " ", "{", "}", ";", ":", "structure {", "type:", "<", "&amp;", "1", "9", "1,", "\u0316\u0301"]
)
@pytest.mark.parametrize(
    ("kind", "old"),
    [
        ("page", 'id="l"'),
        ("page", 'points="10,10 290,10 290,50 10,50"'),
        ("page", 'custom=""'),
        ("page", 'type=""'),
        ("page", 'index=""'),
        ("page", 'conf=""'),
        ("page", 'orientation=""'),
        ("page", 'readingOrientation=""'),
        ("page", 'imageWidth="300"'),
        ("page", 'imageFilename="p.png"'),
        ("alto", 'ID="l"'),
        ("alto", 'CONTENT="a line"'),
        ("alto", 'HPOS="10"'),
        ("alto", 'TAGREFS=""'),
        ("alto", 'BASELINE=""'),
        ("alto", 'ROTATION=""'),
    ],
)
def test_long_attributes_take_no_long_time(tmp_path, kind, old, filler):
    xml = page_xml(page_line(), page='imageFilename="p.png" imageWidth="300" imageHeight="200"')
    if kind == "alto":
        xml = alto_xml(alto_line()).replace("<TextLine ", '<TextLine TAGREFS="" BASELINE="" ROTATION="" ')
    for name, more in (
        ("<TextRegion", ' custom="" type="" orientation="" readingOrientation=""'),
        ("<TextEquiv", ' index="" conf=""'),
    ):
        xml = xml.replace(name, name + more)
    assert old in xml
    name = old.partition("=")[0]
    filled = (filler * LONG)[:LONG].replace("<", "&lt;")
    xml = xml.replace(old, f'{name}="{filled if "&amp;" not in filler else filler * (LONG // 5)}"')
    before = time.process_time()
    read(tmp_path, kind, xml)
    assert time.process_time() - before < 0.5  # some ten milliseconds; a square of it takes seconds


def test_many_lines_of_one_name_take_no_long_time(tmp_path):
    before = time.process_time()
    found = read(tmp_path, "page", page_xml(page_line("l", text="") * 20_000))
    assert time.process_time() - before < 10
    assert len({item.where for item in found}) == 20_000
