"""CSV files: the exact texts come back; a spreadsheet runs nothing of them, and a terminal obeys nothing."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thulium.evaluation.metrics import LineResult
from thulium.evaluation.plots import write_confusions
from thulium.runtime.errors import DataError
from thulium.runtime.tables import escaped, escaped_row, read_numbered, read_table, unescaped, write_table
from thulium.stages.evaluate import _write_predictions
from thulium.training import history

TRICKY = st.text(alphabet=st.sampled_from("=+-@'\\x0a1\t\r\n\x1b\x7f\x9b ,;\"＝é手"), max_size=8)
TEXTS = TRICKY | st.text(st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=1000)
@given(TEXTS)
def test_every_text_comes_back_and_harms_nobody(text):
    cell = escaped(text)
    assert unescaped(cell) == text
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", cell)
    is_number = re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", cell)
    assert not re.match(r"\s*[=+\-@＝＋－＠]", cell) or len(cell) == 1 or is_number


@settings(max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=3), st.sampled_from(",;\t"))
def test_nothing_runs_whatever_a_spreadsheet_parts_cells_by(texts, border):
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(escaped_row(texts))
    (cells,) = csv.reader([row.getvalue()], delimiter=border)
    for cell in cells:
        is_plain = len(cell) == 1 or re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?", cell)
        is_plain = is_plain if border == "," else len(cells) == 1  # a whole row; no formula has such commas
        assert is_plain or not re.match(r"\s*[=+\-@＝＋－＠]", cell), cells


def test_a_row_with_a_semicolon_begins_like_no_formula(tmp_path):
    write_table(tmp_path / "t.csv", ("id", "page"), [("-5", "1+cmd|' /C calc'!A0;"), ("=", "a;b"), ("-5", "a")])
    written = (tmp_path / "t.csv").read_text().splitlines()
    assert written[1:] == ["'-5,1+cmd|' /C calc'!A0;", "'=,a;b", "-5,a"]
    assert [row["id"] for row in read_table(tmp_path / "t.csv")] == ["-5", "=", "-5"]


@given(TEXTS, TEXTS)
def test_different_texts_are_written_differently(one, other):
    assert (escaped(one) == escaped(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Anno 1742, den 3. May", "Anno 1742, den 3. May"),
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        (" =1+1", "' =1+1"),
        ("- item", "'- item"),
        ("a;=1+1", "'a\\x3b=1+1"),
        ('a; "=1\\', "'a\\x3b \"=1\\\\"),
        ("bread; wine", "bread; wine"),
        ("'s Gravenhage", "''s Gravenhage"),
        ("l'an", "l'an"),
        ("a\\b", "a\\b"),
        ("a\\\x1b[2J", "'a\\\\\\x1b[2J"),
        ("-0.25", "-0.25"),
        ("1e-05", "1e-05"),
        ("-", "-"),
        ("'", "'"),
        ("", ""),
    ],
)
def test_what_is_written(text, cell):
    assert (escaped(text), unescaped(cell)) == (cell, text)


@pytest.mark.parametrize("cell", ["'tis", "'t was", "'", "''", "'a\\x3b", "l'an"])
def test_an_apostrophe_that_others_wrote_stays(cell):
    assert unescaped(cell) == cell


def test_predictions_are_read_as_they_were(tmp_path):
    texts = ["=cmd|' /C calc'!A0", "@SUM(1)", "\x1b]0;x\x07", 'a "b", c', "'tis", "手 é", "\\x41"]
    results = [LineResult(f"-{n}/id", "+p", text, text[::-1]) for n, text in enumerate(texts)]
    _write_predictions(results, lambda _: b"", tmp_path / "predictions.csv")
    rows = read_table(tmp_path / "predictions.csv", ("id", "prediction"))
    assert [row["transcription"] for row in rows] == texts
    assert [row["prediction"] for row in rows] == [text[::-1] for text in texts]
    assert (rows[0]["id"], rows[0]["page"]) == ("-0/id", "+p")
    written = (tmp_path / "predictions.csv").read_text(encoding="utf-8")
    assert "\x1b" not in written
    with open(tmp_path / "predictions.csv", encoding="utf-8", newline="") as file:
        assert not any(cell[:1] in tuple("=+-@") for row in csv.reader(file) for cell in row)


def test_the_signs_of_a_plot_are_the_symbols_themselves(tmp_path):
    write_confusions([LineResult("a", "p", "-=", "+'")], tmp_path / "confusions.csv")
    assert (tmp_path / "confusions.csv").read_text(encoding="utf-8") == "actual,predicted\n-,+\n=,'\n"


def test_figures_stay_figures(tmp_path):
    kept = history.History(tmp_path / "history.csv")
    kept.add(0, {"val_loss": -0.5, "val_cer": 1.0, "val_wer": 1.0, "val_line_accuracy": 0.0})
    kept.write()
    assert (tmp_path / "history.csv").read_text().splitlines()[1] == "0,nan,-0.5,1,1,0,nan"
    assert history.read(tmp_path / "history.csv")[0]["val_loss"] == -0.5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xff", "is no CSV file in UTF-8"),
        (b"\xff\xfea\0", "is not UTF-8, but UTF-16 by its look"),
        (b'a,b\n"1', "is no CSV file"),
        (b"a,b\n1\n", "has 1 cell, its head has 2, with commas between them"),
        (b"b,c\n1,2\n", "has no column 'a'"),
        (b"", "has no column 'a'"),
        (b"a\n" + b"x" * 200_000, "is no CSV file"),
    ],
)
def test_a_file_that_is_none_says_why(tmp_path, content, says):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"t\.csv(:[12])?: .*{says}"):
        read_table(tmp_path / "t.csv", ("a",))


@pytest.mark.parametrize(
    ("beginning", "sign"),
    [
        ("id,a text;\n", ","),
        ("id;a text\n", ";"),
        ("id\ta text\n", "\t"),
        ("sep=|\r\nid|a text\r\n", "|"),
        ('"sep=\t"\n"id"\ta text\n', "\t"),
    ],
)
def test_the_sign_between_cells_is_the_one_that_the_head_has_most_often(tmp_path, beginning, sign):
    (tmp_path / "t.csv").write_text(f'{beginning}1{sign}"x; y, z\n!"\n')
    ((line, row),) = read_numbered(tmp_path / "t.csv", ("id",))
    assert list(row.values()) == ["1", "x; y, z\n!"]
    assert line == len((tmp_path / "t.csv").read_text().splitlines())


@pytest.mark.parametrize("text", ["", "epoch\n1\n", ",".join(history.COLUMNS) + "\n0,,x,1,1,0,\n"])
def test_a_history_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(DataError, match=r"history\.csv: "):
        history.read(tmp_path / "history.csv")


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    write_table(tmp_path / "new" / "t.csv", ("a",), [("=1+1",)])
    before = (tmp_path / "new" / "t.csv").read_bytes()

    def rows():
        yield ("b",)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(tmp_path / "new" / "t.csv", ("a",), rows())
    assert (tmp_path / "new" / "t.csv").read_bytes() == before


def test_a_model_is_no_table_and_what_it_has_read_is_asked_for(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"\x10\0\0\0\0\0\0\0{\xff")
    with pytest.raises(DataError, match="is a model, and what it has read is asked for"):
        read_table(file, ("id",))
