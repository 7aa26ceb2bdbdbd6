"""Small data sets in each format, drawn for the tests."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

PAGE_TEXTS = ("Anno 1742", "den 3. May", "two  hens", "Jân de Wit")
PAGE_NS = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
ALTO_NS = "http://www.loc.gov/standards/alto/ns-v4#"
LINE_HEIGHT, TOP, LEFT = 60, 40, 30


def draw_line(text: str, width: int = 0) -> Image.Image:
    """A line image with a text in a plain font."""
    image = Image.new("L", (width or 12 * len(text) + 16, 40), 235)
    ImageDraw.Draw(image).text((8, 6), text, fill=20, font_size=22)
    return image


def write_gt_txt(root: Path, pages: int = 6, lines: int = 4) -> Path:
    """Folders page0, page1 … with NAME.png and NAME.gt.txt; each page's lines have an own text."""
    for page in range(pages):
        folder = root / f"doc{page % 3}" / f"page{page}"
        folder.mkdir(parents=True)
        for number in range(lines):
            text = f"{PAGE_TEXTS[number % 4]} {page}"
            draw_line(text).save(folder / f"p{page}_line{number}.png")
            (folder / f"p{page}_line{number}.gt.txt").write_text(text + "\n", encoding="utf-8")
    return root


def png_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(root: Path, pages: int = 6, lines: int = 4) -> Path:
    """One table with images, texts and every other column, and a second column of each kind."""
    root.mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    for page in range(pages):
        for number in range(lines):
            text = f"{PAGE_TEXTS[number]} {page}"
            other = draw_line(f"other {text}")
            rows.append(
                {
                    "image": {"bytes": png_of(draw_line(text)), "path": f"{page}-{number}.png"},
                    "text": text,
                    "picture": png_of(other),
                    "words": f"other {text}",
                    "name": f"line {page}.{number}",
                    "page": f"page {page}",
                    "book": f"book {page % 3}",
                    "hand": f"hand {page % 4}",
                }
            )
    pq.write_table(pa.Table.from_pylist(rows), root / "lines.parquet", row_group_size=10)
    return root


def write_pages(root: Path, kind: str, pages: int = 6) -> Path:
    """Page images with PAGE (``page``) or ALTO (``alto``) XML beside them; baselines slope a little.

    Each page has a paragraph and a heading region; the last line of a page has the type "note"; the first line has
    two transcriptions and words in PAGE.
    """
    for page in range(pages):
        folder = root / f"doc{page % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.new("L", (420, TOP + LINE_HEIGHT * len(PAGE_TEXTS) + 40), 230)
        for number, text in enumerate(PAGE_TEXTS):
            ImageDraw.Draw(image).text((LEFT, TOP + LINE_HEIGHT * number), f"{text} {page}", fill=20, font_size=30)
        image.save(folder / f"p{page}.png")
        write = {"page": page_xml, "alto": alto_xml}[kind]
        (folder / f"p{page}.xml").write_text(write(f"p{page}.png", image.size, page), encoding="utf-8")
    return root


def _shape(number: int) -> tuple[str, str]:
    """Polygon and baseline of a line, as "x,y x,y"."""
    top = TOP + LINE_HEIGHT * number - 6
    polygon = f"{LEFT - 4},{top} {LEFT + 330},{top + 4} {LEFT + 330},{top + 50} {LEFT - 4},{top + 46}"
    return polygon, f"{LEFT},{top + 36} {LEFT + 320},{top + 40}"


def page_xml(image: str, size: tuple[int, int], page: int) -> str:
    regions = []
    for number, text in enumerate(PAGE_TEXTS):
        polygon, baseline = _shape(number)
        custom = ' custom="structure {type:note;}"' if number == 3 else ""
        words = extra = ""
        if number == 0:
            words = "".join(
                f'<Word id="w{i}"><TextEquiv><Unicode>{word}</Unicode></TextEquiv></Word>'
                for i, word in enumerate(("by", "words", str(page)))
            )
            extra = f'<TextEquiv index="1"><Unicode>second {page}</Unicode></TextEquiv>'
        regions.append(
            f'<TextRegion id="r{number}" type="{"heading" if number == 0 else "paragraph"}"><TextLine id="l{number}"'
            f'{custom}><Coords points="{polygon}"/><Baseline points="{baseline}"/>{words}'
            f'<TextEquiv index="0"><Unicode>{text} {page}</Unicode></TextEquiv>{extra}</TextLine></TextRegion>'
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><PcGts xmlns="{PAGE_NS}"><Page imageFilename="{image}" '
        f'imageWidth="{size[0]}" imageHeight="{size[1]}">{"".join(regions)}</Page></PcGts>'
    )


def alto_xml(image: str, size: tuple[int, int], page: int) -> str:
    blocks = []
    for number, text in enumerate(PAGE_TEXTS):
        polygon, baseline = _shape(number)
        top = TOP + LINE_HEIGHT * number - 6
        tags = ' TAGREFS="T3"' if number == 3 else ' TAGREFS="T4"'
        blocks.append(
            f'<TextBlock ID="r{number}" TAGREFS="{"T1" if number == 0 else "T2"}"><TextLine ID="l{number}"{tags} '
            f'HPOS="{LEFT}" VPOS="{top}" WIDTH="330" HEIGHT="50" BASELINE="{baseline}">'
            f'<Shape><Polygon POINTS="{polygon}"/></Shape><String CONTENT="{text} {page}"/></TextLine></TextBlock>'
        )
    tags = "".join(
        f'<OtherTag ID="{name}" LABEL="{label}"/>'
        for name, label in (("T1", "heading"), ("T2", "paragraph"), ("T3", "note"), ("T4", "default"))
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><alto xmlns="{ALTO_NS}"><Description><MeasurementUnit>pixel'
        f"</MeasurementUnit><sourceImageInformation><fileName>{image}</fileName></sourceImageInformation></Description>"
        f'<Tags>{tags}</Tags><Layout><Page WIDTH="{size[0]}" HEIGHT="{size[1]}"><PrintSpace>{"".join(blocks)}'
        "</PrintSpace></Page></Layout></alto>"
    )


def change(file: Path, *pairs: tuple[str, str]) -> None:
    """Replace patterns in a file; a test in which one fits nothing fails."""
    text = file.read_text(encoding="utf-8")
    for old, new in pairs:
        text, count = re.subn(old, new, text, flags=re.DOTALL)
        assert count, f"{file}: {old}"
    file.write_text(text, encoding="utf-8")


def take_the_texts(kind: str, root: Path) -> None:
    """Take the transcriptions from a data set, in each of the ways in which they may lack."""
    if kind == "custom":
        for labels in root.rglob("labels.txt"):
            labels.write_text(labels.read_text().split(" ")[0])  # a row without a text; the other images have no row
        (root / "val" / "labels.txt").unlink()
    elif kind == "gt_txt":
        first, second, third, *others = sorted(root.rglob("*.gt.txt"))
        first.write_text("")
        second.write_text("two\nrows")
        third.write_bytes(b"\xff")
        for file in others:
            file.unlink()
    elif kind == "parquet":
        (table,) = root.rglob("*.parquet")
        pq.write_table(pq.read_table(table).drop_columns(["text"]), table)
    elif kind == "page":
        first, second, third, *others = sorted(root.rglob("*.xml"))
        change(first, ("<TextEquiv.*?</TextEquiv>", ""))
        change(second, ("<Unicode>.*?</Unicode>", "<Unicode> </Unicode>"))
        change(
            third, ("</TextEquiv>(?=</TextLine>)", "</TextEquiv><TextEquiv index='0'><Unicode>x</Unicode></TextEquiv>")
        )
        for file in others:  # what programs write that keep index 0 for what a person corrects
            change(file, ('<TextEquiv index="0">', '<TextEquiv index="1" conf="0.5">'))
    else:
        for file in root.rglob("*.xml"):
            change(file, ("<String [^>]*>", ""))
