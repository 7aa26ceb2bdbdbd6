"""``thulium predict``: lines and pages that nobody has transcribed, read with a model file alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lab
import lab_data
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

import lab_reading
import numpy as np
from lxml import etree
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from thulium.cli import model_file
from thulium.cli.main import app
from thulium.data.prepared import open_prepared
from thulium.decoding.lm import arpa, ngrams
from thulium.models.file import load_model, save_model
from thulium.models.own_lines import own_lines
from thulium.models.recogniser import Recogniser
from thulium.runtime.tables import read_table
from thulium.stages.evaluate import evaluate
from thulium.stages.prepare import prepare
from thulium_dsl.grammar.validate import load
from thulium_dsl.messages.problems import ThuliumError

SPEC = {"height": 24, "max_width": 1024}  # preprocessing of the model
EQUIV = re.compile(r'<TextEquiv conf="0\.\d{4}"><Unicode>([^<]+)</Unicode></TextEquiv>')
STRING = re.compile(r'<String CONTENT="([^"]+)" HPOS="30" VPOS="\d+" WIDTH="330" HEIGHT="50" WC="0\.\d{4}"/>')


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file that has learned nothing and still reads something else in every line."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "params.yaml").write_text(lab.DOCUMENT.replace("height: 32", "height: 24"))
    save_model(lab_reading.reader(load(folder / "params.yaml").experiment).model, folder / "best.safetensors")
    return folder / "best.safetensors"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A page in PAGE and one in ALTO, without texts."""
    for kind in ("page", "alto"):
        lab_data.write_pages(tmp_path / "pages" / kind, kind, pages=1)
    for file in (tmp_path / "pages").rglob("*.xml"):
        bare = re.sub(r"<TextEquiv.*?</TextEquiv>|<Word.*?</Word>|<String[^>]*/>", "", file.read_text("utf-8"))
        file.write_text(bare, encoding="utf-8")
    return tmp_path / "pages"


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Three line images, one of them below."""
    folder = tmp_path / "lines"
    (folder / "b").mkdir(parents=True)
    for name, text in (("a.png", "Anno 1742"), ("b/c.png", "den 3. May"), ("b/d.png", "two  hens")):
        lab_data.draw_line(text).save(folder / name)
    return folder


@dataclass
class Said:
    """What a command printed, its exit code, and the message that it ended with."""

    out: str
    err: str
    code: int


def predict(*words: object) -> Said:
    """Run the command in this process."""
    done = CliRunner().invoke(app, ["predict", *map(str, words)])
    if isinstance(done.exception, ThuliumError):
        return Said(done.stdout, f"{done.stderr}{done.exception}", 2)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Said(done.stdout, done.stderr, done.exit_code)


def texts_of(model: Path, images: Sequence[Path]) -> list[str]:
    return [reading.text for reading in Recogniser.load(model).read(images)]


def test_lines_are_shown_with_their_names(model: Path, lines: Path) -> None:
    images = [lines / "a.png", lines / "b" / "c.png", lines / "b" / "d.png"]
    first, *others = texts_of(model, images)
    assert predict(model, images[0]).out == f"{first}\n"
    assert predict(model.parent, lines).out == f"a.png\t{first}\nb/c.png\t{others[0]}\nb/d.png\t{others[1]}\n"
    assert predict(model, *images).out == "".join(
        f"{path}\t{text}\n" for path, text in zip(images, [first, *others], strict=True)
    )


def test_a_language_model_beside_the_model_file_is_used_and_said(model: Path, lines: Path, tmp_path: Path) -> None:
    shutil.copy(model, tmp_path / "m.safetensors")
    texts = ["Anno 1742", "den 3. May"] * 5
    symbols = Recogniser.load(model).model.charset.symbols
    arpa.write(ngrams.build(texts, 3, symbols, "logical"), tmp_path / "language_model.arpa.gz")
    plain = predict(tmp_path / "m.safetensors", lines)
    assert "language model" not in plain.err
    words = (tmp_path / "m.safetensors", lines, "--decoding", "beam")
    with_it = predict(*words)
    assert f"with the language model {tmp_path / 'language_model.arpa.gz'}; --language-model none" in with_it.err
    without = predict(*words, "--language-model", "none")
    assert "language model" not in without.err
    assert with_it.out != without.out
    named = predict(*words, "--language-model", tmp_path / "language_model.arpa.gz")
    assert named.out == with_it.out


def test_a_model_whose_document_asks_a_language_model_says_that_lines_are_read_without(
    model: Path, lines: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "seeds" / "1" / "checkpoints").mkdir(parents=True)
    own = Path(shutil.copy(model, project / "seeds" / "1" / "checkpoints" / "best.safetensors"))
    document, beside = project / "params.yaml", own.with_name("language_model.arpa.gz")
    document.write_text("evaluation:\n  decoding:\n    type: beam\n")
    words = (own, lines / "a.png")
    how = f"reading greedily; `thulium evaluate` reads as {document} says, by beam search\n  help: "
    assert (
        f"{how}for that, run `thulium lm {document} --output {beside}` once, and add --decoding beam"
        in predict(*words).err
    )
    # A model that the training starts from lies below the project too, and nobody evaluates it.
    (project / "models" / "zoo").mkdir(parents=True)
    other = shutil.copy(model, project / "models" / "zoo" / "model.safetensors")
    assert "reading greedily" not in predict(other, lines / "a.png").err
    beside.touch()
    assert f"{how}add --decoding beam, which reads with {beside}" in predict(*words).err
    assert "reading greedily" not in predict(*words, "--decoding", "greedy").err
    for text in ("evaluation:\n  decoding:\n    type: greedy\n", "evaluation: [\n", "evaluation:\n  decoding: 3\n", ""):
        document.write_text(text)
        assert "reading greedily" not in predict(*words).err


def test_rows_of_json_and_csv_say_how_sure_the_model_is(model: Path, lines: Path, tmp_path: Path) -> None:
    rows = [json.loads(row) for row in predict(model, lines, "--format", "json").out.splitlines()]
    assert [(row["id"], row["page"], row["image"]) for row in rows] == [
        ("a.png", "a.png", str(lines / "a.png")),
        ("b/c.png", "b", str(lines / "b" / "c.png")),
        ("b/d.png", "b", str(lines / "b" / "d.png")),
    ]
    for row in rows:
        assert "".join(character["symbol"] for character in row["characters"]).split() == row["text"].split()
        assert all(0 <= c["start"] < c["end"] and 0 < c["confidence"] <= 1 for c in row["characters"])
    predict(model, lines, "--format", "csv", "--output-dir", tmp_path / "out")
    table = read_table(tmp_path / "out" / "lines.csv")
    assert [(row["id"], row["text"]) for row in table] == [(row["id"], row["text"]) for row in rows]
    assert [float(row["confidence"]) for row in table] == [row["confidence"] for row in rows]


def test_lines_of_pages_have_their_places_in_json(model: Path, pages: Path, tmp_path: Path) -> None:
    predict(model, pages, "--format", "json", "--output-dir", tmp_path / "out")
    for file in (tmp_path / "out").rglob("p0.jsonl"):
        first = json.loads(file.read_text("utf-8").splitlines()[0])
        assert first["outline"] == [[26, 34], [360, 38], [360, 84], [26, 80]]
        assert first["baseline"] == [[30, 70], [350, 74]]
    (page,) = (pages / "page").rglob("*.xml")
    bare = re.sub("<Baseline[^>]*>", "", page.read_text("utf-8"))
    width, height = Image.open(page.with_suffix(".png")).size
    drawn = bare.replace(f'"{width}"', f'"{2 * width}"').replace(f'"{height}"', f'"{2 * height}"')
    page.write_text(drawn, encoding="utf-8")
    first = json.loads(predict(model, page, "--format", "json").out.splitlines()[0])
    assert (first["outline"], first["baseline"]) == ([[13, 17], [180, 19], [180, 42], [13, 40]], None)


def test_an_image_that_cannot_be_decoded_is_named_once(model: Path, pages: Path) -> None:
    (image,) = (pages / "page").rglob("*.png")
    image.write_bytes(image.read_bytes()[:2000])
    said = predict(model, pages / "page")
    assert said.err.count(str(image)) == 1
    assert "p0.xml: the image" in said.err
    assert "1 problem;" in said.err


def test_the_lines_most_worth_a_look_are_named_apart_from_the_texts(model: Path, lines: Path, tmp_path: Path) -> None:
    rows = [json.loads(row) for row in predict(model, lines, "--format", "json").out.splitlines()]
    rows.sort(key=lambda row: row["confidence"])
    said = predict(model, lines, "--review", 2)
    assert said.out == predict(model, lines).out
    heading, *named = re.findall(r"^(the .*:|  0\..*)$", said.err, re.MULTILINE)
    assert heading.startswith("the 2 lines most worth a look of 3, the least sure first")
    assert heading.endswith(" (confidence is not calibrated, only its order counts):")
    assert named == [f"  {row['confidence']:.3f}  {row['image']}  {row['text']}" for row in rows[:2]]
    said = predict(model, lines, "--review", 9, "--output-dir", tmp_path / "out")
    assert "the 3 lines most worth a look of 3" in said.err
    assert (tmp_path / "out" / "lines.txt").exists()
    assert "--review looked at none" not in said.err
    said = predict(model, lines, "--review", 9, "--output-dir", tmp_path / "out")  # as after an interruption
    assert "most worth a look" not in said.err
    assert "warning: --review looked at none of the lines of the file that was there already\n  help: for" in said.err
    assert "looked at none" not in predict(model, lines, "--output-dir", tmp_path / "out").err


def test_lines_that_the_model_is_not_sure_of_come_with_a_warning(model: Path, lines: Path, tmp_path: Path) -> None:
    network, facts = load_model(model)
    for number in range(17):
        shutil.copy(lines / "a.png", lines / f"a{number:02}.png")
    plain = predict(model, lines)
    assert "harder" not in plain.err  # of an older file nothing is known
    network.own_lines = own_lines(np.linspace(0.8, 1.0, 50))
    save_model(network, tmp_path / "m.safetensors", facts)
    said = predict(tmp_path / "m.safetensors", lines)
    assert (said.out, said.code) == (plain.out, 0)
    assert "warning: these 20 lines are harder for the model than the validation lines of its training" in said.err
    assert said.err.endswith("and fine-tune: docs/guides/fine-tuning.md\n")
    network.own_lines = own_lines(np.zeros(50))
    save_model(network, tmp_path / "m.safetensors", facts)
    assert "\nthese 20 lines are no harder for the model than" in predict(tmp_path / "m.safetensors", lines).err


def test_other_readings_stand_in_json_and_nowhere_else(model: Path, lines: Path, tmp_path: Path) -> None:
    words = (model, lines, "--format", "json")
    plain = [json.loads(row) for row in predict(*words).out.splitlines()]
    rows = [json.loads(row) for row in predict(*words, "--alternatives", 2).out.splitlines()]
    for row, same in zip(rows, plain, strict=True):
        others = row.pop("alternatives")
        assert row == same
        assert len({row["text"], *(other["text"] for other in others)}) == 3
    folder = ("--output-dir", tmp_path / "out")
    assert "wrote 1 file" in predict(*words, *folder).err
    assert "made of the same" not in predict(*words, "--alternatives", 2, *folder).err
    assert '"alternatives": [{"text": ' in (tmp_path / "out" / "lines.jsonl").read_text("utf-8")
    refused = predict(model, lines, "--alternatives", 2)
    assert (refused.code, refused.out) == (2, "")
    assert "only json has a place for several readings of a line: add --format json" in refused.err


def test_texts_go_into_the_xml_that_the_lines_came_from(model: Path, pages: Path, tmp_path: Path) -> None:
    said = predict(model, pages, "--output-dir", tmp_path / "out")
    assert re.search(r"^read 8 lines in .* lines/s\nwrote 2 files into .*out\n$", said.err)
    found = {}
    for kind, pattern in (("page", EQUIV), ("alto", STRING)):
        before = (pages / kind / "doc0" / "p0.xml").read_text("utf-8")
        after = (tmp_path / "out" / kind / "doc0" / "p0.xml").read_text("utf-8")
        assert pattern.sub("", after) == before
        found[kind] = pattern.findall(after)
    assert found["page"] == found["alto"]
    assert len(set(found["page"])) == 4
    shown = predict(model, pages).out.splitlines()
    assert [row.partition("\t")[2] for row in shown] == [*found["alto"], *found["page"]]


def test_the_texts_are_those_that_evaluate_judges_and_that_prepare_reads_again(model: Path, tmp_path: Path) -> None:
    lab_data.write_pages(tmp_path / "all", "page", pages=3)
    predict(model, tmp_path / "all", "--output-dir", tmp_path / "all" / "read", "--replace")
    for image in (tmp_path / "all").glob("doc*/*.png"):
        shutil.copy(image, tmp_path / "all" / "read" / image.parent.name)
    data = {"type": "page", "root": str(tmp_path / "all"), "split": {"by": "line", "val": 0.3, "test": 0.4}}
    judged, again = {}, {}
    for files, found in (("doc*/*.xml", judged), ("read/*/*.xml", again)):
        document = tmp_path / "document.yaml"
        document.write_text(json.dumps({"dataset": data | {"files": files}, "preprocessing": SPEC}))
        whole = load(document).experiment
        document.unlink()
        shared = {"resources": whole.resources}
        folder = tmp_path / files[:4]
        prepare(dataset=whole.dataset, preprocessing=whole.preprocessing, out=folder / "prepared", **shared)
        if found is again:
            for split in map(open_prepared(folder / "prepared").split, ("train", "val", "test")):
                again |= {name.removeprefix("read/"): text for name, text in zip(split.ids, split.texts, strict=True)}
        else:
            places = {"prepared": folder / "prepared", "checkpoints": folder, "out": folder, "model_file": model}
            evaluate(evaluation=whole.evaluation, **shared, **places)
            judged |= {row["id"]: row["prediction"] for row in read_table(folder / "predictions.csv")}
    assert len(again) == 12
    assert {name: again[name] for name in judged} == judged


def test_prepared_lines_labels_and_tables_are_read(model: Path, tmp_path: Path) -> None:
    folder = lab.write_lines_folder(tmp_path / "labelled", ["Anno 1742", "den 3. May"])
    expected = texts_of(model, sorted((folder / "images").iterdir()))
    assert predict(model, folder).out == f"000.png\t{expected[0]}\n001.png\t{expected[1]}\n"
    lab_data.write_parquet(tmp_path / "table", pages=1)
    table = predict(model, tmp_path / "table" / "lines.parquet").out.splitlines()
    assert [row.partition("\t")[0] for row in table] == ["lines/1", "lines/2", "lines/3", "lines/4"]
    data = {name: str(lab.write_lines_folder(tmp_path / name, [name, f"{name} hen"])) for name in ("val", "test")}
    given = {"type": "custom", "train_dir": str(folder), "val_dir": data["val"], "test_dir": data["test"]}
    (tmp_path / "d.yaml").write_text(json.dumps({"dataset": given, "preprocessing": SPEC}))
    whole = load(tmp_path / "d.yaml").experiment
    out = tmp_path / "prepared"
    prepare(dataset=whole.dataset, preprocessing=whole.preprocessing, resources=whole.resources, out=out)
    assert predict(model, out / "train").out == f"000.png\t{expected[0]}\n001.png\t{expected[1]}\n"
    assert f"name one of them, {out / 'train'}" in predict(model, out).err


def test_what_is_there_stays_and_what_somebody_changed_is_not_replaced(
    model: Path, pages: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict(model, pages, "--output-dir", out)
    first = lab.digests(out, "page", "alto")
    (out / "alto" / "doc0" / "p0.xml").unlink()
    said = predict(model, pages, "--output-dir", out)
    assert said.err.startswith("read 4 lines")
    assert f"1 file of {out}, made of the same, was there already\nwrote 1 file into {out}\n" in said.err
    assert lab.digests(out, "page", "alto") == first
    lab.edit(out / "page" / "doc0" / "p0.xml", 'id="l0"', 'id="l0" custom="corrected"')
    (out / "alto" / "doc0" / "p0.xml").write_text("mine")
    said = predict(model, pages, "--output-dir", out)
    assert said.code == 2
    for name in ("page", "alto"):
        assert f"{out}/{name}/doc0/p0.xml: was not written by `thulium predict`, or was changed since" in said.err
    assert "2 problems; nothing was read" in said.err
    assert (out / "alto" / "doc0" / "p0.xml").read_text() == "mine"


def test_what_was_read_elsewhere_is_not_replaced(model: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "lines").mkdir(parents=True)
        lab_data.draw_line(f"Anno {name}").save(tmp_path / name / "lines" / "1.png")
    out = tmp_path / "out"
    predict(model, tmp_path / "a" / "lines", "--output-dir", out)
    before = (out / "lines.txt").read_bytes()
    given = tmp_path / "b" / "lines"
    said = predict(model, given, "--output-dir", out)
    assert said.code == 2
    assert f"{out / 'lines.txt'}: was read in {tmp_path / 'a' / 'lines'}, and not in {given}" in said.err
    assert "name another --output-dir" in said.err
    assert (out / "lines.txt").read_bytes() == before
    # What it was read of has changed, or both were moved: then it is made anew.
    lab_data.draw_line("Anno c").save(tmp_path / "a" / "lines" / "2.png")
    assert predict(model, tmp_path / "a" / "lines", "--output-dir", out).code == 0
    assert len((out / "lines.txt").read_text().splitlines()) == 2
    (tmp_path / "moved").mkdir()
    for name in ("a", "out"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    (tmp_path / "moved" / "a" / "lines" / "2.png").unlink()
    moved = tmp_path / "moved"
    assert predict(model, moved / "a" / "lines", "--output-dir", moved / "out").code == 0
    assert len((moved / "out" / "lines.txt").read_text().splitlines()) == 1


def test_lines_with_a_text_keep_it_unless_it_is_asked_otherwise(model: Path, tmp_path: Path) -> None:
    root = lab_data.write_pages(tmp_path / "pages", "page", pages=1)
    source = (root / "doc0" / "p0.xml").read_bytes()
    said = predict(model, root, "--output-dir", tmp_path / "kept")
    assert "4 lines had a text already, and kept it: --replace writes over it" in said.err
    assert (tmp_path / "kept" / "doc0" / "p0.xml").read_bytes() == source
    predict(model, root, "--output-dir", tmp_path / "both", "--alternative")
    both = (tmp_path / "both" / "doc0" / "p0.xml").read_text("utf-8")
    assert re.findall(r'index="(\d)"(?: conf)?', both) == ["0", "1", "2", "0", "1", "0", "1", "0", "1"]
    predict(model, root, "--output-dir", tmp_path / "new", "--replace")
    new = (tmp_path / "new" / "doc0" / "p0.xml").read_text("utf-8")
    assert len(EQUIV.findall(new)) == 4
    assert "1742" not in new
    assert (root / "doc0" / "p0.xml").read_bytes() == source


def test_a_page_goes_into_the_other_format(model: Path, pages: Path, tmp_path: Path) -> None:
    predict(model, pages, "--output-dir", tmp_path / "own")
    predict(model, pages / "page", "--output-dir", tmp_path / "new", "--format", "alto")
    own = EQUIV.findall((tmp_path / "own" / "page" / "doc0" / "p0.xml").read_text("utf-8"))
    new = (tmp_path / "new" / "doc0" / "p0.xml").read_text("utf-8")
    assert re.findall(r'<String CONTENT="([^"]*)"', new) == own
    assert re.findall(r'<TextLine ID="(\w+)"', new) == ["l0", "l1", "l2", "l3"]


def test_words_and_letters_go_into_the_xml_with_their_places(model: Path, pages: Path, tmp_path: Path) -> None:
    plain = predict(model, pages).out.splitlines()
    texts = [row.partition("\t")[2] for row in plain]  # those of the ALTO page first
    said = predict(model, pages, "--output-dir", tmp_path / "out", "--positions", "glyph")
    assert "wrote 2 files" in said.err
    alto, page = (etree.parse(tmp_path / "out" / kind / "doc0" / "p0.xml").getroot() for kind in ("alto", "page"))
    strings = [[word.get("CONTENT") for word in line.iter("{*}String")] for line in alto.iter("{*}TextLine")]
    words = [
        [word.findtext("{*}TextEquiv/{*}Unicode") for word in line.iter("{*}Word")] for line in page.iter("{*}TextLine")
    ]
    assert [" ".join(line).split() for line in [*strings, *words]] == [text.split() for text in texts]
    assert [len(list(line.iter("{*}Glyph"))) for line in [*alto.iter("{*}TextLine"), *page.iter("{*}TextLine")]] == [
        len(text.replace(" ", "")) for text in texts
    ]
    lines = [line.findtext("{*}TextEquiv/{*}Unicode") for line in page.iter("{*}TextLine")]
    assert lines == texts[len(strings) :]
    again = predict(model, pages, "--output-dir", tmp_path / "out", "--positions", "word")
    assert "made of the same" not in again.err
    other = predict(model, pages / "page", "--output-dir", tmp_path / "new", "--format", "alto", "--positions", "word")
    assert other.code == 0
    new = etree.parse(tmp_path / "new" / "doc0" / "p0.xml").getroot()
    assert [[word.get("CONTENT") for word in line.iter("{*}String")] for line in new.iter("{*}TextLine")] == words
    assert not list(new.iter("{*}Glyph"))


def test_letters_have_no_place_in_old_alto(model: Path, pages: Path, tmp_path: Path) -> None:
    file = pages / "alto" / "doc0" / "p0.xml"
    file.write_text(file.read_text("utf-8").replace("ns-v4#", "ns-v3#"), encoding="utf-8")
    said = predict(model, pages, "--output-dir", tmp_path / "out", "--positions", "glyph")
    assert said.code == 2
    assert f"{file}: is ALTO of a version before 4, which has no Glyph: choose --positions word" in said.err
    assert (tmp_path / "out" / "page" / "doc0" / "p0.xml").exists()
    assert not (tmp_path / "out" / "alto" / "doc0" / "p0.xml").exists()


def test_names_of_all_kinds(model: Path, pages: Path, tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "Seite #1 für Jörg")
    folder = pages / "page" / "doc0"
    text = (folder / "p0.xml").read_text("utf-8").replace("p0.png", unicodedata.normalize("NFC", f"{name}.png"))
    (folder / f"{name}.xml").write_text(text.replace('id="l0"', 'id="l#0"'), encoding="utf-8")
    shutil.copy(folder / "p0.png", folder / f"{name}.png")
    predict(model, folder / f"{name}.xml", "--output-dir", tmp_path / "out")
    (written,) = (tmp_path / "out").glob("*.xml")
    assert len(EQUIV.findall(written.read_text("utf-8"))) == 4


def test_all_that_is_wrong_is_said_at_once_and_the_rest_is_written(model: Path, pages: Path, tmp_path: Path) -> None:
    folder, out = pages / "page" / "doc0", tmp_path / "out"
    good = (folder / "p0.xml").read_text("utf-8")
    bad = {
        "cut.xml": good[:600],
        "entity.xml": good.replace("?>", '?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', 1),
        "gone.xml": good.replace("p0.png", "gone.jpg"),
        "line.xml": good.replace("30,70 350,74", "30,70 350,x"),
        "empty.xml": re.sub("<TextRegion.*</TextRegion>", "", good),
        "tei.xml": "<TEI/>",
    }
    for name, text in bad.items():
        (folder / name).write_text(text, encoding="utf-8")
    said = predict(model, folder, "--output-dir", out)
    for row in (
        "cut.xml:1: is not well-formed XML",
        "entity.xml:1: has a DOCTYPE",
        "gone.xml: names the image 'gone.jpg', which is not there",
        "line.xml#l0: has points that are not numbers",
        "4 problems; the files without one were written; --on-error skip leaves out what cannot be read",
        "warning: 1 page without lines, such as",
        "kraken -x -i page.jpg page.xml segment -bl",
        "tei.xml: is neither a PAGE nor an ALTO file",
    ):
        assert row in said.err
    assert said.code == 2
    assert sorted(path.name for path in out.glob("*")) == [".thulium", "p0.xml"]
    assert predict(model, folder, "--output-dir", tmp_path / "some", "--on-error", "skip").code == 0
    assert sorted(path.name for path in (tmp_path / "some").glob("*.xml")) == ["line.xml", "p0.xml"]
    assert len(EQUIV.findall((tmp_path / "some" / "line.xml").read_text("utf-8"))) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="writes below /proc")
def test_a_place_that_holds_no_folder_is_named(model: Path, lines: Path) -> None:
    said = predict(model, lines, "--output-dir", "/proc/nowhere")
    assert said == Said("", "/proc/nowhere/.thulium: no folder can be made there: name another --output-dir", 2)


def test_pages_without_lines_say_what_to_run_first(model: Path, pages: Path, tmp_path: Path) -> None:
    (file,) = (pages / "page").rglob("*.xml")
    file.write_text(re.sub("<TextRegion.*</TextRegion>", "", file.read_text("utf-8")), encoding="utf-8")
    said = predict(model, file)
    assert said.code == 2
    assert f"{file}: has no lines\nno line was found to read: find them first, with kraken" in said.err
    Image.new("L", (1200, 1700), 230).save(tmp_path / "page.png")
    said = predict(model, tmp_path / "page.png")
    assert "has 1200x1700 pixels, as a page has, and its lines are not known: find them first, with kraken" in said.err


def test_models_that_are_none(model: Path, lines: Path, tmp_path: Path) -> None:
    (tmp_path / "none.safetensors").write_text("a text")
    (tmp_path / "cut.safetensors").write_bytes(model.read_bytes()[:50_000])
    with safe_open(model, framework="pt") as file:
        header = json.loads(file.metadata()["thulium"]) | {"format": 99}
    save_file(load_file(model), tmp_path / "later.safetensors", {"thulium": json.dumps(header)})
    for name, what in {
        "none.safetensors": "is damaged or not a safetensors file",
        "cut.safetensors": "is damaged or not a safetensors file",
        "later.safetensors": "has format 99, this version reads",
        "gone.safetensors": "no such checkpoint",
        "lines": "holds no best.safetensors, and neither does",
    }.items():
        said = predict(tmp_path / name, lines)
        assert (said.code, what in said.err, said.out) == (2, True, "")


def test_the_folder_that_publish_writes_is_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with model_file.model_file(str(tmp_path)) as path:
        assert path == tmp_path / "model.safetensors"


def test_what_does_not_go_together_is_refused(model: Path, lines: Path, pages: Path, tmp_path: Path) -> None:
    image = lines / "a.png"
    for words, what in (
        ((image, "--format", "page"), "--format page writes a file for each page: add --output-dir DIR"),
        ((image, "--format", "alto", "--output-dir", tmp_path / "x"), "is line images, which have no page"),
        ((image, "--replace"), "--replace and --alternative are about texts in PAGE and ALTO"),
        ((image, "--positions", "word"), "--positions is about words in PAGE and ALTO: add --output-dir DIR"),
        ((pages, "--positions", "word", "--format", "txt"), "--positions: txt has no place for them: choose --format"),
        ((pages, "--positions", "word", "--format", "csv"), "--positions: csv has no place for them: choose --format"),
        ((pages, "--positions", "word", "--format", "json"), "json has the start and end of each character already"),
        ((image, "--positions", "word", "--output-dir", tmp_path / "x"), "have no page: leave --positions out"),
        (
            (pages, "--positions", "word", "--alternative", "--output-dir", tmp_path / "x"),
            "has no words of its own: leave out --alternative",
        ),
        (("",), "MODEL or an INPUT is an empty text"),
        ((image, "--alpha", "1"), "--alpha: for beam search only: add --decoding beam"),
        ((lines, "--output-dir", lines), "is a folder that is read from: name another --output-dir"),
        ((lines / "gone", lines / "no"), "gone: there is no such file or folder"),
        ((image, "--decoding", "beam", "--language-model", "gone.arpa"), "gone.arpa: cannot be read"),
        ((lines / "b", shutil.copytree(lines / "b", pages / "b")), "what is read in them would be called b for each"),
    ):
        said = predict(model, *words)
        assert (said.code, what in said.err) == (2, True), said.err
    assert predict(model, image, "--decoding", "beam", "--beam-size", "4").code == 0


def test_the_commands_of_the_guide(
    model: Path, lines: Path, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (lab.CHECKOUT / "docs" / "guides" / "transcribe.md").read_text(encoding="utf-8")
    shutil.copy(model, tmp_path / "best.safetensors")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"(?m)^\$ thulium predict ((?:best\.safetensors|\.) .*)$", guide)
    assert len(commands) == 13
    for words in commands:
        assert predict(*words.partition(" > ")[0].split()).code == 0, words  # what goes into a file is the shell's


def test_a_full_disk_leaves_whole_files(
    model: Path, pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thulium.runtime import ledger

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ledger.os, "fsync", full)
        said = predict(model, pages, "--output-dir", tmp_path / "out")
    assert "the disk is full; the files that were written are whole: make room, and run the same command" in said.err
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
    assert predict(model, pages, "--output-dir", tmp_path / "out").code == 0


def test_an_interrupted_command_goes_on_where_it_was(model: Path, pages: Path, tmp_path: Path, run: lab.Shell) -> None:
    for number in range(1, 80):
        shutil.copytree(pages / "page" / "doc0", pages / f"p{number}")
    out = tmp_path / "out"
    process = run.start("thulium", "predict", model, pages, "--output-dir", out, cwd=tmp_path)
    while process.poll() is None and len(list(out.rglob("*.xml"))) < 3:
        pass
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")
    there = {path for path in out.rglob("*") if path.is_file() and path.parent.name != ".thulium"}
    assert 0 < len(there) < 81
    assert all(path.read_text("utf-8").endswith("</PcGts>") or "alto" in str(path) for path in there)
    said = predict(model, pages, "--output-dir", out)
    assert f"{len(there)} files of {out}, made of the same, were there already\nwrote {81 - len(there)} " in said.err


def test_the_model_of_a_revision_and_of_an_experiment(
    model: Path, lines: Path, tmp_path: Path, run: lab.Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "trained").mkdir(parents=True)
    (project / "params.yaml").write_text("checkpointing: {save_dir: trained}\n")
    shutil.copy(model, project / "trained" / "best.safetensors")
    run("git", "init", "--quiet", cwd=project)
    run("dvc", "init", "--quiet", cwd=project)
    run("dvc", "add", "--quiet", "trained", cwd=project)
    lab.commit(project, run)
    changed = Recogniser.load(model).model
    changed.decoder.classify.bias.data.neg_()
    save_model(changed, project / "trained" / "best.safetensors")
    run("dvc", "commit", "--quiet", "--force", cwd=project)
    run("dvc", "exp", "save", "--name", "steep", cwd=project)
    monkeypatch.chdir(project)
    for name, value in run.variables.items():
        monkeypatch.setenv(name, value)
    before, after = predict(model, lines).out, predict(".", lines).out
    assert before != after
    assert predict("steep", lines).out == after
    shutil.rmtree(project / ".dvc" / "cache")
    shutil.rmtree(project / "trained")
    said = predict("HEAD", lines).err
    assert "HEAD: its model, trained/best.safetensors, is not in DVC's cache here" in said
    assert "help: `dvc pull` brings the models of this revision" in said
    assert (
        "trained/best.safetensors: is not here, only trained.dvc is, which stands for it: run dvc pull"
        in predict(".", lines).err
    )


def test_a_broken_file_costs_no_other_page(model: Path, pages: Path, tmp_path: Path) -> None:
    (pages / "page" / "z.xml").write_bytes(b"")
    said = predict(model, pages / "page", "--output-dir", tmp_path / "out")
    assert said.code == 2
    assert f"{pages}/page/z.xml:1: is not well-formed XML" in said.err
    assert said.err.splitlines()[-1].startswith("1 problem; the files without one were written;")
    assert [path.name for path in (tmp_path / "out").rglob("*.xml")] == ["p0.xml"]


def test_what_it_wrote_below_a_folder_is_not_read_again(model: Path, pages: Path, tmp_path: Path) -> None:
    folder = pages / "page"
    assert predict(model, folder, "--output-dir", folder / "read").code == 0
    rows = predict(model, folder)
    assert len(rows.out.splitlines()) == 4
    assert f"warning: {folder}/read: holds what `thulium predict` wrote, and is left out" in rows.err
    again = predict(model, folder, "--output-dir", tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").name for path in (tmp_path / "out").rglob("*.xml")] == ["p0.xml"]
    assert again.code == 0
    assert "left out" not in predict(model, folder, "--output-dir", folder / "read").err
    assert "p0.xml: names the image" in predict(model, folder / "read").err  # named itself, it is read


def test_a_folder_with_labels_is_called_no_split(model: Path, tmp_path: Path) -> None:
    lab.write_lines_folder(tmp_path / "val", ["Anno 1742"])
    (row,) = [json.loads(row) for row in predict(model, tmp_path / "val", "--format", "json").out.splitlines()]
    assert row["page"] == row["id"]


def test_alternatives_that_have_no_place_are_explained(model: Path, tmp_path: Path) -> None:
    lab_data.write_pages(tmp_path / "alto", "alto", pages=1)
    said = predict(model, tmp_path / "alto", "--output-dir", tmp_path / "out", "--alternative").err
    assert "a second reading has a place only in PAGE files that stay PAGE: --replace writes over it" in said
