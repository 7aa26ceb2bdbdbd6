"""The evaluation page and the plots: whole, self-contained, the same each time, and right about what went wrong."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

from thulium.evaluation.groups import groupings
from thulium.evaluation.intervals import cer_interval
from thulium.evaluation.metrics import LineResult, Scores, score
from thulium.evaluation.plots import MOST_PAIRS, confusion_counts, write_confusions
from thulium.evaluation.report import Evaluation, diff, percent, typical_lines, worst_first, write_report
from thulium.runtime.svg import Series, agreement_chart, line_chart

HOSTILE = "Müller <b>&\" '</b>"
TEXTS = (
    (HOSTILE, "Muller <i>&amp;"),
    ("the quick brown fox", "the quick brown fox"),
    ("jumps over the lazy dog", "jumps ouer the lazy dog"),
    ("ten pounds and six", "ten pound and six"),
    ("Anno Domini 1648", "Ano Domini 1648"),
    ("a", "a"),
    ("bedstead 19s. 6d.", "bedstead 19s. 6d."),
    ("Frau Eberle, glue", "Fran Eberle glue"),
    ("In a damaged chest", ""),
    ("received with thanks", "received withthanks"),
    ("of smallpox", "of smallpox"),
    ("Paid Herr Haller for ringing", "Paid Herr Haller for ringing"),
)


def results() -> tuple[LineResult, ...]:
    return tuple(LineResult(f"line-{i:02}", f"page-{i // 3}", *texts) for i, texts in enumerate(TEXTS))


def png(line_id: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (40, 8), color=int(line_id[-2:]) * 10).save(buffer, "PNG")
    return buffer.getvalue()


def history(num_epochs: int) -> list[dict[str, float]]:
    untrained = {"epoch": 0.0, "val_loss": 9.0, "val_cer": 1.02, "val_wer": 1.0}
    later = [
        {"epoch": float(e), "train_loss": 3 / e, "val_loss": 4 / e, "val_cer": 0.9 / e, "val_wer": 1 / e}
        for e in range(1, num_epochs + 1)
    ]
    return [untrained, *later]


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation(
        split="test",
        judged="best checkpoint",
        epoch=5,
        results=results(),
        scores=score(results()),
        cer_interval=cer_interval(results()),
        groupings=groupings(results(), {}, {}),
        history=history(5),
        worst_lines=20,
        png=png,
        facts={"model": "resnet → bilstm", "lr": 0.001, "data <digest>": "41c7"},
    )


def page(evaluation: Evaluation, folder: Path) -> str:
    write_report(evaluation, folder / "reports" / "evaluation.html")
    assert [path.name for path in (folder / "reports").iterdir()] == ["evaluation.html"]
    return (folder / "reports" / "evaluation.html").read_text(encoding="utf-8")


def test_confidences_are_drawn_against_what_is_right(evaluation, tmp_path):
    lines = tuple(LineResult(f"line-{n:02}", "p", "abcd", "abc" + "dx"[n < 10], 0.6 + n / 100) for n in range(20))
    sure = replace(evaluation, results=lines, is_calibrated=True)
    found = page(sure, tmp_path)
    assert "Calibrated on the validation lines." in found
    assert 'aria-label="Share that is right"' in found
    assert re.search(r"<td[^>]*>0.645</td><td[^>]*>0.750</td><td[^>]*>10</td>", found)
    assert "(ECE) of lines 0.180, of characters –." in found
    assert "No line has a confidence." in page(evaluation, tmp_path)


@pytest.mark.parametrize("lowest", [0.0, 0.003, 0.21, 0.5, 0.93, 0.999, 1.0])
def test_both_axes_of_an_agreement_end_at_one_and_hold_all_values(lowest):
    chart = agreement_chart([Series("lines", ((lowest, 1.0), (1.0, 1.0)))], title="t", x_title="x")
    places = [float(x) for x in re.findall(r'class="dot s0" d="M([\d.]+) ', chart)]
    assert min(places) >= 58
    assert max(places) == 506
    assert not agreement_chart([], title="t", x_title="x")


def pairs_of(*texts: tuple[str, str]) -> list[LineResult]:
    return [LineResult(str(i), "p", *pair) for i, pair in enumerate(texts)]


def test_the_page_needs_nothing_from_outside(evaluation: Evaluation, tmp_path: Path) -> None:
    text = page(evaluation, tmp_path)
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert links
    assert {link.split(",")[0] if link.startswith("data:") else link[0] for link in links} == {
        "data:image/png;base64",
        "#",
    }
    assert not re.search(r"url\(|@import|<script[^>]|<link|https?:", text)


def test_the_page_runs_its_own_script_and_no_other(evaluation: Evaluation, tmp_path: Path) -> None:
    hostile = replace(evaluation, results=tuple(pairs_of(("<script>alert(1)</script>", "</script>"))))
    text = page(hostile, tmp_path)
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of the table behind a heading, its head first."""
    table = text.split(heading, 1)[1].split("</table>")[0]
    return [
        [unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", table, flags=re.DOTALL)
    ]


def test_errors_are_shown_by_page_and_by_length(evaluation: Evaluation, tmp_path: Path) -> None:
    text = page(evaluation, tmp_path)
    head, *rows = rows_of(text, 'id="by-page"')
    assert head == ["page", "CER", "edits", "characters", "lines", "without an error", "WER"]
    assert rows[0] == ["page-2 few lines", "38.5%", "20", "52", "3", "33.3%", "60.0%"]
    edits = [int(row[2]) for row in rows]
    assert edits == sorted(edits, reverse=True)
    assert sum(edits) == 33
    lengths = [row[0] for row in rows_of(text, 'id="by-length"')[1:]]
    assert lengths == ["1–10 few lines", "11–20 few lines", "21–30 few lines"]
    assert "by-script" not in text  # there is one


def test_each_character_is_shown_the_most_wrong_ones_first(evaluation: Evaluation, tmp_path: Path) -> None:
    lines = pairs_of(("cat", "cot"), ("hat", "ht"), ("e\u0301<", "e"), ("a", "a"))
    text = page(replace(evaluation, results=tuple(lines)), tmp_path)
    head, *rows = rows_of(text, 'id="alphabet"')
    assert head == ["character", "seen", "right", "share right", "errors", "made up", "mistaken for", "name"]
    assert rows[0] == ["a", "3", "1", "33.3%", "2", "0", "o\xa01 ∅\xa01", "latin small letter a"]
    assert ["◌\u0301", "1", "0", "0.0%", "1", "0", "∅\xa01", "combining acute accent"] in rows
    assert '<td class="symbol" title="U+003C less-than sign"><bdi>&lt;</bdi></td>' in text


def test_a_long_table_says_what_it_leaves_out(evaluation: Evaluation, tmp_path: Path) -> None:
    lines = [LineResult(f"{n}-{side}1", f"vol/p{n}", "ab", "ab") for n in range(1234) for side in "12"]
    text = page(replace(evaluation, results=tuple(lines), groupings=groupings(lines, {}, {})), tmp_path)
    assert "200 of 1,234; all stand in <code>plots/cer_by_page.csv</code>." in text
    assert len(rows_of(text, 'id="by-page"')) == 201


def test_every_worst_line_is_there_with_its_image_and_its_text(evaluation: Evaluation, tmp_path: Path) -> None:
    text = page(evaluation, tmp_path)
    shown = [unescape(re.sub(r"<[^>]*>", "", part)) for part in re.findall(r"<samp dir[^>]*>(.*?)</samp>", text)]
    bare = [part.replace("␣", "").replace(" ", "") for part in shown]
    worst = worst_first(evaluation.results)
    assert len(worst) == 7
    for result in worst:
        assert base64.b64encode(png(result.id)).decode() in text
        assert result.transcription.replace(" ", "") in bare
        assert result.prediction.replace(" ", "") in bare


def test_text_from_the_data_is_escaped(evaluation: Evaluation, tmp_path: Path) -> None:
    right = replace(evaluation, results=tuple(pairs_of((HOSTILE, HOSTILE))))
    assert "Müller &lt;b&gt;&amp;&#34; &#39;&lt;/b&gt;" in page(right, tmp_path)
    text = page(evaluation, tmp_path)
    assert "data &lt;digest&gt;" in text
    assert "&lt;</mark>" in text or "&lt;<mark>" in text
    assert not {"<b>&", "<i>&amp;amp", "<digest>"} & set(re.findall(r"<b>&|<i>&amp;amp|<digest>", text))


def test_the_same_evaluation_gives_the_same_bytes(evaluation: Evaluation, tmp_path: Path) -> None:
    assert page(evaluation, tmp_path / "a") == page(evaluation, tmp_path / "b")


def test_the_numbers_are_on_top(evaluation: Evaluation, tmp_path: Path) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page(evaluation, tmp_path).split("<nav")[0]))
    assert f"Character error rate (CER) {percent(evaluation.scores.cer)} 95% interval" in text
    assert re.search(r", over \d pages 33 edits in", text)
    assert "33 edits in 206 characters" in text
    assert "Lines without an error 41.7% 5 of 12 lines" in text
    assert "CER on validation lines 102.0% → 18.0% before training → epoch 5" in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"worst_lines": 0}, "asks for none to be shown"),
        ({"history": history(0), "epoch": 0}, 'class="chart"'),
        ({"history": []}, "plots/history.csv"),
        ({"history": [], "epoch": None, "judged": "model x.safetensors"}, "The model x.safetensors read 12 lines"),
        ({"epoch": None}, "102.0% →</span> –"),
        ({"unfit": ("line-03",)}, "more text than the model has frames, so that they cannot be read right; they count"),
        ({"history": [{"epoch": 0.0, "val_loss": math.nan, "val_cer": math.nan}]}, "No epochs were recorded"),
        ({"scores": Scores(math.nan, math.nan, math.nan), "cer_interval": cer_interval([])}, "– CER on test"),
        ({"results": tuple(pairs_of(("a b", "a b"), ("c", "c")))}, "No line has an error"),
        ({"results": ()}, "No line was read"),
        ({"results": tuple(pairs_of(("", "x"), ("", "")))}, "CER –"),
        ({"facts": {}}, "What was measured"),
    ],
)
def test_the_page_is_made_of_little(
    evaluation: Evaluation, tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    text = page(replace(evaluation, **changes), tmp_path)
    assert says in text
    assert "nan" not in re.sub(r"<style>.*?</style>|base64,[^\"]*", "", text, flags=re.DOTALL)


def test_worst_lines_go_by_edits_then_by_rate() -> None:
    lines = pairs_of(("abcd", "abxx"), ("ab", "xx"), ("abcdef", "xxxdef"), ("same", "same"), ("", "xx"))
    assert [result.id for result in worst_first(lines)] == ["2", "4", "1", "0"]


def test_typical_lines_are_of_the_middle_half_and_not_shown_before() -> None:
    lines = pairs_of(*(("a" * 20, "a" * (20 - i)) for i in range(20)))
    typical = typical_lines(lines, without=lines[5:10])
    assert typical == typical_lines(lines[::-1], without=lines[5:10])
    assert [int(result.id) for result in typical] == sorted(int(result.id) for result in typical)
    assert {int(result.id) for result in typical} == {10, 11, 12, 13, 14}


def test_a_diff_marks_what_differs_and_keeps_both_in_step() -> None:
    assert tuple(map(str, diff("a cat<", "a bat"))) == (
        "a <mark>c</mark>at<del>&lt;</del>",
        "a <mark>b</mark>at<i> </i>",
    )
    assert tuple(map(str, diff("ab", "a b"))) == ("a<i> </i>b", "a<ins>␣</ins>b")
    assert tuple(map(str, diff("e\u0301", "e"))) == ("e<del>◌\u0301</del>", "e<i>  </i>")


def test_confusions_are_counted() -> None:
    lines = pairs_of(("cat", "cot"), ("hat", "hot"), ("a b", "ab"), ("ab", "abs"), ("same", "same"), ("x\u200dy", "xy"))
    assert confusion_counts(lines) == [
        ("a", "o", 2),
        ("U+200D", "∅", 1),
        ("∅", "s", 1),
        ("␣", "∅", 1),
    ]


def test_confusions_for_dvc_repeat_each_error(tmp_path: Path) -> None:
    write_confusions(
        pairs_of(("cat", "cot"), ("hat", "hot"), ("a, b", "a b"), ("q", 'q"')), tmp_path / "plots" / "c.csv"
    )
    assert (tmp_path / "plots" / "c.csv").read_bytes() == 'actual,predicted\na,o\na,o\n",",∅\n∅,""""\n'.encode()


def test_only_the_most_frequent_pairs_are_kept(tmp_path: Path) -> None:
    rare = [(chr(0x4E00 + i), "x") for i in range(60)]
    write_confusions(pairs_of(*rare, ("e", "c"), ("e", "c")), tmp_path / "c.csv")
    rows = (tmp_path / "c.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1:4] == ["e,c", "e,c", "一,x"]
    assert len(rows) == 1 + 2 + MOST_PAIRS - 1


def test_no_errors_leave_only_the_header(tmp_path: Path) -> None:
    write_confusions([], tmp_path / "c.csv")
    assert (tmp_path / "c.csv").read_text() == "actual,predicted\n"


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0.3, 1.02), ["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2"]),
        ((0.12, 9.0), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]),
        ((0.0001, 50.0), ["0.0001", "0.001", "0.01", "0.1", "1", "10", "100"]),
        ((0.0, 0.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        ((math.nan, 3.0), ["0", "0.5", "1", "1.5", "2", "2.5", "3"]),
    ],
)
def test_a_chart_has_round_ticks_around_its_values(values: tuple[float, ...], ticks: list[str]) -> None:
    chart = line_chart([Series("a & b", tuple(enumerate(values)))], title="t", x_title="")
    upright = re.findall(r'x="50\.0" y="[\d.]+" class="end">([^<]*)<', chart)
    assert upright == ticks
    assert "a &amp; b" in chart
    assert all(0 <= float(number) <= 520 for number in re.findall(r"[ML ]([\d.]+)", chart.split('class="dot')[1]))
