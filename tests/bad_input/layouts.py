"""PAGE and ALTO."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import lab
import lab_data
from PIL import Image

from bad_input.cases import Spoil, Table

FILE, IMAGE = "data/pages/train/p0.xml", "data/pages/train/p0.png"
POLYGON, BASELINE = "26,34 360,38 360,84 26,80", "30,70 350,74"  # of the first line
LINES = 4  # of a page
BOMB = '<!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
REACH = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'

_page, _alto = Table("page"), Table("alto")


def _file(root: Path) -> Path:
    return root / "train" / "p0.xml"


def _image(root: Path) -> Path:
    return root / "train" / "p0.png"


def _replace(*pairs: str) -> Spoil:
    """Replaces texts, each by the next, that stand in the first page's file once."""

    def spoil(root: Path) -> None:
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            lab.edit(_file(root), old, new)

    return spoil


def _sub(pattern: str, new: str = "") -> Spoil:
    """Replaces the first place that a pattern finds."""

    def spoil(root: Path) -> None:
        text = _file(root).read_text(encoding="utf-8")
        changed = re.sub(pattern, new, text, count=1, flags=re.DOTALL)
        assert changed != text
        _file(root).write_text(changed, encoding="utf-8")

    return spoil


def _content(content: str) -> Spoil:
    return lambda root: _file(root).write_text(content, encoding="utf-8") and None


def _cut_off(root: Path) -> None:
    text = _file(root).read_text(encoding="utf-8")
    _file(root).write_text(text[: len(text) // 2], encoding="utf-8")


def _no_image(root: Path) -> None:
    _image(root).unlink()


def _text_for_image(root: Path) -> None:
    _image(root).write_text("Anno 1742\n")


def _cut_image(root: Path) -> None:
    _image(root).write_bytes(_image(root).read_bytes()[:1000])


def _other_shape(root: Path) -> None:
    Image.new("L", (420, 420), 230).save(_image(root))


def _half_size(root: Path) -> None:
    with Image.open(_image(root)) as image:
        smaller = image.resize((image.width // 2, image.height // 2))
    smaller.save(_image(root))


def _image_one_up(root: Path) -> None:
    (root / "train" / "page").mkdir()
    _file(root).rename(root / "train" / "page" / "p0.xml")


def _nothing(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()
    (root / "mets.xml").write_text("<mets/>")


def _files(table: Table, root: str, other: str) -> None:
    """XML that is none, or is of something else."""
    for title, reason, at, spoil in (
        ("An XML file that is cut off", "XML not well-formed", f"{FILE}:", _cut_off),
        ("An XML file of 0 bytes", "XML not well-formed", f"{FILE}:1", _content("")),
        ("A DTD bomb (billion laughs)", "DOCTYPE in XML", f"{FILE}:1", _replace("?>\n", f"?>{BOMB}\n")),
        ("An entity that reaches for another file", "DOCTYPE in XML", f"{FILE}:1", _replace("?>\n", f"?>{REACH}\n")),
        ("A namespace of something else", f"not {other} file", f"{FILE}:2", _sub('(?<=xmlns=")[^"]+', "urn:tei")),
        ("Another kind of XML", f"not {other} file", f"{FILE}:1", _content('<html xmlns="urn:html"/>')),
        ("No page in the file", "no lines", f"{FILE}:2", _sub("<(Page|Layout)[ >].*(?=</)")),
        ("UTF-8 that calls itself UTF-16", "wrong encoding", f"{FILE}:1", _replace('"UTF-8"?', '"UTF-16"?')),
        ("UTF-8 that calls itself Latin-1", "wrong encoding", f"{FILE}:1", _replace('"UTF-8"?', '"ISO-8859-1"?')),
        ("An image that is not there", "missing image", "p0.png", _no_image),
        ("A text file in place of the image", "unreadable image", IMAGE, _text_for_image),
        ("An image that is cut off", "unreadable image", IMAGE, _cut_image),
        ("An image of another shape", "image of another shape", "420x420", _other_shape),
    ):
        table.skippable(title, FILE, at, skipped={reason: 1}, lost=LINES)(spoil)
    table.kept("An image of half the size: the coordinates are scaled")(_half_size)
    table.kept("XML in a folder page/ or alto/, its image one folder up")(_image_one_up)
    table.refused("A folder without any pages", "data/pages")(_nothing)


def _points(table: Table) -> None:
    """Coordinates of a line, as both formats have them."""
    outside, flat = "26,934 360,938 360,984 26,980", "26,34 360,34 26,34"
    for title, reason, points in (
        ("A polygon outside the image, and no baseline", "polygon outside the image", outside),
        ("A polygon without any area, and no baseline", "zero-area polygon", flat),
    ):
        table.skippable(title, f"{FILE}#l0", skipped={reason: 1})(_replace(POLYGON, points, BASELINE, ""))
    for title, points in (
        ("A polygon outside the image: a band round the baseline is cut", outside),
        ("A polygon without any area: a band round the baseline is cut", flat),
        ("A polygon that is that of the next line: a band round the baseline is cut", "26,94 360,98 360,144 26,140"),
    ):
        found = "remarks/outline off the baseline"
        table.reported(title, f"{FILE}#l0", found=found)(_replace(POLYGON, points))
    table.skippable("A letter in a polygon's numbers", f"{FILE}#l0", skipped={"malformed points": 1})(
        _replace(POLYGON, "26,34 36O,38 360,84 26,80")
    )
    for title, points in (
        ("A polygon that reaches out of the image: what lies inside is cut", "-26,-34 860,38 860,84 -26,80"),
        ("A polygon that crosses itself", "26,34 360,84 360,38 26,80"),
        ("A polygon that is written with commas only", "26,34,360,38,360,84,26,80"),
    ):
        table.kept(title)(_replace(POLYGON, points))


def _elements(table: Table) -> None:
    """Lines where none can be, or of something else."""
    line, other = r'<TextLine (I[Dd]|id)="l1"(.*?)</TextLine>', r'<x:TextLine xmlns:x="urn:x" \1="l1"\2</x:TextLine>'
    table.skippable("A line of another namespace", f"{FILE}#l1", skipped={"line of another namespace": 1})(
        _sub(line, other)
    )
    table.skippable("A line outside of the page", f"{FILE}#l1", skipped={"line out of place": 1})(
        _sub(rf"({line})(.*)(?=</(PcGts|alto)>)", r"\4\1")
    )
    table.kept("A line without the file's namespace")(_sub('<TextLine (?=(ID|id)="l1")', '<TextLine xmlns="" '))
    table.skippable("Two pages in one file", f"{FILE}:", skipped={"several pages": 1}, lost=LINES)(
        _sub("</Page>", "</Page><Page/>")
    )


_files(_page, "PcGts", "a PAGE")
_points(_page)
_elements(_page)
for title, reason, points in (
    ("A polygon that lacks its last number", "malformed points", "26,34 360,38 360,84 26"),
    ("A polygon with NaN", "malformed points", "26,34 nan,38 360,84 26,80"),
    ("A polygon with a number that no page can have", "malformed points", "26,34 9e99,38 360,84 26,80"),
):
    _page.skippable(title, f"{FILE}#l0", skipped={reason: 1})(_replace(POLYGON, points))
_page.kept("A baseline that is a single point: the line is taken to be level")(_replace(BASELINE, "30,70"))
_page.kept("A baseline that runs from right to left")(_replace(BASELINE, "350,74 30,70"))
_page.kept("No polygon: a band round the baseline is cut")(_sub(f'<Coords points="{POLYGON}"/>'))
_page.skippable("Neither polygon nor baseline", f"{FILE}#l0", skipped={"no coordinates": 1})(
    _sub("<Coords[^>]*><Baseline[^>]*>")
)
_page.left_out(
    "A line that has recognised text only, on a page with corrected lines",
    f"{FILE}#l1",
    skipped={"recognised text only": 1},
)(_sub('index="0"(?=><Unicode>den 3)', 'index="1" conf="0.6"'))
_page.skippable("Two transcriptions that no index ranks", f"{FILE}#l1", skipped={"several transcriptions": 1})(
    _sub('(?<=<TextEquiv index="0">)(<Unicode>)(den 3. May 0</Unicode>)', r"\1\2\1other </Unicode>")
)
_page.reported("A transcription with a confidence", f"{FILE}#l1", found="remarks/has a confidence")(
    _sub('index="0"(?=><Unicode>den 3)', 'index="0" conf="0.9"')
)
_page.reported("A region that is turned by 180 degrees", f"{FILE}#l1", found="remarks/turned")(
    _sub('<TextRegion id="r1"', '<TextRegion id="r1" orientation="180"')
)
_page.skippable("An orientation that is no number", f"{FILE}#l1", skipped={"malformed orientation": 1})(
    _sub('<TextRegion id="r1"', '<TextRegion id="r1" orientation="upside down"')
)
_page.left_out("A page without lines", FILE, skipped={"no lines": 1}, lost=LINES)(_sub("<TextRegion.*</TextRegion>"))
_page.left_out("A line that nobody has transcribed", f"{FILE}#l1", skipped={"no transcription": 1})(
    _sub("(?<=<Unicode>)den 3. May 0")
)
_page.left_out("An ALTO file among PAGE files", "data/pages/train/extra.xml", skipped={"another format": 1}, lost=0)(
    lambda root: _extra(root, '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"/>')
)
_page.kept("Two lines of one id")(_replace('id="l1"', 'id="l0"'))
_page.kept("Lines without ids")(_replace('id="l0"', "", 'id="l1"', ""))
_page.kept("An image that is named with the folder of another machine")(
    _replace('imageFilename="p0.png"', 'imageFilename="../../Scans\\p0.png"')
)
_page.skippable("An image of 0 bytes", FILE, skipped={"unreadable image": 1}, lost=LINES)(
    lambda root: _image(root).write_bytes(b"") and None
)

_files(_alto, "alto", "an ALTO")
_points(_alto)
_elements(_alto)
_alto.kept("No polygon: the line's box is cut")(_sub("<Shape>.*?</Shape>"))
_alto.skippable("Neither polygon, box nor baseline", f"{FILE}#l0", skipped={"no coordinates": 1})(
    _sub(' HPOS="30" VPOS="34".*?</Shape>', ">")
)
_alto.left_out("A page without lines", FILE, skipped={"no lines": 1}, lost=LINES)(_sub("<TextBlock.*</TextBlock>"))
_alto.left_out("A line that nobody has transcribed", f"{FILE}#l1", skipped={"no transcription": 1})(
    _sub('(?<=CONTENT=")den 3. May 0')
)
_alto.left_out("A PAGE file among ALTO files", "data/pages/train/extra.xml", skipped={"another format": 1}, lost=0)(
    lambda root: _extra(root, f'<PcGts xmlns="{lab_data.PAGE_NS}"/>')
)
_alto.skippable(
    "Tenths of a millimetre, and no page size to compare the image with",
    f"{FILE}:",
    skipped={"no page size": 1},
    lost=LINES,
)(_replace(">pixel<", ">mm10<", ' WIDTH="420" HEIGHT="320"', ""))


def _extra(root: Path, content: str) -> None:
    (root / "train" / "extra.xml").write_text(content, encoding="utf-8")


def _second_files(root: Path) -> None:
    """Beside each XML file a second one, as of a transcription that was brought to one spelling."""
    for file in sorted(root.rglob("*.xml")):
        shutil.copy(file, file.with_suffix(".norm.xml"))


def _second_file(root: Path) -> None:
    shutil.copy(_file(root), _file(root).with_suffix(".norm.xml"))


for _table in (_page, _alto):
    _table.skippable(
        "A second XML file for one image",
        "data/pages/train/p0.norm.xml",
        FILE,
        "dataset.files: '*.norm.xml'",
        skipped={"two files for one image": 1},
        lost=0,
    )(_second_file)
    _table.left_out(
        "The same of each page, where the document names the files to read",
        "4 files not read (excluded 4)",
        skipped={"excluded": 4},
        lost=0,
        document={"files": "*.norm.xml"},
    )(_second_files)
    _table.left_out(
        "The same, where the document excludes the others",
        "4 files not read (excluded 4)",
        skipped={"excluded": 4},
        lost=0,
        document={"exclude": ["*.norm.xml"]},
    )(_second_files)
    _table.refused("A pattern for the files to read that fits none", "data/pages", document={"files": "*.nrm.xml"})(
        lambda root: None
    )
    _table.left_out(
        "A pattern of files to leave out that fits none",
        "'drafts/*'",
        skipped={"pattern without a file": 1},
        lost=0,
        document={"exclude": ["drafts/*"]},
    )(lambda root: None)


PAGE, ALTO = _page.cases, _alto.cases
