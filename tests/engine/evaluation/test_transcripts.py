"""Texts that other programs wrote: what is no name of a line, or no UTF-8, is refused by its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from thulium.evaluation.transcripts import Transcript, read_transcripts
from thulium.runtime.errors import DataError
from thulium_dsl.grammar import column_names


@pytest.mark.parametrize("name", [None, ["a"], {"a": 1}, True, 1.5])
def test_an_id_that_is_no_name_is_refused(name: Any, tmp_path: Path) -> None:
    path = tmp_path / "read.json"
    path.write_text(json.dumps([{"id": "a", "text": "x"}, {"id": name, "text": "y"}]))
    with pytest.raises(DataError, match=r"read\.json:2: its id is no name: write a text or a number"):
        read_transcripts(path, "hypothesis")
    path.with_suffix(".jsonl").write_text(json.dumps({"id": "a", "page": [1], "text": "y"}))
    with pytest.raises(DataError, match=r"read\.jsonl:1: its page is no name"):
        read_transcripts(path.with_suffix(".jsonl"), "hypothesis")


def test_numbers_name_lines_and_a_page_may_be_lacking(tmp_path: Path) -> None:
    path = tmp_path / "read.json"
    path.write_text(json.dumps([{"id": 7, "page": None, "text": "x"}]))
    assert read_transcripts(path, "hypothesis") == {"7": Transcript("x")}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_table_in_utf_16_is_said_to_be_that(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "read.csv"
    path.write_text("id,text\na,Straße\n", encoding=encoding)
    with pytest.raises(DataError, match="is not UTF-8, but UTF-16 by its look: save it as 'CSV UTF-8'"):
        read_transcripts(path, "hypothesis")
    path.with_suffix(".txt").write_text("手紙手紙", encoding="utf-16")
    with pytest.raises(DataError, match="is not UTF-8 text, but UTF-16 by its look"):
        read_transcripts(path.with_suffix(".txt"), "hypothesis")


@pytest.mark.parametrize("image", column_names.IMAGES)
@pytest.mark.parametrize("text", column_names.TEXTS)
def test_a_table_is_read_by_each_name_of_its_columns(image: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{image};{text}\na.png;x\n")
    (tmp_path / "t.tsv").write_text(f"{text}\t{image}\nx\ta.png\n")
    for name in ("t.csv", "t.tsv"):
        assert read_transcripts(tmp_path / name, "reference") == {"a.png": Transcript("x")}
        assert read_transcripts(tmp_path / name, "hypothesis") == {"a.png": Transcript("x")}


def test_the_truth_is_taken_for_the_reference_and_the_reading_for_the_hypothesis(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,prediction,ground_truth\na.png,read,true\n")
    assert read_transcripts(tmp_path / "t.csv", "reference") == {"a.png": Transcript("true")}
    assert read_transcripts(tmp_path / "t.csv", "hypothesis") == {"a.png": Transcript("read")}


def test_two_texts_of_a_line_that_differ_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,text,ground_truth\n1,same,same\n2,one,\n3,read,true\n")
    with pytest.raises(DataError, match=r"t\.csv:4: which is the text\? 'text' and 'ground_truth' differ: keep one"):
        read_transcripts(table, "reference")
    table.write_text("id,prediction,text,label\n1,read,one,two\n")
    assert read_transcripts(table, "hypothesis")["1"].text == "read"


def test_rows_without_anything_may_stand_before_the_head(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(";;\n\nid;text;hand\n1;one;a\n")
    assert read_transcripts(table, "reference")["1"].text == "one"
    table.write_text(";;\n\nid;text;hand\n1;one\n")
    with pytest.raises(DataError, match=r"t\.csv:4: has 2 cells, its head has 3"):
        read_transcripts(table, "reference")


def test_a_table_of_names_and_texts_without_a_head_stays_one(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('name\tDr. "A"\nb\ttext\n')
    assert read_transcripts(tmp_path / "t.tsv", "reference") == {"name": Transcript('Dr. "A"'), "b": Transcript("text")}
