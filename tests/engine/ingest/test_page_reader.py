"""``type: page``: PAGE XML of several years and programs."""

import pickle
from dataclasses import replace

import lab
import numpy as np
import pytest
from PIL import Image, ImageDraw

from thulium.data.images.files import ImageFault
from thulium.data.line import Fault, Line
from thulium.ingest import cutting
from thulium.ingest.readers import alto, page
from thulium.runtime.errors import DataError
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

SIZE = (300, 200)
NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/"

# As Transkribus writes it: reading order and type in @custom, words, a baseline, a table.
TRANSKRIBUS = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<PcGts xmlns="{NAMESPACE}2013-07-15">
  <Metadata><Creator>prov=READ-COOP</Creator></Metadata>
  <Page imageFilename="p.png" imageWidth="300" imageHeight="200" type="content">
    <TextRegion type="paragraph" id="r1" custom="readingOrder {{index:0;}} structure {{type:paragraph;}}">
      <Coords points="0,0 300,0 300,90 0,90"/>
      <TextLine id="r1l1" custom="readingOrder {{index:0;}}">
        <Coords points="10,10 290,10 290,50 10,50"/><Baseline points="10,40 290,40"/>
        <Word id="w1"><Coords points="10,10 90,10 90,50 10,50"/><TextEquiv><Unicode>Anno</Unicode></TextEquiv></Word>
        <Word id="w2"><Coords points="90,10 290,10 290,50 90,50"/><TextEquiv><Unicode>1742</Unicode></TextEquiv></Word>
        <TextEquiv><PlainText>plain</PlainText><Unicode>Anno  1742.</Unicode></TextEquiv>
      </TextLine>
    </TextRegion>
    <TextRegion id="r2" custom="readingOrder {{index:1;}} structure {{type:marginalia;}}">
      <TextLine id="r2l1" custom="structure {{type:note;}}">
        <Coords points="10,60 90,60 90,90 10,90"/><TextEquiv><PlainText>in the margin</PlainText></TextEquiv>
      </TextLine>
      <TextRegion id="r3"><TextLine id="r3l1"><Coords points="10,92 90,92 90,99 10,99"/>
        <TextEquiv><Unicode>nested</Unicode></TextEquiv></TextLine></TextRegion>
    </TextRegion>
    <TableRegion id="t1"><TableCell id="c1"><TextLine id="c1l1"><Coords points="10,100 90,100 90,140 10,140"/>
      <TextEquiv><Unicode>cell</Unicode></TextEquiv></TextLine></TableCell></TableRegion>
  </Page>
</PcGts>"""

# Of 2017: several transcriptions of one line; a line nobody has read; two lines with one name.
SEVERAL = f"""<?xml version="1.0"?>
<PcGts xmlns="{NAMESPACE}2017-07-15"><Page imageFilename="p.png" imageWidth="300" imageHeight="200">
  <TextRegion id="r"><TextLine id="l"><Coords points="10,10 290,10 290,50 10,50"/>
    <TextEquiv index="2"><Unicode>two</Unicode></TextEquiv>
    <TextEquiv index="0"><Unicode>zero</Unicode></TextEquiv><TextEquiv index="1"><Unicode>one</Unicode></TextEquiv>
  </TextLine>
  <TextLine id="l"><Coords points="10,60 290,60 290,90 10,90"/><TextEquiv><Unicode>without</Unicode></TextEquiv>
  </TextLine>
  <TextLine><Coords points="10,60 290,60 290,90 10,90"/><TextEquiv><Unicode></Unicode></TextEquiv></TextLine>
  </TextRegion></Page></PcGts>"""

# As eScriptorium writes it.
ESCRIPTORIUM = f"""<?xml version="1.0" encoding="UTF-8"  standalone="yes"?>
<PcGts xmlns="{NAMESPACE}2019-07-15" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="{NAMESPACE}2019-07-15 {NAMESPACE}2019-07-15/pagecontent.xsd">
  <Page imageFilename="p.png" imageWidth="300" imageHeight="200">
    <TextRegion id="eSc_dummyblock_" custom="structure {{type:MainZone;}}">
      <TextLine id="a" custom="structure {{type:DefaultLine:Handwritten;}}">
        <Coords points="10,10 290,10 290,50 10,50 10,10"/><Baseline points="10,40 150,41 290,40"/>
        <TextEquiv><Unicode>é &amp; è</Unicode></TextEquiv>
      </TextLine>
      <TextLine id="b" custom="structure {{type:HeadingLine;}}">
        <Baseline points="10,100 290,100"/><TextEquiv><Unicode>without a polygon</Unicode></TextEquiv>
      </TextLine>
    </TextRegion>
  </Page>
</PcGts>"""


@pytest.fixture(autouse=True)
def no_margin(monkeypatch):
    """Sizes are then those of the outline."""
    monkeypatch.setattr(cutting, "MARGIN", 0)


def draw(path, size=SIZE, **more):
    image = Image.new("L", size, 230)
    ImageDraw.Draw(image).rectangle((20, 20, 60, 40), fill=30)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **more)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def root(tmp_path):
    draw(tmp_path / "p.png")
    return tmp_path


def dataset_of(root, kind="page", **changes):
    return replace(experiment_of(parse(f"dataset: {{type: {kind}, root: '{root}'}}")).dataset, **changes)


def read(root, **changes):
    dataset = dataset_of(root, **changes)
    return [item for unit in page.units(dataset) for item in page.read(unit, dataset)]


def texts(root, **changes):
    return [item.text for item in read(root, **changes) if isinstance(item, Line)]


def fault_of(root, **changes):
    """The only thing that is read, a fault."""
    (fault,) = read(root, **changes)
    assert isinstance(fault, Fault)
    assert fault.where.startswith(str(root))
    assert fault.what
    return fault


def line_xml(coords='<Coords points="10,10 290,10 290,50 10,50"/>', page='imageWidth="300" imageHeight="200"'):
    return (
        f'<PcGts xmlns="{NAMESPACE}2019-07-15"><Page imageFilename="p.png" {page}><TextRegion><TextLine id="l">{coords}'
        "<TextEquiv><Unicode>a line</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"
    )


def test_what_transkribus_writes_is_read(root):
    write(root / "p.xml", TRANSKRIBUS)
    lines = read(root)
    assert [line.text for line in lines] == ["Anno  1742.", "in the margin", "nested", "cell"]
    assert [line.id for line in lines] == ["p/r1l1", "p/r2l1", "p/r3l1", "p/c1l1"]
    assert {(line.page, line.document) for line in lines} == {("p", ".")}
    assert lines[0].source == f"{root / 'p.xml'}#r1l1"
    assert [line.load().size for line in lines] == [(280, 40), (80, 30), (80, 7), (80, 40)]


def test_words_are_joined_where_the_document_asks_for_them(root):
    write(root / "p.xml", TRANSKRIBUS)
    assert texts(root, level="word") == ["Anno 1742", "in the margin", "nested", "cell"]


def test_words_stand_in_for_a_line_without_a_text(root):
    write(root / "p.xml", TRANSKRIBUS.replace("Anno  1742.", ""))
    write(root / "q.xml", TRANSKRIBUS.replace("Anno  1742.", "").replace("<PlainText>plain</PlainText>", ""))
    assert [text for text in texts(root) if text in ("plain", "Anno 1742")] == ["plain", "Anno 1742"]


def test_several_transcriptions_are_told_apart_by_their_index(root):
    write(root / "p.xml", SEVERAL)
    assert texts(root) == ["zero", "without"]
    assert texts(root, text_index="highest") == ["two", "without"]
    assert texts(root, text_index=1) == ["one"]


def test_lines_get_names_of_their_own(root):
    write(root / "p.xml", SEVERAL)
    lines = read(root)
    assert [line.id for line in lines[:2]] == ["p/l", "p/l-2"]
    assert lines[2].where == f"{root / 'p.xml'}#line-3"
    assert (lines[2].reason, lines[2].is_error) == ("no transcription", False)


@pytest.mark.parametrize(
    ("written", "name"),
    [("r 1 l 1", "r 1 l 1"), ("  a  b ", "a b"), ("a&#10;b", "a b"), (" ", "line-1"), ("x" * 999, "x" * 200)],
)
def test_a_name_of_a_line_is_one_row_of_some_length(root, written, name):
    write(root / "p.xml", line_xml().replace('id="l"', f'id="{written}"'))
    assert read(root)[0].id == f"p/{name}"


def test_what_escriptorium_writes_is_read_and_a_bare_baseline_gets_a_band(root):
    write(root / "p.xml", ESCRIPTORIUM)
    lines = read(root)
    assert [line.text for line in lines] == ["é & è", "without a polygon"]
    assert lines[1].load().size == (280, 72)  # the next baseline is 60 pixels away


def test_points_that_are_elements_are_read(root):
    corners = "".join(f'<Point x="{x}" y="{y}"/>' for x, y in ((10, 10), (290, 10), (290, 50), (10, 50)))
    write(root / "p.xml", line_xml(f"<Coords>{corners}</Coords>").replace("2019-07-15", "2010-03-19"))
    assert read(root)[0].load().size == (280, 40)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"region_types": ("marginalia",)}, ["in the margin", "nested"]),
        ({"region_types": ("paragraph", "other")}, ["Anno  1742."]),
        ({"region_types": ("content",)}, []),  # the type of the page
        ({"line_types": ("note",)}, ["in the margin"]),
    ],
)
def test_lines_are_filtered_by_type(root, changes, expected):
    write(root / "p.xml", TRANSKRIBUS)
    assert texts(root, **changes) == expected
    faults = [item for item in read(root, **changes) if isinstance(item, Fault)]
    assert len(faults) == 4 - len(expected)
    assert {(fault.reason, fault.is_error) for fault in faults} == {(f"{next(iter(changes))[:-6]} type", False)}


def test_a_type_is_all_that_stands_before_the_semicolon(root):
    write(root / "p.xml", ESCRIPTORIUM)
    assert texts(root, line_types=("DefaultLine:Handwritten",)) == ["é & è"]


def test_no_image_is_decoded_for_texts_and_one_is_decoded_once(root, monkeypatch):
    from thulium.ingest.readers import page_image

    decoded = []
    monkeypatch.setattr(page_image, "open_grey", lambda *a, **k: decoded.append(a) or Image.new("L", SIZE))
    write(root / "p.xml", TRANSKRIBUS)
    lines = read(root)
    assert decoded == []
    assert [line.load().mode for line in lines] == ["L"] * 4
    assert len(decoded) == 1


def test_units_and_lines_can_be_sent_to_other_processes(root):
    write(root / "p.xml", TRANSKRIBUS)
    dataset = dataset_of(root)
    (unit,) = pickle.loads(pickle.dumps(page.units(dataset)))
    lines = pickle.loads(pickle.dumps(list(page.read(unit, dataset))))
    assert lines[0].load().size == (280, 40)


def test_pages_come_in_the_order_of_their_names_and_side_files_are_passed_over(root):
    for name in ("b/p.xml", "a/z.xml", "a/page/p.xml", ".hidden.xml", ".git/p.xml", "a/mets.xml", "a/METADATA.xml"):
        write(root / name, TRANSKRIBUS)
    assert [unit.page for unit in page.units(dataset_of(root))] == ["a/p", "a/z", "b/p"]


def test_two_files_of_one_page_get_two_names(root):
    write(root / "page" / "p.xml", TRANSKRIBUS)
    write(root / "p.xml", TRANSKRIBUS)
    assert [unit.page for unit in page.units(dataset_of(root))] == ["p", "p-2"]


def test_a_folder_that_is_none_is_an_error(root):
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        page.units(dataset_of(root / "nowhere"))
    with pytest.raises(DataError, match=r"holds no \.xml files"):
        page.units(dataset_of(root))


@pytest.mark.parametrize(
    ("xml", "image", "named"),
    [
        ("p.xml", "p.png", "p.png"),
        ("p.xml", "images/p.png", "p.png"),
        ("p.xml", "img/p.png", "p.png"),
        ("page/p.xml", "p.png", "p.png"),
        ("page/p.xml", "images/p.png", "p.png"),
        ("p.xml", "a b.png", "a%20b.png"),
        ("p.xml", "a b.png", "C:\\scans\\a b.png"),
        ("p.xml", "x.png", "https://example.org/iiif/x.png"),
        ("p.xml", "x.PNG", "x.png"),
        ("p.xml", "x.png", "x.tif"),
        ("p.xml", "p.PNG", "https://example.org/full/0/default.jpg"),
        ("p.xml", "p.png", ""),
        ("p.xml", "p.png", "../../" * 9 + "etc/p.png"),
        ("p.xml", "p.png", "\u00e9" * 300 + ".png"),
    ],
)
def test_the_image_is_found(tmp_path, xml, image, named):
    draw(tmp_path / image)
    write(tmp_path / xml, line_xml().replace('"p.png"', f'"{named}"'))
    (line,) = read(tmp_path)
    assert (line.page, line.load().size) == ("p", (280, 40))


def test_an_image_outside_the_root_is_missing(tmp_path):
    draw(tmp_path / "p.png")
    write(tmp_path / "page" / "p.xml", TRANSKRIBUS.replace('"p.png"', '"../p.png"'))
    fault = fault_of(tmp_path / "page")
    assert (fault.reason, fault.is_page, fault.is_error) == ("missing image", True, True)
    assert "names the image '../p.png', which leads out of dataset.root, where nothing is read" in fault.what
    assert "set dataset.root to the folder above" in fault.what


@pytest.mark.parametrize("size", [(300, 200), (600, 400), (150, 100), (601, 398)])
def test_points_are_scaled_with_the_image(tmp_path, size):
    draw(tmp_path / "p.png", size)
    write(tmp_path / "p.xml", line_xml())
    assert read(tmp_path)[0].load().size == pytest.approx((280 * size[0] / 300, 40 * size[1] / 200), abs=2)


def test_an_image_of_another_shape_is_a_fault(tmp_path):
    draw(tmp_path / "p.png", (300, 210))
    write(tmp_path / "p.xml", line_xml())
    fault = fault_of(tmp_path)
    assert (fault.reason, fault.is_page) == ("image of another shape", True)
    assert "300x200" in fault.what
    assert "300x210" in fault.what


@pytest.mark.parametrize("size", ["", 'imageWidth="0" imageHeight="0"', 'imageWidth="nan" imageHeight="-1"'])
def test_a_page_that_does_not_know_its_size_counts_in_pixels(root, size):
    write(root / "p.xml", line_xml(page=size))
    assert read(root)[0].load().size == (280, 40)


@pytest.mark.parametrize(("stored", "turned"), [((200, 300), True), ((300, 200), False)])
def test_a_picture_is_turned_by_its_exif_where_that_fits_the_xml(tmp_path, stored, turned):
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(tmp_path / "p.jpg", stored, exif=exif)
    write(tmp_path / "p.xml", line_xml().replace("p.png", "p.jpg"))
    image = np.asarray(read(tmp_path)[0].load())
    assert image.shape == (40, 280)
    assert (image[:, 240:].min() < 100, image[:, :60].min() < 100) == (turned, not turned)


@pytest.mark.parametrize(
    ("content", "reason", "place"),
    [
        (b"", "XML not well-formed", ":1"),
        (b"hello", "XML not well-formed", ":1"),
        (b"\0\0\0\0", "XML not well-formed", ":1"),
        (TRANSKRIBUS[:900], "XML not well-formed", ":"),
        (f"<PcGts xmlns='{NAMESPACE}2019-07-15'>\n<Page>\n</PcGts>", "XML not well-formed", ":3"),
        ("<!DOCTYPE a [<!ENTITY x 'x'>]>\n" + line_xml(), "DOCTYPE in XML", ":1"),
        ("<?xml version='1.0'?><!-- > --><!DOCTYPE a SYSTEM 'http://a.b/c'>" + line_xml(), "DOCTYPE in XML", ":1"),
        (("<!DOCTYPE a><a/>").encode("utf-16"), "DOCTYPE in XML", ":1"),
        (line_xml().replace("a line", "&x;"), "XML not well-formed", ":1"),
        (line_xml().replace(NAMESPACE, "http://example.org/"), "not a PAGE file", ":1"),
        ("<TEI xmlns='http://www.tei-c.org/ns/1.0'/>", "not a PAGE file", ":1"),
        ("<a>" * 100_000, "XML not well-formed", ":1"),
        (f"<PcGts xmlns='{NAMESPACE}2019-07-15'/>", "no lines", ":1"),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", "wrong encoding", ":1"),
        (line_xml().encode().replace(b"a line", b"\xff\xfe"), "wrong encoding", ":1"),
    ],
)
def test_xml_that_cannot_be_used_is_a_fault_of_the_page(root, content, reason, place):
    write(root / "p.xml", content)
    fault = fault_of(root)
    assert (fault.reason, fault.is_page, fault.is_error) == (reason, True, True)
    assert fault.where.startswith(f"{root / 'p.xml'}{place}")


def test_an_entity_bomb_is_refused_at_once(root):
    laughs = "".join(f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 12))
    bomb = f"<!DOCTYPE x [<!ENTITY a0 'ha'>{laughs}]>" + line_xml(page='x="&a11;"').replace("a line", "&a11;")
    write(root / "p.xml", bomb)
    assert fault_of(root).reason == "DOCTYPE in XML"


def test_an_external_entity_is_not_read(root):
    write(root / "secret.txt", "secret")
    doctype = f"<!DOCTYPE x [<!ENTITY e SYSTEM '{(root / 'secret.txt').as_uri()}'>]>"
    write(root / "p.xml", doctype + line_xml().replace("a line", "&e;"))
    assert fault_of(root).reason == "DOCTYPE in XML"


def test_a_file_that_is_too_large_is_not_parsed(root, monkeypatch):
    monkeypatch.setattr("thulium.ingest.readers.xmlfile.MAX_BYTES", 500)
    write(root / "p.xml", line_xml() + " " * 500)
    assert fault_of(root).reason == "XML too large"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_xml_of_other_encodings_is_read(root, encoding):
    declaration = "<?xml version='1.0' encoding='ISO-8859-1'?>" if encoding == "latin-1" else ""
    write(root / "p.xml", (declaration + line_xml().replace("a line", "été")).encode(encoding))
    assert texts(root) == ["été"]


def test_comments_are_no_text(root):
    write(root / "p.xml", line_xml().replace("a line", "a <!-- no --> line<?and no?>"))
    assert texts(root) == ["a  line"]


def test_a_page_without_lines_and_a_page_nobody_has_read_are_no_errors(tmp_path):
    write(tmp_path / "a.xml", f"<PcGts xmlns='{NAMESPACE}2019-07-15'><Page imageFilename='no.png'/></PcGts>")
    write(tmp_path / "b.xml", line_xml().replace("a line", " "))
    found = [(fault.reason, fault.is_error, fault.is_page) for fault in read(tmp_path)]
    assert found == [("no lines", False, True), ("no transcription", False, False)]


@pytest.mark.parametrize(
    ("coords", "reason"),
    [
        ("", "no coordinates"),
        ('<Coords points=""/>', "no coordinates"),
        ('<Coords/><Baseline points="10,40"/>', "no coordinates"),
        ('<Coords points="10,10 290,10 290"/>', "malformed points"),
        ('<Coords points="10,10 ten,10 290,50"/>', "malformed points"),
        ('<Coords points="10,10 nan,10 290,50"/>', "malformed points"),
        ('<Coords points="10,10 inf,10 290,50"/>', "malformed points"),
        ('<Coords points="10,10 1e300,10 290,50"/>', "malformed points"),
        ('<Coords><Point x="1"/></Coords>', "malformed points"),
        (f'<Coords points="10,10 {"9" * 5000},10 290,50"/>', "malformed points"),
        ('<Coords points="10,10 290,10 290,50"/><Baseline points="a"/>', "malformed points"),
        ('<Coords points="10,10 10,10 10,10"/>', "zero-area polygon"),
        ('<Coords points="10,10 290,10"/>', "zero-area polygon"),
        ('<Coords points="900,10 990,10 990,50"/>', "polygon outside the image"),
        ('<Coords points="-900,-10 -990,-10 -990,-50"/>', "polygon outside the image"),
    ],
)
def test_a_line_that_cannot_be_cut_is_a_fault_of_its_own(root, coords, reason):
    write(root / "p.xml", line_xml(coords))
    fault = fault_of(root)
    assert (fault.reason, fault.where, fault.is_page, fault.is_error) == (reason, f"{root / 'p.xml'}#l", False, True)
    assert len(fault.what) < 250


def test_points_far_outside_do_no_harm(root):
    write(root / "p.xml", line_xml('<Coords points="-900000,10 900000,10 900000,50 -900000,50"/>'))
    assert read(root)[0].load().size == (300, 40)


def test_a_missing_image_is_one_fault_of_the_page(tmp_path):
    write(tmp_path / "p.xml", TRANSKRIBUS)
    (tmp_path / "p.png").mkdir()
    assert fault_of(tmp_path).reason == "missing image"


@pytest.mark.parametrize("content", [b"", b"hello"])
def test_an_image_that_is_none_is_one_fault_of_the_page(root, content):
    write(root / "p.xml", TRANSKRIBUS)
    write(root / "p.png", content)
    fault = fault_of(root)
    assert (fault.reason, fault.is_page) == ("unreadable image", True)
    assert fault.what.startswith(f"its image {root / 'p.png'} is not an image that can be read")


def test_a_broken_image_is_a_fault_of_each_line_and_is_decoded_once(root):
    Image.effect_noise(SIZE, 90).save(root / "p.png")
    write(root / "p.png", (root / "p.png").read_bytes()[:9000])
    write(root / "p.xml", TRANSKRIBUS)
    for line in read(root):
        with pytest.raises(ImageFault, match=r"p\.png cannot be decoded"):
            line.load()


def test_a_page_of_the_other_format_is_left_to_its_reader(root):
    write(root / "page" / "p.xml", TRANSKRIBUS)
    write(root / "alto" / "p.xml", '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"/>')
    faults = [item for item in read(root) if isinstance(item, Fault)]
    assert [(fault.reason, fault.is_error) for fault in faults] == [("another format", False)]
    assert len(texts(root)) == 4


PAGES = lab.CHECKOUT.parent / "shared" / "data" / "pages-dev"


@pytest.mark.skipif(not PAGES.is_dir(), reason="the page images to develop with are not here")
@pytest.mark.parametrize(("folder", "expected"), [("bronod-page+alto", 79), ("timeus-page+alto", 151)])
def test_page_and_alto_of_the_same_pages_give_the_same_lines(folder, expected):
    lines = {}
    for kind, reader in (("page", page), ("alto", alto)):
        dataset = dataset_of(PAGES / folder, kind)
        found = [item for unit in reader.units(dataset) for item in reader.read(unit, dataset)]
        lines[kind] = [line for line in found if isinstance(line, Line)]
    described = [[(line.id, line.page, line.document, line.text) for line in found] for found in lines.values()]
    assert described[0] == described[1]
    assert len(described[0]) == expected
    for one, other in list(zip(*lines.values()))[:5]:
        assert np.array_equal(np.asarray(one.load()), np.asarray(other.load()))
