"""prepare's page: whole, self-contained, the same each time, and right about what a person should look at."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from thulium.cli import warnings
from thulium.data.line import Fault, Origin, Remark
from thulium.data.shards import Row
from thulium.ingest.conversion import Converted
from thulium.ingest.remarks import MEANINGS
from thulium.ingest.report import CHARACTERS_SHOWN, NAMES_FOLDED, NAMES_SHOWN, findings, write_page
from thulium.ingest.survey import Survey, charset, report
from thulium.runtime.documents import defaults
from thulium.runtime.svg import histogram
from thulium_dsl.grammar import schemas

MOST_BYTES = 1_500_000
TEXT = "a line that all have learned well enough"


def png(number: int, width: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, 24), color=number % 256).save(buffer, "PNG")
    return buffer.getvalue()


def line(
    name: str, text: str = TEXT, *, page: str = "", width: int = 400, writer: str = "", **changes: object
) -> Converted:
    """A line without a fault, but for what is changed."""
    number = sum(map(ord, name))
    source, page = f"in/{name}.png", page or name
    healthy = Converted(
        origin=Origin(id=name, page=page, document="in", source=source, writer=writer),
        text=text,
        row=Row(id=name, image=png(number, width), width=width, height=24, text=text, page=page, source=source),
        squeezed=False,
        looks=(),
        remarks=(),
        raw_form="",
        oddities=(),
        comes_back=(True, True),
        digest=name.encode(),
    )
    return replace(healthy, **changes)  # type: ignore[arg-type]


def healthy() -> Survey:
    survey = Survey()
    for split, count in (("train", 6), ("val", 2), ("test", 2)):
        for i in range(count):
            survey.add(split, line(f"{split}-{i}", page=f"{split}-page-{i // 2}"))
    return survey


def page(survey: Survey, folder: Path, order: str = "logical") -> str:
    write_page(survey, report(survey, order), charset(survey), folder / "report.html")  # type: ignore[arg-type]
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    assert (folder / "report.html").stat().st_size < MOST_BYTES
    return (folder / "report.html").read_text(encoding="utf-8")


def words(html: str) -> str:
    bare = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(bare))


FAULTS = {
    "1 image stands in more than one split": ("test", line("copy", digest=b"train-0")),
    "1 page stands in more than one split": ("test", line("late", page="train-page-0")),
    "1 image is a copy of another one in the same split": ("train", line("copy", digest=b"train-0")),
    "1 line has more text than the image has room for": ("train", line("dense", width=32)),
    "1 character stands in no training line": ("val", line("new", f"{TEXT} ĵ")),
    "1 image is blank": ("train", line("white", looks=("blank",))),
    "1 image is light on dark": ("train", line("negative", looks=("light on dark",))),
    "1 image is tiny": ("train", line("speck", looks=("tiny",))),
    "1 line was squeezed": ("train", line("two-in-one", squeezed=True)),
    "1 line does not come back from visual order as typed": ("train", line("mixed", comes_back=(False, True))),
    "1 transcription has characters that are seldom meant": ("train", line("odd", oddities=("\u202e",))),
    "Accents are typed in two ways": ("train", line("accents", raw_form="mixed")),
    **{f"1 {meaning.one}": ("train", line(remark, remarks=(remark,))) for remark, meaning in MEANINGS.items()},
}


def full_of_faults() -> Survey:
    survey = healthy()
    for split, faulty in FAULTS.values():
        survey.add(split, faulty)
    survey.accounts.leave_out(Fault(reason="unreadable image", where="in/x.png", what="the image is not an image"))
    survey.accounts.leave_out(Fault(reason="too wide", where="in/y.png", what="is wider than allowed", is_error=False))
    survey.shared_names = {"0001": {"a/0001", "b/0001"}}
    return survey


@pytest.mark.parametrize("title", FAULTS)
def test_each_fault_is_a_finding_that_names_the_line(title: str, tmp_path: Path) -> None:
    survey = healthy()
    split, faulty = FAULTS[title]
    survey.add(split, faulty)
    text = words(page(survey, tmp_path, "visual_ltr"))
    found = text[text.index("What to look at The most serious first") : text.rindex("What was skipped")]
    assert f" {title} " in found
    assert "What to do:" in found
    name = {"character": "ĵ U+0135 LATIN SMALL LETTER J WITH CIRCUMFLEX: 1 in val", "page": "train-page-0: train, test"}
    assert name.get(title.split()[1], "mixed: 1 line" if title.startswith("Accents") else faulty.row.source) in found
    assert re.search(r"There is 1 (serious )?thing to look at \.", text)


def test_every_remark_has_words_and_a_warning() -> None:
    assert set(MEANINGS) == set(get_args(Remark))
    survey = healthy()
    for remark in MEANINGS:
        survey.add("train", line(f"{remark} 1", remarks=(remark,)))
        survey.add("train", line(f"{remark} 2", remarks=(remark,)))
    said = list(warnings.of(report(survey, "logical"), defaults().dataset))
    assert said == [f"2 {meaning.more}: in/{remark} 1.png, in/{remark} 2.png" for remark, meaning in MEANINGS.items()]


def test_healthy_data_are_called_so(tmp_path: Path) -> None:
    text = words(page(healthy(), tmp_path))
    assert "10 lines with 15 different characters were read and checked: 6 to learn from, 2 for validation" in text
    assert text.count("Nothing has to be looked at.") == 2
    assert "Nothing was skipped" in text


def test_the_most_serious_comes_first_and_every_key_that_is_named_exists() -> None:
    survey = full_of_faults()
    pages = {name: split.pages for name, split in survey.splits.items()}
    found = findings(report(survey, "visual_ltr"), pages)
    levels = [finding.level for finding in found]
    assert levels == sorted(levels, key=["serious", "look", "note"].index)
    assert len(found) == len(FAULTS) + 2  # and what was skipped, and a name of two pages
    assert "1 name stands for several" in {finding.title for finding in found}
    keys = {key for finding in found for key in re.findall("`([^`]+)`", finding.do)}
    assert {key for key in keys if not schemas.find(key)} == set()


def test_what_was_skipped_is_named_by_reason_errors_apart(tmp_path: Path) -> None:
    text = words(page(full_of_faults(), tmp_path))
    assert "Could not be used unreadable image: 1 in/x.png: the image is not an image" in text
    assert "as data and document have it too wide: 1 in/y.png: is wider than allowed" in text
    assert "1 file or line could not be used" in text


def test_where_the_lines_went_stands_in_sums_and_by_file(tmp_path: Path) -> None:
    survey = healthy()
    survey.add("train", line("more"), "in/whole.xml")
    survey.add("test", line("other"), "in/part.xml")
    accounts = survey.accounts
    unread = Fault(reason="no transcription", where="in/part.xml#2", what="has none", is_error=False)
    accounts.leave_out(unread, "test", "in/part.xml")
    lost = Fault(reason="missing image", where="in/lost.xml", what="is not there", is_page=True, num_lines=1234)
    accounts.leave_out(lost, None, "in/lost.xml")
    broken = Fault(reason="XML not well-formed", where="in/<b>.xml", what="is broken", is_page=True, num_lines=0)
    accounts.leave_out(broken, None, "in/<b>.xml")
    text = words(page(survey, tmp_path))
    assert "found used not transcribed filtered skipped train 7 7 0 0 0 val 2 2 0 0 0 test 4 3 1 0 0" in text
    assert "unknown 1,234 0 0 0 1,234 all 1,247 12 1 0 1,234" in text
    assert "Files that were not read, whose lines are not counted: XML not well-formed: 1." in text
    assert "3 of 4 files have lines that are not used." in text
    files = (
        "in/lost.xml 1,234 0 0 0 1,234 missing image: 1,234",
        "in/part.xml 2 1 1 0 0 no transcription: 1",
        "in/<b>.xml 0 0 0 0 0 XML not well-formed",
    )
    assert " ".join(files) in text
    assert "whole.xml" not in text.split("Where the lines went")[-1].split("What was skipped")[0]


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    html = page(full_of_faults(), tmp_path)
    links = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert {link.split(",")[0] if link.startswith("data:") else link[0] for link in links} == {
        "data:image/png;base64",
        "#",
    }
    assert {link[1:] for link in links if link[0] == "#"} <= set(re.findall(r'id="([^"]*)"', html))
    assert not re.search(r"url\(|@import|<script|<link|https?:", html)


def test_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert page(full_of_faults(), tmp_path / "a") == page(full_of_faults(), tmp_path / "b")


def test_what_comes_from_the_data_is_escaped(tmp_path: Path) -> None:
    survey = healthy()
    hostile = "<script>alert(1)</script> & 'so'"
    survey.add("train", line(hostile, hostile, page=hostile, looks=("blank",)))
    survey.add("val", line("other", page=hostile))
    survey.accounts.leave_out(Fault(reason="<b>", where="<i>", what="<u>"))
    html = page(survey, tmp_path)
    assert not re.search("<script|<i>|<u>|<b>:", html)
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#39;so&#39;") >= 4


def test_a_file_name_that_is_no_text_is_shown_as_what_it_is(tmp_path: Path) -> None:
    survey = healthy()
    survey.accounts.leave_out(Fault(reason="unreadable image", where="in/caf\udce9.png", what="is not an image"))
    assert r"in/caf\udce9.png: is not an image" in page(survey, tmp_path)


def test_long_lists_are_cut_and_say_so(tmp_path: Path) -> None:
    survey = healthy()
    for i in range(5000):
        survey.add("train", line(f"white-{i:05}", looks=("blank",)), f"in/{i:05}.xml")
        survey.accounts.leave_out(Fault(reason="no transcription", where=f"in/{i:05}.png", what="has none"))
    html = page(survey, tmp_path)
    shown = NAMES_SHOWN + NAMES_FOLDED
    assert len(re.findall(r"<li><bdi>in/white-\d+", html)) == shown
    assert len(re.findall(r"<li><bdi>in/\d+\.png: has none", html)) == shown
    text = words(html)
    assert f"4,990 more, {NAMES_FOLDED} of them here" in text
    assert "report.json has all 5,000, under images → blank" in text
    assert "report.json has all 5,000, under skipped → no transcription" in text


def test_a_large_charset_is_cut_to_what_is_rare(tmp_path: Path) -> None:
    survey = healthy()
    survey.add("train", line("many", "".join(map(chr, range(0x4E00, 0x4E00 + CHARACTERS_SHOWN))), width=4000))
    html = page(survey, tmp_path)
    assert f"Shown are the {CHARACTERS_SHOWN} that are rarest there; charset.json has all." in words(html)
    assert "U+4E00" in html
    assert "<code>U+0061</code>" not in html  # a stands in every line


def test_characters_are_shown_so_that_they_can_be_seen(tmp_path: Path) -> None:
    survey = healthy()
    survey.add("train", line("marks", "x\u030c \u200f"))
    survey.add("val", line("new", "Ψ"))
    text = words(page(survey, tmp_path))
    assert "◌\u030c U+030C COMBINING CARON rare 1 0 0" in text
    assert "␣ U+0020 SPACE" in text
    assert "· U+200F RIGHT-TO-LEFT MARK rare 1 0 0" in text
    assert "Ψ U+03A8 GREEK CAPITAL LETTER PSI not in train 0 1 0" in text


def test_right_to_left_lines_run_so(tmp_path: Path) -> None:
    survey = healthy()
    survey.add("train", line("hebrew", "שלום"))
    html = page(survey, tmp_path, "visual_rtl")
    assert '<p dir="auto">שלום</p>' in html
    assert "left to right: 6, right to left: 1" in words(html)
    assert "taken to run to the left" in html


def test_pages_and_writers_are_counted_only_where_they_are_known(tmp_path: Path) -> None:
    survey = Survey()
    for split in survey.splits:
        survey.add(split, line(split))
    assert "lines documents characters" in words(page(survey, tmp_path))
    assert "each line counts as a page of its own" in words(page(survey, tmp_path))
    survey.add("train", line("second", page="train", writer="Anna"))
    assert "lines pages documents writers characters" in words(page(survey, tmp_path))


def test_a_histogram_has_a_bar_for_each_class_that_is_not_empty() -> None:
    chart = histogram([3, 0, 1], highest=300, title="a & b", x_title="pixels")
    (bars,) = re.findall(r'class="bars" d="([^"]*)"', chart)
    assert bars.count("M") == 2
    assert "a &amp; b" in chart
    assert histogram([0], highest=1, title="", x_title="").count("<svg") == 1
