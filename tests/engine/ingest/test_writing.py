"""A text goes into its line, and no other byte of the file changes."""

from __future__ import annotations

import lab
import lab_data
import lab_xsd
import pytest

from thulium.ingest.inputs import Pages, find
from thulium.ingest.readers.xmlfile import PageFault, content_of
from thulium.ingest.writing.lines import NewText, has_text, put
from thulium.ingest.writing.pages import NewFile
from thulium.ingest.writing.spans import XmlText, changed_tag, quoted, unwritable
from thulium.runtime.documents import defaults

NEW = NewText('Jan & "Piet" <3>', 0.98765)
EQUIV = '<TextEquiv conf="0.9877"><Unicode>Jan &amp; "Piet" &lt;3&gt;</Unicode></TextEquiv>'
CONTENT = 'CONTENT="Jan &amp; &quot;Piet&quot; &lt;3&gt;"'

PAGE = """<?xml version='1.0' encoding="UTF-8"  standalone="yes"?>
<!-- of the archive: é -->
<PcGts xmlns="{namespace}"
       xmlns:x="urn:x"><Page imageFilename='a.png'
  imageWidth = "9"><ReadingOrder/>
    <TextRegion  id="r" x:mark='"'>
      <TextLine id="l"  custom='a>b' >
        <?note kept?>
        <Coords points="0,0 9,0 9,9"></Coords>
        <!-- <TextLine> -->
        <Baseline points="0,9 9,9"/>{text}<UserDefined>&#233;<![CDATA[<b>]]></UserDefined>
      </TextLine>
    </TextRegion></Page></PcGts><!-- end -->
"""
ALTO = """<?xml version="1.0"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page><PrintSpace><TextBlock>
  <TextLine ID="l"
            HPOS="1"  VPOS='2' WIDTH="3" HEIGHT="4">
    <Shape><Polygon POINTS="0 0 9 0 9 9"/></Shape>{text}
  </TextLine></TextBlock></PrintSpace></Page></Layout></alto>
"""


def written(content: bytes, format_name: str, present: str = "keep", new: NewText = NEW) -> bytes:
    """The file with a text in each of its lines."""
    file = XmlText(content)
    for line in file.lines:
        put(file, line, new, format_name, present)  # type: ignore[arg-type]
    return file.written()


@pytest.mark.parametrize("year", ["2013-07-15", "2019-07-15", "2024-07-15"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_a_page_line_gets_its_text_and_the_rest_stays(year: str, end: str, encoding: str) -> None:
    page = PAGE.replace("{namespace}", lab_data.PAGE_NS.replace("2019-07-15", year)).replace("\n", end)
    page = page.replace("UTF-8", "UTF-8" if encoding == "utf-8-sig" else encoding.upper())
    inserted = f"{end}        " + EQUIV.replace("><Unicode", f">{end}          <Unicode").replace(
        "</Unicode>", f"</Unicode>{end}        "
    )
    found = written(page.format(text="").encode(encoding), "PAGE")
    assert found == page.format(text=inserted).encode(encoding)


def test_what_an_encoding_lacks_is_written_as_its_number() -> None:
    page = PAGE.replace("UTF-8", "iso-8859-1").replace("{namespace}", lab_data.PAGE_NS).format(text="")
    found = written(page.encode("iso-8859-1"), "PAGE", new=NewText("Łódź é", None))
    assert b"<Unicode>&#321;\xf3d&#378; \xe9</Unicode>" in found


def test_a_prefix_of_the_namespace_is_kept() -> None:
    page = f'<p:PcGts xmlns:p="{lab_data.PAGE_NS}"><p:TextLine><p:Coords points=""/></p:TextLine></p:PcGts>'
    prefixed = EQUIV.replace("<", "<p:").replace("<p:/", "</p:")
    expected = page.replace("</p:TextLine>", f"{prefixed}</p:TextLine>")
    assert written(page.encode(), "PAGE") == expected.encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<TextEquiv/>", EQUIV),
        ('<TextEquiv index="0"></TextEquiv>', EQUIV.replace(" conf", ' index="0" conf')),
        ("<TextEquiv ><Unicode/></TextEquiv>", EQUIV.replace('"><', '" ><', 1)),
        ("<TextEquiv conf='0.1'><Unicode> </Unicode></TextEquiv>", EQUIV),
    ],
)
def test_the_empty_place_of_a_text_is_filled(before: str, after: str) -> None:
    page = PAGE.replace("{namespace}", lab_data.PAGE_NS)
    assert written(page.format(text=before).encode(), "PAGE").decode() == page.format(text=after)


TEXT = '<Word id="w"><TextEquiv><Unicode>a</Unicode></TextEquiv></Word><TextEquiv><Unicode>a</Unicode></TextEquiv>'


@pytest.mark.parametrize(
    ("present", "after"),
    [
        ("keep", TEXT),
        ("replace", EQUIV),
        (
            "alternative",
            TEXT.replace("</Word><TextEquiv>", '</Word><TextEquiv index="0">')
            + EQUIV.replace(" conf", ' index="1" conf'),
        ),
    ],
)
def test_a_text_stays_or_goes_or_gets_company(present: str, after: str) -> None:
    page = PAGE.replace("{namespace}", lab_data.PAGE_NS)
    assert written(page.format(text=TEXT).encode(), "PAGE", present).decode() == page.format(text=after)


@pytest.mark.parametrize(
    ("present", "before", "after"),
    [
        ("keep", "", f'\n    <String {CONTENT} HPOS="1" VPOS="2" WIDTH="3" HEIGHT="4" WC="0.9877"/>'),
        ("keep", "<String CONTENT=''\n  HPOS='7'></String>", f"<String {CONTENT}\n  HPOS='7' WC=\"0.9877\"></String>"),
        ("keep", '<String CONTENT="a"/>', '<String CONTENT="a"/>'),
        ("alternative", '<String CONTENT="a"/>', '<String CONTENT="a"/>'),
        ("replace", '<String ID="s" CONTENT="a" CC="1" WC="1"/>', f'<String ID="s" {CONTENT} WC="0.9877"/>'),
        ("replace", '<String CONTENT="a"><Glyph CONTENT="a"/></String>', f'<String {CONTENT} WC="0.9877"/>'),
        (
            "replace",
            '<String CONTENT="a" HPOS="1" VPOS="5"/><SP/> <String CONTENT="b"/><HYP CONTENT="-"/>',
            f'<String {CONTENT} HPOS="1" VPOS="2" WC="0.9877" WIDTH="3" HEIGHT="4"/> ',
        ),
    ],
)
def test_an_alto_line_has_its_text_in_one_string(present: str, before: str, after: str) -> None:
    assert written(ALTO.format(text=before).encode(), "ALTO", present).decode() == ALTO.format(text=after)


def test_words_alone_are_a_text() -> None:
    page = PAGE.replace("{namespace}", lab_data.PAGE_NS)
    texts = ("", "<TextEquiv><Unicode/></TextEquiv>", TEXT.partition("</Word>")[0] + "</Word>")
    found = [has_text(XmlText(page.format(text=text).encode()).lines[0]) for text in texts]
    assert found == [False, False, True]


def test_attributes_change_in_their_places() -> None:
    tag = "<a x = '1'\n y=\">\" z='&#10;' />"
    assert changed_tag(tag, {"x": 'a"b', "z": None, "w": "2"}) == '<a x = "a&quot;b"\n y=">" w="2" />'
    assert quoted("\t\n\r<") == '"&#9;&#10;&#13;&lt;"'
    assert (unwritable("a\x07b"), unwritable("a\tñ\U0001f600")) == ("\x07", "")


def test_a_file_that_would_come_back_otherwise_is_refused() -> None:
    page = PAGE.replace("{namespace}", lab_data.PAGE_NS).format(text="").replace("UTF-8", "utf-7")
    with pytest.raises(PageFault, match="cannot be written back as it is"):
        XmlText(page.encode())


def turned(root, kind: str) -> list[bytes]:
    """The pages below a folder in the other format, all lines read as one text."""
    other, spec = {"page": "ALTO", "alto": "PAGE"}[kind], defaults().preprocessing
    found = []
    for source in find([root], spec):
        assert isinstance(source, Pages)
        page = NewFile(source, True, "replace", other)
        for line in page.unread(spec):
            page.put(page.name_of(line.source), NEW)
        found.append(page.written())
    return found


@pytest.mark.parametrize("kind", ["page", "alto"])
def test_a_page_in_the_other_format_has_the_same_lines_in_the_same_places(kind: str, tmp_path) -> None:
    root = lab_data.write_pages(tmp_path / "pages", kind, pages=1)
    (content,) = turned(root, kind)
    other = {"page": "alto", "alto": "page"}[kind]
    (root / "doc0" / "p0.xml").write_bytes(content)
    spec = defaults().preprocessing
    before = {line.id: line.image.tobytes() for line in _lines(lab_data.write_pages(tmp_path / "same", kind, pages=1))}
    (again,) = find([root], spec)
    assert isinstance(again, Pages)
    assert again.format_name == other.upper()
    lines = list(_lines(root))
    assert {line.text for line in lines} == {NEW.text}
    assert {line.id: line.image.tobytes() for line in lines} == before
    lab_xsd.check(content)


def _lines(root):
    from thulium.ingest.writing.pages import PageFile

    spec = defaults().preprocessing
    for source in find([root], spec):
        yield from PageFile(source, True).unread(spec)


PAGES = lab.CHECKOUT.parent / "shared" / "data" / "pages-dev"


@pytest.mark.skipif(not PAGES.is_dir(), reason="the pages are not here")
def test_real_pages_keep_every_byte_round_their_texts() -> None:
    for file in sorted(PAGES.rglob("*.xml")):
        content = content_of(file)
        assert XmlText(content).written() == content
        assert len(XmlText(content).lines) == content.count(b"<TextLine")
