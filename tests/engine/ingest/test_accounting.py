"""Every line of the data is accounted for: used, not transcribed, filtered or skipped."""

from __future__ import annotations

import ast
import json
import re
import shutil
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import lab
import lab_data
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import thulium
from thulium.cli import warnings
from thulium.data.line import Fault
from thulium.data.prepared import open_prepared
from thulium.ingest.accounting import CATEGORIES, NOT_READ, OF_NO_LINE, REASONS, Accounts, category_of
from thulium.runtime.errors import DataError
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.validate import experiment_of
from thulium_dsl.text.document import parse

PAGES_DEV = lab.CHECKOUT.parent / "shared" / "data" / "pages-dev"
NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/"


def counts_are_whole(counts):
    return counts["found"] == counts["used"] + sum(counts[category] for category in CATEGORIES)


def check(report):
    """All sums hold; returns the accounts."""
    accounts = report["accounting"]
    assert counts_are_whole(accounts["lines"])
    assert all(map(counts_are_whole, accounts["splits"].values()))
    assert all(map(counts_are_whole, accounts["files"]))
    for name in ("found", "used", *CATEGORIES):
        assert accounts["lines"][name] == sum(counts[name] for counts in accounts["splits"].values())
    for category in CATEGORIES:
        assert accounts["lines"][category] == sum(accounts["reasons"][category].values())
    for split, counts in report["splits"].items():
        assert accounts["splits"][split]["used"] == counts["lines"]
    return accounts


def run(experiment, out, text, **preprocessing):
    dataset = experiment_of(parse(f"dataset: {{{text}}}")).dataset
    parts = {"preprocessing": replace(experiment.preprocessing, **preprocessing), "resources": experiment.resources}
    try:
        return prepare(dataset=dataset, out=out, **parts)
    except DataError as error:  # as a user does who reads what it says
        if not (seed := re.search(r"set dataset\.split\.seed to (\d+)", str(error))):
            raise
    return prepare(dataset=lab.changed(dataset, ["split", "seed"], int(seed[1])), out=out, **parts)


def text_lines(file):
    """How many TextLine elements a file has, by its letters."""
    return len(re.findall(r"<(?:[\w.-]+:)?TextLine[\s/>]", file.read_text(encoding="utf-8")))


def change(file, *pairs):
    text = file.read_text(encoding="utf-8")
    for old, new in pairs:
        assert re.search(old, text, flags=re.DOTALL), f"{file}: {old}"
        text = re.sub(old, new, text, flags=re.DOTALL)
    file.write_text(text, encoding="utf-8")


OUTSIDE = [
    ("26,94 360,98 360,144 26,140", "2600,94 3600,98 3600,144 2600,140"),
    ("30,130 350,134", "3000,130 3500,134"),
]
WIDE = ("26,154 360,158 360,204 26,200", "2,154 418,158 418,204 2,200")
EVERY_PAGE = {
    "p0": [WIDE],
    "p1": [(lab_data.PAGE_NS, f"{NAMESPACE}2013-07-15")],
    "p2": [(lab_data.PAGE_NS, f"{NAMESPACE}2017-07-15")],
    "p3": [(lab_data.PAGE_NS, f"{NAMESPACE}2024-07-15")],
    "p4": [(r"<(/?)(?=\w)(?!xml)", r"<\1pc:"), ("xmlns=", "xmlns:pc=")],
    "p5": [  # a table, and a region in a region
        ('<TextRegion id="r1" type="paragraph">', '<TableRegion id="r1"><TableCell id="c">'),
        ('</TextRegion>(?=<TextRegion id="r2")', "</TableCell></TableRegion>"),
        ('</TextRegion><TextRegion id="r3" type="paragraph">', '<TextRegion id="r3" type="paragraph">'),
        ("</TextRegion></Page>", "</TextRegion></TextRegion></Page>"),
    ],
    "p6": [(r"<Unicode>den 3\. May 6</Unicode>", "<Unicode> </Unicode>")],
    "p7": OUTSIDE,
    "p8": [("(?<=two  hens) 8", " Ω")],
    "p9": [("<TextRegion.*</TextRegion>", "")],
    "p10": [('imageWidth="420"', 'imageWidth="999"')],
    "p11": [("</PcGts>", "")],
    "p12": [('type="paragraph"', 'type="drop-capital"')],
}
EVERY_ALTO = {
    "p0": [WIDE],
    "p1": [(lab_data.ALTO_NS, "http://www.loc.gov/standards/alto/ns-v3#")],
    "p2": [(lab_data.ALTO_NS, "http://www.loc.gov/standards/alto/ns-v2#")],
    "p3": [(f' xmlns="{lab_data.ALTO_NS}"', "")],
    "p4": [(r"<(/?)(?=\w)(?!xml)", r"<\1alto:"), ("xmlns=", "xmlns:alto=")],
    "p5": [
        ('<TextBlock ID="r2"', '<ComposedBlock ID="c"><TextBlock ID="r2"'),
        ("</PrintSpace>", "</ComposedBlock></PrintSpace>"),
    ],
    "p6": [(r'CONTENT="den 3\. May 6"', 'CONTENT=" "')],
    "p7": OUTSIDE,
    "p8": [("(?<=two  hens) 8", " Ω")],
    "p9": [("<TextBlock.*</TextBlock>", "")],
    "p10": [('WIDTH="420"', 'WIDTH="999"')],
    "p11": [("</alto>", "")],
    "p12": [('TAGREFS="T2"', 'TAGREFS="T1"')],
}


@pytest.mark.parametrize(("kind", "changes"), [("page", EVERY_PAGE), ("alto", EVERY_ALTO)])
def test_each_line_of_xml_is_counted_once(kind, changes, experiment, tmp_path):
    root = tmp_path / "pages"
    lab_data.write_pages(root, kind, 18)
    files = {file.stem: file for file in root.rglob("*.xml")}
    for name, pairs in changes.items():
        change(files[name], *pairs)
    files["p13"].with_suffix(".png").unlink()
    files["p14"].with_suffix(".png").write_bytes(b"")
    second = Path(shutil.copy(files["p15"], files["p15"].with_name("p15.norm.xml")))
    other = "alto" if kind == "page" else "page"
    lab_data.write_pages(tmp_path / "other", other, 1)
    foreign = Path(shutil.copy(tmp_path / "other" / "doc0" / "p0.xml", root / "foreign.xml"))
    excluded = Path(shutil.copy(files["p16"], files["p16"].with_name("p16.draft.xml")))
    for split, pages in {"train": [*range(13), 13, 14, 15], "val": [16]}.items():
        named = [*(f"p{page}.xml" for page in pages), *(["p15.norm"] if split == "train" else [])]
        (tmp_path / split).write_text("\n".join(named))
    (tmp_path / "test").write_text("p17/l0\np17/l1\n")  # the other lines of this page are in no list
    lists = ", ".join(f"{split}_list: '{tmp_path / split}'" for split in ("train", "val", "test"))
    known = json.dumps(sorted(set("".join(lab_data.PAGE_TEXTS) + "0123456789secondby")), ensure_ascii=False)
    text = f"type: {kind}, root: '{root}', on_error: skip, max_skipped: 1.0, exclude: ['*.draft.xml'], {lists}"
    text += f", text: {{charset: {known}, on_unknown: drop_line}}, region_types: [paragraph, heading]"
    report = run(experiment, tmp_path / "out", text, max_width=180, wide_lines="skip")
    accounts = check(report)
    broken = files["p11"]
    read = {str(file): text_lines(file) for file in root.rglob("*.xml") if file not in (foreign, excluded)}
    read[str(broken)] = 0  # nobody knows
    assert {row["file"]: row["found"] for row in accounts["files"]} == read
    assert accounts["lines"]["found"] == sum(read.values())
    assert accounts["files_not_read"] == {"XML not well-formed": 1, "another format": 1, "excluded": 1}
    assert str(second) in read
    reasons = {reason for counts in accounts["reasons"].values() for reason in counts}
    expected = {"no transcription", "region type", "in no list", "unknown character", "too wide", "missing image"}
    expected |= {"unreadable image", "image of another shape", "polygon outside the image", "two files for one image"}
    assert reasons == (expected if kind == "page" else expected - {"region type"})
    assert accounts["splits"]["test"]["used"] == 2


@pytest.mark.parametrize("kind", ["page", "alto"])
@pytest.mark.skipif(not PAGES_DEV.is_dir(), reason="the pages to develop with are not here")
def test_each_line_of_real_pages_is_counted_once(kind, experiment, tmp_path):
    other = {"page": "alto", "alto": "page"}[kind]
    files = {str(file): text_lines(file) for file in PAGES_DEV.rglob("*.xml") if file.parent.name != other}
    files = {file: number for file, number in files.items() if kind == "alto" or "peraire" not in file}
    text = f"type: {kind}, root: '{PAGES_DEV}'"
    report = run(experiment, tmp_path / "out", text)
    accounts = check(report)
    assert {row["file"]: row["found"] for row in accounts["files"]} == files
    assert accounts["lines"]["found"] == sum(files.values())


def test_each_pair_is_counted_once(experiment, tmp_path):
    root = lab_data.write_gt_txt(tmp_path / "lines", 6, 4)
    texts = sorted(root.rglob("*.gt.txt"))
    texts[0].write_text("")
    texts[1].write_text("two\nrows\n")
    texts[2].unlink()
    Path(str(texts[3]).replace(".gt.txt", ".png")).unlink()
    Path(str(texts[4]).replace(".gt.txt", ".png")).write_bytes(b"")
    text = f"type: gt_txt, root: '{root}', on_error: skip, max_skipped: 1.0"
    accounts = check(run(experiment, tmp_path / "out", text))
    assert accounts["lines"] == {"found": 24, "used": 19, "not_transcribed": 2, "filtered": 0, "skipped": 3}
    assert accounts["splits"].get("unknown") is None
    assert accounts["files"] == []


def test_each_row_of_a_table_is_counted_once(experiment, tmp_path):
    root = lab_data.write_parquet(tmp_path / "tables", 6, 4)
    rows = pq.read_table(root / "lines.parquet").to_pylist()
    rows[0]["text"] = None
    rows[1]["image"] = None
    rows[2]["page"] = ""
    pq.write_table(pa.Table.from_pylist(rows), root / "lines.parquet", row_group_size=10)
    text = f"type: parquet, root: '{root}', page_column: page, on_error: skip, max_skipped: 1.0"
    accounts = check(run(experiment, tmp_path / "out", f"{text}"))
    assert accounts["lines"] == {"found": 24, "used": 21, "not_transcribed": 1, "filtered": 0, "skipped": 2}
    assert accounts["splits"]["unknown"]["skipped"] == 1  # of the row without its page


def test_each_row_of_labels_is_counted_once_in_its_split(experiment, tmp_path):
    lab.write_data(tmp_path)
    (tmp_path / "test" / "images" / "000.png").write_bytes(b"")
    (tmp_path / "test" / "images" / "001.png").unlink()
    (tmp_path / "val" / "images" / "more.png").write_bytes(b"")
    folders = ", ".join(f"{split}_dir: '{tmp_path / split}'" for split in ("train", "val", "test"))
    report = run(experiment, tmp_path / "out", f"type: custom, {folders}, on_error: skip, max_skipped: 1.0")
    splits = check(report)["splits"]
    assert splits["train"] == {"found": 8, "used": 8, "not_transcribed": 0, "filtered": 0, "skipped": 0}
    assert splits["test"] == {"found": 3, "used": 1, "not_transcribed": 0, "filtered": 0, "skipped": 2}
    assert splits["val"] == {"found": 3, "used": 2, "not_transcribed": 0, "filtered": 0, "skipped": 1}
    data = open_prepared(tmp_path / "out")
    assert [data.lines_left_out(split) for split in ("train", "val", "test")] == [0, 1, 2]
    assert warnings.accounts(report) == (
        "14 lines found: 11 used, 3 skipped (image without a row 1, missing image 1, unreadable image 1)"
    )


def test_lines_that_are_not_transcribed_are_none_that_were_left_out_of_a_split(experiment, tmp_path):
    root = lab_data.write_gt_txt(tmp_path / "lines", 6, 4)
    for text in root.rglob("*line0.gt.txt"):
        text.write_text("")
    run(experiment, tmp_path / "out", f"type: gt_txt, root: '{root}'")
    assert open_prepared(tmp_path / "out").lines_left_out("test") == 0


def test_a_report_of_an_older_version_does_not_say_what_was_left_out(experiment, prepared, tmp_path):
    out = Path(shutil.copytree(prepared, tmp_path / "out"))
    (out / "report.json").write_text("{}")
    assert open_prepared(out).lines_left_out("test") is None
    (out / "report.json").unlink()
    assert open_prepared(out).lines_left_out("test") is None


def test_where_every_line_is_used_nothing_is_said():
    accounts = Accounts()
    accounts.use("train")
    assert warnings.accounts({"accounting": accounts.report()}) == ""


def test_the_sentence_names_reasons_and_files_that_were_not_read():
    accounts = Accounts()
    for _ in range(221):
        accounts.use("train", "a.xml")
    accounts.leave_out(Fault(reason="no transcription", where="a.xml#1", what="", is_error=False), "val", "a.xml")
    accounts.leave_out(Fault(reason="missing image", where="b.xml", what="", is_page=True, num_lines=12), None, "b.xml")
    accounts.leave_out(Fault(reason="zero-area polygon", where="a.xml#2", what=""), None, "a.xml")
    accounts.leave_out(Fault(reason="unknown name in a list", where="l:1", what="", num_lines=0))
    accounts.leave_out(Fault(reason="XML not well-formed", where="c.xml", what="", is_page=True, num_lines=0))
    accounts.leave_out(Fault(reason="another format", where="d", what="", is_error=False, is_page=True, num_lines=9))
    assert warnings.accounts({"accounting": accounts.report()}) == (
        "235 lines found: 221 used, 1 not transcribed, 13 skipped (missing image 12, zero-area polygon 1); 2 files not "
        "read (XML not well-formed 1, another format 1)"
    )
    assert accounts.report()["files"][1] == {
        "file": "b.xml",
        "found": 12,
        "used": 0,
        "not_transcribed": 0,
        "filtered": 0,
        "skipped": 12,
        "reasons": {"missing image": 12},
    }


def test_an_error_is_skipped_whatever_its_reason():
    assert category_of(Fault(reason="no transcription", where="", what="")) == "skipped"


def reasons_of_no_error():
    """The reason of each fault in the code that may be none: a text, with * where it varies."""
    for path in sorted(Path(thulium.__path__[0]).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            is_error = named.get("is_error")
            if is_error is None or (isinstance(is_error, ast.Constant) and is_error.value):
                continue
            reason = named.get("reason", call.args[0] if call.args else None)
            if isinstance(reason, ast.Name) and reason.id in constants:
                yield path.name, constants[reason.id]
            elif isinstance(reason, ast.Constant):
                yield path.name, reason.value
            elif isinstance(reason, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "*" for part in reason.values)
                yield path.name, "".join(parts)


def test_each_reason_that_is_no_error_has_its_place():
    known = {*REASONS, *NOT_READ, *OF_NO_LINE}
    found = list(reasons_of_no_error())
    assert len(found) >= 8
    lost = [(file, reason) for file, reason in found if not any(fnmatch(name, reason) for name in known)]
    assert lost == [], "add it to thulium/ingest/accounting.py"
