"""``thulium compare`` and ``thulium score`` as people run them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import lab
import lab_data
import pytest
from lab_commands import call, refusal

pytest.importorskip("torch")

from thulium.runtime.tables import write_table

TEXT = "a b " * 4 + "a bc"
HEADER = ("id", "page", "transcription", "prediction", "edits", "characters")


def table(path: Path, wrong: int, pages: int = 8) -> Path:
    """Readings of 24 lines in which so many characters of each are misread, one more on every second page."""
    rows = []
    for page in range(pages):
        for line in range(3):
            bad = wrong + page % 2
            rows.append((f"p{page}/l{line}", f"p{page}", TEXT, "x" * bad + TEXT[bad:], bad, 20))
    write_table(path, HEADER, rows)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a" / "predictions.csv", 6)
    table(tmp_path / "b" / "predictions.csv", 3)
    return tmp_path


def test_two_folders_are_compared(here: Path) -> None:
    out = call("compare", "a", "b").output
    assert re.search(r"^b +17\.5% .* best$", out, re.MULTILINE)
    assert re.search(r"^a +32\.5% .* \+15\.00 \(\+15\.00 to \+15\.00\)$", out, re.MULTILINE)
    assert "CER: b is better: 15.00 points, 15.00 to 15.00; on these 8 pages" in out
    assert "b reads 24 lines better, 0 worse and 0 equally well" in out
    assert "comparison" not in out
    assert not (here / ".thulium").exists()


def test_comparisons_on_the_same_lines_are_counted_in_a_project(here: Path) -> None:
    (here / ".dvc").mkdir()
    assert "comparison" not in call("compare", "a", "b").output
    assert "different comparisons" not in call("compare", "b", "a", "--html", "page.html").output  # the same one
    assert "different comparisons" not in (here / "page.html").read_text("utf-8")
    table(here / "e" / "predictions.csv", 2)
    for _ in range(2):
        assert "2 different comparisons were made on these lines here" in call("compare", "a", "e").output
    table(here / "c" / "predictions.csv", 2, pages=7)
    table(here / "d" / "predictions.csv", 3, pages=7)
    assert "comparison" not in call("compare", "c", "d").output


def test_comparisons_that_an_earlier_version_counted_stay_counted(here: Path) -> None:
    (here / ".dvc").mkdir()
    call("compare", "a", "b")
    counted = here / ".thulium" / "looks.json"
    (lines,) = json.loads(counted.read_text("utf-8"))
    counted.write_text(json.dumps({lines: 4, "of others": ["x", None], "damaged": None}))
    assert "5 different comparisons were made" in call("compare", "a", "b").output


def test_a_comparison_that_cannot_be_counted_is_made_and_says_so(here: Path) -> None:
    (here / ".dvc").mkdir()
    (here / ".thulium").write_text("in the way")
    done = call("compare", "a", "b")
    assert "CER: b is better" in done.stdout
    assert "note: this comparison was not counted: " in done.stderr


def test_a_name_with_a_line_break_stays_on_its_row(here: Path) -> None:
    table(here / "c\nd" / "predictions.csv", 2)
    out = call("compare", "a", "c\nd").output
    assert "c\nd" not in out
    assert "a " in out.splitlines()[2]


def test_the_comparison_is_there_for_programs_and_for_pages(here: Path) -> None:
    shown = json.loads(call("compare", "a", "b", "--json").output)
    assert [each["name"] for each in shown["models"]] == ["a", "b"]
    assert shown["differences"][0]["value"] == pytest.approx(-0.15)
    assert shown["differences"][0]["is_told"] is True
    markdown = call("compare", "a", "b", "--md").output
    assert markdown.startswith("|  | CER | WER |")
    assert "- CER: b is better" in markdown
    assert "choose one" in refusal("compare", "a", "b", "--md", "--json")


def test_the_page_shows_the_lines_that_changed(here: Path) -> None:
    done = call("compare", "a", "b", "--html", "c.html")
    assert "the page has no pictures of the lines" in done.stderr
    page = (here / "c.html").read_text(encoding="utf-8")
    assert page.count("<figure") == 24
    assert not re.search(r"url\(|@import|<script[^>]|<link|https?:", page)
    (here / "mine.html").write_text("notes")
    assert "was not written by `thulium compare`" in refusal("compare", "a", "b", "--html", "mine.html")


def test_what_cannot_be_compared_is_refused(here: Path) -> None:
    assert "is named twice" in refusal("compare", "a", "a")
    (here / "a" / "metrics.json").write_text("{}")
    assert "name the predictions.csv that lies beside it" in refusal("compare", "a/metrics.json", "b")
    assert "no such file or folder, and this is no DVC project" in refusal("compare", "a", "nothing")
    assert "workspace: holds no predictions.csv" in refusal("compare", "a")
    table(here / "c" / "predictions.csv", 2, pages=7)
    assert "a has 3 that others lack, such as p7/l0" in refusal("compare", "a", "c")
    assert "left out: a has 3" in call("compare", "a", "c", "--common").output
    write_table(here / "d.csv", HEADER, [("x", "p", "a", "a", 0, 1)] * 2)
    assert "row 3: line 'x' stands there twice" in refusal("compare", "a", "d.csv")
    (here / "e.csv").write_text("id,page\n")
    said = refusal("compare", "a", "e.csv")
    assert (
        "e.csv: has no column 'transcription': make it anew; from what another program has read, `thulium score" in said
    )


@pytest.mark.slow
def test_revisions_are_compared_with_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = lab.Shell(lab.environment(tmp_path))
    project = tmp_path / "project"
    project.mkdir()
    shell("git", "init", "-q", cwd=project)
    shell("dvc", "init", "-q", cwd=project)
    commit = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")
    shell(*commit, cwd=project)
    early = shell("thulium", "compare", "HEAD", "nowhere.csv", cwd=project, code=2)
    assert "HEAD: no results are committed there, only what is before them\n  help: after `dvc repro`" in early.stderr
    table(project / "predictions.csv", 6)
    shell("dvc", "add", "-q", "predictions.csv", cwd=project)
    shell("git", "add", ".", cwd=project)
    shell(*commit, cwd=project)
    table(project / "predictions.csv", 3)
    done = shell("thulium", "compare", cwd=project)
    assert "CER: workspace is better: 15.00 points" in done.stdout
    unknown = shell("thulium", "compare", "nowhere", cwd=project, code=2)
    assert "nowhere: no such file or folder, and no revision or experiment whose predictions.csv" in unknown.stderr


# What other programs write -> how its lines are named.
WRITTEN = {
    "t.jsonl": '{"id": "a", "text": "Anno 1742"}\n{"id": "b", "text": "den 3 May"}\n',
    "t.json": '{"a": "Anno 1742", "b": "den 3 May"}',
    "l.json": '{"lines": [{"image": "a.png", "transcription": "Anno 1742"}, {"image": "b.png", "text": "den 3 May"}]}',
    "t.csv": "id,text\na,Anno 1742\nb,den 3 May\n",
    "t.txt": "a\tAnno 1742\nb\tden 3 May\n",
    "a spreadsheet's.csv": "\ufeffid,text\na,Anno 1742\nb,den 3 May\n",
    "metadata.csv": "file_name,text\nimages/a.png,Anno 1742\nimages/b.png,den 3 May\n",
    "metadata.jsonl": '{"file_name": "a.png", "text": "Anno 1742"}\n{"file_name": "b.png", "text": "den 3 May"}\n',
    "semicolons.csv": "\ufeffFile_Name;Text;\r\na.png;Anno 1742;\r\nb.png;den 3 May;\r\n;;\r\n;;\r\n",
    "says its sign.csv": "sep=;\r\npath;gt\r\na.png;Anno 1742\r\nb.png;den 3 May\r\n",
    "tabs.csv": "filename\ttranscript\na.png\tAnno 1742\nb.png\tden 3 May\n",
    "head.tsv": 'file_name\ttext\na.png\tAnno 1742\nb.png\t"den 3 May"\n',
    "three columns.tsv": "text\timage_name\tconfidence\nAnno 1742\ta.png\t0.9\nden 3 May\tb.png\t0.8\n",
    "unicode text.txt": '"file_name"\t"text"\na.png\tAnno 1742\nb.png\tden 3 May\n',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_texts_of_other_programs_are_scored(name: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a.png Anno 1742\nb.png den 3. May\n")
    (tmp_path / name).write_text(WRITTEN[name])
    shown = json.loads(call("score", tmp_path / "labels.txt", tmp_path / name, "--json").output)
    assert shown["lines"] == 2
    assert shown["rates"]["strict"]["cer"] == pytest.approx(1 / 19)
    assert shown["rates"]["punctuation"]["cer"] == 0


def test_a_folder_of_text_files_and_pages_are_scored(tmp_path: Path) -> None:
    for kind in ("page", "alto"):
        lab_data.write_pages(tmp_path / kind, kind, pages=2)
    shown = json.loads(call("score", tmp_path / "page", tmp_path / "alto", "--json").output)
    assert shown["lines"] == 2 * len(lab_data.PAGE_TEXTS)
    assert shown["matched_by"] == "their names"
    for file, text in (("a.gt.txt", "Anno"), ("a.pred.txt", "Amo"), ("b.gt.txt", "May"), ("b.pred.txt", "May")):
        (tmp_path / file.split(".")[1]).mkdir(exist_ok=True)
        (tmp_path / file.split(".")[1] / file).write_text(f"{text}\n")
    shown = json.loads(call("score", tmp_path / "gt", tmp_path / "pred", "--json").output)
    assert shown["rates"]["as_they_are"]["cer"] == pytest.approx(2 / 7)


def test_what_is_passed_over_is_declared_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": "Été", "b": "ſal “œuf”"}))
    (tmp_path / "b.json").write_text(json.dumps({"a": "ete", "b": 'sal "oeuf"'}))
    out = call("score", tmp_path / "a.json", tmp_path / "b.json", "--relax", "case,diacritics,long_s,quotes,ligatures")
    assert re.search(r"^all that were declared +0\.0% ", out.output, re.MULTILINE)
    assert "* declared: case, diacritics, long_s, quotes, ligatures" in out.output
    assert "--relax cases: is no relaxation; there are ligatures" in refusal(
        "score", tmp_path / "a.json", tmp_path / "b.json", "--relax", "cases"
    )


def test_lines_that_were_not_read_are_never_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": "abcd", "b": "efgh"}))
    (tmp_path / "b.json").write_text(json.dumps({"a": "abcd", "c": "x"}))
    said = refusal("score", tmp_path / "a.json", tmp_path / "b.json")
    assert "1 line of the reference were not read, such as b" not in said
    assert "1 line of the reference was not read, such as b" in said
    assert "1 line that was read has no reference, such as c" in said
    out = call("score", tmp_path / "a.json", tmp_path / "b.json", "--common").output
    assert "1 line, matched by" in out
    (tmp_path / "b.json").write_text(json.dumps({"a": "abcd"}))
    shown = json.loads(call("score", tmp_path / "a.json", tmp_path / "b.json", "--unread-is-empty", "--json").output)
    assert shown["rates"]["as_they_are"]["cer"] == 0.5


BAD = {
    "none.json": ("{", "is no JSON"),
    "list.json": ("[1]", "should hold a list of {id, text}"),
    "names.csv": ("bild;inhalt\na;x\n", "(id, line_id, image, file, name, file_name, "),
    "other names.csv": ("bild;inhalt\na;x\n", "names.csv:2: has no key or column for a name"),
    "texts.csv": ("id;inhalt\na;x\n", "rename one; there are 'id', 'inhalt'"),
    "two.csv": ("Name,NAME,text\na,a,x\n", "two.csv:2: has no key or column for a name"),
    "unquoted.csv": (
        "sep=;\nid;text\n\na;x;y\n",
        "unquoted.csv:4: has 3 cells, its head has 2, with semicolons between them: put a text that has some in quotes",
    ),
    "quotes.tsv": ('id\ttext\na\t"x" he said\n', "quotes.tsv:2: is no CSV file from here on ("),
    "empty.csv": ("id,text\n", "holds no texts; it should be"),
    "twice.json": ('[{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]', "the line 'a' stands there twice"),
    "number.json": ('{"a": 3}', "its text is no text"),
    "metrics.json": ('{"cer": 0.1, "measured": {}}', "figures of an evaluation, not texts: name predictions.csv"),
    "x.docx": ("x", "is none of what can be scored"),
    "key.json": ('{"a": "x", "a": "abcd"}', "is no JSON (the key 'a' stands twice"),
    "half.json": ('{"a": "abc\\ud800"}', "has half a character"),
    "columns.tsv": ("a\tabcd\t0.97\n", "columns.tsv:1: has 3 columns"),
    "other.json": ('{"zz": "x"}', "no line of one has a name of the other"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_text_of_lines_is_named(name: str, tmp_path: Path) -> None:
    content, said = BAD[name]
    (tmp_path / "a.json").write_text(json.dumps({"a": "abcd"}))
    (tmp_path / name).write_text(content)
    assert said in refusal("score", tmp_path / "a.json", tmp_path / name)


def test_a_scored_foreign_program_stands_in_the_table_of_models(here: Path) -> None:
    rows = [{"id": f"p{page}/l{line}", "text": TEXT} for page in range(8) for line in range(3)]
    (here / "other.json").write_text(json.dumps(rows))
    call("score", "a/predictions.csv", "other.json", "--output", "other.csv")
    out = call("compare", "a", "b", "other.csv", "--common").output
    assert re.search(r"^other.csv +0\.0% .* best$", out, re.MULTILINE)


def test_a_line_may_be_longer_than_a_cell_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\tabcd\n")
    (tmp_path / "b.txt").write_text(f"a\tabcd{' ' * 150_000}\n")
    shown = json.loads(call("score", tmp_path / "a.txt", tmp_path / "b.txt", "--json").output)
    assert shown["rates"]["strict"]["cer"] == 0


def test_a_score_replaces_neither_what_is_scored_nor_what_evaluate_wrote(here: Path) -> None:
    own = here / "predictions.csv"
    write_table(own, (*HEADER, "confidence", "image"), [("l", "p", TEXT, TEXT, 0, 20, 0.9, "x")])
    before = own.read_bytes()
    assert "was not written by `thulium score`" in refusal("score", "a", "b", "--output", own)
    assert "is what is scored" in refusal("score", own, own, "--output", "a/../predictions.csv")
    assert own.read_bytes() == before
    call("score", "a", "b", "--output", "ours.csv")
    assert call("score", "a", "b", "--output", "ours.csv").exit_code == 0


def test_another_table_beside_the_figures_of_the_own_model_is_not_said_to_be_measured_as_that(here: Path) -> None:
    (here / "a" / "metrics.json").write_text(json.dumps({"measured": {"decoding": "beam"}}))
    table(here / "a" / "kraken.csv", 4)
    out = call("compare", "a", "a/kraken.csv").output
    assert "what differs besides: perhaps decoding, which are not known of a/kraken.csv" in out


def test_one_page_alone_is_called_one_page(here: Path) -> None:
    out = call("compare", table(here / "one.csv", 6, pages=1), table(here / "two.csv", 3, pages=1)).output
    assert "all lines are of one page: the intervals say nothing of other pages" in out
    assert "no pages are known" not in out


def test_the_name_of_a_table_is_no_markup_in_markdown(here: Path) -> None:
    out = call("compare", "a", table(here / "<b>|.csv", 3), "--md").output
    assert "&lt;b>\\|.csv" in out
    assert "<b>" not in out


def test_a_page_of_other_origin_is_refused_by_the_name_of_its_option(here: Path) -> None:
    (here / "mine.html").write_text("x")
    said = refusal("compare", "a", "b", "--html", "mine.html")
    assert "name another file with --html" in said
    assert (here / "mine.html").read_text() == "x"
