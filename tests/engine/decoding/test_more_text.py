"""Text that a language model learns from beside the training lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from thulium.data.charset import Charset
from thulium.data.prepared import open_prepared
from thulium.decoding import searches
from thulium.decoding.lm import arpa, more_text
from thulium.decoding.lm.more_text import OWN, texts_of
from thulium.runtime.errors import DataError
from thulium.stages.language_model import language_model
from thulium_dsl.grammar import schemas, zoo
from thulium_dsl.grammar.spec import BeamSpec

BEAM = BeamSpec(type="beam", beam_size=8, language_model="train", more_text="none", order=3, alpha=0.4, beta=1.0)


@pytest.fixture(scope="module")
def data(prepared):
    return open_prepared(prepared)


def test_it_stands_beside_the_training_lines_which_count_more(data, tmp_path):
    (tmp_path / "text.txt").write_text("\ufeffCafe\u0301  au lait\r\n\r\nthe\tend\r\n", encoding="utf-8")
    own = list(data.split("train").texts)
    assert texts_of(data, str(tmp_path / "text.txt")) == [*own * OWN, "Café au lait", "the end"]
    assert texts_of(data, "none") == own


@pytest.mark.parametrize(
    ("symbols", "read"),
    [
        ("dlorea\u2019", "d\u2019or l\u2019eau"),
        ("dlorea'", "d'or l'eau"),
        ("dlorea'\u2019", "d'or l\u2019eau"),
        ("dlorea", "d'or l\u2019eau"),
    ],
    ids=["curved", "straight", "both", "neither"],
)
def test_an_apostrophe_that_the_model_does_not_write_is_the_one_that_it_writes(data, tmp_path, symbols, read):
    (tmp_path / "text.txt").write_text("d'or l\u2019eau\n", encoding="utf-8")
    assert texts_of(replace(data, symbols=tuple(symbols)), str(tmp_path / "text.txt"))[-1] == read


def test_the_text_of_the_zoo_is_what_its_models_learned_from(data):
    found = texts_of(data, "zoo:latin")[OWN * len(data.split("train").texts) :]
    assert len(found) == 27687
    assert "thulium_dsl" not in "".join(found[:100])
    assert sum("religion" in line for line in found) > 10


def test_a_text_of_the_zoo_that_is_another_file_is_not_read(data, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "_PLACES", (tmp_path,))
    with pytest.raises(
        DataError, match=r"more_text: .*text\.txt\.gz is not the file of zoo:latin(.|\n)*install Thulium anew"
    ):
        texts_of(data, "zoo:latin")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "text.txt"),
        (b"\n \n", "is empty"),
        (b"\xff\xfea\0b\0", "UTF-16"),
        (b"a\n\xe9t\xe9\n", "text.txt:2"),
        (b"PK\3\4\xe9\xff", "is a ZIP archive, which is not read; word processors save such files: save its text"),
        (b"\x1f\x8b\xff", "is a gzip archive, which is not read: save its text alone"),
    ],
    ids=["none", "blank", "utf-16", "latin-1", "docx", "gz"],
)
def test_a_text_that_cannot_be_read_is_named(data, tmp_path, content, says):
    if content is not None:
        (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(DataError, match=says):
        texts_of(data, str(tmp_path / "text.txt"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("\\data\\\nngram 1=4\n", r"text\.txt:1: is no text, but a language model"),
        ("# yaml-language-server: $schema=x\nversion: 1\n", r"text\.txt:1: is no text"),
        (
            "καλημέρα\nabc\n",
            r"3 of the 11 letters of .* are in a script of the transcriptions\n *help: name a text in their",
        ),
        ("\u200b\n\u200e\n", "holds no line of text"),
        ("\n <html><body>abc\n", r"text\.txt:2: is no text, but a file with markup"),
        ("{\\rtf1 abc\n", "but a file of a word processor"),
        ("%PDF-1.4\n", "but a PDF"),
        ('[{"text": "abc"}]\n', "but JSON"),
        ("00001.png abc\n", "a table whose rows begin with the names of images"),
        ("abc\nde\0f\n", r"text\.txt:2: has the control character U\+0000"),
    ],
    ids=["arpa", "document", "greek", "invisible", "html", "rtf", "pdf", "json", "labels", "nul"],
)
def test_a_file_that_is_no_text_for_the_model_is_refused(data, tmp_path, content, says):
    (tmp_path / "text.txt").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=f"evaluation.decoding.more_text: .*{says}"):
        texts_of(data, str(tmp_path / "text.txt"))


def test_a_register_in_capitals_is_read_with_a_text_of_its_script(data):
    capitals = replace(data, symbols=tuple("ADNOPTU 1"))
    assert len(texts_of(capitals, "zoo:latin")) > 27000
    with pytest.raises(DataError, match="are in a script of the transcriptions"):
        texts_of(replace(data, symbols=tuple("αβγ 1")), "zoo:latin")


def test_figures_alone_are_a_text(data, tmp_path):
    (tmp_path / "text.txt").write_text("1848\n", encoding="utf-8")
    assert texts_of(data, str(tmp_path / "text.txt"))[-1] == "1848"


def test_what_was_read_by_it_is_said(tmp_path):
    (tmp_path / "text.txt").write_text("a\n", encoding="utf-8")
    spec = replace(BEAM, more_text=str(tmp_path / "text.txt"))
    assert f"3-grams of the training lines and {tmp_path / 'text.txt'}, alpha 0.4" in searches.say(spec)
    assert searches.facts(spec)["more text (sha256)"] == "87428fc522803d31"
    assert "more text (sha256)" not in searches.facts(BEAM)
    assert more_text.file_of("zoo:latin") == zoo.TEXTS[0].path


def test_a_language_model_as_a_file_learns_from_it_too(prepared, data, tmp_path):
    (tmp_path / "text.txt").write_text("Zürich\n", encoding="utf-8")
    made = language_model(
        prepared=prepared, order=3, text=None, more_text=str(tmp_path / "text.txt"), output=tmp_path / "lm.arpa"
    )
    assert (made.num_own, made.num_more) == (len(data.split("train").texts), 1)
    assert "Zür" in arpa.read(tmp_path / "lm.arpa").log_probs


@pytest.mark.parametrize(("rows", "is_worse"), [(["qwertz uiop"] * 400, True), (None, False)])
def test_a_text_by_which_validation_lines_are_harder_to_guess_is_named(data, tmp_path, capsys, rows, is_worse):
    rows = rows or list(data.split("val").texts)
    (tmp_path / "text.txt").write_text("\n".join(rows), encoding="utf-8")
    spec = replace(BEAM, more_text=str(tmp_path / "text.txt"))
    assert searches.language_model(spec, Charset(data.symbols), data) is not None
    said = capsys.readouterr().err
    assert ("more_text: with" in said and "harder to guess than without it" in said) == is_worse
    assert said.count("help: name a text in the language of your lines") == is_worse


@pytest.mark.parametrize("split", ["val", "test"])
def test_lines_that_judge_and_stand_in_the_text_are_named(data, prepared, tmp_path, capsys, split):
    long = [text for text in data.split(split).texts if len(text) >= more_text.LONG]
    assert long
    file = tmp_path / "text.txt"
    spec = replace(BEAM, more_text=str(file))
    file.write_text("Es begab sich aber zu der Zeit\n", encoding="utf-8")
    assert searches.say_what_is_known(spec, data, split) == 0
    assert capsys.readouterr().err == ""
    file.write_text("\n".join(f"and {text} and" for text in data.split(split).texts), encoding="utf-8")
    assert searches.say_what_is_known(spec, data, split) == len(long)
    said = f"{len(long)} of {len(long)} lines of {split} stand in {file} word for word"
    assert f"warning: evaluation.decoding.more_text: {said}" in capsys.readouterr().err
    for text, more in ((None, str(file)), (file, "none")):
        language_model(prepared=prepared, order=3, text=text, more_text=more, output=tmp_path / "lm.arpa")
        assert said in capsys.readouterr().err
    assert searches.say_what_is_known(replace(BEAM, more_text="none"), data, split) == 0


def test_the_words_of_the_schema_are_the_names_of_the_table():
    (key,) = schemas.find("evaluation.decoding.more_text")
    assert key.schema["x-words"] == ["none", *(f"zoo:{text.name}" for text in zoo.TEXTS)]


def test_a_text_that_takes_long_is_announced(data, tmp_path, capsys, monkeypatch):
    (tmp_path / "text.txt").write_text("Anno Domini\n", encoding="utf-8")
    texts_of(data, str(tmp_path / "text.txt"))
    assert "million characters" not in capsys.readouterr().err
    monkeypatch.setattr(more_text, "LARGE", 5)
    texts_of(data, str(tmp_path / "text.txt"))
    assert "million characters: a language model of them takes a minute or more" in capsys.readouterr().err
